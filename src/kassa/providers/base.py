"""What every provider is to Kassa: what it can do, what it is asked, what it answers; the words here are ours."""

from collections.abc import AsyncIterator, Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Literal, Protocol

import msgspec

from kassa.domain.errors import KassaError

# What is no JSON, or not what is expected; text that is not UTF-8 is told of in Python's own words.
MALFORMED = (msgspec.MsgspecError, UnicodeDecodeError)
# Of the statuses that begin with 4, these leave open whether it was done: a time-out there, the same request under way,
# something behind it that failed, and too early.
UNCLEAR = frozenset({408, 409, 424, 425})


class Capability(StrEnum):
    """What a provider can do; what it does not declare is refused before it is asked."""

    HOSTED_SESSION = "hosted_session"
    CAPTURE = "capture"
    PARTIAL_REFUND = "partial_refund"
    EXPIRE = "expire"


class Credentials(msgspec.Struct, frozen=True):
    """An account at a provider. Test and live ones are told apart by the provider's own marks."""

    key: str
    secret: str
    webhook_secret: str
    live: bool

    def __repr__(self) -> str:
        return f"Credentials(live={self.live})"


class LineItem(msgspec.Struct, frozen=True):
    """One line of what is bought; `amount` is for one piece, in the smallest unit."""

    name: str
    amount: int
    quantity: int = 1


class SessionAsked(msgspec.Struct, frozen=True, kw_only=True):
    """A hosted session to open. `session_id` is our stable idempotency key for it."""

    session_id: str
    payment_id: str
    order_id: str
    amount: int
    currency: str
    success_url: str
    cancel_url: str
    expires_at: datetime
    customer_email: str | None = None
    line_items: tuple[LineItem, ...] = ()
    # Hold the money until it is captured, where the provider can.
    manual_capture: bool = False


class Opened(msgspec.Struct, frozen=True):
    """A session that is open at the provider: what it calls it, and where to send the payer."""

    provider_ref: str
    url: str


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """A payment as its provider knows it; `charge_ref` is None until there is money.

    `may_take` is False when nobody is to be charged for it any more: then asking takes no money, whoever agreed to it.
    """

    payment_id: str
    provider_ref: str
    charge_ref: str | None
    amount: int
    currency: str
    may_take: bool = True


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What the provider says of a payment now. `answer` is that in its own words, for people.

    `unknown` means that the provider has never heard of it. On success `amount` and `currency` are what was taken.
    `in_flight` says of an open one that its payer has paid, and that a bank takes its time: the session's end is not
    its end.
    """

    state: Literal["open", "succeeded", "failed", "unknown"]
    answer: str
    amount: int | None = None
    currency: str | None = None
    charge_ref: str | None = None
    captured: bool = False
    error_code: str | None = None
    provider_code: str | None = None
    in_flight: bool = False


class RefundStanding(msgspec.Struct, frozen=True, kw_only=True):
    """What the provider says of a refund. One without a `provider_ref` can be asked about under our own id alone.

    Asked for by the provider's own name, it says whose it is: `refund_id` is ours, None for one that was made outside,
    and `charge_ref` the money that it is of.
    """

    state: Literal["pending", "processed", "failed"]
    provider_ref: str
    provider_code: str | None = None
    refund_id: str | None = None
    charge_ref: str | None = None
    amount: int | None = None
    currency: str | None = None


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A verified notification. `provider_ref` or `payment_id` says whose it is.

    With a `standing` that is applied; with `look` the provider is asked about the payment, and with a `refund` about
    that one. Without any of them the notification is only kept.
    """

    event_id: str
    type: str
    provider_ref: str | None = None
    payment_id: str | None = None
    standing: Standing | None = None
    look: bool = False
    refund: RefundStanding | None = None


class Listed(msgspec.Struct, frozen=True):
    """A payment in the provider's own list of a day."""

    provider_ref: str
    payment_id: str | None
    amount: int
    currency: str
    succeeded: bool


class ProviderError(KassaError):
    """A provider's refusal or silence, in our words, with the provider's own code.

    `unknown` says that it may have done what it was asked: only asking again can tell.
    """

    def __init__(
        self, code: str, provider: str, *, provider_code: str | None = None, description: str | None = None,
        unknown: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(code, description)
        self.provider = provider
        self.provider_code = provider_code
        self.unknown = unknown


class Provider(Protocol):
    """A fifth one is a file with these, and passes the contract suite.

    Each raises ProviderError, with `unknown` for a time-out, a lost connection or a 5xx. Each may be called again with
    the same ids: the provider does it once, because the idempotency key it is given is made of them.
    """

    name: str
    capabilities: frozenset[Capability]

    async def open_session(self, asked: SessionAsked, credentials: Credentials) -> Opened:
        """Open a hosted session."""

    async def retrieve(self, charge: Charge, credentials: Credentials) -> Standing:
        """Ask how a payment stands."""

    async def expire(self, charge: Charge, credentials: Credentials) -> Standing:
        """End an open session, so that nobody can pay it any more."""

    async def capture(self, charge: Charge, credentials: Credentials) -> Standing:
        """Capture what was authorised, in full."""

    async def refunds_of(self, charge: Charge, credentials: Credentials) -> list[RefundStanding]:
        """All that was refunded of a payment, or is to be, whoever asked for it; those that failed, too."""

    async def refund(self, charge: Charge, refund_id: str, amount: int, credentials: Credentials) -> RefundStanding:
        """Give back `amount`, once per `refund_id`; asked again, say how that refund stands.

        Money that is only held is let go instead, which can be done with all of it alone.
        """

    async def retrieve_refund(self, refund_ref: str, credentials: Credentials) -> RefundStanding:
        """Ask about a refund by the provider's own name, whoever made it."""

    def must_fetch(self, headers: Mapping[str, str]) -> bool:
        """Whether `verify` would have to fetch something first for a notification with these headers."""

    async def verify(self, headers: Mapping[str, str], body: bytes, credentials: Credentials, now: datetime) -> Notice:
        """The notification in `body`, once its signature is known to be right; raises INVALID_SIGNATURE."""

    def payments_on(self, day: date, credentials: Credentials) -> AsyncIterator[Listed]:
        """The provider's own list of a day's payments (UTC)."""

    def refunds_on(self, day: date, credentials: Credentials) -> AsyncIterator[RefundStanding]:
        """The provider's own list of the refunds that were made on a day (UTC), as far as it tells."""
