"""The database: its pool, its transactions, and what a lost connection looks like to the rest of Kassa."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, TypeVar

import asyncpg

from kassa.domain.errors import KassaError

Connection: TypeAlias = Any  # asyncpg ships no types; a connection or a pool's proxy of one
T = TypeVar("T")

POOL_SIZE = 10
CONNECT_TIMEOUT_S = 5
STATEMENT_TIMEOUT_S = 10
IDLE_IN_TRANSACTION_TIMEOUT_S = 5
RETRY_DELAYS_S = (0.05, 0.25, 1.0)

# A connection that is gone or cannot be had: the same work may succeed on another one.
LOST = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    # What asyncpg makes of the server's last words, when they arrive on a connection that is about to be used.
    asyncpg.InternalClientError,
)


class _Connection(asyncpg.Connection):  # type: ignore[misc]
    """A pooled connection that is not reset on release: the reset query costs more than an INSERT.

    Nothing here leaves session state behind: no SET, no LISTEN, no advisory session lock on pooled connections.
    """

    def get_reset_query(self) -> str:
        return ""


class Database:
    """A pool of connections that opens itself when it is first needed, and again after the server was away."""

    def __init__(self, url: str, pool_size: int = POOL_SIZE) -> None:
        self.url = url
        self._pool = asyncpg.create_pool(
            url,
            min_size=0,
            max_size=pool_size,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=STATEMENT_TIMEOUT_S,
            connection_class=_Connection,
            max_inactive_connection_lifetime=0,
            server_settings={
                "application_name": "kassa",
                "jit": "off",
                "timezone": "UTC",
                # A plan made while a table was small outlives that; each statement here has an index to go by.
                "enable_seqscan": "off",
                # A process that stalls in the middle of a transaction loses it, and its locks, before its leases end.
                "idle_in_transaction_session_timeout": f"{IDLE_IN_TRANSACTION_TIMEOUT_S}s",
            },
        )
        self._opening = asyncio.Lock()
        self._open = False

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection outside any transaction; each statement commits by itself."""
        if not self._open:
            async with self._opening:
                await self._pool
                self._open = True
        async with self._pool.acquire(timeout=CONNECT_TIMEOUT_S) as connection:
            yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection in a transaction that commits when the block ends well."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    async def fetch(self, sql: str, *args: object) -> list[Any]:
        """The rows of one statement; it must be one that may run twice.

        When the connection is lost, nobody knows whether it has been done, and it is run again as `retried` does.
        """

        async def run() -> list[Any]:
            async with self.connection() as connection:
                rows: list[Any] = await connection.fetch(sql, *args)
                return rows

        return await retried(run)

    async def fetchrow(self, sql: str, *args: object) -> Any | None:
        """The first row of one statement, run as `fetch` does."""
        rows = await self.fetch(sql, *args)
        return rows[0] if rows else None

    async def listen(self, channel: str, on_notice: Callable[[], None]) -> None:
        """Call `on_notice` at each NOTIFY on `channel`, and when some may have been missed; runs until cancelled."""
        while True:
            try:
                connection = await asyncpg.connect(self.url, timeout=CONNECT_TIMEOUT_S)
                try:
                    closed = asyncio.Event()
                    connection.add_termination_listener(lambda _: closed.set())  # noqa: B023 - one per turn
                    await connection.add_listener(channel, lambda *_: on_notice())
                    on_notice()
                    await closed.wait()
                finally:
                    await connection.close(timeout=1)
            except LOST:
                pass
            on_notice()
            await asyncio.sleep(RETRY_DELAYS_S[-1])

    async def close(self) -> None:
        """Close the pool; what is under way is given a moment to end."""
        if self._open:
            try:
                await asyncio.wait_for(self._pool.close(), timeout=CONNECT_TIMEOUT_S)
            except LOST:
                self._pool.terminate()


def guarded(condition: str) -> str:
    """`condition` in a form that only checks rows, for those that their ids find.

    PostgreSQL would else look up whatever meets a condition that few rows met at the last ANALYZE: a status that hardly
    anything had then may be that of a million rows by now, and they would all be read for each handful of ids.
    """
    return f"coalesce({condition}, false)"


async def retried(work: Callable[[], Awaitable[T]]) -> T:
    """Run `work`, again on a fresh connection when one is lost; raises SERVICE_UNAVAILABLE when that does not help.

    Only for work that may run twice: reads, compare-and-sets, and inserts under ids chosen beforehand.
    """
    for delay_s in (*RETRY_DELAYS_S, None):
        try:
            return await work()
        except (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, *LOST) as error:
            # What timed out once would hold its caller, and a connection, just as long again.
            if delay_s is None or isinstance(error, TimeoutError):
                raise KassaError("SERVICE_UNAVAILABLE") from error
            await asyncio.sleep(delay_s)
    raise AssertionError("unreachable")
