"""A provider's payment in a browser: from session and sandbox's page to webhook, and what the dashboard says of it."""

import json
import re
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Page, expect

from tests.browser.at_provider import control
from tests.browser.conftest import PHONE, CheckAccess, NewContext, Shop, one
from tests.browser.dashboard import Dashboard
from tests.browser.payer import only
from tests.live import Live, Received, Receiver
from tests.stand import Stand

PLAIN = "The card was declined"
REFINED = {
    "what_happened": "The bank said no to this card, as banks sometimes do.",
    "tell_payer": "Please take another card.",
    "merchant_should": "Offer another way to pay.",
    "retry": "other_method",
}


@pytest.fixture
async def merchant(stand: Stand) -> Live:
    """A merchant of its own, at the gateway with the sandbox."""
    return await stand.gateway.merchant()


async def session_of(merchant: Live, shop: Shop) -> Any:
    """A session at Stripe's stand-in, for a new order."""
    order = await merchant.order(50_000)
    body = {
        "order_id": order["id"],
        "provider": "stripe",
        "success_url": shop.at("/thanks?session={CHECKOUT_SESSION_ID}"),
        "cancel_url": shop.at("/cart"),
    }
    reply = await merchant.post("/api/v1/checkout/sessions", body)
    assert reply.status == 201, reply.text
    return reply.json


async def refine(_: Received) -> web.Response:
    """What a language model answers that is there."""
    return web.json_response({"choices": [{"message": {"content": json.dumps(REFINED)}}]})


async def opened(page: Page, session: Any) -> None:
    """The stand-in's page, to which the payer was sent."""
    await page.goto(session["url"])
    await expect(one(page, "sandbox-amount")).to_have_text("500.00 INR")


async def test_a_stripe_payment_from_session_to_webhook(page: Page, merchant: Live, shop: Shop) -> None:
    async with Receiver() as receiver:
        await merchant.use_webhooks(receiver.url)
        session = await session_of(merchant, shop)
        await opened(page, session)
        await one(page, "sandbox-pay").click()
        await expect(page).to_have_url(re.compile(re.escape(shop.at("/thanks?session=cs_test_")) + r"\w+$"))
        payment = await merchant.settled(session["payment_id"])
        assert (payment["status"], payment["provider"]) == ("success", "stripe")
        events = await receiver.events(payment["id"], 3)
        assert sorted(events) == ["payment.created", "payment.pending", "payment.success"]


async def test_a_payer_without_an_address_to_go_back_to_waits_on_the_checkout_page(
    page: Page, stand: Stand, merchant: Live
) -> None:
    order = await merchant.order(50_000)
    body = {"order_id": order["id"], "provider": "stripe"}
    session = (await merchant.post("/api/v1/checkout/sessions", body)).json
    await opened(page, session)
    # A method that takes time: the payer is back before anybody knows how it ends.
    await one(page, "sandbox-pay_async").click()
    await only(page, "processing-state")
    await expect(one(page, "payment-methods")).to_be_hidden()
    await control(page, stand, "outcome", session=session["payment_id"], outcome="async_succeed")
    await only(page, "success-state")
    await expect(one(page, "payment-id")).to_have_text(session["payment_id"])


async def test_a_declined_payer_tries_again_and_pays(page: Page, merchant: Live, shop: Shop) -> None:
    session = await session_of(merchant, shop)
    await opened(page, session)
    await page.get_by_label("Or be declined").select_option("insufficient_funds")
    await one(page, "sandbox-decline").click()
    await expect(one(page, "sandbox-declined")).to_have_text("Declined: insufficient_funds")
    assert (await merchant.get(f"/api/v1/payments/{session['payment_id']}")).json["status"] == "pending"
    await one(page, "sandbox-pay").click()
    await page.wait_for_url(shop.at("/thanks*"))
    assert (await merchant.settled(session["payment_id"]))["status"] == "success"


