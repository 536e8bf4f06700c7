"""Waits that neither hang nor depend on how quick the machine is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Page, Route

from tests.live import until

KEY_S = 5.0
POLLS = "**/api/v1/payments/*/public"


async def true(page: Page, expression: str) -> None:
    """Wait until `expression` is true; without `eval`, which a page's policy may forbid."""
    await until(lambda: page.evaluate(expression), expression)


async def press(page: Page, key: str) -> None:
    """Press a key, whose effect the caller waits for.

    A frame that is gone by what the key does cannot say that it took it, and Chromium may wait for that for ever.
    """
    pressed = asyncio.ensure_future(page.keyboard.press(key))
    done, _ = await asyncio.wait({pressed}, timeout=KEY_S)
    pressed.cancel()
    for one in done:
        one.result()


@asynccontextmanager
async def held(page: Page, url: str = POLLS) -> AsyncIterator[None]:
    """Until the block ends nothing comes back from `url`: else a page may have gone on before it was looked at.

    With POLLS the checkout page does not hear how its payment stands; with an address it stays where it is.
    """
    over = asyncio.Event()

    async def hold(route: Route) -> None:
        await over.wait()
        await route.continue_()

    await page.route(url, hold)
    try:
        yield
    finally:
        over.set()
        await page.unroute_all(behavior="ignoreErrors")
