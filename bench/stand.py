"""The gateway that is measured: started whole by the real command, in a home of its own, and read while it works."""

import asyncio
import contextlib
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import psutil
from redis.asyncio import Redis
from tests.live import CREDENTIALS, Live, until

from kassa.actions.manage_merchant import TEST_MERCHANT_ID
from kassa.local import running
from kassa.queue import LeaseQueue

FIRST_ORDER = 1_000_000_000_000_000
DRAINED_WITHIN_S = 900.0
Credentials = tuple[str, str]
TEST_CREDENTIALS = (CREDENTIALS["X-Api-Key"], CREDENTIALS["X-Api-Secret"])


class Payee(msgspec.Struct, frozen=True):
    """A merchant that takes payments here."""

    id: str
    credentials: Credentials


TEST_PAYEE = Payee(TEST_MERCHANT_ID, TEST_CREDENTIALS)


class Orders(msgspec.Struct, frozen=True):
    """Orders that exist: their numbers, and whose they are in turn."""

    first: int
    count: int
    payees: list[Payee]


class Stand(Live):
    """A gateway with one API process and one worker, which rests unless `working`."""

    def __init__(self, stored: int) -> None:
        super().__init__()
        self.stored = stored
        self.peak_mb = {"api-1": 0.0, "worker-1": 0.0}
        self._next_order = FIRST_ORDER

    async def __aenter__(self) -> "Stand":
        await self.start()
        return self

    async def start(self) -> None:
        """Start it, open what it is read through, and let the worker rest."""
        await super().start()
        found = running(self.home)
        assert found is not None
        self.processes = {name: psutil.Process(pid) for name, pid in found.pids.items()}
        self.database_url, redis_url = self.urls()
        self.database = await asyncpg.connect(self.database_url, command_timeout=None)
        self.redis = Redis.from_url(redis_url)
        self.queues = {name: LeaseQueue(self.redis, name) for name in ("payments", "deliveries")}
        self._watching = asyncio.create_task(self._watch_memory())
        self.rest()

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Stop it, by a signal to the supervisor."""
        if hasattr(self, "_watching"):
            self._watching.cancel()
            self.thaw()
            self.work()
            await self.redis.aclose()
            await self.database.close()
        await super().stop(number)

    def rest(self) -> None:
        """Stop the worker's clock: it keeps its connections and takes no processor time. Only while it is idle."""
        self.processes["worker-1"].suspend()

    def work(self) -> None:
        """Let the worker work."""
        self.processes["worker-1"].resume()

    def freeze(self) -> None:
        """Stop all of it while another one is measured: even a gateway with nothing to do takes processor time."""
        self._each(psutil.Process.suspend)

    def thaw(self) -> None:
        """Let it go on; the worker rests."""
        self._each(psutil.Process.resume)
        self.rest()

    def _each(self, do: Callable[[psutil.Process], None]) -> None:
        for process in [*self.processes.values(), *self.processes["postgres"].children()]:
            with contextlib.suppress(psutil.NoSuchProcess):  # a session of PostgreSQL that has just ended
                do(process)

    @property
    def pgbench(self) -> Path:
        """The pgbench that belongs to the server."""
        return Path(self.processes["postgres"].exe()).with_name("pgbench")

    async def _watch_memory(self) -> None:
        while True:
            for name in self.peak_mb:
                with contextlib.suppress(psutil.NoSuchProcess):
                    rss = self.processes[name].memory_info().rss / 1e6
                    self.peak_mb[name] = max(self.peak_mb[name], rss)
            await asyncio.sleep(0.1)

    async def payees(self, count: int, url: str, name: str) -> list[Payee]:
        """Add merchants whose webhooks go to `url`."""
        rows = await self.database.fetch(
            """INSERT INTO merchants (name, email, api_key, api_secret, webhook_secret, webhook_url)
               SELECT 'Merchant', $2 || g || '@example.com', 'key_' || $2 || g, 'secret_' || $2 || g,
                      'whsec_' || encode(sha256(($2 || g)::bytea), 'base64'), $3
               FROM generate_series(1, $1::int) g RETURNING id::text, api_key, api_secret""",
            count,
            name,
            url,
        )
        return [Payee(row[0], (row[1], row[2])) for row in rows]

    async def orders(self, count: int, payees: list[Payee]) -> Orders:
        """Add orders to be paid, of the payees in turn."""
        first, self._next_order = self._next_order, self._next_order + count
        await self.database.execute(
            """INSERT INTO orders (id, merchant_id, amount)
               SELECT 'order_' || ($1::bigint + g), ($3::uuid[])[1 + g % cardinality($3::uuid[])], 50000
               FROM generate_series(0, $2::int - 1) g""",
            first,
            count,
            [payee.id for payee in payees],
        )
        return Orders(first, count, payees)

    async def done(self, queue: str) -> int:
        """How many jobs of a queue have ended since the start."""
        counts = await self.queues[queue].counts()
        return counts.completed + counts.failed

    async def until_done(self, queue: str, count: int) -> None:
        """Return as soon as `count` jobs have ended; fails when that takes too long."""

        async def enough() -> bool:
            return await self.done(queue) >= count

        await until(enough, f"{count} {queue} are done", DRAINED_WITHIN_S)

    async def value(self, statement: str, *args: object) -> Any:
        """The first column of the first row of a statement."""
        return await self.database.fetchval(statement, *args)
