"""The dashboard as a merchant uses it: one browser window, logged in, of a merchant that no other test touches."""

from dataclasses import dataclass

from playwright.async_api import Locator, Page, expect

from kassa.actions.log_in import hash_password
from tests.live import Live

PASSWORD = "correct horse battery"
PAGES = ("", "/transactions", "/orders", "/payment-links", "/refunds", "/webhooks", "/api-keys", "/providers", "/docs")
# Whoever runs this anywhere on a page leaves a trace that `Dashboard.unharmed` finds.
HOSTILE = '\'"><img src=nowhere onerror="window.harmed=1;alert(1)"><script>window.harmed=1</script>{{7*7}}'


@dataclass
class Dashboard:
    """A window on the dashboard, and the merchant that it belongs to."""

    page: Page
    merchant: Live

    def at(self, path: str) -> str:
        """The address of a page, such as `/login`."""
        return f"http://127.0.0.1:{self.merchant.dashboard_port}{path}"

    def one(self, test_id: str) -> Locator:
        """The element with this `data-test-id`."""
        return self.page.locator(f'[data-test-id="{test_id}"]')

    async def go(self, path: str = "") -> None:
        """Open `/dashboard` or a page below it, and wait for its heading."""
        await self.page.goto(self.at(f"/dashboard{path}"))
        await expect(self.page.locator("h1")).to_be_visible()

    async def email(self) -> str:
        """The merchant's e-mail address."""
        rows = await self.merchant.sql("SELECT email FROM merchants WHERE id = $1::uuid", self.merchant.merchant_id)
        return str(rows[0][0])

    async def give_password(self) -> None:
        """Let the merchant log in with PASSWORD."""
        statement = "UPDATE merchants SET password_hash = $1 WHERE id = $2::uuid"
        await self.merchant.sql(statement, hash_password(PASSWORD), self.merchant.merchant_id)

    async def log_in(self, email: str, password: str = PASSWORD) -> None:
        """Fill in the log-in page that is open, and send it off."""
        await self.one("email-input").fill(email)
        await self.one("password-input").fill(password)
        await self.one("login-button").click()

    async def enter(self) -> None:
        """Log in, and wait until the dashboard is there."""
        await self.give_password()
        await self.page.goto(self.at("/login"))
        await self.log_in(await self.email())
        await expect(self.one("dashboard")).to_be_visible()

    async def unharmed(self, texts: int) -> None:
        """HOSTILE is on the page as plain text at least `texts` times, and has neither run nor become an element."""
        await expect(self.page.get_by_text("onerror=").nth(texts - 1)).to_be_visible()
        assert await self.page.evaluate("window.harmed") is None
        assert await self.page.locator('img[src="nowhere"]').count() == 0
