"""Endpoints of refunds."""

from kassa.actions.once import Answer
from kassa.actions.refund_payment import refund_payment
from kassa.api.answers import RefundPage
from kassa.api.operation import Call, Operation
from kassa.api.requests import NewRefund, RefundsQuery
from kassa.api.validation import is_id
from kassa.domain.errors import not_found
from kassa.domain.views import RefundCreated, RefundView, refund_view
from kassa.store import refunds
from kassa.store.pages import Filter


async def _create(call: Call) -> Answer:
    payment_id = call.path["payment_id"]
    if not is_id(payment_id):
        raise not_found("Payment")
    body: NewRefund = call.body
    return await refund_payment(
        call.gateway, call.merchant.id, payment_id, body.amount, body.reason, call.idempotency_key
    )


async def _get(call: Call) -> RefundView:
    refund_id = call.path["refund_id"]
    refund = await refunds.find(call.gateway.database, refund_id) if is_id(refund_id) else None
    if refund is None or refund.merchant_id != call.merchant.id:
        raise not_found("Refund")
    return refund_view(refund)


async def _list(call: Call) -> RefundPage:
    query: RefundsQuery = call.query
    where = Filter(call.merchant.id)
    where.add("status = ?", query.status)
    where.add("payment_id = ?", query.payment_id)
    where.between("amount", query.amount_min, query.amount_max)
    where.between("created_at", query.created_from, query.created_to)
    found = await refunds.listed(call.gateway.database, where, query.limit, query.after)
    return RefundPage(list(map(refund_view, found.rows)), found.next)


OPERATIONS = [
    Operation(
        "POST", "/api/v1/payments/{payment_id}/refunds", "Refund a payment, in full or in part", _create,
        RefundCreated, 201, body=NewRefund, idempotent=True, tag="Refunds",
    ),
    Operation("GET", "/api/v1/refunds", "List refunds", _list, RefundPage, query=RefundsQuery, tag="Refunds"),
    Operation("GET", "/api/v1/refunds/{refund_id}", "Get a refund", _get, RefundView, tag="Refunds"),
]  # fmt: skip
