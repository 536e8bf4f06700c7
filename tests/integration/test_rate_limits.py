"""Rate limits: so many requests a minute, told when to come back, and nobody else is held up."""

import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.integration.shop import WINDOW_S, within_one_window
from tests.live import Live, Reply

PER_KEY, PER_ADDRESS = 12, 7


@pytest.fixture(scope="module")
async def small(gateway: Live) -> AsyncIterator[Live]:
    """A gateway with small limits."""
    limits = {"RATE_LIMIT_PER_KEY": str(PER_KEY), "RATE_LIMIT_PER_ADDRESS": str(PER_ADDRESS)}
    async with await gateway.beside(**limits) as other:
        yield other


def assert_told_to_wait(reply: Reply) -> None:
    """A 429 that says for how long."""
    wait_s = int(reply.headers["Retry-After"])
    assert 1 <= wait_s <= WINDOW_S
    assert reply.refusal == (429, "BAD_REQUEST_ERROR", f"Too many requests; try again in {wait_s} s")


async def test_merchant_has_so_many_requests_a_minute(small: Live) -> None:
    seen: dict[str, Any] = {}

    async def attempt() -> list[Reply]:
        seen["merchant"] = merchant = await small.merchant()
        return [await merchant.post("/api/v1/orders", {"amount": 100}) for _ in range(PER_KEY + 5)]

    replies = await within_one_window(attempt)

    assert [reply.status for reply in replies] == [201] * PER_KEY + [429] * 5
    for reply in replies[PER_KEY:]:
        assert_told_to_wait(reply)
    rows = await small.sql("SELECT count(*) FROM orders WHERE merchant_id = $1::uuid", seen["merchant"].merchant_id)
    assert rows[0][0] == PER_KEY


async def test_one_merchant_does_not_use_up_anothers_requests(small: Live) -> None:
    async def attempt() -> list[Reply]:
        busy, other = await small.merchant(), await small.merchant()
        for _ in range(PER_KEY):
            await busy.get("/api/v1/merchant")
        return [await busy.get("/api/v1/merchant"), await other.get("/api/v1/merchant")]

    refused, served = await within_one_window(attempt)

    assert (refused.status, served.status) == (429, 200)


async def test_stranger_has_so_many_requests_a_minute(small: Live) -> None:
    order = await (await small.merchant()).order()
    path = f"/api/v1/orders/{order['id']}/public"
    addresses = iter(f"203.0.113.{n}" for n in range(1, 200))

    async def attempt() -> list[Reply]:
        mine, other = {"X-Forwarded-For": next(addresses)}, {"X-Forwarded-For": next(addresses)}
        asked = [await small.get(path, headers=mine, anonymous=True) for _ in range(PER_ADDRESS + 3)]
        return [*asked, await small.get(path, headers=other, anonymous=True)]

    *replies, other = await within_one_window(attempt)

    assert [reply.status for reply in replies] == [200] * PER_ADDRESS + [429] * 3
    assert_told_to_wait(replies[-1])
    assert other.status == 200


async def test_addresses_of_one_ipv6_network_are_one_stranger(small: Live) -> None:
    order = await (await small.merchant()).order()
    path = f"/api/v1/orders/{order['id']}/public"
    networks = iter(range(1, 200))

    async def attempt() -> list[Reply]:
        network = f"2001:db8:0:{next(networks):x}"
        addresses = [f"{network}::{n:x}" for n in range(1, PER_ADDRESS + 4)]
        return [await small.get(path, headers={"X-Forwarded-For": one}, anonymous=True) for one in addresses]

    replies = await within_one_window(attempt)

    assert [reply.status for reply in replies] == [200] * PER_ADDRESS + [429] * 3


async def test_who_tries_credentials_is_slowed_down(small: Live) -> None:
    addresses = iter(f"198.51.100.{n}" for n in range(1, 200))

    async def attempt() -> list[Reply]:
        headers = {"X-Forwarded-For": next(addresses), "X-Api-Secret": "a guess"}
        return [await small.get("/api/v1/merchant", headers=headers) for _ in range(PER_ADDRESS + 3)]

    replies = await within_one_window(attempt)

    assert [reply.status for reply in replies] == [401] * PER_ADDRESS + [429] * 3
    assert_told_to_wait(replies[-1])


async def test_who_tries_too_many_credentials_is_not_looked_up_any_more(small: Live) -> None:
    addresses = iter(f"198.51.101.{n}" for n in range(1, 200))

    async def attempt() -> list[Reply]:
        address = {"X-Forwarded-For": next(addresses)}
        known, stranger = await small.merchant(), await small.merchant()
        assert (await known.get("/api/v1/merchant", headers=address)).status == 200
        for _ in range(PER_ADDRESS):
            await small.get("/api/v1/merchant", headers={**address, "X-Api-Key": f"key_{secrets.token_hex(8)}"})
        return [await one.get("/api/v1/merchant", headers=address) for one in (stranger, known)]

    unknown, known = await within_one_window(attempt)

    # Whether a key that nobody has used lately is right would have to be looked up; one that is known goes on.
    assert_told_to_wait(unknown)
    assert known.status == 200


async def test_health_is_not_limited(small: Live) -> None:
    replies = [await small.get("/health", anonymous=True) for _ in range(3 * PER_KEY)]

    assert {reply.status for reply in replies} == {200}
