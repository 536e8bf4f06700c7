"""What the integration tests share besides the gateway: merchants of their own on it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from redis.asyncio import Redis

from kassa.store.database import Database
from tests.live import Live, Receiver
from tests.servers import PostgresServer, RedisServer, postgres_programs, redis_programs


@pytest.fixture
async def merchant(gateway: Live) -> Live:
    """The shared gateway as seen by a new merchant, who has no webhook URL."""
    return await gateway.merchant()


@pytest.fixture
async def inbox(merchant: Live) -> AsyncIterator[Receiver]:
    """A receiver that `merchant` has its webhooks sent to."""
    async with Receiver() as receiver:
        await merchant.use_webhooks(receiver.url)
        yield receiver
        await merchant.use_webhooks(None)


@pytest.fixture(scope="session", params=["embedded", "system"])
async def redis(request: pytest.FixtureRequest) -> AsyncIterator["Redis"]:
    """A client of a server that the tests have for themselves."""
    program = redis_programs()[request.param]
    if program is None:
        pytest.skip(f"no {request.param} redis-server, or the same one again")
    async with RedisServer(program) as server, Redis.from_url(server.url) as client:
        yield client


@pytest.fixture(scope="session")
async def postgres_servers() -> AsyncIterator[dict[str, PostgresServer]]:
    """Every version of PostgreSQL that is to be had, started side by side."""
    servers = {version: PostgresServer(folder) for version, folder in postgres_programs().items() if folder}
    async with AsyncExitStack() as stack:
        await asyncio.gather(*map(stack.enter_async_context, servers.values()))
        yield servers


@pytest.fixture(scope="session", params=["18", "16", "15"])
async def database(
    request: pytest.FixtureRequest, postgres_servers: dict[str, PostgresServer]
) -> AsyncIterator[Database]:
    """A migrated database without a gateway; tests make merchants of their own in it."""
    if request.param not in postgres_servers:
        pytest.skip(f"no PostgreSQL {request.param}")
    opened = Database(postgres_servers[request.param].url)
    yield opened
    await opened.close()
