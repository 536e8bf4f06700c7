"""The order that somebody asks to pay, whether that can be, and what a merchant may say of it."""

from datetime import datetime

from kassa.actions.gateway import Gateway
from kassa.domain.errors import CATALOGUE, bad_request
from kassa.domain.payment import PAID, Order
from kassa.net import check_url
from kassa.store import orders

# The checkout page goes by these very words.
LINK_ENDED = "This payment link is not active any more"


async def find_orders(gateway: Gateway, order_ids: list[str]) -> list[Order | Exception | None]:
    """Group read: the orders that concurrent requests ask for, in one round trip."""
    return list(await orders.find(gateway.database, order_ids))


def check_payable(order: Order, now: datetime) -> None:
    """Raise BAD_REQUEST_ERROR for an order that is paid, or whose time is over."""
    if order.status == PAID:
        raise bad_request(CATALOGUE["ORDER_ALREADY_PAID"].sentence)
    if order.expires_at is not None and order.expires_at <= now:
        raise bad_request("Order has expired")


def check_end(expires_at: datetime | None, now: datetime) -> None:
    """Raise BAD_REQUEST_ERROR for what is to end at a time that is over."""
    if expires_at is not None and expires_at <= now:
        raise bad_request("expires_at must be in the future")


def check_pages(**urls: str | None) -> None:
    """Raise BAD_REQUEST_ERROR for what is no URL to send a payer to, by the name of its field."""
    for name, url in urls.items():
        if url is not None:
            check_url(url, https_only=False, name=name)
