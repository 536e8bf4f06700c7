"""The SDK in a browser: a shop's page on another origin, with as strict a Content-Security-Policy as can be."""

from typing import Any

import aiohttp
import pytest
from playwright.async_api import Browser, Frame, FrameLocator, Page, expect

from tests.browser.conftest import DESKTOP, PHONE, CheckAccess, NewContext, Shop, one
from tests.browser.sdk import buying, calls, told
from tests.browser.waiting import press, true
from tests.live import Live, free_port, until

DEVICES = pytest.mark.parametrize("device", [PHONE, DESKTOP], ids=["phone", "desktop"])


@pytest.fixture
def checkout(gateway: Live) -> str:
    """The origin of the checkout page and of the SDK."""
    return f"http://127.0.0.1:{gateway.checkout_port}"


async def modal(page: Page) -> FrameLocator:
    """Press Buy; the checkout page in its frame, once it can be paid there."""
    await page.locator("#buy").click()
    frame = page.frame_locator('[data-test-id="payment-iframe"]')
    await expect(one(frame, "payment-methods")).to_be_visible()
    return frame


async def pay_by_upi(frame: FrameLocator, vpa: str) -> None:
    """Choose UPI in the frame, type the address, press Pay."""
    await one(frame, "method-upi").click()
    await one(frame, "vpa-input").fill(vpa)
    await one(one(frame, "upi-form"), "pay-button").click()


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        ("checkout.js", "text/javascript; charset=utf-8"),
        ("checkout.mjs", "text/javascript; charset=utf-8"),
        ("checkout.d.ts", "text/plain; charset=utf-8"),
    ],
)
async def test_what_is_served_says_what_it_is(checkout: str, file: str, kind: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(f"{checkout}/{file}") as response:
        assert (response.status, response.headers["Content-Type"]) == (200, kind)
        assert "PaymentGateway" in await response.text()


@DEVICES
async def test_paying_over_the_shops_own_page(
    new_context: NewContext, shop: Shop, checkout: str, gateway: Live, device: dict[str, Any]
) -> None:
    page = await (await new_context(**device)).new_page()
    order = await gateway.order()
    await buying(page, shop, checkout, order["id"])
    await page.evaluate("scrollTo(0, 40)")
    frame = await modal(page)
    await pay_by_upi(frame, "asha@okicici")
    success, closed = await told(page, 2)
    data = success[1]
    assert (success[0], closed) == ("success", ["close"])
    payment = (await gateway.get(f"/api/v1/payments/{data['paymentId']}")).json
    assert data == {
        "paymentId": payment["id"],
        "orderId": order["id"],
        "amount": 50_000,
        "currency": "INR",
        "status": "success",
    }
    assert (payment["order_id"], payment["status"]) == (order["id"], "success")
    await expect(one(page, "payment-modal")).to_have_count(0)
    await expect(page).to_have_url(shop.at(f"/buy?order={order['id']}"))
    await expect(page.locator("#buy")).to_be_focused()
    await true(page, "scrollY === 40 && document.documentElement.style.overflow === ''")
    await expect(page.locator("[inert]")).to_have_count(0)


async def test_what_open_adds_to_the_page(page: Page, shop: Shop, checkout: str, gateway: Live) -> None:
    order = await gateway.order()
    await buying(page, shop, checkout, order["id"])
    await modal(page)
    inside = page.locator("#payment-gateway-modal[data-test-id=payment-modal] > .modal-overlay > .modal-content")
    frame = inside.locator("> iframe[data-test-id=payment-iframe]")
    await expect(frame).to_have_attribute("src", f"{checkout}/checkout?order_id={order['id']}&embedded=true")
    close = inside.locator("> button.close-button[data-test-id=close-modal-button]")
    await expect(close).to_be_visible()
    await true(page, "getComputedStyle(document.documentElement).overflow === 'hidden'")


async def test_a_failure_is_told_and_can_be_tried_again(phone: Page, shop: Shop, checkout: str, gateway: Live) -> None:
    order = await gateway.order()
    await buying(phone, shop, checkout, order["id"])
    frame = await modal(phone)
    await pay_by_upi(frame, "failure@kassa")
    [failure] = await told(phone, 1)
    assert failure[0] == "failure"
    assert failure[1].pop("paymentId").startswith("pay_")
    assert failure[1] == {
        "code": "PAYMENT_FAILED",
        "description": "Payment was declined by the bank",
        "orderId": order["id"],
        "amount": 50_000,
        "currency": "INR",
        "status": "failed",
    }
    await one(frame, "retry-button").click()
    await pay_by_upi(frame, "asha@upi")
    assert [call[0] for call in await told(phone, 3)] == ["failure", "success", "close"]


async def test_the_payer_can_close_it(page: Page, shop: Shop, checkout: str, gateway: Live) -> None:
    await buying(page, shop, checkout, (await gateway.order())["id"])
    await modal(page)
    await one(page, "close-modal-button").click()
    assert await told(page, 1) == [["close"]]
    await modal(page)
    await press(page, "Escape")
    assert await told(page, 2) == [["close"], ["close"]]
    frame = await modal(page)
    await one(frame, "method-upi").click()
    await expect(one(frame, "vpa-input")).to_be_focused()
    await press(page, "Escape")
    assert await told(page, 3) == [["close"], ["close"], ["close"]]
    await expect(one(page, "payment-modal")).to_have_count(0)
    await expect(page.locator("#buy")).to_be_focused()


async def test_opening_and_closing_twice_do_nothing_twice(page: Page, shop: Shop, checkout: str, gateway: Live) -> None:
    await buying(page, shop, checkout, (await gateway.order())["id"])
    await page.evaluate("gateway.close()")
    await page.evaluate("gateway.open(); gateway.open(); new PaymentGateway(options).open()")
    await expect(one(page, "payment-modal")).to_have_count(1)
    await page.evaluate("gateway.close(); gateway.close()")
    await expect(one(page, "payment-modal")).to_have_count(0)
    assert await calls(page) == [["close"]]


@pytest.mark.parametrize("missing", ["key", "orderId"])
async def test_a_missing_option_is_named(page: Page, shop: Shop, checkout: str, gateway: Live, missing: str) -> None:
    await buying(page, shop, checkout, "order_1")
    told = await page.evaluate(
        "name => { try { new PaymentGateway({...options, [name]: undefined}) } catch (error) { return `${error}` } }",
        missing,
    )
    assert told == f'TypeError: PaymentGateway: the option "{missing}" is missing'


async def test_forged_messages_are_not_heard(page: Page, shop: Shop, checkout: str, gateway: Live) -> None:
    await buying(page, shop, checkout, (await gateway.order())["id"], f"{checkout} {shop.at('')}")
    forgery = '{type: "payment_success", data: {paymentId: "pay_forged"}}'
    shop.pages["/forge"] = '<script src="/forge.js"></script>'
    shop.pages["/forge.js"] = f'parent.postMessage({forgery}, "*"); parent.postMessage({{type: "forged"}}, "*")'
    await modal(page)
    await page.evaluate("window.heard = []; addEventListener('message', (event) => heard.push(event.data.type))")
    # From the shop's own window, from another frame of the shop, and from another frame of the checkout's origin.
    await page.evaluate(f"postMessage({forgery}, '*')")
    add = "url => { const f = document.createElement('iframe'); f.src = url; document.body.append(f) }"
    await page.evaluate(add, shop.at("/forge"))
    await true(page, "heard.includes('forged')")
    favicon = f"{checkout}/favicon.svg"
    await page.evaluate(add, favicon)

    async def loaded() -> Frame | None:
        return page.frame(url=favicon)

    other = await until(loaded, "another frame of the checkout's origin")
    await other.evaluate(f"parent.postMessage({forgery}, '*'); parent.postMessage({{type: 'forged twice'}}, '*')")
    await true(page, "heard.includes('forged twice')")
    await expect(one(page, "payment-modal")).to_have_count(1)
    assert await calls(page) == []


async def test_a_checkout_page_that_does_not_come_is_told(page: Page, shop: Shop, checkout: str, gateway: Live) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    await buying(page, shop, checkout, "order_1", f"{checkout} {nobody}")
    await page.clock.install()
    await page.evaluate("url => new PaymentGateway({...options, checkoutUrl: url}).open()", nobody)
    await page.clock.run_for(9_000)
    assert await calls(page) == []
    await page.clock.run_for(2_000)
    failure, closed = await told(page, 2)
    assert (failure[0], failure[1]["code"], failure[1]["orderId"]) == ("failure", "CHECKOUT_UNREACHABLE", "order_1")
    assert f"{nobody} did not answer for 10 seconds" in failure[1]["description"]
    assert closed == ["close"]
    await expect(one(page, "payment-modal")).to_have_count(0)


async def test_a_checkout_page_that_is_there_is_not_given_up(
    page: Page, shop: Shop, checkout: str, gateway: Live
) -> None:
    await buying(page, shop, checkout, (await gateway.order())["id"])
    await page.clock.install()
    await modal(page)
    await page.clock.run_for(60_000)
    await expect(one(page, "payment-modal")).to_have_count(1)
    assert await calls(page) == []


async def test_a_policy_that_blocks_the_checkout_is_named(
    browser: Browser, shop: Shop, checkout: str, gateway: Live
) -> None:
    # In a window of its own, as the others must not break any policy.
    page = await browser.new_page()
    await buying(page, shop, checkout, "order_1", "'none'")
    await page.locator("#buy").click()
    failure, _ = await told(page, 2)
    await page.close()
    assert failure[1]["code"] == "CHECKOUT_UNREACHABLE"
    assert f"allow it with: frame-src {checkout}" in failure[1]["description"]


async def test_a_shops_own_mistake_does_not_keep_the_modal_open(
    browser: Browser, shop: Shop, checkout: str, gateway: Live
) -> None:
    page = await browser.new_page()
    await buying(page, shop, checkout, (await gateway.order())["id"])
    await page.evaluate("void (options.onSuccess = () => { calls.push(['success']); throw new Error('the shop') })")
    await pay_by_upi(await modal(page), "asha@upi")
    assert await told(page, 2) == [["success"], ["close"]]
    await expect(one(page, "payment-modal")).to_have_count(0)
    await page.close()


async def test_it_can_be_imported(page: Page, shop: Shop, checkout: str, gateway: Live) -> None:
    order = await gateway.order()
    await buying(page, shop, checkout, order["id"])
    shop.pages["/module.js"] = (
        f"import PaymentGateway, {{PaymentGateway as Same}} from '{checkout}/checkout.mjs';"
        "window.gateway = PaymentGateway === Same && new PaymentGateway(options);"
    )
    shop.pages["/buy"] = shop.pages["/buy"].replace(
        "</body>", '<script type="module" src="/module.js"></script></body>'
    )
    await page.reload()
    await true(page, "!(gateway instanceof PaymentGateway)")
    await modal(page)
    await expect(one(page, "payment-iframe")).to_have_attribute(
        "src", f"{checkout}/checkout?order_id={order['id']}&embedded=true"
    )


async def test_the_keyboard_stays_in_the_modal(page: Page, shop: Shop, checkout: str, gateway: Live) -> None:
    await buying(page, shop, checkout, (await gateway.order())["id"])
    frame = await modal(page)
    focused = "(({className, tagName}) => tagName !== 'BODY' && (className || tagName))(document.activeElement)"
    seen = set()
    for key in ["Tab"] * 8 + ["Shift+Tab"] * 8:
        await press(page, key)
        # Between two processes the focus is nowhere for a moment.
        seen.add(await until(lambda: page.evaluate(focused), "something has the focus"))
    assert seen <= {"IFRAME", "close-button", "modal-content", "SPAN"} and {"IFRAME", "close-button"} <= seen
    await page.evaluate("document.querySelector('a').focus()")
    await true(page, "document.querySelector('#payment-gateway-modal').contains(document.activeElement)")
    await one(frame, "method-upi").focus()
    await press(page, "Enter")
    await expect(one(frame, "vpa-input")).to_be_focused()


async def test_a_phone_shows_nothing_but_the_checkout(phone: Page, shop: Shop, checkout: str, gateway: Live) -> None:
    await buying(phone, shop, checkout, (await gateway.order())["id"])
    frame = await modal(phone)

    async def fills_the_screen() -> bool:
        return await one(phone, "payment-iframe").bounding_box() == {"x": 0, "y": 0, "width": 375, "height": 667}

    await until(fills_the_screen, "a frame as large as the screen")
    close = await one(phone, "close-modal-button").bounding_box()
    assert close is not None and close["width"] >= 40 and close["height"] >= 40
    await one(frame, "method-card").click()
    root = frame.locator(":root")
    assert await root.evaluate("root => root.scrollWidth - root.clientWidth") == 0
    await one(one(frame, "card-form"), "pay-button").scroll_into_view_if_needed()
    await expect(one(one(frame, "card-form"), "pay-button")).to_be_in_viewport()


async def test_a_screen_that_is_wide_shows_a_window_as_high_as_needed(
    page: Page, shop: Shop, checkout: str, gateway: Live
) -> None:
    await buying(page, shop, checkout, (await gateway.order())["id"])
    frame = await modal(page)

    async def gap() -> float:
        """How much higher the frame is than what is in it."""
        box = await one(page, "payment-iframe").bounding_box()
        assert box is not None and box["width"] == 440
        return float(box["height"] - await frame.locator("#root").evaluate("root => root.scrollHeight"))

    async def fits() -> bool:
        return await gap() == 0

    for method in ("method-upi", "method-card"):
        await one(frame, method).click()
        await expect(one(frame, method)).to_have_attribute("aria-pressed", "true")
        await until(fits, f"a frame that fits {method}")


@DEVICES
async def test_the_modal_is_accessible(
    new_context: NewContext,
    shop: Shop,
    checkout: str,
    gateway: Live,
    accessible: CheckAccess,
    device: dict[str, Any],
) -> None:
    page = await (await new_context(**device)).new_page()
    await buying(page, shop, checkout, (await gateway.order())["id"])
    await modal(page)
    await accessible(page)
    inside = next(frame for frame in page.frames if frame.url.startswith(checkout))
    await accessible(inside)
    await expect(page.get_by_role("dialog", name="Payment")).to_be_visible()
