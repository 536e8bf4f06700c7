"""Settle payments whose bank has answered: the final status, the order, the event and the delivery, all at once."""

from kassa.actions.announce import event_of
from kassa.actions.gateway import Gateway
from kassa.domain import webhook
from kassa.domain.payment import OPEN, SUCCESS, Outcome
from kassa.domain.webhook import Delivery
from kassa.store import outbox, payments
from kassa.store.database import retried


async def settle_payments(gateway: Gateway, outcomes: list[Outcome]) -> int:
    """Write the outcomes of open payments in one transaction; returns how many moved.

    One that is final already stays as it is, so that a worker that comes late changes nothing.
    """
    causes = {outcome.payment_id: outcome.cause for outcome in outcomes}

    async def write() -> tuple[int, list[Delivery]]:
        now = gateway.now()
        async with gateway.database.transaction() as tx:
            moved = await payments.settle(tx, outcomes, now)
            events = [
                event_of(
                    gateway,
                    webhook.PAYMENT_SUCCESS if changed.payment.status == SUCCESS else webhook.PAYMENT_FAILED,
                    changed,
                    causes[changed.payment.id],
                    now,
                )
                for changed in moved
            ]
            return len(moved), await outbox.announce(tx, events) if events else []

    moved, deliveries = await retried(write)
    gateway.enqueue_deliveries(deliveries)
    return moved


async def settle_due_payments(gateway: Gateway, payment_ids: list[str]) -> int:
    """Ask the bank for its verdict on those of the payments that are still open, and settle them."""
    found = await payments.find(gateway.database, payment_ids)
    outcomes = [gateway.bank.verdict(payment) for payment in found if payment and payment.status in OPEN]
    return await settle_payments(gateway, outcomes) if outcomes else 0
