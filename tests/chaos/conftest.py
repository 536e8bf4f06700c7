"""The gateway that all failures strike."""

from collections.abc import AsyncIterator

import pytest

from tests.chaos.storm import Scene, scene


@pytest.fixture(scope="package")
async def shop() -> AsyncIterator[Scene]:
    """A gateway with two of each; what one test leaves behind, the next one judges again."""
    settings = {"TEST_PROCESSING_DELAY": "400", "REFUND_DELAY_MIN": "200", "REFUND_DELAY_MAX": "600"}
    async with scene("--api", "2", "--workers", "2", **settings) as one:
        yield one
