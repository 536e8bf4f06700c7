"""Races: whatever arrives at once, money moves once, and each change is told once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from tests.live import CARD, Live, Receiver, Reply, until


@pytest.fixture(scope="module")
async def crowded(gateway: Live) -> AsyncIterator[Live]:
    """A gateway of two API processes and two workers."""
    async with await gateway.beside("--api", "2", "--workers", "2") as other:
        yield other


async def at_once(*requests: Awaitable[Reply]) -> list[Reply]:
    """The answers to requests that are all under way together."""
    return list(await asyncio.gather(*requests))


@asynccontextmanager
async def holding(gateway: Live, lock: str, lock_of: str) -> AsyncIterator[None]:
    """Inside, everyone has to wait who wants what the statement `lock` takes, with `lock_of` as its argument."""
    holder = await asyncpg.connect(gateway.urls()[0])
    transaction = holder.transaction()
    await transaction.start()
    await holder.execute(lock, lock_of)
    try:
        yield
    finally:
        await transaction.rollback()
        await holder.close()


async def waiting(gateway: Live, count: int) -> None:
    """Wait until so many wait for a lock."""

    async def all_wait() -> bool:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        return bool(await scalar(gateway, query) >= count)

    await until(all_wait, f"{count} wait for a lock")


async def behind(
    gateway: Live, lock: str, lock_of: str, count: int, *requests: Coroutine[Any, Any, Reply]
) -> list[Reply]:
    """The answers to requests of which `count` at least had got as far as a lock before anyone got beyond it."""
    async with holding(gateway, lock, lock_of):
        under_way = [asyncio.create_task(request) for request in requests]
        await waiting(gateway, count)
    return list(await asyncio.gather(*under_way))


PAYMENT = "SELECT FROM payments WHERE id = $1 FOR UPDATE"
KEY = """INSERT INTO idempotency_keys (key, merchant_id, response, expires_at)
         VALUES ('once', $1::uuid, '{}', now() + interval '1 hour')"""
EXPIRED_KEY = "SELECT FROM idempotency_keys WHERE merchant_id = $1::uuid FOR UPDATE"


async def scalar(gateway: Live, statement: str, *args: object) -> Any:
    """The only value that a statement gives."""
    return (await gateway.sql(statement, *args))[0][0]


async def test_fifty_payments_with_one_key_are_one(crowded: Live) -> None:
    merchant = await crowded.merchant()
    order = await merchant.order()
    body = {"order_id": order["id"], "method": "card", "card": CARD}
    async with Receiver() as receiver:
        await merchant.use_webhooks(receiver.url)

        requests = [merchant.post("/api/v1/payments", body, headers={"Idempotency-Key": "once"}) for _ in range(50)]
        replies = await behind(merchant, KEY, merchant.merchant_id, 1, *requests)

        assert Counter(reply.status for reply in replies) == {201: 50}
        assert len({reply.text for reply in replies}) == 1
        payment = await merchant.settled(replies[0].json["id"])
        assert await receiver.events(payment["id"], 3) == ["payment.created", "payment.pending", "payment.success"]
        own = merchant.merchant_id
        assert await scalar(merchant, "SELECT count(*) FROM payments WHERE merchant_id = $1::uuid", own) == 1
        assert await scalar(merchant, "SELECT count(*) FROM webhook_logs WHERE merchant_id = $1::uuid", own) == 3
        assert len(receiver.received) == 3
        await merchant.use_webhooks(None)


async def test_fifty_orders_with_one_key_are_one(crowded: Live) -> None:
    merchant = await crowded.merchant()

    requests = [
        merchant.post("/api/v1/orders", {"amount": 700}, headers={"Idempotency-Key": "once"}) for _ in range(50)
    ]
    replies = await behind(merchant, KEY, merchant.merchant_id, 1, *requests)

    assert Counter(reply.status for reply in replies) == {201: 50}
    assert len({reply.text for reply in replies}) == 1
    count = "SELECT count(*) FROM orders WHERE merchant_id = $1::uuid"
    assert await scalar(merchant, count, merchant.merchant_id) == 1


async def test_one_key_is_claimed_once_in_a_group_commit_too(gateway: Live) -> None:
    merchant = await gateway.merchant()
    async with holding(merchant, KEY, merchant.merchant_id):
        # One request holds up the group commit, which the others gather behind.
        first = asyncio.create_task(
            merchant.post("/api/v1/orders", {"amount": 100}, headers={"Idempotency-Key": "once"})
        )
        await waiting(merchant, 1)
        headers = {"Idempotency-Key": "twice"}
        others = [
            asyncio.create_task(merchant.post("/api/v1/orders", {"amount": 200}, headers=headers)) for _ in range(9)
        ]
        for _ in range(20):
            await merchant.get("/health")

    assert (await first).status == 201
    replies = await asyncio.gather(*others)
    assert Counter(reply.status for reply in replies) == {201: 9}
    assert len({reply.text for reply in replies}) == 1
    count = "SELECT count(*) FROM orders WHERE merchant_id = $1::uuid"
    assert await scalar(merchant, count, merchant.merchant_id) == 2


async def test_of_different_requests_with_one_key_one_is_done(crowded: Live) -> None:
    merchant = await crowded.merchant()

    headers = {"Idempotency-Key": "once"}
    requests = [merchant.post("/api/v1/orders", {"amount": 1_000 + n}, headers=headers) for n in range(30)]
    replies = await behind(merchant, KEY, merchant.merchant_id, 1, *requests)

    assert Counter(reply.status for reply in replies) == {201: 1, 400: 29}
    rows = await merchant.sql("SELECT id FROM orders WHERE merchant_id = $1::uuid", merchant.merchant_id)
    assert [row[0] for row in rows] == [reply.json["id"] for reply in replies if reply.status == 201]


async def test_expired_key_is_taken_over_once(crowded: Live) -> None:
    merchant = await crowded.merchant()
    headers = {"Idempotency-Key": "old"}
    first = await merchant.post("/api/v1/orders", {"amount": 100}, headers=headers)
    await merchant.sql(
        "UPDATE idempotency_keys SET expires_at = now() WHERE merchant_id = $1::uuid", merchant.merchant_id
    )

    requests = [merchant.post("/api/v1/orders", {"amount": 200}, headers=headers) for _ in range(30)]
    replies = await behind(merchant, EXPIRED_KEY, merchant.merchant_id, 1, *requests)

    assert Counter(reply.status for reply in replies) == {201: 30}
    assert len({reply.text for reply in replies}) == 1
    assert replies[0].json["id"] != first.json["id"]
    count = "SELECT count(*) FROM orders WHERE merchant_id = $1::uuid"
    assert await scalar(merchant, count, merchant.merchant_id) == 2


async def test_of_twenty_refunds_of_60_percent_one_is_made(crowded: Live) -> None:
    merchant = await crowded.merchant()
    payment = await merchant.paid(50_000)

    path = f"/api/v1/payments/{payment['id']}/refunds"
    requests = [merchant.post(path, {"amount": 30_000}) for _ in range(20)]
    replies = await behind(merchant, PAYMENT, payment["id"], 5, *requests)

    assert Counter(reply.status for reply in replies) == {201: 1, 400: 19}
    excess = (400, "BAD_REQUEST_ERROR", "Refund amount exceeds available amount")
    assert {reply.refusal for reply in replies if reply.status == 400} == {excess}
    rows = await merchant.sql("SELECT amount FROM refunds WHERE payment_id = $1", payment["id"])
    assert [row[0] for row in rows] == [30_000]
    assert await scalar(merchant, "SELECT refunded_amount FROM payments WHERE id = $1", payment["id"]) == 30_000


async def test_small_refunds_at_once_stop_at_the_amount(crowded: Live) -> None:
    merchant = await crowded.merchant()
    payment = await merchant.paid(1_000)

    path = f"/api/v1/payments/{payment['id']}/refunds"
    replies = await at_once(*(merchant.post(path, {"amount": 90}) for _ in range(30)))

    assert Counter(reply.status for reply in replies) == {201: 11, 400: 19}

    async def all_processed() -> bool:
        done = "SELECT sum(amount) FILTER (WHERE status = 'processed') FROM refunds WHERE payment_id = $1"
        return bool(await scalar(merchant, done, payment["id"]) == 990)

    await until(all_processed, "every refund is processed")
    timeline = (await merchant.get(f"/api/v1/payments/{payment['id']}/timeline")).json["data"]
    assert [entry["sequence"] for entry in timeline] == list(range(1, 26))
    told = Counter((entry["event"], entry["refund_id"]) for entry in timeline[3:])
    assert len(told) == 22
    assert set(told.values()) == {1}


async def test_refund_and_capture_with_one_key_each_are_done_once(crowded: Live) -> None:
    merchant = await crowded.merchant()
    payment = await merchant.paid(50_000)
    path = f"/api/v1/payments/{payment['id']}"

    refunds = [
        merchant.post(f"{path}/refunds", {"amount": 10_000}, headers={"Idempotency-Key": "r"}) for _ in range(10)
    ]
    captures = [
        merchant.post(f"{path}/capture", {"amount": 50_000}, headers={"Idempotency-Key": "c"}) for _ in range(10)
    ]
    replies = await behind(merchant, PAYMENT, payment["id"], 2, *refunds, *captures)

    assert [reply.status for reply in replies] == [201] * 10 + [200] * 10
    assert len({reply.text for reply in replies[:10]}) == len({reply.text for reply in replies[10:]}) == 1
    timeline = (await merchant.get(f"{path}/timeline")).json["data"]
    told = Counter(entry["event"] for entry in timeline)
    assert (told["payment.captured"], told["refund.created"]) == (1, 1)
    assert (await merchant.get(path)).json["refunded_amount"] == 10_000


async def test_of_captures_at_once_one_is_done(crowded: Live) -> None:
    merchant = await crowded.merchant()
    payment = await merchant.paid()

    path = f"/api/v1/payments/{payment['id']}/capture"
    requests = [merchant.post(path, {"amount": 50_000}) for _ in range(20)]
    replies = await behind(merchant, PAYMENT, payment["id"], 5, *requests)

    assert Counter(reply.status for reply in replies) == {200: 1, 400: 19}
    refused = (400, "BAD_REQUEST_ERROR", "Payment not in capturable state")
    assert {reply.refusal for reply in replies if reply.status == 400} == {refused}
    timeline = (await merchant.get(f"/api/v1/payments/{payment['id']}/timeline")).json["data"]
    assert [entry["event"] for entry in timeline].count("payment.captured") == 1


async def test_of_payments_that_race_for_an_order_one_succeeds(crowded: Live) -> None:
    merchant = await crowded.merchant()
    orders = [await merchant.order() for _ in range(15)]

    created = await asyncio.gather(*(merchant.pay(order["id"]) for order in orders for _ in range(2)))
    ends = await asyncio.gather(*(merchant.settled(payment["id"]) for payment in created))

    for order in orders:
        pair = sorted((end for end in ends if end["order_id"] == order["id"]), key=lambda end: str(end["status"]))
        assert [(end["status"], end.get("error_code")) for end in pair] == [
            ("failed", "ORDER_ALREADY_PAID"),
            ("success", None),
        ]
        assert pair[0]["error_description"] == "Order is already paid"
        assert (await merchant.get(f"/api/v1/orders/{order['id']}")).json["status"] == "paid"


async def test_two_workers_settle_and_tell_each_payment_once(crowded: Live) -> None:
    merchant, count = await crowded.merchant(), 200
    async with Receiver() as receiver:
        await merchant.use_webhooks(receiver.url)
        orders = await asyncio.gather(*(merchant.order() for _ in range(count)))
        vpas = ["success@kassa", "failure@kassa"] * (count // 2)

        payments = await asyncio.gather(*(merchant.pay(o["id"], vpa) for o, vpa in zip(orders, vpas, strict=True)))

        async def all_told() -> bool:
            return len(receiver.received) >= 3 * count

        await until(all_told, "everything is told")
        for payment, vpa in zip(payments, vpas, strict=True):
            end = "payment.success" if vpa == "success@kassa" else "payment.failed"
            told = [one.json["event"] for one in receiver.of(payment["id"])]
            assert told == ["payment.created", "payment.pending", end]
        rows = await merchant.sql(
            """SELECT count(*), count(DISTINCT payment_id) FROM payment_events e JOIN payments p ON p.id = e.payment_id
               WHERE p.merchant_id = $1::uuid AND e.event IN ('payment.success', 'payment.failed')""",
            merchant.merchant_id,
        )
        assert tuple(rows[0]) == (count, count)
        assert len({one.headers["webhook-id"] for one in receiver.received}) == 3 * count == len(receiver.received)
        await merchant.use_webhooks(None)
