"""The checkout page in a browser: every course that a payment can take."""

import re

from playwright.async_api import Page, Route, expect

from tests.browser.conftest import Shop, one
from tests.browser.payer import DECLINED, fill_card, only, opened, pay_by_upi, press_pay
from tests.browser.waiting import held, true
from tests.live import Live


async def test_the_page_says_what_is_paid_to_whom(page: Page, checkout: str, gateway: Live) -> None:
    order = await gateway.order(50_000)
    await opened(page, checkout, order["id"])
    container = one(page, "checkout-container")
    await expect(one(container, "order-summary")).to_contain_text("Complete Payment")
    await expect(one(container, "order-summary")).to_contain_text("Test Merchant")
    await expect(one(container, "order-amount")).to_have_text("₹500.00")
    await expect(one(container, "order-id")).to_have_text(order["id"])
    for method in ("upi", "card"):
        button = one(one(container, "payment-methods"), f"method-{method}")
        await expect(button).to_have_attribute("data-method", method)
        await expect(one(container, f"{method}-form")).to_be_hidden()
        await button.click()
        await only(page, f"{method}-form")
        await expect(one(one(container, f"{method}-form"), "pay-button")).to_have_text("Pay ₹500")
    await expect(page).to_have_title("Complete Payment – Test Merchant")


async def test_in_test_mode_the_page_says_so_and_how_to_try_it(page: Page, checkout: str, gateway: Live) -> None:
    await opened(page, checkout, (await gateway.order())["id"])
    await expect(one(page, "test-mode")).to_have_text("Test mode")
    hint = one(page, "test-mode-hint")
    await expect(hint).to_be_hidden()
    await one(page, "method-upi").click()
    await expect(hint).to_contain_text("success@kassa pays, failure@kassa is declined")
    await one(page, "method-card").click()
    await expect(hint).to_contain_text("4242 4242 4242 4242 pays, 4000 0000 0000 0002 is declined")


async def test_an_amount_with_paise_says_them(page: Page, checkout: str, gateway: Live) -> None:
    order = await gateway.order(12_345_650)
    await opened(page, checkout, order["id"])
    await expect(one(page, "order-amount")).to_have_text("₹1,23,456.50")
    await one(page, "method-upi").click()
    await expect(one(one(page, "upi-form"), "pay-button")).to_have_text("Pay ₹1,23,456.50")


async def test_paying_by_upi(page: Page, checkout: str, gateway: Live) -> None:
    order = await gateway.order()
    await opened(page, checkout, order["id"])
    async with held(page):
        await pay_by_upi(page, "asha@okicici")
        await only(page, "processing-state")
        await expect(one(page, "processing-message")).to_have_text("Processing payment...")
    await only(page, "success-state")
    await expect(one(page, "success-state")).to_contain_text("Payment Successful!")
    await expect(one(page, "success-message")).to_have_text("Your payment has been processed successfully")
    payment_id = await one(page, "payment-id").text_content()
    payment = (await gateway.get(f"/api/v1/payments/{payment_id}")).json
    assert (payment["status"], payment["vpa"], payment["order_id"]) == ("success", "asha@okicici", order["id"])


async def test_paying_by_card(phone: Page, checkout: str, gateway: Live) -> None:
    order = await gateway.order()
    await opened(phone, checkout, order["id"])
    await fill_card(phone, number="5555555555554444")
    await expect(one(phone, "card-number-input")).to_have_value("5555 5555 5555 4444")
    await expect(one(phone, "expiry-input")).to_have_value("12/30")
    await expect(phone.locator(".network")).to_have_text("Mastercard")
    await press_pay(phone)
    await only(phone, "success-state")
    payment_id = await one(phone, "payment-id").text_content()
    payment = (await gateway.get(f"/api/v1/payments/{payment_id}")).json
    assert (payment["status"], payment["card_network"], payment["card_last4"]) == ("success", "mastercard", "4444")


async def test_card_data_goes_to_the_gateway_and_nowhere_else(page: Page, checkout: str, gateway: Live) -> None:
    order = await gateway.order()
    sent: list[tuple[str, str, str]] = []
    page.on("request", lambda request: sent.append((request.method, request.url, request.post_data or "")))
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    await opened(page, checkout, order["id"])
    await fill_card(page)
    await press_pay(page)
    await only(page, "success-state")
    origin = checkout.removesuffix("/checkout")
    assert {url for _, url, _ in sent if not url.startswith(f"{origin}/")} == set()
    assert [url for method, url, _ in sent if method == "POST"] == [f"{origin}/api/v1/payments/public"]
    assert [url for _, url, body in sent if "4242" in url + body] == [f"{origin}/api/v1/payments/public"]
    assert said == []
    kept = "({...localStorage, ...sessionStorage, cookie: document.cookie, state: JSON.stringify(history.state)})"
    stored = await page.evaluate(kept)
    assert set(stored) == {"cookie", "state"}
    assert stored["cookie"] == "" and re.fullmatch(r'{"paymentId":"pay_\w{16}"}', stored["state"])
    for name in ("card-number", "expiry", "cvv", "cardholder-name"):
        await expect(one(page, f"{name}-input")).to_have_value("")


