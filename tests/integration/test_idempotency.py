"""Idempotency keys: the first answer stands for a day, a repeat gets its very bytes and does nothing else."""

import json
from typing import Any

import pytest

from tests.live import CARD, Live, Receiver, Reply

DIFFERENT = (400, "BAD_REQUEST_ERROR", "Idempotency-Key was already used with a different request")


async def send(merchant: Live, path: str, body: Any, key: str, **kwargs: Any) -> Reply:
    """A POST with an idempotency key."""
    return await merchant.post(path, body, headers={"Idempotency-Key": key}, **kwargs)


async def count(merchant: Live, table: str) -> int:
    """How many rows of a table are the merchant's."""
    rows = await merchant.sql(f"SELECT count(*) FROM {table} WHERE merchant_id = $1::uuid", merchant.merchant_id)
    return int(rows[0][0])


async def upi(merchant: Live, vpa: str = "success@kassa") -> dict[str, Any]:
    """The body of a payment of a new order."""
    return {"order_id": (await merchant.order())["id"], "method": "upi", "vpa": vpa}


async def test_repeated_payment_is_the_first_one(merchant: Live, inbox: Receiver) -> None:
    body = await upi(merchant)
    first = await send(merchant, "/api/v1/payments", body, "pay once")
    await merchant.settled(first.json["id"])
    events = await inbox.events(first.json["id"], 3)

    # The order is paid by now, and the payment is no longer pending: the repeat tells of neither.
    repeats = [await send(merchant, "/api/v1/payments", body, "pay once") for _ in range(3)]

    assert first.status == 201
    assert [(one.status, one.text) for one in repeats] == [(201, first.text)] * 3
    assert await count(merchant, "payments") == 1
    assert await count(merchant, "webhook_logs") == len(events) == 3


async def test_repeated_order_is_the_first_one(merchant: Live) -> None:
    body = {"amount": 700, "receipt": "r", "notes": {"z": 1, "a": [2.50, "ü"]}}

    first, second = [await send(merchant, "/api/v1/orders", body, "order once") for _ in range(2)]

    assert (first.status, second.status, second.text) == (201, 201, first.text)
    assert await count(merchant, "orders") == 1


async def test_repeated_refund_gives_the_money_back_once(merchant: Live) -> None:
    payment = await merchant.paid(50_000)
    path, body = f"/api/v1/payments/{payment['id']}/refunds", {"amount": 30_000}

    first, second = [await send(merchant, path, body, "refund once") for _ in range(2)]

    assert (first.status, second.status, second.text) == (201, 201, first.text)
    assert await count(merchant, "refunds") == 1
    assert (await merchant.get(f"/api/v1/payments/{payment['id']}")).json["refunded_amount"] == 30_000


async def test_repeated_capture_is_the_first_one(merchant: Live) -> None:
    payment = await merchant.paid(50_000)
    path, body = f"/api/v1/payments/{payment['id']}/capture", {"amount": 50_000}

    first, second = [await send(merchant, path, body, "capture once") for _ in range(2)]

    assert (first.status, second.status, second.text) == (200, 200, first.text)
    timeline = (await merchant.get(f"/api/v1/payments/{payment['id']}/timeline")).json["data"]
    assert [entry["event"] for entry in timeline].count("payment.captured") == 1


async def test_key_keeps_the_whole_response_for_a_day(merchant: Live) -> None:
    first = await send(merchant, "/api/v1/payments", await upi(merchant), "kept")

    rows = await merchant.sql(
        """SELECT response::text, expires_at - created_at = interval '24 hours', created_at <= now()
           FROM idempotency_keys WHERE key = 'kept' AND merchant_id = $1::uuid""",
        merchant.merchant_id,
    )
    assert [(json.loads(row[0]), row[1], row[2]) for row in rows] == [(first.json, True, True)]


async def test_key_with_another_body_is_refused(merchant: Live) -> None:
    body = await upi(merchant)
    first = await send(merchant, "/api/v1/payments", body, "mine")

    others = [
        {**body, "vpa": "other@kassa"},
        {**body, "order_id": (await merchant.order())["id"]},
        {"order_id": body["order_id"], "method": "card", "card": CARD},
    ]
    for other in others:
        assert (await send(merchant, "/api/v1/payments", other, "mine")).refusal == DIFFERENT
    assert await count(merchant, "payments") == 1
    assert (await send(merchant, "/api/v1/payments", body, "mine")).text == first.text


async def test_key_is_not_shared_between_kinds_of_requests(merchant: Live) -> None:
    payment = await merchant.paid()
    await send(merchant, f"/api/v1/payments/{payment['id']}/refunds", {"amount": 100}, "used")

    replies = [
        await send(merchant, "/api/v1/orders", {"amount": 100}, "used"),
        await send(merchant, "/api/v1/payments", await upi(merchant), "used"),
        await send(merchant, f"/api/v1/payments/{payment['id']}/capture", {"amount": 50_000}, "used"),
    ]

    assert [reply.refusal for reply in replies] == [DIFFERENT] * 3
    assert (await merchant.get(f"/api/v1/payments/{payment['id']}")).json["captured"] is False


async def test_key_belongs_to_one_merchant(gateway: Live, merchant: Live) -> None:
    other = await gateway.merchant()

    mine = await send(merchant, "/api/v1/orders", {"amount": 100}, "the same")
    theirs = await send(other, "/api/v1/orders", {"amount": 200}, "the same")

    assert (mine.status, theirs.status) == (201, 201)
    assert (mine.json["amount"], theirs.json["amount"]) == (100, 200)
    assert (await send(merchant, "/api/v1/orders", {"amount": 100}, "the same")).text == mine.text


