"""Statistics: counted as it happens, never more and never less than what the tables say."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.live import Live, until

NOTHING = {"payments": 0, "succeeded": 0, "failed": 0, "volume": 0, "refunded": 0, "success_rate": None}


async def statistics(merchant: Live, query: str = "") -> Any:
    """The merchant's statistics."""
    reply = await merchant.get(f"/api/v1/statistics{query}")
    assert reply.status == 200, reply.text
    return reply.json


async def test_merchant_who_has_sold_nothing(merchant: Live) -> None:
    await merchant.order()

    assert await statistics(merchant) == {**NOTHING, "currencies": [], "days": []}


async def test_counts_and_sums(merchant: Live) -> None:
    today = datetime.now(UTC)
    for amount in (10_000, 20_000):
        payment = await merchant.paid(amount)
    order = await merchant.order(40_000)
    await merchant.settled((await merchant.pay(order["id"], "failure@kassa"))["id"])
    await merchant.post(f"/api/v1/payments/{payment['id']}/refunds", {"amount": 5_000})
    refused = await merchant.post(f"/api/v1/payments/{payment['id']}/refunds", {"amount": 15_001})
    assert refused.status == 400

    async def refunded() -> Any:
        found = await statistics(merchant)
        return found if found["refunded"] else None

    found = await until(refunded, "the refund is counted")

    sums = {"payments": 3, "succeeded": 2, "failed": 1, "volume": 30_000, "refunded": 5_000, "success_rate": 66.67}
    assert {name: found[name] for name in sums} == sums
    rupees = {**sums, "currency": "INR"}
    assert found["currencies"] == [rupees]
    # All of one day, unless the day has changed meanwhile.
    if datetime.now(UTC).date() == today.date():
        assert found["days"] == [{**sums, "currencies": [rupees], "day": today.date().isoformat()}]


async def test_amounts_of_different_currencies_are_never_added_up(merchant: Live) -> None:
    await merchant.paid(10_000)
    for currency, amount in (("JPY", 500), ("KWD", 12_345)):
        order = await merchant.order(amount, currency=currency)
        payment = await merchant.settled((await merchant.pay(order["id"]))["id"])
    order = await merchant.order(900, currency="JPY")
    await merchant.settled((await merchant.pay(order["id"], "failure@kassa"))["id"])
    await merchant.post(f"/api/v1/payments/{payment['id']}/refunds", {"amount": 345})

    async def refunded() -> Any:
        found = await statistics(merchant)
        return found if found["currencies"][-1]["refunded"] else None

    found = await until(refunded, "the refund is counted")

    all_counts = {"payments": 4, "succeeded": 3, "failed": 1, "success_rate": 75.0}
    rupees = {"payments": 1, "succeeded": 1, "failed": 0, "volume": 10_000, "refunded": 0, "success_rate": 100.0}
    yen = {"payments": 2, "succeeded": 1, "failed": 1, "volume": 500, "refunded": 0, "success_rate": 50.0}
    dinars = {"payments": 1, "succeeded": 1, "failed": 0, "volume": 12_345, "refunded": 345, "success_rate": 100.0}
    assert {name: value for name, value in found.items() if name != "days"} == {
        **all_counts,
        "volume": 10_000,
        "refunded": 0,
        "currencies": [
            {**rupees, "currency": "INR"},
            {**yen, "currency": "JPY"},
            {**dinars, "currency": "KWD"},
        ],
    }
    # Nothing is lost on the way to the days, be it one or two.
    of_days = [one for day in found["days"] for one in day["currencies"]]
    assert sum(one["volume"] for one in of_days if one["currency"] == "KWD") == 12_345
    assert sum(day["volume"] for day in found["days"]) == 10_000


async def test_pending_payment_is_counted_but_not_rated(merchant: Live) -> None:
    order = await merchant.order()
    await merchant.sql(
        """INSERT INTO payments (id, order_id, merchant_id, amount, method)
           VALUES ('pay_' || right($1, 16), $1, $2::uuid, 50000, 'upi')""",
        order["id"],
        merchant.merchant_id,
    )

    found = await statistics(merchant)

    assert {name: found[name] for name in NOTHING} == {**NOTHING, "payments": 1}


async def test_days_are_picked(merchant: Live) -> None:
    order = await merchant.order(700)
    for days in (1, 2, 40):
        await merchant.sql(
            """INSERT INTO payments (id, order_id, merchant_id, amount, method, status, created_at)
               VALUES ('pay_' || $2::text || right($1, 14), $1, $3::uuid, 700, 'upi', 'failed', $4)""",
            order["id"],
            str(days),
            merchant.merchant_id,
            datetime.now(UTC) - timedelta(days=days),
        )
    today = datetime.now(UTC).date()
    first, last = today - timedelta(days=2), today - timedelta(days=1)

    found = await statistics(merchant, f"?first={first}&last={last}")

    assert (found["payments"], found["failed"], found["success_rate"]) == (2, 2, 0.0)
    assert [day["day"] for day in found["days"]] == [first.isoformat(), last.isoformat()]
    assert (await statistics(merchant, f"?last={first}"))["payments"] == 2
    assert (await statistics(merchant))["payments"] == 3


@pytest.mark.parametrize("query", ["first=today", "last=2024-13-01", "first=2024-02-30", "first=1"])
async def test_wrong_day_is_refused(merchant: Live, query: str) -> None:
    reply = await merchant.get(f"/api/v1/statistics?{query}")

    assert reply.refusal[:2] == (400, "BAD_REQUEST_ERROR")


async def test_days_that_end_before_they_begin_are_refused(merchant: Live) -> None:
    reply = await merchant.get("/api/v1/statistics?first=2024-02-01&last=2024-01-31")

    assert reply.refusal == (400, "BAD_REQUEST_ERROR", "first must not be greater than last")
    assert (await merchant.get("/api/v1/statistics?first=2024-02-01&last=2024-02-01")).status == 200


async def test_counters_agree_with_the_tables_after_many_at_once(merchant: Live) -> None:
    orders = await asyncio.gather(*(merchant.order(100 + n) for n in range(60)))
    vpas = ["success@kassa", "failure@kassa", "someone@bank"] * 20
    payments = await asyncio.gather(*(merchant.pay(o["id"], vpa) for o, vpa in zip(orders, vpas, strict=True)))
    ends = await asyncio.gather(*(merchant.settled(payment["id"]) for payment in payments))
    paid = [end for end in ends if end["status"] == "success"]
    await asyncio.gather(
        *(merchant.post(f"/api/v1/payments/{end['id']}/refunds", {"amount": 7}) for end in paid for _ in range(3))
    )

    async def all_refunded() -> bool:
        return bool((await statistics(merchant))["refunded"] == 7 * 3 * len(paid))

    await until(all_refunded, "all refunds are counted")
    found = await statistics(merchant)
    assert (found["payments"], found["succeeded"], found["failed"]) == (60, 40, 20)
    assert found["volume"] == sum(end["amount"] for end in paid)
    rows = await merchant.sql(
        """SELECT count(*), count(*) FILTER (WHERE status = 'success'), sum(amount) FILTER (WHERE status = 'success'),
                  sum(refunded_amount) FROM payments WHERE merchant_id = $1::uuid""",
        merchant.merchant_id,
    )
    assert tuple(rows[0]) == (found["payments"], found["succeeded"], found["volume"], found["refunded"])
