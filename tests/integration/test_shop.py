"""The sample shop, as a real process: believes genuine webhooks only, counts attempts, misbehaves when told to."""

import asyncio
import hashlib
import hmac
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, ClientTimeout, ServerDisconnectedError, web

APP = Path(__file__).parents[2] / "examples" / "shop" / "app.py"
SECRET = "whsec_of_this_test"
BODY = '{"event":"payment.success","timestamp":1,"data":{"payment":{"id":"pay_A1","amount":50000,"x":"ü"}}}'.encode()
DEADLINE_S = 60


class Gateway:
    """A server that stands where Kassa would: notes what it is asked, and answers 201 with what it was sent."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, dict[str, str], Any]] = []
        self.url = ""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.answer)
        self.runner = web.AppRunner(app)

    async def answer(self, request: web.Request) -> web.Response:
        """Note one request; `GET` has no body."""
        body = await request.json() if request.can_read_body else None
        credentials = {name: request.headers[name] for name in ("X-Api-Key", "X-Api-Secret")}
        self.asked.append((request.method, request.path, credentials, body))
        return web.json_response({"echo": body}, status=201)


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    found = Gateway()
    await found.runner.setup()
    await web.TCPSite(found.runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{found.runner.addresses[0][1]}"
    yield found
    await found.runner.cleanup()


@pytest.fixture
async def shop(gateway: Gateway) -> AsyncIterator[ClientSession]:
    """A client of a freshly opened shop. The shop must close without having complained about anything."""
    environ = os.environ | {
        "PORT": "0",
        "KASSA_API_URL": gateway.url,
        "WEBHOOK_URL": "http://shop.example/webhook",
        "WEBHOOK_SECRET": SECRET,
        "TEST_API_KEY": "key_of_this_test",
        "TEST_API_SECRET": "secret_of_this_test",
    }
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(sys.executable, str(APP), env=environ, stdout=pipe, stderr=pipe)
    assert process.stdout is not None
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), DEADLINE_S)).decode()
        assert line.startswith("The shop is open at http://localhost:"), line
        async with ClientSession(line.split()[-1], timeout=ClientTimeout(total=DEADLINE_S)) as client:
            yield client
    finally:
        process.terminate()
        _, complaints = await asyncio.wait_for(process.communicate(), DEADLINE_S)
    assert complaints.decode() == ""
    assert process.returncode == 0


def sign(body: bytes, secret: str = SECRET) -> str:
    """The signature that the gateway would send."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


async def send(
    shop: ClientSession, webhook_id: str = "msg_1", *, body: bytes = BODY, signature: str | None = None
) -> int:
    """Deliver a webhook, genuine unless a `signature` is given (empty: none); returns the status answered."""
    headers = {"webhook-id": webhook_id, "X-Webhook-Signature": sign(body) if signature is None else signature}
    headers = {name: value for name, value in headers.items() if value}
    async with shop.post("/webhook", data=body, headers=headers) as answer:
        return answer.status


async def told(shop: ClientSession, **wish: object) -> int:
    """Tell the shop how to behave; returns the status answered."""
    async with shop.post("/behaviour", json=wish) as answer:
        return answer.status


async def received(shop: ClientSession) -> list[dict[str, Any]]:
    """What the shop says has arrived."""
    async with shop.get("/received") as answer:
        found: list[dict[str, Any]] = await answer.json()
        return found


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for `condition`, up to the deadline."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            if await condition():
                return
            await asyncio.sleep(0.02)


async def test_a_genuine_webhook_is_believed(shop: ClientSession) -> None:
    assert await send(shop) == 200

    [delivery] = await received(shop)
    assert delivery["received_at"].endswith("Z")
    assert (
        delivery.items()
        >= {
            "id": "msg_1",
            "event": "payment.success",
            "payment_id": "pay_A1",
            "signature": "ok",
            "headers": {"X-Webhook-Signature": sign(BODY), "webhook-id": "msg_1"},
            "body": BODY.decode(),
            "attempts": 1,
            "answers": ["200"],
        }.items()
    )


@pytest.mark.parametrize(
    ("signature", "verdict"),
    [
        (sign(BODY, "another secret"), "wrong"),
        (sign(BODY.replace(b"50000", b"50001")), "wrong"),
        (sign(BODY).upper(), "wrong"),
        ("ünïcode", "wrong"),
        ("", "missing"),
    ],
)
async def test_a_forged_webhook_is_refused(shop: ClientSession, signature: str, verdict: str) -> None:
    assert await send(shop, signature=signature) == 401
    assert [(delivery["signature"], delivery["answers"]) for delivery in await received(shop)] == [(verdict, ["401"])]


async def test_a_forgery_under_a_known_id_does_not_touch_the_genuine_delivery(shop: ClientSession) -> None:
    await send(shop)
    await send(shop, body=b'{"event":"refund.processed"}', signature="0" * 64)

    forged, genuine = await received(shop)
    assert (forged["signature"], forged["event"], forged["attempts"]) == ("wrong", "refund.processed", 1)
    assert (genuine["signature"], genuine["event"], genuine["attempts"]) == ("ok", "payment.success", 1)


async def test_attempts_at_one_delivery_are_counted_not_listed(shop: ClientSession) -> None:
    assert [await send(shop, "msg_1"), await send(shop, "msg_2"), await send(shop, "msg_1")] == [200, 200, 200]
    assert [(delivery["id"], delivery["attempts"]) for delivery in await received(shop)] == [("msg_1", 2), ("msg_2", 1)]


