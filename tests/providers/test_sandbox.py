"""The sandbox itself: notifications as unruly as asked, and a stand-in that is as strict as its provider."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import pytest
import stripe
from aiohttp import web
from tests.live import free_port, until
from tests.providers.cases import Sandbox

from kassa.sandbox.stripe import parse_form

KEY = "sk_test_kassa_sandbox"
SECRET = "whsec_kassa_sandbox"
FORM = {
    "mode": "payment",
    "line_items[0][price_data][currency]": "usd",
    "line_items[0][price_data][unit_amount]": "500",
    "line_items[0][price_data][product_data][name]": "Tea",
    "line_items[0][quantity]": "2",
    "success_url": "https://shop.example/thanks",
}


class Gateway:
    """A receiver that checks each signature with Stripe's library, and answers what it is told to."""

    def __init__(self) -> None:
        self.url = f"http://127.0.0.1:{(port := free_port())}/"
        self._port = port
        self.received: list[Any] = []
        self.answers: list[int] = []
        app = web.Application()
        app.router.add_post("/", self._take)
        self._runner = web.AppRunner(app)

    async def _take(self, request: web.Request) -> web.Response:
        body = await request.read()
        stripe.WebhookSignature.verify_header(body, request.headers["Stripe-Signature"], SECRET, 300)
        self.received.append(json.loads(body))
        return web.Response(status=self.answers.pop() if self.answers else 200)

    async def __aenter__(self) -> "Gateway":
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def types(self, count: int) -> list[str]:
        """The types of the first `count` events, once they are there."""

        async def enough() -> bool:
            return len(self.received) >= count

        await until(enough, f"{count} notifications")
        return [one["type"] for one in self.received]


@pytest.fixture(scope="module")
async def notified() -> AsyncIterator[tuple[Sandbox, Gateway]]:
    """A sandbox that notifies a receiver."""
    async with Gateway() as gateway, Sandbox({"stripe": gateway.url}) as sandbox:
        yield sandbox, gateway


@pytest.fixture
async def pair(notified: tuple[Sandbox, Gateway]) -> tuple[Sandbox, Gateway]:
    """The same, with nothing left of the test before."""
    sandbox, gateway = notified
    await sandbox.control("reset")
    gateway.received.clear()
    return notified


async def post(sandbox: Sandbox, path: str, form: dict[str, str], key: str = KEY, **headers: str) -> tuple[int, Any]:
    """What the stand-in answers to a form."""
    sent = {"Authorization": f"Bearer {key}", "Content-Type": "application/x-www-form-urlencoded", **headers}
    status, _, text = await sandbox.request("POST", f"/stripe/v1{path}", data=urlencode(form), headers=sent)
    return status, json.loads(text)


async def opened(sandbox: Sandbox) -> str:
    """A new session."""
    status, made = await post(sandbox, "/checkout/sessions", FORM)
    assert status == 200, made
    return str(made["id"])


async def outcome(sandbox: Sandbox, session: str, what: str) -> None:
    """Let the payer or the bank do something."""
    await sandbox.control("outcome", provider="stripe", session=session, outcome=what)


PAID = ["payment_intent.succeeded", "charge.succeeded", "checkout.session.completed"]


async def test_a_payment_is_told_at_once(pair: tuple[Sandbox, Gateway]) -> None:
    sandbox, gateway = pair

    await outcome(sandbox, await opened(sandbox), "pay")

    assert sorted(await gateway.types(3)) == sorted(PAID)


async def test_notifications_come_twice_when_asked_to(pair: tuple[Sandbox, Gateway]) -> None:
    sandbox, gateway = pair
    await sandbox.control("notifications", provider="stripe", copies=2, delay_ms=50)

    await outcome(sandbox, await opened(sandbox), "expire")

    assert await gateway.types(2) == ["checkout.session.expired"] * 2
    assert gateway.received[0] == gateway.received[1]


async def test_dropped_notifications_never_come(pair: tuple[Sandbox, Gateway]) -> None:
    sandbox, gateway = pair
    await sandbox.control("notifications", provider="stripe", drop=True)
    await outcome(sandbox, await opened(sandbox), "pay")
    await sandbox.control("notifications", provider="stripe")

    await outcome(sandbox, await opened(sandbox), "expire")

    async def answered() -> Any:
        journal = await sandbox.get("/control/notifications/stripe")
        return [one["answers"] for one in journal] if journal[-1]["answers"] else None

    assert await until(answered, "the last notification is answered") == [[], [], [], [200]]
    assert await gateway.types(1) == ["checkout.session.expired"]


async def test_held_notifications_come_in_the_order_that_is_asked(pair: tuple[Sandbox, Gateway]) -> None:
    sandbox, gateway = pair
    await sandbox.control("notifications", provider="stripe", hold=True)
    await outcome(sandbox, await opened(sandbox), "pay")
    assert gateway.received == []

    told = await sandbox.control("release", provider="stripe", order="reversed")

    assert told == {"released": 3}
    assert await gateway.types(3) == PAID[::-1]


async def test_a_notification_that_was_not_taken_comes_again(pair: tuple[Sandbox, Gateway]) -> None:
    sandbox, gateway = pair
    gateway.answers.append(503)

    await outcome(sandbox, await opened(sandbox), "expire")

    assert await gateway.types(2) == ["checkout.session.expired"] * 2
    assert gateway.received[0]["id"] == gateway.received[1]["id"]


