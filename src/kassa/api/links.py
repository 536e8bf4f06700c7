"""Endpoints of payment links."""

from kassa.actions.payable import find_orders
from kassa.actions.payment_links import Asked, create_link, order_of_link
from kassa.api.answers import Empty, LinkPage, LinkView
from kassa.api.operation import Call, Operation
from kassa.api.orders import shown_to_payer
from kassa.api.requests import LinksQuery, NewLink
from kassa.api.validation import in_utc, is_id
from kassa.domain.errors import not_found
from kassa.domain.views import PublicOrder, iso, iso_or_none
from kassa.store import payment_links
from kassa.store.pages import Filter
from kassa.store.payment_links import PaymentLink

_PATH = "/api/v1/payment_links"


def _view(call: Call, link: PaymentLink) -> LinkView:
    return LinkView(
        id=link.id,
        url=f"{call.gateway.settings.checkout_url}/pay/{link.id}",
        amount=link.amount,
        currency=link.currency,
        description=link.description,
        reusable=link.reusable,
        active=link.active,
        expires_at=iso_or_none(link.expires_at),
        success_message=link.success_message,
        redirect_url=link.redirect_url,
        times_paid=link.times_paid,
        created_at=iso(link.created_at),
    )


async def _create(call: Call) -> LinkView:
    body: NewLink = call.body
    asked = Asked(
        amount=body.amount,
        currency=body.currency or "INR",
        description=body.description,
        reusable=body.reusable,
        expires_at=body.expires_at and in_utc("expires_at", body.expires_at),
        success_message=body.success_message,
        redirect_url=body.redirect_url,
    )
    return _view(call, await create_link(call.gateway, call.merchant.id, asked))


async def _list(call: Call) -> LinkPage:
    query: LinksQuery = call.query
    where = Filter(call.merchant.id)
    where.add("active = ?", query.active)
    found = await payment_links.listed(call.gateway.database, where, query.limit, query.after)
    return LinkPage([_view(call, link) for link in found.rows], found.next)


def _link_id(call: Call) -> str:
    if not is_id(call.path["link_id"]):
        raise not_found("Payment link")
    return call.path["link_id"]


async def _get(call: Call) -> LinkView:
    link = await payment_links.find(call.gateway.database, _link_id(call))
    if link is None or link.merchant_id != call.merchant.id:
        raise not_found("Payment link")
    return _view(call, link)


async def _deactivate(call: Call) -> LinkView:
    link = await payment_links.deactivate(call.gateway.database, call.merchant.id, _link_id(call))
    if link is None:
        raise not_found("Payment link")
    return _view(call, link)


async def _order(call: Call) -> PublicOrder:
    link, order_id = await order_of_link(call.gateway, _link_id(call))
    order = await call.gateway.batched(find_orders, order_id)
    if order is None or not order.merchant_active:
        raise not_found("Payment link")
    return shown_to_payer(call, order, link)


OPERATIONS = [
    Operation("POST", _PATH, "Make a payment link", _create, LinkView, 201, body=NewLink, tag="Payment links"),
    Operation("GET", _PATH, "List payment links", _list, LinkPage, query=LinksQuery, tag="Payment links"),
    Operation("GET", _PATH + "/{link_id}", "Get a payment link", _get, LinkView, tag="Payment links"),
    Operation(
        "POST", _PATH + "/{link_id}/deactivate", "End a payment link", _deactivate, LinkView, body=Empty,
        tag="Payment links",
    ),
    Operation(
        "POST", _PATH + "/{link_id}/order", "The order to pay for a link, as the checkout page asks", _order,
        PublicOrder, access="open", body=Empty, tag="Payment links",
    ),
]  # fmt: skip
