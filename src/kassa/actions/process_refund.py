"""See a refund through at its payment's provider."""

from datetime import timedelta

from kassa.actions.apply_standing import charge_of
from kassa.actions.gateway import Gateway, epoch_ms
from kassa.actions.look_at_payment import LOOKS_S
from kassa.actions.provider_account import account_of_payment
from kassa.actions.settle_refund import refund_failed, refund_processed
from kassa.domain.payment import PENDING, SIMULATOR
from kassa.providers.base import ProviderError, RefundStanding
from kassa.store import payments, refunds


async def process_refund(gateway: Gateway, refund_id: str) -> bool:
    """See a pending refund through at its payment's provider; False when there is nothing to do any more.

    A provider is asked under the refund's own id, so that asking again gives nothing back twice. As such ids are
    forgotten in time, what it has taken is from then on only asked about, by its own name.
    """
    refund = await refunds.find(gateway.database, refund_id)
    payment = await payments.by_id(gateway.database, refund.payment_id) if refund else None
    if refund is None or payment is None or refund.status != PENDING:
        return False
    if payment.provider == SIMULATOR:
        return await refund_processed(gateway, refund_id, None, "bank")
    try:
        account = await account_of_payment(gateway, payment)
        provider = gateway.providers[payment.provider]
        if refund.provider_ref is None:
            standing = await provider.refund(charge_of(payment), refund.id, refund.amount, account)
        else:
            standing = await provider.retrieve_refund(refund.provider_ref, account)
    except ProviderError as error:
        if refund.provider_ref is None and error.code in ("PROVIDER_REJECTED", "PROVIDER_CANNOT"):
            return await refund_failed(gateway, refund_id, error.provider_code, "provider")
        standing = RefundStanding(state="pending", provider_ref="")
    if standing.state == "processed":
        return await refund_processed(gateway, refund_id, standing.provider_ref, "bank")
    if standing.state == "failed":
        return await refund_failed(gateway, refund_id, standing.provider_code, "provider")
    due_at = gateway.now() + timedelta(seconds=LOOKS_S[min(refund.looks, len(LOOKS_S) - 1)])
    await refunds.note_look(gateway.database, refund_id, standing.provider_ref or None, due_at)
    gateway.enqueue(gateway.refunds, [(refund_id, epoch_ms(due_at))])
    return False
