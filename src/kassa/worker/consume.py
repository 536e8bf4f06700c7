"""Consume a queue: claim what is due, do it in groups, end the leases; and wait, without polling, for more."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog
from redis.exceptions import RedisError

from kassa.actions.gateway import Gateway
from kassa.actions.look_at_payment import look_at_payment
from kassa.actions.process_refund import process_refund
from kassa.actions.settle_payment import settle_due_payments
from kassa.actions.take_notification import apply_notification
from kassa.domain.errors import KassaError
from kassa.queue import LEASE_MS, Ended, LeaseQueue
from kassa.store.database import LOST

IDLE_S = 1.0
AGAIN_MS = 1_000
BROKEN_AGAIN_MS = 60_000
PAYMENTS_AT_ONCE = 500
REFUNDS_AT_ONCE = 50
# Each may take a provider's whole time limit, and all must end within a lease.
LOOKS_AT_ONCE = 20
NOTIFICATIONS_AT_ONCE = 50
# What passes by itself: a database, a queue or a provider that cannot be reached.
_WAITING = (RedisError, *LOST, KassaError)
log = structlog.get_logger()


async def consume(queue: LeaseQueue, stopping: asyncio.Event, turn: Callable[[], Awaitable[float]]) -> None:
    """Run `turn` until stopping; it returns for how many seconds there is nothing to do, 0 for more at once."""
    while not stopping.is_set():
        try:
            idle_s = await turn()
            if idle_s > 0:
                await queue.wait(idle_s)
        except _WAITING as error:
            log.warning("worker.waiting", queue=queue.name, error=type(error).__name__)
            await asyncio.sleep(IDLE_S)
        except Exception:
            log.error("worker.crashed", queue=queue.name, exc_info=True)
            await asyncio.sleep(IDLE_S)


def idle_s(wait_ms: int) -> float:
    """How long a queue may be left alone whose next member is due in `wait_ms` (-1: it has none)."""
    return IDLE_S if wait_ms < 0 else min(IDLE_S, max(wait_ms, 1) / 1000)


async def settle_turn(gateway: Gateway) -> float:
    """Settle the payments whose bank has answered."""
    queue = gateway.payments
    lease = await queue.claim(PAYMENTS_AT_ONCE)
    if not lease.members:
        return idle_s(lease.wait_ms)
    try:
        await settle_due_payments(gateway, lease.members)
    except BaseException:
        await give_back(queue, lease.members, lease.ends)
        raise
    await queue.done([Ended(member, lease.ends) for member in lease.members])
    return 0


async def refund_turn(gateway: Gateway) -> float:
    """Finish the refunds that have arrived."""
    return await _each(gateway.refunds, REFUNDS_AT_ONCE, lambda member: process_refund(gateway, member))


async def _each(queue: LeaseQueue, at_once: int, do: Callable[[str], Awaitable[object]]) -> float:
    """Do what is due side by side; what cannot be done now is due again shortly, what breaks after a while."""
    lease = await queue.claim(at_once)
    if not lease.members:
        return idle_s(lease.wait_ms)
    results = await asyncio.gather(*(do(member) for member in lease.members), return_exceptions=True)
    again_ms: dict[str, int] = {}
    postponed: list[str] = []
    for member, result in zip(lease.members, results, strict=True):
        if isinstance(result, _WAITING):
            again_ms[member] = shortly_ms(lease.ends)
            postponed.append(type(result).__name__)
        elif isinstance(result, Exception):
            # Most likely it breaks the next time as well, and not for a moment.
            again_ms[member] = now_ms(lease.ends) + BROKEN_AGAIN_MS
            log.error("jobs.crashed", queue=queue.name, job=member, error=type(result).__name__, exc_info=result)
    if postponed:
        log.warning("jobs.postponed", queue=queue.name, count=len(postponed), errors=sorted(set(postponed)))
    await queue.done([Ended(member, lease.ends, again_ms.get(member)) for member in lease.members])
    return 0


def now_ms(lease_ends: int) -> int:
    """Now on Redis's clock, as told by the end of a fresh lease."""
    return lease_ends - LEASE_MS


def shortly_ms(lease_ends: int) -> int:
    """A moment after that."""
    return now_ms(lease_ends) + AGAIN_MS


async def look_turn(gateway: Gateway) -> float:
    """Ask providers about what is open and due."""
    return await _each(gateway.looks, LOOKS_AT_ONCE, lambda member: look_at_payment(gateway, member))


async def notification_turn(gateway: Gateway) -> float:
    """Apply the notifications that have come in."""
    return await _each(gateway.notifications, NOTIFICATIONS_AT_ONCE, lambda member: apply_notification(gateway, member))


async def give_back(queue: LeaseQueue, members: list[str], lease_ends: int) -> None:
    """Make leased members due again shortly, as they could not be done now; where that fails, the lease runs out."""
    with contextlib.suppress(RedisError, OSError):
        await queue.done([Ended(member, lease_ends, shortly_ms(lease_ends)) for member in members])
