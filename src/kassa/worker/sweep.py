"""Find in the database what the queue has lost, and keep house."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from redis.exceptions import RedisError

from kassa.actions.gateway import Gateway, delivery_member, epoch_ms
from kassa.domain.errors import KassaError
from kassa.queue import LeaseQueue
from kassa.store import deliveries, idempotency, payments, provider_events, provider_payments, refunds, sessions
from kassa.store.database import LOST, Database

INTERVAL_S = 1.0
SWEEP_INTERVAL_S = 2.0
PURGE_INTERVAL_S = 300.0
# What is due and still open after this time was probably lost with the queue.
OVERDUE = timedelta(seconds=2)
# Where a backlog hides it, after this: what workers are late with anyway is not read once more before.
LONG_OVERDUE = timedelta(seconds=10)
# What is due about now is put first into a queue that was wiped: whoever waits for it is waiting now.
RECENT = timedelta(minutes=1)
PAGE = 2_000
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 1, 1, tzinfo=UTC)
log = structlog.get_logger()

Place = tuple[datetime, str]
Rows = Callable[[Database, datetime, Place, int], Awaitable[list[Any]]]
Member = Callable[[Any], str]
Source = tuple[LeaseQueue, Rows, str, Member]


def _sources(gateway: Gateway) -> list[Source]:
    return [
        (gateway.payments, payments.open_since, "", lambda row: str(row[0])),
        (gateway.refunds, refunds.open_since, "", lambda row: str(row[0])),
        (gateway.looks, provider_payments.due_since, "", lambda row: str(row[0])),
        (gateway.notifications, provider_events.open_since, "0", lambda row: str(row[0])),
        (
            gateway.deliveries,
            deliveries.open_since,
            "00000000-0000-0000-0000-000000000000",
            lambda row: delivery_member(row[2], row[3], row[4], row[0]),
        ),
    ]


async def _add_page(gateway: Gateway, source: Source, before: datetime, after: Place | None) -> Place | None:
    """Add the page of open work behind `after` to its queue; returns where it ended, None for the last one.

    What is there already stays as it is, so that this may run at any time, in any number of workers.
    """
    queue, rows, first_id, member = source
    page = await rows(gateway.database, before, after or (_FIRST, first_id), PAGE)
    await queue.add([(member(row), epoch_ms(row[1])) for row in page])
    return (page[-1][1], page[-1][0]) if len(page) == PAGE else None


async def _add_all(gateway: Gateway, source: Source, since: datetime, before: datetime) -> None:
    """Add all open work that is due from `since` until before `before` to its queue."""
    after: Place | None = (since, source[2])
    while after is not None:
        after = await _add_page(gateway, source, before, after)


async def sweep(gateway: Gateway, reached: dict[str, Place | None], since: datetime) -> datetime:
    """Add to its queue a page of each kind of all overdue work, and what has become long overdue since `since`.

    Returns the `since` of the next sweep. So what was lost from the queue is found soon, however much else waits in
    there for a slow receiver; `reached` keeps where the pages have come to, for what was lost before that.
    """
    now = gateway.now()
    for source in _sources(gateway):
        name = source[0].name
        await _add_all(gateway, source, since, now - LONG_OVERDUE)
        reached[name] = await _add_page(gateway, source, now - OVERDUE, reached.get(name))
    return now - LONG_OVERDUE


async def fill(gateway: Gateway, worker: str) -> bool:
    """Add all open work to the queues; False when they were wiped meanwhile, so that it must be done again."""
    await gateway.presence.begin_filling(worker)
    now = gateway.now()
    for since, before in ((now - RECENT, now + RECENT), (_FIRST, _LAST)):
        for source in _sources(gateway):
            await _add_all(gateway, source, since, before)
    return await gateway.presence.mark_filled(worker)


async def beat(gateway: Gateway, worker: str, stopping: asyncio.Event) -> None:
    """Say that the worker lives until stopping, whether the database answers or not."""
    while not stopping.is_set():
        try:
            await gateway.presence.beat(worker)
        except (RedisError, OSError) as error:
            log.warning("worker.unheard", error=type(error).__name__)
        await _interval(stopping)


async def keep(gateway: Gateway, worker: str, stopping: asyncio.Event) -> None:
    """Sweep and purge until stopping; a wiped queue is filled again from the database at once."""
    swept = purged = float("-inf")
    reached: dict[str, Place | None] = {}
    since = gateway.now() - LONG_OVERDUE
    loop = asyncio.get_running_loop()
    while not stopping.is_set():
        try:
            if not await gateway.presence.filled():
                log.info("queue.filled", complete=await fill(gateway, worker))
            elif loop.time() - swept >= SWEEP_INTERVAL_S:
                since = await sweep(gateway, reached, since)
                swept = loop.time()
            if loop.time() - purged >= PURGE_INTERVAL_S:
                await sessions.purge(gateway.database)
                # A busy day's keys take more than one turn.
                if await idempotency.purge(gateway.database) < idempotency.PURGED_AT_ONCE:
                    purged = loop.time()
        except (RedisError, *LOST, KassaError) as error:
            log.warning("worker.waiting", queue="sweep", error=type(error).__name__)
        except Exception:
            log.error("worker.crashed", queue="sweep", exc_info=True)
        await _interval(stopping)


async def _interval(stopping: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(INTERVAL_S):
            await stopping.wait()
