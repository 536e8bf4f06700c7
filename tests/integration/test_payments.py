"""Payments: taken at once, decided later in a worker, and each of them decided."""

import asyncio
import re
from typing import Any

import pytest

from tests.live import CARD, Live, until

ORDER_NOT_FOUND = (404, "NOT_FOUND_ERROR", "Order not found")
PAYMENT_NOT_FOUND = (404, "NOT_FOUND_ERROR", "Payment not found")


async def payments_in(merchant: Live) -> int:
    """How many payments the merchant has."""
    rows = await merchant.sql("SELECT count(*) FROM payments WHERE merchant_id = $1::uuid", merchant.merchant_id)
    return int(rows[0][0])


async def test_upi_payment_is_answered_at_once_as_pending(merchant: Live) -> None:
    order = await merchant.order(50_000)

    payment = await merchant.pay(order["id"], "a.payer-1@okbank")

    assert re.fullmatch(r"pay_[A-Za-z0-9]{16}", payment["id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", payment["created_at"])
    assert {name: payment[name] for name in ("order_id", "amount", "currency", "method", "vpa", "status")} == {
        "order_id": order["id"],
        "amount": 50_000,
        "currency": "INR",
        "method": "upi",
        "vpa": "a.payer-1@okbank",
        "status": "pending",
    }
    assert not payment.keys() & {"card_network", "card_last4", "error_code", "error_description"}


async def test_card_payment_is_answered_with_network_and_last_four_digits(merchant: Live) -> None:
    order = await merchant.order(700, currency="USD")

    payment = await merchant.pay_by_card(order["id"])

    assert (payment["card_network"], payment["card_last4"]) == ("visa", "4242")
    assert (payment["amount"], payment["currency"], payment["status"]) == (700, "USD", "pending")
    assert not payment.keys() & {"vpa", "card", "number", "cvv"}


async def test_payment_succeeds_and_its_order_becomes_paid(merchant: Live) -> None:
    order = await merchant.order()
    created = await merchant.pay(order["id"])

    payment = await merchant.settled(created["id"])

    assert {**created, "status": "success"}.items() <= payment.items()
    assert payment["captured"] is False
    assert payment["updated_at"] >= payment["created_at"]
    assert not payment.keys() & {"error_code", "error_description"}
    assert (await merchant.get(f"/api/v1/orders/{order['id']}")).json["status"] == "paid"


async def test_failed_payment_says_why_and_leaves_the_order_to_another_try(merchant: Live) -> None:
    order = await merchant.order()

    failed = await merchant.settled((await merchant.pay(order["id"], "failure@kassa"))["id"])

    assert (failed["status"], failed["error_code"]) == ("failed", "PAYMENT_FAILED")
    assert failed["error_description"] == "Payment was declined by the bank"
    assert (await merchant.get(f"/api/v1/orders/{order['id']}")).json["status"] == "created"
    second = await merchant.settled((await merchant.pay(order["id"]))["id"])
    assert second["status"] == "success"
    assert (await merchant.get(f"/api/v1/payments/{failed['id']}")).json == failed


async def test_row_of_a_card_payment(merchant: Live) -> None:
    payment = await merchant.settled((await merchant.pay_by_card((await merchant.order())["id"]))["id"])

    rows = await merchant.sql(
        """SELECT order_id, merchant_id::text AS merchant_id, amount, currency, method, status, vpa, card_network,
                  card_last4, error_code, error_description, captured FROM payments WHERE id = $1""",
        payment["id"],
    )
    assert [dict(row) for row in rows] == [
        {
            "order_id": payment["order_id"],
            "merchant_id": merchant.merchant_id,
            "amount": 50_000,
            "currency": "INR",
            "method": "card",
            "status": "success",
            "vpa": None,
            "card_network": "visa",
            "card_last4": "4242",
            "error_code": None,
            "error_description": None,
            "captured": False,
        }
    ]


async def test_bank_takes_the_exact_time_of_test_mode(merchant: Live) -> None:
    payment = await merchant.paid()

    rows = await merchant.sql(
        """SELECT extract(milliseconds FROM p.due_at - p.created_at)::int,
                  e.created_at >= date_trunc('milliseconds', p.due_at)  -- the queue counts in milliseconds
           FROM payments p JOIN payment_events e ON e.payment_id = p.id AND e.event = 'payment.success'
           WHERE p.id = $1""",
        payment["id"],
    )
    assert [tuple(row) for row in rows] == [(100, True)]


async def test_paid_order_takes_no_further_payment(merchant: Live) -> None:
    order_id = (await merchant.paid())["order_id"]
    by_upi = {"order_id": order_id, "method": "upi", "vpa": "success@kassa"}

    replies = [
        await merchant.post("/api/v1/payments", by_upi),
        await merchant.post("/api/v1/payments", {"order_id": order_id, "method": "card", "card": CARD}),
        await merchant.post("/api/v1/payments/public", by_upi, anonymous=True),
    ]

    for reply in replies:
        assert reply.refusal == (400, "BAD_REQUEST_ERROR", "Order is already paid")
    assert await payments_in(merchant) == 1


async def test_order_must_exist_and_be_the_merchants_own(gateway: Live, merchant: Live) -> None:
    strange = await gateway.order()

    for order_id in (strange["id"], "order_0000000000000000", "", "order_\0", "x" * 10_000, "😀"):
        body = {"order_id": order_id, "method": "upi", "vpa": "success@kassa"}
        assert (await merchant.post("/api/v1/payments", body)).refusal == ORDER_NOT_FOUND
    assert await payments_in(merchant) == 0
    rows = await gateway.sql("SELECT count(*) FROM payments WHERE order_id = $1", strange["id"])
    assert rows[0][0] == 0


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"vpa": "success@kassa"}, "BAD_REQUEST_ERROR", "method is required"),
    ({"method": "cash"}, "BAD_REQUEST_ERROR", "method must be card or upi"),
    ({"method": None}, "BAD_REQUEST_ERROR", "method must be a string"),
    ({"method": ["upi"], "vpa": "success@kassa"}, "BAD_REQUEST_ERROR", "method must be a string"),
    ({"method": "upi"}, "INVALID_VPA", "vpa is required for a UPI payment"),
    ({"method": "upi", "vpa": None}, "INVALID_VPA", "vpa is required for a UPI payment"),
    ({"method": "upi", "vpa": 7}, "INVALID_VPA", "vpa must be a string"),
    ({"method": "upi", "card": CARD}, "INVALID_VPA", "vpa is required for a UPI payment"),
    ({"method": "card"}, "INVALID_CARD", "card is required for a card payment"),
    ({"method": "card", "card": "4242424242424242"}, "INVALID_CARD", "card must be an object"),
    ({"method": "card", "vpa": "success@kassa"}, "INVALID_CARD", "card is required for a card payment"),
    ({"order_id": None, "method": "upi", "vpa": "success@kassa"}, "BAD_REQUEST_ERROR", "order_id must be a string"),
    ({"order_id": 7, "method": "upi", "vpa": "success@kassa"}, "BAD_REQUEST_ERROR", "order_id must be a string"),
]


