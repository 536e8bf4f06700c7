"""Webhooks as they arrive: what is in them, what signs them, and in which order they come."""

import asyncio
import hashlib
import hmac
import json
import random
from typing import Any

from aiohttp import web
from standardwebhooks import Webhook

from tests.live import Live, Received, Receiver, until

PAYMENT_EVENTS = ["payment.created", "payment.pending", "payment.success"]
# All that JSON may escape or leave alone.
AWKWARD = 'Zoë \u2028 😀 \x7f \x01 \x1f "quoted" \\ / \b\f\n\r\t </script> ﷽'


def as_node_would(body: bytes) -> bytes:
    """`JSON.stringify(JSON.parse(body))`, for text without floats and without keys that look like integers."""
    return json.dumps(json.loads(body), separators=(",", ":"), ensure_ascii=False).encode()


def values_in(value: Any) -> list[Any]:
    """Every key and leaf of a JSON value."""
    if isinstance(value, dict):
        return [*value, *(leaf for one in value.values() for leaf in values_in(one))]
    if isinstance(value, list):
        return [leaf for one in value for leaf in values_in(one)]
    return [value]


async def test_body_of_a_upi_payments_events(merchant: Live, inbox: Receiver) -> None:
    payment = await merchant.paid(50_000)

    assert await inbox.events(payment["id"], 3) == PAYMENT_EVENTS

    for sequence, (one, status) in enumerate(
        zip(inbox.of(payment["id"]), ["pending", "pending", "success"], strict=True), start=1
    ):
        told = {
            "id": payment["id"],
            "order_id": payment["order_id"],
            "amount": 50_000,
            "currency": "INR",
            "method": "upi",
            "vpa": "success@kassa",
            "status": status,
            "created_at": payment["created_at"],
        }
        assert list(one.json)[:3] == ["event", "timestamp", "data"]
        assert list(one.json["data"]) == ["payment"]
        assert one.json["data"]["payment"] == told
        assert one.json["sequence"] == sequence
        assert type(one.json["timestamp"]) is int


async def test_timestamp_is_when_it_happened(merchant: Live, inbox: Receiver) -> None:
    payment = await merchant.paid()
    await inbox.events(payment["id"], 3)

    rows = await merchant.sql(
        "SELECT extract(epoch FROM created_at)::bigint FROM payment_events WHERE payment_id = $1 ORDER BY sequence",
        payment["id"],
    )
    told = [one.json["timestamp"] for one in inbox.of(payment["id"])]
    assert all(abs(at - row[0]) <= 1 for at, row in zip(told, rows, strict=True))


async def test_body_of_a_card_payment_shows_network_and_last_four_digits(merchant: Live, inbox: Receiver) -> None:
    payment = await merchant.pay_by_card((await merchant.order())["id"])
    await inbox.events(payment["id"], 3)

    for one in inbox.of(payment["id"]):
        told = one.json["data"]["payment"]
        assert (told["method"], told["card_network"], told["card_last4"]) == ("card", "visa", "4242")
        assert "vpa" not in told
        assert b"4242424242424242" not in one.body


async def test_failed_payment_is_told_with_its_reason(merchant: Live, inbox: Receiver) -> None:
    payment = await merchant.pay((await merchant.order())["id"], "failure@kassa")

    events = await inbox.events(payment["id"], 3)

    assert events == ["payment.created", "payment.pending", "payment.failed"]
    told = inbox.of(payment["id"])[-1].json["data"]["payment"]
    assert (told["status"], told["error_code"]) == ("failed", "PAYMENT_FAILED")
    assert told["error_description"] == "Payment was declined by the bank"


async def test_refund_is_told_together_with_its_payment(merchant: Live, inbox: Receiver) -> None:
    payment = await merchant.paid(50_000)
    await inbox.events(payment["id"], 3)

    refund = (await merchant.post(f"/api/v1/payments/{payment['id']}/refunds", {"amount": 100, "reason": "late"})).json
    events = await inbox.events(payment["id"], 5)

    assert events[3:] == ["refund.created", "refund.processed"]
    created, processed = [one.json["data"] for one in inbox.of(payment["id"])[3:]]
    assert list(created) == list(processed) == ["refund", "payment"]
    assert created["refund"] == refund
    final = (await merchant.get(f"/api/v1/refunds/{refund['id']}")).json
    assert processed["refund"] == final
    assert created["payment"] == processed["payment"] == inbox.of(payment["id"])[2].json["data"]["payment"]


