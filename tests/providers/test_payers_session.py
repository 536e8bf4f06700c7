"""The session that a payer's page opens at the merchant's provider: one of an order, whoever asks, and asked after."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.integration.shop import within_one_window
from tests.live import Live, Reply, until
from tests.providers.shop import NAMES, Shop, shop_of, using
from tests.stand import Stand

from kassa.api.limits import SESSIONS_PER_S

SOON_S = 30.0


@pytest.fixture(params=NAMES)
async def shop(request: pytest.FixtureRequest, stand: Stand) -> AsyncIterator[Shop]:
    """A merchant of each provider in turn, whose notifications are lost."""
    async with shop_of(stand, request.param, await using(stand.gateway, request.param), drop=True) as one:
        yield one


@pytest.fixture
async def stripe(stand: Stand) -> AsyncIterator[Shop]:
    """A merchant of Stripe."""
    async with shop_of(stand, "stripe", await using(stand.gateway, "stripe")) as one:
        yield one


async def ordered(shop: Shop, **fields: Any) -> str:
    """The id of a new order."""
    return str((await shop.gateway.order(50_000, currency="USD", **fields))["id"])


async def ask(gateway: Live, order_id: str, email: str | None = None) -> Reply:
    """Ask where to pay, as a stranger."""
    body = {} if email is None else {"customer_email": email}
    return await gateway.post(f"/api/v1/orders/{order_id}/public/session", body, anonymous=True)


async def where(shop: Shop, order_id: str, email: str | None = None) -> Any:
    """Where to pay."""
    reply = await ask(shop.gateway, order_id, email)
    assert reply.status == 200, reply.text
    return reply.json


async def kept(shop: Shop, order_id: str) -> list[Any]:
    """What is kept of an order's sessions, oldest first."""
    return await shop.gateway.sql(
        """SELECT s.*, p.status, p.looks, p.due_at FROM checkout_sessions s JOIN payments p ON p.id = s.payment_id
           WHERE s.order_id = $1 ORDER BY s.created_at, s.id""",
        order_id,
    )


async def public(shop: Shop, payment_id: str) -> Any:
    """A payment as its payer's page sees it."""
    return (await shop.gateway.get(f"/api/v1/payments/{payment_id}/public", anonymous=True)).json


async def looks(shop: Shop, payment_id: str) -> int:
    """How often the provider was asked about a payment."""
    return int((await shop.gateway.sql("SELECT looks FROM payments WHERE id = $1", payment_id))[0][0])


async def looked_at(shop: Shop, payment_id: str) -> None:
    """Wait until the provider was asked about a payment, for the first time."""
    await until(lambda: looks(shop, payment_id), "the provider is asked", SOON_S)


async def test_it_is_opened_once_and_answered_again(shop: Shop) -> None:
    order_id = await ordered(shop)

    first = await where(shop, order_id)
    again = await where(shop, order_id)

    assert again == first
    assert set(first) == {"provider", "payment_id", "url"} and first["provider"] == shop.provider
    assert len(await shop.books("sessions", first["payment_id"])) == 1
    [session] = await kept(shop, order_id)
    page = f"http://localhost:{shop.gateway.checkout_port}/checkout?order_id={order_id}"
    assert session["success_url"] == f"{page}&payment_id={first['payment_id']}"
    assert session["cancel_url"] == page


async def test_of_many_who_ask_at_once_all_are_sent_to_one_session(shop: Shop) -> None:
    order_id = await ordered(shop)

    told = await asyncio.gather(*(where(shop, order_id) for _ in range(SESSIONS_PER_S)))

    assert told == [told[0]] * SESSIONS_PER_S
    assert len(await kept(shop, order_id)) == 1
    assert len(await shop.books("sessions", told[0]["payment_id"])) == 1


async def test_who_comes_back_is_not_kept_waiting_for_the_schedule(shop: Shop) -> None:
    session = await where(shop, await ordered(shop))
    await shop.control("outcome", session=session["payment_id"], outcome="pay")

    async def succeeded() -> bool:
        return bool((await public(shop, session["payment_id"]))["status"] == "success")

    await until(succeeded, "the provider was asked at once", SOON_S)
    causes = await shop.gateway.sql(
        "SELECT cause FROM payment_events WHERE payment_id = $1 AND event = 'payment.success'", session["payment_id"]
    )
    assert [row[0] for row in causes] == ["reconciler"]


