"""Stripe's objects as we read them, and what they make of a payment or a refund."""

from typing import Literal

import msgspec

from kassa.providers.base import RefundStanding, Standing
from kassa.providers.declines import STRIPE, in_our_words
from kassa.providers.stripe_amounts import from_stripe

_REFUNDS: dict[str, Literal["pending", "processed", "failed"]] = {
    "succeeded": "processed",
    "pending": "pending",
    "requires_action": "pending",
    "failed": "failed",
    "canceled": "failed",
}


class Failure(msgspec.Struct):
    """Why an attempt was refused."""

    code: str | None = None
    decline_code: str | None = None


class Intent(msgspec.Struct):
    """What was tried within a session, and the money that came of it."""

    id: str
    status: str
    amount: int
    currency: str
    amount_received: int = 0
    metadata: dict[str, str] = {}
    last_payment_error: Failure | None = None

    @property
    def declined(self) -> tuple[str | None, str | None]:
        """Our code and Stripe's for the last refused attempt, if there was one."""
        if (failure := self.last_payment_error) is None:
            return None, None
        theirs = failure.decline_code or failure.code
        return in_our_words(STRIPE, failure.decline_code, failure.code), theirs

    def taken(self, answer: str) -> Standing:
        """A success: what was taken, or what is held until it is captured."""
        captured = self.status == "succeeded"
        amount = self.amount_received if captured else self.amount
        return success(answer, amount, self.currency, self.id, captured)


class Session(msgspec.Struct):
    """A payer's page."""

    id: str
    payment_status: str
    status: str | None = None
    amount_total: int | None = None
    currency: str | None = None
    metadata: dict[str, str] | None = None
    payment_intent: str | Intent | None = None

    @property
    def payment_id(self) -> str | None:
        """Whose it is."""
        return (self.metadata or {}).get("kassa_payment_id")

    def standing(self) -> Standing:
        """How the payment stands, by the session and, where it is expanded, what was tried within it."""
        intent = self.payment_intent if isinstance(self.payment_intent, Intent) else None
        answer = f"session {self.status}, payment {self.payment_status}"
        ours, theirs = intent.declined if intent else (None, None)
        if intent:
            answer += f", last attempt {theirs or intent.status}"
        if intent and (intent.status == "requires_capture" or self.payment_status == "paid"):
            return intent.taken(answer)
        if self.payment_status == "paid":
            return self.succeeded(answer)
        if self.status == "expired":
            return Standing(state="failed", answer=answer, error_code="PAYMENT_EXPIRED", provider_code=theirs)
        if self.status == "complete" and intent and intent.status in ("requires_payment_method", "canceled"):
            return Standing(state="failed", answer=answer, error_code=ours or "PAYMENT_FAILED", provider_code=theirs)
        # A refused attempt leaves the page open: the payer may try another card until the session ends.
        in_flight = self.status == "complete"
        return Standing(state="open", answer=answer, error_code=ours, provider_code=theirs, in_flight=in_flight)

    def succeeded(self, answer: str) -> Standing:
        """A success, by what the session alone tells."""
        intent = self.payment_intent
        charge_ref = intent.id if isinstance(intent, Intent) else intent
        if self.amount_total is None or self.currency is None:
            return Standing(state="succeeded", answer=answer, charge_ref=charge_ref, captured=True)
        return success(answer, self.amount_total, self.currency, charge_ref, True)


class Data(msgspec.Struct):
    """What an event is about: a different object for each family."""

    object: msgspec.Raw


class Refund(msgspec.Struct):
    """Money on its way back, whoever asked for it."""

    id: str
    amount: int
    currency: str
    status: str | None = None
    payment_intent: str | None = None
    metadata: dict[str, str] | None = None
    failure_reason: str | None = None

    def standing(self) -> RefundStanding:
        """How it stands."""
        currency = self.currency.upper()
        return RefundStanding(
            state=_REFUNDS.get(self.status or "pending", "pending"), provider_ref=self.id,
            provider_code=self.failure_reason, refund_id=(self.metadata or {}).get("kassa_refund_id"),
            charge_ref=self.payment_intent, amount=from_stripe(self.amount, currency), currency=currency,
        )  # fmt: skip


class Event(msgspec.Struct):
    """A notification."""

    id: str
    type: str
    livemode: bool = False
    data: Data | None = None


def success(answer: str, amount: int, currency: str, charge_ref: str | None, captured: bool) -> Standing:
    """A success, in our amounts."""
    ours = from_stripe(amount, currency.upper())
    return Standing(
        state="succeeded", answer=answer, amount=ours, currency=currency.upper(), charge_ref=charge_ref,
        captured=captured,
    )  # fmt: skip
