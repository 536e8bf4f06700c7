"""The JSON shape of orders, payments and refunds: the same in answers, in stored responses and in webhooks."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, UnsetType

from kassa.domain.explanations import built_in
from kassa.domain.payment import CREATED, FAILED, OPEN, PAID, Order, Payment, Refund

Timestamp = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"}, examples=["2024-01-15T10:30:00Z"])]
Notes = Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema={"type": ["object", "null"]})]
Amount = Annotated[int, msgspec.Meta(description="In the smallest unit of the currency: 50000 is ₹500.00")]


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC with `Z`, to the second. `moment` is in UTC already."""
    return moment.isoformat(timespec="seconds")[:19] + "Z"


def iso_or_none(moment: datetime | None) -> str | None:
    """`iso` of what may be missing."""
    return None if moment is None else iso(moment)


class OrderCreated(msgspec.Struct, kw_only=True):
    """A new order."""

    id: str
    merchant_id: str
    amount: Amount
    currency: str
    receipt: str | None
    notes: Notes
    status: str
    success_url: str | UnsetType = UNSET
    cancel_url: str | UnsetType = UNSET
    expires_at: Timestamp | UnsetType = UNSET
    created_at: Timestamp


class OrderView(OrderCreated, kw_only=True):
    """An order as it stands."""

    updated_at: Timestamp


class PublicOrder(msgspec.Struct, kw_only=True):
    """What a payer may see of an order; a payment link adds what it is for.

    `success_url`, and of a payment link `success_message`, are there once it is paid: they may be what was paid for.
    `provider` is there when it is paid on that provider's page; `test_mode`, and true, outside production.
    """

    id: str
    amount: Amount
    currency: str
    status: str
    merchant_name: str
    success_url: str | UnsetType = UNSET
    cancel_url: str | UnsetType = UNSET
    expires_at: Timestamp | UnsetType = UNSET
    description: str | UnsetType = UNSET
    success_message: str | UnsetType = UNSET
    provider: str | UnsetType = UNSET
    test_mode: bool | UnsetType = UNSET


class PayersSession(msgspec.Struct):
    """Where the payer of an order goes to pay: `url` is the provider's page, and pays `payment_id`."""

    provider: str
    payment_id: str
    url: str


class PaymentCreated(msgspec.Struct, kw_only=True):
    """A new payment; `vpa` belongs to upi, `card_network` and `card_last4` to card."""

    id: str
    order_id: str
    amount: Amount
    currency: str
    method: str
    vpa: str | UnsetType = UNSET
    card_network: str | UnsetType = UNSET
    card_last4: str | UnsetType = UNSET
    status: str
    created_at: Timestamp


class PaymentView(PaymentCreated, kw_only=True):
    """A payment as it stands; the error fields belong to a failed one, the looks to one that is open.

    `last_answer` is also what its provider said to giving back what came for a paid order, until it has gone back.
    `released_at` is when its provider let go of money that was held and not captured in time.
    """

    captured: bool
    refunded_amount: Amount
    error_code: str | UnsetType = UNSET
    error_description: str | UnsetType = UNSET
    provider: str
    provider_code: str | UnsetType = UNSET
    succeeded_late: bool | UnsetType = UNSET
    open_because: str | UnsetType = UNSET
    last_answer: str | UnsetType = UNSET
    last_looked_at: Timestamp | UnsetType = UNSET
    next_look_at: Timestamp | UnsetType = UNSET
    released_at: Timestamp | UnsetType = UNSET
    updated_at: Timestamp


class PublicPayment(msgspec.Struct, kw_only=True):
    """What a payer may see of a payment; `tell_payer` says in the payer's words why it failed."""

    id: str
    order_id: str
    amount: Amount
    currency: str
    method: str
    status: str
    error_code: str | UnsetType = UNSET
    error_description: str | UnsetType = UNSET
    tell_payer: str | UnsetType = UNSET
    created_at: Timestamp


class SessionView(msgspec.Struct, kw_only=True):
    """A hosted session: `url` is where to send the payer; `status` is created, open, complete, failed or expired."""

    id: str
    order_id: str
    payment_id: str
    provider: str
    status: str
    amount: Amount
    currency: str
    url: str | None
    success_url: str
    cancel_url: str
    customer_email: str | None
    created_at: Timestamp
    expires_at: Timestamp


class RefundCreated(msgspec.Struct, kw_only=True):
    """A new refund."""

    id: str
    payment_id: str
    amount: Amount
    currency: str
    reason: str | None
    status: str
    created_at: Timestamp


class RefundView(RefundCreated, kw_only=True):
    """A refund as it stands; one that failed has the provider's word for it, if there is one.

    If it has a `processed_at` as well, it failed after all: a bank sent the money back.
    """

    processed_at: Timestamp | None
    provider_code: str | UnsetType = UNSET


def _order(order: Order) -> dict[str, Any]:
    return {
        "id": order.id,
        "merchant_id": order.merchant_id,
        "amount": order.amount,
        "currency": order.currency,
        "receipt": order.receipt,
        "notes": msgspec.Raw((order.notes or "null").encode()),
        "status": order.status,
        "created_at": iso(order.created_at),
        **_checkout(order),
    }


