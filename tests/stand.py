"""A gateway with the providers' sandbox beside it, for tests of what is paid at a provider."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import aiohttp

from tests.live import Live, free_port, until


class Stand(NamedTuple):
    """The gateway, and where its sandbox is."""

    gateway: Live
    sandbox_url: str


@asynccontextmanager
async def stand_beside(gateway: Live, **settings: str) -> AsyncIterator[Stand]:
    """A stand on the embedded servers of `gateway`, once its sandbox answers."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    async with await gateway.beside(KASSA_PROVIDER_SANDBOX="1", SANDBOX_PORT=str(port), **settings) as live:

        async def answers() -> bool:
            try:
                async with aiohttp.ClientSession() as session, session.get(url) as response:
                    return response.status == 200
            except aiohttp.ClientError:
                return False

        await until(answers, "the sandbox answers")
        yield Stand(live, url)
