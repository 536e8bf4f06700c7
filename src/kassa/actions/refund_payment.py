"""Refund a payment, in full or in part."""

from functools import partial

import msgspec

from kassa.actions.announce import announce
from kassa.actions.gateway import Gateway, epoch_ms
from kassa.actions.once import Answer, KeyTaken, key_of, once
from kassa.domain import webhook
from kassa.domain.errors import bad_request, not_found
from kassa.domain.payment import PENDING, SIMULATOR, SUCCESS, Refund
from kassa.domain.views import refund_created
from kassa.domain.webhook import Delivery
from kassa.store import idempotency, payments, refunds
from kassa.store.database import retried
from kassa.store.idempotency import Claim


async def refund_payment(
    gateway: Gateway,
    merchant_id: str,
    payment_id: str,
    amount: int,
    reason: str | None,
    idempotency_key: str | None = None,
) -> Answer:
    """Create a pending refund of `amount`; the sum of a payment's refunds never exceeds what was paid.

    Raises NOT_FOUND_ERROR or BAD_REQUEST_ERROR.
    """
    key = key_of(merchant_id, idempotency_key, "refund", payment_id, amount, reason)

    async def work() -> Answer:
        now = gateway.now()
        paid = await payments.by_id(gateway.database, payment_id)
        if paid is None or paid.merchant_id != merchant_id:
            raise not_found("Payment")
        due_at = gateway.bank.refund_due(now) if paid.provider == SIMULATOR else now
        refund = Refund(
            id=gateway.object_id("rfnd_", now),
            payment_id=payment_id,
            merchant_id=merchant_id,
            amount=amount,
            currency=paid.currency,
            reason=reason,
            status=PENDING,
            created_at=now,
            due_at=due_at,
        )
        answer = Answer(201, msgspec.json.encode(refund_created(refund)))
        deliveries = await retried(partial(_take, gateway, refund, key and key.claim(answer, now)))
        gateway.enqueue(gateway.refunds, [(refund.id, epoch_ms(refund.due_at or now))])
        gateway.enqueue_deliveries(deliveries)
        return answer

    return await once(gateway, key, work)


async def _take(gateway: Gateway, refund: Refund, claim: Claim | None) -> list[Delivery]:
    """Take the refund from its payment and tell of it, all in one transaction."""
    async with gateway.database.transaction() as tx:
        if claim and not await idempotency.claim(tx, [claim]):
            raise KeyTaken
        if await refunds.find(tx, refund.id):
            return []  # the repeat of a try whose commit arrived though its connection was lost
        # From here on the payment's row is ours: refunds that race are one after the other.
        changed = await payments.next_sequence(tx, refund.payment_id)
        assert changed is not None  # payments stay
        if changed.payment.status != SUCCESS:
            raise bad_request("Payment not in refundable state")
        if changed.payment.released_at is not None:
            raise bad_request("Payment not in refundable state: the provider has let go of the money that it held")
        if changed.payment.refunded_amount + refund.amount > changed.payment.amount:
            raise bad_request("Refund amount exceeds available amount")
        await refunds.insert(tx, refund)
        return await announce(gateway, tx, webhook.REFUND_CREATED, changed, "request", refund.created_at, refund)
