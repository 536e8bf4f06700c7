"""Endpoints of payments."""

import contextlib

from kassa.actions.capture_payment import capture_payment
from kassa.actions.create_payment import Asked, create_payment
from kassa.actions.explain_payment import explain_payment
from kassa.actions.export_payments import payments_csv
from kassa.actions.gateway import Gateway, epoch_ms
from kassa.actions.look_at_payment import is_worth_asking
from kassa.actions.once import Answer
from kassa.api.answers import PaymentPage, Timeline, TimelineEntry
from kassa.api.limits import LOOKS_PER_S, RateLimited
from kassa.api.operation import Call, Download, Operation
from kassa.api.requests import NewCapture, NewPayment, PaymentsQuery
from kassa.api.validation import is_id
from kassa.domain.errors import not_found
from kassa.domain.explanations import Explanation
from kassa.domain.payment import Payment
from kassa.domain.views import PaymentCreated, PaymentView, PublicPayment, iso, payment_view, public_payment
from kassa.store import outbox, payments
from kassa.store.pages import Filter


async def _create(call: Call) -> Answer:
    return await _pay(call, call.merchant.id)


async def _create_public(call: Call) -> Answer:
    return await _pay(call, None)


async def _pay(call: Call, merchant_id: str | None) -> Answer:
    body: NewPayment = call.body
    if not is_id(body.order_id):
        raise not_found("Order")
    asked = Asked(body.order_id, body.method, body.vpa, body.card)
    return await create_payment(call.gateway, asked, merchant_id=merchant_id, idempotency_key=call.idempotency_key)


async def _read(gateway: Gateway, payment_ids: list[str]) -> list[Payment | Exception | None]:
    """Group read: what concurrent requests ask for, in one round trip."""
    return list(await payments.find(gateway.database, payment_ids))


async def _find(call: Call) -> Payment:
    payment_id = call.path["payment_id"]
    payment = await call.gateway.batched(_read, payment_id) if is_id(payment_id) else None
    if payment is None:
        raise not_found("Payment")
    return payment


async def _find_own(call: Call) -> Payment:
    payment = await _find(call)
    if payment.merchant_id != call.merchant.id:
        raise not_found("Payment")
    return payment


async def _get(call: Call) -> PaymentView:
    return payment_view(await _find_own(call))


async def _get_public(call: Call) -> PublicPayment:
    """The page to which a payer comes back asks this: so the provider is asked, too, at once and then now and again."""
    payment, now = await _find(call), call.gateway.now()
    if is_worth_asking(payment, now):
        with contextlib.suppress(RateLimited):
            call.count_question("look", payment.merchant_id, LOOKS_PER_S)
            call.gateway.enqueue(call.gateway.looks, [(payment.id, epoch_ms(now))])
    return public_payment(payment)


def _filter(call: Call) -> Filter:
    query: PaymentsQuery = call.query
    where = Filter(call.merchant.id)
    if query.search is not None:
        where.add(*_search(query.search))
    where.add("status = ?", query.status)
    where.add("method = ?", query.method)
    where.add("order_id = ?", query.order_id)
    where.add("captured = ?", query.captured)
    where.add("currency = ?", query.currency)
    where.between("amount", query.amount_min, query.amount_max)
    where.between("created_at", query.created_from, query.created_to)
    return where


def _search(text: str) -> tuple[str, str]:
    """The condition that finds what was typed: how an id begins, or any part of a VPA."""
    for prefix, column in (("pay_", "id"), ("order_", "order_id")):
        if text.startswith(prefix):
            # A range, not a LIKE pattern: `_` is part of every id, and `~` sorts behind all that an id can hold.
            return f"{column} >= ? AND {column} < ? || '~'", text
    return "strpos(lower(vpa), lower(?)) > 0", text


async def _list(call: Call) -> PaymentPage:
    query: PaymentsQuery = call.query
    where = _filter(call)
    found = await payments.listed(call.gateway.database, where, query.limit, query.after)
    return PaymentPage(list(map(payment_view, found.rows)), found.next)


async def _export(call: Call) -> Download:
    where = _filter(call)
    return Download(payments_csv(call.gateway, where), "text/csv; charset=utf-8", "payments.csv")


async def _timeline(call: Call) -> Timeline:
    payment = await _find_own(call)
    entries = await outbox.timeline(call.gateway.database, payment.id)
    return Timeline(payment.id, [TimelineEntry(e[0], e[1], e[2], e[3], e[4], iso(e[5])) for e in entries])


async def _explanation(call: Call) -> Explanation:
    return await explain_payment(call.gateway, await _find_own(call))


async def _capture(call: Call) -> Answer:
    payment = await _find_own(call)
    return await capture_payment(call.gateway, call.merchant.id, payment.id, call.body.amount, call.idempotency_key)


OPERATIONS = [
    Operation(
        "POST", "/api/v1/payments", "Pay an order by UPI or card", _create, PaymentCreated, 201, body=NewPayment,
        refusals=(404,), idempotent=True, tag="Payments",
    ),
    Operation(
        "POST", "/api/v1/payments/public", "Pay an order, as the checkout page does", _create_public, PaymentCreated,
        201, access="open", body=NewPayment, refusals=(404,), idempotent=True, tag="Payments",
    ),
    Operation("GET", "/api/v1/payments", "List payments", _list, PaymentPage, query=PaymentsQuery, tag="Payments"),
    Operation(
        "GET", "/api/v1/payments/export.csv", "Download payments for a spreadsheet", _export, Download,
        query=PaymentsQuery, tag="Payments",
    ),
    Operation("GET", "/api/v1/payments/{payment_id}", "Get a payment", _get, PaymentView, tag="Payments"),
    Operation(
        "GET", "/api/v1/payments/{payment_id}/public", "What a payer may see of a payment", _get_public, PublicPayment,
        access="open", tag="Payments",
    ),
    Operation(
        "GET", "/api/v1/payments/{payment_id}/timeline", "Everything that happened to a payment", _timeline, Timeline,
        tag="Payments",
    ),
    Operation(
        "GET", "/api/v1/payments/{payment_id}/explanation", "Why a payment failed, and what to do about it",
        _explanation, Explanation, refusals=(400,), tag="Payments",
    ),
    Operation(
        "POST", "/api/v1/payments/{payment_id}/capture", "Capture a successful payment", _capture, PaymentView,
        body=NewCapture, idempotent=True, tag="Payments",
    ),
]  # fmt: skip
