"""Orders: created, read by their merchant, and shown to a payer without what is none of their business."""

import json
import re
from typing import Any

import pytest

from tests.live import Live

TIME = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ")
FIELDS = {"id", "merchant_id", "amount", "currency", "receipt", "notes", "status", "created_at"}
NOTES = {"customer": "Zoë 😀", "lines": [{"sku": "a-1", "count": 2}], "gift": True, "none": None, "7": "seven"}


async def orders_in(merchant: Live) -> int:
    """How many orders the merchant has."""
    rows = await merchant.sql("SELECT count(*) FROM orders WHERE merchant_id = $1::uuid", merchant.merchant_id)
    return int(rows[0][0])


async def test_new_order_is_answered_and_stored(merchant: Live) -> None:
    asked = {"amount": 50_000, "currency": "INR", "receipt": "receipt_1", "notes": NOTES}

    reply = await merchant.post("/api/v1/orders", asked)

    assert reply.status == 201
    order = reply.json
    assert order.keys() >= FIELDS
    assert re.fullmatch(r"order_[A-Za-z0-9]{16}", order["id"])
    assert TIME.fullmatch(order["created_at"])
    assert asked.items() <= order.items()
    assert (order["merchant_id"], order["status"]) == (merchant.merchant_id, "created")
    rows = await merchant.sql(
        "SELECT merchant_id::text, amount, currency, receipt, notes, status FROM orders WHERE id = $1", order["id"]
    )
    assert tuple(rows[0])[:4] == (merchant.merchant_id, 50_000, "INR", "receipt_1")
    assert (json.loads(rows[0][4]), rows[0][5]) == (NOTES, "created")


async def test_order_of_only_an_amount_is_in_rupees_and_bare(merchant: Live) -> None:
    order = await merchant.order(100)

    assert (order["amount"], order["currency"], order["receipt"], order["notes"]) == (100, "INR", None, None)


async def test_order_reads_back_as_it_was_created(merchant: Live) -> None:
    created = await merchant.order(2_147_483_647, currency="USD", receipt="x" * 255, notes={})

    read = await merchant.get(f"/api/v1/orders/{created['id']}")

    assert read.status == 200
    assert {name: read.json[name] for name in FIELDS} == {name: created[name] for name in FIELDS}
    assert TIME.fullmatch(read.json["updated_at"])


REFUSED: list[tuple[Any, str]] = [
    ({"amount": 99}, "amount must be at least 100"),
    ({"amount": 0}, "amount must be at least 100"),
    ({"amount": -50_000}, "amount must be at least 100"),
    ({"amount": 2_147_483_648}, "amount must be at most 2147483647"),
    ({"amount": "50000"}, "amount must be an integer"),
    ({"amount": 500.5}, "amount must be an integer"),
    ({"amount": True}, "amount must be an integer"),
    ({"amount": None}, "amount must be an integer"),
    ({"amount": [50_000]}, "amount must be an integer"),
    ({}, "amount is required"),
    ({"amount": 50_000, "currency": "inr"}, "currency must be three capital letters, such as INR"),
    ({"amount": 50_000, "currency": "RUPEE"}, "currency must be three capital letters, such as INR"),
    ({"amount": 50_000, "currency": ""}, "currency must be three capital letters, such as INR"),
    ({"amount": 50_000, "currency": 356}, "currency must be a string"),
    ({"amount": 50_000, "receipt": 7}, "receipt must be a string"),
    ({"amount": 50_000, "receipt": "x" * 256}, "receipt must have at most 255 characters"),
    ({"amount": 50_000, "receipt": "nul\0"}, "receipt must not contain NUL characters"),
    ({"amount": 50_000, "notes": "text"}, "notes must be an object"),
    ({"amount": 50_000, "notes": [1]}, "notes must be an object"),
    ([{"amount": 50_000}], "The body must be a JSON object"),
    ("amount", "The body must be a JSON object"),
    (50_000, "The body must be a JSON object"),
]


@pytest.mark.parametrize(("asked", "description"), REFUSED, ids=lambda value: str(value)[:40])
async def test_wrong_order_is_refused_with_a_reason(merchant: Live, asked: Any, description: str) -> None:
    reply = await merchant.post("/api/v1/orders", asked)

    assert reply.refusal == (400, "BAD_REQUEST_ERROR", description)
    assert await orders_in(merchant) == 0


@pytest.mark.parametrize("raw", [b"{", b"{'amount': 50000}", b'{"amount": 50000}}', b"amount=50000"])
async def test_malformed_json_is_refused(merchant: Live, raw: bytes) -> None:
    reply = await merchant.post("/api/v1/orders", raw=raw)

    assert reply.refusal == (400, "BAD_REQUEST_ERROR", "The body is not valid JSON")
    assert await orders_in(merchant) == 0


