"""The page on which the API describes itself: it shows every operation, and tries one."""

from playwright.async_api import Page, expect

from tests.live import Live


async def test_every_operation_is_shown_and_can_be_tried(gateway: Live, page: Page) -> None:
    described = (await gateway.get("/openapi.json", anonymous=True)).json
    operations = [(method.upper(), path) for path, found in described["paths"].items() for method in found]

    answer = await page.goto(f"{gateway.url}/docs")
    assert answer is not None and answer.headers["content-security-policy"] == "frame-ancestors 'none'"
    await expect(page.locator(".opblock")).to_have_count(len(operations))
    shown = zip(
        await page.locator(".opblock-summary-method").all_text_contents(),
        await page.locator(".opblock-summary-path").all_text_contents(),
        strict=True,
    )
    assert {(method, path.replace("\u200b", "")) for method, path in shown} == set(operations)

    health = page.locator(".opblock", has=page.locator('[data-path="/health"]'))
    await health.locator(".opblock-summary-control").click()
    await health.get_by_role("button", name="Try it out").click()
    await health.get_by_role("button", name="Execute").click()
    await expect(health.locator(".live-responses-table .response .response-col_status")).to_contain_text("200")
