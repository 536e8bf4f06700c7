"""Each broker in turn, with a gateway of two workers that publishes to it."""

from collections.abc import AsyncIterator

import pytest

from tests.broker.brokers import ActiveMQServer, BrokerServer, RabbitMQServer
from tests.live import Live


@pytest.fixture(scope="session", params=[RabbitMQServer, ActiveMQServer])
async def broker(request: pytest.FixtureRequest) -> AsyncIterator[BrokerServer]:
    """A real broker."""
    kind: type[BrokerServer] = request.param
    if not kind.is_installed():
        pytest.skip(f"needs the broker itself: apt-get install {kind.package}")
    async with kind() as one:
        yield one


@pytest.fixture(scope="session")
async def publishing(broker: BrokerServer, gateway: Live) -> AsyncIterator[Live]:
    """A gateway with two workers and this broker."""
    async with await gateway.beside("--workers", "2", BROKER_URL=broker.url) as live:
        yield live
