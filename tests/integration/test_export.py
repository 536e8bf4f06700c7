"""The export of payments: every one of them, as a spreadsheet can show it and will not run it."""

import csv
import io

import pytest

from tests.live import Live

PATH = "/api/v1/payments/export.csv"


async def exported(merchant: Live, query: str = "") -> list[dict[str, str]]:
    """The rows of an export."""
    reply = await merchant.get(PATH + query)
    assert reply.status == 200, reply.text
    assert reply.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert reply.headers["Content-Disposition"] == 'attachment; filename="payments.csv"'
    return list(csv.DictReader(io.StringIO(reply.text, newline="")))


async def test_rows_are_the_payments(merchant: Live) -> None:
    failed = await merchant.settled((await merchant.pay((await merchant.order(700))["id"], "failure@kassa"))["id"])
    card = await merchant.settled((await merchant.pay_by_card((await merchant.order(800))["id"]))["id"])

    rows = await exported(merchant)

    assert [row["id"] for row in rows] == [card["id"], failed["id"]]
    assert {**rows[0], "created_at": ""} == {
        "id": card["id"], "order_id": card["order_id"], "amount": "800", "currency": "INR", "method": "card",
        "status": "success", "vpa": "", "card_network": "visa", "card_last4": "4242", "captured": "false",
        "refunded_amount": "0", "error_code": "", "created_at": "",
    }  # fmt: skip
    assert (rows[1]["vpa"], rows[1]["error_code"]) == ("failure@kassa", "PAYMENT_FAILED")
    assert rows[0]["created_at"] == card["created_at"]


async def test_more_rows_than_a_page_holds(merchant: Live) -> None:
    order = await merchant.order()
    await merchant.sql(
        """INSERT INTO payments (id, order_id, merchant_id, amount, method, status, created_at)
           SELECT 'pay_' || lpad(n::text, 4, '0') || right($1, 12), $1, $2::uuid, n, 'upi', 'failed',
                  now() - n * interval '1 second'
           FROM generate_series(1, 2500) n""",
        order["id"],
        merchant.merchant_id,
    )

    assert [int(row["amount"]) for row in await exported(merchant)] == list(range(1, 2_501))


async def test_export_is_filtered_like_the_list(merchant: Live) -> None:
    await merchant.paid(700)
    payment = await merchant.paid(800)

    assert [row["amount"] for row in await exported(merchant, "?amount_min=701")] == ["800"]
    assert [row["id"] for row in await exported(merchant, f"?search={payment['id']}")] == [payment["id"]]
    assert await exported(merchant, "?status=failed") == []


@pytest.mark.parametrize("vpa", ["=1+1@bank", "+1@bank", "-1@bank", "@bank"])
async def test_what_looks_like_a_formula_is_text(merchant: Live, vpa: str) -> None:
    order = await merchant.order()
    await merchant.sql(
        """INSERT INTO payments (id, order_id, merchant_id, amount, method, status, vpa)
           VALUES ('pay_' || right($1, 16), $1, $2::uuid, 1, 'upi', 'failed', $3)""",
        order["id"],
        merchant.merchant_id,
        vpa,
    )

    assert [row["vpa"] for row in await exported(merchant)] == ["'" + vpa]


async def test_nobody_exports_anothers_payments(gateway: Live, merchant: Live) -> None:
    payment = await merchant.paid()
    other = await gateway.merchant()

    assert await exported(other) == []
    assert await exported(other, f"?search={payment['id']}") == []
    assert (await gateway.get(PATH, anonymous=True)).refusal[0] == 401


async def test_search_finds_the_beginning_of_an_id_or_any_part_of_a_vpa(merchant: Live) -> None:
    first = await merchant.settled((await merchant.pay((await merchant.order())["id"], "Some.One@okbank"))["id"])
    second = await merchant.settled((await merchant.pay((await merchant.order())["id"], "other_1@upi"))["id"])

    async def found(text: str) -> list[str]:
        reply = await merchant.get(f"/api/v1/payments?search={text}")
        assert reply.status == 200, reply.text
        return [row["id"] for row in reply.json["data"]]

    assert await found(first["id"]) == await found(first["order_id"]) == [first["id"]]
    assert await found(second["id"][:-1]) == [second["id"]]
    assert await found("pay_") == [second["id"], first["id"]]
    assert await found("one@OK") == [first["id"]]
    assert await found("r_1") == [second["id"]]
    assert await found("%25") == await found("pay_0") == await found(first["id"] + "0") == []
