"""The dashboard in a browser: getting in and out, the figures, and what every page must be."""

import re
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.conftest import DESKTOP, PHONE, CheckAccess, NewContext
from tests.browser.dashboard import PAGES, PASSWORD, Dashboard
from tests.browser.waiting import true
from tests.live import CREDENTIALS, Live, until

LOCKED_OUT_AT = re.compile(r"/login(\?|$)")


async def test_the_test_merchant_logs_in_with_any_password_and_lands_where_it_wanted(page: Page, gateway: Live) -> None:
    dashboard = Dashboard(page, gateway)
    await page.goto(dashboard.at("/dashboard/orders?status=paid"))
    await expect(page).to_have_url(LOCKED_OUT_AT)
    await expect(dashboard.one("login-form")).to_contain_text("Password")
    await dashboard.log_in("test@example.com", "whatever")
    await expect(page).to_have_url(dashboard.at("/dashboard/orders?status=paid"))
    await dashboard.go()
    credentials = dashboard.one("dashboard").locator('[data-test-id="api-credentials"]')
    await expect(credentials.locator('[data-test-id="api-key"]')).to_have_text(CREDENTIALS["X-Api-Key"])
    await expect(credentials.locator('[data-test-id="api-secret"]')).to_have_text(CREDENTIALS["X-Api-Secret"])


async def test_a_wrong_password_is_refused_in_words_and_the_right_one_still_works(page: Page, merchant: Live) -> None:
    dashboard = Dashboard(page, merchant)
    await dashboard.give_password()
    await page.goto(dashboard.at("/login"))
    await dashboard.log_in(await dashboard.email(), "wrong")
    await expect(page.get_by_role("alert")).to_have_text("Wrong e-mail address or password")
    await expect(page).to_have_url(LOCKED_OUT_AT)
    await dashboard.log_in(await dashboard.email(), PASSWORD)
    await expect(dashboard.one("dashboard")).to_contain_text("A Merchant")


@pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "/dashboardx", "javascript:alert(1)"])
async def test_the_log_in_leads_nowhere_but_to_the_dashboard(page: Page, merchant: Live, elsewhere: str) -> None:
    dashboard = Dashboard(page, merchant)
    await dashboard.give_password()
    await page.goto(dashboard.at(f"/login?next={elsewhere}"))
    await dashboard.log_in(await dashboard.email())
    await expect(page).to_have_url(dashboard.at("/dashboard"))


async def test_logging_out_ends_the_session(dashboard: Dashboard) -> None:
    page = dashboard.page
    await dashboard.one("account-button").click()
    await page.get_by_role("button", name="Log out", exact=True).click()
    await expect(page).to_have_url(LOCKED_OUT_AT)
    assert await page.evaluate("fetch('/api/v1/merchant').then((answer) => answer.status)") == 401
    await page.goto(dashboard.at("/dashboard/api-keys"))
    await expect(page).to_have_url(LOCKED_OUT_AT)
    await expect(dashboard.one("api-secret")).to_have_count(0)


async def test_logging_out_everywhere_shuts_an_open_page_too(dashboard: Dashboard, new_context: NewContext) -> None:
    other = Dashboard(await (await new_context(**DESKTOP)).new_page(), dashboard.merchant)
    await other.page.goto(other.at("/login"))
    await other.log_in(await other.email())
    await expect(other.one("dashboard")).to_be_visible()
    await other.one("account-button").click()
    await other.page.get_by_role("button", name="Log out everywhere").click()
    await expect(dashboard.page).to_have_url(LOCKED_OUT_AT)


async def test_a_real_merchants_secret_shows_only_when_asked_for(dashboard: Dashboard) -> None:
    key, secret = dashboard.merchant.credentials.values()
    await expect(dashboard.one("api-key")).to_have_text(key)
    await expect(dashboard.one("api-secret")).to_have_text("•" * 16)
    await dashboard.page.get_by_role("button", name="Show API secret").click()
    await expect(dashboard.one("api-secret")).to_have_text(secret)


async def test_the_figures_count_payments_and_follow_new_ones_by_themselves(dashboard: Dashboard) -> None:
    figures = dashboard.one("stats-container")
    total = figures.locator('[data-test-id="total-transactions"]')
    await expect(total).to_have_text("0")
    await expect(figures.locator('[data-test-id="total-amount"]')).to_have_text("₹0")
    for amount in (20_000_000, 20_000_000, 10_000_000):
        await dashboard.merchant.paid(amount)
    refused = await dashboard.merchant.pay((await dashboard.merchant.order())["id"], "failure@kassa")
    await dashboard.merchant.settled(refused["id"])
    await expect(total).to_have_text("4")
    await expect(figures.locator('[data-test-id="total-amount"]')).to_have_text("₹5,00,000")
    await expect(figures.locator('[data-test-id="success-rate"]')).to_have_text("75%")
    await expect(dashboard.page.get_by_role("table", name="Latest payments")).to_contain_text(refused["id"])
    await expect(dashboard.page.get_by_role("figure")).to_contain_text(["₹5,00,000", "75.0%"])