async def test_who_asks_again_and_again_has_the_provider_asked_once(shop: Shop) -> None:
    mine, other = [await where(shop, await ordered(shop)) for _ in range(2)]
    an_hour_ago = "UPDATE payments SET created_at = now() - interval '1 hour' WHERE id = ANY($1)"
    await shop.gateway.sql(an_hour_ago, [mine["payment_id"], other["payment_id"]])
    await public(shop, mine["payment_id"])
    await looked_at(shop, mine["payment_id"])
    before = await shop.gateway.sql("SELECT due_at FROM payments WHERE id = $1", mine["payment_id"])

    await asyncio.gather(*(public(shop, mine["payment_id"]) for _ in range(50)))

    # What was asked for first is done first.
    await public(shop, other["payment_id"])
    await looked_at(shop, other["payment_id"])
    assert await looks(shop, mine["payment_id"]) == 1
    assert await shop.gateway.sql("SELECT due_at FROM payments WHERE id = $1", mine["payment_id"]) == before


async def test_an_order_that_cannot_be_paid_any_more_gets_none(stripe: Shop) -> None:
    paid, over, ended = [await ordered(stripe) for _ in range(3)]
    session = await where(stripe, paid)
    await stripe.control("outcome", session=session["payment_id"], outcome="pay")
    await stripe.gateway.settled(session["payment_id"])
    await stripe.gateway.sql("UPDATE orders SET expires_at = now() WHERE id = $1", over)
    link = {"amount": 50_000, "currency": "USD", "description": "Honey"}
    link = (await stripe.gateway.post("/api/v1/payment_links", link)).json
    ended = (await stripe.gateway.post(f"/api/v1/payment_links/{link['id']}/order", {}, anonymous=True)).json["id"]
    await stripe.gateway.post(f"/api/v1/payment_links/{link['id']}/deactivate", {})

    refusals = [(await ask(stripe.gateway, order_id)).refusal for order_id in (paid, over, ended)]

    code = (400, "BAD_REQUEST_ERROR")
    assert refusals == [
        (*code, "Order is already paid"),
        (*code, "Order has expired"),
        (*code, "This payment link is not active any more"),
    ]
    assert [len(await kept(stripe, order_id)) for order_id in (paid, over, ended)] == [1, 0, 0]


async def test_nobody_pays_an_order_that_is_not_there_or_a_merchant_who_takes_none(stripe: Shop) -> None:
    order_id = await ordered(stripe)
    set_active = "UPDATE merchants SET is_active = $2 WHERE id = $1::uuid"
    await stripe.gateway.sql(set_active, stripe.gateway.merchant_id, False)

    asked = (order_id, "order_0000000000000000", "%00")

    unknown = (404, "NOT_FOUND_ERROR", "Order not found")
    assert [(await ask(stripe.gateway, one)).refusal for one in asked] == [unknown] * 3
    assert await kept(stripe, order_id) == []


async def test_an_order_says_where_it_is_paid(stripe: Shop, stand: Stand) -> None:
    plain = await stand.gateway.merchant()
    ours, theirs = (await plain.order())["id"], await ordered(stripe)

    shown = [(await plain.get(f"/api/v1/orders/{one}/public", anonymous=True)).json for one in (ours, theirs)]

    assert [order.get("provider") for order in shown] == [None, "stripe"]
    problem = (400, "PROVIDER_CANNOT", "This order is not paid on a provider's page")
    assert (await ask(plain, ours)).refusal == problem
    assert await plain.sql("SELECT 1 FROM payments WHERE order_id = $1", ours) == []


async def test_nobody_is_shown_the_address_that_somebody_else_gave(stripe: Shop) -> None:
    order_id = await ordered(stripe)

    asha, ravi, nobody, mala = [
        await where(stripe, order_id, email) for email in ("asha@a.example", "ravi@a.example", None, "mala@a.example")
    ]

    assert ravi == nobody == mala != asha
    assert await where(stripe, order_id, "asha@a.example") == asha
    assert [row["customer_email"] for row in await kept(stripe, order_id)] == ["asha@a.example", None]


