"""Every amount on the pages is in its own currency, with as many decimals as that has."""

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import one
from tests.browser.dashboard import Dashboard
from tests.live import Live, until

# What a browser would write by itself is customary, not what the smallest unit says: 500 rupiah have 50000 sen.
WRITTEN = [
    ("INR", 50_000, "₹500.00", "₹500"),
    ("JPY", 500, "JP¥500", "JP¥500"),
    ("KWD", 12_345, "KWD 12.345", "KWD 12.345"),
    ("IDR", 50_000, "IDR 500.00", "IDR 500"),
]


async def paid(merchant: Live, amount: int, currency: str) -> Any:
    """A successful payment in this currency."""
    order = await merchant.order(amount, currency=currency)
    return await merchant.settled((await merchant.pay(order["id"]))["id"])


async def refunded(merchant: Live, payment_id: str, amount: int) -> Any:
    """A refund, once it is processed."""
    reply = await merchant.post(f"/api/v1/payments/{payment_id}/refunds", {"amount": amount})

    async def processed() -> Any:
        seen = (await merchant.get(f"/api/v1/refunds/{reply.json['id']}")).json
        return seen if seen["status"] == "processed" else None

    return await until(processed, "the refund is processed")


@pytest.mark.parametrize(("currency", "amount", "full", "short"), WRITTEN)
async def test_the_payer_reads_what_is_to_be_paid(
    page: Page, gateway: Live, checkout: str, currency: str, amount: int, full: str, short: str
) -> None:
    order = await gateway.order(amount, currency=currency)
    await page.goto(f"{checkout}?order_id={order['id']}")
    await expect(one(page, "order-amount")).to_have_text(full)
    await one(page, "method-upi").click()
    await expect(one(page, "upi-form").locator('[data-test-id="pay-button"]')).to_have_text(f"Pay {short}")


async def test_figures_of_different_currencies_stand_side_by_side(dashboard: Dashboard) -> None:
    await paid(dashboard.merchant, 50_000_000, "INR")
    await paid(dashboard.merchant, 1_500, "JPY")
    payment = await paid(dashboard.merchant, 12_345, "KWD")
    await refunded(dashboard.merchant, payment["id"], 345)
    await expect(dashboard.one("total-transactions")).to_have_text("3")
    await expect(dashboard.one("total-amount")).to_have_text("₹5,00,000")
    await expect(dashboard.one("total-amount-JPY")).to_have_text("¥1,500, ¥0 refunded")
    await expect(dashboard.one("total-amount-KWD")).to_have_text("KWD 12.345, KWD 0.345 refunded")

    figures = dashboard.page.get_by_role("figure")
    await expect(figures.first).to_contain_text("₹5,00,000")
    await dashboard.page.get_by_role("group", name="Which currency").get_by_text("KWD").click()
    await expect(figures.first).to_contain_text("KWD 12.345")
    await expect(figures.first).not_to_contain_text("₹")


async def test_a_merchant_who_never_takes_rupees_reads_none(dashboard: Dashboard) -> None:
    await paid(dashboard.merchant, 120_000, "USD")
    await expect(dashboard.one("total-amount")).to_have_text("$1,200")
    await expect(dashboard.page.get_by_role("figure").first).to_contain_text("$1,200")
    await expect(dashboard.page.get_by_role("group", name="Which currency")).to_have_count(0)
    await expect(dashboard.one("dashboard")).not_to_contain_text("₹")


async def test_refunds_are_in_the_currency_of_their_payment(dashboard: Dashboard) -> None:
    payment = await paid(dashboard.merchant, 12_345, "KWD")
    refund = await refunded(dashboard.merchant, payment["id"], 345)
    await dashboard.go("/refunds")
    row = dashboard.page.locator(f'[data-refund-id="{refund["id"]}"]')
    await expect(row.locator("[data-shown]")).to_have_attribute("data-shown", "KWD\u00a00.345")
    await row.get_by_role("link", name=payment["id"]).click()
    await expect(dashboard.page.locator("h1")).to_contain_text("KWD 12.345")
    await expect(dashboard.one("payment-refunds").locator("[data-shown]")).to_have_attribute(
        "data-shown", "KWD\u00a00.345"
    )


async def test_an_amount_is_looked_for_in_its_currency(dashboard: Dashboard) -> None:
    yen = await paid(dashboard.merchant, 50_000, "JPY")
    rupees = await paid(dashboard.merchant, 50_000, "INR")
    await dashboard.go("/transactions?min=500")
    rows = dashboard.one("transaction-row")
    await expect(rows).to_have_count(1)
    await expect(rows).to_have_attribute("data-payment-id", rupees["id"])
    await dashboard.page.get_by_label("Currency").fill("JPY")
    await expect(rows).to_have_attribute("data-payment-id", yen["id"])
    await expect(dashboard.page.get_by_label("Min ¥")).to_have_value("500")