async def test_a_refused_card_can_be_tried_again(page: Page, checkout: str, gateway: Live) -> None:
    order = await gateway.order()
    await opened(page, checkout, order["id"])
    await fill_card(page, number=DECLINED)
    await press_pay(page)
    await only(page, "error-state")
    await expect(one(page, "error-state")).to_contain_text("Payment Failed")
    said = "Your bank declined this card. Please use another card, or pay by UPI."
    await expect(one(page, "error-message")).to_have_text(said)
    await expect(one(page, "retry-button")).to_have_text("Try Again")
    await one(page, "retry-button").click()
    await only(page, "card-form")
    await expect(one(page, "cvv-input")).to_have_value("")
    await fill_card(page)
    await press_pay(page)
    await only(page, "success-state")
    found = await gateway.sql("SELECT status FROM payments WHERE order_id = $1 ORDER BY created_at", order["id"])
    assert [row["status"] for row in found] == ["failed", "success"]


async def test_a_refused_upi_payment_can_be_tried_again_by_card(phone: Page, checkout: str, gateway: Live) -> None:
    order = await gateway.order()
    await opened(phone, checkout, order["id"])
    await pay_by_upi(phone, "failure@kassa")
    await only(phone, "error-state")
    said = "Your bank declined the payment. Nothing was charged. Please try again or pay another way."
    await expect(one(phone, "error-message")).to_have_text(said)
    await one(phone, "retry-button").click()
    await fill_card(phone)
    await press_pay(phone)
    await only(phone, "success-state")


async def test_what_is_wrong_is_said_beside_the_field(page: Page, checkout: str, gateway: Live) -> None:
    await opened(page, checkout, (await gateway.order())["id"])
    posts: list[str] = []
    page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    await fill_card(page, number="4242424242424241", expiry="0120", cvv="12")
    await one(page, "cardholder-name-input").fill(" ")
    await press_pay(page)
    expected = {
        "card-number-input": "This number is not right. Please compare it with the card",
        "expiry-input": "Card has expired",
        "cvv-input": "CVV must be 3 or 4 digits",
        "cardholder-name-input": "Enter the name on the card",
    }
    for test_id, words in expected.items():
        field_ = one(page, test_id)
        await expect(field_).to_have_attribute("aria-invalid", "true")
        await expect(field_).to_have_accessible_description(words)
    await expect(one(page, "card-number-input")).to_be_focused()
    await one(page, "card-number-input").fill("4242424242424242")
    await expect(one(page, "card-number-input")).to_have_attribute("aria-invalid", "false")
    await one(page, "method-upi").click()
    await one(page, "vpa-input").fill("asha")
    await one(page, "vpa-input").press("Enter")
    await expect(one(page, "vpa-input")).to_have_accessible_description("UPI ID must look like name@bank")
    await expect(one(page, "vpa-input")).to_be_focused()
    assert posts == []


async def test_a_digit_can_be_corrected_in_the_middle(page: Page, checkout: str, gateway: Live) -> None:
    await opened(page, checkout, (await gateway.order())["id"])
    await one(page, "method-card").click()
    number = one(page, "card-number-input")
    await number.press_sequentially("42424242")
    for _ in range(3):
        await number.press("ArrowLeft")
    await number.press_sequentially("19")
    await expect(number).to_have_value("4242 4192 42")
    await number.press("Backspace")
    await number.press("Backspace")
    await number.press("Backspace")
    await number.press("Backspace")
    await expect(number).to_have_value("4242 42")
    await expect(number).to_have_js_property("selectionStart", 3)


async def test_usual_handles_are_offered(page: Page, checkout: str, gateway: Live) -> None:
    await opened(page, checkout, (await gateway.order())["id"])
    await one(page, "method-upi").click()
    vpa = one(page, "vpa-input")
    handles = page.locator(".handles button")
    await expect(handles.first).to_be_hidden()
    await vpa.press_sequentially("asha")
    await expect(handles.first).to_have_text("@okhdfcbank")
    await vpa.press_sequentially("@oki")
    await expect(handles).to_have_text(["@okicici"])
    await vpa.press("Tab")
    await page.keyboard.press("Enter")
    await expect(vpa).to_have_value("asha@okicici")
    await expect(vpa).to_be_focused()
    await expect(handles.first).to_be_hidden()


async def closed(page: Page, checkout: str, order_id: str) -> str:
    """What the page says about an order that cannot be paid."""
    await page.goto(f"{checkout}?order_id={order_id}")
    await only(page, "closed-state")
    await expect(one(page, "payment-methods")).to_be_hidden()
    return str(await one(page, "closed-state").locator("h2").text_content())


