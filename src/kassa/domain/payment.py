"""Payments, orders and refunds as records, and the table of a payment's transitions."""

from datetime import datetime
from typing import Final

import msgspec

SIMULATOR: Final = "simulator"
CREATED: Final = "created"
PENDING: Final = "pending"
PROCESSING: Final = "processing"
SUCCESS: Final = "success"
FAILED: Final = "failed"
PAID: Final = "paid"
PROCESSED: Final = "processed"

TRANSITIONS: dict[str, frozenset[str]] = {
    CREATED: frozenset({PENDING, FAILED}),
    PENDING: frozenset({PROCESSING, SUCCESS, FAILED}),
    PROCESSING: frozenset({SUCCESS, FAILED}),
    SUCCESS: frozenset(),
    FAILED: frozenset(),
}
# Money that came after its payment had failed is there, whatever was said before: only a provider can say so.
LATE: dict[str, frozenset[str]] = {FAILED: frozenset({SUCCESS})}
OPEN: Final = tuple(status for status, onward in TRANSITIONS.items() if onward)


class Merchant(msgspec.Struct, frozen=True, gc=False):
    """Who takes the money. `webhook_secret_previous` signs too, until `webhook_secret_previous_until`."""

    id: str
    name: str
    email: str
    api_key: str
    api_secret: str
    is_active: bool
    created_at: datetime
    webhook_url: str | None = None
    webhook_secret: str | None = None
    webhook_secret_previous: str | None = None
    webhook_secret_previous_until: datetime | None = None
    allowed_origins: list[str] = []
    password_hash: str | None = None
    provider: str | None = None


class Order(msgspec.Struct, frozen=True, gc=False):
    """What is to be paid; `notes` is the merchant's own JSON text, kept as it came."""

    id: str
    merchant_id: str
    amount: int
    currency: str
    receipt: str | None
    notes: str | None
    status: str
    created_at: datetime
    updated_at: datetime
    success_url: str | None = None
    cancel_url: str | None = None
    expires_at: datetime | None = None
    # From the merchant's row at the same read: whether events are to be delivered, whether it may take money,
    # and what the checkout page needs.
    wants_webhooks: bool = False
    merchant_active: bool = True
    merchant_name: str = ""
    allowed_origins: list[str] = []
    # Who moves the merchant's money unless a request says otherwise, and whether it has an account of its own anywhere.
    merchant_provider: str | None = None
    merchant_has_account: bool = False
    # The link that it is paid by, if there is one.
    payment_link_id: str | None = None


class Payment(msgspec.Struct, frozen=True, gc=False):
    """One attempt to pay an order. `due_at` is when the bank's answer is due; `provider_ref` is the bank's own."""

    id: str
    order_id: str
    merchant_id: str
    amount: int
    currency: str
    method: str
    status: str
    created_at: datetime
    updated_at: datetime
    vpa: str | None = None
    card_network: str | None = None
    card_last4: str | None = None
    error_code: str | None = None
    error_description: str | None = None
    captured: bool = False
    refunded_amount: int = 0
    due_at: datetime | None = None
    provider_ref: str | None = None
    provider: str = SIMULATOR
    session_id: str | None = None
    charge_ref: str | None = None
    provider_code: str | None = None
    looks: int = 0
    looked_at: datetime | None = None
    last_answer: str | None = None
    succeeded_late: bool = False
    return_due_at: datetime | None = None
    returned_at: datetime | None = None
    released_at: datetime | None = None

    @property
    def is_held(self) -> bool:
        """Whether its provider holds the money, and may capture it or let it go."""
        uncaptured = self.status == SUCCESS and not self.captured
        return uncaptured and self.provider != SIMULATOR and self.released_at is None


class Refund(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Money on its way back, in the currency of its payment."""

    id: str
    payment_id: str
    merchant_id: str
    amount: int
    currency: str
    reason: str | None
    status: str
    created_at: datetime
    processed_at: datetime | None = None
    due_at: datetime | None = None
    provider_ref: str | None = None
    provider_code: str | None = None
    looks: int = 0


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """The bank's verdict on a payment; the error fields belong to a failure.

    `late` lets a success follow on a failure. What is None of the rest stays as it is.
    """

    payment_id: str
    succeeded: bool
    error_code: str | None = None
    error_description: str | None = None
    cause: str = "bank"
    provider_code: str | None = None
    charge_ref: str | None = None
    captured: bool = False
    late: bool = False
