"""Endpoints of webhooks: their configuration, and the log of deliveries."""

from typing import Any

from kassa.actions.configure_webhook import rotate_webhook_secret, send_test_webhook, set_webhook_url
from kassa.actions.retry_webhook import retry_webhook
from kassa.api.answers import (
    AttemptRow,
    DeliveryDetail,
    DeliveryPage,
    DeliveryRow,
    RetryScheduled,
    TestWebhook,
    WebhookConfig,
)
from kassa.api.operation import Call, Operation
from kassa.api.requests import NewSecret, NewTestWebhook, NewWebhookConfig, WebhooksQuery
from kassa.api.validation import is_uuid
from kassa.domain.errors import not_found
from kassa.domain.payment import Merchant
from kassa.domain.views import iso, iso_or_none
from kassa.store import deliveries, merchants, statistics
from kassa.store.pages import Filter

# All deliveries have a counter, those of a filter have none: beyond this many it does not matter how many there are.
MOST_COUNTED = 10_000


async def _list(call: Call) -> DeliveryPage:
    query: WebhooksQuery = call.query
    where = Filter(call.merchant.id)
    deliveries.with_status(where, query.status)
    where.add("event = ?", query.event)
    where.add("payment_id = ?", query.payment_id)
    database = call.gateway.database
    found = await deliveries.listed(database, where, query.limit, query.after, query.offset)
    if len(where.clauses) == 1:
        total, exact = await statistics.deliveries(database, call.merchant.id), True
    elif found.next is None and query.after is None and not query.offset:
        total, exact = len(found.rows), True
    else:
        counted = await deliveries.count(database, where, MOST_COUNTED + 1)
        total, exact = min(counted, MOST_COUNTED), counted <= MOST_COUNTED
    return DeliveryPage(list(map(_row, found.rows)), total, exact, query.limit, query.offset, found.next)


def _row(row: Any) -> DeliveryRow:
    return DeliveryRow(
        id=row[0],
        event=row[1],
        status=row[2],
        attempts=row[3],
        created_at=iso(row[4]),
        last_attempt_at=iso_or_none(row[5]),
        response_code=row[6],
        payment_id=row[7],
        sequence=row[8],
    )


def _delivery_id(call: Call) -> str:
    if not is_uuid(call.path["webhook_id"]):
        raise not_found("Webhook")
    return call.path["webhook_id"]


async def _get(call: Call) -> DeliveryDetail:
    database, delivery_id = call.gateway.database, _delivery_id(call)
    row = await deliveries.find(database, call.merchant.id, delivery_id)
    if row is None:
        raise not_found("Webhook")
    attempts = await deliveries.attempts_of(database, delivery_id)
    return DeliveryDetail(
        id=row["id"],
        event=row["event"],
        status=row["status"],
        attempts=row["attempts"],
        created_at=iso(row["created_at"]),
        last_attempt_at=iso_or_none(row["last_attempt_at"]),
        next_retry_at=iso_or_none(row["next_retry_at"]),
        response_code=row["response_code"],
        response_body=row["response_body"],
        payment_id=row["payment_id"],
        sequence=row["sequence"],
        payload=row["payload"],
        attempt_log=[AttemptRow(a[0], iso(a[1]), a[2], a[3], a[4], a[5]) for a in attempts],
    )


async def _retry(call: Call) -> RetryScheduled:
    delivery_id = _delivery_id(call)
    await retry_webhook(call.gateway, call.merchant.id, delivery_id)
    return RetryScheduled(delivery_id)


def _config(merchant: Merchant) -> WebhookConfig:
    return WebhookConfig(
        merchant.webhook_url, merchant.webhook_secret, iso_or_none(merchant.webhook_secret_previous_until)
    )


async def _get_config(call: Call) -> WebhookConfig:
    merchant = await merchants.by_id(call.gateway.database, call.merchant.id)
    return _config(merchant or call.merchant)


async def _set_config(call: Call) -> WebhookConfig:
    return _config(await set_webhook_url(call.gateway, call.merchant.id, call.body.url))


async def _rotate(call: Call) -> WebhookConfig:
    return _config(await rotate_webhook_secret(call.gateway, call.merchant.id, call.body.overlap_s))


async def _test(call: Call) -> TestWebhook:
    merchant = await merchants.by_id(call.gateway.database, call.merchant.id) or call.merchant
    delivery = await send_test_webhook(call.gateway, merchant, call.body.event)
    return TestWebhook(delivery.id, delivery.event)


OPERATIONS = [
    Operation("GET", "/api/v1/webhooks", "List deliveries", _list, DeliveryPage, query=WebhooksQuery, tag="Webhooks"),
    Operation(
        "GET", "/api/v1/webhooks/config", "Get where webhooks go", _get_config, WebhookConfig, tag="Webhooks",
    ),
    Operation(
        "PUT", "/api/v1/webhooks/config", "Set where webhooks go", _set_config, WebhookConfig, body=NewWebhookConfig,
        tag="Webhooks",
    ),
    Operation(
        "POST", "/api/v1/webhooks/config/rotate-secret", "Give out a new secret; the old one signs on for a while",
        _rotate, WebhookConfig, body=NewSecret, tag="Webhooks",
    ),
    Operation(
        "POST", "/api/v1/webhooks/test", "Send an example event", _test, TestWebhook, 202, body=NewTestWebhook,
        tag="Webhooks",
    ),
    Operation(
        "GET", "/api/v1/webhooks/{webhook_id}", "Get a delivery with its payload and attempts", _get, DeliveryDetail,
        tag="Webhooks",
    ),
    Operation(
        "POST", "/api/v1/webhooks/{webhook_id}/retry", "Deliver again, from the first attempt", _retry, RetryScheduled,
        tag="Webhooks",
    ),
]  # fmt: skip