async def test_who_asks_with_many_addresses_at_once_opens_two(stripe: Shop) -> None:
    order_id = await ordered(stripe)

    await asyncio.gather(*(where(stripe, order_id, f"payer{number}@a.example") for number in range(SESSIONS_PER_S)))

    assert len(await kept(stripe, order_id)) == 2


async def test_one_that_ends_soon_is_followed_by_another(stripe: Shop) -> None:
    order_id = await ordered(stripe)
    first = await where(stripe, order_id)
    soon = datetime.now(UTC) + timedelta(minutes=4)
    await stripe.gateway.sql("UPDATE checkout_sessions SET expires_at = $2 WHERE order_id = $1", order_id, soon)

    second = await where(stripe, order_id)

    assert second != first
    # Where the order itself ends then, another would end no later.
    await stripe.gateway.sql("UPDATE orders SET expires_at = $2 WHERE id = $1", order_id, soon)
    await stripe.gateway.sql("UPDATE checkout_sessions SET expires_at = $2 WHERE order_id = $1", order_id, soon)
    assert (await where(stripe, order_id))["payment_id"] in (first["payment_id"], second["payment_id"])
    assert len(await kept(stripe, order_id)) == 2


async def test_after_one_has_failed_another_is_opened(shop: Shop) -> None:
    order_id = await ordered(shop)
    first = await where(shop, order_id)
    await shop.gateway.sql("UPDATE checkout_sessions SET expires_at = now() WHERE order_id = $1", order_id)
    await shop.look(first["payment_id"])

    second = await where(shop, order_id)

    assert (await public(shop, first["payment_id"]))["status"] == "failed"
    assert (second["payment_id"] != first["payment_id"], (await kept(shop, order_id))[1]["status"]) == (True, "pending")


async def test_the_merchants_choice_of_another_provider_counts_at_once(stripe: Shop) -> None:
    order_id = await ordered(stripe)
    first = await where(stripe, order_id)
    await stripe.gateway.request("PATCH", "/api/v1/merchant", {"provider": "paypal"})

    second = await where(stripe, order_id)

    assert (first["provider"], second["provider"]) == ("stripe", "paypal")
    assert [row["provider"] for row in await kept(stripe, order_id)] == ["stripe", "paypal"]


async def test_the_merchants_own_session_is_not_for_strangers(stripe: Shop) -> None:
    own = await stripe.open()

    session = await where(stripe, own["order_id"])

    assert session["payment_id"] != own["payment_id"] and session["url"] != own["url"]


async def test_what_was_not_answered_goes_on_as_the_same_payment(shop: Shop) -> None:
    order_id = await ordered(shop)
    await shop.control("faults", operation="open", kind="http_500", times=1)

    first = await ask(shop.gateway, order_id)
    session = await where(shop, order_id)

    assert first.refusal == (503, "PROVIDER_UNAVAILABLE", "The payment provider cannot be reached")
    assert [row["payment_id"] for row in await kept(shop, order_id)] == [session["payment_id"]]


async def test_what_was_not_answered_long_ago_is_begun_anew(stripe: Shop) -> None:
    order_id = await ordered(stripe)
    await stripe.control("faults", operation="open", kind="http_500", times=1)
    await ask(stripe.gateway, order_id)
    an_hour_ago = "UPDATE checkout_sessions SET created_at = now() - interval '1 hour' WHERE order_id = $1"
    await stripe.gateway.sql(an_hour_ago, order_id)

    session = await where(stripe, order_id)

    # The first will be failed soon: nobody may pay it any more.
    assert [row["payment_id"] == session["payment_id"] for row in await kept(stripe, order_id)] == [False, True]


async def test_what_is_wrong_with_the_account_is_not_for_strangers(shop: Shop) -> None:
    order_id = await ordered(shop)
    await shop.control("faults", operation="open", kind="authentication", times=1)

    refused = await ask(shop.gateway, order_id)

    assert refused.refusal == (502, "PROVIDER_REJECTED", "The payment provider refused the request")
    [session] = await kept(shop, order_id)
    assert session["status"] == "failed"
    payment = await shop.payment(session["payment_id"])
    assert payment["error_code"] == "PROVIDER_AUTHENTICATION"
    assert (await where(shop, order_id))["payment_id"] != session["payment_id"]


