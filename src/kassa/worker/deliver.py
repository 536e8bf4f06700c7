"""Deliver webhooks: many at once, a few at a time to one merchant, and one payment's events in their order."""

import asyncio
from collections import defaultdict
from datetime import timedelta

import structlog
from redis.exceptions import RedisError

from kassa.actions.deliver_webhook import attempt_delivery, record_attempts
from kassa.actions.gateway import Gateway, epoch_ms
from kassa.domain.errors import KassaError
from kassa.net import Outbound
from kassa.queue import Ended
from kassa.store import deliveries
from kassa.store.batch import Batch
from kassa.store.deliveries import Attempt, Due
from kassa.worker.consume import idle_s, shortly_ms

IN_FLIGHT = 1_000
CLAIM_AT_LEAST = 100
SENDING_PER_MERCHANT = 10
SLOT_TIMEOUT_S = 2.0
# A delivery that the queue holds due this much before the database does was put there by mistake.
EARLY = timedelta(seconds=2)
log = structlog.get_logger()


class Deliverer:
    """The deliveries that one worker has in flight."""

    def __init__(self, gateway: Gateway, outbound: Outbound, stopping: asyncio.Event) -> None:
        self._gateway = gateway
        self._outbound = outbound
        self._stopping = stopping
        self._slots: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(SENDING_PER_MERCHANT))
        self._finish: Batch[tuple[Attempt, Ended], None] = Batch(self._finished)
        self._give_back: Batch[Ended, None] = Batch(self._given_back)
        self._in_flight: set[asyncio.Task[None]] = set()
        self._room = asyncio.Event()

    async def turn(self) -> float:
        """Start what is due, as far as there is room; returns how long there is nothing to do, in seconds."""
        room = IN_FLIGHT - len(self._in_flight)
        if room < CLAIM_AT_LEAST:
            self._room.clear()
            await self._room.wait()
            return 0
        lease = await self._gateway.deliveries.claim(room)
        if not lease.members:
            return idle_s(lease.wait_ms)
        members = {member.rpartition("/")[2]: member for member in lease.members}
        due = {one.id: one for one in await deliveries.load(self._gateway.database, list(members))}
        gone = [Ended(member, lease.ends) for delivery_id, member in members.items() if delivery_id not in due]
        if gone:
            await self._gateway.deliveries.done(gone)
        for delivery_id, one in due.items():
            task = asyncio.create_task(self._deliver(one, Ended(members[delivery_id], lease.ends)))
            self._in_flight.add(task)
            task.add_done_callback(self._ended)
        return 0

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._in_flight.discard(task)
        if IN_FLIGHT - len(self._in_flight) >= CLAIM_AT_LEAST:
            self._room.set()

    async def drain(self, timeout_s: float) -> None:
        """Let what is in flight end."""
        if self._in_flight:
            await asyncio.wait(self._in_flight, timeout=timeout_s)

    async def _deliver(self, due: Due, ended: Ended) -> None:
        due_ms = epoch_ms(due.due_at)
        if due.due_at > self._gateway.now() + EARLY:
            await self._give_back.submit(ended._replace(due_ms=due_ms))
            return
        slots = self._slots[due.merchant_id]
        try:
            async with asyncio.timeout(SLOT_TIMEOUT_S):
                await slots.acquire()
        except TimeoutError:
            # Its lease must not run out while it waits; it keeps its place before what came after it.
            await self._give_back.submit(ended._replace(due_ms=due_ms))
            return
        try:
            if self._stopping.is_set():
                await self._give_back.submit(ended._replace(due_ms=due_ms))
                return
            attempt = await attempt_delivery(self._gateway, self._outbound, due)
        finally:
            slots.release()
        await self._finish.submit((attempt, ended))

    async def _finished(self, items: list[tuple[Attempt, Ended]]) -> list[Exception | None]:
        """Record the attempts, then end their leases; what cannot be recorded now is attempted again."""
        try:
            recorded = await record_attempts(self._gateway, [attempt for attempt, _ in items])
        except KassaError:
            log.warning("deliveries.unrecorded", count=len(items))
            return await self._given_back([ended._replace(due_ms=shortly_ms(ended.lease_ends)) for _, ended in items])
        ends = []
        for (attempt, ended), ok in zip(items, recorded, strict=True):
            if not ok:
                # Retried by hand while in flight, or done by another worker: another look tells.
                ends.append(ended._replace(due_ms=shortly_ms(ended.lease_ends)))
            elif attempt.retry_at is not None:
                ends.append(ended._replace(due_ms=epoch_ms(attempt.retry_at)))
            else:
                ends.append(ended._replace(failed=not attempt.succeeded))
        return await self._given_back(ends)

    async def _given_back(self, ends: list[Ended]) -> list[Exception | None]:
        try:
            await self._gateway.deliveries.done(ends)
        except (RedisError, OSError):
            log.warning("deliveries.lease_left_to_run_out", count=len(ends))
        return [None] * len(ends)
