"""Start a webhook delivery afresh, by hand."""

from typing import Any

from kassa.actions.gateway import Gateway, delivery_member, epoch_ms
from kassa.domain.errors import not_found
from kassa.store import deliveries
from kassa.store.database import retried


async def retry_webhook(gateway: Gateway, merchant_id: str, delivery_id: str) -> None:
    """Reset the attempts of a merchant's delivery and make it due now; raises NOT_FOUND_ERROR."""
    now = gateway.now()

    async def write() -> Any | None:
        async with gateway.database.transaction() as tx:
            return await deliveries.retry(tx, merchant_id, delivery_id, now)

    row = await retried(write)
    if row is None:
        raise not_found("Webhook")
    gateway.enqueue(gateway.deliveries, [(delivery_member(merchant_id, row[1], row[2], row[0]), epoch_ms(now))])
