"""The whole gateway with each provider's sandbox: session, payer, notification, reconciliation, refund, books."""

import asyncio
import hmac
import json
import random
import time
from typing import Any

import aiohttp
import pytest
from tests.integration.shop import within_one_window
from tests.live import Receiver, Reply, until
from tests.providers.shop import Shop, shop_of
from tests.stand import Stand

from kassa.api.limits import CERTIFICATES

DECLINED_WITH_NUL = {
    "id": "cs_1", "object": "checkout.session", "status": "complete", "payment_status": "unpaid",
    "payment_intent": {"id": "pi_1", "status": "canceled", "amount": 1, "currency": "usd",
                       "last_payment_error": {"decline_code": "a\0b"}},
}  # fmt: skip
SEED = 0


async def test_a_session_is_paid_told_of_and_refunded(shop: Shop) -> None:
    async with Receiver() as receiver:
        await shop.gateway.use_webhooks(receiver.url)
        session = await shop.open()
        assert session["status"] == "open" and session["url"].startswith("http")

        await shop.control("outcome", session=session["payment_id"], outcome="pay")
        payment = await shop.gateway.settled(session["payment_id"])
        assert (payment["status"], payment["provider"]) == ("success", shop.provider)
        reply = await shop.gateway.post(f"/api/v1/payments/{payment['id']}/refunds", {"amount": 20_000})
        assert reply.status == 201
        events = await receiver.events(payment["id"], 5)
        await shop.gateway.use_webhooks(None)

    assert sorted(events) == sorted(
        ["payment.created", "payment.pending", "payment.success", "refund.created", "refund.processed"]
    )
    [charge] = await shop.books("charges", payment["id"])
    [refund] = await shop.books("refunds", payment["id"])
    assert (charge["amount"], refund["amount"]) == (50_000, 20_000)
    order = (await shop.gateway.get(f"/api/v1/orders/{session['order_id']}")).json
    assert order["status"] == "paid"
    again = await shop.gateway.get(f"/api/v1/checkout/sessions/{session['id']}")
    assert again.json["status"] == "complete"


async def test_the_same_key_opens_one_session(shop: Shop) -> None:
    order = await shop.gateway.order(50_000, currency="USD")
    headers = {"Idempotency-Key": f"open-{order['id']}"}

    opened = await asyncio.gather(*(shop.open(order["id"], headers=headers) for _ in range(5)))

    assert all(one == opened[0] for one in opened)
    assert len(await shop.books("sessions", opened[0]["payment_id"])) == 1
    rows = await shop.gateway.sql("SELECT count(*) FROM payments WHERE order_id = $1", order["id"])
    assert rows[0][0] == 1


async def test_what_was_opened_without_an_answer_goes_on_with_the_same_key(shop: Shop) -> None:
    order = await shop.gateway.order(50_000, currency="USD")
    headers = {"Idempotency-Key": f"again-{order['id']}"}
    body = {"order_id": order["id"], "provider": shop.provider}
    await shop.control("faults", operation="open", kind="http_500", times=1)

    first = await shop.gateway.post("/api/v1/checkout/sessions", body, headers=headers)
    second = await shop.gateway.post("/api/v1/checkout/sessions", body, headers=headers)

    assert (first.status, first.json["error"]["code"]) == (503, "PROVIDER_UNAVAILABLE")
    assert (second.status, second.json["status"]) == (201, "open")
    rows = await shop.gateway.sql("SELECT count(*) FROM payments WHERE order_id = $1", order["id"])
    assert rows[0][0] == 1


async def test_charged_but_never_told_is_reconciled_once(shop: Shop) -> None:
    await shop.control("notifications", drop=True)
    session = await shop.open()
    await shop.control("outcome", session=session["payment_id"], outcome="pay")
    assert (await shop.payment(session["payment_id"]))["status"] == "pending"

    await asyncio.gather(*(shop.look(session["payment_id"]) for _ in range(5)))

    assert (await shop.payment(session["payment_id"]))["status"] == "success"
    assert len(await shop.books("charges", session["payment_id"])) == 1
    events = await shop.gateway.sql(
        "SELECT cause FROM payment_events WHERE payment_id = $1 AND event = 'payment.success'", session["payment_id"]
    )
    assert [row[0] for row in events] == ["reconciler"]


async def test_a_look_that_finds_nothing_new_says_so_and_is_repeated_later(shop: Shop) -> None:
    session = await shop.open()
    await shop.look(session["payment_id"])
    payment = await shop.payment(session["payment_id"])
    assert payment["status"] == "pending"
    assert payment["last_answer"] and payment["next_look_at"] > payment["last_looked_at"]
    assert "not paid" in payment["open_because"]