async def test_another_merchants_order_is_as_unknown_as_one_that_never_was(gateway: Live, merchant: Live) -> None:
    order = await merchant.order()

    for path in (
        f"/api/v1/orders/{order['id']}",
        "/api/v1/orders/order_0000000000000000",
        "/api/v1/orders/%F0%9F%92%A9",
    ):
        assert (await gateway.get(path)).refusal == (404, "NOT_FOUND_ERROR", "Order not found")


async def test_payer_sees_what_is_to_be_paid_and_nothing_private(merchant: Live) -> None:
    order = await merchant.order(50_000, receipt="receipt_1", notes=NOTES)

    reply = await merchant.get(f"/api/v1/orders/{order['id']}/public", anonymous=True)

    assert reply.status == 200
    assert {"id": order["id"], "amount": 50_000, "currency": "INR", "status": "created"}.items() <= reply.json.items()
    assert not reply.json.keys() & {"merchant_id", "receipt", "notes"}
    assert "receipt_1" not in reply.text
    assert merchant.merchant_id not in reply.text


async def test_payer_sees_when_the_order_is_paid(merchant: Live) -> None:
    payment = await merchant.paid()

    reply = await merchant.get(f"/api/v1/orders/{payment['order_id']}/public", anonymous=True)

    assert reply.json["status"] == "paid"


async def test_payer_asks_for_an_unknown_order(gateway: Live) -> None:
    reply = await gateway.get("/api/v1/orders/order_0000000000000000/public", anonymous=True)

    assert reply.refusal == (404, "NOT_FOUND_ERROR", "Order not found")


async def test_ids_are_not_guessable_from_one_another(merchant: Live) -> None:
    ids = [(await merchant.order())["id"] for _ in range(50)]

    assert ids == sorted(ids, key=lambda one: one[6:13])  # begin with their time
    assert len({one[13:] for one in ids}) == 50  # end in chance


async def test_order_may_say_where_its_payer_goes_and_until_when(merchant: Live) -> None:
    urls = {"success_url": "https://shop.example.com/thanks?a=1", "cancel_url": "http://localhost:4000/"}

    order = await merchant.order(100, **urls, expires_at="2099-01-15T16:00:00.5+05:30")

    extra = {**urls, "expires_at": "2099-01-15T10:30:00Z"}
    assert extra.items() <= order.items()
    assert extra.items() <= (await merchant.get(f"/api/v1/orders/{order['id']}")).json.items()
    path = f"/api/v1/orders/{order['id']}/public"
    unpaid = (await merchant.get(path, anonymous=True)).json
    assert (unpaid["cancel_url"], unpaid["expires_at"]) == (urls["cancel_url"], extra["expires_at"])
    # Whoever has not paid yet is not told where those go who have.
    assert "success_url" not in unpaid
    await merchant.settled((await merchant.pay(order["id"]))["id"])
    assert extra.items() <= (await merchant.get(path, anonymous=True)).json.items()


async def test_expired_order_takes_no_payment(merchant: Live) -> None:
    order = await merchant.order(100, expires_at="2099-01-01T00:00:00Z")
    await merchant.sql("UPDATE orders SET expires_at = now() WHERE id = $1", order["id"])
    body = {"order_id": order["id"], "method": "upi", "vpa": "success@kassa"}

    for path in ("/api/v1/payments", "/api/v1/payments/public"):
        assert (await merchant.post(path, body)).refusal == (400, "BAD_REQUEST_ERROR", "Order has expired")
    assert (await merchant.get(f"/api/v1/payments?order_id={order['id']}")).json["data"] == []


@pytest.mark.parametrize(
    "extra",
    [
        {"success_url": "javascript:alert(1)"}, {"cancel_url": "/back"}, {"success_url": "https://u:p@example.com/"},
        {"success_url": "https://example.com/" + "x" * 2_048}, {"expires_at": "tomorrow"}, {"expires_at": 1},
        {"expires_at": "2099-01-15T16:00:00"}, {"expires_at": "2020-01-01T00:00:00Z"},
        {"expires_at": "0001-01-01T00:00:00+14:00"},
    ],
)  # fmt: skip
async def test_wrong_way_back_is_refused(merchant: Live, extra: dict[str, Any]) -> None:
    reply = await merchant.post("/api/v1/orders", {"amount": 100, **extra})

    assert reply.refusal[:2] == (400, "BAD_REQUEST_ERROR")
    assert reply.json["error"]["description"].startswith(f"{next(iter(extra))} must ")
    assert await orders_in(merchant) == 0
