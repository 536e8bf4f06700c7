"""The breaker around a provider's operation: it opens, answers at once, leaves everything else alone, and closes."""

import os
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from msgspec.structs import replace
from prometheus_client import REGISTRY
from tests.live import Live, until
from tests.providers.cases import Sandbox
from tests.providers.test_gateway import Shop, stand

from kassa.providers.base import Credentials, Opened, ProviderError, SessionAsked
from kassa.providers.guarded import FAILURES_TO_OPEN, Guarded
from kassa.providers.stripe import Stripe

__all__ = ["stand"]  # a fixture


class Guard:
    """Stripe's stand-in behind a breaker whose time is short."""

    def __init__(self, sandbox: Sandbox, told: Mapping[str, Any]) -> None:
        self._sandbox, self._stripe = sandbox, Stripe(told["api_url"])
        self._credentials = Credentials(**told["credentials"], live=False)
        self.guarded = Guarded(self._stripe, open_for_s=0.5)

    async def open(self, key: str = "sk_test_kassa_sandbox") -> Opened:
        """Open a session that nothing else knows, with the account of this key."""
        name = os.urandom(8).hex()
        asked = SessionAsked(
            session_id=f"cs_{name}", payment_id=f"pay_{name}", order_id=f"order_{name}", amount=50_000,
            currency="USD", success_url="https://shop.example", cancel_url="https://shop.example",
            expires_at=datetime.now(UTC) + timedelta(hours=24),
        )  # fmt: skip
        return await self.guarded.open_session(asked, replace(self._credentials, key=key))

    async def refused(self) -> str:
        """Open a session, in vain; returns why."""
        with pytest.raises(ProviderError) as refusal:
            await self.open()
        return refusal.value.code

    async def fault(self, kind: str, times: int) -> None:
        """Let the stand-in fail from now on."""
        await self._sandbox.control("faults", provider="stripe", operation="open", kind=kind, times=times)

    async def sessions(self) -> int:
        """How many sessions the stand-in has opened."""
        return len((await self._sandbox.get("/control/books/stripe"))["sessions"])

    async def close(self) -> None:
        """Let go of it."""
        await self._stripe.aclose()


@pytest.fixture
async def guard(sandbox: Sandbox) -> AsyncIterator[Guard]:
    """A breaker that is closed."""
    one = Guard(sandbox, (await sandbox.get("/"))["stripe"])
    await sandbox.control("reset", provider="stripe")
    yield one
    await sandbox.control("reset", provider="stripe")
    await one.close()


def shown(operation: str = "open_session") -> float | None:
    """What this process's metrics say."""
    labels = {"provider": "stripe", "operation": operation}
    return REGISTRY.get_sample_value("kassa_provider_breaker_open", labels)


@pytest.mark.parametrize("kind", ["http_500", "rate_limit"])
async def test_it_opens_after_failures_in_a_row_and_closes_after_its_time(guard: Guard, kind: str) -> None:
    await guard.fault(kind, FAILURES_TO_OPEN)
    for _ in range(FAILURES_TO_OPEN):
        await guard.refused()
    assert shown() == 1

    # The provider works again, but it is left alone for a while.
    assert await guard.refused() == "PROVIDER_UNAVAILABLE"
    assert await guard.sessions() == 0

    async def said_to_be_closed() -> bool:
        return shown() == 0

    await until(said_to_be_closed, "the metrics say that it is closed, though nobody has called")
    assert (await guard.open()).url
    assert await guard.sessions() == 1


async def test_it_opens_again_at_the_first_failure_after_its_time(guard: Guard) -> None:
    await guard.fault("http_500", FAILURES_TO_OPEN + 1)
    for _ in range(FAILURES_TO_OPEN):
        await guard.refused()

    async def closed() -> bool:
        return shown() == 0

    await until(closed, "its time is over")
    await guard.refused()
    assert shown() == 1


async def test_failures_with_a_success_between_them_do_not_open_it(guard: Guard) -> None:
    for _ in range(2):
        await guard.fault("http_500", FAILURES_TO_OPEN - 1)
        for _ in range(FAILURES_TO_OPEN - 1):
            await guard.refused()
        assert (await guard.open()).url
    assert shown() == 0


async def test_one_merchants_account_that_is_used_too_much_holds_up_no_other(guard: Guard) -> None:
    await guard.fault("rate_limit", FAILURES_TO_OPEN)
    for _ in range(FAILURES_TO_OPEN):
        await guard.refused()

    assert await guard.refused() == "PROVIDER_UNAVAILABLE"
    assert (await guard.open("sk_test_another")).url
    assert shown() == 1


async def test_wrong_keys_say_nothing_about_the_provider(guard: Guard) -> None:
    await guard.fault("authentication", FAILURES_TO_OPEN + 1)
    for _ in range(FAILURES_TO_OPEN + 1):
        assert await guard.refused() == "PROVIDER_AUTHENTICATION"
    assert shown() == 0 and (await guard.open()).url


async def test_an_open_breaker_is_told_of_and_holds_up_nothing_else(stand: tuple[Live, str]) -> None:
    gateway = stand[0]
    async with aiohttp.ClientSession() as session:
        shop = Shop(gateway, "stripe", stand[1], session)
        before = await shop.open()
        await shop.control("faults", operation="open", kind="http_500", times=FAILURES_TO_OPEN)
        orders = [await gateway.order(50_000, currency="USD") for _ in range(FAILURES_TO_OPEN + 1)]
        bodies = [{"order_id": order["id"], "provider": "stripe"} for order in orders]
        path = "/api/v1/checkout/sessions"
        refused = [await gateway.post(path, body) for body in bodies[:-1]]

        at_once = await gateway.post(path, bodies[-1])

        assert {(one.status, one.json["error"]["code"]) for one in [*refused, at_once]} == {
            (503, "PROVIDER_UNAVAILABLE")
        }
        # The stand-in would have opened this one: it was not asked.
        rows = await gateway.sql("SELECT payment_id FROM checkout_sessions WHERE order_id = $1", orders[-1]["id"])
        assert await shop.books("sessions", rows[0][0]) == []

        # Its other operations, other providers and the gateway itself go on.
        await shop.control("outcome", session=before["payment_id"], outcome="pay")
        assert (await gateway.settled(before["payment_id"]))["status"] == "success"
        elsewhere = await gateway.post(path, {**bodies[0], "provider": "simulator"})
        assert elsewhere.status == 201
        metrics = (await gateway.get("/metrics")).text
        assert 'kassa_provider_breaker_open{operation="open_session",provider="stripe"} 1.0' in metrics
        assert 'operation="retrieve",provider="stripe"} 1.0' not in metrics
        assert (await gateway.get("/health")).json["status"] == "healthy"