async def test_a_merchant_without_an_account_there_takes_nothing(gateway: Live) -> None:
    merchant = await gateway.merchant()
    # Chosen while there was an account, which is gone since.
    await gateway.sql("UPDATE merchants SET provider = 'stripe' WHERE id = $1::uuid", merchant.merchant_id)
    order_id = (await merchant.order())["id"]

    refused = await ask(merchant, order_id)

    assert refused.refusal == (400, "PROVIDER_CANNOT", "This order cannot be paid at the moment")
    assert await merchant.sql("SELECT 1 FROM payments WHERE order_id = $1", order_id) == []


async def test_a_link_leads_back_to_its_own_page(stripe: Shop) -> None:
    link = {"amount": 50_000, "currency": "USD", "description": "Honey", "success_message": "Enjoy it"}
    link = (await stripe.gateway.post("/api/v1/payment_links", link)).json
    order = (await stripe.gateway.post(f"/api/v1/payment_links/{link['id']}/order", {}, anonymous=True)).json

    session = await where(stripe, order["id"], "asha@a.example")

    [row] = await kept(stripe, order["id"])
    page, email = f"{link['url']}?order_id={order['id']}", "&prefilled_email=asha%40a.example"
    assert row["success_url"] == f"{page}&payment_id={session['payment_id']}{email}"
    assert row["cancel_url"] == page + email
    # And there the order alone tells what the link says: what comes after success, then.
    public = f"/api/v1/orders/{order['id']}/public"
    assert (await stripe.gateway.get(public, anonymous=True)).json == order
    assert order["provider"] == "stripe" and "success_message" not in order
    await stripe.control("outcome", session=session["payment_id"], outcome="pay")
    await stripe.gateway.settled(session["payment_id"])
    paid = (await stripe.gateway.get(public, anonymous=True)).json
    assert paid == {**order, "status": "paid", "success_message": "Enjoy it"}


async def test_a_stranger_opens_so_many_sessions_in_a_minute(gateway: Live, stand: Stand) -> None:
    stripe = {"STRIPE_API_URL": f"{stand.sandbox_url}/stripe", "STRIPE_SECRET_KEY": "sk_test_kassa_sandbox"}
    async with await gateway.beside(RATE_LIMIT_PER_ADDRESS="300", **stripe) as other:
        merchant = await using(other, "stripe")

        async def attempt() -> list[Reply]:
            orders = [(await merchant.order())["id"] for _ in range(4)]
            return [await ask(merchant, order_id) for order_id in (*orders[:1] * 5, *orders[1:])]

        # To be answered again costs nothing.
        assert [reply.status for reply in await within_one_window(attempt)] == [200] * 7 + [429]


async def test_strangers_leave_the_provider_to_the_payers_of_others(stripe: Shop, stand: Stand) -> None:
    orders = [await ordered(stripe) for _ in range(40)]
    theirs = stripe.of(await using(stand.gateway, "stripe"))
    of_another = await ordered(theirs)

    async def stranger(number: int) -> Reply:
        headers = {"X-Forwarded-For": f"203.0.113.{number}"}
        path = f"/api/v1/orders/{orders[number]}/public/session"
        return await stripe.gateway.post(path, {}, anonymous=True, headers=headers)

    begun = int(time.time())
    crowd = asyncio.gather(*(stranger(number) for number in range(len(orders))))
    assert (await ask(theirs.gateway, of_another)).status == 200
    replies = await crowd

    served = [reply for reply in replies if reply.status == 200]
    assert 0 < len(served) <= SESSIONS_PER_S * (int(time.time()) - begun + 1)
    assert {(reply.status, reply.headers["Retry-After"]) for reply in replies if reply not in served} == {(429, "1")}
    # Who waits that long has a turn.
    refused = next(number for number, reply in enumerate(replies) if reply.status == 429)

    async def again() -> bool:
        return (await stranger(refused)).status == 200

    await until(again, "there is room again")
