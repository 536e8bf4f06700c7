"""Payment links in a browser: what a merchant shares without writing code, and what its payers see."""

from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from tests.browser.conftest import DESKTOP, PHONE, CheckAccess, NewContext, Shop, one
from tests.browser.dashboard import Dashboard
from tests.browser.payer import only, pay_by_upi
from tests.browser.waiting import held, true
from tests.live import Live


async def link_of(merchant: Live, **fields: Any) -> Any:
    """A new payment link."""
    reply = await merchant.post("/api/v1/payment_links", {"amount": 120_000, "description": "Yoga in March", **fields})
    assert reply.status == 201, reply.text
    return reply.json


async def opened(page: Page, link: Any, query: str = "") -> None:
    """The page of a link, once it can be paid."""
    await page.goto(link["url"] + query)
    await expect(one(page, "payment-methods")).to_be_visible()


async def closed(page: Page, url: str) -> str:
    """What the page says about a link that cannot be paid."""
    await page.goto(url)
    await only(page, "closed-state")
    await expect(one(page, "payment-methods")).to_be_hidden()
    return str(await one(page, "closed-state").locator("h2").text_content())


async def times_paid(merchant: Live, link: Any) -> int:
    """How often a link has been paid."""
    return int((await merchant.get(f"/api/v1/payment_links/{link['id']}")).json["times_paid"])


async def test_a_link_says_what_it_is_for_and_thanks_with_the_merchants_words(phone: Page, merchant: Live) -> None:
    link = await link_of(merchant, success_message="See you on Monday!\nBring a mat.")
    await opened(phone, link, "?prefilled_email=asha@example.com")
    await expect(one(phone, "order-amount")).to_have_text("₹1,200.00")
    await expect(one(phone, "order-description")).to_have_text("Yoga in March")
    await expect(one(phone, "order-summary")).to_contain_text("A Merchant")
    await expect(one(phone, "payer-email")).to_have_text("asha@example.com")
    await pay_by_upi(phone, "asha@okicici")
    await only(phone, "success-state")
    await expect(one(phone, "success-message")).to_have_text("Your payment has been processed successfully")
    await expect(one(phone, "merchant-message")).to_have_text("See you on Monday!\nBring a mat.")
    payment_id = await one(phone, "payment-id").text_content()
    payment = (await merchant.get(f"/api/v1/payments/{payment_id}")).json
    assert (payment["status"], payment["amount"]) == ("success", 120_000)
    assert await times_paid(merchant, link) == 1
    await phone.reload()
    await only(phone, "success-state")
    await expect(one(phone, "payment-id")).to_have_text(str(payment_id))
    await expect(one(phone, "merchant-message")).to_contain_text("See you on Monday!")


async def test_a_link_that_is_paid_once_cannot_be_paid_again(
    page: Page, new_context: NewContext, merchant: Live
) -> None:
    link = await link_of(merchant)
    other = await (await new_context(**DESKTOP)).new_page()
    await opened(page, link)
    await opened(other, link)
    await pay_by_upi(page, "asha@upi")
    await only(page, "success-state")
    await expect(one(page, "merchant-message")).to_be_hidden()
    await pay_by_upi(other, "ravi@upi")
    await only(other, "closed-state")
    await expect(one(other, "closed-message")).to_contain_text("already paid")
    assert await closed(other, link["url"]) == "Already paid"
    assert await times_paid(merchant, link) == 1


async def test_a_reusable_link_is_paid_again_and_again_by_an_order_each(
    page: Page, new_context: NewContext, merchant: Live
) -> None:
    link = await link_of(merchant, reusable=True)
    other = await (await new_context(**PHONE)).new_page()
    for payer in (page, other):
        await opened(payer, link)
        await pay_by_upi(payer, "failure@kassa")
        await only(payer, "error-state")
        await one(payer, "retry-button").click()
        await pay_by_upi(payer, "asha@upi")
        await only(payer, "success-state")
    rows = await merchant.sql("SELECT status FROM orders WHERE payment_link_id = $1", link["id"])
    assert [row["status"] for row in rows] == ["paid", "paid"]
    assert await times_paid(merchant, link) == 2


async def test_a_reload_goes_on_waiting_for_what_was_begun(page: Page, merchant: Live) -> None:
    link = await link_of(merchant, reusable=True, success_message="Thank you")
    await opened(page, link)
    await pay_by_upi(page, "asha@upi")
    await true(page, "Boolean(history.state?.paymentId)")
    await page.reload()
    await only(page, "success-state")
    await expect(one(page, "merchant-message")).to_have_text("Thank you")
    rows = await merchant.sql("SELECT 1 FROM payments WHERE merchant_id = $1::uuid", merchant.merchant_id)
    assert len(rows) == 1


async def test_the_payer_is_sent_on_after_success(page: Page, merchant: Live, shop: Shop) -> None:
    link = await link_of(merchant, redirect_url=shop.at("/thanks?from=link"))
    await opened(page, link)
    async with held(page, shop.at("/thanks?from=link")):
        await pay_by_upi(page, "asha@upi")
        await only(page, "success-state")
        await expect(page.get_by_role("link", name="Go back to A Merchant now")).to_be_visible()
    await expect(page).to_have_url(shop.at("/thanks?from=link"))


