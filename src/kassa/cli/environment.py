"""The settings of a command: from the environment, else those of the gateway that runs in this folder."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from kassa import settings
from kassa.actions.gateway import Gateway
from kassa.app import gateway_of
from kassa.local import running, sandbox
from kassa.settings import Settings

T = TypeVar("T")


def resolved() -> Settings:
    """The environment's settings, with the URLs of a running `kassa up` where the environment names none."""
    given = settings.load()
    # `KASSA_PROVIDER_SANDBOX=1` means the same stand-ins here as for `kassa up`.
    added = sandbox.environment(given, {name.upper(): value for name, value in msgspec.structs.asdict(given).items()})
    given = msgspec.structs.replace(given, **{name.lower(): value for name, value in added.items()})
    found = running(given.home) if given.database_url is None or given.redis_url is None else None
    if found is None:
        return given
    return msgspec.structs.replace(
        given,
        database_url=given.database_url or found.database_url,
        redis_url=given.redis_url or found.redis_url,
    )


def with_gateway(work: Callable[[Gateway], Awaitable[T]]) -> T:
    """Run `work` on the gateway of `resolved()`."""

    async def run() -> T:
        async with gateway_of(resolved()) as gateway:
            return await work(gateway)

    return asyncio.run(run())
