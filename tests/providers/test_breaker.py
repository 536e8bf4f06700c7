"""The breaker around a provider's operation: it opens, answers at once, leaves everything else alone, and closes."""

import os
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from prometheus_client import REGISTRY
from tests.live import until
from tests.providers.cases import Sandbox
from tests.providers.shop import shop_of
from tests.stand import Stand

from kassa.providers.base import Credentials, Opened, ProviderError, SessionAsked
from kassa.providers.guarded import FAILURES_TO_OPEN, Guarded
from kassa.providers.stripe import Stripe


class Guard:
    """Stripe's stand-in behind a breaker whose time is short."""

    def __init__(self, sandbox: Sandbox, told: Mapping[str, Any]) -> None:
        self._sandbox, self._stripe = sandbox, Stripe(told["api_url"])
        self._credentials = Credentials(**told["credentials"], live=False)
        self.guarded = Guarded(self._stripe, open_for_s=2)
        # A name of its own in the metrics, where what an earlier test left open is said to close some time later.
        self.guarded.name = f"stripe_{os.urandom(8).hex()}"

    def shown(self) -> float | None:
        """What this process's metrics say of opening sessions."""
        labels = {"provider": self.guarded.name, "operation": "open_session"}
        return REGISTRY.get_sample_value("kassa_provider_breaker_open", labels)

    async def open(self, **account: str) -> Opened:
        """Open a session that nothing else knows, with another `account`, where one is named."""
        name = os.urandom(8).hex()
        asked = SessionAsked(
            session_id=f"cs_{name}", payment_id=f"pay_{name}", order_id=f"order_{name}", amount=50_000,
            currency="USD", success_url="https://shop.example", cancel_url="https://shop.example",
            expires_at=datetime.now(UTC) + timedelta(hours=24),
        )  # fmt: skip
        return await self.guarded.open_session(asked, replace(self._credentials, **account))

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


async def test_it_opens_after_failures_in_a_row_and_closes_after_its_time(guard: Guard) -> None:
    await guard.fault("http_500", FAILURES_TO_OPEN)
    for _ in range(FAILURES_TO_OPEN):
        await guard.refused()
    assert guard.shown() == 1

    # The provider works again, but it is left alone for a while.
    assert await guard.refused() == "PROVIDER_UNAVAILABLE"
    assert await guard.sessions() == 0

    async def said_to_be_closed() -> bool:
        return guard.shown() == 0

    await until(said_to_be_closed, "the metrics say that it is closed, though nobody has called")
    assert (await guard.open()).url
    assert await guard.sessions() == 1


async def test_it_opens_again_at_the_first_failure_after_its_time(guard: Guard) -> None:
    await guard.fault("http_500", FAILURES_TO_OPEN + 1)
    for _ in range(FAILURES_TO_OPEN):
        await guard.refused()

    async def closed() -> bool:
        return guard.shown() == 0

    await until(closed, "its time is over")
    await guard.refused()
    assert guard.shown() == 1


async def test_failures_with_a_success_between_them_do_not_open_it(guard: Guard) -> None:
    for _ in range(2):
        await guard.fault("http_500", FAILURES_TO_OPEN - 1)
        for _ in range(FAILURES_TO_OPEN - 1):
            await guard.refused()
        assert (await guard.open()).url
    assert guard.shown() == 0


@pytest.mark.parametrize("another", [{"key": "sk_test_another"}, {"secret": "another"}], ids=str)
async def test_one_account_that_fails_holds_up_no_other(guard: Guard, another: dict[str, str]) -> None:
    await guard.fault("http_500", FAILURES_TO_OPEN)
    for _ in range(FAILURES_TO_OPEN):
        await guard.refused()

    assert await guard.refused() == "PROVIDER_UNAVAILABLE"
    assert (await guard.open(**another)).url
    assert guard.shown() == 1


async def test_requests_that_come_too_fast_stop_nobody_who_comes_after_them(guard: Guard) -> None:
    await guard.fault("rate_limit", 2 * FAILURES_TO_OPEN)

    assert {await guard.refused() for _ in range(2 * FAILURES_TO_OPEN)} == {"PROVIDER_RATE_LIMITED"}
    assert (await guard.open()).url
    assert guard.shown() == 0


async def test_wrong_keys_say_nothing_about_the_provider(guard: Guard) -> None:
    await guard.fault("authentication", FAILURES_TO_OPEN + 1)
    for _ in range(FAILURES_TO_OPEN + 1):
        assert await guard.refused() == "PROVIDER_AUTHENTICATION"
    assert guard.shown() == 0 and (await guard.open()).url


async def test_an_open_breaker_is_told_of_and_holds_up_nothing_else(stand: Stand) -> None:
    gateway, path = await stand.gateway.merchant(), "/api/v1/checkout/sessions"
    # An account of its own: for as long as its breaker is open, other tests use another.
    account = {"key": "sk_test_of_the_breaker", "webhook_secret": "whsec_of_the_breaker"}
    kept = await gateway.request("PUT", "/api/v1/merchant/providers/stripe", account)
    assert kept.status == 200, kept.text
    async with shop_of(stand, "stripe", gateway) as shop:
        before = await shop.open()
        await shop.control("faults", operation="open", kind="http_500", times=FAILURES_TO_OPEN)
        orders = [await gateway.order(50_000, currency="USD") for _ in range(FAILURES_TO_OPEN + 1)]
        bodies = [{"order_id": order["id"], "provider": "stripe"} for order in orders]
        refused = [await gateway.post(path, body) for body in bodies[:-1]]

        at_once = await gateway.post(path, bodies[-1])

        assert {(one.status, one.json["error"]["code"]) for one in [*refused, at_once]} == {
            (503, "PROVIDER_UNAVAILABLE")
        }
        # The stand-in would have opened this one: it was not asked.
        rows = await gateway.sql("SELECT payment_id FROM checkout_sessions WHERE order_id = $1", orders[-1]["id"])
        assert await shop.books("sessions", rows[0][0]) == []

        # Its other operations, other accounts and providers, and the gateway itself go on.
        await shop.control("outcome", session=before["payment_id"], outcome="pay")
        await shop.look(before["payment_id"])
        assert (await shop.payment(before["payment_id"]))["status"] == "success"
        assert (await shop.of(stand.gateway).open())["status"] == "open"
        elsewhere = await gateway.post(path, {**bodies[0], "provider": "simulator"})
        assert elsewhere.status == 201
        metrics = (await gateway.get("/metrics")).text
        assert 'kassa_provider_breaker_open{operation="open_session",provider="stripe"} 1.0' in metrics
        assert 'operation="retrieve",provider="stripe"} 1.0' not in metrics
        assert (await gateway.get("/health")).json["status"] == "healthy"
