"""Lists: newest first, filtered, in pages, and nobody else's."""

import asyncio
from typing import Any
from urllib.parse import quote

import pytest

from tests.live import Live, Receiver, until

KINDS = ["orders", "payments", "refunds", "webhooks"]


async def listed(merchant: Live, kind: str, **query: Any) -> Any:
    """One page of a list."""
    words = "&".join(f"{name}={quote(str(value))}" for name, value in query.items())
    reply = await merchant.get(f"/api/v1/{kind}?{words}")
    assert reply.status == 200, reply.text
    return reply.json


async def ids(merchant: Live, kind: str, **query: Any) -> list[str]:
    """The ids on one page."""
    return [row["id"] for row in (await listed(merchant, kind, **query))["data"]]


async def all_pages(merchant: Live, kind: str, **query: Any) -> list[str]:
    """The ids on all pages, each page asked for with the `next` of the one before."""
    found: list[str] = []
    page = await listed(merchant, kind, **query)
    found += [row["id"] for row in page["data"]]
    while page["next"] is not None:
        page = await listed(merchant, kind, **query, after=page["next"])
        assert page["data"], "a next page that is empty was promised"
        found += [row["id"] for row in page["data"]]
    return found


@pytest.fixture(scope="module")
async def shop(gateway: Live) -> Live:
    """A merchant with 13 orders; payments of them, three failed; four refunds; and deliveries of all that."""
    merchant = await gateway.merchant()
    async with Receiver() as receiver:
        await merchant.use_webhooks(receiver.url)
        orders = [await merchant.order(1_000 * (n + 1), receipt=f"Receipt-{n:02d}%_x") for n in range(13)]
        payments = [await merchant.pay(order["id"]) for order in orders[:5]]
        payments += [await merchant.pay(order["id"], "failure@kassa") for order in orders[5:8]]
        payments += [await merchant.pay_by_card(order["id"]) for order in orders[8:10]]
        for payment in payments:
            await merchant.settled(payment["id"])
        for payment in payments[:2]:
            await merchant.post(f"/api/v1/payments/{payment['id']}/capture", {"amount": payment["amount"]})
            for amount in (100, 200):
                await merchant.post(f"/api/v1/payments/{payment['id']}/refunds", {"amount": amount})

        async def quiet() -> bool:
            rows = await merchant.sql(
                "SELECT count(*) FILTER (WHERE status = 'success') FROM webhook_logs WHERE merchant_id = $1::uuid",
                merchant.merchant_id,
            )
            return bool(rows[0][0] == 10 * 3 + 4 * 2)

        await until(quiet, "all deliveries of the shop are made")
        await merchant.use_webhooks(None)
    return merchant


async def newest_first(merchant: Live, kind: str) -> list[str]:
    """Every id of a kind as the database orders them."""
    table = "webhook_logs" if kind == "webhooks" else kind
    rows = await merchant.sql(
        f"SELECT id::text FROM {table} WHERE merchant_id = $1::uuid ORDER BY created_at DESC, id DESC",
        merchant.merchant_id,
    )
    return [row[0] for row in rows]


@pytest.mark.parametrize(("kind", "count"), [("orders", 13), ("payments", 10), ("refunds", 4), ("webhooks", 38)])
@pytest.mark.parametrize("limit", [1, 3, 10, 100])
async def test_pages_hold_everything_once_newest_first(shop: Live, kind: str, count: int, limit: int) -> None:
    found = await all_pages(shop, kind, limit=limit)

    assert len(found) == count
    assert found == await newest_first(shop, kind)


@pytest.mark.parametrize("kind", KINDS)
async def test_page_has_ten_rows_unless_asked_otherwise(shop: Live, kind: str) -> None:
    page = await listed(shop, kind)

    everything = await newest_first(shop, kind)
    assert [row["id"] for row in page["data"]] == everything[:10]
    assert page["next"] == (everything[9] if len(everything) > 10 else None)


@pytest.mark.parametrize("kind", ["orders", "payments", "refunds"])
async def test_row_of_a_list_is_the_object_itself(shop: Live, kind: str) -> None:
    for row in (await listed(shop, kind))["data"]:
        assert row == (await shop.get(f"/api/v1/{kind}/{row['id']}")).json


async def test_many_deliveries_that_match_are_counted_up_to_a_point(merchant: Live) -> None:
    await merchant.sql(
        """INSERT INTO webhook_logs (merchant_id, event, payload, status)
           SELECT $1::uuid, 'payment.' || CASE n WHEN 1 THEN 'success' ELSE 'failed' END, '{}', 'failed'
           FROM generate_series(1, 10002) n""",
        merchant.merchant_id,
    )

    async def count(**query: str) -> tuple[int, bool]:
        found = await listed(merchant, "webhooks", limit=1, **query)
        return found["total"], found["total_exact"]

    assert await count() == (10_002, True)
    assert await count(status="failed") == (10_000, False)
    assert await count(event="payment.failed") == (10_000, False)
    assert await count(event="payment.success") == (1, True)


