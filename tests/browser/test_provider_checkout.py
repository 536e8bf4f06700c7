"""The checkout page where orders are paid at a provider: there and back, as a page, by a payment link, over a shop."""

import re
from typing import Any

import pytest
from playwright.async_api import BrowserContext, FrameLocator, Page, expect

from tests.browser.at_provider import address, at_provider, control, opened
from tests.browser.conftest import DESKTOP, PHONE, CheckAccess, NewContext, Shop, one
from tests.browser.payer import only
from tests.browser.sdk import buying, told
from tests.browser.waiting import press, true
from tests.live import Live, until
from tests.providers.shop import using
from tests.stand import Stand


@pytest.fixture
async def merchant(stand: Stand) -> Live:
    """A merchant of Stripe."""
    return await using(stand.gateway, "stripe")


async def link_of(merchant: Live, **fields: Any) -> Any:
    """A new payment link."""
    body = {"amount": 50_000, "currency": "USD", "description": "Yoga in March", **fields}
    reply = await merchant.post("/api/v1/payment_links", body)
    assert reply.status == 201, reply.text
    return reply.json


async def status(merchant: Live, order_id: str) -> str:
    """How an order stands."""
    return str((await merchant.get(f"/api/v1/orders/{order_id}")).json["status"])


async def test_a_link_is_paid_at_the_provider_and_thanks_with_the_merchants_words(phone: Page, merchant: Live) -> None:
    link = await link_of(merchant, success_message="See you on Monday!")
    await opened(phone, f"{link['url']}?prefilled_email=asha@example.com")
    await expect(one(phone, "order-description")).to_have_text("Yoga in March")
    await at_provider(phone)
    await one(phone, "sandbox-pay").click()
    await only(phone, "success-state")
    await expect(one(phone, "merchant-message")).to_have_text("See you on Monday!")
    await expect(one(phone, "payer-email")).to_have_text("asha@example.com")
    payment = (await merchant.get(f"/api/v1/payments/{await one(phone, 'payment-id').text_content()}")).json
    assert (payment["status"], payment["provider"]) == ("success", "stripe")
    [row] = await merchant.sql("SELECT customer_email FROM checkout_sessions WHERE payment_id = $1", payment["id"])
    assert row[0] == "asha@example.com"
    await phone.reload()
    await only(phone, "success-state")
    await expect(one(phone, "merchant-message")).to_have_text("See you on Monday!")


async def test_a_reusable_link_that_was_turned_back_from_is_paid_by_the_same_order(
    page: Page, merchant: Live, shop: Shop
) -> None:
    link = await link_of(merchant, reusable=True, redirect_url=shop.at("/thanks"))
    await opened(page, link["url"])
    await at_provider(page)
    await one(page, "sandbox-cancel").click()
    await expect(page).to_have_url(re.compile(re.escape(link["url"]) + r"\?order_id=order_\w+$"))
    await expect(one(page, "provider-button")).to_be_visible()
    await at_provider(page)
    await one(page, "sandbox-pay").click()
    await expect(page).to_have_url(shop.at("/thanks"))
    rows = await merchant.sql("SELECT status FROM payments WHERE merchant_id = $1::uuid", merchant.merchant_id)
    assert [row[0] for row in rows] == ["success"]


@pytest.mark.parametrize(("provider", "name"), [("razorpay", "Razorpay"), ("paypal", "PayPal")])
async def test_an_order_is_paid_at_its_merchants_provider(page: Page, stand: Stand, provider: str, name: str) -> None:
    merchant = await using(stand.gateway, provider)
    order = await merchant.order(currency="USD")
    await opened(page, address(merchant, order), name)
    await at_provider(page)
    await one(page, "sandbox-pay").click()
    await only(page, "success-state")
    assert await status(merchant, order["id"]) == "paid"


async def test_who_goes_back_by_the_browser_may_go_on_again(page: Page, merchant: Live) -> None:
    order = await merchant.order(currency="USD")
    await opened(page, address(merchant, order))
    await at_provider(page)
    await page.go_back()
    await expect(one(page, "provider-button")).to_be_visible()
    await at_provider(page)
    assert len(await merchant.sql("SELECT 1 FROM payments WHERE order_id = $1", order["id"])) == 1


async def test_a_page_that_comes_back_as_it_was_left_can_be_used(page: Page, merchant: Live) -> None:
    await opened(page, address(merchant, await merchant.order(currency="USD")))
    await page.route("**/public/session", lambda _: None)
    await one(page, "provider-button").click()
    await only(page, "processing-state")
    await expect(one(page, "processing-state")).to_contain_text("Taking you to Stripe's page.")
    await page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    await expect(one(page, "provider-button")).to_be_visible()
    await expect(one(page, "processing-state")).to_be_hidden()


async def test_a_payment_that_fails_after_the_return_may_be_tried_again(
    page: Page, stand: Stand, merchant: Live
) -> None:
    order = await merchant.order(currency="USD")
    await opened(page, address(merchant, order))
    await at_provider(page)
    await one(page, "sandbox-pay_async").click()
    await only(page, "processing-state")
    rows = await merchant.sql("SELECT id FROM payments WHERE order_id = $1", order["id"])
    await control(page, stand, "outcome", session=rows[0][0], outcome="async_fail")
    await only(page, "error-state")
    await one(page, "retry-button").click()
    await at_provider(page)
    await one(page, "sandbox-pay").click()
    await only(page, "success-state")
    assert await status(merchant, order["id"]) == "paid"


