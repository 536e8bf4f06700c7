"""A payment stays with the account that it was opened with, whatever account its merchant has by now."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis
from tests.live import until
from tests.providers.shop import OWN, Shop, shop_of, told
from tests.stand import Stand

from kassa.providers.base import Notice
from kassa.queue import LeaseQueue

ACCOUNT = "/api/v1/merchant/providers/stripe"


@pytest.fixture
async def shop(stand: Stand) -> AsyncIterator[Shop]:
    """A new merchant who uses Stripe, whose notifications are lost."""
    async with shop_of(stand, "stripe", await stand.gateway.merchant(), drop=True) as one:
        yield one


async def own_account(shop: Shop, *, there: bool = True) -> None:
    """Give the merchant an account of its own, or take it away."""
    reply = await shop.gateway.request("PUT" if there else "DELETE", ACCOUNT, OWN if there else None)
    assert reply.status == 200, reply.text


async def signed(shop: Shop, payment_id: str, event_id: str, *, by_gateway: bool = False) -> str:
    """What came of a success that is signed with the secret of the merchant's own account, or of the gateway's."""
    session = {
        "id": "cs_test_1", "object": "checkout.session", "status": "complete", "payment_status": "paid",
        "amount_total": 50_000, "currency": "usd", "payment_intent": "pi_1",
        "metadata": {"kassa_payment_id": payment_id},
    }  # fmt: skip
    return await told(shop, "checkout.session.completed", session, event_id, by_gateway=by_gateway)


async def test_what_the_gateways_account_opened_is_settled_and_refunded_there(shop: Shop) -> None:
    session = await shop.open()
    await shop.control("outcome", session=session["payment_id"], outcome="pay")
    await own_account(shop)

    await shop.look(session["payment_id"])

    assert (await shop.payment(session["payment_id"]))["status"] == "success"
    path = f"/api/v1/payments/{session['payment_id']}/refunds"
    refund = (await shop.gateway.post(path, {"amount": 20_000})).json

    async def processed() -> bool:
        return bool((await shop.gateway.get(f"/api/v1/refunds/{refund['id']}")).json["status"] == "processed")

    await until(processed, "the refund is processed")
    [there] = await shop.books("refunds", session["payment_id"])
    assert (there["account"], there["amount"]) == ("sk_test_kassa_sandbox", 20_000)
    # What is new goes through the new account.
    assert [row["account"] for row in await shop.books("sessions", (await shop.open())["payment_id"])] == [OWN["key"]]


async def test_what_an_own_account_opened_waits_for_that_account(shop: Shop) -> None:
    await own_account(shop)
    session = await shop.open()
    await shop.control("outcome", session=session["payment_id"], outcome="pay")
    await own_account(shop, there=False)
    await shop.gateway.sql("UPDATE checkout_sessions SET expires_at = now() WHERE id = $1", session["id"])

    await shop.look(session["payment_id"])

    waiting = await shop.payment(session["payment_id"])
    assert (waiting["status"], waiting["last_answer"]) == ("pending", "no answer: PROVIDER_NOT_CONFIGURED")
    await own_account(shop)
    await shop.look(session["payment_id"])
    assert (await shop.payment(session["payment_id"]))["status"] == "success"


async def test_a_merchants_own_secret_settles_only_what_its_own_account_opened(shop: Shop) -> None:
    shared = await shop.open()
    await own_account(shop)
    own = await shop.open()

    refused = await signed(shop, shared["payment_id"], f"evt_{shared['id']}")
    taken = await signed(shop, own["payment_id"], f"evt_{own['id']}")

    assert (refused, taken) == ("refused: signed by an account that it was not opened with", "settled")
    assert (await shop.payment(shared["payment_id"]))["status"] == "pending"
    assert (await shop.payment(own["payment_id"]))["status"] == "success"


async def test_the_gateways_secret_settles_nothing_that_an_own_account_opened(shop: Shop) -> None:
    await own_account(shop)
    own = await shop.open()

    refused = await signed(shop, own["payment_id"], f"evt_{own['id']}", by_gateway=True)

    assert refused == "refused: signed by an account that it was not opened with"
    assert (await shop.payment(own["payment_id"]))["status"] == "pending"


@pytest.mark.parametrize("by_gateway", [False, True])
async def test_who_shares_an_account_is_told_whoever_heard_of_it_before(
    shop: Shop, stand: Stand, by_gateway: bool
) -> None:
    await own_account(shop)
    paid = await shop.open()
    sharer = shop.of(await stand.gateway.merchant())
    await own_account(sharer)
    event_id = f"evt_{paid['id']}"

    refused = await signed(sharer, paid["payment_id"], event_id, by_gateway=by_gateway)
    taken = await signed(shop, paid["payment_id"], event_id)

    assert (refused, taken) == ("refused: signed by an account that it was not opened with", "settled")
    assert (await shop.payment(paid["payment_id"]))["status"] == "success"
    # Each is kept once: what the same account says again is the same.
    await signed(shop, paid["payment_id"], event_id)
    kept = await shop.gateway.sql("SELECT attempts FROM provider_events WHERE event_id = $1", event_id)
    assert [row[0] for row in kept] == [1, 1]


async def test_what_an_older_version_left_in_the_queue_is_found_again(shop: Shop) -> None:
    session = await shop.open()
    async with Redis.from_url(shop.gateway.urls()[1]) as redis:
        queue = LeaseQueue(redis, "notifications")
        before = await queue.counts()
        await queue.add([("stripe:evt_of_before", 0)])

        async def gone() -> bool:
            return (await queue.counts()).completed > before.completed

        await until(gone, "its name is out of the queue")
    type_ = "checkout.session.completed"
    notice = Notice(event_id="evt_of_before", type=type_, payment_id=session["payment_id"], look=True)
    await shop.control("outcome", session=session["payment_id"], outcome="pay")
    await shop.gateway.sql(
        """INSERT INTO provider_events (provider, event_id, type, notice, payload)
           VALUES ('stripe', 'evt_of_before', $1, $2::json, '{}')""",
        type_,
        msgspec.json.encode(notice).decode(),
    )

    assert (await shop.gateway.settled(session["payment_id"]))["status"] == "success"


@pytest.mark.parametrize("by_gateway", [False, True])
async def test_a_refund_fails_by_its_own_accounts_word_and_only_if_that_is_true(shop: Shop, by_gateway: bool) -> None:
    session = await shop.open()
    await shop.control("outcome", session=session["payment_id"], outcome="pay")
    await shop.look(session["payment_id"])
    reply = await shop.gateway.post(f"/api/v1/payments/{session['payment_id']}/refunds", {"amount": 20_000})
    refund_id = reply.json["id"]

    async def processed() -> bool:
        return bool((await shop.gateway.get(f"/api/v1/refunds/{refund_id}")).json["status"] == "processed")

    await until(processed, "the refund is processed")
    [there] = await shop.books("refunds", session["payment_id"])
    await own_account(shop)
    said = {
        "id": there["refund"], "object": "refund", "status": "failed", "amount": 20_000, "currency": "usd",
        "metadata": {"kassa_refund_id": refund_id},
    }  # fmt: skip

    came = await told(shop, "refund.failed", said, f"evt_{refund_id}", by_gateway=by_gateway)

    mine, others = "nothing to do", "refused: told of by an account that it was not opened with"
    assert came == (mine if by_gateway else others)
    assert await processed()
    assert (await shop.payment(session["payment_id"]))["refunded_amount"] == 20_000


async def test_where_there_are_accounts_is_told_and_nothing_of_their_keys(shop: Shop) -> None:
    at = f"http://localhost:{shop.gateway.port}/api/v1/providers"

    def told(own: bool) -> dict[str, Any]:
        accounts = [
            {
                "provider": provider, "own_account": own and provider == "stripe", "gateway_account": True,
                "notification_url": f"{at}/{provider}/notifications/{shop.gateway.merchant_id}",
            }
            for provider in ("stripe", "razorpay", "paypal")
        ]  # fmt: skip
        return {"chosen": "stripe", "gateway": "simulator", "choice_missing": False, "data": accounts}

    assert (await shop.gateway.request("PATCH", "/api/v1/merchant", {"provider": "stripe"})).status == 200
    replies = [await shop.gateway.get("/api/v1/merchant/providers")]
    for there in (True, False):
        await own_account(shop, there=there)
        replies.append(await shop.gateway.get("/api/v1/merchant/providers"))

    assert [reply.json for reply in replies] == [told(False), told(True), told(False)]
    other = await shop.gateway.merchant()
    await own_account(shop)
    assert not any(each["own_account"] for each in (await other.get("/api/v1/merchant/providers")).json["data"])