async def test_bytes_survive_node(merchant: Live, inbox: Receiver) -> None:
    payment = await merchant.paid()
    path = f"/api/v1/payments/{payment['id']}/refunds"
    assert (await merchant.post(path, {"amount": 100, "reason": AWKWARD})).status == 201

    await inbox.events(payment["id"], 5)

    assert inbox.of(payment["id"])[3].json["data"]["refund"]["reason"] == AWKWARD
    for one in inbox.of(payment["id"]):
        assert one.body == as_node_would(one.body)
        assert not [value for value in values_in(one.json) if isinstance(value, float)]
        assert not [value for value in values_in(one.json) if isinstance(value, str) and value.isdigit()]


async def test_request_and_its_signatures(merchant: Live, inbox: Receiver) -> None:
    payment = await merchant.paid()
    await inbox.events(payment["id"], 3)

    for one in inbox.of(payment["id"]):
        assert (one.method, one.path) == ("POST", "/webhook")
        assert one.headers["Content-Type"] == "application/json"
        assert one.headers["User-Agent"].startswith("Kassa/")
        expected = hmac.new(merchant.webhook_secret.encode(), one.body, hashlib.sha256).hexdigest()
        assert one.headers["X-Webhook-Signature"] == expected
        assert "X-Webhook-Signature-Previous" not in one.headers
        # Raises unless one of its signatures is right and its time is near.
        assert Webhook(merchant.webhook_secret).verify(one.body, dict(one.headers)) == one.json
    assert len({one.headers["webhook-id"] for one in inbox.of(payment["id"])}) == 3


async def test_bytes_that_are_sent_are_the_bytes_that_are_stored(merchant: Live, inbox: Receiver) -> None:
    payment = await merchant.paid()
    await inbox.events(payment["id"], 3)

    rows = await merchant.sql(
        """SELECT id::text, event, payload::text, merchant_id::text FROM webhook_logs WHERE payment_id = $1
           ORDER BY sequence""",
        payment["id"],
    )
    assert [tuple(row) for row in rows] == [
        (one.headers["webhook-id"], one.json["event"], one.body.decode(), merchant.merchant_id)
        for one in inbox.of(payment["id"])
    ]


async def test_events_of_a_payment_come_in_order_and_one_at_a_time(merchant: Live) -> None:
    answered: list[str] = []

    async def answer_some_time_later(one: Received) -> web.Response:
        await asyncio.sleep(random.random() / 20)
        answered.append(one.headers["webhook-id"])
        return web.Response()

    async with Receiver(answer_some_time_later) as receiver:
        await merchant.use_webhooks(receiver.url)
        orders = await asyncio.gather(*(merchant.order() for _ in range(40)))
        payments = await asyncio.gather(*(merchant.pay(order["id"]) for order in orders))
        for payment in payments:
            assert await receiver.events(payment["id"], 3) == PAYMENT_EVENTS
            told = receiver.of(payment["id"])
            assert [one.json["sequence"] for one in told] == [1, 2, 3]

        async def all_answered() -> bool:
            return len(answered) == 120

        await until(all_answered, "all deliveries are answered")
        assert len(receiver.received) == 120
        # Of one payment, each was answered before the next one was sent.
        for payment in payments:
            own = [one.headers["webhook-id"] for one in receiver.of(payment["id"])]
            assert [one for one in answered if one in own] == own
        await merchant.use_webhooks(None)


async def test_without_a_url_nothing_is_logged_or_sent(merchant: Live) -> None:
    async with Receiver() as receiver:
        await merchant.use_webhooks(receiver.url)
        await merchant.use_webhooks(None)

        payment = await merchant.paid()
        await merchant.post(f"/api/v1/payments/{payment['id']}/refunds", {"amount": 100})

        events = await merchant.sql("SELECT FROM payment_events WHERE payment_id = $1", payment["id"])
        logged = await merchant.sql("SELECT FROM webhook_logs WHERE merchant_id = $1::uuid", merchant.merchant_id)
        assert (len(events), len(logged)) == (4, 0)
        assert (await merchant.get("/api/v1/webhooks")).json["total"] == 0
        assert receiver.received == []


async def test_accepted_delivery_is_logged_as_such(merchant: Live, inbox: Receiver) -> None:
    payment = await merchant.paid()
    await inbox.events(payment["id"], 3)

    async def recorded() -> Any:
        page = (await merchant.get("/api/v1/webhooks")).json
        return page if all(row["attempts"] for row in page["data"]) else None

    page = await until(recorded, "all attempts are recorded")

    assert [row["event"] for row in page["data"]] == PAYMENT_EVENTS[::-1]
    assert {(row["status"], row["attempts"], row["response_code"]) for row in page["data"]} == {("success", 1, 200)}
    rows = await merchant.sql(
        "SELECT response_body, next_retry_at FROM webhook_logs WHERE payment_id = $1", payment["id"]
    )
    assert [tuple(row) for row in rows] == [("ok", None)] * 3
