"""The requests that the API takes: bodies and query strings."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from kassa.domain.card import Card
from kassa.settings import ProviderName

MAX_AMOUNT = 2_147_483_647


def _whole(pattern: str) -> str:
    """`pattern` for the whole of a text. In Python, unlike in JSON Schema, `$` alone lets a line break follow it."""
    return f"^{pattern}(?!\\n)$"


# PostgreSQL keeps no NUL.
_Text = Annotated[str, Meta(pattern=_whole("[^\\x00]*"))]
Text255 = Annotated[_Text, Meta(max_length=255)]
Name = Annotated[Text255, Meta(min_length=1)]
Email = Annotated[
    str, Meta(max_length=255, pattern=_whole("[^@\\s\\x00]+@[^@\\s\\x00]+"), examples=["payer@example.com"])
]
Currency = Annotated[str, Meta(pattern=_whole("[A-Z]{3}"), examples=["INR"])]
OrderAmount = Annotated[int, Meta(ge=100, le=MAX_AMOUNT, examples=[50_000], description="In the smallest unit")]
PartAmount = Annotated[int, Meta(ge=1, le=MAX_AMOUNT, examples=[50_000], description="In the smallest unit")]
AmountBound = Annotated[int, Meta(ge=0, le=MAX_AMOUNT)]
Moment = Annotated[datetime, Meta(tz=True)]
Limit = Annotated[int, Meta(ge=1, le=100)]
_NEXT = "The `next` of the page before"
AfterOrder = Annotated[str, Meta(pattern=_whole("order_[A-Za-z0-9]{16}"), description=_NEXT)]
AfterPayment = Annotated[str, Meta(pattern=_whole("pay_[A-Za-z0-9]{16}"), description=_NEXT)]
AfterRefund = Annotated[str, Meta(pattern=_whole("rfnd_[A-Za-z0-9]{16}"), description=_NEXT)]
AfterLink = Annotated[str, Meta(pattern=_whole("plink_[A-Za-z0-9]{16}"), description=_NEXT)]
AfterWebhook = Annotated[
    str, Meta(pattern=_whole("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"), description=_NEXT)
]
Url = Annotated[str, Meta(max_length=2_048, examples=["https://example.com/thanks"])]
WebhookEvent = Literal[
    "payment.created",
    "payment.pending",
    "payment.success",
    "payment.failed",
    "refund.created",
    "refund.processed",
    "refund.failed",
]
PaymentStatus = Literal["created", "pending", "processing", "success", "failed"]


class NewOrder(msgspec.Struct):
    """What is to be paid."""

    amount: OrderAmount
    currency: Currency | None = None
    receipt: Text255 | None = None
    notes: dict[str, Any] | None = None
    success_url: Url | None = None
    cancel_url: Url | None = None
    expires_at: Moment | None = None


class NewPayment(msgspec.Struct):
    """How the order is to be paid: `vpa` belongs to method upi, `card` to method card."""

    order_id: str
    method: Literal["upi", "card"]
    vpa: Annotated[str, Meta(examples=["success@kassa"])] | None = None
    card: Card | None = None


class NewLineItem(msgspec.Struct):
    """One line of what is bought; `amount` is for one piece."""

    name: Name
    amount: PartAmount
    quantity: Annotated[int, Meta(ge=1, le=10_000)] = 1


class NewCheckoutSession(msgspec.Struct):
    """A hosted session for an order; what is left out comes from the order, the merchant or the gateway."""

    order_id: str
    provider: ProviderName | None = None
    success_url: Url | None = None
    cancel_url: Url | None = None
    customer_email: Email | None = None
    line_items: Annotated[list[NewLineItem], Meta(max_length=100)] = []
    manual_capture: Annotated[bool, Meta(description="Hold the money until it is captured")] = False


class NewPayersSession(msgspec.Struct):
    """A payer on the way to the provider's page; the e-mail is filled in there."""

    customer_email: Email | None = None


