"""What stands around every provider: a time limit, a breaker per operation and account, and nothing undeclared."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import date, datetime
from typing import TypeVar

from circuitbreaker import CircuitBreaker
from prometheus_client import Gauge

from kassa.providers.base import (
    Capability,
    Charge,
    Credentials,
    Listed,
    Notice,
    Opened,
    Provider,
    ProviderError,
    RefundStanding,
    SessionAsked,
    Standing,
)

T = TypeVar("T")
_OPEN = Gauge(
    "kassa_provider_breaker_open",
    "1 while calls to a provider's operation are answered at once, since it has failed too often",
    ["provider", "operation"],
    multiprocess_mode="livemax",
)
TIMEOUT_S = 8.0
FAILURES_TO_OPEN = 5
OPEN_FOR_S = 30


class Guarded:
    """A provider that answers in time, or says at once that it cannot be reached."""

    def __init__(self, provider: Provider, open_for_s: float = OPEN_FOR_S) -> None:
        self.name = provider.name
        self.capabilities = provider.capabilities
        self.inner = provider
        # By operation and account: what befalls one merchant's account is no matter of the others, nor is what befalls
        # somebody who knows the key of an account, which some providers publish, but not its secret.
        self._breakers: defaultdict[str, dict[tuple[str, str], CircuitBreaker]] = defaultdict(dict)
        self._open_for_s = open_for_s

    def require(self, capability: Capability) -> None:
        """Raise PROVIDER_CANNOT unless the provider declares `capability`."""
        if capability not in self.capabilities:
            raise ProviderError(
                "PROVIDER_CANNOT", self.name, description=f"{self.name} cannot do this: {capability.replace('_', ' ')}"
            )

    async def open_session(self, asked: SessionAsked, credentials: Credentials) -> Opened:
        """Open a hosted session."""
        self.require(Capability.HOSTED_SESSION)
        return await self._call("open_session", credentials, lambda: self.inner.open_session(asked, credentials))

    async def retrieve(self, charge: Charge, credentials: Credentials) -> Standing:
        """Ask how a payment stands."""
        return await self._call("retrieve", credentials, lambda: self.inner.retrieve(charge, credentials))

    async def expire(self, charge: Charge, credentials: Credentials) -> Standing:
        """End an open session."""
        self.require(Capability.EXPIRE)
        return await self._call("expire", credentials, lambda: self.inner.expire(charge, credentials))

    async def capture(self, charge: Charge, credentials: Credentials) -> Standing:
        """Capture what was authorised."""
        self.require(Capability.CAPTURE)
        return await self._call("capture", credentials, lambda: self.inner.capture(charge, credentials))

    async def refunds_of(self, charge: Charge, credentials: Credentials) -> list[RefundStanding]:
        """All refunds of a payment."""
        return await self._call("refunds_of", credentials, lambda: self.inner.refunds_of(charge, credentials))

    async def refund(self, charge: Charge, refund_id: str, amount: int, credentials: Credentials) -> RefundStanding:
        """Give back `amount`, once per `refund_id`."""
        if amount != charge.amount:
            self.require(Capability.PARTIAL_REFUND)
        return await self._call(
            "refund", credentials, lambda: self.inner.refund(charge, refund_id, amount, credentials)
        )

    async def retrieve_refund(self, refund_ref: str, credentials: Credentials) -> RefundStanding:
        """Ask about a refund by the provider's own name."""
        return await self._call(
            "retrieve_refund", credentials, lambda: self.inner.retrieve_refund(refund_ref, credentials)
        )

    def must_fetch(self, headers: Mapping[str, str]) -> bool:
        """Whether a stranger who sends these headers would have the provider asked for something."""
        return self.inner.must_fetch(headers)

    async def verify(self, headers: Mapping[str, str], body: bytes, credentials: Credentials, now: datetime) -> Notice:
        """The notification in `body`, if its signature is right."""
        return await self.inner.verify(headers, body, credentials, now)

    def payments_on(self, day: date, credentials: Credentials) -> AsyncIterator[Listed]:
        """The provider's own list of a day's payments (UTC)."""
        return self.inner.payments_on(day, credentials)

    def refunds_on(self, day: date, credentials: Credentials) -> AsyncIterator[RefundStanding]:
        """The provider's own list of the refunds that were made on a day (UTC)."""
        return self.inner.refunds_on(day, credentials)

    async def _call(self, operation: str, credentials: Credentials, work: Callable[[], Awaitable[T]]) -> T:
        breakers, account = self._breakers[operation], (credentials.key, credentials.secret)
        breaker = breakers.get(account)
        if breaker is None:
            breaker = breakers[account] = CircuitBreaker(
                FAILURES_TO_OPEN, self._open_for_s, _trips, f"{self.name}.{operation}"
            )
        if breaker.opened:
            raise ProviderError("PROVIDER_UNAVAILABLE", self.name)

        async def timed() -> T:
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    return await work()
            except TimeoutError as error:
                # It may have done what it was asked: only asking again can tell.
                raise ProviderError("PROVIDER_TIMEOUT", self.name, unknown=True) from error

        try:
            result: T = await breaker.call_async(timed)
            return result
        finally:
            self._tell(operation, breaker)

    def _tell(self, operation: str, breaker: CircuitBreaker) -> None:
        """Say whether a breaker is open; when its time is over say so too, though nobody may call."""
        _OPEN.labels(self.name, operation).set(any(one.opened for one in self._breakers[operation].values()))
        if breaker.opened:
            asyncio.get_running_loop().call_later(breaker.open_remaining, self._tell, operation, breaker)


def _trips(kind: type[BaseException], error: BaseException) -> bool:
    """Whether a failure says something about the provider, and not about one request.

    A request that came too soon after others does not: the provider works, and who made the others must not be able to
    stop everybody for longer than the provider does.
    """
    return issubclass(kind, ProviderError) and isinstance(error, ProviderError) and (
        error.unknown or error.code == "PROVIDER_UNAVAILABLE"
    )  # fmt: skip
