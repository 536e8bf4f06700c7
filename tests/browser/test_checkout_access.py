"""The checkout page for everybody: by ear, by keyboard, in the dark, on small screens and old phones."""

from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import DESKTOP, PHONE, CheckAccess, NewContext, one
from tests.browser.payer import DECLINED, fill_card, only, opened, pay_by_upi, press_pay
from tests.browser.waiting import held, true
from tests.live import Live


@pytest.mark.parametrize(("device", "scheme"), [(PHONE, "light"), (DESKTOP, "dark")], ids=["phone", "desktop"])
async def test_every_state_is_accessible(
    new_context: NewContext, checkout: str, gateway: Live, accessible: CheckAccess, device: dict[str, Any], scheme: str
) -> None:
    context = await new_context(**device, color_scheme=scheme, reduced_motion="reduce")
    page = await context.new_page()
    order = await gateway.order(cancel_url="http://localhost:9/cart", success_url="http://localhost:9/thanks")
    await opened(page, checkout, order["id"])
    await accessible(page)
    await one(page, "method-upi").click()
    await one(page, "vpa-input").fill("asha@")
    await accessible(page)
    await one(page, "vpa-input").press("Enter")
    await accessible(page)
    await one(page, "method-card").click()
    await press_pay(page)
    await accessible(page)
    await fill_card(page, number=DECLINED)
    await accessible(page)
    async with held(page):
        await press_pay(page)
        await only(page, "processing-state")
        await accessible(page)
    await only(page, "error-state")
    await accessible(page)
    await one(page, "retry-button").click()
    async with held(page, "http://localhost:9/**"):
        await pay_by_upi(page, "asha@upi")
        await only(page, "success-state")
        await accessible(page)
    await page.goto(f"{checkout}?order_id=order_0000000000000000")
    await only(page, "closed-state")
    await accessible(page)


@pytest.mark.parametrize("width", [320, 375, 768, 1440])
async def test_nothing_sticks_out_of_the_screen(
    new_context: NewContext, checkout: str, gateway: Live, width: int
) -> None:
    context = await new_context(viewport={"width": width, "height": 640})
    page = await context.new_page()
    order = await gateway.order(2_147_483_647)
    await opened(page, checkout, order["id"])
    for step in ("method-upi", "method-card"):
        await one(page, step).click()
        await press_pay(page) if step == "method-card" else await one(page, "vpa-input").fill("a" * 60)
        await true(page, "document.documentElement.scrollWidth <= innerWidth")
    await fill_card(page, number="4" * 19)
    await true(page, "document.documentElement.scrollWidth <= innerWidth")


async def test_an_old_phone_has_little_to_load(page: Page, checkout: str, gateway: Live) -> None:
    order = await gateway.order()
    await page.goto(f"{checkout}?order_id={order['id']}")
    await expect(one(page, "payment-methods")).to_be_visible()
    sizes = await page.evaluate(
        "[performance.getEntriesByType('navigation')[0], ...performance.getEntriesByType('resource')]"
        ".filter(entry => !entry.name.includes('/api/')).map(entry => entry.transferSize)"
    )
    assert 0 < sum(sizes) < 30_000


async def test_paying_with_the_keyboard_alone(page: Page, checkout: str, gateway: Live) -> None:
    await opened(page, checkout, (await gateway.order())["id"])
    keys = page.keyboard
    await keys.press("Tab")
    await expect(one(page, "method-upi")).to_be_focused()
    await keys.press("Tab")
    await keys.press("Space")
    await expect(one(page, "card-number-input")).to_be_focused()
    for text in ("4242424242424242", "1230", "123"):
        await keys.type(text)
        await keys.press("Tab")
    await keys.type("Asha Rao")
    await keys.press("Enter")
    await only(page, "success-state")
    await expect(one(page, "success-state")).to_be_focused()


async def test_browsers_can_fill_the_card_in(page: Page, checkout: str, gateway: Live) -> None:
    await opened(page, checkout, (await gateway.order())["id"])
    filled = {"card-number": "cc-number", "expiry": "cc-exp", "cvv": "cc-csc", "cardholder-name": "cc-name"}
    for name, purpose in filled.items():
        await expect(one(page, f"{name}-input")).to_have_attribute("autocomplete", purpose)
    for name in ("card-number", "expiry", "cvv"):
        await expect(one(page, f"{name}-input")).to_have_attribute("inputmode", "numeric")
