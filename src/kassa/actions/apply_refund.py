"""Let what a provider says of a refund become so, whoever made it, and whenever it changes its word."""

import structlog

from kassa.actions.gateway import Gateway
from kassa.actions.look_at_payment import look_at_payment
from kassa.actions.provider_account import account_of
from kassa.actions.settle_refund import refund_failed, refund_processed, tell_of
from kassa.domain import webhook
from kassa.domain.payment import PENDING, PROCESSED, SUCCESS, Payment, Refund
from kassa.domain.webhook import Delivery
from kassa.providers.base import RefundStanding
from kassa.store import payments, provider_payments, refunds
from kassa.store.database import retried

# A refund's status seldom changes while its provider answers.
_ASKED_AT_MOST = 3
log = structlog.get_logger()


class NotYet(Exception):
    """Our books cannot follow yet: there is no room beside other refunds, or the word changes at every look."""


class Unmatched(NotYet):
    """There is no payment for it: not yet, or it is not ours."""


async def apply_refund(
    gateway: Gateway, provider: str, told: RefundStanding, signer: str | None, cause: str
) -> str | None:
    """Ask about the refund that was `told` of, and do what its provider says.

    `signer` is the merchant through whose own account it came, None for the gateway's. Returns in words what came of
    it, None where our books say the same. Raises NotYet, and ProviderError where the provider does not say.
    """
    ours = await refunds.find(gateway.database, told.refund_id) if told.refund_id else None
    payment = await _payment_of(gateway, provider, told, ours)
    if payment is None:
        raise Unmatched("matches nothing yet")
    session = await provider_payments.find_session(gateway.database, payment.session_id or "")
    if session is None or signer != (session.merchant_id if session.own_account else None):
        return "refused: told of by an account that it was not opened with"
    ours = ours or await refunds.find_by_ref(gateway.database, payment.id, told.provider_ref)
    if ours is None and payment.is_held:
        # Held money that is let go may be told of as a refund.
        await look_at_payment(gateway, payment.id)
        payment = await payments.by_id(gateway.database, payment.id) or payment
    if ours.status == told.state if ours else payment.released_at is not None:
        return None
    # Whatever was told, the provider is asked: so it need not be believed.
    account = await account_of(gateway, session)
    for _ in range(_ASKED_AT_MOST):
        said = await gateway.providers[provider].retrieve_refund(told.provider_ref, account)
        mistaken = ours is not None and ours.id == told.refund_id != said.refund_id
        if mistaken or (said.charge_ref is not None and said.charge_ref != payment.charge_ref):
            return "refused: a refund of something else"
        if ours is None:
            return await _made_outside(gateway, payment, said, cause)
        if said.state == ours.status:
            return None
        if said.state == "pending":
            return f"{said.state} there, {ours.status} here"
        if await _moved(gateway, ours, said, cause):
            return said.state
        # Somebody has written what they heard meanwhile, before us or after: so ask once more.
        ours = await refunds.find(gateway.database, ours.id)
    raise NotYet("changes at every look")


async def _moved(gateway: Gateway, ours: Refund, said: RefundStanding, cause: str) -> bool:
    """Let the refund become as it is said to be, if it is still as it was read; whether it was."""
    if said.state == "failed":
        return await refund_failed(gateway, ours.id, said.provider_code, cause, was=ours.status)
    try:
        return await refund_processed(gateway, ours.id, said.provider_ref, cause, was=ours.status)
    except refunds.NoRoom as error:
        # It went out, and so did, or will, what was refunded when this one had failed: our books cannot hold both.
        log.error("refund.processed_after_all", refund_id=ours.id, provider_ref=said.provider_ref, amount=ours.amount)
        raise NotYet("exceeds what is left here") from error


async def _payment_of(gateway: Gateway, provider: str, told: RefundStanding, ours: Refund | None) -> Payment | None:
    if ours is not None:
        payment = await payments.by_id(gateway.database, ours.payment_id)
        return payment if payment and payment.provider == provider else None
    return await provider_payments.of_charge(gateway.database, provider, told.charge_ref) if told.charge_ref else None


async def _made_outside(gateway: Gateway, payment: Payment, said: RefundStanding, cause: str) -> str | None:
    """Count what was refunded at the provider, behind our back, so that it is not refunded once more."""
    if said.state == "failed" and payment.returned_at is not None:
        log.error("return.failed_after_all", payment_id=payment.id, provider_ref=said.provider_ref)
        return "what went back for a paid order has come back"
    if payment.return_due_at is not None and payment.returned_at is None:
        # What has gone back of it already is not given back by us.
        return await look_at_payment(gateway, payment.id)
    if said.state != "processed" or payment.status != SUCCESS:
        return None
    if said.amount is None or said.currency != payment.currency:
        return f"refused: {said.amount} {said.currency} of a payment in {payment.currency}"
    deliveries = await retried(lambda: _record(gateway, payment, said, said.amount or 0, cause))
    if deliveries is None:
        return None
    gateway.enqueue_deliveries(deliveries)
    log.warning("refund.made_outside", payment_id=payment.id, provider_ref=said.provider_ref, amount=said.amount)
    return "made outside, counted"


async def _record(
    gateway: Gateway, payment: Payment, said: RefundStanding, amount: int, cause: str
) -> list[Delivery] | None:
    """Add a refund that is processed already; None when it is there."""
    now = gateway.now()
    refund = Refund(
        id=gateway.object_id("rfnd_", now),
        payment_id=payment.id,
        merchant_id=payment.merchant_id,
        amount=amount,
        currency=payment.currency,
        reason=f"Refunded at {payment.provider}, not through Kassa",
        status=PENDING,
        created_at=now,
    )
    async with gateway.database.transaction() as tx:
        # From here on the payment's row is ours: whoever is told of the same refund waits, and then finds it.
        locked = await payments.lock(tx, payment.id)
        if await refunds.find_by_ref(tx, payment.id, said.provider_ref):
            return None
        if locked is None or locked.refunded_amount + amount > locked.amount:
            raise NotYet("exceeds what is left here")
        await refunds.insert(tx, refund)
        told = await tell_of(gateway, tx, webhook.REFUND_CREATED, refund, cause, now)
        done = await refunds.process(tx, refund.id, now, said.provider_ref)
        assert done is not None and done.status == PROCESSED  # the row is ours
        return told + await tell_of(gateway, tx, webhook.REFUND_PROCESSED, done, cause, now)
