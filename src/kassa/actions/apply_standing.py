"""Let what a provider says of a payment become so: the one place where its word changes a status."""

import structlog

from kassa.actions.announce import announce
from kassa.actions.gateway import Gateway, epoch_ms
from kassa.actions.settle_payment import settle_payments
from kassa.domain import webhook
from kassa.domain.errors import CATALOGUE
from kassa.domain.payment import CREATED, Outcome, Payment
from kassa.providers.base import Charge, Standing
from kassa.store import payments, provider_payments
from kassa.store.database import retried

# Told in the timeline alone.
CAPTURED = "payment.captured"
RELEASED = "payment.released"
log = structlog.get_logger()


def charge_of(payment: Payment, *, may_take: bool = True) -> Charge:
    """The payment as its provider knows it."""
    return Charge(
        may_take=may_take,
        payment_id=payment.id,
        provider_ref=payment.provider_ref or "",
        charge_ref=payment.charge_ref,
        amount=payment.amount,
        currency=payment.currency,
    )


async def apply_standing(gateway: Gateway, payment: Payment, standing: Standing, *, cause: str) -> str:
    """Settle the payment if the provider's word is final and fits; returns in words what came of it.

    Said again, late or out of order it changes nothing, but that a success still follows on a failure: the money is
    there, and that money which was held is captured or let go. What was taken in another amount or currency is left for
    people to look at.
    """
    if standing.state == "succeeded":
        if (standing.amount, standing.currency) != (payment.amount, payment.currency):
            log.error(
                "payment.wrong_amount", payment_id=payment.id, amount=standing.amount, currency=standing.currency,
                charge_ref=standing.charge_ref, cause=cause,
            )  # fmt: skip
            return f"refused: {standing.amount} {standing.currency} is not {payment.amount} {payment.currency}"
        if payment.is_held:
            taken = standing.captured and await _note_held(gateway, payment.id, standing, cause)
            return "captured" if taken else "held"
        await _begin(gateway, payment)
        outcome = Outcome(
            payment.id, True, cause=cause, charge_ref=standing.charge_ref, captured=standing.captured, late=True
        )
        if not await settle_payments(gateway, [outcome]):
            await _check_charge(gateway, payment.id, standing)
            return "final already"
        await _look_at_others(gateway, payment)
        return "settled"
    if standing.state == "failed":
        if payment.is_held:
            return "let go" if await _note_held(gateway, payment.id, standing, cause) else "final already"
        code = standing.error_code or "PAYMENT_FAILED"
        moved = await fail_payment(gateway, payment.id, code, None, standing.provider_code, cause)
        return "failed" if moved else "final already"
    if standing.state == "open" and standing.charge_ref is not None:
        await provider_payments.note_charge(gateway.database, payment.id, standing.charge_ref)
    return standing.state


async def fail_payment(
    gateway: Gateway, payment_id: str, code: str, description: str | None, provider_code: str | None, cause: str
) -> bool:
    """Fail an open payment, with our code and the provider's; False when it was final already."""
    sentence = description or CATALOGUE[code].sentence
    outcome = Outcome(payment_id, False, code, sentence, cause, provider_code)
    return await settle_payments(gateway, [outcome]) > 0


async def _note_held(gateway: Gateway, payment_id: str, standing: Standing, cause: str) -> bool:
    """Note that held money was captured there, or let go, so that nobody waits for it; False when that is known."""
    event, change = (CAPTURED, payments.capture) if standing.captured else (RELEASED, payments.release)

    async def write() -> bool:
        now = gateway.now()
        async with gateway.database.transaction() as tx:
            changed = await change(tx, payment_id, now)
            if changed is None:
                return False
            await announce(gateway, tx, event, changed, cause, now)
            return True

    moved = await retried(write)
    if moved and not standing.captured:
        log.warning(event, payment_id=payment_id, cause=cause)
    return moved


async def _check_charge(gateway: Gateway, payment_id: str, standing: Standing) -> None:
    """Tell people of money that was taken once more for a payment: no rule gives that back by itself."""
    known = await payments.by_id(gateway.database, payment_id)
    if standing.captured and standing.charge_ref and known and known.charge_ref not in (None, standing.charge_ref):
        log.error(
            "payment.charged_twice", payment_id=payment_id, charge_ref=standing.charge_ref, known=known.charge_ref
        )


async def _look_at_others(gateway: Gateway, payment: Payment) -> None:
    """Have the order's other sessions ended at once, before somebody pays in one of them too."""
    now_ms = epoch_ms(gateway.now())
    others = await provider_payments.open_beside(gateway.database, payment.order_id, payment.id)
    gateway.enqueue(gateway.looks, [(other, now_ms) for other in others])


async def _begin(gateway: Gateway, payment: Payment) -> None:
    """Move a payment whose success came before we noted that its session opened to `pending`, as the table asks."""
    if payment.status != CREATED:
        return
    now = gateway.now()
    async with gateway.database.transaction() as tx:
        changed = await payments.begin(tx, payment.id, now)
        if changed is None:
            return
        deliveries = await announce(gateway, tx, webhook.PAYMENT_PENDING, changed, "provider", now)
    gateway.enqueue_deliveries(deliveries)
