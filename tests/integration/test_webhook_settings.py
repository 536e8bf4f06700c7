"""Where webhooks go: the URL, the secret and its rotation, example events, and where none may ever go."""

import base64
import hashlib
import hmac
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from tests.integration.deliveries import assert_schedule, attempted, send, walk_through_the_schedule
from tests.live import Live, Received, Receiver, until

CONFIG = "/api/v1/webhooks/config"
EVENTS = [
    "payment.created", "payment.pending", "payment.success", "payment.failed", "refund.created", "refund.processed",
    "refund.failed",
]  # fmt: skip


async def next_delivery(merchant: Live, inbox: Receiver) -> Received:
    """What arrives when an example event is sent now."""
    delivery_id = (await merchant.post("/api/v1/webhooks/test", {})).json["id"]

    async def arrived() -> Received | None:
        return next((one for one in inbox.received if one.headers["webhook-id"] == delivery_id), None)

    return await until(arrived, "an example event arrives")


def signed_with(secret: str, body: bytes) -> str:
    """The signature that a receiver with this secret expects."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


async def test_url_is_set_read_and_taken_away(merchant: Live) -> None:
    assert (await merchant.get(CONFIG)).json == {
        "url": None,
        "secret": merchant.webhook_secret,
        "previous_secret_expires_at": None,
    }

    url = "https://user.example.com:8443/hooks/kassa?shop=1#part"
    put = await merchant.request("PUT", CONFIG, {"url": url})

    assert (put.status, put.json["url"]) == (200, url)
    assert (await merchant.get(CONFIG)).json == put.json
    rows = await merchant.sql(
        "SELECT webhook_url, webhook_secret FROM merchants WHERE id = $1::uuid", merchant.merchant_id
    )
    assert tuple(rows[0]) == (url, merchant.webhook_secret)
    assert (await merchant.request("PUT", CONFIG, {"url": None})).json["url"] is None


@pytest.mark.parametrize(
    "url",
    [
        "", "example.com", "/webhook", "ftp://example.com/", "file:///etc/passwd", "javascript:alert(1)", "http://",
        "https://:443/", "http://example.com:99999/", "http://exa mple.com/", "http://example.com/\n", "gopher://x/",
        "http://example.com/" + "x" * 2_048, "http://[::1", "http://example.com/\0", "http://\u202eexample.com/",
    ],
)  # fmt: skip
async def test_what_is_no_url_is_refused(merchant: Live, url: str) -> None:
    reply = await merchant.request("PUT", CONFIG, {"url": url})

    problem = "url must be an http or https URL, such as https://shop.example.com/path"
    assert reply.refusal == (400, "BAD_REQUEST_ERROR", problem)
    assert (await merchant.get(CONFIG)).json["url"] is None


async def test_url_with_a_password_in_it_is_refused(merchant: Live) -> None:
    reply = await merchant.request("PUT", CONFIG, {"url": "https://user:word@example.com/"})

    assert reply.refusal == (400, "BAD_REQUEST_ERROR", "url must not hold a user name or password")


async def test_first_url_brings_a_secret(merchant: Live) -> None:
    await merchant.sql("UPDATE merchants SET webhook_secret = NULL WHERE id = $1::uuid", merchant.merchant_id)

    config = (await merchant.request("PUT", CONFIG, {"url": "https://example.com/"})).json

    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{32}", config["secret"])
    assert len(base64.b64decode(config["secret"].removeprefix("whsec_"))) == 24


async def test_both_secrets_sign_while_one_is_rotated_out(merchant: Live, inbox: Receiver) -> None:
    rotated = await merchant.post(f"{CONFIG}/rotate-secret", {"overlap_s": 3_600})

    assert rotated.status == 200
    fresh, old = rotated.json["secret"], merchant.webhook_secret
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{32}", fresh)
    assert fresh != old
    one = await next_delivery(merchant, inbox)
    assert one.headers["X-Webhook-Signature"] == signed_with(fresh, one.body)
    assert one.headers["X-Webhook-Signature-Previous"] == signed_with(old, one.body)
    for secret in (fresh, old):
        assert Webhook(secret).verify(one.body, dict(one.headers)) == one.json


async def test_old_secret_ends_with_the_overlap(merchant: Live, inbox: Receiver) -> None:
    await merchant.post(f"{CONFIG}/rotate-secret", {"overlap_s": 3_600})
    await merchant.sql(
        "UPDATE merchants SET webhook_secret_previous_until = now() WHERE id = $1::uuid", merchant.merchant_id
    )

    one = await next_delivery(merchant, inbox)

    assert "X-Webhook-Signature-Previous" not in one.headers
    with pytest.raises(WebhookVerificationError):
        Webhook(merchant.webhook_secret).verify(one.body, dict(one.headers))


async def test_without_overlap_the_old_secret_ends_at_once(merchant: Live, inbox: Receiver) -> None:
    fresh = (await merchant.post(f"{CONFIG}/rotate-secret", {"overlap_s": 0})).json

    one = await next_delivery(merchant, inbox)

    assert fresh["previous_secret_expires_at"] is None
    assert one.headers["X-Webhook-Signature"] == signed_with(fresh["secret"], one.body)
    assert "X-Webhook-Signature-Previous" not in one.headers


@pytest.mark.parametrize("overlap_s", [-1, 604_801, "3600", 1.5])
async def test_overlap_is_at_most_a_week(merchant: Live, overlap_s: Any) -> None:
    reply = await merchant.post(f"{CONFIG}/rotate-secret", {"overlap_s": overlap_s})

    assert reply.refusal[:2] == (400, "BAD_REQUEST_ERROR")
    assert (await merchant.get(CONFIG)).json["secret"] == merchant.webhook_secret


@pytest.mark.parametrize("event", EVENTS)
async def test_example_event_looks_like_a_real_one(merchant: Live, inbox: Receiver, event: str) -> None:
    reply = await merchant.post("/api/v1/webhooks/test", {"event": event})

    assert (reply.status, reply.json["event"], reply.json["status"]) == (202, event, "pending")
    seen = await attempted(merchant, reply.json["id"])
    assert (seen["status"], seen["event"]) == ("success", event)
    (one,) = inbox.received
    assert one.json["event"] == event
    assert one.headers["X-Webhook-Signature"] == signed_with(merchant.webhook_secret, one.body)
    payment = one.json["data"]["payment"]
    assert {"id", "order_id", "amount", "currency", "method", "vpa", "status", "created_at"} <= payment.keys()
    assert ("refund" in one.json["data"]) == event.startswith("refund.")
    assert seen["payload"] == one.body.decode()


async def test_example_event_needs_a_url(merchant: Live) -> None:
    reply = await merchant.post("/api/v1/webhooks/test", {"event": "payment.success"})

    problem = "No webhook URL is set; set one with PUT /api/v1/webhooks/config"
    assert reply.refusal == (400, "BAD_REQUEST_ERROR", problem)


@pytest.mark.parametrize("event", ["payment.captured", "", None, 7])
async def test_example_of_an_unknown_event_is_refused(merchant: Live, inbox: Receiver, event: Any) -> None:
    reply = await merchant.post("/api/v1/webhooks/test", {"event": event})

    assert reply.refusal[:2] == (400, "BAD_REQUEST_ERROR")
    assert (await merchant.get("/api/v1/webhooks")).json["total"] == 0


async def test_configuration_is_each_merchants_own(gateway: Live, merchant: Live, inbox: Receiver) -> None:
    other = await gateway.merchant()
    await other.post(f"{CONFIG}/rotate-secret", {})

    payment = await other.paid()

    assert (await other.get("/api/v1/webhooks")).json["total"] == 0
    assert (await merchant.get(CONFIG)).json["secret"] == merchant.webhook_secret
    assert inbox.of(payment["id"]) == []


@pytest.fixture(scope="module")
async def careful(gateway: Live) -> AsyncIterator[Live]:
    """A gateway that may send webhooks to one private network, which is not this machine's, on the real schedule."""
    settings = {"WEBHOOK_ALLOW_PRIVATE": "10.11.12.0/24", "WEBHOOK_RETRY_INTERVALS_TEST": "false"}
    async with await gateway.beside(**settings) as other:
        yield other