async def test_what_nobody_paid_in_time_is_failed_and_cannot_be_paid_any_more(shop: Shop) -> None:
    session = await shop.open()
    await shop.gateway.sql(
        "UPDATE checkout_sessions SET expires_at = now() - interval '1 second' WHERE id = $1", session["id"]
    )

    await shop.look(session["payment_id"])

    payment = await shop.payment(session["payment_id"])
    assert (payment["status"], payment["error_code"]) == ("failed", "PAYMENT_EXPIRED")
    assert (await shop.gateway.get(f"/api/v1/checkout/sessions/{session['id']}")).json["status"] == "expired"


async def test_expiring_by_hand_ends_the_session(shop: Shop) -> None:
    session = await shop.open()
    reply = await shop.gateway.post(f"/api/v1/checkout/sessions/{session['id']}/expire", {})
    if reply.json.get("error", {}).get("code") == "PROVIDER_CANNOT":
        pytest.skip(f"{shop.provider} cannot expire a session")
    assert (reply.status, reply.json["status"]) == (200, "expired")
    assert (await shop.gateway.post(f"/api/v1/checkout/sessions/{session['id']}/expire", {})).status == 400


async def test_late_success_after_failure_is_taken_and_shown_as_such(shop: Shop) -> None:
    session = await shop.open()
    await shop.gateway.sql(
        "UPDATE checkout_sessions SET expires_at = now() - interval '1 second' WHERE id = $1", session["id"]
    )
    await shop.look(session["payment_id"])
    assert (await shop.payment(session["payment_id"]))["status"] == "failed"

    await shop.control("outcome", session=session["payment_id"], outcome="pay_late")

    async def taken() -> Any:
        payment = await shop.payment(session["payment_id"])
        return payment if payment["status"] == "success" else None

    payment = await until(taken, "the late success is taken")
    assert payment["succeeded_late"] is True
    assert (await shop.gateway.get(f"/api/v1/orders/{session['order_id']}")).json["status"] == "paid"


async def test_a_notification_that_comes_before_its_payment_is_kept_and_tried_again(shop: Shop) -> None:
    await shop.control("notifications", hold=True)
    session = await shop.open()
    await shop.control("outcome", session=session["payment_id"], outcome="pay")
    # What happens when a provider is quicker than our commit: for a moment nothing is known of the payment.
    put = "UPDATE checkout_sessions SET provider_ref = $2 WHERE id = $1"
    ref = (await shop.gateway.sql("SELECT provider_ref FROM checkout_sessions WHERE id = $1", session["id"]))[0][0]
    await shop.gateway.sql(put, session["id"], None)
    await shop.gateway.sql("UPDATE payments SET provider = 'simulator' WHERE id = $1", session["payment_id"])
    await shop.control("release", order="sent", seed=0)

    async def waiting() -> Any:
        return await shop.gateway.sql(
            "SELECT 1 FROM provider_events WHERE note = 'matches nothing yet' AND payload::text LIKE '%' || $1 || '%'",
            session["payment_id"],
        )

    await until(waiting, "the notification waits")
    await shop.gateway.sql(put, session["id"], ref)
    await shop.gateway.sql("UPDATE payments SET provider = $2 WHERE id = $1", session["payment_id"], shop.provider)
    assert (await shop.gateway.settled(session["payment_id"]))["status"] == "success"


async def test_forged_notifications_are_refused_and_change_nothing(shop: Shop) -> None:
    session = await shop.open()
    body = json.dumps({"id": "evt_forged", "type": "checkout.session.completed", "data": {"object": {}}}).encode()
    path = f"/api/v1/providers/{shop.provider}/notifications"
    for headers in ({}, {"Stripe-Signature": "t=1,v1=00"}, {"X-Razorpay-Signature": "00"}):
        reply = await shop.gateway.request("POST", path, raw=body, headers=headers, anonymous=True)
        assert (reply.status, reply.json["error"]["code"]) == (400, "INVALID_SIGNATURE"), reply.text
    assert (await shop.payment(session["payment_id"]))["status"] == "pending"
    assert await shop.gateway.sql("SELECT 1 FROM provider_events WHERE event_id = 'evt_forged'") == []


async def test_a_stranger_has_few_certificates_fetched(stand: Stand) -> None:
    path, addresses = "/api/v1/providers/paypal/notifications", iter(range(1, 200))
    body = json.dumps({"id": "WH-1", "event_type": "CUSTOMER.DISPUTE.CREATED", "resource": {}})
    async with shop_of(stand, "paypal") as shop:
        await shop.open()
        right = await shop.control("sign", body=body)
    known = right["PAYPAL-CERT-URL"]
    place = known.rpartition("/")[0]

    async def send(address: str, url: str) -> Reply:
        headers = {**right, "PAYPAL-CERT-URL": url, "X-Forwarded-For": address}
        return await stand.gateway.post(path, raw=body.encode(), headers=headers, anonymous=True)

    async def attempt() -> list[Reply]:
        stranger, other = (f"198.51.100.{next(addresses)}" for _ in range(2))
        await send(other, known)
        unknown = [await send(stranger, f"{place}/CERT-{number}") for number in range(CERTIFICATES + 2)]
        # What is known, or can be nobody's, needs no fetching.
        free = [await send(stranger, url) for url in (known, "https://shop.example/1")]
        return [*unknown, *free, await send(other, f"{place}/CERT-1")]

    replies = await within_one_window(attempt)

    assert [reply.status for reply in replies] == [400] * CERTIFICATES + [429] * 2 + [200, 400, 400]


