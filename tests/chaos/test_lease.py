"""A worker dies or stalls while it holds work: others do the work, and the late one changes nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from typing import Any

import asyncpg
from aiohttp import web

from tests.chaos.evidence import calm
from tests.chaos.storm import Scene, kill, pid_of, stopped
from tests.live import Received, until

# The promise is 15 s; the rest is for `kassa up` to start a worker again.
DONE_AGAIN_WITHIN_S = 15.0 + 5.0
# A worker has settled a payment and waits, in the same transaction, to write the event that tells of it.
WAITING = """
    SELECT FROM pg_stat_activity WHERE application_name = 'kassa' AND wait_event_type = 'Lock'
        AND query LIKE 'INSERT INTO payment_events%'"""
# Not committed, so who writes the same event must wait for what becomes of it.
HOLD_EVENT = """
    INSERT INTO payment_events (payment_id, sequence, event, status, cause)
    VALUES ($1, 3, 'payment.held', 'pending', 'test')"""


class Held:
    """A payment whose settlement waits at its last step, and one whose first webhook waits for its answer."""

    def __init__(self, shop: Scene) -> None:
        self._shop = shop
        self.settling = self.telling = ""
        self.arrivals: list[Received] = []
        self.answer_now = asyncio.Event()

    async def receive(self, arrived: Received) -> web.Response:
        """The receiver's behaviour: the first webhook of the second payment gets no answer, all others do."""
        data = arrived.json["data"]["payment"]
        if data["id"] == self.telling and arrived.json["event"] == "payment.created":
            self.arrivals.append(arrived)
            if len(self.arrivals) == 1:
                await self.answer_now.wait()
        return web.Response()

    async def done_again(self) -> None:
        """Wait until both are done by whoever is there."""

        async def done() -> bool:
            told = await self._shop.client.ask(f"/api/v1/payments/{self.settling}")
            return told.json["status"] == "success" and len(self.arrivals) > 1

        await until(done, "held work is done again", DONE_AGAIN_WITHIN_S)


@asynccontextmanager
async def held_work(shop: Scene) -> AsyncIterator[Held]:
    """Have a worker begin a settlement and a delivery that it cannot end before the block does."""
    held = Held(shop)
    settling, telling = await shop.order(), await shop.order()
    async with AsyncExitStack() as until_the_end:
        until_the_end.callback(held.answer_now.set)
        early, late = [await until_the_end.enter_async_context(transaction(shop)) for _ in range(2)]
        await early.execute("SELECT FROM orders WHERE id = $1 FOR NO KEY UPDATE", settling)
        shop.receiver.behaviour = held.receive
        held.settling = await shop.pay(settling)
        await late.execute(HOLD_EVENT, held.settling)
        await early.execute("COMMIT")
        held.telling = await shop.pay(telling)

        async def begun() -> bool:
            return bool(held.arrivals) and bool(await shop.gateway.sql(WAITING))

        await until(begun, "a worker has begun both")
        yield held


@asynccontextmanager
async def transaction(shop: Scene) -> AsyncIterator[Any]:
    """A connection in a transaction of its own, which is rolled back."""
    connection = await asyncpg.connect(shop.gateway.urls()[0])
    try:
        await connection.execute("BEGIN")
        yield connection
    finally:
        await connection.close()


async def test_leased_work_of_killed_workers_is_done_again(shop: Scene) -> None:
    async with held_work(shop) as held:
        await kill(shop.gateway, "worker-1", "worker-2")
    await held.done_again()
    await shop.verify()


async def test_a_worker_that_wakes_up_past_its_lease_changes_nothing(shop: Scene) -> None:
    first, second = pid_of(shop.gateway, "worker-1"), pid_of(shop.gateway, "worker-2")
    with ExitStack() as stalled:
        with stopped(second):
            async with held_work(shop) as held:
                stalled.enter_context(stopped(first))
        # Stalled in the middle of a transaction, with rows locked, and yet in nobody's way.
        await held.done_again()
        await calm(shop.gateway)

    with stopped(second):
        # The late one goes on from where it stood, and then does this alone.
        await shop.settled(await shop.pay(await shop.order()))
        await shop.verify()
    attempts = await shop.gateway.sql(
        "SELECT attempts FROM webhook_logs WHERE payment_id = $1 AND event = 'payment.created'", held.telling
    )
    assert [row["attempts"] for row in attempts] == [1]
