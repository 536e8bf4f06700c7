"""The answers that only the API gives; those of orders, payments and refunds are the domain's views."""

from typing import Literal

import msgspec

from kassa.domain.views import OrderView, PaymentView, RefundView, Timestamp

SESSION_COOKIE = "kassa_session"


class LinkView(msgspec.Struct, kw_only=True):
    """A payment link; `url` is what to share; with `?prefilled_email=` the page shows whom it is for.

    `times_paid` is how often it has been paid.
    """

    id: str
    url: str
    amount: int
    currency: str
    description: str
    reusable: bool
    active: bool
    expires_at: Timestamp | None
    success_message: str | None
    redirect_url: str | None
    times_paid: int
    created_at: Timestamp


class LinkPage(msgspec.Struct):
    """Payment links, newest first; `next` is the `after` of the next page."""

    data: list[LinkView]
    next: str | None


class Received(msgspec.Struct):
    """The notification is kept; `duplicate` says that it was already."""

    received: bool = True
    duplicate: bool = False


class OrderPage(msgspec.Struct):
    """Orders, newest first; `next` is the `after` of the next page."""

    data: list[OrderView]
    next: str | None


class PaymentPage(msgspec.Struct):
    """Payments, newest first; `next` is the `after` of the next page."""

    data: list[PaymentView]
    next: str | None


class RefundPage(msgspec.Struct):
    """Refunds, newest first; `next` is the `after` of the next page."""

    data: list[RefundView]
    next: str | None


class TimelineEntry(msgspec.Struct):
    """One thing that happened to a payment, and what caused it."""

    sequence: int
    event: str
    status: str
    cause: str
    refund_id: str | None
    created_at: Timestamp


class Timeline(msgspec.Struct):
    """Everything that happened to a payment, oldest first."""

    payment_id: str
    data: list[TimelineEntry]


class DeliveryRow(msgspec.Struct):
    """A webhook delivery."""

    id: str
    event: str
    status: str
    attempts: int
    created_at: Timestamp
    last_attempt_at: Timestamp | None
    response_code: int | None
    payment_id: str | None
    sequence: int | None


class DeliveryPage(msgspec.Struct):
    """Webhook deliveries, newest first. Without `total_exact` there are more than `total` that match."""

    data: list[DeliveryRow]
    total: int
    total_exact: bool
    limit: int
    offset: int
    next: str | None


class AttemptRow(msgspec.Struct):
    """One attempt; `error` says in words why it failed, `response_body` is the receiver's, cut at 16 KB."""

    attempt: int
    attempted_at: Timestamp
    duration_ms: int
    response_code: int | None
    response_body: str | None
    error: str | None


class DeliveryDetail(DeliveryRow, kw_only=True):
    """A webhook delivery with the very text that is sent, and every attempt."""

    next_retry_at: Timestamp | None
    response_body: str | None
    payload: str
    attempt_log: list[AttemptRow]


class RetryScheduled(msgspec.Struct):
    """A delivery that starts afresh."""

    id: str
    status: str = "pending"
    message: str = "Webhook retry scheduled"


class TestWebhook(msgspec.Struct):
    """An example event on its way."""

    id: str
    event: str
    status: str = "pending"


class WebhookConfig(msgspec.Struct):
    """Where webhooks go and what signs them; two secrets sign until `previous_secret_expires_at`."""

    url: str | None
    secret: str | None
    previous_secret_expires_at: Timestamp | None


class SessionMerchant(msgspec.Struct):
    """The merchant who is logged in."""

    id: str
    name: str
    email: str


class Session(msgspec.Struct):
    """A log-in; each change needs `csrf_token` in X-CSRF-Token. `test_credentials` says that any password would do."""

    merchant: SessionMerchant
    csrf_token: str
    test_credentials: bool


class Empty(msgspec.Struct):
    """Nothing to tell."""


class AccountKept(msgspec.Struct):
    """That an account is kept, and whether it moves real money."""

    provider: str
    live: bool


class ProviderAccounts(msgspec.Struct):
    """The accounts at a provider, never their keys: the merchant's own, which goes first, and the gateway's.

    `notification_url` is where the provider is to tell what happens in the merchant's own.
    """

    provider: str
    own_account: bool
    gateway_account: bool
    notification_url: str


class MerchantProviders(msgspec.Struct):
    """Who takes the merchant's payments: the provider `chosen`, else the gateway's.

    `choice_missing`: there is an account for real money, but no provider is chosen, so payers cannot pay.
    """

    chosen: str | None
    gateway: str
    choice_missing: bool
    data: list[ProviderAccounts]


class ApiKeys(msgspec.Struct):
    """The merchant's API credentials."""

    api_key: str
    api_secret: str


class Config(msgspec.Struct):
    """Where everything is."""

    api_url: str
    checkout_url: str
    dashboard_url: str
    production: bool


class MerchantProfile(msgspec.Struct):
    """The merchant whose credentials were sent."""

    id: str
    name: str
    email: str
    api_key: str
    webhook_url: str | None
    allowed_origins: list[str]
    provider: str | None
    created_at: Timestamp


class Sums(msgspec.Struct, kw_only=True):
    """Counts and money; `volume` is what succeeded, `success_rate` the percentage of settled payments that did."""

    payments: int
    succeeded: int
    failed: int
    volume: int
    refunded: int
    success_rate: float | None


class CurrencySums(Sums, kw_only=True):
    """The sums of one currency, in its smallest unit."""

    currency: str


class AllSums(Sums, kw_only=True):
    """Counts over all currencies, but `volume` and `refunded` of INR alone; `currencies` has each that was used."""

    currencies: list[CurrencySums]


class DaySums(AllSums, kw_only=True):
    """The sums of one day (UTC)."""

    day: str


class Statistics(AllSums, kw_only=True):
    """The sums of all days asked for, and of each that has any."""

    days: list[DaySums]


class Health(msgspec.Struct):
    """What works and what does not."""

    status: Literal["healthy", "unhealthy"]
    database: Literal["connected", "disconnected"]
    redis: Literal["connected", "disconnected"]
    worker: Literal["running", "stopped"]
    timestamp: Timestamp


class Ready(msgspec.Struct):
    """Whether requests can be served."""

    ready: bool


class TestMerchant(msgspec.Struct):
    """The seeded merchant."""

    id: str
    email: str
    api_key: str
    seeded: bool = True


class JobsStatus(msgspec.Struct):
    """The queue's counts over all kinds of jobs."""

    pending: int
    processing: int
    completed: int
    failed: int
    worker_status: Literal["running", "stopped"]


class ErrorBody(msgspec.Struct):
    """What went wrong: a code for programs and a sentence for people."""

    code: str
    description: str


class ErrorAnswer(msgspec.Struct):
    """Every refusal looks like this."""

    error: ErrorBody
