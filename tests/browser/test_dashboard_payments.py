"""Payments, orders and refunds in the dashboard: found, filtered, captured, given back."""

import asyncio
import csv
import re
from pathlib import Path
from typing import Any

from playwright.async_api import Page, Route, expect

from tests.browser.dashboard import HOSTILE, Dashboard
from tests.browser.waiting import true
from tests.live import Live

PAGE_SIZE = 25


def cells(dashboard: Dashboard, payment_id: str) -> Any:
    """The row of a payment."""
    return dashboard.page.locator(f'[data-test-id="transaction-row"][data-payment-id="{payment_id}"]')


async def shows(dashboard: Dashboard, payments: list[str]) -> None:
    """Wait until the page lists these payments and no others, from top to bottom."""
    await expect(dashboard.one("transaction-row").locator('[data-test-id="payment-id"]')).to_have_text(payments)


async def many_payments(merchant: Live, count: int) -> list[str]:
    """Payments of the last seconds, one second apart; the newest first."""
    order = await merchant.order(100)
    rows = await merchant.sql(
        """INSERT INTO payments (id, order_id, merchant_id, amount, method, status, vpa, created_at)
           SELECT 'pay_' || left(md5($1 || i), 16), $1, $2::uuid, 100 * i, 'upi', 'failed', 'asha' || i || '@okaxis',
                  now() - i * interval '1 second' FROM generate_series(1, $3) AS i RETURNING id, created_at""",
        order["id"],
        merchant.merchant_id,
        count,
    )
    return [str(row[0]) for row in sorted(rows, key=lambda row: row[1], reverse=True)]


async def test_a_payment_is_listed_with_its_ids_the_integer_amount_and_its_time_in_utc(dashboard: Dashboard) -> None:
    payment = await dashboard.merchant.paid(50_000)
    await dashboard.go("/transactions")
    table = dashboard.one("transactions-table")
    headers = ["Payment ID", "Order ID", "Amount", "Method", "Status", "Created"]
    await expect(table.get_by_role("columnheader")).to_have_text(headers)
    row = cells(dashboard, payment["id"])
    expected = {
        "payment-id": payment["id"],
        "order-id": payment["order_id"],
        "amount": "50000",
        "method": "upi",
        "status": "success",
        "created-at": payment["created_at"].replace("T", " ").rstrip("Z"),
    }
    for name, text in expected.items():
        await expect(row.locator(f'[data-test-id="{name}"]')).to_have_text(text)


async def test_new_payments_appear_and_change_by_themselves(dashboard: Dashboard) -> None:
    await dashboard.go("/transactions")
    await expect(dashboard.one("transactions-table")).to_contain_text("No payments yet")
    payment = await dashboard.merchant.paid()
    status = cells(dashboard, payment["id"]).locator('[data-test-id="status"]')
    await expect(status).to_have_text("success")


async def test_filters_and_search_find_what_they_say(dashboard: Dashboard) -> None:
    page, merchant = dashboard.page, dashboard.merchant
    paid, dear = await merchant.paid(30_000), await merchant.paid(90_000)
    declined = await merchant.pay_by_card((await merchant.order())["id"], number="4000000000000002")
    await merchant.settled(declined["id"])
    await dashboard.go("/transactions")
    await expect(dashboard.one("transaction-row")).to_have_count(3)
    await page.get_by_label("Status").select_option("failed")
    await shows(dashboard, [declined["id"]])
    await page.reload()
    await expect(page.get_by_label("Status")).to_have_value("failed")
    await page.get_by_label("Method").select_option("upi")
    await expect(page.get_by_text("No payment matches")).to_be_visible()
    await page.get_by_role("link", name="Clear the filters").click()
    await expect(dashboard.one("transaction-row")).to_have_count(3)
    await page.get_by_label("Min ₹").fill("500.01")
    await shows(dashboard, [dear["id"]])
    await page.get_by_role("button", name="Clear").click()
    await page.get_by_label("Search").fill(paid["id"][:-2])
    await shows(dashboard, [paid["id"]])


