"""The Stripe stand-in's objects, shaped as Stripe publishes them: every key there, most of them empty."""

from typing import Any

from kassa.sandbox.books import Charge, Refund, Session

API_VERSION = "2026-10-28.endive"
Json = dict[str, Any]

_NO_ADDRESS = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"))
_SESSION_EMPTY = dict.fromkeys((
    "after_expiration", "allow_promotion_codes", "billing_address_collection", "client_secret", "consent",
    "consent_collection", "currency_conversion", "customer", "customer_account", "discounts", "integration_identifier",
    "invoice", "locale", "managed_payments", "origin_context", "payment_link", "payment_method_configuration_details",
    "permissions", "recovered_from", "saved_payment_method_options", "setup_intent", "shipping_address_collection",
    "shipping_cost", "submit_type", "subscription", "wallet_options",
))  # fmt: skip
_INTENT_EMPTY = dict.fromkeys((
    "application", "application_fee_amount", "canceled_at", "cancellation_reason", "customer", "customer_account",
    "excluded_payment_method_types", "managed_payments", "next_action", "on_behalf_of",
    "payment_method_configuration_details", "processing", "receipt_email", "review", "setup_future_usage", "shipping",
    "source", "statement_descriptor", "statement_descriptor_suffix", "transfer_data", "transfer_group",
))  # fmt: skip
_CHARGE_EMPTY = dict.fromkeys((
    "application", "application_fee", "application_fee_amount", "calculated_statement_descriptor", "customer",
    "failure_balance_transaction", "failure_code", "failure_message", "on_behalf_of", "receipt_email",
    "receipt_number", "review", "shipping", "source", "source_transfer", "statement_descriptor",
    "statement_descriptor_suffix", "transfer_data", "transfer_group",
))  # fmt: skip
_REFUND_EMPTY = dict.fromkeys((
    "customer", "customer_account", "payment_method", "reason", "receipt_number", "source_transfer_reversal",
    "transfer_reversal",
))  # fmt: skip


def paid(session: Session) -> bool:
    """Whether the money is Stripe's to pay out; held money is not."""
    return session.charge is not None and session.charge.captured


def session_object(session: Session, expand: frozenset[str] = frozenset()) -> Json:
    """A Checkout Session; `payment_intent` and what is below it may be expanded."""
    given = session.details
    intent: str | Json | None = given["intent"] if session.tried else None
    if intent and any(path.partition(".")[0] == "payment_intent" for path in expand):
        intent = intent_object(session, "payment_intent.latest_charge" in expand)
    status = {"open": "open", "expired": "expired"}.get(session.state, "complete")
    email = given["customer_email"]
    return {
        **_SESSION_EMPTY,
        "adaptive_pricing": {"enabled": given["adaptive_pricing"]},
        "amount_subtotal": session.amount,
        "amount_total": session.amount,
        "automatic_tax": {"enabled": False, "liability": None, "provider": None, "status": None},
        "cancel_url": session.cancel_url,
        "client_reference_id": given["client_reference_id"],
        "collected_information": {"business_name": None, "individual_name": None, "shipping_details": None},
        "created": session.created_s,
        "currency": session.currency,
        "custom_fields": [],
        "custom_text": dict.fromkeys(("after_submit", "shipping_address", "submit", "terms_of_service_acceptance")),
        "customer_creation": "if_required",
        "customer_details": None if status == "open" else {
            "address": _NO_ADDRESS, "business_name": None, "email": email, "individual_name": None, "name": None,
            "phone": None, "tax_exempt": "none", "tax_ids": [],
        },
        "customer_email": email,
        "expires_at": session.expires_s,
        "id": session.ref,
        "invoice_creation": {"enabled": False, "invoice_data": None},
        "livemode": False,
        "metadata": given["metadata"],
        "mode": "payment",
        "object": "checkout.session",
        "payment_intent": intent,
        "payment_method_collection": "if_required",
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "payment_status": "paid" if paid(session) else "unpaid",
        "phone_number_collection": {"enabled": False},
        "shipping_options": [],
        "status": status,
        "success_url": session.success_url,
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": session.url if status == "open" else None,
    }  # fmt: skip


