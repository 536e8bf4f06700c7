"""A merchant who uses one provider, what may be done at that provider's sandbox, and what is asked by hand."""

import asyncio
import copy
import hmac
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from tests.live import Live, until
from tests.providers.cases import PROVIDERS
from tests.stand import Stand

NAMES = [under.name for under in PROVIDERS]
OWN = {"key": "sk_test_its_own", "webhook_secret": "whsec_its_own"}
SHARED_SECRET = "whsec_kassa_sandbox"


class Shop:
    """Its gateway is seen as its merchant sees it."""

    def __init__(self, gateway: Live, provider: str, sandbox_url: str, session: aiohttp.ClientSession) -> None:
        self.gateway, self.provider, self.sandbox_url, self._session = gateway, provider, sandbox_url, session

    def of(self, merchant: Live) -> "Shop":
        """Another merchant's shop at the same provider."""
        other = copy.copy(self)
        other.gateway = merchant
        return other

    async def control(self, path: str, **body: Any) -> Any:
        """Make something happen at the sandbox."""
        body = {"provider": self.provider, **body}
        async with self._session.post(f"{self.sandbox_url}/control/{path}", json=body) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def books(self, kind: str, payment_id: str) -> list[Any]:
        """The sandbox's own books of a payment."""
        async with self._session.get(f"{self.sandbox_url}/control/books/{self.provider}") as response:
            rows: list[Any] = (await response.json())[kind]
        return [row for row in rows if row["payment_id"] == payment_id]

    async def open(self, order_id: str | None = None, **kwargs: Any) -> Any:
        """An open session of a new order."""
        order_id = order_id or (await self.gateway.order(50_000, currency="USD"))["id"]
        body = {
            "order_id": order_id,
            "provider": self.provider,
            "success_url": "https://shop.example/thanks",
            "cancel_url": "https://shop.example/cart",
        }
        reply = await self.gateway.post("/api/v1/checkout/sessions", body, **kwargs)
        assert reply.status == 201, reply.text
        return reply.json

    async def payment(self, payment_id: str) -> Any:
        """The payment as it stands."""
        return (await self.gateway.get(f"/api/v1/payments/{payment_id}")).json

    async def look(self, payment_id: str) -> None:
        """Let the gateway ask the provider now rather than on its schedule."""
        session_id = (await self.gateway.sql("SELECT session_id FROM payments WHERE id = $1", payment_id))[0][0]
        assert (await self.gateway.get(f"/api/v1/checkout/sessions/{session_id}")).status == 200


@asynccontextmanager
async def shop_of(
    stand: Stand, provider: str, merchant: Live | None = None, **notifications: Any
) -> AsyncIterator[Shop]:
    """A shop of `merchant`, else of the seeded one, at a sandbox where nothing has happened yet.

    What the sandbox has forgotten the gateway lets be, too: of earlier tests nothing is open, asked about or of today.
    """
    async with aiohttp.ClientSession() as session:
        one = Shop(merchant or stand.gateway, provider, stand.sandbox_url, session)
        await one.control("reset")
        await one.control("notifications", **notifications)
        await stand.gateway.sql(
            """UPDATE payments SET created_at = created_at - interval '9 days', held_due_at = NULL,
                   status = CASE WHEN status IN ('success', 'failed') THEN status ELSE 'failed' END,
                   returned_at = CASE WHEN return_due_at IS NULL THEN returned_at ELSE coalesce(returned_at, now()) END
               WHERE created_at > now() - interval '9 days' AND provider <> 'simulator'"""
        )
        yield one


async def using(gateway: Live, provider: str) -> Live:
    """A new merchant who has chosen a provider."""
    merchant = await gateway.merchant()
    assert (await merchant.request("PATCH", "/api/v1/merchant", {"provider": provider})).status == 200
    return merchant


async def reconcile(gateway: Live, *arguments: str, **settings: str) -> tuple[int, list[str]]:
    """Run `kassa reconcile`; its exit code and lines."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "kassa", "reconcile", *arguments, env={**gateway.environment, **settings},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode().splitlines()


async def told(shop: Shop, event_type: str, subject: Any, event_id: str, *, by_gateway: bool) -> str:
    """What came of an event of Stripe's, signed by the gateway's account there, or by the merchant's own, `OWN`."""
    event = {"id": event_id, "object": "event", "type": event_type, "data": {"object": subject}}
    body, at = json.dumps(event), int(time.time())
    secret = SHARED_SECRET if by_gateway else OWN["webhook_secret"]
    signature = hmac.new(secret.encode(), f"{at}.{body}".encode(), "sha256").hexdigest()
    path = "/api/v1/providers/stripe/notifications" + ("" if by_gateway else f"/{shop.gateway.merchant_id}")
    headers = {"Stripe-Signature": f"t={at},v1={signature}"}
    reply = await shop.gateway.post(path, raw=body.encode(), headers=headers, anonymous=True)
    assert reply.status == 200, reply.text

    async def applied() -> Any:
        return await shop.gateway.sql(
            """SELECT note FROM provider_events
               WHERE event_id = $1 AND merchant_id IS NOT DISTINCT FROM $2::uuid AND status = 'applied'""",
            event_id,
            None if by_gateway else shop.gateway.merchant_id,
        )

    return str((await until(applied, "the notification is applied"))[0][0])
