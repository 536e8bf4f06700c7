"""Sessions that stop half-way: none stays open for ever, and none is paid or opened when its time is over."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.live import Live
from tests.providers.shop import NAMES, Shop, shop_of
from tests.stand import Stand

PATH = "/api/v1/checkout/sessions"


@pytest.fixture(params=NAMES)
async def shop(request: pytest.FixtureRequest, stand: Stand) -> AsyncIterator[Shop]:
    """Each provider in turn, whose notifications are lost."""
    async with shop_of(stand, request.param, drop=True) as one:
        yield one


async def unopened(shop: Shop, key: str) -> tuple[dict[str, Any], str, str]:
    """A session that the provider did not open, an hour ago; what was asked, its payment and itself."""
    order = await shop.gateway.order(50_000, currency="USD")
    body = {"order_id": order["id"], "provider": shop.provider}
    await shop.control("faults", operation="open", kind="http_500", times=1)
    assert (await shop.gateway.post(PATH, body, headers={"Idempotency-Key": key})).status == 503
    [(payment_id, session_id)] = await shop.gateway.sql(
        "SELECT id, session_id FROM payments WHERE order_id = $1", order["id"]
    )
    await shop.gateway.sql(
        "UPDATE checkout_sessions SET created_at = created_at - interval '1 hour' WHERE id = $1", session_id
    )
    return body, payment_id, session_id


async def failed(gateway: Live, payment_id: str) -> tuple[str, str]:
    """Code and description of a payment, once it has failed; it is looked at now."""
    await gateway.sql("UPDATE payments SET due_at = now() - interval '3 seconds' WHERE id = $1", payment_id)
    payment = await gateway.settled(payment_id)
    assert payment["status"] == "failed"
    return payment["error_code"], payment["error_description"]


async def test_a_session_that_never_opened_is_failed(shop: Shop) -> None:
    _, payment_id, _ = await unopened(shop, f"never-{shop.provider}")

    assert await failed(shop.gateway, payment_id) == ("PAYMENT_EXPIRED", "The session was never opened")

    timeline = (await shop.gateway.get(f"/api/v1/payments/{payment_id}/timeline")).json["data"]
    assert [entry["event"] for entry in timeline] == ["payment.created", "payment.failed"]


@pytest.mark.parametrize("ended", [False, True])
async def test_who_comes_back_too_late_gets_a_session_that_is_looked_after(shop: Shop, ended: bool) -> None:
    key = f"late-{shop.provider}-{ended}"
    body, payment_id, _ = await unopened(shop, key)
    if ended:
        await failed(shop.gateway, payment_id)

    reply = await shop.gateway.post(PATH, body, headers={"Idempotency-Key": key})
    again = await shop.gateway.post(PATH, body, headers={"Idempotency-Key": key})

    assert (reply.status, reply.json["status"]) == (201, "open") and again.text == reply.text
    assert reply.json["payment_id"] != payment_id
    assert await shop.books("sessions", payment_id) == []
    await shop.control("outcome", session=reply.json["payment_id"], outcome="pay")
    await shop.look(reply.json["payment_id"])
    assert (await shop.payment(reply.json["payment_id"]))["status"] == "success"
    assert (await failed(shop.gateway, payment_id))[0] == "PAYMENT_EXPIRED"


async def test_who_comes_back_for_a_paid_order_gets_no_session(shop: Shop) -> None:
    key = f"paid-{shop.provider}"
    body, payment_id, session_id = await unopened(shop, key)
    # This one comes back at once.
    await shop.gateway.sql("UPDATE checkout_sessions SET created_at = now() WHERE id = $1", session_id)
    paid = await shop.open(body["order_id"])
    await shop.control("outcome", session=paid["payment_id"], outcome="pay")
    await shop.look(paid["payment_id"])

    reply = await shop.gateway.post(PATH, body, headers={"Idempotency-Key": key})

    assert reply.refusal == (400, "BAD_REQUEST_ERROR", "Order is already paid")
    assert await shop.books("sessions", payment_id) == []


async def test_no_session_is_opened_for_an_order_whose_time_is_over(shop: Shop) -> None:
    ends = datetime.now(UTC) + timedelta(minutes=40)
    order = await shop.gateway.order(50_000, currency="USD", expires_at=ends.isoformat())
    await shop.gateway.sql("UPDATE orders SET expires_at = now() WHERE id = $1", order["id"])

    reply = await shop.gateway.post(PATH, {"order_id": order["id"], "provider": shop.provider})

    assert reply.refusal == (400, "BAD_REQUEST_ERROR", "Order has expired")
    assert await shop.gateway.sql("SELECT 1 FROM payments WHERE order_id = $1", order["id"]) == []


async def test_a_simulated_session_that_nobody_paid_expires(gateway: Live) -> None:
    order = await gateway.order()
    session = (await gateway.post(PATH, {"order_id": order["id"], "provider": "simulator"})).json
    assert session["status"] == "open"

    assert await failed(gateway, session["payment_id"]) == ("PAYMENT_EXPIRED", "The payer did not pay in time")

    assert (await gateway.get(f"{PATH}/{session['id']}")).json["status"] == "expired"
    assert (await gateway.get(f"/api/v1/orders/{order['id']}")).json["status"] == "created"


async def test_a_simulated_session_is_complete_when_its_page_was_paid(gateway: Live) -> None:
    order = await gateway.order()
    session = (await gateway.post(PATH, {"order_id": order["id"], "provider": "simulator"})).json
    body = {"order_id": order["id"], "method": "upi", "vpa": "success@kassa"}
    paid = (await gateway.post("/api/v1/payments/public", body, anonymous=True)).json
    await gateway.settled(paid["id"])

    seen = (await gateway.get(f"{PATH}/{session['id']}")).json
    ended = await gateway.post(f"{PATH}/{session['id']}/expire", {})

    assert (seen["status"], seen["payment_id"]) == ("complete", paid["id"])
    assert ended.refusal == (400, "BAD_REQUEST_ERROR", "Session is not open")


async def test_a_simulated_session_that_was_cut_short_expires(gateway: Live) -> None:
    # What a process leaves behind that is killed before it has said that the session is open.
    order = await gateway.order()
    session = (await gateway.post(PATH, {"order_id": order["id"], "provider": "simulator"})).json
    await gateway.sql("UPDATE payments SET status = 'created' WHERE id = $1", session["payment_id"])

    assert (await failed(gateway, session["payment_id"]))[0] == "PAYMENT_EXPIRED"