async def test_late_success_follows_a_failure(pair: tuple[Sandbox, Gateway]) -> None:
    sandbox, gateway = pair
    session = await opened(sandbox)
    await outcome(sandbox, session, "expire")
    await gateway.types(1)

    await outcome(sandbox, session, "pay_late")

    assert sorted((await gateway.types(4))[1:]) == sorted(PAID)


async def test_time_ends_a_session(pair: tuple[Sandbox, Gateway]) -> None:
    sandbox, gateway = pair
    session = await opened(sandbox)

    await sandbox.control("clock", provider="stripe", advance_s=86_401)

    assert await gateway.types(1) == ["checkout.session.expired"]
    assert gateway.received[0]["data"]["object"]["id"] == session


async def test_a_key_repeats_its_answer_and_refuses_another_question(sandbox: Sandbox) -> None:
    key = {"Idempotency-Key": f"key_{time.time_ns()}"}

    first = await post(sandbox, "/checkout/sessions", FORM, **key)
    again = await post(sandbox, "/checkout/sessions", FORM, **key)
    other = await post(sandbox, "/checkout/sessions", FORM | {"cancel_url": "https://shop.example"}, **key)
    elsewhere = await post(sandbox, "/checkout/sessions", FORM, "sk_test_another", **key)

    assert first == again and first[0] == 200
    assert (other[0], other[1]["error"]["type"]) == (400, "idempotency_error")
    assert elsewhere[0] == 200 and elsewhere[1]["id"] != first[1]["id"]


async def test_a_refused_request_does_not_use_its_key_up(sandbox: Sandbox) -> None:
    key = {"Idempotency-Key": f"key_{time.time_ns()}"}

    refused = await post(sandbox, "/checkout/sessions", FORM | {"mode": ""}, **key)
    taken = await post(sandbox, "/checkout/sessions", FORM, **key)

    assert (refused[0], refused[1]["error"]["param"], taken[0]) == (400, "mode", 200)


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"colour": "blue"}, "colour"),
        ({"expires_at": "1"}, "expires_at"),
        ({"expires_at": str(int(time.time()) + 90_000)}, "expires_at"),
        ({"line_items[0][price_data][currency]": "USD"}, "line_items[0][price_data][currency]"),
        ({"line_items[0][price_data][unit_amount]": "5.00"}, "line_items[0][price_data][unit_amount]"),
        (
            {"line_items[0][price_data][currency]": "kwd", "line_items[0][price_data][unit_amount]": "1234"},
            "line_items[0][price_data][unit_amount]",
        ),
        (
            {"line_items[0][price_data][currency]": "isk", "line_items[0][price_data][unit_amount]": "5"},
            "line_items[0][price_data][unit_amount]",
        ),
    ],
)
async def test_what_the_provider_would_refuse_is_refused(sandbox: Sandbox, more: dict[str, str], param: str) -> None:
    status, answer = await post(sandbox, "/checkout/sessions", FORM | more)

    assert (status, answer["error"]["type"], answer["error"].get("param")) == (400, "invalid_request_error", param)


async def test_only_test_keys_open_the_door(sandbox: Sandbox) -> None:
    basic = "Basic " + base64.b64encode(f"{KEY}:".encode()).decode()
    told = [
        (await post(sandbox, "/checkout/sessions", FORM, Authorization=sent))[0]
        for sent in (f"Bearer {KEY}", basic, "", "Bearer sk_live_1", "Basic %%%", "Bearer sk_test_")
    ]

    assert told == [200, 200, 401, 401, 401, 401]


async def test_refunds_made_at_once_never_exceed_the_charge(sandbox: Sandbox) -> None:
    session = await opened(sandbox)
    await outcome(sandbox, session, "pay")
    status, _, text = await sandbox.request(
        "GET", f"/stripe/v1/checkout/sessions/{session}", headers={"Authorization": f"Bearer {KEY}"}
    )
    intent = json.loads(text)["payment_intent"]

    answers = await asyncio.gather(
        *(post(sandbox, "/refunds", {"payment_intent": intent, "amount": "300"}) for _ in range(8))
    )

    assert status == 200 and sorted(answer[0] for answer in answers) == [200] * 3 + [400] * 5


async def test_the_page_offers_declines_and_says_so(sandbox: Sandbox) -> None:
    session = await opened(sandbox)
    page = f"/pay/stripe/{session}"

    status, _, declined = await sandbox.request("POST", page, data={"outcome": "decline", "code": "<lost>"})
    nonsense, _, _ = await sandbox.request("POST", page, data={"outcome": "rob"})
    nowhere, _, _ = await sandbox.request("GET", "/pay/stripe/cs_test_none")

    assert status == 200 and "Declined: &lt;lost&gt;" in declined
    assert (nonsense, nowhere) == (409, 404)


async def test_control_says_what_it_does_not_understand(sandbox: Sandbox) -> None:
    told = [
        (await sandbox.request("POST", f"/control/{path}", json=body))[0]
        for path, body in (
            ("faults", {"provider": "stripe", "operation": "open", "kind": "flood"}),
            ("faults", {"provider": "nobody", "operation": "open", "kind": "http_500"}),
            ("outcome", {"provider": "stripe", "session": "none", "outcome": "pay"}),
            ("refund", {"provider": "stripe", "refund_id": "none", "state": "failed"}),
        )
    ]

    assert told == [400, 409, 409, 409]


def test_nested_forms_are_read_as_the_library_writes_them() -> None:
    assert parse_form("a=1&b[c]=2&d[0][e]=3&d[1][e]=4&f[]=5&f[]=6&g=") == {
        "a": "1",
        "b": {"c": "2"},
        "d": [{"e": "3"}, {"e": "4"}],
        "f": ["5", "6"],
        "g": "",
    }