@pytest.mark.parametrize(
    "named",
    [
        {"id": "evt_" + "x" * 300}, {"id": "evt_\0"}, {"type": "a\0b"},
        {"type": "checkout.session.completed", "data": {"object": DECLINED_WITH_NUL}},
    ],
)  # fmt: skip
async def test_a_signed_notification_with_text_that_cannot_be_is_refused(stand: Stand, named: dict[str, Any]) -> None:
    async with aiohttp.ClientSession() as session, session.get(stand.sandbox_url) as response:
        secret = (await response.json())["stripe"]["credentials"]["webhook_secret"]
    body = json.dumps({"id": "evt_1", "object": "event", "type": "charge.refunded", "data": {"object": {}}, **named})
    signed = f"{int(time.time())}.{body}"
    signature = hmac.new(secret.encode(), signed.encode(), "sha256").hexdigest()
    headers = {"Stripe-Signature": f"t={signed.partition('.')[0]},v1={signature}"}

    reply = await stand.gateway.post(
        "/api/v1/providers/stripe/notifications", raw=body.encode(), headers=headers, anonymous=True
    )

    assert reply.refusal == (
        400,
        "BAD_REQUEST_ERROR",
        "The notification has too long a name, or text with NUL in it",
    )


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b'{"event": "\xff", "payload": {}}', "The notification is not an event of Razorpay"),
        (b'{"event": "x", "payload": {}, "note": "\xff"}', "The notification is not JSON in UTF-8"),
    ],
)
async def test_a_signed_notification_that_is_not_utf_8_is_refused(stand: Stand, body: bytes, problem: str) -> None:
    async with aiohttp.ClientSession() as session, session.get(stand.sandbox_url) as response:
        secret = (await response.json())["razorpay"]["credentials"]["webhook_secret"]
    headers = {"X-Razorpay-Signature": hmac.new(secret.encode(), body, "sha256").hexdigest()}

    reply = await stand.gateway.post(
        "/api/v1/providers/razorpay/notifications", raw=body, headers=headers, anonymous=True
    )

    assert reply.refusal == (400, "BAD_REQUEST_ERROR", problem)


async def test_any_order_and_number_of_notifications_gives_the_same_end(shop: Shop) -> None:
    chance = random.Random(SEED)
    courses: list[tuple[list[str], str]] = [
        (["pay"], "success"),
        (["decline", "pay"], "success"),
        (["pay_async", "async_succeed"], "success"),
        (["pay_async", "async_fail"], "failed"),
        (["expire"], "failed"),
        (["expire", "pay_late"], "success"),
    ]
    await shop.control("notifications", hold=True, copies=2)
    expected = {}
    for _ in range(25):
        outcomes, end = chance.choice(courses)
        session = await shop.open()
        expected[session["payment_id"]] = end
        for outcome in outcomes:
            await shop.control("outcome", session=session["payment_id"], outcome=outcome)

    await shop.control("release", order="shuffled", seed=SEED)

    for payment_id, end in expected.items():

        async def ended(payment_id: str = payment_id, end: str = end) -> bool:
            return bool((await shop.payment(payment_id))["status"] == end)

        await until(ended, f"{payment_id} is {end}")
    rows = await shop.gateway.sql(
        "SELECT payment_id, array_agg(sequence ORDER BY sequence) FROM payment_events"
        " WHERE payment_id = ANY($1) GROUP BY 1",
        list(expected),
    )
    assert len(rows) == len(expected)
    assert all(list(sequences) == list(range(1, len(sequences) + 1)) for _, sequences in rows)


async def test_a_merchant_with_an_account_of_its_own_is_kept_apart(shop: Shop) -> None:
    kept = await shop.gateway.request(
        "PUT",
        f"/api/v1/merchant/providers/{shop.provider}",
        {"key": "sk_test_its_own", "secret": "its own secret", "webhook_secret": "whsec_its_own"},
    )
    assert (kept.status, kept.json["live"]) == (200, False)
    rows = await shop.gateway.sql("SELECT encrypted FROM provider_credentials")
    assert rows and all(b"its_own" not in bytes(row[0]) for row in rows)
    forgotten = await shop.gateway.request("DELETE", f"/api/v1/merchant/providers/{shop.provider}")
    assert forgotten.status == 200
