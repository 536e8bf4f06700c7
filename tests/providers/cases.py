"""The providers that the contract suite runs over, each against its stand-in in a process of its own.

A new provider joins by a line in `PROVIDERS`.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import aiohttp
import pytest
from tests.live import free_port, until

from kassa.providers.base import Capability, Charge, Credentials, Notice, Provider, SessionAsked, Standing
from kassa.providers.paypal import PayPal
from kassa.providers.razorpay import Razorpay
from kassa.providers.stripe import Stripe

SUCCESS_URL = "https://shop.example/thanks?order=1"
CANCEL_URL = "https://shop.example/cart"


class Closing(Provider, Protocol):
    """A provider that holds connections."""

    async def aclose(self) -> None:
        """Close them."""


@dataclass(frozen=True)
class UnderTest:
    """A provider, and what the suite must know of it beside the interface."""

    name: str
    make: Callable[[str, float], Closing]
    """From the stand-in's URL and a time limit in seconds."""
    declines: Mapping[str, str]
    """Some of its codes for a refused payment, and ours for them."""
    currencies: frozenset[str]
    stale_is_refused: bool = True
    """Whether its signature covers the time, so that an old one can be told."""
    tolerance_s: int = 300
    """How old it may be, where it does."""
    holds: bool = True
    """Whether money can be held and captured later."""
    lets_go: bool = True
    """Whether held money can be let go at once."""
    leads_back: bool = True
    """Whether its page has a way back to the shop without paying."""


PROVIDERS = [
    UnderTest(
        "stripe",
        Stripe,
        {
            "insufficient_funds": "insufficient_funds",
            "lost_card": "card_declined",
            "expired_card": "expired_card",
            "incorrect_cvc": "incorrect_cvc",
            "card_velocity_exceeded": "limit_exceeded",
            "a_code_of_tomorrow": "card_declined",
        },
        frozenset({"USD", "INR", "JPY", "KWD"}),
    ),
    UnderTest(
        "paypal",
        PayPal,
        {
            "5120": "insufficient_funds",
            "5400": "expired_card",
            "INSTRUMENT_DECLINED": "card_declined",
            "PAYER_ACCOUNT_RESTRICTED": "invalid_account",
            "TRANSACTION_LIMIT_EXCEEDED": "limit_exceeded",
        },
        frozenset({"USD", "JPY"}),
        tolerance_s=3 * 86_400 + 3_600,
        holds=False,
    ),
    UnderTest(
        "razorpay",
        Razorpay,
        {
            "insufficient_funds": "insufficient_funds",
            "debit_instrument_blocked": "card_declined",
            "card_expired": "expired_card",
            "incorrect_cvv": "incorrect_cvc",
            "transaction_limit_exceeded": "limit_exceeded",
            "a_reason_of_tomorrow": "PAYMENT_FAILED",
        },
        frozenset({"USD", "INR", "JPY", "KWD"}),
        stale_is_refused=False,
        lets_go=False,
        leads_back=False,
    ),
]


class Sandbox:
    """`kassa sandbox` as a process of its own, and its control endpoints."""

    def __init__(self, notify: Mapping[str, str] | None = None) -> None:
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        code = f"from kassa.sandbox.server import run; run({port}, {dict(notify or {})!r})"
        self._process = subprocess.Popen([sys.executable, "-c", code])
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> "Sandbox":
        self._session = aiohttp.ClientSession()

        async def answers() -> bool:
            assert self._process.poll() is None
            try:
                await self.get("/")
            except aiohttp.ClientError:
                return False
            return True

        await until(answers, "the sandbox answers")
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._session is not None
        await self._session.close()
        self._process.terminate()
        await asyncio.to_thread(self._process.wait, 30)

    async def request(self, method: str, url: str, **kwargs: Any) -> tuple[int, Mapping[str, str], str]:
        """Status, headers and text; `url` may be a path."""
        assert self._session is not None
        url = url if url.startswith("http") else self.url + url
        async with self._session.request(method, url, allow_redirects=False, **kwargs) as response:
            return response.status, response.headers, await response.text()

    async def get(self, path: str) -> Any:
        """A JSON answer."""
        status, _, text = await self.request("GET", path)
        assert status == 200, text
        return json.loads(text)

    async def control(self, path: str, **body: Any) -> Any:
        """Make something happen."""
        status, _, text = await self.request("POST", f"/control/{path}", json=body)
        assert status == 200, text
        return json.loads(text)


