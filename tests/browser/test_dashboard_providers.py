"""Providers in the dashboard: an own account kept, chosen, paid through and removed, and its keys never seen again."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Locator, Page, Response, expect

from tests.browser.at_provider import address, at_provider, opened
from tests.browser.conftest import DESKTOP, PHONE, CheckAccess, NewContext, one
from tests.browser.dashboard import Dashboard
from tests.browser.payer import only
from tests.live import Live
from tests.stand import Stand

KEY, SIGNING_SECRET = "sk_test_of_this_merchant", "whsec_of_this_merchant"
NOT_THERE = "keep an account at stripe first, with PUT /api/v1/merchant/providers/stripe"
GATEWAYS_CHOICE = "Simulated bank, the gateway's choice"


@pytest.fixture(scope="module")
async def plain(gateway: Live, stand: Stand) -> AsyncIterator[Live]:
    """A gateway without any account of its own, for which the sandbox beside another one is Stripe."""
    stripe = f"{stand.sandbox_url}/stripe"
    async with await gateway.beside(KASSA_ENCRYPTION_KEY="any long text", STRIPE_API_URL=stripe) as other:
        yield other


@pytest.fixture
async def merchant(plain: Live) -> Live:
    """A merchant of that gateway."""
    return await plain.merchant()


def card(page: Page, provider: str = "stripe") -> Locator:
    """What the page shows of a provider."""
    return one(page, f"provider-{provider}")


async def type_account(page: Page, key: str = KEY) -> None:
    """Open the form for Stripe, fill it in and send it off."""
    await one(card(page), "keep-account-button").click()
    await one(page, "account-key-input").fill(key)
    await one(page, "account-webhook_secret-input").fill(SIGNING_SECRET)
    await one(page, "save-account-button").click()


async def keep_account(page: Page) -> None:
    """Keep an own account at Stripe."""
    await type_account(page)
    await expect(one(page, "account-form")).to_have_count(0)
    await expect(one(card(page), "provider-account")).to_have_text("your own")


async def choose(page: Page, provider: str) -> None:
    """Choose who takes the payments."""
    await one(page, "provider-select").select_option(provider)
    await one(page, "save-provider-button").click()


async def no_secret_in(page: Page) -> None:
    """Neither the page's HTML nor, once the form is closed, any of its fields holds what was typed."""
    html = await page.content()
    typed: list[str] = await page.locator("input").evaluate_all("all => all.map((each) => each.value)")
    assert not [text for text in (html, *typed) for secret in (KEY, SIGNING_SECRET) if secret in text]


async def test_an_own_account_is_kept_and_chosen_and_takes_the_next_payment(
    dashboard: Dashboard, merchant: Live, stand: Stand, plain: Live
) -> None:
    page, answers = dashboard.page, list[Response]()
    await dashboard.go("/providers")
    page.on("response", lambda each: answers.append(each))
    await expect(dashboard.one("provider-taking")).to_have_text(GATEWAYS_CHOICE)
    await expect(one(card(page), "provider-account")).to_have_text("none")
    await keep_account(page)
    await no_secret_in(page)
    await choose(page, "stripe")
    await expect(dashboard.one("provider-taking")).to_have_text("Stripe, your own choice")
    await expect(dashboard.one("provider-trouble")).to_have_count(0)
    told = [await each.text() for each in answers if "/api/" in each.url]
    # Keeping, choosing, and what was read again after each.
    assert len(told) >= 4
    assert not [text for text in told if KEY in text or SIGNING_SECRET in text]
    await dashboard.go("/providers")
    await expect(dashboard.one("provider-taking")).to_have_text("Stripe, your own choice")
    await expect(dashboard.one("provider-select")).to_have_value("stripe")
    await no_secret_in(page)

    order = await merchant.order(currency="USD")
    await opened(page, address(merchant, order))
    await at_provider(page)
    await one(page, "sandbox-pay").click()
    await only(page, "success-state")

    books = await (await page.request.get(f"{stand.sandbox_url}/control/books/stripe")).json()
    [payment] = await merchant.sql("SELECT id FROM payments WHERE order_id = $1", order["id"])
    assert [row["account"] for row in books["sessions"] if row["payment_id"] == payment[0]] == [KEY]
    logs = [path.read_text(errors="replace") for path in plain.folder.rglob("*") if path.is_file()]
    assert logs
    assert not [text for text in logs if KEY in text or SIGNING_SECRET in text]


