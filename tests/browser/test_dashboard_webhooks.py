"""Webhooks and keys in the dashboard: set up, tried, looked into, delivered again, rotated."""

import re
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from playwright.async_api import Locator, expect

from kassa.domain.webhook import signature
from tests.browser.dashboard import HOSTILE, Dashboard
from tests.live import Received, Receiver, until

MOMENT = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$")


@pytest.fixture
async def own_receiver() -> AsyncIterator[Receiver]:
    """A receiver that no merchant knows of yet."""
    async with Receiver() as receiver:
        yield receiver


async def accept(_: Received) -> web.Response:
    """What a receiver answers that works."""
    return web.Response(text="ok")


async def refuse(_: Received) -> web.Response:
    """What a broken receiver answers."""
    return web.Response(status=500, text=HOSTILE, content_type="text/html")


def rows(dashboard: Dashboard) -> Locator:
    """The deliveries that are listed."""
    return dashboard.one("webhook-logs-table").locator('[data-test-id="webhook-log-item"]')


async def save_url(dashboard: Dashboard, url: str) -> None:
    """Type where webhooks go, and save it."""
    form = dashboard.one("webhook-config").locator('[data-test-id="webhook-config-form"]')
    await form.locator('[data-test-id="webhook-url-input"]').fill(url)
    await form.locator('[data-test-id="save-webhook-button"]').click()


async def arrived(receiver: Receiver, count: int) -> Received:
    """The last webhook, once `count` have arrived."""

    async def enough() -> Received | None:
        return receiver.received[-1] if len(receiver.received) >= count else None

    return await until(enough, f"{count} webhooks")


async def test_a_url_is_saved_tried_and_switched_off(dashboard: Dashboard, own_receiver: Receiver) -> None:
    page, merchant = dashboard.page, dashboard.merchant
    await dashboard.go("/webhooks")
    await expect(dashboard.one("test-webhook-button")).to_be_disabled()
    await save_url(dashboard, own_receiver.url)
    await expect(page.get_by_role("status").get_by_text("Webhooks go to the new URL")).to_be_visible()
    assert (await merchant.get("/api/v1/webhooks/config")).json["url"] == own_receiver.url
    await page.get_by_label("Send a test event").select_option("refund.processed")
    await dashboard.one("test-webhook-button").click()
    received = await arrived(own_receiver, 1)
    assert received.json["event"] == "refund.processed"
    assert received.headers["X-Webhook-Signature"] == signature(merchant.webhook_secret, received.body)
    await expect(rows(dashboard)).to_have_count(1)
    await expect(rows(dashboard).locator('[data-test-id="webhook-status"]')).to_have_text("success")
    await save_url(dashboard, "")
    await expect(dashboard.one("test-webhook-button")).to_be_disabled()
    assert (await merchant.get("/api/v1/webhooks/config")).json["url"] is None


async def test_a_url_that_is_none_is_refused_in_words(dashboard: Dashboard) -> None:
    await dashboard.go("/webhooks")
    await save_url(dashboard, "ftp://shop.example/webhook")
    await expect(dashboard.one("webhook-config-form").get_by_role("alert")).to_contain_text("http")
    assert (await dashboard.merchant.get("/api/v1/webhooks/config")).json["url"] is None


async def test_a_new_secret_signs_at_once_and_the_old_one_for_as_long_as_chosen(
    dashboard: Dashboard, own_receiver: Receiver
) -> None:
    page, merchant = dashboard.page, dashboard.merchant
    await merchant.use_webhooks(own_receiver.url)
    await dashboard.go("/webhooks")
    await expect(dashboard.one("webhook-secret")).to_have_text("•" * 16)
    await page.get_by_role("button", name="Show webhook secret").click()
    await expect(dashboard.one("webhook-secret")).to_have_text(merchant.webhook_secret)
    await dashboard.one("regenerate-secret-button").click()
    dialog = page.get_by_role("dialog", name="Regenerate the webhook secret?")
    await dialog.get_by_label("Keep the old secret for").select_option("1 hour")
    await dialog.get_by_role("button", name="Regenerate the secret").click()
    await expect(dialog).to_have_count(0)
    await expect(page.get_by_text("The previous secret signs too")).to_be_visible()
    await page.get_by_role("button", name="Show webhook secret").click()
    await expect(dashboard.one("webhook-secret")).not_to_have_text(re.compile(f"•|^{merchant.webhook_secret}$"))
    fresh = str(await dashboard.one("webhook-secret").text_content())
    await dashboard.one("test-webhook-button").click()
    received = await arrived(own_receiver, 1)
    assert received.headers["X-Webhook-Signature"] == signature(fresh, received.body)
    assert received.headers["X-Webhook-Signature-Previous"] == signature(merchant.webhook_secret, received.body)


