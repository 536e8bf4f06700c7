"""The order that somebody asks to pay, and whether that can be."""

from datetime import datetime

from kassa.actions.gateway import Gateway
from kassa.domain.errors import bad_request
from kassa.domain.payment import PAID, Order
from kassa.store import orders

LINK_ENDED = "This payment link is not active any more"


async def find_orders(gateway: Gateway, order_ids: list[str]) -> list[Order | Exception | None]:
    """Group read: the orders that concurrent requests ask for, in one round trip."""
    return list(await orders.find(gateway.database, order_ids))


def check_payable(order: Order, now: datetime) -> None:
    """Raise BAD_REQUEST_ERROR for an order that is paid, or whose time is over."""
    if order.status == PAID:
        raise bad_request("Order is already paid")
    if order.expires_at is not None and order.expires_at <= now:
        raise bad_request("Order has expired")
