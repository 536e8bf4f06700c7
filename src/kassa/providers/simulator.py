"""The simulated bank: answers after a while, by chance, by test mode, or as a well-known test card or VPA asks."""

import random
from collections.abc import AsyncIterator, Mapping
from datetime import date, datetime, timedelta

from kassa.domain.errors import CATALOGUE
from kassa.domain.payment import SIMULATOR, Outcome, Payment
from kassa.providers.base import (
    Capability,
    Charge,
    Credentials,
    Listed,
    Notice,
    Opened,
    ProviderError,
    RefundStanding,
    SessionAsked,
    Standing,
)
from kassa.settings import Settings

SUCCESS = "success"
# The whole table of test values; what is not in it is decided by chance.
TEST_CARDS = {
    "4242424242424242": SUCCESS,
    "5555555555554444": SUCCESS,
    "378282246310005": SUCCESS,
    "6073849700004947": SUCCESS,
    "4000000000000002": "card_declined",
    "4000000000009995": "insufficient_funds",
    "4000000000000069": "expired_card",
    "4000000000000119": "processing_error",
}
TEST_VPAS = {"success@kassa": SUCCESS, "failure@kassa": "PAYMENT_FAILED"}


class Simulator:
    """A bank that keeps no books of its own: what it must remember of a payment is the reference it gives out."""

    name = SIMULATOR
    capabilities = frozenset(Capability)

    def __init__(self, settings: Settings, chance: random.Random) -> None:
        self._settings = settings
        self._chance = chance

    def accept(
        self, now: datetime, vpa: str | None = None, card_digits: str | None = None
    ) -> tuple[datetime, str | None]:
        """Take a payment in; returns when the answer is due and the bank's reference, None for one left to chance."""
        s = self._settings
        if s.test_mode:
            delay_ms: float = s.test_processing_delay
        else:
            delay_ms = self._chance.uniform(s.processing_delay_min, s.processing_delay_max)
        reference = TEST_CARDS.get(card_digits or "") or TEST_VPAS.get((vpa or "").lower())
        return now + timedelta(milliseconds=delay_ms), reference

    def verdict(self, payment: Payment) -> Outcome:
        """The answer that was due: test values that decline do so always, test mode decides all others."""
        if payment.session_id is not None:
            # Who comes to the page pays with a payment of their own: this one only keeps the session's time.
            return Outcome(payment.id, False, "PAYMENT_EXPIRED", CATALOGUE["PAYMENT_EXPIRED"].sentence)
        s = self._settings
        if payment.provider_ref in CATALOGUE:
            code = payment.provider_ref
        elif s.test_mode:
            code = SUCCESS if s.test_payment_success else "PAYMENT_FAILED"
        elif payment.provider_ref == SUCCESS:
            code = SUCCESS
        else:
            rate = s.upi_success_rate if payment.method == "upi" else s.card_success_rate
            code = SUCCESS if self._chance.random() < rate else "PAYMENT_FAILED"
        if code == SUCCESS:
            return Outcome(payment.id, True)
        return Outcome(payment.id, False, code, CATALOGUE[code].sentence)

    def refund_due(self, now: datetime) -> datetime:
        """When a refund that is asked for `now` will have arrived."""
        s = self._settings
        return now + timedelta(milliseconds=self._chance.uniform(s.refund_delay_min, s.refund_delay_max))

    async def open_session(self, asked: SessionAsked, credentials: Credentials) -> Opened:
        """Our own checkout page of the order."""
        return Opened(asked.session_id, f"{self._settings.checkout_url}/checkout?order_id={asked.order_id}")

    async def retrieve(self, charge: Charge, credentials: Credentials) -> Standing:
        """Open: this bank's answers are due times, which the worker waits for by itself."""
        return Standing(state="open", answer="waiting for the payer")

    async def expire(self, charge: Charge, credentials: Credentials) -> Standing:
        """Nobody can pay it any more."""
        return Standing(state="failed", answer="expired", error_code="PAYMENT_EXPIRED")

    async def capture(self, charge: Charge, credentials: Credentials) -> Standing:
        """Captured: this bank holds nothing back."""
        return Standing(state="succeeded", answer="captured", amount=charge.amount, currency=charge.currency)

    async def refund(self, charge: Charge, refund_id: str, amount: int, credentials: Credentials) -> RefundStanding:
        """Back at once; the delay is the worker's."""
        return RefundStanding(state="processed", provider_ref=refund_id)

    async def refunds_of(self, charge: Charge, credentials: Credentials) -> list[RefundStanding]:
        """This bank keeps no books to look into."""
        raise ProviderError("PROVIDER_CANNOT", self.name)

    async def retrieve_refund(self, refund_ref: str, credentials: Credentials) -> RefundStanding:
        """Nor here."""
        raise ProviderError("PROVIDER_CANNOT", self.name)

    def must_fetch(self, headers: Mapping[str, str]) -> bool:
        """Nothing is looked at."""
        return False

    async def verify(self, headers: Mapping[str, str], body: bytes, credentials: Credentials, now: datetime) -> Notice:
        """Nobody can have signed any."""
        raise ProviderError("INVALID_SIGNATURE", self.name, description="The simulated bank sends no notifications")

    async def payments_on(self, day: date, credentials: Credentials) -> AsyncIterator[Listed]:
        """This bank keeps no list."""
        return
        yield

    async def refunds_on(self, day: date, credentials: Credentials) -> AsyncIterator[RefundStanding]:
        """Nor one of refunds."""
        return
        yield