async def test_a_link_that_cannot_be_paid_says_why(page: Page, merchant: Live, accessible: CheckAccess) -> None:
    link = await link_of(merchant)
    await merchant.post(f"/api/v1/payment_links/{link['id']}/deactivate", {})
    assert await closed(page, link["url"]) == "Link not active"
    await accessible(page)
    link = await link_of(merchant)
    await merchant.sql("UPDATE payment_links SET expires_at = now() - interval '1 second' WHERE id = $1", link["id"])
    assert await closed(page, link["url"]) == "Link expired"
    unknown = link["url"].replace(link["id"], "plink_0000000000000000")
    assert await closed(page, unknown) == "Link not found"
    assert await closed(page, unknown.replace("plink_", "%")) == "Link not found"


@pytest.mark.parametrize(("device", "scheme"), [(PHONE, "light"), (DESKTOP, "dark")], ids=["phone", "desktop"])
async def test_a_long_link_is_accessible_and_fits(
    new_context: NewContext, merchant: Live, accessible: CheckAccess, device: dict[str, Any], scheme: str
) -> None:
    page = await (await new_context(**device, color_scheme=scheme, reduced_motion="reduce")).new_page()
    link = await link_of(merchant, description="D" * 255, success_message="m" * 500)
    await opened(page, link)
    await accessible(page)
    await pay_by_upi(page, "asha@upi")
    await only(page, "success-state")
    await accessible(page)
    await true(page, "document.documentElement.scrollWidth <= innerWidth")


async def form_of(dashboard: Dashboard) -> Locator:
    """The form for a new link, with what every link needs."""
    await dashboard.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await dashboard.go("/payment-links")
    await dashboard.one("new-link-button").click()
    form = dashboard.one("new-link-form")
    await form.get_by_label("What it is for").fill("Yoga in March")
    await form.get_by_label("Amount").fill("1,200")
    return form


async def created(dashboard: Dashboard) -> str:
    """Send the form off; returns the link as it is copied."""
    page = dashboard.page
    await dashboard.one("link-create-button").click()
    link = str(await dashboard.one("payment-link-url").text_content())
    await page.get_by_role("button", name="Copy payment link").click()
    await true(page, f"navigator.clipboard.readText().then((text) => text === '{link}')")
    await page.get_by_role("button", name="Done").click()
    return link


async def test_a_link_made_in_the_dashboard_is_paid_by_a_stranger(
    dashboard: Dashboard, new_context: NewContext, accessible: CheckAccess
) -> None:
    form = await form_of(dashboard)
    await form.get_by_label("Message").fill("See you on Monday!")
    await form.get_by_label("Last day").fill(datetime.now(UTC).strftime("%Y-%m-%d"))
    await accessible(dashboard.page)
    link = await created(dashboard)
    row = dashboard.one("payment-link-row")
    await expect(one(row, "link-state")).to_have_text("active")
    await expect(one(row, "link-times-paid")).to_have_text("0 of 1")
    payer = await (await new_context(**PHONE)).new_page()
    await payer.goto(f"{link}?prefilled_email=asha@example.com")
    await pay_by_upi(payer, "asha@upi")
    await only(payer, "success-state")
    await expect(one(payer, "merchant-message")).to_have_text("See you on Monday!")
    await expect(one(row, "link-state")).to_have_text("paid")
    await expect(one(row, "link-times-paid")).to_have_text("1 of 1")
    await expect(one(row, "deactivate-link-button")).to_have_count(0)
    await accessible(dashboard.page)


async def test_a_reusable_link_sends_its_payers_on_until_it_is_deactivated(
    dashboard: Dashboard, new_context: NewContext, shop: Shop
) -> None:
    form = await form_of(dashboard)
    await form.get_by_label("Can be paid").select_option("many")
    await form.get_by_label("After success").select_option("redirect")
    await dashboard.one("link-create-button").click()
    await expect(form).to_contain_text("An address such as https://example.com")
    await form.get_by_label("Address").fill(shop.at("/thanks"))
    link = await created(dashboard)
    row = dashboard.one("payment-link-row")
    payer = await (await new_context(**DESKTOP)).new_page()
    for times in (1, 2):
        await payer.goto(link)
        await pay_by_upi(payer, "asha@upi")
        await expect(payer).to_have_url(shop.at("/thanks"))
        await expect(one(row, "link-times-paid")).to_have_text(str(times))
    await one(row, "deactivate-link-button").click()
    dialog = dashboard.page.get_by_role("dialog", name="Deactivate this link?")
    await dialog.get_by_role("button", name="Deactivate").click()
    await expect(one(row, "link-state")).to_have_text("deactivated")
    assert await closed(payer, link) == "Link not active"


async def test_what_cannot_be_a_link_is_refused_beside_the_field(dashboard: Dashboard) -> None:
    form = await form_of(dashboard)
    await form.get_by_label("What it is for").fill(" ")
    await form.get_by_label("Amount").fill("0.99")
    await form.get_by_label("Last day").fill("2024-01-15")
    await dashboard.one("link-create-button").click()
    for words in ("A few words for the payer", "At least ₹1.00", "A day that is not over yet"):
        await expect(form).to_contain_text(words)
    assert (await dashboard.merchant.get("/api/v1/payment_links")).json["data"] == []
