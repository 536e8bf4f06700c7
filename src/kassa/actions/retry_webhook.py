"""Start a webhook delivery afresh, by hand."""

from kassa.actions.gateway import Gateway, delivery_member, epoch_ms
from kassa.domain.errors import not_found
from kassa.store import deliveries


async def retry_webhook(gateway: Gateway, merchant_id: str, delivery_id: str) -> None:
    """Reset the attempts of a merchant's delivery and make it due now; raises NOT_FOUND_ERROR."""
    now = gateway.now()
    row = await deliveries.retry(gateway.database, merchant_id, delivery_id, now)
    if row is None:
        raise not_found("Webhook")
    gateway.enqueue(gateway.deliveries, [(delivery_member(merchant_id, row[1], row[2], row[0]), epoch_ms(now))])