async def test_an_open_payment_says_why_and_when_it_is_asked_after(
    dashboard: Dashboard, stand: Stand, shop: Shop, accessible: CheckAccess
) -> None:
    session = await session_of(dashboard.merchant, shop)
    assert (await dashboard.merchant.get(f"/api/v1/checkout/sessions/{session['id']}")).status == 200
    await dashboard.go(f"/transactions/{session['payment_id']}")
    panel = dashboard.one("payment-open")
    await expect(panel).to_contain_text("The payer has not paid yet, or the provider has not said so")
    await expect(panel).to_contain_text("session open, payment unpaid")
    await expect(panel).to_contain_text(re.compile(r"in (1 minute|\d+ seconds)"))
    await expect(dashboard.one("payment-page")).to_contain_text("Stripe")
    await accessible(dashboard.page)
    await control(dashboard.page, stand, "outcome", session=session["payment_id"], outcome="pay")
    await expect(dashboard.page.locator("h1")).to_contain_text("success")
    await expect(panel).to_have_count(0)
    # Stripe tells of it twice, in any order, and the first to arrive is the cause.
    told = re.compile(r"told by Stripe \((checkout\.session\.completed|payment_intent\.succeeded)\)")
    await expect(dashboard.one("payment-timeline")).to_contain_text(told)


async def test_a_late_success_is_shown_as_such(dashboard: Dashboard, stand: Stand, shop: Shop) -> None:
    session = await session_of(dashboard.merchant, shop)
    await control(dashboard.page, stand, "outcome", session=session["payment_id"], outcome="expire")
    await dashboard.merchant.settled(session["payment_id"])
    await dashboard.go(f"/transactions/{session['payment_id']}")
    await expect(dashboard.one("payment-explanation")).to_contain_text("Can help at once")
    await control(dashboard.page, stand, "outcome", session=session["payment_id"], outcome="pay_late")
    await expect(dashboard.page.locator("h1")).to_contain_text("late")
    await expect(dashboard.one("payment-page")).to_contain_text("This payment succeeded late: Stripe took the money")
    await expect(dashboard.one("payment-explanation")).to_have_count(0)


async def test_a_failed_payment_is_explained_and_a_model_may_say_it_better(
    dashboard: Dashboard,
    new_context: NewContext,
    model: Receiver,
    monkeypatch: pytest.MonkeyPatch,
    accessible: CheckAccess,
) -> None:
    merchant = dashboard.merchant
    declined = await merchant.pay_by_card((await merchant.order())["id"], number="4000000000000002")
    await merchant.settled(declined["id"])
    await dashboard.go(f"/transactions/{declined['id']}")
    panel = dashboard.one("payment-explanation")
    await expect(panel).to_contain_text(PLAIN)
    await expect(dashboard.one("tell-payer")).to_contain_text("Your bank declined this card.")
    await expect(panel).to_contain_text("Only another card or method can help")
    await expect(panel).not_to_contain_text("written by a model")
    monkeypatch.setattr(model, "behaviour", refine)
    await dashboard.page.reload()
    await expect(panel).to_contain_text("written by a model")
    await expect(panel).to_contain_text(REFINED["what_happened"])
    await expect(dashboard.one("tell-payer")).to_contain_text(REFINED["tell_payer"])
    await accessible(dashboard.page)
    phone = Dashboard(await (await new_context(**PHONE, color_scheme="dark")).new_page(), merchant)
    await phone.enter()
    await phone.go(f"/transactions/{declined['id']}")
    await expect(phone.one("payment-explanation")).to_contain_text(REFINED["merchant_should"])
    await accessible(phone.page)


async def test_a_providers_own_code_stands_beside_ours(page: Page, merchant: Live) -> None:
    declined = await merchant.pay((await merchant.order())["id"], "failure@kassa")
    await merchant.settled(declined["id"])
    statement = "UPDATE payments SET provider = 'stripe', provider_code = 'do_not_honor' WHERE id = $1"
    await merchant.sql(statement, declined["id"])
    dashboard = Dashboard(page, merchant)
    await dashboard.enter()
    await dashboard.go(f"/transactions/{declined['id']}")
    await expect(page.get_by_role("alert")).to_contain_text("PAYMENT_FAILED (Stripe says do_not_honor)")
