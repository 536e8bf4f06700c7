"""The PayPal stand-in's objects, shaped as PayPal's OpenAPI descriptions have them."""

from datetime import UTC, datetime
from typing import Any

from kassa.domain.money import as_decimal, exponent
from kassa.sandbox.books import Charge, Refund, Session

Json = dict[str, Any]
# No decimals of these are taken.
WHOLE = frozenset({"HUF", "JPY", "TWD"})
_REFUNDS = {"processed": "COMPLETED", "pending": "PENDING", "failed": "FAILED"}


def money(amount: int, currency: str) -> Json:
    """An amount as PayPal writes it."""
    whole = str(amount // 10 ** exponent(currency))
    return {"currency_code": currency, "value": whole if currency in WHOLE else as_decimal(amount, currency)}


def moment(at_s: int) -> str:
    """A time as PayPal writes it."""
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%dT%H:%M:%SZ}"


def status_of(session: Session) -> str:
    """An order's status: it is complete once it was captured, whatever became of the money."""
    if session.state == "open":
        return "APPROVED" if session.details["approval"] else "PAYER_ACTION_REQUIRED"
    return "VOIDED" if session.state == "expired" else "COMPLETED"


def order_object(session: Session, base_url: str) -> Json:
    """An order."""
    asked, url = session.details["asked"], f"{base_url}/v2/checkout/orders/{session.ref}"
    unit = dict(asked["purchase_units"][0])
    payments: Json = {}
    if (capture := capture_object(session, base_url)) is not None:
        payments["captures"] = [capture]
    if session.charge and session.charge.refunds:
        payments["refunds"] = [refund_object(session, session.charge, one, base_url) for one in session.charge.refunds]
    if payments:
        unit["payments"] = payments
    made: Json = {
        "id": session.ref,
        "intent": asked["intent"],
        "status": status_of(session),
        "payment_source": {"paypal": {}},
        "purchase_units": [unit],
        "create_time": moment(session.created_s),
        "links": [_link(url, "self", "GET")],
    }
    if session.state == "open":
        made["links"].append(_link(session.url, "payer-action", "GET"))
    if (approved := session.details["approvals"]) > 0:
        # A second approval within the same second has another time nevertheless.
        made["update_time"] = moment(session.created_s + approved)
        made["payer"] = {"payer_id": "QYR5Z8XDVJNXQ", "email_address": "payer@sandbox.example"}
    return made


def capture_object(session: Session, base_url: str) -> Json | None:
    """The order's capture: money that was taken, that is on its way, or that was refused."""
    charge, ref = session.charge, session.details.get("capture")
    if charge is None and ref is None:
        return None
    status, details = "PENDING", {"reason": "ECHECK"}
    if charge:
        ref = charge.ref
        status = "COMPLETED"
        if charge.refunded:
            status = "REFUNDED" if charge.refunded == charge.amount else "PARTIALLY_REFUNDED"
    elif session.state != "processing":
        status = "DECLINED"
    unit, url = session.details["asked"]["purchase_units"][0], f"{base_url}/v2/payments/captures/{ref}"
    amount = money(session.amount, session.currency)
    made: Json = {
        "id": ref,
        "status": status,
        "amount": amount,
        "final_capture": True,
        "seller_protection": {"status": "NOT_ELIGIBLE"},
        "seller_receivable_breakdown": {"gross_amount": amount},
        "custom_id": unit.get("custom_id", ""),
        "invoice_id": unit.get("invoice_id", ""),
        "create_time": moment(session.created_s),
        "update_time": moment(session.created_s),
        "links": [_link(url, "self", "GET"), _link(f"{url}/refund", "refund", "POST")],
    }
    if status == "PENDING":
        made["status_details"] = details
    if status == "DECLINED" and session.decline_code:
        made["processor_response"] = {"response_code": session.decline_code}
    return made


def refund_object(session: Session, charge: Charge, refund: Refund, base_url: str) -> Json:
    """Money on its way back."""
    url, amount = f"{base_url}/v2/payments/refunds/{refund.ref}", money(refund.amount, session.currency)
    made: Json = {
        "id": refund.ref,
        "status": _REFUNDS[refund.state],
        "amount": amount,
        "seller_payable_breakdown": {"gross_amount": amount},
        "create_time": moment(refund.created_s),
        "update_time": moment(refund.created_s),
        "links": [
            _link(url, "self", "GET"),
            _link(f"{base_url}/v2/payments/captures/{charge.ref}", "up", "GET"),
        ],
    }
    if refund.refund_id:
        made |= {"custom_id": session.payment_id, "invoice_id": refund.refund_id}
    if refund.state == "pending":
        made["status_details"] = {"reason": "ECHECK"}
    return made


def event_object(event_id: str, event_type: str, resource: Json, at_s: int) -> Json:
    """A notification's body."""
    kind = "checkout-order" if event_type.startswith("CHECKOUT") else "refund" if "REFUND" in event_type else "capture"
    return {
        "id": event_id,
        "create_time": moment(at_s),
        "event_type": event_type,
        "event_version": "1.0",
        "resource_type": kind,
        "resource_version": "2.0",
        "summary": event_type.replace(".", " ").capitalize(),
        "resource": resource,
        "links": [],
    }


def report_rows(session: Session, start_s: float, end_s: float) -> list[Json]:
    """The session's lines in PayPal's reports of some time: what came, and what went back."""
    charge = session.charge
    if charge is None:
        return []
    unit = session.details["asked"]["purchase_units"][0]

    def row(ref: str, code: str, amount: int, status: str, at_s: int) -> Json:
        return {
            "transaction_info": {
                "transaction_id": ref,
                "transaction_event_code": code,
                "transaction_initiation_date": moment(at_s),
                "transaction_amount": money(amount, session.currency),
                "transaction_status": status,
                "invoice_id": unit.get("invoice_id", ""),
                "custom_field": unit.get("custom_id", ""),
            }
        }

    status = "V" if charge.refunded == charge.amount else "S"
    rows = [(charge.created_s, row(charge.ref, "T0006", charge.amount, status, charge.created_s))]
    for one in charge.refunds:
        status = {"processed": "S", "pending": "P", "failed": "D"}[one.state]
        rows.append((one.created_s, row(one.ref, "T1107", -one.amount, status, one.created_s)))
    return [made for at_s, made in rows if start_s <= at_s <= end_s]


def _link(href: str, rel: str, method: str) -> Json:
    return {"href": href, "rel": rel, "method": method}
