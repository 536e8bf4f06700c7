"""A real browser for the pages: Chromium as the system has it, and a check of accessibility in it."""

import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from playwright.async_api import Browser, BrowserContext, Frame, FrameLocator, Locator, Page, async_playwright, expect

from tests.browser.dashboard import Dashboard
from tests.live import Live, Received, Receiver, free_port
from tests.stand import Stand, stand_beside

ROOT = Path(__file__).parents[2]
AXE = ROOT / "web" / "node_modules" / "axe-core" / "axe.min.js"
# Nothing but the pages under test: no updates, no sync, no first-run pages.
FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--no-first-run"]
PHONE = {"viewport": {"width": 375, "height": 667}, "is_mobile": True, "has_touch": True}
DESKTOP = {"viewport": {"width": 1280, "height": 800}}
# What a page does takes as long as the machine is busy.
TIMEOUT_MS = 30_000
expect.set_options(timeout=TIMEOUT_MS)

NewContext = Callable[..., Any]
CheckAccess = Callable[[Page | Frame], Any]


def one(page: Page | Frame | Locator | FrameLocator, test_id: str) -> Locator:
    """The element with this `data-test-id`."""
    return page.locator(f'[data-test-id="{test_id}"]')


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Chromium, with a profile of its own."""
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        pytest.skip("no Chromium here; on Debian or Ubuntu: sudo apt-get install chromium")
    if not (ROOT / "src" / "kassa" / "pages" / "checkout" / "index.html").exists():
        pytest.skip("the pages are not built; build them with: make pages")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
async def new_context(browser: Browser) -> AsyncIterator[NewContext]:
    """Makes browser windows that share nothing: `await new_context(**DESKTOP)`. An error on a page fails the test."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    async def make(**options: Any) -> BrowserContext:
        context = await browser.new_context(**options)
        context.set_default_timeout(TIMEOUT_MS)
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        context.on("console", lambda said: complaints.append(said.text) if _is_complaint(said.text) else None)
        contexts.append(context)
        return context

    yield make
    for context in contexts:
        await context.close()
    assert complaints == []


def _is_complaint(text: str) -> bool:
    return "Content Security Policy" in text or "Content-Security-Policy" in text


@pytest.fixture
async def page(new_context: NewContext) -> Page:
    """A page on a desktop computer."""
    made: Page = await (await new_context(**DESKTOP)).new_page()
    return made


@pytest.fixture
async def phone(new_context: NewContext) -> Page:
    """A page on a phone that is 375 px wide."""
    made: Page = await (await new_context(**PHONE)).new_page()
    return made


@dataclass
class Shop:
    """A merchant's own server: another origin than any of the gateway's."""

    port: int = field(default_factory=free_port)
    policy: str = "default-src 'none'"
    pages: dict[str, str] = field(default_factory=dict)

    def at(self, path: str) -> str:
        """An address in it."""
        return f"http://localhost:{self.port}{path}"

    async def answer(self, request: web.Request) -> web.Response:
        """The page at this path, or the path itself."""
        kind = "text/javascript" if request.path.endswith(".js") else "text/html"
        body = self.pages.get(request.path, request.path_qs)
        return web.Response(text=body, content_type=kind, headers={"Content-Security-Policy": self.policy})


@pytest.fixture
async def shop() -> AsyncIterator[Shop]:
    """A shop with no pages yet."""
    made = Shop()
    application = web.Application()
    application.router.add_get("/{any:.*}", made.answer)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "localhost", made.port).start()
    yield made
    await runner.cleanup()


@pytest.fixture
def checkout(gateway: Live) -> str:
    """The address of the checkout page."""
    return f"http://127.0.0.1:{gateway.checkout_port}/checkout"


@pytest.fixture(scope="session")
def accessible() -> CheckAccess:
    """`await accessible(page)` fails with whatever axe finds wrong in a page, or in a frame, as it is now."""
    if not AXE.exists():
        pytest.skip('axe-core is not installed; install it with: make npm ARGS="ci"')
    source = AXE.read_text()

    async def check(page: Page | Frame) -> None:
        # What is faded in has too little contrast until it is there.
        await page.evaluate(
            "document.getAnimations().filter((one) => one.effect?.getComputedTiming().endTime !== Infinity)"
            ".forEach((one) => one.finish())"
        )
        await page.evaluate(source)
        found = await page.evaluate("axe.run(document, {resultTypes: ['violations'], iframes: false})")
        wrong = [(each["id"], [node["html"] for node in each["nodes"]]) for each in found["violations"]]
        assert wrong == []

    return check


async def away(_: Received) -> web.Response:
    """What a language model answers that cannot be reached."""
    return web.Response(status=503)


@pytest.fixture(scope="session")
async def model() -> AsyncIterator[Receiver]:
    """A language model, which is away; a test may give it another behaviour for its own time."""
    async with Receiver(away) as one:
        yield one


@pytest.fixture(scope="session")
async def stand(gateway: Live, model: Receiver) -> AsyncIterator[Stand]:
    """A gateway with the providers' sandbox beside it, whose explanations the model may refine."""
    ai = {"AI_BASE_URL": model.url.removesuffix("/webhook"), "AI_API_KEY": "key", "AI_MODEL": "model"}
    async with stand_beside(gateway, **ai) as one:
        yield one


@pytest.fixture
async def merchant(gateway: Live) -> Live:
    """A merchant of its own for a test of the dashboard."""
    return await gateway.merchant()


@pytest.fixture
async def dashboard(page: Page, merchant: Live) -> Dashboard:
    """The dashboard of that merchant on a desktop computer, logged in."""
    made = Dashboard(page, merchant)
    await made.enter()
    return made
