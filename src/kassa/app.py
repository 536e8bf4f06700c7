"""The composition root: settings become database, queue, bank and clock, and these become an API or a worker."""

import asyncio
import errno
import gc
import random
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
import uvloop
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from kassa import log
from kassa.actions.authenticate import watch_merchants
from kassa.actions.gateway import Gateway
from kassa.actions.manage_merchant import refuse_test_credentials, seed_test_merchant
from kassa.api.application import application
from kassa.api.limits import RateLimits
from kassa.api.protocol import OneWriteProtocol
from kassa.broker.activemq import ActiveMQ
from kassa.broker.base import Broker
from kassa.broker.rabbitmq import RabbitMQ
from kassa.providers.paypal import PayPal
from kassa.providers.razorpay import Razorpay
from kassa.providers.registry import Providers
from kassa.providers.simulator import Simulator
from kassa.providers.stripe import Stripe
from kassa.settings import Settings, SettingsError
from kassa.store.database import Database
from kassa.store.migrate import migrate
from kassa.worker.run import run_worker

REDIS_TIMEOUT_S = 5
KEEP_ALIVE_S = 75
BACKLOG = 2_048


@asynccontextmanager
async def gateway_of(settings: Settings) -> AsyncIterator[Gateway]:
    """A gateway on the database and Redis that the settings name, closed at the end.

    Raises SettingsError when they name none.
    """
    if settings.database_url is None or settings.redis_url is None:
        raise SettingsError("DATABASE_URL and REDIS_URL are not set; `kassa up` brings both, or set them")
    redis = Redis.from_url(
        settings.redis_url,
        socket_timeout=REDIS_TIMEOUT_S,
        socket_connect_timeout=REDIS_TIMEOUT_S,
        # One immediate second try heals a connection that was dropped while idle; more would only hide an outage.
        retry=Retry(NoBackoff(), 1),
    )
    bank = Simulator(settings, random.SystemRandom())
    stripe = Stripe(settings.stripe_api_url) if settings.stripe_api_url else Stripe()
    paypal = PayPal(settings.paypal_api_url)
    razorpay = Razorpay(settings.razorpay_api_url) if settings.razorpay_api_url else Razorpay()
    providers = Providers([bank, stripe, razorpay, paypal])
    gateway = Gateway(settings, Database(settings.database_url), redis, bank, providers)
    try:
        yield gateway
    finally:
        await gateway.close()
        await stripe.aclose()
        await paypal.aclose()
        await razorpay.aclose()


async def prepare(settings: Settings) -> list[str]:
    """Migrate the database and seed the test merchant; returns the migrations that ran."""
    async with gateway_of(settings) as gateway:
        ran = await migrate(gateway.database.url)
        await seed_test_merchant(gateway)
        return ran


class _Server(uvicorn.Server):
    """A server that leaves signals to us, so that a stop that was asked for ends with exit code 0."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _serve(settings: Settings, sockets: list[socket.socket]) -> None:
    async with gateway_of(settings) as gateway:
        await refuse_test_credentials(gateway)
        limits = RateLimits(gateway.redis)
        config = uvicorn.Config(
            application(gateway, limits),
            loop="uvloop",
            http=OneWriteProtocol,
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            forwarded_allow_ips=settings.proxy_networks,
            # Longer than load balancers and clients keep an idle connection: none sends into one that just closes.
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=10,
        )
        background = [asyncio.create_task(watch_merchants(gateway)), asyncio.create_task(limits.settle())]
        server = _Server(config)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, server.handle_exit, number, None)
        _collect_seldom()
        try:
            await server.serve(sockets=sockets)
        finally:
            log.write_request_lines()
            for task in background:
                task.cancel()


def _collect_seldom() -> None:
    """Spare everything that was loaded at start from garbage collection, and let the rest wait for more of it.

    Most of what a request makes is freed without the collector, which took a tenth of the API's time and whose pauses
    doubled the slowest answers.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def run_api(settings: Settings, sockets: list[socket.socket]) -> None:
    """Serve the API, and the pages that belong to the ports of the listening sockets, until SIGTERM or SIGINT."""
    log.configure(settings.log_level, "api")
    uvloop.run(_serve(settings, sockets))


def listening_socket(port: int) -> socket.socket:
    """A socket that listens on `port` of every address, IPv6 and IPv4 alike; raises SettingsError when it is taken."""
    try:
        sock = socket.create_server(
            ("::", port) if socket.has_dualstack_ipv6() else ("0.0.0.0", port),  # noqa: S104 - a server for the network
            family=socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET,
            backlog=BACKLOG,
            dualstack_ipv6=socket.has_dualstack_ipv6(),
        )
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise SettingsError(f"Port {port} is in use; stop what listens there, or choose another") from error
    sock.setblocking(False)
    return sock


async def _work(settings: Settings) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with gateway_of(settings) as gateway:
        await refuse_test_credentials(gateway)
        _collect_seldom()
        await run_worker(gateway, stopping, broker_of(settings))


def broker_of(settings: Settings) -> Broker | None:
    """The message broker that BROKER_URL names, by its scheme; None without one."""
    url = settings.broker_url
    if url is None:
        return None
    return RabbitMQ(url) if url.startswith("amqp") else ActiveMQ(url)


def run_worker_process(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT, then finish what is in flight."""
    log.configure(settings.log_level, "worker")
    uvloop.run(_work(settings))
