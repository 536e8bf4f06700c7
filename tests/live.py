"""A whole gateway as real processes, and a webhook receiver with a journal of its own, for tests to use."""

import asyncio
import base64
import contextlib
import copy
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import aiohttp
import asyncpg
from aiohttp import web
from redis.asyncio import Redis

from kassa.local import running

T = TypeVar("T")
# Far more than anything takes, so that a busy machine is no failure.
DEADLINE_S = 120.0
PROBE_S = 20.0
TEST_MERCHANT_ID = "550e8400-e29b-41d4-a716-446655440000"
CREDENTIALS = {"X-Api-Key": "key_test_abc123", "X-Api-Secret": "secret_test_xyz789"}
CARD = {
    "number": "4242424242424242",
    "expiry_month": "12",
    "expiry_year": "2099",
    "cvv": "123",
    "holder_name": "A Payer",
}
# Fast and without chance; a test that wants otherwise starts a gateway of its own.
SETTINGS = {
    "TEST_MODE": "true",
    "TEST_PROCESSING_DELAY": "100",
    "REFUND_DELAY_MIN": "100",
    "REFUND_DELAY_MAX": "200",
    "WEBHOOK_RETRY_INTERVALS_TEST": "true",
}


def free_port() -> int:
    """A TCP port that nothing listens on, from below those that the system gives to outgoing connections.

    The port two above is free as well: the dashboard answers there too.
    """
    while True:
        port = 15_000 + secrets.randbelow(15_000)
        try:
            for each in (port, port + 2):
                with socket.socket() as sock:
                    sock.bind(("127.0.0.1", each))
        except OSError:
            continue
        return port


async def until(probe: Callable[[], Awaitable[T | None]], what: str, deadline_s: float = DEADLINE_S) -> T:
    """Ask `probe` until it gives something true, and return that; fails with `what` at the deadline.

    One that does not come back, as happens in a browser, is asked anew.
    """
    ends = time.monotonic() + deadline_s
    while True:
        with contextlib.suppress(TimeoutError):
            found = await asyncio.wait_for(probe(), PROBE_S)
            if found:
                return found
        assert time.monotonic() < ends, f"not within {deadline_s:g} s: {what}"
        await asyncio.sleep(0.02)


