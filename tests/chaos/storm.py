"""The load, and the disasters that strike it."""

import asyncio
import os
import random
import signal
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
from aiohttp import web
from redis.asyncio import Redis

from kassa.local import running
from tests.chaos.checker import violations
from tests.chaos.evidence import calm, gather
from tests.chaos.journal import Client
from tests.live import CARD, Live, Received, Receiver, until

BUYERS = 10
END_SESSIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'kassa'"
FINAL = ("success", "failed")
# Of all webhooks, one in so many is refused when it first arrives.
REFUSED_ONE_IN = 10


@dataclass
class Scene:
    """A gateway, its merchant's program and its merchant's webhook receiver."""

    gateway: Live
    client: Client
    receiver: Receiver
    visits: int = field(default=0)

    async def answers(self, count: int) -> None:
        """Wait until `count` more requests to do something were answered: the gateway serves, and a storm's clock."""
        goal = self._answered() + count

        async def had() -> bool:
            return self._answered() >= goal

        await until(had, f"{count} more answers")

    def _answered(self) -> int:
        return sum(told.body is not None and (told.status or 500) < 500 for told in self.client.journal)

    @asynccontextmanager
    async def load(self) -> AsyncIterator[None]:
        """Buyers come and go as long as the block lasts; those who are in the shop then finish."""
        closing = asyncio.Event()

        async def buyer(chance: random.Random) -> None:
            while not closing.is_set():
                self.visits += 1
                await visit(self.client, chance, f"visit-{self.visits}")

        async with asyncio.TaskGroup() as shop:
            for number in range(BUYERS):
                shop.create_task(buyer(random.Random(f"{self.visits}/{number}")))
            try:
                yield
            finally:
                closing.set()

    async def order(self) -> str:
        """The id of a new order."""
        self.visits += 1
        body = {"amount": 50_000, "receipt": f"single-{self.visits}"}
        return str((await self.client.ask("/api/v1/orders", body, f"single-{self.visits}-order")).json["id"])

    async def pay(self, order_id: str) -> str:
        """The id of a new payment of an order."""
        self.visits += 1
        body = {"order_id": order_id, "method": "upi", "vpa": f"single-{self.visits}@bank"}
        return str((await self.client.ask("/api/v1/payments", body, f"single-{self.visits}-payment")).json["id"])

    async def settled(self, payment_id: str) -> Any:
        """The payment, once it is final."""
        return await _final(self.client, payment_id)

    async def verify(self) -> None:
        """Wait for calm, then hold the gateway to every promise, since its first request."""
        crashes = [line for line in self.gateway.logs().splitlines() if '.crashed"' in line]
        assert not crashes, "\n".join(crashes)
        await calm(self.gateway)
        evidence = await gather(self.gateway, self.client.journal, self.receiver.received)
        found = violations(evidence)
        assert not found, "\n".join([f"{len(found)} promises were broken:", *found[:20]])


@asynccontextmanager
async def scene(*arguments: str, **settings: str) -> AsyncIterator[Scene]:
    """A new gateway with a client and a receiver."""
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(Live(*arguments, **settings))
        client = await stack.enter_async_context(Client(gateway.url))
        receiver = await stack.enter_async_context(Receiver())
        await gateway.use_webhooks(receiver.url)
        yield Scene(gateway, client, receiver)