async def test_refused_request_does_not_use_up_its_key(merchant: Live) -> None:
    body = await upi(merchant)

    refused = [
        await send(merchant, "/api/v1/payments", {**body, "vpa": "no vpa"}, "again"),
        await send(merchant, "/api/v1/payments", {**body, "order_id": "order_0000000000000000"}, "again"),
        await send(merchant, "/api/v1/payments", {"order_id": body["order_id"], "method": "card", "card": {}}, "again"),
        await send(merchant, "/api/v1/orders", {"amount": 1}, "again"),
    ]
    taken = await send(merchant, "/api/v1/payments", body, "again")

    assert [reply.status for reply in refused] == [400, 404, 400, 400]
    assert taken.status == 201
    assert await count(merchant, "idempotency_keys") == 1


async def test_refused_refund_and_capture_do_not_use_up_their_keys(merchant: Live) -> None:
    payment = await merchant.paid(50_000)
    path = f"/api/v1/payments/{payment['id']}"

    refused = [
        await send(merchant, f"{path}/refunds", {"amount": 50_001}, "refund"),
        await send(merchant, f"{path}/capture", {"amount": 1}, "capture"),
    ]
    done = [
        await send(merchant, f"{path}/refunds", {"amount": 50_000}, "refund"),
        await send(merchant, f"{path}/capture", {"amount": 50_000}, "capture"),
    ]

    assert [reply.status for reply in refused] == [400, 400]
    assert [reply.status for reply in done] == [201, 200]


async def test_payment_of_a_paid_order_does_not_use_up_its_key(merchant: Live) -> None:
    order_id = (await merchant.paid())["order_id"]
    body = {"order_id": order_id, "method": "upi", "vpa": "success@kassa"}

    assert (await send(merchant, "/api/v1/payments", body, "too late")).status == 400

    assert await count(merchant, "idempotency_keys") == 0


async def test_expired_key_is_used_anew(merchant: Live) -> None:
    first = await send(merchant, "/api/v1/orders", {"amount": 100}, "old")
    await merchant.sql(
        "UPDATE idempotency_keys SET expires_at = now() WHERE merchant_id = $1::uuid", merchant.merchant_id
    )

    second = await send(merchant, "/api/v1/orders", {"amount": 200}, "old")

    assert (second.status, second.json["amount"]) == (201, 200)
    assert second.json["id"] != first.json["id"]
    rows = await merchant.sql(
        """SELECT response->>'id', expires_at - created_at = interval '24 hours' AND expires_at > now()
           FROM idempotency_keys WHERE merchant_id = $1::uuid""",
        merchant.merchant_id,
    )
    assert [tuple(row) for row in rows] == [(second.json["id"], True)]
    assert (await send(merchant, "/api/v1/orders", {"amount": 200}, "old")).text == second.text


async def test_key_that_another_program_stored_is_honoured(merchant: Live) -> None:
    await merchant.sql(
        """INSERT INTO idempotency_keys (key, merchant_id, response, expires_at)
           VALUES ('foreign', $1::uuid, '{"id":"order_elsewhere"}', now() + interval '1 hour')""",
        merchant.merchant_id,
    )

    reply = await send(merchant, "/api/v1/orders", {"amount": 100}, "foreign")

    assert (reply.status, reply.text) == (201, '{"id":"order_elsewhere"}')
    assert await count(merchant, "orders") == 0


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there", "soft\xadhyphen"])
async def test_unusable_key_is_refused(merchant: Live, key: str) -> None:
    reply = await send(merchant, "/api/v1/orders", {"amount": 100}, key)

    assert reply.refusal == (400, "BAD_REQUEST_ERROR", "Idempotency-Key must be 1 to 255 printable characters")
    assert await count(merchant, "orders") == 0


@pytest.mark.parametrize("key", ["x" * 255, "0", "with spaces; and, signs=\"'"])
async def test_usable_key_is_taken(merchant: Live, key: str) -> None:
    first, second = [await send(merchant, "/api/v1/orders", {"amount": 100}, key) for _ in range(2)]

    assert (first.status, second.text) == (201, first.text)
    assert await count(merchant, "orders") == 1


async def test_payers_keys_live_apart_from_the_merchants(merchant: Live) -> None:
    body = await upi(merchant, "failure@kassa")
    own = await send(merchant, "/api/v1/payments", body, "shared")

    payers = [
        await send(merchant, "/api/v1/payments/public", {**body, "vpa": "payer@bank"}, "shared", anonymous=True)
        for _ in range(2)
    ]

    assert [reply.status for reply in (own, *payers)] == [201, 201, 201]
    assert payers[0].text == payers[1].text != own.text
    assert await count(merchant, "payments") == 2


async def test_key_of_a_card_payment_holds_nothing_of_the_card(merchant: Live) -> None:
    order = await merchant.order()
    body = {"order_id": order["id"], "method": "card", "card": CARD}

    first, second = [await send(merchant, "/api/v1/payments", body, "card") for _ in range(2)]
    other_card = {**body, "card": {**CARD, "number": "5555555555554444"}}
    third = await send(merchant, "/api/v1/payments", other_card, "card")

    assert (first.status, second.text, third.refusal) == (201, first.text, DIFFERENT)
    rows = await merchant.sql(
        "SELECT k::text FROM idempotency_keys k WHERE merchant_id = $1::uuid", merchant.merchant_id
    )
    assert CARD["number"] not in rows[0][0]
    assert await count(merchant, "payments") == 1
