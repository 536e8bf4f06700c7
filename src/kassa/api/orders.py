"""Endpoints of orders."""

import msgspec
from msgspec import UNSET

from kassa.actions.create_order import create_order
from kassa.actions.once import Answer
from kassa.actions.open_payers_session import open_payers_session
from kassa.actions.payable import find_orders
from kassa.actions.provider_account import provider_of
from kassa.api.answers import OrderPage
from kassa.api.limits import SESSIONS_PER_S
from kassa.api.operation import Call, Operation
from kassa.api.requests import NewOrder, NewPayersSession, OrdersQuery
from kassa.api.validation import in_utc, is_id
from kassa.domain.errors import not_found
from kassa.domain.payment import PAID, SIMULATOR, Order
from kassa.domain.views import OrderCreated, OrderView, PayersSession, PublicOrder, order_view, public_order
from kassa.store import orders, payment_links
from kassa.store.pages import Filter
from kassa.store.payment_links import PaymentLink


async def _create(call: Call) -> Answer:
    body: NewOrder = call.body
    notes = None if body.notes is None else msgspec.json.encode(body.notes).decode()
    return await create_order(
        call.gateway,
        call.merchant.id,
        amount=body.amount,
        currency=body.currency or "INR",
        receipt=body.receipt,
        notes=notes,
        success_url=body.success_url,
        cancel_url=body.cancel_url,
        expires_at=body.expires_at and in_utc("expires_at", body.expires_at),
        idempotency_key=call.idempotency_key,
    )


async def _find(call: Call) -> Order:
    order_id = call.path["order_id"]
    order = await call.gateway.batched(find_orders, order_id) if is_id(order_id) else None
    if order is None:
        raise not_found("Order")
    return order


async def _get(call: Call) -> OrderView:
    order = await _find(call)
    if order.merchant_id != call.merchant.id:
        raise not_found("Order")
    return order_view(order)


async def _get_public(call: Call) -> PublicOrder:
    order, link = await _find(call), None
    if order.payment_link_id is not None:
        link = await payment_links.find_for_payer(call.gateway.database, order.payment_link_id)
    return shown_to_payer(call, order, link)


def shown_to_payer(call: Call, order: Order, link: PaymentLink | None) -> PublicOrder:
    """An order as its payer sees it, with what its payment link says."""
    settings = call.gateway.settings
    provider = provider_of(settings, order)
    shown = public_order(order, test_mode=not settings.production, provider=None if provider == SIMULATOR else provider)
    return msgspec.structs.replace(
        shown,
        description=link.description if link else UNSET,
        success_message=(order.status == PAID and link and link.success_message) or UNSET,
    )


async def _open_session(call: Call) -> PayersSession:
    body: NewPayersSession = call.body
    order = await _find(call)
    question = call.count_question("session", order.merchant_id, SESSIONS_PER_S)
    session, asked = await open_payers_session(call.gateway, order, body.customer_email)
    if not asked:
        call.limits.forgive(*question)
    return session


async def _list(call: Call) -> OrderPage:
    query: OrdersQuery = call.query
    where = Filter(call.merchant.id)
    where.add("status = ?", query.status)
    where.add("strpos(lower(receipt), lower(?)) > 0", query.receipt)
    where.between("amount", query.amount_min, query.amount_max)
    where.between("created_at", query.created_from, query.created_to)
    found = await orders.listed(call.gateway.database, where, query.limit, query.after)
    return OrderPage(list(map(order_view, found.rows)), found.next)


OPERATIONS = [
    Operation(
        "POST", "/api/v1/orders", "Create an order", _create, OrderCreated, 201, body=NewOrder, idempotent=True,
        tag="Orders",
    ),
    Operation("GET", "/api/v1/orders", "List orders", _list, OrderPage, query=OrdersQuery, tag="Orders"),
    Operation("GET", "/api/v1/orders/{order_id}", "Get an order", _get, OrderView, tag="Orders"),
    Operation(
        "GET", "/api/v1/orders/{order_id}/public", "What a payer may see of an order", _get_public, PublicOrder,
        access="open", tag="Orders",
    ),
    Operation(
        "POST", "/api/v1/orders/{order_id}/public/session",
        "Where to pay an order at its provider, as the checkout page asks", _open_session, PayersSession,
        access="open", body=NewPayersSession, refusals=(502,), tag="Orders",
    ),
]  # fmt: skip