async def test_pages_follow_each_other_without_gap_or_repetition_and_back_again(dashboard: Dashboard) -> None:
    page = dashboard.page
    payments = await many_payments(dashboard.merchant, 60)
    older = page.get_by_role("button", name="Older")
    await dashboard.go("/transactions")
    pages = [payments[start : start + PAGE_SIZE] for start in range(0, 60, PAGE_SIZE)]
    for expected in pages:
        await shows(dashboard, expected)
        if expected is not pages[-1]:
            await older.click()
    await expect(older).to_be_disabled()
    for expected in reversed(pages[:-1]):
        await page.get_by_role("button", name="Newer").click()
        await shows(dashboard, expected)
    await expect(page.get_by_role("button", name="Newer")).to_be_disabled()


async def test_the_export_holds_what_the_filters_leave(dashboard: Dashboard, tmp_path: Path) -> None:
    payments = await many_payments(dashboard.merchant, 30)
    await dashboard.go("/transactions?max=20")
    async with dashboard.page.expect_download() as started:
        await dashboard.one("export-csv").click()
    saved = tmp_path / "payments.csv"
    await (await started.value).save_as(saved)
    rows = list(csv.DictReader((await asyncio.to_thread(saved.read_text)).splitlines()))
    assert [row["id"] for row in rows] == payments[:20]


async def test_capturing_asks_first_and_is_done_once(dashboard: Dashboard) -> None:
    payment = await dashboard.merchant.paid(50_000)
    await dashboard.go(f"/transactions/{payment['id']}")
    await dashboard.one("capture-button").click()
    dialog = dashboard.page.get_by_role("dialog", name="Capture ₹500.00?")
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(dialog).to_have_count(0)
    assert not (await dashboard.merchant.get(f"/api/v1/payments/{payment['id']}")).json["captured"]
    await dashboard.one("capture-button").click()
    await dialog.get_by_role("button", name="Capture ₹500.00").click()
    await expect(dashboard.page.locator("h1")).to_contain_text("captured")
    await expect(dashboard.one("capture-button")).to_have_count(0)
    await expect(dashboard.one("payment-timeline")).to_contain_text("Captured")
    assert (await dashboard.merchant.get(f"/api/v1/payments/{payment['id']}")).json["captured"]


async def fill_refund(page: Page, amount: str, reason: str = "") -> None:
    """Fill in the form for refunds that is open, and send it off."""
    form = page.locator('[data-test-id="refund-form"]')
    await form.get_by_label("Amount").fill(amount)
    await form.get_by_label("Reason").fill(reason)
    await form.get_by_role("button", name="Refund").click()


async def test_a_payment_is_given_back_in_part_then_in_full_and_never_beyond(dashboard: Dashboard) -> None:
    page = dashboard.page
    payment = await dashboard.merchant.paid(50_000)
    await dashboard.go(f"/transactions/{payment['id']}")
    await dashboard.one("refund-button").click()
    form = dashboard.one("refund-form")
    await expect(form.get_by_label("Amount")).to_have_value("500.00")
    await fill_refund(page, "500.01")
    await expect(form).to_contain_text("At most ₹500.00")
    await fill_refund(page, "120.50", "Wrong size")
    await expect(form).to_have_count(0)
    refund = dashboard.one("payment-refunds").get_by_role("row").last
    await expect(refund).to_contain_text("12050")
    await expect(refund).to_contain_text("Wrong size")
    await expect(refund).to_contain_text("processed")
    await expect(dashboard.one("payment-timeline")).to_contain_text("Refund paid out")
    await dashboard.one("refund-button").click()
    await expect(form.get_by_label("Amount")).to_have_value("379.50")
    await form.get_by_role("button", name="Refund").click()
    await expect(page.locator("h1")).to_contain_text(re.compile("success.*refunded"))
    await expect(dashboard.one("refund-button")).to_be_disabled()
    listed = (await dashboard.merchant.get(f"/api/v1/refunds?payment_id={payment['id']}")).json["data"]
    assert [(one["amount"], one["reason"]) for one in listed] == [(37_950, None), (12_050, "Wrong size")]
    await dashboard.go("/refunds")
    await expect(dashboard.one("refund-row")).to_have_count(2)