@dataclass
class Reply:
    """A status, the headers, and the body as text."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.text)

    @property
    def refusal(self) -> tuple[int, str, str]:
        """Status, code and description of an error answer, which looks like this and no other way."""
        error = self.json["error"]
        assert self.json == {"error": {"code": error["code"], "description": error["description"]}}
        assert self.headers["Content-Type"] == "application/json"
        return self.status, error["code"], error["description"]


class Live:
    """`kassa up` in a home of its own: `async with Live(TEST_MODE="false") as gateway`."""

    def __init__(self, *arguments: str, **settings: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.dashboard_port, self.checkout_port = free_port(), free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="kassa-test-"))
        self.home = self.folder / "home"
        clean = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
        self.environment = {**clean, **SETTINGS, "KASSA_HOME": str(self.home), "PORT": str(self.port), **settings}
        self.environment.setdefault("DASHBOARD_PORT", str(self.dashboard_port))
        self.environment.setdefault("CHECKOUT_PORT", str(self.checkout_port))
        self.credentials = CREDENTIALS
        self.merchant_id = TEST_MERCHANT_ID
        self.webhook_secret = "whsec_test_abc123"
        self._arguments = arguments
        self._process: subprocess.Popen[bytes] | None = None
        self._session: aiohttp.ClientSession | None = None
        self._neighbours = 0
        # Redis has 16 databases, of which this gateway has the first; a neighbour gives its own back.
        self._spare_databases = list(range(1, 16))
        self._give_back: Callable[[], None] = lambda: None

    async def __aenter__(self) -> "Live":
        try:
            await self.start()
        except BaseException:
            # A start that fails leaves nothing running and nothing behind either.
            await self.stop()
            self._forget()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        self._forget()

    async def start(self) -> None:
        """Start it and wait until everything in it works."""
        command = [sys.executable, "-m", "kassa", "up", *self._arguments]
        with (self.folder / "console").open("wb") as console:
            self._process = subprocess.Popen(
                command, env=self.environment, stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT
            )
        self._session = self._session or aiohttp.ClientSession(auto_decompress=False)
        await self.healthy()

    async def healthy(self) -> None:
        """Wait until everything in it works, again after a kill."""
        process = self._process
        assert process is not None

        async def healthy() -> bool:
            assert process.poll() is None, (self.folder / "console").read_text()
            try:
                return bool((await self.get("/health")).json["status"] == "healthy")
            except aiohttp.ClientError:
                return False

        await until(healthy, "a healthy gateway")

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Stop it, by a signal to the supervisor."""
        if self._session is not None:
            await self._session.close()
            self._session = None
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)
            await asyncio.to_thread(self._process.wait, DEADLINE_S)

    def _forget(self) -> None:
        data = (self.home / "postgres").resolve()
        shutil.rmtree(self.folder)
        self._give_back()
        if data.exists():
            shutil.rmtree(data.parent)

    def kill(self, name: str) -> int:
        """`kill -9` of one of its processes (`postgres`, `redis`, `api-1`, `worker-1` …); returns the pid it had."""
        found = running(self.home)
        assert found is not None
        os.kill(found.pids[name], signal.SIGKILL)
        return found.pids[name]

    def urls(self) -> tuple[str, str]:
        """DATABASE_URL and REDIS_URL."""
        found = running(self.home)
        assert found is not None
        return found.database_url, found.redis_url

    async def beside(self, *arguments: str, **settings: str) -> "Live":
        """Another gateway, to be started, on the embedded servers of this one but with a database of its own."""
        database_url, redis_url = self.urls()
        self._neighbours += 1
        name = f"beside_{self._neighbours}"
        connection = await asyncpg.connect(database_url.replace("gateway_user@", "postgres@"))
        try:
            await connection.execute(f"CREATE DATABASE {name} OWNER gateway_user")
        finally:
            await connection.close()
        own_database = database_url.replace("/payment_gateway", f"/{name}")
        number = self._spare_databases.pop(0)
        own_redis = f"{redis_url}?db={number}"
        async with Redis.from_url(own_redis) as redis:
            await redis.flushdb()
        other = Live(*arguments, DATABASE_URL=own_database, REDIS_URL=own_redis, **settings)
        other._give_back = partial(self._spare_databases.append, number)
        return other

    async def merchant(self) -> "Live":
        """The same gateway, as seen by a new merchant that nothing else touches."""
        own, name = copy.copy(self), os.urandom(8).hex()
        own.credentials = {"X-Api-Key": f"key_{name}", "X-Api-Secret": f"secret_{name}"}
        own.webhook_secret = "whsec_" + base64.b64encode(os.urandom(24)).decode()
        rows = await self.sql(
            """INSERT INTO merchants (name, email, api_key, api_secret, webhook_secret)
               VALUES ('A Merchant', $1, $2, $3, $4) RETURNING id::text""",
            f"{name}@example.com",
            *own.credentials.values(),
            own.webhook_secret,
        )
        own.merchant_id = rows[0][0]
        return own

    def logs(self) -> str:
        """Everything that its processes have logged."""
        return "".join(file.read_text(errors="replace") for file in (self.home / "logs").glob("*.log"))

    async def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        raw: bytes | None = None,
        anonymous: bool = False,
    ) -> Reply:
        """One request; `body` is sent as JSON, `raw` as it is; with the merchant's credentials unless `anonymous`."""
        assert self._session is not None
        sent = {} if anonymous else dict(self.credentials)
        data = raw
        if body is not None:
            data = json.dumps(body).encode()
        if data is not None:
            sent["Content-Type"] = "application/json"
        sent |= headers or {}
        async with self._session.request(method, self.url + path, data=data, headers=sent) as response:
            return Reply(response.status, response.headers, (await response.read()).decode())

    async def get(self, path: str, **kwargs: Any) -> Reply:
        """One GET."""
        return await self.request("GET", path, **kwargs)

    async def post(self, path: str, body: Any = None, **kwargs: Any) -> Reply:
        """One POST."""
        return await self.request("POST", path, body, **kwargs)

    async def sql(self, statement: str, *args: object) -> list[Any]:
        """The rows of a statement on the gateway's own database."""
        connection = await asyncpg.connect(self.urls()[0])
        try:
            rows: list[Any] = await connection.fetch(statement, *args)
            return rows
        finally:
            await connection.close()

    async def order(self, amount: int = 50_000, **fields: Any) -> Any:
        """A new order."""
        reply = await self.post("/api/v1/orders", {"amount": amount, **fields})
        assert reply.status == 201, reply.text
        return reply.json

    async def pay(self, order_id: str, vpa: str = "success@kassa", **kwargs: Any) -> Any:
        """A new payment of an order by UPI."""
        reply = await self.post("/api/v1/payments", {"order_id": order_id, "method": "upi", "vpa": vpa}, **kwargs)
        assert reply.status == 201, reply.text
        return reply.json

    async def pay_by_card(self, order_id: str, **card: Any) -> Any:
        """A new payment of an order by card."""
        body = {"order_id": order_id, "method": "card", "card": {**CARD, **card}}
        reply = await self.post("/api/v1/payments", body)
        assert reply.status == 201, reply.text
        return reply.json

    async def settled(self, payment_id: str) -> Any:
        """The payment, once it is final."""

        async def final() -> Any:
            payment = (await self.get(f"/api/v1/payments/{payment_id}")).json
            return payment if payment["status"] in ("success", "failed") else None

        return await until(final, f"{payment_id} is final")

    async def paid(self, amount: int = 50_000) -> Any:
        """A successful payment of a new order."""
        order = await self.order(amount)
        payment = await self.settled((await self.pay(order["id"]))["id"])
        assert payment["status"] == "success", payment
        return payment

    async def use_webhooks(self, url: str | None) -> None:
        """Send the merchant's webhooks to `url`."""
        reply = await self.request("PUT", "/api/v1/webhooks/config", {"url": url})
        assert reply.status == 200, reply.text