async def test_payments_of_one_currency_are_found(merchant: Live) -> None:
    orders = [await merchant.order(500, currency=currency) for currency in ("INR", "JPY", "JPY")]
    made = [(await merchant.pay(order["id"]))["id"] for order in orders]

    assert await ids(merchant, "payments", currency="JPY", amount_max=500) == [made[2], made[1]]
    assert await ids(merchant, "payments", currency="KWD") == []
    refused = await merchant.get("/api/v1/payments?currency=jpy")
    assert refused.refusal == (400, "BAD_REQUEST_ERROR", "currency must be three capital letters, such as INR")


async def test_new_rows_do_not_shift_later_pages(merchant: Live) -> None:
    old = [(await merchant.order())["id"] for _ in range(4)]
    first = await listed(merchant, "orders", limit=2)

    await asyncio.gather(*(merchant.order() for _ in range(5)))

    assert await ids(merchant, "orders", limit=2, after=first["next"]) == [old[1], old[0]]


@pytest.mark.parametrize("kind", KINDS)
async def test_strange_after_gives_no_rows(gateway: Live, shop: Live, kind: str) -> None:
    other = await gateway.merchant()
    own = (await newest_first(shop, kind))[0]

    assert await listed(other, kind, after=own) == await listed(other, kind)
    assert (await listed(other, kind, after=own))["data"] == []


async def test_nobody_sees_anothers_rows(gateway: Live, shop: Live) -> None:
    other = await gateway.merchant()
    own = await other.order()
    payment = await newest_first(shop, "payments")

    assert await ids(other, "orders") == [own["id"]]
    for kind, query in (
        ("orders", {"receipt": "Receipt"}),
        ("payments", {}),
        ("payments", {"status": "success"}),
        ("refunds", {"payment_id": payment[-1]}),
        ("webhooks", {"payment_id": payment[-1]}),
    ):
        assert set(await ids(other, kind, **query, limit=100)) <= {own["id"]} - ({own["id"]} if query else set())


async def test_orders_by_status_and_amount(shop: Live) -> None:
    amounts = {row["amount"]: row["status"] for row in (await listed(shop, "orders", limit=100))["data"]}
    paid = [1_000, 2_000, 3_000, 4_000, 5_000, 9_000, 10_000]

    assert [amount for amount, status in amounts.items() if status == "paid"] == paid[::-1]
    found = (await listed(shop, "orders", status="paid", amount_min=2_000, amount_max=9_000))["data"]
    assert [row["amount"] for row in found] == [9_000, 5_000, 4_000, 3_000, 2_000]
    assert await ids(shop, "orders", amount_min=13_001) == []


async def test_orders_by_any_part_of_the_receipt(shop: Live) -> None:
    async def amounts(receipt: str) -> list[int]:
        return [row["amount"] for row in (await listed(shop, "orders", receipt=receipt, limit=100))["data"]]

    assert await amounts("receipt-07") == [8_000]
    assert await amounts("RECEIPT-1") == [13_000, 12_000, 11_000]
    assert len(await amounts("%_X")) == 13  # signs of LIKE are signs like any others
    assert await amounts("%") == await amounts("_") == await amounts("")
    assert await amounts("07_x") == []
    assert await amounts("' OR true --") == []


async def test_payments_by_status_method_order_and_capture(shop: Live) -> None:
    async def amounts(**query: Any) -> list[int]:
        return sorted(row["amount"] for row in (await listed(shop, "payments", limit=100, **query))["data"])

    assert await amounts(status="failed") == [6_000, 7_000, 8_000]
    assert await amounts(status="pending") == []
    assert await amounts(method="card") == [9_000, 10_000]
    assert await amounts(method="upi", status="success") == [1_000, 2_000, 3_000, 4_000, 5_000]
    assert await amounts(captured="true") == [1_000, 2_000]
    assert await amounts(captured="false", method="card", amount_min=9_500) == [10_000]
    order_id = (await listed(shop, "payments", method="card", limit=1))["data"][0]["order_id"]
    assert await amounts(order_id=order_id) == [10_000]


async def test_refunds_by_payment_status_and_amount(shop: Live) -> None:
    payment_id = (await listed(shop, "payments", captured="true", limit=1))["data"][0]["id"]

    found = (await listed(shop, "refunds", payment_id=payment_id))["data"]

    assert [row["amount"] for row in found] == [200, 100]
    assert len(await ids(shop, "refunds", status="processed")) == 4
    assert await ids(shop, "refunds", status="pending") == []
    assert len(await ids(shop, "refunds", amount_max=100)) == 2


