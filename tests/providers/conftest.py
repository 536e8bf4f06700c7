"""One sandbox for all, and each provider against its stand-in there."""

from collections.abc import AsyncIterator

import pytest
from tests.providers.cases import PROVIDERS, Case, Sandbox, UnderTest

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