async def test_a_lost_gateway_is_told_and_what_was_shown_stays(dashboard: Dashboard) -> None:
    page = dashboard.page
    await dashboard.merchant.paid()
    await dashboard.go("/transactions")
    await expect(dashboard.one("transaction-row")).to_have_count(1)

    async def fail(route: Route) -> None:
        await route.abort()

    await page.route("**/api/v1/payments?*", fail)
    await expect(page.get_by_text("Not up to date")).to_be_visible()
    await expect(dashboard.one("transaction-row")).to_have_count(1)
    await page.unroute_all()
    await expect(page.get_by_text("Not up to date")).to_have_count(0)


async def test_an_unknown_page_says_so(dashboard: Dashboard) -> None:
    await dashboard.page.goto(dashboard.at("/dashboard/nowhere"))
    await expect(dashboard.page.get_by_text("There is no such page")).to_be_visible()
    await dashboard.page.goto(dashboard.at("/dashboard/transactions/pay_0000000000000000"))
    await expect(dashboard.page.get_by_role("alert")).to_contain_text("Payment not found")
    # It would not be found the next time either.
    await expect(dashboard.page.get_by_role("button", name="Try again")).to_have_count(0)


async def with_something_of_everything(dashboard: Dashboard) -> list[str]:
    """A payment, a refund, an order and a webhook that nobody takes; returns the pages to look at."""
    merchant = dashboard.merchant
    await merchant.use_webhooks("http://127.0.0.1:9/nobody")
    payment = await merchant.paid()
    await merchant.post(f"/api/v1/payments/{payment['id']}/refunds", {"amount": 100, "reason": "Too late"})
    await merchant.post("/api/v1/payment_links", {"amount": 100, "description": "d" * 255, "reusable": True})
    order = await merchant.order(receipt="r" * 255, notes={"a": "long " * 100, "n" * 200: "name"})

    async def tried() -> str | None:
        rows = (await merchant.get("/api/v1/webhooks")).json["data"]
        return next((str(row["id"]) for row in rows if row["attempts"]), None)

    delivery = await until(tried, "a webhook that failed")
    details = (f"/transactions/{payment['id']}", f"/orders/{order['id']}", f"/webhooks/{delivery}")
    return [*PAGES, *details]


async def nothing_is_cut_off(page: Page) -> None:
    """The page is not wider than the window."""
    await true(page, "document.documentElement.scrollWidth === document.documentElement.clientWidth")


@pytest.mark.parametrize(("device", "colours"), [(PHONE, "light"), (DESKTOP, "dark")], ids=["phone", "dark"])
async def test_every_page_is_accessible_and_fits(
    new_context: NewContext, merchant: Live, accessible: CheckAccess, device: dict[str, Any], colours: str
) -> None:
    page = await (await new_context(**device, color_scheme=colours, reduced_motion="reduce")).new_page()
    dashboard = Dashboard(page, merchant)
    await page.goto(dashboard.at("/login"))
    await expect(dashboard.one("login-form")).to_be_visible()
    await accessible(page)
    await dashboard.enter()
    for path in await with_something_of_everything(dashboard):
        await dashboard.go(path)
        await expect(page.locator("[aria-busy=true]")).to_have_count(0)
        await nothing_is_cut_off(page)
        await accessible(page)


async def test_a_phone_reaches_every_page_through_the_menu(
    phone: Page, merchant: Live, accessible: CheckAccess
) -> None:
    dashboard = Dashboard(phone, merchant)
    await dashboard.enter()
    for name in ("Transactions", "Orders", "Payment links", "Refunds", "Webhooks", "API keys", "Providers", "Docs"):
        await phone.get_by_role("button", name="Menu", exact=True).click()
        menu = phone.get_by_role("dialog", name="Menu")
        await expect(menu).to_be_visible()
        await accessible(phone)
        await menu.get_by_role("link", name=name).click()
        await expect(menu).to_have_count(0)
        await expect(phone.locator("h1")).to_have_text(name)
        await expect(phone).to_have_title(f"{name} · Kassa")


async def test_the_keyboard_alone_is_enough_and_the_focus_is_never_lost(dashboard: Dashboard) -> None:
    page = dashboard.page
    await dashboard.go("/orders")
    await expect(page.locator("h1")).to_be_focused()
    await dashboard.one("new-order-button").focus()
    await page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Create an order")
    await expect(dialog.get_by_label("Amount")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(dialog).to_have_count(0)
    await expect(dashboard.one("new-order-button")).to_be_focused()


async def test_colours_once_chosen_are_kept(dashboard: Dashboard) -> None:
    page = dashboard.page
    background = "getComputedStyle(document.documentElement).backgroundColor"
    light = await page.evaluate(background)
    dark = f"{background} !== '{light}'"
    await dashboard.one("account-button").click()
    await page.get_by_role("radio", name="Dark").check()
    await true(page, dark)
    await page.reload()
    await true(page, dark)