async def test_a_provider_without_an_account_is_refused_beside_the_choice(dashboard: Dashboard) -> None:
    await dashboard.go("/providers")
    await choose(dashboard.page, "stripe")
    await expect(dashboard.one("provider-form").get_by_role("alert")).to_contain_text(NOT_THERE)
    await expect(dashboard.one("provider-taking")).to_have_text(GATEWAYS_CHOICE)
    assert (await dashboard.merchant.get("/api/v1/merchant")).json["provider"] is None


async def test_keys_that_are_refused_are_so_in_words_and_not_repeated(dashboard: Dashboard) -> None:
    page, form = dashboard.page, dashboard.one("account-form")
    await dashboard.go("/providers")
    await type_account(page, "sk_live_" + KEY)
    await expect(form.get_by_role("alert")).to_have_text(
        "Live keys are for production; development takes test keys only"
    )
    html = await page.content()
    assert (KEY in html, SIGNING_SECRET in html) == (False, False)
    await page.get_by_role("button", name="Cancel").click()
    await no_secret_in(page)
    await expect(one(card(page), "provider-account")).to_have_text("none")


@pytest.mark.parametrize(
    ("provider", "labels"),
    [
        ("stripe", ["Secret key", "Signing secret of the webhook"]),
        ("razorpay", ["Key id", "Key secret", "Webhook secret"]),
        ("paypal", ["Client id", "Client secret", "Webhook id"]),
    ],
)
async def test_the_form_asks_for_what_the_provider_gives_and_shows_none_of_it(
    dashboard: Dashboard, provider: str, labels: list[str]
) -> None:
    page, form = dashboard.page, dashboard.one("account-form")
    await dashboard.go("/providers")
    for _ in range(2):
        await one(card(page, provider), "keep-account-button").click()
        await expect(form.locator("label")).to_have_text(labels)
        await one(page, "save-account-button").click()
        await expect(form.get_by_text("As the provider shows it")).to_have_count(len(labels))
        for label in labels:
            await expect(form.get_by_label(label)).to_have_attribute("type", "password")
            await expect(form.get_by_label(label)).to_have_attribute("autocomplete", "off")
            # The second time an account is kept: it is not filled in.
            await expect(form.get_by_label(label)).to_have_value("")
            await form.get_by_label(label).fill(f"its {label} ")
        await one(page, "save-account-button").click()
        await expect(form).to_have_count(0)
        await expect(one(card(page, provider), "keep-account-button")).to_have_text("Replace the keys")
    rows = await dashboard.merchant.sql(
        "SELECT provider FROM provider_credentials WHERE merchant_id = $1::uuid", dashboard.merchant.merchant_id
    )
    assert [row[0] for row in rows] == [provider]


async def test_an_account_is_removed_when_confirmed_and_what_is_missing_then_is_said(dashboard: Dashboard) -> None:
    page = dashboard.page
    await dashboard.go("/providers")
    await keep_account(page)
    await choose(page, "stripe")
    await expect(dashboard.one("provider-taking")).to_have_text("Stripe, your own choice")
    await one(card(page), "remove-account-button").click()
    dialog = page.get_by_role("dialog", name="Remove your account at Stripe?")
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(one(card(page), "provider-account")).to_have_text("your own")
    await one(card(page), "remove-account-button").click()
    await dialog.get_by_role("button", name="Remove the account").click()
    await expect(dialog).to_have_count(0)
    await expect(one(card(page), "provider-account")).to_have_text("none")
    await expect(one(card(page), "remove-account-button")).to_have_count(0)
    await expect(dashboard.one("provider-trouble")).to_contain_text("there is no account at Stripe")
    await choose(page, "")
    await expect(dashboard.one("provider-taking")).to_have_text(GATEWAYS_CHOICE)
    await expect(dashboard.one("provider-trouble")).to_have_count(0)
    assert (await dashboard.merchant.get("/api/v1/merchant")).json["provider"] is None


