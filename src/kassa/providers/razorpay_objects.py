"""Razorpay's objects as we read them, and what they make of a payment or a refund."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec

from kassa.providers.base import RefundStanding, Standing
from kassa.providers.declines import RAZORPAY, in_our_words

# https://razorpay.com/docs/payments/payments/: what is not captured until then is refunded by itself.
HELD_FOR = timedelta(days=5)
# https://razorpay.com/docs/payments/payments/late-authorization/: until then a bank may still say yes.
LATE_FOR = timedelta(days=5)
_REFUNDS: dict[str, Literal["pending", "processed", "failed"]] = {"processed": "processed", "failed": "failed"}
# Empty notes come as an empty list.
Notes = dict[str, Any] | list[Any] | None


def note(notes: Notes, name: str) -> str | None:
    """One of the notes, if it is a text."""
    value = notes.get(name) if isinstance(notes, dict) else None
    return value if isinstance(value, str) else None


class Payment(msgspec.Struct):
    """An attempt to pay, and the money that came of it."""

    id: str
    status: str
    amount: int
    currency: str
    created_at: int | None = None
    captured: bool | None = None
    description: str | None = None
    notes: Notes = None
    error_code: str | None = None
    error_reason: str | None = None

    @property
    def payment_id(self) -> str | None:
        """Whose it is."""
        return note(self.notes, "kassa_payment_id")

    @property
    def link_id(self) -> str | None:
        """The Payment Link that it was made at: its description names it, as `#` and the id without its prefix."""
        found = re.fullmatch(r"#(\w{6,40})", self.description or "")
        return f"plink_{found[1]}" if found else None

    @property
    def declined(self) -> tuple[str, str | None]:
        """Our code and Razorpay's for a refused attempt."""
        theirs = self.error_reason or self.error_code
        return in_our_words(RAZORPAY, theirs), theirs

    @property
    def was_let_go(self) -> bool:
        """Whether it was held and is not any more: Razorpay calls that refunded, too, but it was never captured."""
        return self.status == "refunded" and self.captured is False

    def let_go(self, now: datetime) -> RefundStanding | None:
        """How money that is held, and so cannot be refunded, goes back: by itself. None when it was taken.

        Until then the account's settings, or somebody, may capture it after all.
        """
        if self.status != "authorized" and not self.was_let_go:
            return None
        over = self.created_at is not None and now >= datetime.fromtimestamp(self.created_at, UTC) + HELD_FOR
        state: Literal["pending", "processed"] = "processed" if over or self.was_let_go else "pending"
        # It is no refund of Razorpay's, so while it waits there is none to be asked about.
        return RefundStanding(state=state, provider_ref=self.id if state == "processed" else "")

    def may_come(self, now: datetime) -> bool:
        """Whether the payer is at their bank, or the bank has not told Razorpay yet."""
        since = datetime.fromtimestamp(self.created_at or 0, UTC)
        return self.status == "created" and now < since + LATE_FOR

    def taken(self, answer: str) -> Standing:
        """A success: what was taken, or what is held until it is captured."""
        return Standing(
            state="succeeded", answer=answer, amount=self.amount, currency=self.currency, charge_ref=self.id,
            captured=self.status != "authorized",
        )  # fmt: skip


class LinkPayment(msgspec.Struct):
    """The payment that a paid link shows."""

    payment_id: str
    amount: int


class Link(msgspec.Struct):
    """A Payment Link: the payer's page."""

    id: str
    status: str
    amount: int
    currency: str
    created_at: int
    short_url: str = ""
    reference_id: str | None = None
    notes: Notes = None
    # Captured ones only; attempts that failed and money that is held do not show here.
    payments: list[LinkPayment] | None = None

    @property
    def payment_id(self) -> str | None:
        """Whose it is."""
        return note(self.notes, "kassa_payment_id")

    @property
    def is_over(self) -> bool:
        """Whether nobody can begin to pay it any more."""
        return self.status in ("expired", "cancelled")

    def paid(self) -> Standing | None:
        """The success of a link that shows its payment."""
        if self.status != "paid" or not self.payments:
            return None
        one = self.payments[0]
        return Standing(
            state="succeeded", answer="link paid", amount=one.amount, currency=self.currency, charge_ref=one.payment_id,
            captured=True,
        )  # fmt: skip

    def standing(self, attempts: list[Payment], now: datetime) -> Standing:
        """How the payment stands, by the link and by the attempts to pay it, the newest first."""
        for status in ("captured", "refunded", "authorized"):
            for one in attempts:
                if one.status == status and not one.was_let_go:
                    return one.taken(f"link {self.status}, payment {status}")
        refused = next((one for one in attempts if one.status == "failed"), None)
        ours, theirs = refused.declined if refused else (None, None)
        if any(one.may_come(now) for one in attempts):
            return Standing(state="open", answer=f"link {self.status}, payment created", in_flight=True)
        answer = f"link {self.status}" + (f", last attempt {theirs or 'failed'}" if refused else "")
        # A refused attempt leaves the link open: the payer may try again until it ends.
        if self.is_over:
            return Standing(state="failed", answer=answer, error_code=ours or "PAYMENT_EXPIRED", provider_code=theirs)
        return Standing(state="open", answer=answer, error_code=ours, provider_code=theirs)


class Refund(msgspec.Struct):
    """Money on its way back, whoever asked for it."""

    id: str
    status: str | None = None
    notes: Notes = None
    payment_id: str | None = None
    amount: int | None = None
    currency: str | None = None

    def standing(self) -> RefundStanding:
        """How it stands."""
        return RefundStanding(
            state=_REFUNDS.get(self.status or "", "pending"), provider_ref=self.id,
            refund_id=note(self.notes, "kassa_refund_id"), charge_ref=self.payment_id, amount=self.amount,
            currency=self.currency,
        )  # fmt: skip


class _Within(msgspec.Struct):
    entity: msgspec.Raw


class Event(msgspec.Struct):
    """A notification."""

    event: str
    payload: dict[str, _Within] = {}