async def test_a_failed_delivery_says_why_and_arrives_when_retried(
    dashboard: Dashboard, own_receiver: Receiver
) -> None:
    page, merchant = dashboard.page, dashboard.merchant
    own_receiver.behaviour = refuse
    await merchant.use_webhooks(own_receiver.url)
    await dashboard.go("/webhooks")
    headers = ["Event", "Status", "Attempts", "Last Attempt", "Response Code", "Actions"]
    await expect(dashboard.one("webhook-logs-table").get_by_role("columnheader")).to_have_text(headers)
    await dashboard.one("test-webhook-button").click()
    row = rows(dashboard)
    await expect(row.locator('[data-test-id="webhook-response-code"]')).to_have_text("500")
    await expect(row.locator('[data-test-id="webhook-event"]')).to_have_text("payment.success")
    await expect(row.locator('[data-test-id="webhook-status"]')).to_have_text("pending")
    await expect(row.locator('[data-test-id="webhook-last-attempt"]')).to_have_text(MOMENT)
    delivery_id = str(await row.get_attribute("data-webhook-id"))
    await expect(row.locator('[data-test-id="retry-webhook-button"]')).to_have_attribute("data-webhook-id", delivery_id)
    await row.get_by_role("link").click()
    await expect(dashboard.one("webhook-failure")).to_have_text("The receiver answered 500, not 2xx")
    await expect(dashboard.one("webhook-attempt").first).to_contain_text("500")
    await expect(dashboard.one("webhook-payload")).to_contain_text('"event": "payment.success"')
    await dashboard.unharmed(1)
    own_receiver.behaviour = accept
    await dashboard.one("retry-webhook-button").click()
    await expect(page.locator("h1")).to_contain_text("success")
    await expect(dashboard.one("webhook-failure")).to_have_count(0)


async def test_a_delivery_can_be_retried_from_the_list(dashboard: Dashboard, own_receiver: Receiver) -> None:
    await dashboard.merchant.use_webhooks(own_receiver.url)
    await dashboard.go("/webhooks")
    await dashboard.one("test-webhook-button").click()
    first = await arrived(own_receiver, 1)
    await rows(dashboard).locator('[data-test-id="retry-webhook-button"]').click()
    second = await arrived(own_receiver, 2)
    assert second.headers["webhook-id"] == first.headers["webhook-id"]
    assert second.body == first.body


async def test_a_receiver_that_is_not_there_is_told_in_words(dashboard: Dashboard) -> None:
    await dashboard.merchant.use_webhooks("http://127.0.0.1:9/nobody")
    await dashboard.go("/webhooks")
    await dashboard.one("test-webhook-button").click()
    await expect(rows(dashboard).locator('[data-test-id="webhook-attempts"]')).not_to_have_text("0")
    await rows(dashboard).get_by_role("link").click()
    await expect(dashboard.one("webhook-failure")).not_to_be_empty()
    await expect(dashboard.one("webhook-attempt").first).to_contain_text("no answer")


async def test_a_payments_webhooks_are_on_its_page(dashboard: Dashboard, own_receiver: Receiver) -> None:
    await dashboard.merchant.use_webhooks(own_receiver.url)
    payment = await dashboard.merchant.paid()
    await dashboard.go(f"/transactions/{payment['id']}")
    events = dashboard.one("payment-webhooks").locator('[data-test-id="webhook-event"]')
    await expect(events).to_have_text(["payment.success", "payment.pending", "payment.created"])


async def test_rotated_keys_replace_the_old_ones_at_once(dashboard: Dashboard) -> None:
    page, merchant = dashboard.page, dashboard.merchant
    await dashboard.go("/api-keys")
    await dashboard.one("rotate-keys-button").click()
    dialog = page.get_by_role("dialog", name="Rotate the API keys?")
    await dialog.get_by_role("button", name="Cancel").click()
    assert (await merchant.get("/api/v1/merchant")).status == 200
    await dashboard.one("rotate-keys-button").click()
    await dialog.get_by_role("button", name="Rotate the keys").click()
    await expect(dialog).to_have_count(0)
    await expect(dashboard.one("api-key")).not_to_have_text(merchant.credentials["X-Api-Key"])
    await page.get_by_role("button", name="Show API secret").click()
    await expect(dashboard.one("api-secret")).not_to_contain_text("•")
    shown = {
        "X-Api-Key": str(await dashboard.one("api-key").text_content()),
        "X-Api-Secret": str(await dashboard.one("api-secret").text_content()),
    }
    assert (await merchant.get("/api/v1/merchant", anonymous=True, headers=shown)).status == 200
    assert (await merchant.get("/api/v1/merchant")).status == 401


async def test_allowed_origins_are_kept_or_refused_in_words(dashboard: Dashboard) -> None:
    await dashboard.go("/api-keys")
    origins = dashboard.one("allowed-origins-input")
    await origins.fill("https://shop.example.com\nhttps://shop.example.org:8443")
    await dashboard.one("save-origins-button").click()
    await expect(dashboard.page.get_by_role("status").get_by_text("The allowed origins are saved")).to_be_visible()
    kept = ["https://shop.example.com", "https://shop.example.org:8443"]
    assert (await dashboard.merchant.get("/api/v1/merchant")).json["allowed_origins"] == kept
    await origins.fill("shop.example.com/path")
    await dashboard.one("save-origins-button").click()
    await expect(dashboard.page.get_by_role("alert")).to_contain_text("without a path")
    assert (await dashboard.merchant.get("/api/v1/merchant")).json["allowed_origins"] == kept
