"""Clocks that differ between hosts: what is due by the queue's clock leaves, whatever the worker's own says."""

import asyncio
import random
from contextlib import aclosing
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis

from kassa.actions.gateway import Gateway, epoch_ms
from kassa.net import Outbound
from kassa.providers.registry import Providers
from kassa.providers.simulator import Simulator
from kassa.settings import EVERYWHERE, load
from kassa.store.database import Database
from kassa.worker.consume import consume
from kassa.worker.deliver import Deliverer
from tests.live import Receiver, until
from tests.rows import add_due, add_merchant


class Elsewhere(Gateway):
    """A gateway on a host whose clock differs."""

    ahead = timedelta()

    def now(self) -> datetime:
        """The time as that host takes it to be."""
        return super().now() + self.ahead


@pytest.mark.parametrize("ahead", [timedelta(minutes=-1), timedelta(minutes=1)], ids=["behind", "ahead"])
async def test_a_worker_delivers_what_is_due_by_the_queues_clock(
    database: Database, redis: "Redis", ahead: timedelta
) -> None:
    await redis.flushdb()
    settings = load({"DATABASE_URL": database.url, "REDIS_URL": "redis://unused"})
    bank = Simulator(settings, random.Random(0))
    gateway = Elsewhere(settings, database, redis, bank, Providers([bank]))
    gateway.ahead = ahead
    stopping = asyncio.Event()
    async with Receiver() as receiver, aclosing(Outbound(EVERYWHERE)) as outbound:
        due_at = datetime.now(UTC)
        member = await add_due(database, await add_merchant(database, receiver.url), due_at)
        await gateway.deliveries.add([(member, epoch_ms(due_at))])
        deliverer = Deliverer(gateway, outbound, stopping)
        delivering = asyncio.create_task(consume(gateway.deliveries, stopping, deliverer.turn))

        async def arrived() -> bool:
            return bool(receiver.received)

        try:
            await until(arrived, "the webhook", deadline_s=20)
        finally:
            stopping.set()
            await delivering
            await deliverer.drain(5)