async def test_an_order_that_cannot_be_paid_says_so(page: Page, checkout: str, gateway: Live) -> None:
    paid = await gateway.paid()
    assert await closed(page, checkout, paid["order_id"]) == "Already paid"
    assert await closed(page, checkout, "order_0000000000000000") == "Order not found"
    assert await closed(page, checkout, "") == "Order not found"
    order = await gateway.order()
    await gateway.sql("UPDATE orders SET expires_at = now() - interval '1 second' WHERE id = $1", order["id"])
    assert await closed(page, checkout, order["id"]) == "Order expired"


async def test_a_payment_of_another_order_does_not_make_this_one_look_paid(
    page: Page, checkout: str, gateway: Live
) -> None:
    order, paid = await gateway.order(), await gateway.paid()
    assert await closed(page, checkout, f"{order['id']}&payment_id={paid['id']}") == "Order not found"
    await page.goto(f"{checkout}?order_id={paid['order_id']}&payment_id={paid['id']}")
    await only(page, "success-state")
    await expect(one(page, "payment-id")).to_have_text(paid["id"])


async def test_an_order_that_is_paid_meanwhile_says_so(page: Page, checkout: str, gateway: Live) -> None:
    order = await gateway.order()
    await opened(page, checkout, order["id"])
    await gateway.settled((await gateway.pay(order["id"]))["id"])
    await pay_by_upi(page, "asha@upi")
    await only(page, "closed-state")
    await expect(one(page, "closed-message")).to_contain_text("already paid")


async def test_a_lost_connection_is_survived(page: Page, checkout: str, gateway: Live) -> None:
    await opened(page, checkout, (await gateway.order())["id"])
    async with held(page):
        await pay_by_upi(page, "asha@upi")
        await only(page, "processing-state")
        await page.context.set_offline(True)
    await expect(page.get_by_role("status")).to_contain_text("The connection is lost")
    await only(page, "processing-state")
    await page.context.set_offline(False)
    await only(page, "success-state")
    await expect(page.get_by_role("status")).to_be_empty()


async def test_an_answer_that_gets_lost_does_not_pay_twice(page: Page, checkout: str, gateway: Live) -> None:
    order = await gateway.order()
    keys: list[str] = []

    async def lose_the_first_answer(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 1:
            await route.fetch()
            await route.abort()
        else:
            await route.continue_()

    await page.route("**/api/v1/payments/public", lose_the_first_answer)
    await opened(page, checkout, order["id"])
    await pay_by_upi(page, "asha@upi")
    await only(page, "success-state")
    assert len(keys) == 2 and keys[0] == keys[1]
    assert len(await gateway.sql("SELECT 1 FROM payments WHERE order_id = $1", order["id"])) == 1


async def test_each_attempt_has_a_key_of_its_own(page: Page, checkout: str, gateway: Live) -> None:
    await opened(page, checkout, (await gateway.order())["id"])
    keys: list[str] = []
    page.on("request", lambda request: keys.append(request.headers.get("idempotency-key", "")))
    await pay_by_upi(page, "failure@kassa")
    await only(page, "error-state")
    await one(page, "retry-button").click()
    await pay_by_upi(page, "failure@kassa")
    await only(page, "error-state")
    used = [key for key in keys if key]
    assert len(used) == 2 and used[0] != used[1]


async def test_a_reload_goes_on_waiting_for_the_same_payment(page: Page, checkout: str, gateway: Live) -> None:
    order = await gateway.order()
    await opened(page, checkout, order["id"])
    async with held(page):
        await pay_by_upi(page, "asha@upi")
        await only(page, "processing-state")
        await true(page, "Boolean(history.state?.paymentId)")
        await page.reload()
    await only(page, "success-state")
    assert len(await gateway.sql("SELECT 1 FROM payments WHERE order_id = $1", order["id"])) == 1


async def test_the_payer_comes_back_to_the_shop(page: Page, checkout: str, gateway: Live, shop: Shop) -> None:
    thanks, cart = shop.at("/thanks?cart=1"), shop.at("/cart")
    order = await gateway.order(success_url=thanks, cancel_url=cart)
    await opened(page, checkout, order["id"])
    await page.get_by_role("link", name="Cancel and go back to Test Merchant").click()
    await expect(page).to_have_url(cart)
    await opened(page, checkout, order["id"])
    async with held(page, thanks):
        await pay_by_upi(page, "asha@upi")
        await only(page, "success-state")
        await expect(page.get_by_role("link", name="Go back to Test Merchant now")).to_be_visible()
    await expect(page).to_have_url(thanks)


async def test_without_addresses_the_payer_stays(page: Page, checkout: str, gateway: Live) -> None:
    await opened(page, checkout, (await gateway.order())["id"])
    await expect(page.get_by_role("link")).to_have_count(0)