class NewLink(msgspec.Struct):
    """A payment link to make; after success the payer reads `success_message`, or is sent to `redirect_url`."""

    amount: OrderAmount
    description: Name
    currency: Currency | None = None
    reusable: bool = False
    expires_at: Moment | None = None
    success_message: Annotated[_Text, Meta(max_length=500)] | None = None
    redirect_url: Url | None = None


class LinksQuery(msgspec.Struct):
    """Filters of payment links."""

    active: bool | None = None
    limit: Limit = 10
    after: AfterLink | None = None


class NewCapture(msgspec.Struct):
    """How much to capture: the payment's own amount."""

    amount: PartAmount


class NewRefund(msgspec.Struct):
    """How much to give back, and why."""

    amount: PartAmount
    reason: Annotated[_Text, Meta(max_length=1_000)] | None = None


class NewWebhookConfig(msgspec.Struct):
    """Where webhooks go; null for nowhere."""

    url: str | None


class NewSecret(msgspec.Struct):
    """For how long the old secret signs too."""

    overlap_s: Annotated[int, Meta(ge=0, le=604_800)] = 86_400


class NewTestWebhook(msgspec.Struct):
    """Which event to send an example of."""

    event: WebhookEvent = "payment.success"


class _MoneyQuery(msgspec.Struct, kw_only=True):
    """What every list of money can be narrowed down by."""

    amount_min: AmountBound | None = None
    amount_max: AmountBound | None = None
    created_from: Moment | None = None
    created_to: Moment | None = None
    limit: Limit = 10


class OrdersQuery(_MoneyQuery):
    """Filters of orders; `receipt` finds any part of it, in any case."""

    status: Literal["created", "paid"] | None = None
    receipt: Text255 | None = None
    after: AfterOrder | None = None


class PaymentsQuery(_MoneyQuery):
    """Filters of payments."""

    status: PaymentStatus | None = None
    method: Literal["upi", "card"] | None = None
    order_id: str | None = None
    captured: bool | None = None
    search: Annotated[Text255, Meta(description="A payment id, an order id or a VPA, or how one begins")] | None = None
    currency: Currency | None = None
    after: AfterPayment | None = None


class RefundsQuery(_MoneyQuery):
    """Filters of refunds."""

    status: Literal["pending", "processed", "failed"] | None = None
    payment_id: str | None = None
    after: AfterRefund | None = None


class WebhooksQuery(msgspec.Struct):
    """Filters of webhook deliveries; `after` pages on without counting, `offset` counts."""

    status: Literal["pending", "success", "failed"] | None = None
    event: WebhookEvent | None = None
    payment_id: str | None = None
    limit: Limit = 10
    offset: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    after: AfterWebhook | None = None


class StatisticsQuery(msgspec.Struct):
    """The days to add up, both included (UTC)."""

    first: date | None = None
    last: date | None = None


class NewSession(msgspec.Struct):
    """Who logs in."""

    email: Text255
    password: Annotated[str, Meta(max_length=1_000)]

    def __repr__(self) -> str:
        return "NewSession(…)"


class NewProfile(msgspec.Struct):
    """What to change of the profile; an origin is such as https://shop.example.com, no provider the gateway's."""

    name: Name | None = None
    allowed_origins: Annotated[list[str], Meta(max_length=50)] | None = None
    provider: ProviderName | msgspec.UnsetType | None = msgspec.UNSET


class NewAccount(msgspec.Struct):
    """A merchant's own account at a provider: Stripe has no `secret`; PayPal's `webhook_secret` is its webhook id."""

    key: Annotated[str, Meta(min_length=1, max_length=500)]
    webhook_secret: Annotated[str, Meta(min_length=1, max_length=500)]
    secret: Annotated[str, Meta(max_length=500)] = ""

    def __repr__(self) -> str:
        return "NewAccount(…)"
