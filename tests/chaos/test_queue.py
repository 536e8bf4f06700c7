"""The queue under one worker: filled again when it is wiped, honest about its worker, small with much in flight."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import psutil
import pytest
from aiohttp import web

from kassa.local import running
from tests.chaos.storm import Scene, flush, pid_of, scene, stopped
from tests.live import Received, until

IN_FLIGHT = 20_000
MEMORY_LIMIT_BYTES = 200_000_000
FILLED_AGAIN_WITHIN_S = 10.0
SEEN_AS_STOPPED_WITHIN_S = 10.0
MANY_ORDERS = """
    INSERT INTO orders (id, merchant_id, amount)
    SELECT 'order_' || to_char(n, 'FM0000000000000000'), m.id, 50000
    FROM merchants m, generate_series(1, $1::int) n"""
MANY_PAYMENTS = """
    INSERT INTO payments (id, order_id, merchant_id, amount, method, vpa, due_at, last_sequence)
    SELECT replace(id, 'order_', 'pay_'), id, merchant_id, amount, 'upi', 'payer@bank', now() + interval '1 hour', 2
    FROM orders WHERE id LIKE 'order_0%'"""

# More than one sweep takes.
MUCH = 5_000
FOUND_WITHIN_S = 20.0
SLOW_DELIVERIES = """
    WITH merchant AS (
        INSERT INTO merchants (name, email, api_key, api_secret, webhook_url, webhook_secret)
        VALUES ('Slow', 'slow@example.com', 'key_slow', 'secret_slow', $1, 'whsec_slow') RETURNING id
    )
    INSERT INTO webhook_logs (merchant_id, event, payload, next_retry_at)
    SELECT id, 'payment.success', '{}', now() - interval '1 minute' FROM merchant, generate_series(1, $2::int)"""
# Committed, and then its place in the queue was lost before anybody heard of it.
LOST_DELIVERY = """
    INSERT INTO webhook_logs (merchant_id, event, payload, next_retry_at)
    SELECT id, 'payment.success', '{"lost":true}', now() FROM merchants WHERE email = 'test@example.com'"""


@pytest.fixture(scope="module")
async def patient() -> AsyncIterator[Scene]:
    """A gateway whose bank takes its time, so that payments stay in flight."""
    async with scene(TEST_PROCESSING_DELAY="3600000") as one:
        yield one


async def _jobs(patient: Scene) -> Any:
    return (await patient.gateway.get("/api/v1/test/jobs/status")).json


async def test_a_wiped_queue_is_filled_again_with_nothing_restarted(patient: Scene) -> None:
    for _ in range(5):
        await patient.pay(await patient.order())

    async def waiting() -> bool:
        jobs = await _jobs(patient)
        return bool(jobs["pending"] == 5 and jobs["processing"] == 0 and jobs["completed"] == 10)

    await until(waiting, "five payments wait for their bank, and their ten webhooks are delivered")
    before = running(patient.gateway.home)
    await flush(patient.gateway)

    async def filled() -> bool:
        jobs = await _jobs(patient)
        return bool(jobs["pending"] == 5 and jobs["completed"] == 0)

    await until(filled, "the five payments are in the queue again", FILLED_AGAIN_WITHIN_S)
    assert running(patient.gateway.home) == before


async def test_a_worker_that_does_not_work_is_seen_as_stopped(patient: Scene) -> None:
    async def status(expected: str) -> bool:
        health = (await patient.gateway.get("/health")).json
        return bool((await _jobs(patient))["worker_status"] == health["worker"] == expected)

    with stopped(pid_of(patient.gateway, "worker-1")):
        await until(lambda: status("stopped"), "the worker is seen as stopped", SEEN_AS_STOPPED_WITHIN_S)
    await until(lambda: status("running"), "the worker is seen again")


@pytest.fixture(scope="module")
async def crowd(patient: Scene) -> Scene:
    """The gateway with 20,000 more payments that wait for their bank."""
    # The webhooks would only measure their receiver.
    await patient.gateway.use_webhooks(None)
    await patient.gateway.sql(MANY_ORDERS, IN_FLIGHT)
    await patient.gateway.sql(MANY_PAYMENTS)
    return patient


async def test_a_queue_that_is_wiped_while_it_is_filled_is_filled_all_the_same(crowd: Scene) -> None:
    async def filled(count: int) -> bool:
        return bool((await _jobs(crowd))["pending"] >= count)

    await flush(crowd.gateway)
    await until(lambda: filled(1), "the first payments are in the queue again", FILLED_AGAIN_WITHIN_S)
    await flush(crowd.gateway)
    await until(lambda: filled(IN_FLIGHT), "all payments are in the queue", FILLED_AGAIN_WITHIN_S)


async def test_20_000_payments_in_flight_fit_into_a_small_worker(crowd: Scene) -> None:
    worker = psutil.Process(pid_of(crowd.gateway, "worker-1"))
    largest = worker.memory_info().rss

    async def settled() -> bool:
        nonlocal largest
        largest = max(largest, worker.memory_info().rss)
        return not await crowd.gateway.sql("SELECT FROM payments WHERE status = 'pending' LIMIT 1")

    # They are read into the queue once more, and the bank answers for all of them at once.
    await crowd.gateway.sql("UPDATE payments SET due_at = now()")
    await flush(crowd.gateway)
    await until(settled, "all payments are settled")
    assert worker.is_running()
    assert largest <= MEMORY_LIMIT_BYTES


async def test_what_was_lost_is_found_behind_much_that_waits(patient: Scene) -> None:
    """Much waits for a slow receiver, in the queue and overdue; what the queue has lost meanwhile is not among it."""
    answer_now = asyncio.Event()

    async def slow(arrived: Received) -> web.Response:
        if arrived.path == "/slow":
            await answer_now.wait()
        return web.Response()

    patient.receiver.behaviour = slow
    slow_url = patient.receiver.url.replace("/webhook", "/slow")
    await patient.gateway.use_webhooks(patient.receiver.url)
    try:
        await patient.gateway.sql(SLOW_DELIVERIES, slow_url, MUCH)
        await until(lambda: _arrived(patient, "/slow"), "the slow receiver is kept waiting")
        await patient.gateway.sql(LOST_DELIVERY)
        await until(lambda: _arrived(patient, "/webhook", b"lost"), "the lost delivery arrives", FOUND_WITHIN_S)
    finally:
        answer_now.set()


async def _arrived(patient: Scene, path: str, body: bytes = b"") -> bool:
    return any(one.path == path and body in one.body for one in patient.receiver.received)
