"""A shop's page with the SDK on it, and what the SDK has told it."""

from typing import Any

from playwright.async_api import Page

from tests.browser.conftest import Shop
from tests.live import until

PAGE = """<!doctype html><html lang="en"><head><title>Shop</title>
<meta name="viewport" content="width=device-width, initial-scale=1"></head>
<body><main><h1>Shop</h1><button id="buy">Buy</button> <a href="/other">Other things</a>{long}</main>
<script src="{origin}/checkout.js"></script><script src="/shop.js"></script></body></html>"""
SCRIPT = """
window.calls = [];
window.options = {
  key: "key_test_abc123",
  orderId: new URLSearchParams(location.search).get("order"),
  onSuccess: (data) => calls.push(["success", data]),
  onFailure: (data) => calls.push(["failure", data]),
  onClose: () => calls.push(["close"]),
};
window.gateway = new PaymentGateway(options);
document.getElementById("buy").addEventListener("click", () => gateway.open());
"""


async def buying(page: Page, shop: Shop, checkout: str, order_id: str, frames: str | None = None) -> Page:
    """The shop's page about an order; `frames` is what it lets frames show instead of the checkout."""
    shop.policy = f"default-src 'none'; script-src 'self' {checkout}; frame-src {frames or checkout}; style-src 'none'"
    shop.pages = {"/buy": PAGE.format(origin=checkout, long="<p>One more thing</p>" * 100), "/shop.js": SCRIPT}
    await page.goto(shop.at(f"/buy?order={order_id}"))
    return page


async def calls(page: Page) -> list[Any]:
    """What the shop was told."""
    told: list[Any] = await page.evaluate("calls")
    return told


async def told(page: Page, count: int) -> list[Any]:
    """What the shop was told, once that is `count` things."""

    async def enough() -> list[Any] | None:
        found = await calls(page)
        return found if len(found) >= count else None

    return await until(enough, f"{count} calls of the shop")