async def visit(client: Client, chance: random.Random, name: str) -> None:
    """Order, pay in up to three ways at once, look until it is decided; then capture and refund too much, in a race."""
    amount = chance.randrange(100, 1_000_000)
    order_id = await _order(client, amount, name)
    payments = await asyncio.gather(
        *(_pay(client, chance, order_id, f"{name}-payment-{n}") for n in range(chance.randint(1, 3)))
    )
    final = [await _final(client, payment_id) for payment_id in payments if payment_id]
    for payment in final:
        if payment["status"] != "success":
            continue
        path = f"/api/v1/payments/{payment['id']}"
        parts = [amount * percent // 100 for percent in (40, 40, 40)]
        await asyncio.gather(
            _twice(client, f"{path}/capture", {"amount": amount}, f"{name}-capture"),
            *(
                _twice(client, f"{path}/refunds", {"amount": part, "reason": f"part {n}"}, f"{name}-refund-{n}")
                for n, part in enumerate(parts)
            ),
        )


async def _order(client: Client, amount: int, name: str) -> str:
    # Without a key, so what was not answered is not asked again: the next try is another order.
    attempt = 0
    while True:
        attempt += 1
        body = {"amount": amount, "receipt": f"{name}-{attempt}", "notes": {"buyer": name, "city": "Zürich"}}
        told = await client.send("/api/v1/orders", body)
        if told.status == 201:
            return str(told.json["id"])
        assert attempt < 1_000, told
        await asyncio.sleep(0.1)


async def _pay(client: Client, chance: random.Random, order_id: str, name: str) -> str | None:
    ways: list[dict[str, Any]] = [
        {"method": "upi", "vpa": f"{name}@bank"},
        {"method": "upi", "vpa": "failure@kassa"},
        {"method": "card", "card": CARD},
        {"method": "card", "card": {**CARD, "number": "4000000000000002"}},
    ]
    body = {"order_id": order_id, **chance.choices(ways, weights=(5, 1, 3, 1))[0]}
    path = chance.choice(["/api/v1/payments", "/api/v1/payments", "/api/v1/payments/public"])
    told = await _twice(client, path, body, name)
    return str(told.json["id"]) if told.status == 201 else None


async def _twice(client: Client, path: str, body: Any, key: str) -> Any:
    """An impatient client: the same request with the same key, twice at once."""
    return (await asyncio.gather(client.ask(path, body, key), client.ask(path, body, key)))[0]


async def _final(client: Client, payment_id: str) -> Any:
    async def final() -> Any:
        payment = (await client.ask(f"/api/v1/payments/{payment_id}")).json
        return payment if payment["status"] in FINAL else await asyncio.sleep(0.1)

    return await until(final, f"{payment_id} is final")


async def refuse_some_at_first(arrived: Received) -> web.Response:
    """A receiver's behaviour: 503 to the first attempt of one webhook in ten."""
    first = arrived.headers["webhook-id"] not in _seen
    _seen.add(arrived.headers["webhook-id"])
    chosen = zlib.crc32(arrived.headers["webhook-id"].encode()) % REFUSED_ONE_IN == 0
    return web.Response(status=503 if first and chosen else 200)


_seen: set[str] = set()


async def kill(gateway: Live, *names: str) -> None:
    """`kill -9` of processes, each as soon as it is there."""
    for name in names:

        async def struck(name: str = name) -> bool:
            try:
                gateway.kill(name)
            except (KeyError, ProcessLookupError):  # it is being started again
                return False
            return True

        await until(struck, f"{name} can be killed")


async def flush(gateway: Live) -> None:
    """FLUSHALL, as soon as Redis is there."""
    redis = Redis.from_url(gateway.urls()[1])

    async def flushed() -> bool:
        try:
            return bool(await redis.flushall())
        except (ConnectionError, OSError):
            return False

    await until(flushed, "FLUSHALL")
    await redis.aclose()


async def end_sessions(gateway: Live) -> None:
    """End every session that the gateway has with PostgreSQL, again and again: each meets another moment."""
    for _ in range(20):

        async def ended() -> bool:
            try:
                return bool(await gateway.sql(END_SESSIONS))
            except (OSError, asyncpg.PostgresError):  # it is being started again
                return False

        await until(ended, "sessions are ended")


def pid_of(gateway: Live, name: str) -> int:
    """The pid of one of the gateway's processes, `supervisor` among them."""
    found = running(gateway.home)
    assert found is not None
    return found.pids[name]


@contextmanager
def stopped(*pids: int) -> Iterator[None]:
    """SIGSTOP for as long as the block lasts, then SIGCONT."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            try:
                os.kill(pid, signal.SIGCONT)
            except ProcessLookupError:  # killed while it was stopped
                continue


Disaster = Callable[[Live], Awaitable[None]]

DISASTERS: dict[str, Disaster] = {
    "kill -9 of an API": lambda gateway: kill(gateway, "api-1"),
    "kill -9 of every API": lambda gateway: kill(gateway, "api-1", "api-2"),
    "kill -9 of a worker": lambda gateway: kill(gateway, "worker-2"),
    "kill -9 of every worker": lambda gateway: kill(gateway, "worker-1", "worker-2"),
    "kill -9 of Redis": lambda gateway: kill(gateway, "redis"),
    "kill -9 of PostgreSQL": lambda gateway: kill(gateway, "postgres"),
    "the end of every session": end_sessions,
    "FLUSHALL": flush,
}
