"""The worker's housekeeping where much waits: what was lost is found at once, what is recent comes first, keys go."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
from redis.asyncio import Redis

from kassa.actions.gateway import Gateway
from kassa.providers.registry import Providers
from kassa.providers.simulator import Simulator
from kassa.queue import QueueCounts
from kassa.settings import load
from kassa.store import idempotency
from kassa.store.database import Database
from kassa.worker.sweep import LONG_OVERDUE, PAGE, fill, keep, sweep
from tests.live import until
from tests.rows import NOW, add_due, add_merchant, value

PAGES = 3


class Clocked(Gateway):
    """A gateway whose clock stands, and which knows what was put into its queue of deliveries, in that order."""

    at = NOW + timedelta(hours=1)

    def now(self) -> datetime:
        """The time that the test says it is."""
        return self.at

    def listen(self) -> list[str]:
        """The members that are added from here on."""
        added: list[str] = []
        add = self.deliveries.add

        async def note(members: list[tuple[str, int]]) -> None:
            added.extend(member for member, _ in members)
            await add(members)

        self.deliveries.add = note  # type: ignore[method-assign, assignment]
        return added


@pytest.fixture
async def crowded(database: Database, redis: "Redis") -> AsyncIterator[Clocked]:
    """A gateway without a worker, with more overdue deliveries than a few sweeps take."""
    await redis.flushdb()
    settings = load({"DATABASE_URL": database.url, "REDIS_URL": "redis://unused"})
    bank = Simulator(settings, random.Random(0))
    gateway = Clocked(settings, database, redis, bank, Providers([bank]))
    crowd = await add_merchant(database, "http://127.0.0.1/webhook")
    await add_due(database, crowd, gateway.at - timedelta(minutes=10), PAGES * PAGE)
    yield gateway
    await database.fetch("DELETE FROM webhook_logs WHERE status = 'pending'")


async def test_what_was_lost_is_found_by_the_sweep_after_it_is_overdue(crowded: Clocked, database: Database) -> None:
    assert await fill(crowded, "worker")
    since = await sweep(crowded, {}, crowded.at)
    lost = await add_due(database, await add_merchant(database), crowded.at)

    crowded.at += 2 * LONG_OVERDUE
    added = crowded.listen()
    await sweep(crowded, {}, since)

    assert lost in added
    assert len(added) <= PAGE + 1, "and of what waits, no more than a page is read again"


async def test_a_wiped_queue_gets_what_is_due_about_now_before_what_waits_for_long(
    crowded: Clocked, database: Database
) -> None:
    merchant = await add_merchant(database)
    recent = {await add_due(database, merchant, crowded.at + timedelta(seconds=lag)) for lag in (-5, 0, 5)}

    added = crowded.listen()
    assert await fill(crowded, "worker")

    assert set(added[:3]) == recent
    expected = await value(database, "SELECT count(*) FROM webhook_logs WHERE status = 'pending'")
    assert await crowded.deliveries.counts() == QueueCounts(expected, 0, 0, 0)


async def test_more_expired_keys_than_one_turn_takes_are_purged_in_the_next_ones(
    crowded: Clocked, database: Database
) -> None:
    await database.fetch(
        """INSERT INTO idempotency_keys (key, merchant_id, response, expires_at)
           SELECT 'old' || g, $1::uuid, '{}', now() - interval '1 second' FROM generate_series(1, $2::int) g""",
        await add_merchant(database),
        2 * idempotency.PURGED_AT_ONCE,
    )
    stopping = asyncio.Event()
    keeper = asyncio.create_task(keep(crowded, "worker", stopping))

    async def gone() -> bool:
        return not await value(database, "SELECT count(*) FROM idempotency_keys WHERE expires_at <= now()")

    try:
        await until(gone, "all expired keys are gone", deadline_s=30)
    finally:
        stopping.set()
        await keeper
