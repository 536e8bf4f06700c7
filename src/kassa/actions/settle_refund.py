"""Write how a refund ended: its status, the event and the delivery, all at once."""

from datetime import datetime

import structlog

from kassa.actions.announce import announce
from kassa.actions.gateway import Gateway
from kassa.domain import webhook
from kassa.domain.payment import FAILED, PENDING, PROCESSED, Refund
from kassa.domain.webhook import Delivery
from kassa.store import payments, refunds
from kassa.store.database import Connection, retried

log = structlog.get_logger()


async def refund_processed(
    gateway: Gateway, refund_id: str, provider_ref: str | None, cause: str, *, was: str = PENDING
) -> bool:
    """Move a refund to `processed`, if it is as it `was`; False when there is nothing to do.

    One that had failed went out after all, and counts again; raises NoRoom where its amount was given back since.
    """

    async def write() -> list[Delivery] | None:
        now = gateway.now()
        async with gateway.database.transaction() as tx:
            refund = await refunds.process(tx, refund_id, now, provider_ref, was=was)
            return None if refund is None else await tell_of(gateway, tx, webhook.REFUND_PROCESSED, refund, cause, now)

    deliveries = await retried(write)
    gateway.enqueue_deliveries(deliveries or [])
    if deliveries is not None and was == FAILED:
        log.warning("refund.processed_after_all", refund_id=refund_id, provider_ref=provider_ref, cause=cause)
    return deliveries is not None


async def refund_failed(
    gateway: Gateway, refund_id: str, provider_code: str | None, cause: str, *, was: str = PENDING
) -> bool:
    """Fail a refund that its provider will not pay out or, if it `was` processed, has got back; False if it is over.

    Either way the provider has the money still: the amount is free again, for who asks for another refund.
    """

    async def write() -> list[Delivery] | None:
        now = gateway.now()
        async with gateway.database.transaction() as tx:
            refund = await refunds.fail(tx, refund_id, provider_code, was=was)
            return None if refund is None else await tell_of(gateway, tx, webhook.REFUND_FAILED, refund, cause, now)

    deliveries = await retried(write)
    gateway.enqueue_deliveries(deliveries or [])
    if deliveries is not None and was == PROCESSED:
        # The payer has been told of money that does not come: somebody must see to it.
        log.error("refund.failed_after_all", refund_id=refund_id, provider_code=provider_code, cause=cause)
    return deliveries is not None


async def tell_of(
    gateway: Gateway, tx: Connection, event: str, refund: Refund, cause: str, now: datetime
) -> list[Delivery]:
    """Record what happened to a refund with its payment, in the same transaction; returns the deliveries."""
    changed = await payments.next_sequence(tx, refund.payment_id)
    assert changed is not None  # the foreign key says so
    return await announce(gateway, tx, event, changed, cause, now, refund)
