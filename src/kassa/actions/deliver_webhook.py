"""Make one attempt at delivering a webhook, and record it in the turn that it belongs to."""

import random
import time
from datetime import timedelta

from kassa import __version__
from kassa.actions.gateway import Gateway
from kassa.domain import webhook
from kassa.net import Outbound, Reply
from kassa.store import deliveries
from kassa.store.database import retried
from kassa.store.deliveries import Attempt, Due

TIMEOUT_S = 5.0
BODY_LIMIT_BYTES = 16_384


async def attempt_delivery(gateway: Gateway, outbound: Outbound, due: Due) -> Attempt:
    """Send `due` once, within TIMEOUT_S, and say what came of it."""
    now = gateway.now()
    started = time.monotonic()
    reply = await _send(outbound, due, gateway)
    duration_ms = int((time.monotonic() - started) * 1000)
    succeeded = reply.error is None and 200 <= (reply.status or 0) < 300
    number, retry_at = due.attempts + 1, None
    if not succeeded:
        delay_s = webhook.retry_delay_s(
            number,
            random.random(),  # noqa: S311 - spreads load, guards nothing
            test_schedule=gateway.settings.webhook_retry_intervals_test,
            retry_after_s=reply.retry_after_s,
        )
        retry_at = None if delay_s is None else gateway.now() + timedelta(seconds=delay_s)
    error = None if succeeded else reply.error or f"The receiver answered {reply.status}, not 2xx"
    return Attempt(due.id, number, due.due_at, now, duration_ms, succeeded, reply.status, reply.body, error, retry_at)


async def _send(outbound: Outbound, due: Due, gateway: Gateway) -> Reply:
    if due.url is None:
        return Reply(error="No webhook URL is set")
    payload = due.payload.encode()
    secrets = [due.secret or ""]
    if due.secret_previous and due.secret_previous_until and due.secret_previous_until > gateway.now():
        secrets.append(due.secret_previous)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"Kassa/{__version__}",
        **webhook.signature_headers(secrets, due.id, int(time.time()), payload),
    }
    return await outbound.post(due.url, payload, headers, timeout_s=TIMEOUT_S, body_limit_bytes=BODY_LIMIT_BYTES)


async def record_attempts(gateway: Gateway, attempts: list[Attempt]) -> list[bool | Exception]:
    """Group commit of attempts; False for one whose delivery has moved on without it."""

    async def write() -> set[str]:
        async with gateway.database.connection() as connection:
            return await deliveries.record(connection, attempts)

    recorded = await retried(write)
    return [attempt.delivery_id in recorded for attempt in attempts]
