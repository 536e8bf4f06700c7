"""What all tests share: one gateway for those that need no settings of their own, and a receiver for its webhooks."""

import os
from collections.abc import AsyncIterator

import hypothesis
import pytest

from tests.live import Live, Receiver

# No deadlines: they say more about the machine than about the code. In CI the examples are the same every time.
hypothesis.settings.register_profile(
    "kassa",
    deadline=None,
    derandomize="CI" in os.environ,
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("kassa")


@pytest.fixture(scope="session")
async def gateway() -> AsyncIterator[Live]:
    """A gateway in test mode: every payment succeeds after 100 ms, webhooks are retried on the short schedule."""
    async with Live() as live:
        yield live


@pytest.fixture
async def receiver(gateway: Live) -> AsyncIterator[Receiver]:
    """A receiver of the seeded merchant's webhooks."""
    async with Receiver() as one:
        await gateway.use_webhooks(one.url)
        yield one
        await gateway.use_webhooks(None)