async def test_a_provider_that_is_away_is_told_of_and_may_be_tried_again(
    page: Page, stand: Stand, merchant: Live
) -> None:
    order = await merchant.order(currency="USD")
    await control(page, stand, "faults", operation="open", kind="authentication", times=1)
    await opened(page, address(merchant, order))
    await one(page, "provider-button").click()
    await only(page, "error-state")
    await expect(one(page, "error-message")).to_have_text("The payment service is not available at the moment")
    # The payer decides how often it is tried.
    assert len(await merchant.sql("SELECT 1 FROM payments WHERE order_id = $1", order["id"])) == 1
    await one(page, "retry-button").click()
    await at_provider(page)


async def in_shop(page: Page, shop: Shop, merchant: Live, order: Any) -> FrameLocator:
    """The checkout in a frame over the shop's page."""
    await buying(page, shop, f"http://127.0.0.1:{merchant.checkout_port}", order["id"])
    await page.locator("#buy").click()
    frame = page.frame_locator('[data-test-id="payment-iframe"]')
    await expect(one(frame, "provider-button")).to_be_visible()
    return frame


async def in_new_tab(context: BrowserContext, frame: FrameLocator) -> Page:
    """Go on to the provider's page, which opens in a tab of its own and cannot reach the one it came from."""
    async with context.expect_page() as opening:
        await one(frame, "provider-button").click()
    tab: Page = await opening.value
    await expect(one(tab, "sandbox-amount")).to_have_text("500.00 USD")
    assert await tab.evaluate("opener") is None
    await expect(one(frame, "processing-state")).to_contain_text("Finish paying in the tab that has opened.")
    return tab


@pytest.mark.parametrize("device", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_over_a_shop_the_payer_pays_in_a_new_tab_and_the_shop_is_told(
    new_context: NewContext, shop: Shop, merchant: Live, device: dict[str, Any], accessible: CheckAccess
) -> None:
    context = await new_context(**device)
    page = await context.new_page()
    order = await merchant.order(currency="USD")
    frame = await in_shop(page, shop, merchant, order)
    tab = await in_new_tab(context, frame)
    await accessible(page.frames[1])
    await one(tab, "sandbox-pay").click()
    await only(tab, "success-state")
    success, closed = await told(page, 2)
    data = success[1]
    assert (success[0], closed) == ("success", ["close"])
    assert (data["orderId"], data["amount"], data["currency"], data["status"]) == (
        order["id"],
        50_000,
        "USD",
        "success",
    )
    assert data["paymentId"] == await one(tab, "payment-id").text_content()


async def test_over_a_shop_whoever_closes_the_tab_opens_it_again(
    new_context: NewContext, shop: Shop, merchant: Live
) -> None:
    context = await new_context(**DESKTOP)
    page = await context.new_page()
    order = await merchant.order(currency="USD")
    frame = await in_shop(page, shop, merchant, order)
    await (await in_new_tab(context, frame)).close()
    async with context.expect_page() as opening:
        await one(frame, "provider-link").click()
    tab: Page = await opening.value
    await one(tab, "sandbox-pay").click()
    assert (await told(page, 2))[0][0] == "success"
    assert len(await merchant.sql("SELECT 1 FROM payments WHERE order_id = $1", order["id"])) == 1


async def test_over_a_shop_a_browser_that_opens_no_tab_shows_the_way(
    new_context: NewContext, shop: Shop, merchant: Live
) -> None:
    context = await new_context(**DESKTOP)
    page = await context.new_page()
    await page.add_init_script("window.open = () => null")
    frame = await in_shop(page, shop, merchant, await merchant.order(currency="USD"))
    await one(frame, "provider-button").click()
    await expect(one(frame, "processing-state")).to_contain_text("Pay in a new tab. This page waits for you.")
    await expect(one(frame, "provider-link")).to_have_text("Open Stripe's page")
    async with context.expect_page() as opening:
        await one(frame, "provider-link").click()
    await one(await opening.value, "sandbox-pay").click()
    assert (await told(page, 2))[0][0] == "success"


async def test_over_a_shop_a_tab_that_leads_nowhere_is_closed(
    new_context: NewContext, shop: Shop, stand: Stand, merchant: Live
) -> None:
    context = await new_context(**DESKTOP)
    page = await context.new_page()
    await control(page, stand, "faults", operation="open", kind="authentication", times=1)
    frame = await in_shop(page, shop, merchant, await merchant.order(currency="USD"))
    await one(frame, "provider-button").click()
    await expect(one(frame, "error-state")).to_be_visible()
    assert (await told(page, 1))[0][:1] == ["failure"]

    async def alone() -> bool:
        return len(context.pages) == 1

    await until(alone, "the tab is closed")


@pytest.mark.parametrize(("device", "scheme"), [(PHONE, "light"), (DESKTOP, "dark")], ids=["phone", "desktop"])
async def test_the_way_to_the_provider_is_accessible_and_fits(
    new_context: NewContext, merchant: Live, accessible: CheckAccess, device: dict[str, Any], scheme: str
) -> None:
    page = await (await new_context(**device, color_scheme=scheme, reduced_motion="reduce")).new_page()
    await opened(page, address(merchant, await merchant.order(currency="USD")))
    await accessible(page)
    await true(page, "document.documentElement.scrollWidth <= innerWidth")
    await one(page, "provider-button").focus()
    await press(page, "Enter")
    await expect(one(page, "sandbox-amount")).to_be_visible()
