"""Deliver webhooks: many at once, a few at a time to one merchant, and one payment's events in their order."""

import asyncio
from collections import defaultdict, deque

import structlog
from redis.exceptions import RedisError

from kassa.actions.deliver_webhook import attempt_delivery, record_attempts
from kassa.actions.gateway import SENDING_PER_MERCHANT, Gateway, epoch_ms
from kassa.domain.errors import KassaError
from kassa.net import Outbound
from kassa.queue import Ended
from kassa.store import deliveries
from kassa.store.batch import Batch
from kassa.store.deliveries import Attempt, Due
from kassa.worker.consume import idle_s, now_ms, shortly_ms

IN_FLIGHT = 1_000
CLAIM_AT_LEAST = 100
WAIT_S = 2.0
# What is claimed for a quick receiver, so that the next are at hand when one has left: all of it leaves within WAIT_S.
HELD_PER_QUICK = 150
QUICK_MS = WAIT_S * 1000 * SENDING_PER_MERCHANT / HELD_PER_QUICK
# With more merchants than that at once, what is sent at once to each fills the room.
QUICK_AT_MOST = IN_FLIGHT // SENDING_PER_MERCHANT
# A delivery that the queue holds due this much before the database does was put there by mistake. By the queue's clock,
# as it is given back to that: by another it might be early and overdue at once.
EARLY_MS = 2_000
log = structlog.get_logger()


class _Line:
    """The deliveries to one merchant that this worker holds: a few are being sent, the others wait behind them."""

    def __init__(self) -> None:
        self.sending = 0
        # With the moment, on the loop's clock, until which each waits.
        self.waiting: deque[tuple[Due, Ended, float]] = deque()


class Deliverer:
    """The deliveries that one worker has in flight: claimed, and not yet recorded or given back."""

    def __init__(self, gateway: Gateway, outbound: Outbound, stopping: asyncio.Event) -> None:
        self._gateway = gateway
        self._outbound = outbound
        self._stopping = stopping
        self._lines: defaultdict[str, _Line] = defaultdict(_Line)
        # Merchants whose receivers have just answered quickly, in that order.
        self._quick: dict[str, None] = {}
        self._finish: Batch[tuple[Attempt, Ended], None] = Batch(self._finished)
        self._give_back: Batch[Ended, None] = Batch(self._given_back)
        self._in_flight = 0
        self._senders: set[asyncio.Task[None]] = set()
        self._room = asyncio.Event()

    async def turn(self) -> float:
        """Start what is due, as far as there is room; returns how long there is nothing to do, in seconds."""
        room = IN_FLIGHT - self._in_flight
        if room < CLAIM_AT_LEAST:
            self._room.clear()
            await self._room.wait()
            return 0
        lease = await self._gateway.deliveries.claim(room, self._quick, HELD_PER_QUICK)
        if not lease.members:
            return idle_s(lease.wait_ms)
        members = {member.rpartition("/")[2]: member for member in lease.members}
        due = {one.id: one for one in await deliveries.load(self._gateway.database, list(members))}
        gone = [Ended(member, lease.ends) for delivery_id, member in members.items() if delivery_id not in due]
        if gone:
            await self._gateway.deliveries.done(gone)
        early_ms = now_ms(lease.ends) + EARLY_MS
        for delivery_id, one in due.items():
            self._in_flight += 1
            ended = Ended(members[delivery_id], lease.ends)
            if epoch_ms(one.due_at) > early_ms:
                self._return(one, ended)
            else:
                self._start(one, ended)
        return 0

    def _start(self, due: Due, ended: Ended) -> None:
        """Send it, or let it wait behind others to the same merchant, but not until its lease runs out."""
        line = self._lines[due.merchant_id]
        if line.sending < SENDING_PER_MERCHANT:
            line.sending += 1
            sender = asyncio.create_task(self._send(line, due, ended))
            self._senders.add(sender)
            sender.add_done_callback(self._senders.discard)
            return
        loop = asyncio.get_running_loop()
        if not line.waiting:
            loop.call_later(WAIT_S, self._give_up, line)
        line.waiting.append((due, ended, loop.time() + WAIT_S))

    async def _send(self, line: _Line, due: Due, ended: Ended) -> None:
        """Send it, and what waits behind it."""
        try:
            while True:
                attempt = await attempt_delivery(self._gateway, self._outbound, due)
                self._pace(due.merchant_id, attempt.duration_ms)
                self._finish.submit((attempt, ended)).add_done_callback(self._ended)
                if not line.waiting or self._stopping.is_set():
                    return
                due, ended, _ = line.waiting.popleft()
        finally:
            line.sending -= 1
            if not line.sending and not line.waiting:
                del self._lines[due.merchant_id]

    def _pace(self, merchant_id: str, duration_ms: int) -> None:
        """Note who is quick: of the others no more is claimed than is sent at once, or it would fill the room."""
        self._quick.pop(merchant_id, None)
        if duration_ms <= QUICK_MS:
            self._quick[merchant_id] = None
            if len(self._quick) > QUICK_AT_MOST:
                del self._quick[next(iter(self._quick))]

    def _give_up(self, line: _Line) -> None:
        """Give back what has waited its time, in its place before what came after it."""
        loop = asyncio.get_running_loop()
        while line.waiting and line.waiting[0][2] <= loop.time():
            self._return(*line.waiting.popleft()[:2])
        if line.waiting:
            loop.call_at(line.waiting[0][2], self._give_up, line)

    def _return(self, due: Due, ended: Ended) -> None:
        """Make it due again at its time, in another turn."""
        self._give_back.submit(ended._replace(due_ms=epoch_ms(due.due_at))).add_done_callback(self._ended)

    def _ended(self, recorded: asyncio.Future[None]) -> None:
        self._in_flight -= 1
        if IN_FLIGHT - self._in_flight >= CLAIM_AT_LEAST:
            self._room.set()
        if error := recorded.exception():
            log.error("deliveries.crashed", exc_info=error)

    async def drain(self, timeout_s: float) -> None:
        """Give back what waits, and let what is being sent end; to be called when stopping."""
        for line in self._lines.values():
            while line.waiting:
                self._return(*line.waiting.popleft()[:2])
        if self._senders:
            await asyncio.wait(self._senders, timeout=timeout_s)
        await self._finish.drain()
        await self._give_back.drain()

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