def _checkout(order: Order) -> dict[str, str]:
    """What the checkout page is told, as far as it was given."""
    fields = {"success_url": order.success_url, "cancel_url": order.cancel_url}
    fields["expires_at"] = iso_or_none(order.expires_at)
    return {name: value for name, value in fields.items() if value is not None}


def order_created(order: Order) -> OrderCreated:
    """The answer to a new order."""
    return OrderCreated(**_order(order))


def order_view(order: Order) -> OrderView:
    """An order as its merchant sees it."""
    return OrderView(**_order(order), updated_at=iso(order.updated_at))


def public_order(order: Order, *, test_mode: bool, provider: str | None = None) -> PublicOrder:
    """An order as its payer sees it, who pays on the page of `provider` if there is one."""
    checkout = _checkout(order)
    if order.status != PAID:
        checkout.pop("success_url", None)
    return PublicOrder(
        id=order.id,
        amount=order.amount,
        currency=order.currency,
        status=order.status,
        merchant_name=order.merchant_name,
        **checkout,
        provider=provider or UNSET,
        test_mode=test_mode or UNSET,
    )


def _payment(payment: Payment) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "id": payment.id,
        "order_id": payment.order_id,
        "amount": payment.amount,
        "currency": payment.currency,
        "method": payment.method,
        "status": payment.status,
        "created_at": iso(payment.created_at),
    }
    # A hosted session's card stays with its provider: then there is nothing to tell of it.
    for name in ("vpa",) if payment.method == "upi" else ("card_network", "card_last4"):
        if (value := getattr(payment, name)) is not None:
            fields[name] = value
    return fields


def _failure(payment: Payment) -> dict[str, Any]:
    if payment.status != FAILED:
        return {}
    return {"error_code": payment.error_code or "PAYMENT_FAILED", "error_description": payment.error_description or ""}


def payment_created(payment: Payment) -> PaymentCreated:
    """The answer to a new payment, and what its webhooks carry."""
    return PaymentCreated(**_payment(payment))


def payment_view(payment: Payment) -> PaymentView:
    """A payment as its merchant sees it."""
    return PaymentView(
        **_payment(payment),
        **_failure(payment),
        **_provider(payment),
        captured=payment.captured,
        refunded_amount=payment.refunded_amount,
        updated_at=iso(payment.updated_at),
    )


def _provider(payment: Payment) -> dict[str, Any]:
    """Which provider has the payment, and, while it is open or goes back, how that stands."""
    fields: dict[str, Any] = {"provider": payment.provider}
    if payment.provider_code is not None:
        fields["provider_code"] = payment.provider_code
    if payment.succeeded_late:
        fields["succeeded_late"] = True
    if payment.released_at is not None:
        fields["released_at"] = iso(payment.released_at)
    if payment.status in OPEN:
        fields["open_because"] = _open_because(payment)
        if payment.due_at is not None:
            fields["next_look_at"] = iso(payment.due_at)
    if payment.status in OPEN or (payment.return_due_at is not None and payment.returned_at is None):
        if payment.last_answer is not None:
            fields["last_answer"] = payment.last_answer
        if payment.looked_at is not None:
            fields["last_looked_at"] = iso(payment.looked_at)
    return fields


def _open_because(payment: Payment) -> str:
    if payment.status == CREATED:
        return "The session is not open at the provider yet"
    if payment.session_id is not None:
        return "The payer has not paid yet, or the provider has not said so"
    return "The bank has not answered yet"


def public_payment(payment: Payment) -> PublicPayment:
    """A payment as its payer sees it."""
    fields = _payment(payment)
    for private in ("vpa", "card_network", "card_last4"):
        fields.pop(private, None)
    failure = _failure(payment)
    if failure:
        failure["tell_payer"] = built_in(failure["error_code"]).tell_payer
    return PublicPayment(**fields, **failure)


_SESSION_STATUS = {"created": "created", "pending": "open", "processing": "open", "success": "complete"}


def session_status(payment: Payment) -> str:
    """How a session stands, by its payment."""
    if payment.error_code == "PAYMENT_EXPIRED":
        return "expired"
    return _SESSION_STATUS.get(payment.status, "failed")


def _refund(refund: Refund) -> dict[str, Any]:
    return {
        "id": refund.id,
        "payment_id": refund.payment_id,
        "amount": refund.amount,
        "currency": refund.currency,
        "reason": refund.reason,
        "status": refund.status,
        "created_at": iso(refund.created_at),
    }


def refund_created(refund: Refund) -> RefundCreated:
    """The answer to a new refund."""
    return RefundCreated(**_refund(refund))


def refund_view(refund: Refund) -> RefundView:
    """A refund as its merchant sees it."""
    return RefundView(
        **_refund(refund), processed_at=iso_or_none(refund.processed_at), provider_code=refund.provider_code or UNSET
    )


def event_data(payment: Payment, refund: Refund | None = None) -> dict[str, Any]:
    """`data` of an event: the payment always, with its error when it failed, and the refund of a refund's event."""
    shown: dict[str, Any] = {**_payment(payment), **_failure(payment)}
    if refund is None:
        return {"payment": shown}
    told = _refund(refund)
    if refund.processed_at is not None:
        told["processed_at"] = iso(refund.processed_at)
    return {"refund": told, "payment": shown}
