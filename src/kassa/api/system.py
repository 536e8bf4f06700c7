"""Endpoints for those who run Kassa: health, readiness, metrics, and the test endpoints of development."""

import asyncio
import hmac

from redis.exceptions import RedisError

from kassa.actions.gateway import Gateway
from kassa.api.answers import Config, Health, JobsStatus, Ready, TestMerchant
from kassa.api.metrics import exposition
from kassa.api.operation import Call, Operation, Text
from kassa.domain.errors import KassaError, not_found
from kassa.domain.views import iso
from kassa.store import merchants

CHECK_TIMEOUT_S = 2.0


_given_up: set[asyncio.Task[None]] = set()


async def _database_answers(gateway: Gateway) -> bool:
    async def ask() -> None:
        async with gateway.database.connection() as connection:
            await connection.execute("SELECT 1")

    asking = asyncio.create_task(ask())
    done, _ = await asyncio.wait([asking], timeout=CHECK_TIMEOUT_S)
    if done:
        return asking.exception() is None
    # It ends by itself: a server that hangs does not answer that it has heard of the cancellation either.
    asking.cancel()
    _given_up.add(asking)
    asking.add_done_callback(_given_up.discard)
    return False


async def _workers(gateway: Gateway) -> int | None:
    """How many workers are alive; None when Redis does not answer."""
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            return len(await gateway.presence.alive())
    except (RedisError, OSError):
        return None


async def _health(call: Call) -> Health:
    database, workers = await asyncio.gather(_database_answers(call.gateway), _workers(call.gateway))
    return Health(
        status="healthy" if database and workers else "unhealthy",
        database="connected" if database else "disconnected",
        redis="disconnected" if workers is None else "connected",
        worker="running" if workers else "stopped",
        timestamp=iso(call.gateway.now()),
    )


async def _ready(call: Call) -> Ready:
    if not await _database_answers(call.gateway):
        raise KassaError("SERVICE_UNAVAILABLE")
    return Ready(True)


async def _metrics(call: Call) -> Text:
    token = call.gateway.settings.metrics_token
    given = call.headers.get(b"authorization", b"")
    if token is None and call.gateway.settings.production:
        raise not_found("Path")
    if token is not None and not hmac.compare_digest(given, b"Bearer " + token.encode()):
        raise KassaError("AUTHENTICATION_ERROR", "Send Authorization: Bearer with METRICS_TOKEN")
    try:
        return Text(await exposition(call.gateway))
    except (RedisError, OSError) as error:
        raise KassaError("SERVICE_UNAVAILABLE", "The gateway cannot reach its queue") from error


async def _config(call: Call) -> Config:
    s = call.gateway.settings
    return Config(s.api_url, s.checkout_url, s.dashboard_url, s.production)


async def _test_merchant(call: Call) -> TestMerchant:
    merchant = await merchants.by_email(call.gateway.database, call.gateway.settings.test_merchant_email)
    if merchant is None:
        raise not_found("Test merchant")
    return TestMerchant(merchant.id, merchant.email, merchant.api_key)


async def _jobs_status(call: Call) -> JobsStatus:
    try:
        counts = await asyncio.gather(*(queue.counts() for queue in call.gateway.queues))
    except (RedisError, OSError) as error:
        raise KassaError("SERVICE_UNAVAILABLE", "The gateway cannot reach its queue") from error
    return JobsStatus(
        pending=sum(c.pending for c in counts),
        processing=sum(c.processing for c in counts),
        completed=sum(c.completed for c in counts),
        failed=sum(c.failed for c in counts),
        worker_status="running" if await _workers(call.gateway) else "stopped",
    )


OPERATIONS = [
    Operation("GET", "/health", "What works and what does not", _health, Health, access="unlimited", tag="System"),
    Operation(
        "GET", "/ready", "Whether requests can be served", _ready, Ready, access="unlimited", tag="System",
    ),
    Operation(
        "GET", "/metrics", "Metrics for Prometheus", _metrics, Text, access="unlimited", refusals=(401, 404),
        tag="System",
    ),
    Operation(
        "GET", "/api/v1/config", "Where API, checkout and dashboard are", _config, Config, access="unlimited",
        tag="System",
    ),
    Operation(
        "GET", "/api/v1/test/merchant", "The seeded merchant", _test_merchant, TestMerchant, access="unlimited",
        refusals=(404,), development_only=True, tag="Development",
    ),
    Operation(
        "GET", "/api/v1/test/jobs/status", "The queue's counts", _jobs_status, JobsStatus, access="unlimited",
        development_only=True, tag="Development",
    ),
]  # fmt: skip