async def test_rows_by_time(shop: Live) -> None:
    rows = await shop.sql(
        "SELECT id, created_at FROM orders WHERE merchant_id = $1::uuid ORDER BY created_at", shop.merchant_id
    )
    middle = rows[6][1].isoformat()

    before = await ids(shop, "orders", created_to=middle, limit=100)
    since = await ids(shop, "orders", created_from=middle.replace("+00:00", "Z"), limit=100)

    assert (before, since) == ([row[0] for row in rows[5::-1]], [row[0] for row in rows[:5:-1]])


async def test_deliveries_by_status_event_and_payment(shop: Live) -> None:
    payment_id = (await listed(shop, "payments", captured="true", limit=1))["data"][0]["id"]

    own = await listed(shop, "webhooks", payment_id=payment_id)
    failed = await listed(shop, "webhooks", event="payment.failed")

    assert (own["total"], len(own["data"])) == (7, 7)
    assert sorted(row["sequence"] for row in own["data"]) == [1, 2, 3, 5, 6, 7, 8]  # 4 is the capture
    assert (failed["total"], {row["event"] for row in failed["data"]}) == (3, {"payment.failed"})
    assert (await listed(shop, "webhooks", status="failed"))["total"] == 0
    assert (await listed(shop, "webhooks", status="success", limit=1))["total"] == 38


async def test_deliveries_by_offset(shop: Live) -> None:
    everything = await newest_first(shop, "webhooks")

    for limit, offset in ((10, 0), (10, 10), (7, 35), (100, 1), (5, 38), (5, 1_000)):
        page = await listed(shop, "webhooks", limit=limit, offset=offset)
        assert [row["id"] for row in page["data"]] == everything[offset : offset + limit]
        assert (page["total"], page["limit"], page["offset"]) == (38, limit, offset)


async def test_row_of_the_delivery_list(shop: Live) -> None:
    page = await listed(shop, "webhooks", limit=1)

    names = {"id", "event", "status", "attempts", "created_at", "last_attempt_at", "response_code"}
    (row,) = page["data"]
    assert names <= row.keys()
    assert {"data", "total", "limit", "offset"} <= page.keys()
    assert (row["status"], row["attempts"], row["response_code"]) == ("success", 1, 200)
    detail = (await shop.get(f"/api/v1/webhooks/{row['id']}")).json
    assert {name: detail[name] for name in row} == row


async def test_merchant_without_deliveries(merchant: Live) -> None:
    page = await listed(merchant, "webhooks")

    assert {name: page[name] for name in ("data", "total", "limit", "offset")} == {
        "data": [],
        "total": 0,
        "limit": 10,
        "offset": 0,
    }


REFUSED = [
    ("orders", "limit=0"), ("orders", "limit=101"), ("orders", "limit=-1"), ("orders", "limit=ten"),
    ("orders", "limit=1.5"), ("orders", "limit=99999999999999999999"), ("orders", "status=pending"),
    ("orders", "amount_min=x"), ("orders", "created_from=yesterday"), ("orders", "created_to=2024-01-15"),
    ("orders", "created_from=2024-01-15T10:30:00"), ("payments", "status=paid"), ("payments", "method=cash"),
    ("payments", "captured=perhaps"), ("refunds", "status=success"), ("webhooks", "offset=-1"),
    ("webhooks", "offset=1000001"), ("webhooks", "event=payment.captured"), ("webhooks", "after=order_1"),
    ("orders", "after=pay_0000000000000000"), ("payments", "after=order_0000000000000000"), ("refunds", "after=2"),
    ("payment_links", "after=nonsense"), ("orders", "amount_min=2&amount_max=1"),
    ("payments", "created_from=2024-02-01T00:00:00Z&created_to=2024-01-01T00:00:00Z"),
    ("webhooks", "status=done"), ("payments", "order_id=%00"), ("orders", "receipt=%ff"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "query"), REFUSED)
async def test_wrong_filter_is_refused(merchant: Live, kind: str, query: str) -> None:
    reply = await merchant.get(f"/api/v1/{kind}?{query}")

    assert reply.refusal[:2] == (400, "BAD_REQUEST_ERROR")
    assert query.partition("=")[0] in reply.refusal[2] or "%" in query


async def test_unknown_and_empty_parameters_are_passed_over(merchant: Live) -> None:
    order = await merchant.order()

    assert await ids(merchant, "orders", status="", receipt="", after="", colour="red") == [order["id"]]
