"""A payment link that is ended cannot be paid by those who have its order open already, however close the race."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from tests.integration.shop import LINKS, link_of, visit
from tests.live import Live, Reply, until

OVER = (400, "BAD_REQUEST_ERROR", "This payment link is not active any more")


async def pay(gateway: Live, order: Any, path: str = "", key: str | None = None) -> Reply:
    """Try to pay an order, as its payer or as its merchant."""
    body = {"order_id": order["id"], "method": "upi", "vpa": "success@kassa"}
    headers = {"Idempotency-Key": key} if key else {}
    return await gateway.post(f"/api/v1/payments{path}", body, headers=headers, anonymous=path == "/public")


async def end(gateway: Live, link: Any) -> Reply:
    """End a link."""
    return await gateway.post(f"{LINKS}/{link['id']}/deactivate", {})


@asynccontextmanager
async def elsewhere(gateway: Live) -> AsyncIterator[asyncpg.Connection]:
    """Another client of the database, in the middle of a transaction."""
    connection = await asyncpg.connect(gateway.urls()[0])
    try:
        await connection.execute("BEGIN")
        yield connection
    finally:
        await connection.close()


async def waiting(gateway: Live, count: int) -> None:
    """Return once this many statements wait for others' locks."""

    async def wait() -> bool:
        rows = await gateway.sql("SELECT count(*) FROM pg_stat_activity WHERE cardinality(pg_blocking_pids(pid)) > 0")
        return bool(rows[0][0] >= count)

    await until(wait, f"{count} statements wait")


@pytest.mark.parametrize("reusable", [False, True])
@pytest.mark.parametrize("path", ["", "/public"])
async def test_an_open_order_cannot_be_paid_once_its_link_has_ended(gateway: Live, path: str, reusable: bool) -> None:
    link, other = await link_of(gateway, reusable=reusable), await link_of(gateway, reusable=reusable)
    order, others = await visit(gateway, link), await visit(gateway, other)
    key = f"key-{order['id']}"

    assert (await end(gateway, link)).status == 200

    assert [(await pay(gateway, order, path, key)).refusal for _ in range(2)] == [OVER] * 2
    assert await gateway.sql("SELECT 1 FROM payments WHERE order_id = $1", order["id"]) == []
    assert (await pay(gateway, others, path)).status == 201


async def test_what_was_accepted_before_the_end_is_settled_and_told_again(gateway: Live) -> None:
    link = await link_of(gateway)
    order = await visit(gateway, link)
    accepted = await pay(gateway, order, key=f"before-{order['id']}")

    await end(gateway, link)

    assert (await pay(gateway, order, key=f"before-{order['id']}")).json == accepted.json
    assert (await gateway.settled(accepted.json["id"]))["status"] == "success"


async def test_who_pays_while_the_link_ends_waits_and_is_refused(gateway: Live) -> None:
    link = await link_of(gateway)
    order = await visit(gateway, link)
    async with elsewhere(gateway) as ending:
        await ending.execute("UPDATE payment_links SET active = false WHERE id = $1", link["id"])
        paying = asyncio.create_task(pay(gateway, order, "/public"))
        await waiting(gateway, 1)
        await ending.execute("COMMIT")
    assert (await paying).refusal == OVER


async def test_who_ends_a_link_while_it_is_paid_is_answered_when_the_payment_is_there(gateway: Live) -> None:
    link = await link_of(gateway)
    order = await visit(gateway, link)
    key = f"while-{order['id']}"
    async with elsewhere(gateway) as twin:
        # A twin that has the same key open holds the payment up on its way in.
        await twin.execute(
            "INSERT INTO idempotency_keys (key, merchant_id, response) VALUES ($1, $2::uuid, '{}')",
            key,
            gateway.merchant_id,
        )
        paying = asyncio.create_task(pay(gateway, order, key=key))
        await waiting(gateway, 1)
        ending = asyncio.create_task(end(gateway, link))
        await waiting(gateway, 2)
        assert not ending.done()
        await twin.execute("ROLLBACK")
    accepted = await paying
    assert (accepted.status, (await ending).status) == (201, 200)
    assert (await gateway.settled(accepted.json["id"]))["status"] == "success"


async def test_after_the_answer_nobody_gets_in_of_many_who_race(gateway: Live) -> None:
    link = await link_of(gateway, reusable=True)
    orders = [await visit(gateway, link) for _ in range(40)]

    async def late(order: Any) -> Reply:
        await ended.wait()
        return await pay(gateway, order, "/public")

    ended = asyncio.Event()
    early = [asyncio.create_task(pay(gateway, order, "/public")) for order in orders[:20]]
    after = [asyncio.create_task(late(order)) for order in orders[20:]]
    assert (await end(gateway, link)).status == 200
    ended.set()

    raced = [reply.status for reply in await asyncio.gather(*early)]
    assert set(raced) <= {201, 400}
    assert [reply.refusal for reply in await asyncio.gather(*after)] == [OVER] * 20
    rows = await gateway.sql("SELECT count(*) FROM payments p JOIN orders o ON o.id = p.order_id"
                             " WHERE o.payment_link_id = $1", link["id"])  # fmt: skip
    assert rows[0][0] == raced.count(201)
