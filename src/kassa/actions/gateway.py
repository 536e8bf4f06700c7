"""What every action works with: database, queues, bank, clock and group commits."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from kassa.domain import ids
from kassa.domain.payment import Merchant
from kassa.domain.webhook import Delivery
from kassa.providers.registry import Providers
from kassa.providers.simulator import Simulator
from kassa.queue import LeaseQueue, Presence
from kassa.settings import Settings
from kassa.store.batch import Batch
from kassa.store.database import Database

T = TypeVar("T")
R = TypeVar("R")

# Webhooks on their way to one merchant at a time.
SENDING_PER_MERCHANT = 10
log = structlog.get_logger()


class Gateway:
    """The resources of one process, and the small things that all actions share."""

    def __init__(
        self, settings: Settings, database: Database, redis: "Redis", bank: Simulator, providers: Providers
    ) -> None:
        self.settings = settings
        self.database = database
        self.redis = redis
        self.bank = bank
        self.providers = providers
        self.payments = LeaseQueue(redis, "payments")
        self.refunds = LeaseQueue(redis, "refunds")
        self.deliveries = LeaseQueue(redis, "deliveries", most_per_group=SENDING_PER_MERCHANT)
        self.looks = LeaseQueue(redis, "looks")
        self.notifications = LeaseQueue(redis, "notifications")
        self.presence = Presence(redis)
        self.merchants: dict[str, tuple[Merchant, float]] = {}
        self.merchants_generation = 0
        self._batches: dict[object, Batch[Any, Any]] = {}
        self._background: set[asyncio.Task[None]] = set()
        self._named: set[str] = set()
        self._uuid_ms = self._uuid_count = 0

    @property
    def queues(self) -> tuple[LeaseQueue, ...]:
        """Every queue, for those who count or watch them all."""
        return self.payments, self.refunds, self.deliveries, self.looks, self.notifications

    def now(self) -> datetime:
        """The time, in UTC."""
        return datetime.now(UTC)

    def object_id(self, prefix: str, now: datetime) -> str:
        """A new id such as `order_…`."""
        return ids.object_id(prefix, epoch_ms(now), os.urandom(ids.RANDOM_BYTES))

    def uuid(self, now: datetime) -> str:
        """A new id for a row that is named by a UUID; those of one process sort in the order of their making."""
        now_ms = epoch_ms(now)
        self._uuid_ms, self._uuid_count = now_ms, self._uuid_count + 1 if now_ms == self._uuid_ms else 0
        return ids.uuid7(now_ms, (self._uuid_count & 0xFFF).to_bytes(2) + os.urandom(8))

    def batched(
        self, flush: Callable[["Gateway", list[T]], Awaitable[list[R | Exception]]], item: T
    ) -> asyncio.Future[R]:
        """Submit `item` to the group commit of `flush`; there is one for each flush function."""
        batch = self._batches.get(flush)
        if batch is None:
            batch = self._batches[flush] = Batch(partial(flush, self))
        return batch.submit(item)

    def enqueue(self, queue: LeaseQueue, members: Sequence[tuple[str, int]]) -> None:
        """Tell the workers of committed work, without waiting; should Redis be away, the sweeper finds it."""
        if members:
            self._spawn(self._add(queue, members))

    def in_background(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do `work` beside the request that asked for it, once at a time by its name; what it raises is logged."""
        if name not in self._named:
            self._named.add(name)
            self._spawn(self._logged(name, work))

    async def _logged(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        try:
            await work()
        except Exception:
            log.error("background.crashed", work=name, exc_info=True)
        finally:
            self._named.discard(name)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    def enqueue_deliveries(self, deliveries: Sequence[Delivery]) -> None:
        """Tell the workers of deliveries that are due at once."""
        self.enqueue(
            self.deliveries,
            [
                (delivery_member(d.merchant_id, d.payment_id, d.sequence, d.id), epoch_ms(d.created_at))
                for d in deliveries
            ],
        )

    async def _add(self, queue: LeaseQueue, members: Sequence[tuple[str, int]]) -> None:
        try:
            await queue.add(members)
        except (RedisError, OSError) as error:
            log.warning("queue.unreachable", queue=queue.name, left_to_sweeper=len(members), error=type(error).__name__)

    async def close(self) -> None:
        """Finish what is under way and let go of database and Redis."""
        for batch in self._batches.values():
            await batch.drain()
        if self._background:
            await asyncio.wait(self._background, timeout=2)
        await self.database.close()
        await self.redis.aclose()


def epoch_ms(moment: datetime) -> int:
    """Milliseconds since 1970."""
    return int(moment.timestamp() * 1000)


def delivery_member(merchant_id: str, payment_id: str | None, sequence: int | None, delivery_id: str) -> str:
    """A delivery as the queue knows it: by merchant (a few at a time), then payment (one at a time, in order)."""
    return f"{merchant_id}/{payment_id or delivery_id}/{sequence or 0:06d}/{delivery_id}"
