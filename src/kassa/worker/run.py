"""Run a worker until it is told to stop."""

import asyncio
import os
import socket
from functools import partial

import structlog
from redis.exceptions import RedisError

from kassa.actions.gateway import Gateway
from kassa.broker.base import Broker
from kassa.net import Outbound
from kassa.worker.consume import consume, look_turn, notification_turn, refund_turn, settle_turn
from kassa.worker.deliver import Deliverer
from kassa.worker.publish import publish
from kassa.worker.sweep import beat, keep

DRAIN_TIMEOUT_S = 8.0
log = structlog.get_logger()


def worker_name() -> str:
    """This process, as the other ones see it."""
    return f"{socket.gethostname()}:{os.getpid()}"


async def run_worker(gateway: Gateway, stopping: asyncio.Event, broker: Broker | None) -> None:
    """Consume all queues and publish to the broker until `stopping` is set; then finish what is in flight and leave."""
    name = worker_name()
    outbound = Outbound(gateway.settings.webhook_private_networks)
    deliverer = Deliverer(gateway, outbound, stopping)
    log.info("worker.started", worker=name)
    loops = [
        asyncio.create_task(beat(gateway, name, stopping)),
        asyncio.create_task(keep(gateway, name, stopping)),
        asyncio.create_task(consume(gateway.payments, stopping, partial(settle_turn, gateway))),
        asyncio.create_task(consume(gateway.refunds, stopping, partial(refund_turn, gateway))),
        asyncio.create_task(consume(gateway.looks, stopping, partial(look_turn, gateway))),
        asyncio.create_task(consume(gateway.notifications, stopping, partial(notification_turn, gateway))),
        asyncio.create_task(consume(gateway.deliveries, stopping, deliverer.turn)),
    ]
    if broker is not None:
        loops.append(asyncio.create_task(publish(gateway, broker, stopping)))
    await stopping.wait()
    await asyncio.wait(loops, timeout=DRAIN_TIMEOUT_S)
    await deliverer.drain(DRAIN_TIMEOUT_S)
    try:
        await gateway.presence.leave(name)
    except (RedisError, OSError):
        log.info("worker.left_unsaid", worker=name)
    await outbound.aclose()
    log.info("worker.stopped", worker=name)