def intent_object(session: Session, with_charge: bool = False) -> Json:
    """What was tried within a session."""
    charge = session.charge
    if charge:
        status = "succeeded" if charge.captured else "canceled" if charge.released else "requires_capture"
    elif session.state == "processing":
        status = "processing"
    else:
        status = "canceled" if session.state == "expired" else "requires_payment_method"
    latest: str | Json | None = charge.ref if charge else None
    if charge and with_charge:
        latest = charge_object(session, charge)
    return {
        **_INTENT_EMPTY,
        "amount": session.amount,
        "amount_capturable": session.amount if status == "requires_capture" else 0,
        "amount_details": {"tip": {}},
        "amount_received": session.amount if status == "succeeded" else 0,
        "automatic_payment_methods": {"enabled": True},
        "capture_method": "manual" if status == "requires_capture" else "automatic_async",
        "client_secret": None,
        "confirmation_method": "automatic",
        "created": session.created_s,
        "currency": session.currency,
        "description": None,
        "id": session.details["intent"],
        "last_payment_error": _last_error(session.decline_code),
        "latest_charge": latest,
        "livemode": False,
        "metadata": session.details["intent_metadata"],
        "object": "payment_intent",
        "payment_method": None,
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "status": status,
    }


def _last_error(decline_code: str | None) -> Json | None:
    """A refused attempt. Some refusals are errors of their own, the others a kind of `card_declined`."""
    if decline_code is None:
        return None
    own = decline_code in ("expired_card", "incorrect_cvc", "incorrect_number", "processing_error")
    code = decline_code if own else "card_declined"
    message = "Your card was declined."
    return {"type": "card_error", "code": code, "decline_code": decline_code, "message": message}


def charge_object(session: Session, charge: Charge) -> Json:
    """Money that was taken or is held."""
    return {
        **_CHARGE_EMPTY,
        "amount": charge.amount,
        "amount_captured": charge.amount if charge.captured else 0,
        "amount_refunded": charge.refunded,
        "balance_transaction": None,
        "billing_details": {
            "address": _NO_ADDRESS, "email": session.details["customer_email"], "name": None, "phone": None,
            "tax_id": None,
        },
        "captured": charge.captured,
        "created": charge.created_s,
        "currency": charge.currency,
        "description": None,
        "disputed": False,
        "fraud_details": {},
        "id": charge.ref,
        "livemode": False,
        "metadata": session.details["intent_metadata"],
        "object": "charge",
        "outcome": {
            "advice_code": None, "network_advice_code": None, "network_decline_code": None,
            "network_status": "approved_by_network", "reason": None, "seller_message": "Payment complete.",
            "type": "authorized",
        },
        "paid": True,
        "payment_intent": session.details["intent"],
        "payment_method": None,
        "payment_method_details": {"card": {"brand": "visa", "last4": "4242"}, "type": "card"},
        "receipt_url": None,
        "refunded": charge.refunded == charge.amount,
        "refunds": None,
        "status": "succeeded",
    }  # fmt: skip


def refund_object(session: Session, charge: Charge, refund: Refund) -> Json:
    """Money on its way back."""
    made: Json = {
        **_REFUND_EMPTY,
        "amount": refund.amount,
        "balance_transaction": None,
        "charge": charge.ref,
        "created": refund.created_s,
        "currency": charge.currency,
        "destination_details": {"card": {"type": "refund"}, "type": "card"},
        "id": refund.ref,
        "metadata": {"kassa_refund_id": refund.refund_id} if refund.refund_id else {},
        "object": "refund",
        "payment_intent": session.details["intent"],
        "status": {"processed": "succeeded"}.get(refund.state, refund.state),
    }
    if refund.state == "failed":
        made["failure_reason"] = "expired_or_canceled_card"
    return made


def event_object(event_id: str, event_type: str, what: Json, created_s: int) -> Json:
    """A notification's body."""
    return {
        "id": event_id,
        "object": "event",
        "api_version": API_VERSION,
        "created": created_s,
        "data": {"object": what},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": event_type,
    }