@dataclass
class Case:
    """One provider with its stand-in, and the few steps that most tests begin with."""

    under: UnderTest
    sandbox: Sandbox
    provider: Closing
    impatient: Closing
    credentials: Credentials
    opened: list[str] = field(default_factory=list)

    def asked(self, amount: int = 50_000, currency: str = "USD", **more: Any) -> SessionAsked:
        """A session to open, of a payment that nothing else knows."""
        name = os.urandom(8).hex()
        given: dict[str, Any] = {
            "session_id": f"cs_{name}",
            "payment_id": f"pay_{name}",
            "order_id": f"order_{name}",
            "amount": amount,
            "currency": currency,
            "success_url": SUCCESS_URL,
            "cancel_url": CANCEL_URL,
            "expires_at": datetime.now(UTC) + timedelta(hours=24),
            **more,
        }
        return SessionAsked(**given)

    async def open(self, amount: int = 50_000, currency: str = "USD", **more: Any) -> Charge:
        """A session that waits for its payer."""
        asked = self.asked(amount, currency, **more)
        opened = await self.provider.open_session(asked, self.credentials)
        return charge_of(asked, opened.provider_ref)

    async def outcome(self, charge: Charge, outcome: str, code: str | None = None) -> None:
        """Let the payer or the bank do something."""
        await self.control("outcome", session=charge.payment_id, outcome=outcome, code=code)

    async def standing(self, charge: Charge) -> Standing:
        """What the provider says."""
        return await self.provider.retrieve(charge, self.credentials)

    async def paid(self, amount: int = 50_000, currency: str = "USD", outcome: str = "pay") -> Charge:
        """A payment that has been made."""
        charge = await self.open(amount, currency)
        await self.outcome(charge, outcome)
        standing = await self.standing(charge)
        assert standing.state == "succeeded", standing
        return Charge(
            payment_id=charge.payment_id, provider_ref=charge.provider_ref, charge_ref=standing.charge_ref,
            amount=amount, currency=currency,
        )  # fmt: skip

    async def control(self, path: str, **body: Any) -> Any:
        """Make something happen at this provider."""
        return await self.sandbox.control(path, provider=self.under.name, **body)

    async def books(self, payment_id: str, kind: str) -> list[Any]:
        """The stand-in's own `sessions`, `charges` or `refunds` of a payment."""
        rows = (await self.sandbox.get(f"/control/books/{self.under.name}"))[kind]
        return [row for row in rows if row["payment_id"] == payment_id]

    async def notifications(self, since: int = 0) -> list[Any]:
        """The stand-in's notifications after the first `since`, signed now."""
        return list(await self.sandbox.get(f"/control/notifications/{self.under.name}"))[since:]

    async def notices(self, since: int = 0) -> list[Notice]:
        """The same, as the provider reads them."""
        return [
            await self.provider.verify(one["headers"], one["body"].encode(), self.credentials, datetime.now(UTC))
            for one in await self.notifications(since)
        ]

    def needs(self, capability: Capability) -> None:
        """Skip the test where the provider does not declare it."""
        if capability not in self.provider.capabilities:
            pytest.skip(f"{self.under.name} cannot do this: {capability}")


def charge_of(asked: SessionAsked, provider_ref: str) -> Charge:
    """The payment of a session, before there is money."""
    return Charge(
        payment_id=asked.payment_id, provider_ref=provider_ref, charge_ref=None, amount=asked.amount,
        currency=asked.currency,
    )  # fmt: skip