@dataclass
class Received:
    """A delivery as it arrived."""

    at: float
    headers: Mapping[str, str]
    body: bytes
    method: str = "POST"
    path: str = "/webhook"

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


Behaviour = Callable[[Received], Awaitable[web.Response]]


async def _accept(_: Received) -> web.Response:
    return web.Response(text="ok")


@dataclass
class Receiver:
    """A webhook receiver: `async with Receiver() as receiver`. It keeps all that arrived, and answers as told."""

    behaviour: Behaviour = _accept
    received: list[Received] = field(default_factory=list)
    port: int = field(default_factory=free_port)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/webhook"

    async def __aenter__(self) -> "Receiver":
        application = web.Application(client_max_size=2**20)
        application.router.add_route("*", "/{any:.*}", self._take)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        received = Received(time.time(), request.headers, await request.read(), request.method, request.path)
        self.received.append(received)
        return await self.behaviour(received)

    def of(self, payment_id: str) -> list[Received]:
        """What arrived about a payment, in the order of its arrival."""
        return [one for one in self.received if one.json["data"]["payment"]["id"] == payment_id]

    async def events(self, payment_id: str, count: int, deadline_s: float = DEADLINE_S) -> list[str]:
        """The events that arrived about a payment, once there are `count`."""

        async def enough() -> list[str] | None:
            found = [one.json["event"] for one in self.of(payment_id)]
            return found if len(found) >= count else None

        return await until(enough, f"{count} events of {payment_id}", deadline_s)
