"""One round of measurements: Kassa and the bare thing in turn, each for the same time."""

import asyncio
import json
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass

from bench import pgbench, posting
from bench.figures import Samples
from bench.load import Plan, Taken, put
from bench.receiver import Receiver
from bench.stand import TEST_CREDENTIALS, TEST_PAYEE, Credentials, Orders, Payee, Stand
from kassa import __version__
from kassa.domain import webhook

CONNECTIONS = 64
CLIENTS = 32
POSTS_AT_ONCE = 100
WARM_UP_S = 1.0
ORDER = {"amount": 50_000, "currency": "INR", "receipt": "receipt_1"}


@dataclass(frozen=True)
class Size:
    """How long each measurement takes, and how many payments those take that need a number."""

    rounds: int
    duration_s: float
    payments: int
    payments_told: int
    payments_told_one: int


FULL = Size(rounds=3, duration_s=10, payments=100_000, payments_told=20_000, payments_told_one=5_000)
QUICK = Size(rounds=1, duration_s=2, payments=20_000, payments_told=2_000, payments_told_one=500)


def request(path: str, body: object, credentials: Credentials) -> bytes:
    """The bytes of one POST on a connection that stays open."""
    content = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"X-Api-Key: {credentials[0]}\r\nX-Api-Secret: {credentials[1]}\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def payments_of(orders: Orders) -> list[bytes]:
    """A request for each order that pays it by UPI."""
    return [
        request(
            "/api/v1/payments",
            {"order_id": f"order_{orders.first + n}", "method": "upi", "vpa": "payer@bank"},
            orders.payees[n % len(orders.payees)].credentials,
        )
        for n in range(orders.count)
    ]