async def test_the_address_for_notifications_is_the_merchants_own_and_copied(dashboard: Dashboard) -> None:
    page, merchant = dashboard.page, dashboard.merchant
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await dashboard.go("/providers")
    for provider, name in (("stripe", "Stripe"), ("razorpay", "Razorpay"), ("paypal", "PayPal")):
        path = f"/api/v1/providers/{provider}/notifications/{merchant.merchant_id}"
        await expect(one(card(page, provider), "notification-url")).to_have_text(
            f"http://localhost:{merchant.port}{path}"
        )
        button = page.get_by_role("button", name=f"Copy notification URL for {name}")
        await button.click()
        await expect(button).to_contain_text("Copied")
        assert await page.evaluate("navigator.clipboard.readText()") == f"http://localhost:{merchant.port}{path}"
        # It is there: what is not signed is refused, and not unknown.
        assert (await merchant.post(path, {}, anonymous=True)).status == 400


async def test_the_keyboard_alone_keeps_chooses_and_removes(dashboard: Dashboard) -> None:
    page, press = dashboard.page, dashboard.page.keyboard.press
    keep, remove = one(card(page), "keep-account-button"), one(card(page), "remove-account-button")
    await dashboard.go("/providers")
    await expect(one(card(page), "provider-account")).to_be_visible()
    for _ in range(3):
        await press("Tab")
    await expect(keep).to_be_focused()
    await press("Enter")
    await expect(dashboard.one("account-key-input")).to_be_focused()
    await page.keyboard.type(KEY)
    await press("Tab")
    await page.keyboard.type(SIGNING_SECRET)
    await press("Enter")
    await expect(one(card(page), "provider-account")).to_have_text("your own")
    await expect(keep).to_be_focused()
    for _ in range(2):
        await press("Shift+Tab")
    await expect(dashboard.one("provider-select")).to_be_focused()
    await page.keyboard.type("Stripe")
    await press("Tab")
    await press("Enter")
    await expect(dashboard.one("provider-taking")).to_have_text("Stripe, your own choice")
    await expect(dashboard.one("save-provider-button")).to_be_enabled()
    for _ in range(2):
        await press("Tab")
    await expect(remove).to_be_focused()
    await press("Enter")
    await expect(page.get_by_role("dialog").get_by_role("button", name="Cancel")).to_be_focused()
    await press("Tab")
    await press("Enter")
    await expect(one(card(page), "provider-account")).to_have_text("none")
    await expect(keep).to_be_focused()


@pytest.mark.parametrize(("device", "colours"), [(PHONE, "light"), (DESKTOP, "dark")], ids=["phone", "dark"])
async def test_what_opens_and_what_is_refused_is_accessible(
    new_context: NewContext, merchant: Live, accessible: CheckAccess, device: dict[str, Any], colours: str
) -> None:
    page = await (await new_context(**device, color_scheme=colours, reduced_motion="reduce")).new_page()
    dashboard = Dashboard(page, merchant)
    await dashboard.enter()
    await dashboard.go("/providers")
    await choose(page, "stripe")
    await expect(page.get_by_role("alert")).to_be_visible()
    await accessible(page)
    await type_account(page, "sk_live_1")
    await expect(dashboard.one("account-form").get_by_role("alert")).to_be_visible()
    await accessible(page)
    await dashboard.one("account-key-input").fill(KEY)
    await dashboard.one("save-account-button").click()
    await one(card(page), "remove-account-button").click()
    await accessible(page)
    await page.get_by_role("button", name="Remove the account").click()
    await expect(one(card(page), "provider-account")).to_have_text("none")
    await merchant.sql("UPDATE merchants SET provider = 'stripe' WHERE id = $1::uuid", merchant.merchant_id)
    await dashboard.go("/providers")
    await expect(dashboard.one("provider-trouble")).to_be_visible()
    await accessible(page)