async def test_webhooks_without_an_id_are_each_their_own(shop: ClientSession) -> None:
    await send(shop, "")
    await send(shop, "")
    assert [delivery["attempts"] for delivery in await received(shop)] == [1, 1]


async def test_failing_until_told_otherwise(shop: ClientSession) -> None:
    await told(shop, mode="fail", status=503)
    first = await send(shop)
    await told(shop, mode="fail")
    second = await send(shop)
    await told(shop, mode="ok")
    third = await send(shop)

    assert (first, second, third) == (503, 500, 200)
    [delivery] = await received(shop)
    assert delivery["answers"] == ["503", "500", "200"]


async def test_hanging_ends_without_an_answer(shop: ClientSession) -> None:
    await told(shop, mode="hang", delay_ms=50)
    with pytest.raises(ServerDisconnectedError):
        await send(shop)
    assert [delivery["answers"] for delivery in await received(shop)] == [["none"]]


@pytest.mark.parametrize("mode", ["hang", "slow"])
async def test_a_sender_that_gives_up_is_noticed(shop: ClientSession, mode: str) -> None:
    await told(shop, mode=mode, delay_ms=60_000)

    async def answers() -> list[list[str]]:
        return [delivery["answers"] for delivery in await received(shop)]

    async def has_arrived() -> bool:
        return await answers() == [[]]

    async def was_given_up() -> bool:
        return await answers() == [["sender gave up"]]

    sending = asyncio.create_task(send(shop))
    await until(has_arrived)
    sending.cancel()
    await until(was_given_up)


async def test_answering_slowly(shop: ClientSession) -> None:
    await told(shop, mode="slow", delay_ms=50, status=202)
    assert await send(shop) == 202


@pytest.mark.parametrize(
    "wish",
    [
        {},
        {"mode": "explode"},
        {"mode": ["ok"]},
        {"mode": "slow", "delay_ms": 60_001},
        {"mode": "slow", "delay_ms": -1},
        {"mode": "slow", "delay_ms": True},
        {"mode": "fail", "status": 199},
        {"mode": "fail", "status": "500"},
    ],
)
async def test_an_impossible_behaviour_is_refused(shop: ClientSession, wish: dict[str, object]) -> None:
    assert await told(shop, **wish) == 400
    assert await send(shop) == 200


async def test_only_the_last_200_are_kept(shop: ClientSession) -> None:
    for number in range(203):
        await send(shop, f"msg_{number}")
    assert [delivery["id"] for delivery in await received(shop)] == [f"msg_{number}" for number in range(202, 2, -1)]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"data":{"payment":7}}', b"\xff\xfe", b"[" * 100_000, b'{"event":7}']
)
async def test_a_body_may_be_anything(shop: ClientSession, body: bytes) -> None:
    assert await send(shop, body=body) == 200
    [delivery] = await received(shop)
    assert (delivery["event"], delivery["payment_id"], delivery["signature"]) == ("", "", "ok")


async def test_what_changed_since_can_be_asked_for(shop: ClientSession) -> None:
    await send(shop, "msg_1")
    [before] = await received(shop)
    await send(shop, "msg_2")
    async with shop.get("/received", params={"after": before["change"]}) as answer:
        assert [delivery["id"] for delivery in await answer.json()] == ["msg_2"]


async def test_the_shop_names_the_price_and_keeps_the_secret(shop: ClientSession, gateway: Gateway) -> None:
    async with shop.post("/orders", json={"amount": 100}) as answer:
        assert answer.status == 201
        seen = await answer.text()
    async with shop.get("/") as page, shop.get("/config") as config:
        seen += await page.text() + await config.text()

    [(method, path, credentials, order)] = gateway.asked
    assert (method, path, order["amount"]) == ("POST", "/api/v1/orders", 50_000)
    assert credentials == {"X-Api-Key": "key_of_this_test", "X-Api-Secret": "secret_of_this_test"}
    assert "secret_of_this_test" not in seen
    assert SECRET not in seen


async def test_paying_by_upi_and_asking_for_the_status(shop: ClientSession, gateway: Gateway) -> None:
    async with shop.post("/payments", data={"order_id": "order_1", "vpa": "success@kassa"}) as answer:
        assert answer.status == 201
    async with shop.get("/payments/pay_A1") as answer:
        assert answer.status == 201
    async with shop.get("/payments/..%2Forders") as answer:
        assert answer.status == 404

    assert [(method, path, body) for method, path, _, body in gateway.asked] == [
        ("POST", "/api/v1/payments", {"order_id": "order_1", "method": "upi", "vpa": "success@kassa"}),
        ("GET", "/api/v1/payments/pay_A1", None),
    ]


async def test_registering_the_webhook(shop: ClientSession, gateway: Gateway) -> None:
    async with shop.post("/register") as answer:
        assert answer.status == 201
    [(method, path, _, body)] = gateway.asked
    assert (method, path, body) == ("PUT", "/api/v1/webhooks/config", {"url": "http://shop.example/webhook"})


async def test_an_absent_gateway_is_named(shop: ClientSession, gateway: Gateway) -> None:
    await gateway.runner.cleanup()
    async with shop.post("/orders") as answer:
        assert answer.status == 502
        error = (await answer.json())["error"]
    assert error == {"code": "SHOP_ERROR", "description": f"Kassa does not answer at {gateway.url}"}
