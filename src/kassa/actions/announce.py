"""Tell of a change to a payment: its event for the timeline, and its delivery where the merchant wants webhooks."""

from datetime import datetime

from kassa.actions.gateway import Gateway
from kassa.domain import webhook
from kassa.domain.payment import Payment, Refund
from kassa.domain.views import event_data
from kassa.domain.webhook import Delivery
from kassa.store.outbox import Event


def event_of(
    gateway: Gateway,
    event: str,
    payment: Payment,
    sequence: int,
    *,
    cause: str,
    now: datetime,
    wants_webhooks: bool,
    refund: Refund | None = None,
) -> Event:
    """The event `event` of `payment`, the `sequence`-th in its life, with the delivery that tells of it."""
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
