"""Refunds: in parts or whole, never more than was paid, each seen through to its end."""

import re
from typing import Any

import asyncpg
import pytest

from tests.integration.shop import processed, undecided
from tests.live import Live, Receiver

EXCESSIVE = (400, "BAD_REQUEST_ERROR", "Refund amount exceeds available amount")
NOT_REFUNDABLE = (400, "BAD_REQUEST_ERROR", "Payment not in refundable state")


async def refund(merchant: Live, payment_id: str, amount: int) -> Any:
    """A new refund."""
    reply = await merchant.post(f"/api/v1/payments/{payment_id}/refunds", {"amount": amount})
    assert reply.status == 201, reply.text
    return reply.json


async def amounts_of(merchant: Live, payment_id: str) -> list[int]:
    """The amounts of a payment's refunds, oldest first."""
    rows = await merchant.sql("SELECT amount FROM refunds WHERE payment_id = $1 ORDER BY id", payment_id)
    return [row[0] for row in rows]


async def test_refund_is_answered_pending_and_then_processed(merchant: Live) -> None:
    payment = await merchant.paid(50_000)

    reply = await merchant.post(f"/api/v1/payments/{payment['id']}/refunds", {"amount": 20_000, "reason": "zu spät 😀"})

    assert reply.status == 201
    assert re.fullmatch(r"rfnd_[A-Za-z0-9]{16}", reply.json["id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", reply.json["created_at"])
    assert reply.json == {
        "id": reply.json["id"],
        "payment_id": payment["id"],
        "amount": 20_000,
        "currency": "INR",
        "reason": "zu spät 😀",
        "status": "pending",
        "created_at": reply.json["created_at"],
    }
    seen = await processed(merchant, reply.json["id"])
    assert seen == {**reply.json, "status": "processed", "processed_at": seen["processed_at"]}
    assert seen["processed_at"] >= seen["created_at"]
    rows = await merchant.sql(
        "SELECT payment_id, merchant_id::text, amount, reason, status FROM refunds WHERE id = $1", seen["id"]
    )
    assert [tuple(row) for row in rows] == [
        (payment["id"], merchant.merchant_id, 20_000, "zu spät 😀", "processed"),
    ]


async def test_refund_is_in_the_currency_of_its_payment(merchant: Live, inbox: Receiver) -> None:
    order = await merchant.order(500, currency="JPY")
    payment = await merchant.settled((await merchant.pay(order["id"]))["id"])

    made = await refund(merchant, payment["id"], 200)

    seen = await processed(merchant, made["id"])
    listed = (await merchant.get(f"/api/v1/refunds?payment_id={payment['id']}")).json["data"]
    await inbox.events(payment["id"], 5)
    told = [one.json["data"]["refund"] for one in inbox.of(payment["id"]) if "refund" in one.json["data"]]
    assert [one["currency"] for one in (made, seen, *listed, *told)] == ["JPY"] * 5


async def test_pending_refund_has_not_been_processed_at_any_time(merchant: Live) -> None:
    payment = await merchant.paid()
    # Due in a day, so it is certainly pending when it is read.
    await merchant.sql(
        """INSERT INTO refunds (id, payment_id, merchant_id, amount, due_at)
           VALUES ('rfnd_' || right($1, 16), $1, $2::uuid, 1, now() + interval '1 day')""",
        payment["id"],
        merchant.merchant_id,
    )

    seen = (await merchant.get(f"/api/v1/refunds/rfnd_{payment['id'][-16:]}")).json

    assert (seen["status"], seen["processed_at"], seen["reason"]) == ("pending", None, None)


async def test_bank_takes_its_time_over_a_refund(merchant: Live) -> None:
    payment = await merchant.paid()
    ids = [(await refund(merchant, payment["id"], 1))["id"] for _ in range(20)]
    for refund_id in ids:
        await processed(merchant, refund_id)

    rows = await merchant.sql(
        """SELECT extract(milliseconds FROM due_at - created_at)::float8,
                  processed_at >= date_trunc('milliseconds', due_at)  -- the queue counts in milliseconds
           FROM refunds WHERE id = ANY($1)""",
        ids,
    )
    delays_ms = [row[0] for row in rows]
    assert all(100 <= delay_ms <= 200 for delay_ms in delays_ms)
    assert len(set(delays_ms)) > 1
    assert all(row[1] for row in rows)


async def test_parts_add_up_to_the_whole_and_no_further(merchant: Live) -> None:
    payment = await merchant.paid(50_000)

    for amount in (20_000, 1, 29_999):
        await processed(merchant, (await refund(merchant, payment["id"], amount))["id"])
    one_more = await merchant.post(f"/api/v1/payments/{payment['id']}/refunds", {"amount": 1})

    assert one_more.refusal == EXCESSIVE
    assert await amounts_of(merchant, payment["id"]) == [20_000, 1, 29_999]
    seen = (await merchant.get(f"/api/v1/payments/{payment['id']}")).json
    assert (seen["status"], seen["refunded_amount"]) == ("success", 50_000)


async def test_pending_refunds_count_like_processed_ones(merchant: Live) -> None:
    payment = await merchant.paid(50_000)

    await refund(merchant, payment["id"], 40_000)
    second = await merchant.post(f"/api/v1/payments/{payment['id']}/refunds", {"amount": 10_001})

    assert second.refusal == EXCESSIVE
    assert await amounts_of(merchant, payment["id"]) == [40_000]
    assert (await refund(merchant, payment["id"], 10_000))["amount"] == 10_000


async def test_more_than_was_paid_is_refused_and_told_to_nobody(merchant: Live, inbox: Receiver) -> None:
    payment = await merchant.paid(50_000)

    reply = await merchant.post(f"/api/v1/payments/{payment['id']}/refunds", {"amount": 50_001})

    assert reply.refusal == EXCESSIVE
    assert await amounts_of(merchant, payment["id"]) == []
    assert (await merchant.get(f"/api/v1/payments/{payment['id']}")).json == payment
    logged = await merchant.sql("SELECT event FROM webhook_logs WHERE payment_id = $1 ORDER BY sequence", payment["id"])
    assert [row[0] for row in logged] == ["payment.created", "payment.pending", "payment.success"]


@pytest.mark.parametrize("status", ["created", "pending", "processing"])
async def test_undecided_payment_is_not_refunded(merchant: Live, status: str) -> None:
    payment_id = await undecided(merchant, status)

    reply = await merchant.post(f"/api/v1/payments/{payment_id}/refunds", {"amount": 100})

    assert reply.refusal == NOT_REFUNDABLE
    assert await amounts_of(merchant, payment_id) == []


async def test_failed_payment_is_not_refunded(merchant: Live) -> None:
    order = await merchant.order()
    failed = await merchant.settled((await merchant.pay(order["id"], "failure@kassa"))["id"])

    reply = await merchant.post(f"/api/v1/payments/{failed['id']}/refunds", {"amount": 100})

    assert reply.refusal == NOT_REFUNDABLE
    assert await amounts_of(merchant, failed["id"]) == []


WRONG: list[tuple[Any, str]] = [
    ({"amount": 0}, "amount must be at least 1"),
    ({"amount": -1}, "amount must be at least 1"),
    ({"amount": 2**31}, "amount must be at most 2147483647"),
    ({"amount": "100"}, "amount must be an integer"),
    ({"amount": 0.5}, "amount must be an integer"),
    ({"amount": True}, "amount must be an integer"),
    ({}, "amount is required"),
    ({"amount": 100, "reason": 7}, "reason must be a string"),
    ({"amount": 100, "reason": "x" * 1_001}, "reason must have at most 1000 characters"),
    ({"amount": 100, "reason": "nul\0"}, "reason must not contain NUL characters"),
    (100, "The body must be a JSON object"),
]


@pytest.mark.parametrize(("asked", "description"), WRONG, ids=lambda value: str(value)[:40])
async def test_wrong_refund_is_refused_with_a_reason(merchant: Live, asked: Any, description: str) -> None:
    payment = await merchant.paid()

    reply = await merchant.post(f"/api/v1/payments/{payment['id']}/refunds", asked)

    assert reply.refusal == (400, "BAD_REQUEST_ERROR", description)
    assert await amounts_of(merchant, payment["id"]) == []


async def test_only_the_payments_own_merchant_refunds(gateway: Live, merchant: Live) -> None:
    payment = await merchant.paid()

    for payment_id in (payment["id"], "pay_0000000000000000", "%00"):
        reply = await gateway.post(f"/api/v1/payments/{payment_id}/refunds", {"amount": 100})
        assert reply.refusal == (404, "NOT_FOUND_ERROR", "Payment not found")
    assert await amounts_of(merchant, payment["id"]) == []


async def test_refund_is_read_by_its_own_merchant_only(gateway: Live, merchant: Live) -> None:
    payment = await merchant.paid()
    one = await refund(merchant, payment["id"], 100)

    for refund_id in (one["id"], "rfnd_0000000000000000", "%00"):
        reply = await gateway.get(f"/api/v1/refunds/{refund_id}")
        assert reply.refusal == (404, "NOT_FOUND_ERROR", "Refund not found")


async def test_worker_looks_again_whether_the_payment_is_refundable(merchant: Live) -> None:
    payment, hopeless = await merchant.paid(), await undecided(merchant)
    insert = """INSERT INTO refunds (id, payment_id, merchant_id, amount, due_at)
                SELECT 'rfnd_' || right(id, 16), id, merchant_id, 1, now() - interval '1 day'
                FROM payments WHERE id = '{}';"""
    # Past the rule that would refuse it: with the trigger off, in a transaction that nobody else sees.
    connection = await asyncpg.connect(merchant.urls()[0])
    await connection.execute(
        "BEGIN; ALTER TABLE refunds DISABLE TRIGGER refunds_taken;"
        + insert.format(hopeless)
        + "ALTER TABLE refunds ENABLE TRIGGER refunds_taken;"
        + insert.format(payment["id"])
        + "COMMIT"
    )
    await connection.close()

    # The worker finds both at the same time. The one after them shows that it is through with them.
    await processed(merchant, f"rfnd_{payment['id'][-16:]}")
    await processed(merchant, (await refund(merchant, payment["id"], 1))["id"])

    seen = (await merchant.get(f"/api/v1/refunds/rfnd_{hopeless[-16:]}")).json
    assert (seen["status"], seen["processed_at"]) == ("pending", None)
    await merchant.sql("DELETE FROM refunds WHERE payment_id = $1", hopeless)
