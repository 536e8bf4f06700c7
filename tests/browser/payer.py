"""What a payer does on the checkout page."""

from playwright.async_api import Page, expect

from tests.browser.conftest import one

STATES = ("processing-state", "success-state", "error-state", "closed-state")
DECLINED = "4000000000000002"


async def opened(page: Page, checkout: str, order_id: str) -> Page:
    """The page of an order, once it can be paid."""
    await page.goto(f"{checkout}?order_id={order_id}")
    await expect(one(page, "payment-methods")).to_be_visible()
    return page


async def pay_by_upi(page: Page, vpa: str) -> None:
    """Choose UPI, type the address, press Pay."""
    await one(page, "method-upi").click()
    await one(page, "vpa-input").fill(vpa)
    await one(one(page, "upi-form"), "pay-button").click()


async def fill_card(page: Page, number: str = "4242424242424242", expiry: str = "1230", cvv: str = "123") -> None:
    """Choose card and type one, key by key."""
    await one(page, "method-card").click()
    typed = {"card-number": number, "expiry": expiry, "cvv": cvv, "cardholder-name": "Asha Rao"}
    for name, text in typed.items():
        await one(page, f"{name}-input").fill("")
        await one(page, f"{name}-input").press_sequentially(text)


async def press_pay(page: Page) -> None:
    """Press Pay in the form for cards."""
    await one(one(page, "card-form"), "pay-button").click()


async def only(page: Page, shown: str) -> None:
    """Of all forms and states, only `shown` is to be seen, and the others are there."""
    await expect(one(page, shown)).to_be_visible()
    for other in {*STATES, "upi-form", "card-form"} - {shown}:
        await expect(one(page, other)).to_be_hidden()
        await expect(one(page, other)).to_have_count(1)