async def test_a_refund_whose_answer_got_lost_is_sent_again_and_made_once(dashboard: Dashboard) -> None:
    page = dashboard.page
    payment = await dashboard.merchant.paid(50_000)
    keys: list[str] = []

    async def lose_the_first_answer(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 1:
            await route.fetch()
            await route.abort()
        else:
            await route.continue_()

    await page.route("**/refunds", lose_the_first_answer)
    await dashboard.go(f"/transactions/{payment['id']}")
    await dashboard.one("refund-button").click()
    await fill_refund(page, "100")
    await expect(dashboard.one("refund-form").get_by_role("alert")).to_have_text("The gateway cannot be reached.")
    await fill_refund(page, "100")
    await expect(dashboard.one("refund-form")).to_have_count(0)
    assert len(keys) == 2 and keys[0] == keys[1]
    listed = (await dashboard.merchant.get(f"/api/v1/refunds?payment_id={payment['id']}")).json["data"]
    assert len(listed) == 1


async def test_an_order_made_by_hand_comes_with_a_link_that_can_be_paid(dashboard: Dashboard) -> None:
    page = dashboard.page
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await dashboard.go("/orders")
    await dashboard.one("new-order-button").click()
    form = dashboard.one("new-order-form")
    await form.get_by_label("Amount").fill("0.99")
    await form.get_by_role("button", name="Create").click()
    await expect(form).to_contain_text("At least ₹1.00")
    await form.get_by_label("Amount").fill("1,499.50")
    await form.get_by_label("Receipt").fill("table 4")
    await form.get_by_label("Notes").fill("waiter: Asha\nlink: https://shop.example/4")
    await form.get_by_role("button", name="Create").click()
    link = str(await dashboard.one("checkout-link").text_content())
    await page.get_by_role("button", name="Copy checkout link", exact=True).click()
    await true(page, f"navigator.clipboard.readText().then((text) => text === '{link}')")
    await page.get_by_role("button", name="Done").click()
    await expect(dashboard.one("order-row")).to_contain_text("table 4")
    await dashboard.one("order-row").get_by_role("link").click()
    await expect(dashboard.one("order-page")).to_contain_text('"waiter": "Asha"')
    await page.goto(link)
    await expect(dashboard.one("order-amount")).to_have_text("₹1,499.50")


async def test_a_long_receipt_pushes_nothing_out_of_sight(dashboard: Dashboard) -> None:
    order = await dashboard.merchant.order(2_147_483_647, receipt="r" * 255)
    await dashboard.merchant.settled((await dashboard.merchant.pay(order["id"], "success@kassa"))["id"])
    fits = "(({parentElement: box}) => box.scrollWidth === box.clientWidth)(document.querySelector('table'))"
    for path in ("/orders", f"/orders/{order['id']}"):
        await dashboard.go(path)
        await expect(dashboard.page.locator("tbody").get_by_text("2147483647")).to_be_visible()
        await true(dashboard.page, fits)


async def test_what_strangers_wrote_is_shown_and_never_run(dashboard: Dashboard) -> None:
    merchant = dashboard.merchant
    order = await merchant.order(receipt=HOSTILE, notes={HOSTILE: HOSTILE})
    payment = await merchant.settled((await merchant.pay(order["id"]))["id"])
    await merchant.post(f"/api/v1/payments/{payment['id']}/refunds", {"amount": 100, "reason": HOSTILE})
    for path, texts in (
        (f"/transactions/{payment['id']}", 3),
        (f"/orders/{order['id']}", 2),
        ("/orders", 1),
        ("/refunds", 1),
    ):
        await dashboard.go(path)
        await dashboard.unharmed(texts)
