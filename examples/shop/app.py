"""A sample shop: sells a mug through Kassa and shows each webhook that arrives, who signed it and what was answered."""

import asyncio
import hashlib
import hmac
import itertools
import json
import os
import socket
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, Self

from aiohttp import ClientError, ClientSession, ClientTimeout, web

PRODUCT = "Enamel mug"
PRICE_PAISE = 50_000
KEPT = 200
SHOWN = ("X-Webhook-Signature", "webhook-id", "webhook-timestamp", "webhook-signature")
# Mode → delay_ms and status, unless told otherwise; a hang outlasts Kassa's patience of 5 s by far.
DEFAULTS = {"ok": (0, 200), "fail": (0, 500), "slow": (3_000, 200), "hang": (60_000, 200)}

GREETING = """
To have webhooks sent here, press “Register me” there, or run

  curl -X PUT %(api_url)s/api/v1/webhooks/config -H 'Content-Type: application/json' \\
    -H "X-Api-Key: ${TEST_API_KEY:-key_test_abc123}" -H "X-Api-Secret: ${TEST_API_SECRET:-secret_test_xyz789}" \\
    -d '{"url": "%(webhook_url)s"}'
"""


@dataclass(frozen=True)
class Behaviour:
    """How webhooks are answered: `fail` with `status`, `slow` after `delay_ms`, `hang` never (hangs up after it)."""

    mode: str = "ok"
    delay_ms: int = 0
    status: int = 200

    @classmethod
    def told(cls, wish: object) -> Self:
        """Read a wish such as `{"mode": "fail", "status": 503}`; raises ValueError saying what is wrong with it."""
        if not isinstance(wish, dict) or (mode := str(wish.get("mode"))) not in DEFAULTS:
            raise ValueError("mode must be one of " + ", ".join(DEFAULTS))
        delay_ms, status = wish.get("delay_ms", DEFAULTS[mode][0]), wish.get("status", DEFAULTS[mode][1])
        if type(delay_ms) is not int or not 0 <= delay_ms <= 60_000:
            raise ValueError("delay_ms must be a whole number from 0 to 60000")
        if type(status) is not int or not 200 <= status <= 599:
            raise ValueError("status must be a whole number from 200 to 599")
        return cls(mode, delay_ms, status)


@dataclass
class Delivery:
    """One webhook, however often it was sent; `change` grows with each thing that happens to it."""

    id: str
    event: str
    payment_id: str
    signature: Literal["ok", "wrong", "missing"]
    headers: dict[str, str]
    body: str
    received_at: str = ""
    attempts: int = 0
    answers: list[str] = field(default_factory=list)
    change: int = 0


class Shop:
    """The shop's memory, and its line to the gateway."""

    def __init__(self, environ: Mapping[str, str], port: int) -> None:
        self.api_url = (environ.get("KASSA_API_URL") or "http://localhost:8000").rstrip("/")
        self.key = environ.get("TEST_API_KEY") or "key_test_abc123"
        self.secret = environ.get("TEST_API_SECRET") or "secret_test_xyz789"
        self.webhook_secret = environ.get("WEBHOOK_SECRET") or "whsec_test_abc123"
        self.webhook_url = environ.get("WEBHOOK_URL") or f"http://localhost:{port}/webhook"
        self.checkout_port = int(environ.get("CHECKOUT_PORT") or 3001)
        self.behaviour = Behaviour()
        self.deliveries: dict[tuple[str, str], Delivery] = {}
        self.changes = itertools.count(1)
        self.http: ClientSession

    def receive(self, headers: Mapping[str, str], body: bytes) -> Delivery:
        """Note one attempt at a delivery; attempts with the same `webhook-id` are one delivery."""
        signature = check_signature(headers.get("X-Webhook-Signature"), self.webhook_secret, body)
        change = next(self.changes)
        webhook_id = headers.get("webhook-id") or f"without id {change}"
        # The signature is part of the key: a forger who knows an id must not touch the genuine delivery.
        key = (webhook_id, signature)
        if key not in self.deliveries:
            shown = {name: headers[name] for name in SHOWN if name in headers}
            self.deliveries[key] = Delivery(webhook_id, *describe(body), signature, shown, str(body, errors="replace"))
            if len(self.deliveries) > KEPT:
                del self.deliveries[next(iter(self.deliveries))]
        delivery = self.deliveries[key]
        delivery.change = change
        delivery.attempts += 1
        delivery.received_at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return delivery

    async def ask(self, method: str, path: str, body: object = None) -> web.Response:
        """Call the gateway as the merchant, and hand its answer on."""
        headers = {"X-Api-Key": self.key, "X-Api-Secret": self.secret}
        try:
            async with self.http.request(method, self.api_url + path, json=body, headers=headers) as answer:
                return web.Response(status=answer.status, body=await answer.read(), content_type="application/json")
        except (ClientError, TimeoutError):
            return failure(502, f"Kassa does not answer at {self.api_url}")


SHOP = web.AppKey("shop", Shop)
routes = web.RouteTableDef()


def check_signature(given: str | None, secret: str, body: bytes) -> Literal["ok", "wrong", "missing"]:
    """Compare the `X-Webhook-Signature` given with the HMAC of the very bytes that came, in constant time."""
    if given is None:
        return "missing"
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return "ok" if hmac.compare_digest(expected.encode(), given.encode(errors="replace")) else "wrong"


