"""One sandbox for all, each provider against its stand-in there, and one gateway with a sandbox beside it."""

from collections.abc import AsyncIterator

import pytest
from tests.live import Live
from tests.providers.cases import PROVIDERS, Case, Sandbox, UnderTest
from tests.providers.shop import NAMES, Shop, shop_of
from tests.stand import Stand, stand_beside

from kassa.providers.base import Credentials


@pytest.fixture(scope="session")
async def sandbox() -> AsyncIterator[Sandbox]:
    """The sandbox, as a process of its own, that notifies nobody."""
    async with Sandbox() as one:
        yield one


@pytest.fixture(scope="session", params=PROVIDERS, ids=lambda under: under.name)
async def case(request: pytest.FixtureRequest, sandbox: Sandbox) -> AsyncIterator[Case]:
    """Each provider in turn."""
    under: UnderTest = request.param
    told = (await sandbox.get("/"))[under.name]
    provider, impatient = under.make(told["api_url"], 20), under.make(told["api_url"], 1)
    yield Case(under, sandbox, provider, impatient, Credentials(**told["credentials"], live=False))
    await provider.aclose()
    await impatient.aclose()


@pytest.fixture(scope="session")
async def stand(gateway: Live) -> AsyncIterator[Stand]:
    """A gateway with the sandbox beside it."""
    async with stand_beside(gateway) as one:
        yield one


@pytest.fixture(params=NAMES)
async def shop(request: pytest.FixtureRequest, stand: Stand) -> AsyncIterator[Shop]:
    """Each provider in turn, with nothing scripted."""
    async with shop_of(stand, request.param) as one:
        yield one