PRIVATE = [
    "http://127.0.0.1:{port}/", "http://localhost:{port}/", "http://0.0.0.0:{port}/",
    "http://[::1]:{port}/", "http://[::ffff:127.0.0.1]:{port}/", "http://[::]:{port}/", "http://169.254.169.254/",
    "http://192.168.0.1:{port}/", "http://[fd00::1]:{port}/", "http://100.64.0.1/", "http://224.0.0.1/",
]  # fmt: skip


@pytest.mark.parametrize("url", PRIVATE)
async def test_private_address_is_not_connected_to(careful: Live, url: str) -> None:
    merchant = await careful.merchant()
    async with Receiver() as receiver:
        seen = await attempted(merchant, await send(merchant, url.format(port=receiver.port)))

        assert (seen["status"], seen["response_code"]) == ("pending", None)
        assert seen["attempt_log"][0]["error"] == (
            "The URL leads to a private address; allow its network with WEBHOOK_ALLOW_PRIVATE"
        )
        assert receiver.received == []


@pytest.mark.parametrize("host", ["2130706433", "127.1", "0177.0.0.1"])
async def test_odd_spelling_of_a_private_address_leads_nowhere(careful: Live, host: str) -> None:
    merchant = await careful.merchant()
    async with Receiver() as receiver:
        seen = await attempted(merchant, await send(merchant, f"http://{host}:{receiver.port}/"))

        assert (seen["status"], seen["response_code"]) == ("pending", None)
        assert seen["attempt_log"][0]["error"]
        assert receiver.received == []


async def test_schedule_of_a_real_gateway(careful: Live) -> None:
    merchant = await careful.merchant()
    delivery_id = await send(merchant, "http://127.0.0.1:9/")

    waits = await walk_through_the_schedule(merchant, delivery_id)
    seen = await attempted(merchant, delivery_id, 5)

    assert_schedule(waits, [60, 300, 1_800, 7_200])
    assert (seen["status"], seen["next_retry_at"]) == ("failed", None)