class Round:
    """The measurements of one round on one stand, added to the samples."""

    def __init__(self, stand: Stand, samples: Samples, size: Size, say: Callable[[str], None]) -> None:
        self._stand, self._samples, self._size, self._say = stand, samples, size, say

    def _add(self, name: str, value: float, told: str) -> None:
        self._samples.add(name, value, self._stand.stored)
        self._say(f"  {told}: {value:,.2f}" if value < 100 else f"  {told}: {value:,.0f}")

    async def _put(self, requests: list[bytes], connections: int = CONNECTIONS, *, each_once: bool = False) -> Taken:
        warm_up_s = 0 if each_once else min(WARM_UP_S, self._size.duration_s / 4)
        plan = Plan(self._stand.port, connections, requests, self._size.duration_s, warm_up_s, each_once)
        return await put(plan)

    async def _insert(self, script: str, clients: int = CLIENTS) -> pgbench.Inserted:
        stand = self._stand
        return await pgbench.insert(stand.pgbench, stand.database_url, script, clients, self._size.duration_s)

    async def accepting(self) -> None:
        """Orders and payments accepted, each against the bare INSERT, and the payments settled."""
        stand = self._stand
        taken = await self._put([request("/api/v1/orders", ORDER, TEST_CREDENTIALS)])
        self._add("orders", taken.per_s, "orders accepted a second")
        self._add("orders_p50_ms", taken.p50_ms, "  half of them within ms")
        self._add("orders_p99_ms", taken.p99_ms, "  99 of 100 within ms")
        script = pgbench.ORDERS.format(merchant_id=TEST_PAYEE.id)
        self._add("bare_orders", (await self._insert(script)).per_s, "bare inserts of orders a second")
        orders = await stand.orders(self._size.payments, [TEST_PAYEE])
        before = await stand.done("payments")
        taken = await self._put(payments_of(orders))
        self._add("payments", taken.per_s, "payments accepted a second")
        self._add("payments_p50_ms", taken.p50_ms, "  half of them within ms")
        self._add("payments_p99_ms", taken.p99_ms, "  99 of 100 within ms")
        await self._bare_payments(orders)
        await self._settled(before)

    async def _bare_payments(self, orders: Orders) -> None:
        """Without the trigger that counts for the dashboard: single rows would only wait for each other there."""
        last = orders.first + orders.count - 1
        script = pgbench.PAYMENTS.format(merchant_id=TEST_PAYEE.id, first_order=orders.first, last_order=last)
        await self._stand.database.execute("ALTER TABLE payments DISABLE TRIGGER payments_counted")
        inserted = await self._insert(script)
        await self._stand.database.execute("ALTER TABLE payments ENABLE TRIGGER payments_counted")
        self._add("bare_payments", inserted.per_s, "bare inserts of payments a second")

    async def _settled(self, before: int) -> None:
        """From the worker's start until the last of the payments accepted above is final."""
        stand = self._stand
        open_payments = "SELECT count(*) FROM payments WHERE status = 'pending' AND due_at IS NOT NULL"
        count = await stand.value(open_payments)
        started = time.perf_counter()
        stand.work()
        await stand.until_done("payments", before + count)
        took_s = time.perf_counter() - started
        await self._rested()
        left = await stand.value(open_payments)
        if left:
            raise RuntimeError(f"{left} payments were not settled")
        self._add("settled", count / took_s, "payments settled a second")

    async def _rested(self) -> None:
        # What the worker does beside its work, such as a heartbeat, has ended by then.
        await asyncio.sleep(0.2)
        self._stand.rest()

    async def idle(self) -> None:
        """An order on one connection with nothing else going on, against a bare INSERT from one client."""
        taken = await self._put([request("/api/v1/orders", ORDER, TEST_CREDENTIALS)], connections=1)
        inserted = await self._insert(pgbench.ORDERS.format(merchant_id=TEST_PAYEE.id), clients=1)
        self._add("idle_order_ms", taken.mean_ms, "ms for an order on an idle gateway")
        self._add("idle_bare_ms", inserted.mean_ms, "ms for a bare insert")
        self._samples.add("idle_over_ms", taken.mean_ms - inserted.mean_ms)

    async def delivering(self, receiver: Receiver, many: list[Payee], one: list[Payee]) -> None:
        """Payments accepted with webhooks, settled and told of, against the bare HTTP client."""
        taken = await self._told(self._size.payments_told, many, "delivered")
        self._add("payments_told", taken.per_s, "payments with webhooks accepted a second")
        self._add("payments_told_p99_ms", taken.p99_ms, "  99 of 100 within ms")
        plan = posting.Plan(receiver.url, await self._messages(), POSTS_AT_ONCE, self._size.duration_s)
        self._add("bare_posts", await posting.posts_per_s(plan), "posts of the bare HTTP client a second")
        await self._told(self._size.payments_told_one, one, "delivered_one")

    async def _told(self, count: int, payees: list[Payee], name: str) -> Taken:
        """Accept `count` payments while the worker rests; then time it until all are settled and all is delivered."""
        stand = self._stand
        orders = await stand.orders(count, payees)
        settled, delivered = await stand.done("payments"), await stand.done("deliveries")
        taken = await self._put(payments_of(orders), each_once=True)
        await asyncio.sleep(0.2)  # the bank's answer to the last of them is due 0.1 s later
        started = time.perf_counter()
        stand.work()
        await stand.until_done("payments", settled + count)
        settled_s = time.perf_counter() - started
        await stand.until_done("deliveries", delivered + 3 * count)
        took_s = time.perf_counter() - started
        await self._rested()
        left = await stand.value("SELECT count(*) FROM webhook_logs WHERE status <> 'success' OR attempts <> 1")
        if left:
            raise RuntimeError(f"{left} webhooks were not delivered at the first attempt")
        self._add(name, 3 * count / took_s, f"webhooks delivered a second to {len(payees)} merchants")
        self._add(f"{name}_settled", count / settled_s, "  the payments settled meanwhile a second")
        return taken

    async def _messages(self) -> list[tuple[bytes, dict[str, str]]]:
        """Webhooks as the worker has sent them: the same bytes with the same headers."""
        rows = await self._stand.database.fetch(
            "SELECT d.id::text, d.payload::text, m.webhook_secret FROM webhook_logs d"
            " JOIN merchants m ON m.id = d.merchant_id LIMIT 1000"
        )
        fixed = {"Content-Type": "application/json", "User-Agent": f"Kassa/{__version__}"}
        return [
            (payload.encode(), fixed | webhook.signature_headers([secret], each, int(time.time()), payload.encode()))
            for each, payload, secret in rows
        ]

    async def wrk(self) -> None:
        """Orders again with wrk, where it is installed, to check the load generator of this program."""
        if shutil.which("wrk") is None:
            return
        script = "wrk.method = 'POST'\nwrk.headers['Content-Type'] = 'application/json'\n"
        script += f"wrk.headers['X-Api-Key'] = '{TEST_CREDENTIALS[0]}'\n"
        script += f"wrk.headers['X-Api-Secret'] = '{TEST_CREDENTIALS[1]}'\nwrk.body = '{json.dumps(ORDER)}'\n"
        with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
            file.write(script)
            file.flush()
            process = await asyncio.create_subprocess_exec(
                "wrk", f"-c{CONNECTIONS}", "-t1", f"-d{max(1, round(self._size.duration_s))}s", f"-s{file.name}",
                f"{self._stand.url}/api/v1/orders", stdout=-1,
            )  # fmt: skip
            output = (await process.communicate())[0].decode()
        rate = re.search(r"^Requests/sec: +([0-9.]+)", output, re.MULTILINE)
        if process.returncode != 0 or rate is None or "Non-2xx" in output:
            raise RuntimeError(f"wrk failed:\n{output}")
        self._add("wrk_orders", float(rate[1]), "orders accepted a second, measured by wrk")
