"""See a refund through at its payment's provider."""

from datetime import timedelta

from kassa.actions.announce import event_of
from kassa.actions.apply_standing import charge_of
from kassa.actions.gateway import Gateway, epoch_ms
from kassa.actions.look_at_payment import LOOKS_S
from kassa.actions.provider_account import account_of_payment
from kassa.domain import webhook
from kassa.domain.payment import PENDING, SIMULATOR
from kassa.domain.webhook import Delivery
from kassa.providers.base import ProviderError, RefundStanding
from kassa.store import outbox, payments, refunds
from kassa.store.database import retried


async def process_refund(gateway: Gateway, refund_id: str) -> bool:
    """See a pending refund through at its payment's provider; False when there is nothing to do any more.

    A provider is asked under the refund's own id, so that asking again gives nothing back twice.
    """
    refund = await refunds.find(gateway.database, refund_id)
    payment = (await payments.find(gateway.database, [refund.payment_id]))[0] if refund else None
    if refund is None or payment is None or refund.status != PENDING:
        return False
    if payment.provider == SIMULATOR:
        return await _processed(gateway, refund_id)
    try:
        account = await account_of_payment(gateway, payment)
        provider = gateway.providers[payment.provider]
        standing = await provider.refund(charge_of(payment), refund.id, refund.amount, account)
    except ProviderError as error:
        if error.code in ("PROVIDER_REJECTED", "PROVIDER_CANNOT"):
            return await _refused(gateway, refund_id, error.provider_code)
        standing = RefundStanding(state="pending", provider_ref="")
    if standing.state == "processed":
        return await _processed(gateway, refund_id)
    if standing.state == "failed":
        return await _refused(gateway, refund_id, standing.provider_code)
    due_at = gateway.now() + timedelta(seconds=LOOKS_S[min(refund.looks, len(LOOKS_S) - 1)])
    await refunds.note_look(gateway.database, refund_id, standing.provider_ref or None, due_at)
    gateway.enqueue(gateway.refunds, [(refund_id, epoch_ms(due_at))])
    return False


async def _refused(gateway: Gateway, refund_id: str, provider_code: str | None) -> bool:
    """The provider will not give it back: the refund fails, and its amount is free again."""
    now = gateway.now()
    async with gateway.database.transaction() as tx:
        refund = await refunds.fail(tx, refund_id, provider_code)
        if refund is None:
            return False
        changed = await payments.next_sequence(tx, refund.payment_id)
        assert changed is not None  # the foreign key says so
        event = event_of(
            gateway, "refund.failed", changed.payment, changed.sequence, cause="provider", now=now,
            wants_webhooks=False, refund=refund,
        )  # fmt: skip
        await outbox.announce(tx, [event])
    return True


async def _processed(gateway: Gateway, refund_id: str) -> bool:
    """Move a pending refund of a still refundable payment to `processed`; False when there is nothing to do."""

    async def write() -> list[Delivery] | None:
        now = gateway.now()
        async with gateway.database.transaction() as tx:
            refund = await refunds.process(tx, refund_id, now)
            if refund is None:
                return None
            changed = await payments.next_sequence(tx, refund.payment_id)
            assert changed is not None  # the foreign key says so
            event = event_of(
                gateway, webhook.REFUND_PROCESSED, changed.payment, changed.sequence, cause="bank", now=now,
                wants_webhooks=changed.wants_webhooks, refund=refund,
            )  # fmt: skip
            return await outbox.announce(tx, [event])

    deliveries = await retried(write)
    gateway.enqueue_deliveries(deliveries or [])
    return deliveries is not None
