"""Redis or PostgreSQL stays away for a while: what still works, what says so, and that all heals by itself."""

import asyncio
from typing import Any

import psutil
import pytest
from redis.asyncio import Redis

from kassa.queue.presence import ALIVE_MS
from tests.chaos.journal import Exchange
from tests.chaos.storm import Scene, kill, pid_of, stopped
from tests.live import until

# Nobody is left hanging for longer, whatever is away.
ANSWER_WITHIN_S = 5.0


async def _told(shop: Scene, path: str, body: Any = None, key: str | None = None) -> Exchange:
    async with asyncio.timeout(ANSWER_WITHIN_S):
        return await shop.client.send(path, body, key)


async def _health(shop: Scene) -> Any:
    async with asyncio.timeout(ANSWER_WITHIN_S):
        return (await shop.gateway.get("/health")).json


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize("how", ["killed", "hung"])
async def test_without_redis_payments_are_taken_and_settle_once_it_is_back(shop: Scene, how: str) -> None:
    payments = []
    # While the supervisor is stopped, nobody starts Redis again.
    with stopped(pid_of(shop.gateway, "supervisor")), stopped(pid_of(shop.gateway, "redis")):
        if how == "killed":
            await kill(shop.gateway, "redis")
        for n in range(5):
            order = await _told(shop, "/api/v1/orders", {"amount": 50_000, "receipt": f"{how}-{n}"})
            assert order.status == 201, order
            body = {"order_id": order.json["id"], "method": "upi", "vpa": "payer@bank"}
            payment = await _told(shop, "/api/v1/payments", body, f"{how}-{n}")
            assert payment.status == 201, payment
            payments.append(payment.json["id"])
        health = await _health(shop)
        assert (health["status"], health["redis"]) == ("unhealthy", "disconnected")
    for payment_id in payments:
        assert (await shop.settled(payment_id))["status"] == "success"
    await shop.verify()


async def test_without_postgres_every_answer_is_a_clear_503_until_it_is_back(shop: Scene) -> None:
    paid = await shop.settled(await shop.pay(await shop.order()))
    open_order = await shop.order()
    requests: list[tuple[str, Any, str | None]] = [
        ("/api/v1/orders", {"amount": 50_000, "receipt": "outage"}, "outage-order"),
        ("/api/v1/payments", {"order_id": open_order, "method": "upi", "vpa": "payer@bank"}, "outage-payment"),
        (f"/api/v1/payments/{paid['id']}/capture", {"amount": 50_000}, "outage-capture"),
        (f"/api/v1/payments/{paid['id']}/refunds", {"amount": 20_000}, "outage-refund"),
        (f"/api/v1/payments/{paid['id']}", None, None),
    ]
    with stopped(pid_of(shop.gateway, "supervisor")):
        sessions = psutil.Process(pid_of(shop.gateway, "postgres")).children()
        await kill(shop.gateway, "postgres")

        async def gone() -> bool:
            return not any(map(_is_alive, sessions))

        # A session outlives its server for a moment, and may answer once more.
        await until(gone, "the last session has ended")
        for told in await asyncio.gather(*(_told(shop, *request) for request in requests)):
            assert told.status == 503, told
            assert told.json["error"]["code"] == "SERVICE_UNAVAILABLE"
        health = await _health(shop)
        assert (health["status"], health["database"]) == ("unhealthy", "disconnected")
    for told in await asyncio.gather(*(shop.client.ask(*request) for request in requests)):
        assert told.status in (200, 201), told
    await shop.verify()


async def test_while_postgres_hangs_health_says_so_and_the_worker_is_still_heard_of(shop: Scene) -> None:
    redis = Redis.from_url(shop.gateway.urls()[1])
    server = psutil.Process(pid_of(shop.gateway, "postgres"))
    with stopped(pid_of(shop.gateway, "supervisor"), server.pid, *(session.pid for session in server.children())):
        since_s = (await redis.time())[0]

        async def long_after() -> bool:
            health = await _health(shop)
            assert (health["status"], health["database"], health["worker"]) == ("unhealthy", "disconnected", "running")
            return bool((await redis.time())[0] > since_s + 3 * ALIVE_MS / 1000)

        await until(long_after, "much more time has passed than a worker may be silent for")
    await redis.aclose()
    assert (await shop.settled(await shop.pay(await shop.order())))["status"] == "success"
