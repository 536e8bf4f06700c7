"""The way of a payer to the provider's page, and what happens there that no payer does."""

from typing import Any

from playwright.async_api import Page, expect

from tests.browser.conftest import one
from tests.live import Live
from tests.stand import Stand

HIDDEN = ("payment-methods", "upi-form", "card-form", "processing-state", "success-state", "error-state")


async def control(page: Page, stand: Stand, path: str, **body: Any) -> None:
    """Make something happen at Stripe's stand-in."""
    reply = await page.request.post(f"{stand.sandbox_url}/control/{path}", data={"provider": "stripe", **body})
    assert reply.ok, await reply.text()


def address(merchant: Live, order: Any) -> str:
    """The checkout page of an order, where the provider sends payers back to."""
    return f"http://localhost:{merchant.checkout_port}/checkout?order_id={order['id']}"


async def opened(page: Page, url: str, name: str = "Stripe") -> None:
    """The page, once it leads to the provider and to nothing else."""
    await page.goto(url)
    button = one(page, "provider-button")
    await expect(button).to_be_visible()
    await expect(button).to_have_text(f"Continue to {name}")
    await expect(button).to_have_accessible_description(f"You pay on {name}'s page and come back here.")
    for hidden in HIDDEN:
        await expect(one(page, hidden)).to_have_count(1)
        await expect(one(page, hidden)).to_be_hidden()


async def at_provider(page: Page) -> None:
    """Go on to the provider's page."""
    await one(page, "provider-button").click()
    await expect(one(page, "sandbox-amount")).to_have_text("500.00 USD")
