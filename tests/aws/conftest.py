"""What the tests of AWS share: one stand-in of it."""

from collections.abc import AsyncIterator

import pytest

from tests.aws.cloud import Cloud


@pytest.fixture(scope="session")
async def cloud() -> AsyncIterator[Cloud]:
    """An account, with nothing in it at first."""
    async with Cloud() as one:
        yield one
