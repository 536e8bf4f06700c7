"""Background jobs: counted truly, done while others wait, and found again when the queue has lost them."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from aiohttp import web
from redis.asyncio import Redis

from kassa.local import running
from kassa.queue import LeaseQueue
from tests.integration.deliveries import attempted
from tests.live import Live, Received, Receiver, until

IDLE = {"pending": 0, "processing": 0, "completed": 0, "failed": 0}


@pytest.fixture(scope="module")
async def slow(gateway: Live) -> AsyncIterator[Live]:
    """A gateway whose bank takes two seconds, with a queue of its own."""
    async with await gateway.beside(TEST_PROCESSING_DELAY="2000", REFUND_DELAY_MIN="0", REFUND_DELAY_MAX="0") as other:
        yield other


async def jobs(gateway: Live) -> Any:
    """The counts, and whether a worker runs."""
    reply = await gateway.get("/api/v1/test/jobs/status", anonymous=True)
    assert reply.status == 200, reply.text
    return reply.json


async def counted(gateway: Live, **expected: Any) -> Any:
    """The counts, once they are as expected."""

    async def as_expected() -> Any:
        found = await jobs(gateway)
        return found if expected.items() <= found.items() else None

    return await until(as_expected, f"jobs are {expected}")


@contextmanager
def stalled(gateway: Live) -> Iterator[None]:
    """Inside, the gateway's worker does nothing."""
    found = running(gateway.home)
    assert found is not None
    os.kill(found.pids["worker-1"], signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(found.pids["worker-1"], signal.SIGCONT)


async def test_idle_queue(slow: Live) -> None:
    assert await jobs(slow) == {**IDLE, "worker_status": "running"}


async def test_payments_wait_and_are_completed_without_waiting_for_one_another(slow: Live) -> None:
    before = await jobs(slow)
    orders = [await slow.order() for _ in range(60)]

    # However long it takes to look, none is settled before.
    with stalled(slow):
        payments = await asyncio.gather(*(slow.pay(order["id"]) for order in orders))
        await counted(slow, pending=60, processing=0, completed=before["completed"])

    async with asyncio.timeout(60):  # one after the other they would take two minutes
        for payment in payments:
            assert (await slow.settled(payment["id"]))["status"] == "success"
    after = await counted(slow, pending=0, processing=0, completed=before["completed"] + 60)
    assert after["failed"] == before["failed"]


async def test_refund_and_delivery_are_jobs_too(slow: Live) -> None:
    payment = await slow.paid()
    before = await counted(slow, pending=0, processing=0)
    answer = asyncio.Event()

    async def wait_to_answer(_: Received) -> web.Response:
        await answer.wait()
        return web.Response()

    async with Receiver(wait_to_answer) as receiver:
        await slow.use_webhooks(receiver.url)
        await slow.post(f"/api/v1/payments/{payment['id']}/refunds", {"amount": 100})

        # The refund is done; the first of its two deliveries is on its way, the second waits for it.
        await counted(slow, processing=1, pending=1, completed=before["completed"] + 1)
        answer.set()
        await counted(slow, processing=0, pending=0, completed=before["completed"] + 3)
        await slow.use_webhooks(None)


async def test_delivery_that_is_given_up_is_a_failed_job(slow: Live) -> None:
    before = await counted(slow, pending=0, processing=0)
    await slow.use_webhooks("http://127.0.0.1:9/")
    delivery_id = (await slow.post("/api/v1/webhooks/test", {})).json["id"]
    await attempted(slow, delivery_id)
    await slow.use_webhooks(None)
    await counted(slow, pending=1, processing=0, failed=before["failed"])

    await slow.sql(
        """UPDATE webhook_logs SET attempts = 4, next_retry_at = now() - interval '1 minute' WHERE id = $1::uuid""",
        delivery_id,
    )

    await counted(slow, pending=0, failed=before["failed"] + 1, completed=before["completed"])


async def test_job_that_comes_again_changes_nothing(slow: Live) -> None:
    async with Receiver() as receiver:
        await slow.use_webhooks(receiver.url)
        payment = await slow.paid()
        refund = (await slow.post(f"/api/v1/payments/{payment['id']}/refunds", {"amount": 100})).json
        await receiver.events(payment["id"], 5)
        delivery = receiver.of(payment["id"])[0].headers["webhook-id"]
        path = f"/api/v1/payments/{payment['id']}"
        before = await counted(slow, pending=0, processing=0)
        told = [(await slow.get(each)).text for each in (path, f"{path}/timeline", f"/api/v1/webhooks/{delivery}")]

        redis = Redis.from_url(slow.urls()[1])
        await LeaseQueue(redis, "payments").add([(payment["id"], 0)])
        await LeaseQueue(redis, "refunds").add([(refund["id"], 0)])
        await LeaseQueue(redis, "deliveries").add([(f"{slow.merchant_id}/{payment['id']}/000001/{delivery}", 0)])
        await redis.aclose()

        await counted(slow, pending=0, processing=0, completed=before["completed"] + 3)
        again = [(await slow.get(each)).text for each in (path, f"{path}/timeline", f"/api/v1/webhooks/{delivery}")]
        assert again == told
        assert len(receiver.of(payment["id"])) == 5
        await slow.use_webhooks(None)


async def test_wiped_queue_is_filled_again_from_the_database(slow: Live) -> None:
    async with Receiver() as receiver:
        await slow.use_webhooks(receiver.url)
        payments = [await slow.pay((await slow.order())["id"]) for _ in range(5)]

        redis = Redis.from_url(slow.urls()[1])
        await redis.flushdb()
        await redis.aclose()

        for payment in payments:
            assert (await slow.settled(payment["id"]))["status"] == "success"
            await receiver.events(payment["id"], 3)
        rows = await slow.sql(
            "SELECT payment_id, array_agg(event ORDER BY sequence) FROM payment_events GROUP BY 1 HAVING payment_id ="
            " ANY($1)",
            [payment["id"] for payment in payments],
        )
        assert [row[1] for row in rows] == [["payment.created", "payment.pending", "payment.success"]] * 5
        await slow.use_webhooks(None)


async def test_worker_that_does_nothing_reads_stopped(slow: Live) -> None:
    with stalled(slow):
        await counted(slow, worker_status="stopped")
        health = (await slow.get("/health", anonymous=True)).json
        assert (health["status"], health["worker"], health["redis"]) == ("unhealthy", "stopped", "connected")
        payment = await slow.pay((await slow.order())["id"])  # taken all the same

    await counted(slow, worker_status="running")
    assert (await slow.settled(payment["id"]))["status"] == "success"
