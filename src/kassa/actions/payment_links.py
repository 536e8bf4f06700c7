"""Payment links: what a merchant shares without writing code, and the order that comes of one."""

from datetime import datetime

import msgspec

from kassa.actions.create_order import create_order
from kassa.actions.gateway import Gateway
from kassa.actions.payable import LINK_ENDED, check_end, check_pages
from kassa.domain.errors import bad_request, not_found
from kassa.domain.payment import PAID
from kassa.store import payment_links
from kassa.store.payment_links import PaymentLink


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A link to make; `reusable` ones can be paid again and again, the others once."""

    amount: int
    currency: str
    description: str
    reusable: bool
    expires_at: datetime | None = None
    success_message: str | None = None
    redirect_url: str | None = None


async def create_link(gateway: Gateway, merchant_id: str, asked: Asked) -> PaymentLink:
    """Make a link; raises BAD_REQUEST_ERROR for a redirect that is no URL, and for one that is over already."""
    now = gateway.now()
    check_pages(redirect_url=asked.redirect_url)
    check_end(asked.expires_at, now)
    link = PaymentLink(
        id=gateway.object_id("plink_", now),
        merchant_id=merchant_id,
        amount=asked.amount,
        currency=asked.currency,
        description=asked.description,
        reusable=asked.reusable,
        active=True,
        expires_at=asked.expires_at,
        success_message=asked.success_message,
        redirect_url=asked.redirect_url,
        created_at=now,
    )
    await payment_links.insert(gateway.database, link)
    return link


async def order_of_link(gateway: Gateway, link_id: str) -> tuple[PaymentLink, str]:
    """A link and the id of an order to pay for it: its own where it can be paid once, a new one where it is reusable.

    Raises NOT_FOUND_ERROR, or BAD_REQUEST_ERROR when it cannot be paid any more.
    """
    link = await payment_links.find_for_payer(gateway.database, link_id)
    if link is None:
        raise not_found("Payment link")
    if not link.active:
        raise bad_request(LINK_ENDED)
    if link.expires_at is not None and link.expires_at <= gateway.now():
        raise bad_request("This payment link has expired")
    existing = None if link.reusable else await payment_links.order_of(gateway.database, link_id)
    if existing is not None:
        order_id, status = existing
        if status == PAID:
            raise bad_request("This payment link has been paid")
        return link, order_id
    # The key makes one order of visits that race for a link that can be paid once.
    key = None if link.reusable else f"payment_link:{link.id}"
    answer = await create_order(
        gateway,
        link.merchant_id,
        amount=link.amount,
        currency=link.currency,
        receipt=link.description,
        notes=msgspec.json.encode({"payment_link": link.id}).decode(),
        success_url=link.redirect_url,
        expires_at=link.expires_at,
        idempotency_key=key,
    )
    order_id = msgspec.json.decode(answer.body)["id"]
    await payment_links.attach(gateway.database, link.id, order_id)
    return link, str(order_id)