def describe(body: bytes) -> tuple[str, str]:
    """Event and payment id of a webhook's body, each empty when the body does not say; it may be anything."""

    def dig(value: object, *names: str) -> str:
        for name in names:
            value = value.get(name) if isinstance(value, dict) else None
        return value if isinstance(value, str) else ""

    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        return "", ""
    return dig(payload, "event"), dig(payload, "data", "payment", "id")


def failure(status: int, description: str) -> web.Response:
    """An error in the gateway's own form, so that the page reads both alike."""
    return web.json_response({"error": {"code": "SHOP_ERROR", "description": description}}, status=status)


@routes.get("/")
async def page(_: web.Request) -> web.FileResponse:
    """The shop's only page."""
    return web.FileResponse(Path(__file__).with_name("index.html"), headers={"Cache-Control": "no-cache"})


@routes.get("/config")
async def config(request: web.Request) -> web.Response:
    """What the page needs to know; the API secret stays here."""
    shop = request.app[SHOP]
    product = {"product": PRODUCT, "amount": PRICE_PAISE, "key": shop.key, "checkout_port": shop.checkout_port}
    return web.json_response(product | {"webhook_url": shop.webhook_url, "behaviour": asdict(shop.behaviour)})


@routes.post("/orders")
async def create_order(request: web.Request) -> web.Response:
    """Open an order at the gateway. The price is the shop's: never take it from the browser."""
    order = {"amount": PRICE_PAISE, "currency": "INR", "receipt": "shop", "notes": {"product": PRODUCT}}
    return await request.app[SHOP].ask("POST", "/api/v1/orders", order)


@routes.post("/payments")
async def pay_by_upi(request: web.Request) -> web.Response:
    """Pay without the checkout page; the form holds `order_id` and `vpa`."""
    form = await request.post()
    payment = {"order_id": str(form.get("order_id")), "method": "upi", "vpa": str(form.get("vpa"))}
    return await request.app[SHOP].ask("POST", "/api/v1/payments", payment)


@routes.get(r"/payments/{id:pay_\w+}")
async def payment_status(request: web.Request) -> web.Response:
    """Where a payment stands."""
    return await request.app[SHOP].ask("GET", f"/api/v1/payments/{request.match_info['id']}")


@routes.post("/register")
async def register(request: web.Request) -> web.Response:
    """Have the gateway send its webhooks here."""
    shop = request.app[SHOP]
    return await shop.ask("PUT", "/api/v1/webhooks/config", {"url": shop.webhook_url})


@routes.post("/behaviour")
async def behave(request: web.Request) -> web.Response:
    """Choose how webhooks are answered from now on."""
    try:
        request.app[SHOP].behaviour = Behaviour.told(await request.json())
    except (ValueError, RecursionError) as error:
        return failure(400, str(error))
    return web.json_response(asdict(request.app[SHOP].behaviour))


@routes.get("/received")
async def received(request: web.Request) -> web.Response:
    """What arrived, the latest first; with `?after=<change>` only what has changed since."""
    after = request.query.get("after", "0")
    since = int(after) if after.isdecimal() else 0
    found = [delivery for delivery in request.app[SHOP].deliveries.values() if delivery.change > since]
    found.sort(key=lambda delivery: delivery.change, reverse=True)
    return web.json_response([asdict(delivery) for delivery in found])


@routes.post("/webhook")
async def webhook(request: web.Request) -> web.Response:
    """Receive a webhook: note it, check it, then answer as told. A real shop would act on the first genuine attempt."""
    shop = request.app[SHOP]
    behaviour = shop.behaviour
    delivery = shop.receive(request.headers, await request.read())
    answer = "sender gave up"
    try:
        if behaviour.mode in ("slow", "hang"):
            await asyncio.sleep(behaviour.delay_ms / 1000)
        status = behaviour.status if delivery.signature == "ok" else 401
        answer = "none" if behaviour.mode == "hang" else str(status)
    finally:
        delivery.answers.append(answer)
        delivery.change = next(shop.changes)
    if behaviour.mode == "hang" and request.transport is not None:
        request.transport.abort()
    return web.Response(status=status)


async def line_to_gateway(app: web.Application) -> AsyncIterator[None]:
    """Keep one HTTP client open for as long as the shop is."""
    async with ClientSession(timeout=ClientTimeout(total=10)) as app[SHOP].http:
        yield


def main() -> None:
    """Open the shop on PORT (4000; 0 takes a free one) until it is stopped."""
    port, dual = int(os.environ.get("PORT") or 4000), socket.has_dualstack_ipv6()
    # Both families, because a gateway may find either behind the name `localhost`.
    family = socket.AF_INET6 if dual else socket.AF_INET
    listener = socket.create_server(("", port), family=family, dualstack_ipv6=dual)
    app = web.Application(client_max_size=256 * 1024)
    app[SHOP] = Shop(os.environ, listener.getsockname()[1])
    app.add_routes(routes)
    app.cleanup_ctx.append(line_to_gateway)
    print(f"The shop is open at http://localhost:{listener.getsockname()[1]}", GREETING % vars(app[SHOP]), flush=True)
    web.run_app(app, sock=listener, print=None, access_log=None, shutdown_timeout=1, handler_cancellation=True)


if __name__ == "__main__":
    main()
