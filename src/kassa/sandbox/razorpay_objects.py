"""The Razorpay stand-in's objects, shaped by hand after the samples that Razorpay publishes."""

from typing import Any

from kassa.sandbox.books import Refund, Session

Json = dict[str, Any]


def link_object(session: Session) -> Json:
    """A Payment Link. It shows captured payments only, and one that has ended stays so when money comes late."""
    given = session.details
    ended: str | None = given["ended"]
    paid = not ended and session.charge is not None and session.charge.captured
    status = ended or ("paid" if paid else "created")
    payments = None
    if paid and session.charge is not None:
        payments = [
            {
                "amount": session.charge.amount,
                "created_at": session.charge.created_s,
                "method": "card",
                "payment_id": session.charge.ref,
                "plink_id": session.ref,
                "status": "captured",
                "updated_at": session.charge.created_s,
            }
        ]
    return {
        "accept_partial": False,
        "amount": session.amount,
        "amount_paid": session.amount if paid else 0,
        "callback_method": given["callback_method"],
        "callback_url": session.success_url,
        "cancelled_at": session.expires_s if status == "cancelled" else 0,
        "created_at": session.created_s,
        "currency": session.currency,
        "customer": given["customer"],
        "description": given["description"],
        "expire_by": session.expires_s,
        "expired_at": session.expires_s if status == "expired" else 0,
        "first_min_partial_amount": 0,
        "id": session.ref,
        "notes": given["notes"],
        "notify": given["notify"],
        "payments": payments,
        "reference_id": given["reference_id"],
        "reminder_enable": given["reminder_enable"],
        "reminders": [],
        "short_url": session.url,
        "status": status,
        "updated_at": session.created_s,
        "upi_link": False,
        "user_id": "",
        "whatsapp_link": False,
    }


def payment_object(session: Session, attempt: Json) -> Json:
    """An attempt to pay a link: the link's notes are not on it, but its description names the link."""
    reason = attempt["reason"]
    charge = session.charge if session.charge and session.charge.ref == attempt["id"] else None
    status = attempt["status"]
    refunded = charge.refunded if charge else 0
    if charge and charge.captured:
        status = "refunded" if refunded == charge.amount else "captured"
    elif charge and charge.released:
        status, refunded = "refunded", charge.amount
    return {
        "id": attempt["id"],
        "entity": "payment",
        "amount": session.amount,
        "currency": session.currency,
        "status": status,
        "order_id": session.details["order"],
        "invoice_id": None,
        "international": session.currency != "INR",
        "method": "card",
        "amount_refunded": refunded,
        "refund_status": None if not refunded else "full" if status == "refunded" else "partial",
        "captured": charge is not None and charge.captured,
        "description": f"#{session.ref.removeprefix('plink_')}",
        "card_id": None,
        "bank": None,
        "wallet": None,
        "vpa": None,
        "email": session.details["customer"].get("email"),
        "contact": None,
        "notes": [],
        "fee": 0 if status in ("captured", "refunded") else None,
        "tax": 0 if status in ("captured", "refunded") else None,
        "error_code": "BAD_REQUEST_ERROR" if reason else None,
        "error_description": "Your payment didn't go through." if reason else None,
        "error_source": "issuer_bank" if reason else None,
        "error_step": "payment_authorization" if reason else None,
        "error_reason": reason,
        "acquirer_data": {"auth_code": None},
        "created_at": attempt["created_s"],
    }


def order_object(session: Session) -> Json:
    """The order that Razorpay keeps behind a link."""
    paid = session.charge is not None and session.charge.captured
    return {
        "id": session.details["order"],
        "entity": "order",
        "amount": session.amount,
        "amount_paid": session.amount if paid else 0,
        "amount_due": 0 if paid else session.amount,
        "currency": session.currency,
        "receipt": session.details["reference_id"],
        "offer_id": None,
        "status": "paid" if paid else "attempted",
        "attempts": len(session.details["attempts"]),
        "notes": session.details["notes"],
        "created_at": session.created_s,
    }


def refund_object(session: Session, refund: Refund) -> Json:
    """Money on its way back."""
    assert session.charge is not None
    return {
        "id": refund.ref,
        "entity": "refund",
        "amount": refund.amount,
        "currency": session.charge.currency,
        "payment_id": session.charge.ref,
        "notes": {"kassa_refund_id": refund.refund_id} if refund.refund_id else [],
        "receipt": None,
        "acquirer_data": {"arn": None},
        "created_at": refund.created_s,
        "batch_id": None,
        "status": refund.state,
        "speed_processed": "normal",
        "speed_requested": "normal",
    }


def event_object(event_type: str, payload: Json, created_s: int) -> Json:
    """A notification's body."""
    return {
        "entity": "event",
        "account_id": "acc_KassaSandbox00",
        "event": event_type,
        "contains": list(payload),
        "payload": {name: {"entity": one} for name, one in payload.items()},
        "created_at": created_s,
    }
