"""Tell of a change to a payment: its event for the timeline, and its delivery where the merchant wants webhooks."""

from datetime import datetime

from kassa.actions.gateway import Gateway
from kassa.domain import webhook
from kassa.domain.payment import Refund
from kassa.domain.views import event_data
from kassa.domain.webhook import Delivery
from kassa.store import outbox
from kassa.store.database import Connection
from kassa.store.outbox import Event
from kassa.store.payments import Changed


async def announce(
    gateway: Gateway,
    tx: Connection,
    event: str,
    changed: Changed,
    cause: str,
    now: datetime,
    refund: Refund | None = None,
) -> list[Delivery]:
    """Record the event `event` in the transaction of its change; returns the deliveries, to be sent after it."""
    return await outbox.announce(tx, [event_of(gateway, event, changed, cause, now, refund)])


def event_of(
    gateway: Gateway, event: str, changed: Changed, cause: str, now: datetime, refund: Refund | None = None
) -> Event:
    """The event `event` of a payment that changed, with the delivery that tells of it."""
    payment, sequence, wants_webhooks = changed
    delivery = message = None
    brokered = gateway.settings.broker_url is not None
    if event in webhook.EVENTS and (wants_webhooks or brokered):
        payload = webhook.body(event, int(now.timestamp()), event_data(payment, refund), sequence)
        event_id = gateway.uuid(now)
        if wants_webhooks:
            delivery = Delivery(event_id, payment.merchant_id, event, payload, now, payment.id, sequence)
        if brokered:
            message = (event_id, payload)
    status = refund.status if refund else payment.status
    return Event(payment.id, sequence, event, status, cause, now, refund.id if refund else None, delivery, message)