@pytest.mark.parametrize(("asked", "code", "description"), WRONG, ids=lambda value: str(value)[:40])
@pytest.mark.parametrize("path", ["/api/v1/payments", "/api/v1/payments/public"])
async def test_wrong_payment_is_refused_with_a_reason(
    merchant: Live, path: str, asked: dict[str, Any], code: str, description: str
) -> None:
    order = await merchant.order()

    reply = await merchant.post(path, {"order_id": order["id"], **asked})

    assert reply.refusal == (400, code, description)
    assert await payments_in(merchant) == 0


async def test_payment_is_read_by_its_own_merchant_only(gateway: Live, merchant: Live) -> None:
    payment = await merchant.paid()

    for path in (f"/api/v1/payments/{payment['id']}", "/api/v1/payments/pay_0000000000000000", "/api/v1/payments/%00"):
        assert (await gateway.get(path)).refusal == PAYMENT_NOT_FOUND


async def test_checkout_page_pays_without_credentials(merchant: Live) -> None:
    order = await merchant.order()
    body = {"order_id": order["id"], "method": "card", "card": CARD}

    reply = await merchant.post("/api/v1/payments/public", body, anonymous=True)

    assert reply.status == 201
    assert (reply.json["order_id"], reply.json["status"], reply.json["card_last4"]) == (order["id"], "pending", "4242")
    payment = await merchant.settled(reply.json["id"])  # it is the merchant's, like any other
    assert payment["status"] == "success"


async def test_checkout_page_follows_its_payment(merchant: Live) -> None:
    order = await merchant.order()
    created = await merchant.pay(order["id"], "failure@kassa")
    path = f"/api/v1/payments/{created['id']}/public"

    async def final() -> Any:
        seen = (await merchant.get(path, anonymous=True)).json
        return seen if seen["status"] == "failed" else None

    seen = await until(final, "the payer sees the end")

    assert (seen["order_id"], seen["amount"], seen["error_code"]) == (order["id"], 50_000, "PAYMENT_FAILED")
    assert not seen.keys() & {"vpa", "card_network", "card_last4", "merchant_id", "captured"}


async def test_checkout_page_asks_for_what_is_not_there(gateway: Live) -> None:
    body = {"order_id": "order_0000000000000000", "method": "upi", "vpa": "success@kassa"}

    paid = await gateway.post("/api/v1/payments/public", body, anonymous=True)
    seen = await gateway.get("/api/v1/payments/pay_0000000000000000/public", anonymous=True)

    assert paid.refusal == ORDER_NOT_FOUND
    assert seen.refusal == PAYMENT_NOT_FOUND


async def test_inactive_merchant_takes_no_money_from_the_checkout_page(merchant: Live) -> None:
    order = await merchant.order()
    await merchant.sql("UPDATE merchants SET is_active = false WHERE id = $1::uuid", merchant.merchant_id)
    body = {"order_id": order["id"], "method": "upi", "vpa": "success@kassa"}

    reply = await merchant.post("/api/v1/payments/public", body, anonymous=True)

    assert reply.refusal == ORDER_NOT_FOUND
    assert await payments_in(merchant) == 0


async def test_every_payment_gets_to_its_end(merchant: Live) -> None:
    orders = await asyncio.gather(*(merchant.order() for _ in range(150)))
    vpas = ["success@kassa", "failure@kassa", "someone@bank"] * 50

    created = await asyncio.gather(*(merchant.pay(o["id"], vpa) for o, vpa in zip(orders, vpas, strict=True)))
    ends = await asyncio.gather(*(merchant.settled(payment["id"]) for payment in created))

    assert [end["status"] for end in ends] == ["success", "failed", "success"] * 50
