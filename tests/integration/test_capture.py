"""Captures: a successful payment, its whole amount, once."""

import asyncio
from typing import Any

import pytest

from tests.integration.shop import undecided
from tests.live import Live, Receiver

NOT_CAPTURABLE = (400, "BAD_REQUEST_ERROR", "Payment not in capturable state")
NOT_FOUND = (404, "NOT_FOUND_ERROR", "Payment not found")


async def test_successful_payment_is_captured(merchant: Live) -> None:
    payment = await merchant.paid(70_000)
    path = f"/api/v1/payments/{payment['id']}"

    reply = await merchant.post(f"{path}/capture", {"amount": 70_000})

    assert reply.status == 200
    assert {**payment, "captured": True, "updated_at": reply.json["updated_at"]} == reply.json
    assert reply.json["updated_at"] >= payment["updated_at"]
    assert (await merchant.get(path)).json == reply.json
    rows = await merchant.sql("SELECT captured, status FROM payments WHERE id = $1", payment["id"])
    assert tuple(rows[0]) == (True, "success")


async def test_captured_payment_is_not_captured_again(merchant: Live) -> None:
    payment = await merchant.paid()
    path = f"/api/v1/payments/{payment['id']}"
    first = await merchant.post(f"{path}/capture", {"amount": 50_000})

    second = await merchant.post(f"{path}/capture", {"amount": 50_000})

    assert (first.status, second.refusal) == (200, NOT_CAPTURABLE)
    assert (await merchant.get(path)).json == first.json


@pytest.mark.parametrize("status", ["created", "pending", "processing"])
async def test_undecided_payment_is_not_captured(merchant: Live, status: str) -> None:
    payment_id = await undecided(merchant, status)

    reply = await merchant.post(f"/api/v1/payments/{payment_id}/capture", {"amount": 50_000})

    assert reply.refusal == NOT_CAPTURABLE
    seen = (await merchant.get(f"/api/v1/payments/{payment_id}")).json
    assert (seen["status"], seen["captured"]) == (status, False)


async def test_failed_payment_is_not_captured(merchant: Live) -> None:
    order = await merchant.order()
    failed = await merchant.settled((await merchant.pay(order["id"], "failure@kassa"))["id"])

    reply = await merchant.post(f"/api/v1/payments/{failed['id']}/capture", {"amount": 50_000})

    assert reply.refusal == NOT_CAPTURABLE
    assert (await merchant.get(f"/api/v1/payments/{failed['id']}")).json == failed


WRONG: list[tuple[Any, str]] = [
    ({"amount": 49_999}, "amount must be the payment's own, 50000"),
    ({"amount": 50_001}, "amount must be the payment's own, 50000"),
    ({"amount": 0}, "amount must be at least 1"),
    ({"amount": -50_000}, "amount must be at least 1"),
    ({"amount": "50000"}, "amount must be an integer"),
    ({"amount": None}, "amount must be an integer"),
    ({}, "amount is required"),
    ([], "The body must be a JSON object"),
]


@pytest.mark.parametrize(("asked", "description"), WRONG, ids=str)
async def test_wrong_amount_captures_nothing(merchant: Live, asked: Any, description: str) -> None:
    payment = await merchant.paid()

    reply = await merchant.post(f"/api/v1/payments/{payment['id']}/capture", asked)

    assert reply.refusal == (400, "BAD_REQUEST_ERROR", description)
    assert (await merchant.get(f"/api/v1/payments/{payment['id']}")).json == payment


async def test_only_the_payments_own_merchant_captures(gateway: Live, merchant: Live) -> None:
    payment = await merchant.paid()

    replies = await asyncio.gather(
        *(
            gateway.post(f"/api/v1/payments/{payment_id}/capture", {"amount": 50_000})
            for payment_id in (payment["id"], "pay_0000000000000000", "%00", "pay_" + "x" * 500)
        )
    )

    assert [reply.refusal for reply in replies] == [NOT_FOUND] * 4
    assert (await merchant.get(f"/api/v1/payments/{payment['id']}")).json == payment


async def test_capture_is_on_the_timeline_but_is_no_webhook(merchant: Live, inbox: Receiver) -> None:
    payment = await merchant.paid()
    await inbox.events(payment["id"], 3)

    await merchant.post(f"/api/v1/payments/{payment['id']}/capture", {"amount": 50_000})
    await merchant.post(f"/api/v1/payments/{payment['id']}/refunds", {"amount": 1})

    told = await inbox.events(payment["id"], 5)
    assert told == ["payment.created", "payment.pending", "payment.success", "refund.created", "refund.processed"]
    timeline = (await merchant.get(f"/api/v1/payments/{payment['id']}/timeline")).json["data"]
    assert [entry["event"] for entry in timeline].count("payment.captured") == 1
