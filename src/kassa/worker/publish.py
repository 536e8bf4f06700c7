"""Publish events to the message broker: in order, at least once, whenever it is there."""

import asyncio

import structlog

from kassa.actions.gateway import Gateway
from kassa.broker.base import Broker, BrokerError, Message
from kassa.domain.errors import KassaError
from kassa.store import broker_outbox
from kassa.store.database import LOST

AT_ONCE = 200
# Shorter than a transaction may stand idle.
PUBLISH_TIMEOUT_S = 4.0
IDLE_S = 0.25
AWAY_S = 2.0
log = structlog.get_logger()


async def publish(gateway: Gateway, broker: Broker, stopping: asyncio.Event) -> None:
    """Publish until stopping. With the broker away events wait in the database, and nothing else waits for them."""
    at_once = AT_ONCE
    while not stopping.is_set():
        try:
            idle_s = 0.0 if await publish_some(gateway, broker, at_once) else IDLE_S
            at_once = min(2 * at_once, AT_ONCE)
        except (BrokerError, KassaError, *LOST) as error:
            log.warning("broker.away", error=str(error) or type(error).__name__)
            # A broker may be too slow for many in the time there is: with one at a time it still gets on.
            idle_s, at_once = AWAY_S, 1
            await broker.close()
        except Exception:
            log.error("worker.crashed", queue="broker", exc_info=True)
            idle_s, at_once = AWAY_S, 1
            await broker.close()
        if idle_s:
            try:
                async with asyncio.timeout(idle_s):
                    await stopping.wait()
            except TimeoutError:
                continue
    await broker.close()


async def publish_some(gateway: Gateway, broker: Broker, limit: int) -> int:
    """Publish the oldest events, at most `limit`; returns how many. What is confirmed is forgotten."""
    async with broker_outbox.publishing(gateway.database) as tx:
        if tx is None:
            return 0
        rows = await broker_outbox.first(tx, limit)
        if rows:
            try:
                async with asyncio.timeout(PUBLISH_TIMEOUT_S):
                    await broker.publish([Message(*row[1:]) for row in rows])
            except TimeoutError as error:
                raise BrokerError("no confirmation in time") from error
            await broker_outbox.delete(tx, [row[0] for row in rows])
        return len(rows)
