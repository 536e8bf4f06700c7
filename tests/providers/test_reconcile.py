"""`kassa reconcile`: by hand it finishes what nobody told us of, and holds our books against the provider's."""

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import asyncpg
import pytest
from tests.live import Live
from tests.providers.shop import Shop, reconcile, shop_of
from tests.stand import Stand

from kassa.providers.base import Credentials, SessionAsked
from kassa.providers.stripe import Stripe


@pytest.fixture
async def shop(stand: Stand) -> AsyncIterator[Shop]:
    """A merchant who uses Stripe, whose notifications are lost."""
    async with shop_of(stand, "stripe", drop=True) as one:
        yield one


async def against_the_rules(gateway: Live, statement: str, *args: object) -> None:
    """A statement that the database would refuse from the gateway: a mistake in our books."""
    connection = await asyncpg.connect(gateway.urls()[0].replace("gateway_user@", "postgres@"))
    try:
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(statement, *args)
    finally:
        await connection.close()


async def test_what_no_notification_told_of_is_finished(shop: Shop) -> None:
    paid, declined, waiting = [await shop.open() for _ in range(3)]
    await shop.control("outcome", session=paid["payment_id"], outcome="pay")
    await shop.control("outcome", session=declined["payment_id"], outcome="expire")

    code, lines = await reconcile(shop.gateway)

    assert code == 0
    said = dict(line.split(maxsplit=1) for line in lines[:-1])
    assert said[paid["payment_id"]].startswith("settled")
    assert said[declined["payment_id"]].startswith("failed")
    assert said[waiting["payment_id"]].startswith("open")
    assert lines[-1] == f"Asked about {len(lines) - 1} open payments."
    states = [(await shop.payment(one["payment_id"]))["status"] for one in (paid, declined, waiting)]
    assert states == ["success", "failed", "pending"]
    assert len(await shop.books("charges", paid["payment_id"])) == 1

    code, lines = await reconcile(shop.gateway)
    assert code == 0 and not any(paid["payment_id"] in line or declined["payment_id"] in line for line in lines)


async def test_each_open_payment_is_asked_about_once_however_many_there_are(shop: Shop) -> None:
    first = await shop.open()
    # More than a page of them, not open at the provider yet, so that nobody need be asked.
    await shop.gateway.sql(
        """WITH p AS (INSERT INTO payments (id, order_id, merchant_id, amount, currency, method, status, provider,
                                            session_id, due_at)
                      SELECT 'pay_many' || n, order_id, merchant_id, amount, currency, method, 'pending', provider,
                             'cs_many' || n, now() + n * interval '1 second'
                      FROM payments, generate_series(1, 501) n WHERE id = $1 RETURNING *)
           INSERT INTO checkout_sessions (id, payment_id, order_id, merchant_id, provider, live, success_url,
                                          cancel_url, expires_at)
           SELECT session_id, id, order_id, merchant_id, provider, false, 'https://s.example', 'https://s.example',
                  now() + interval '1 day' FROM p""",
        first["payment_id"],
    )

    code, lines = await reconcile(shop.gateway)

    await shop.gateway.sql("DELETE FROM checkout_sessions WHERE id LIKE 'cs_many%'")
    await shop.gateway.sql("DELETE FROM payments WHERE id LIKE 'pay_many%'")
    asked = [line.split()[0] for line in lines[:-1]]
    assert code == 0 and len(asked) == len(set(asked))
    assert sum(one.startswith("pay_many") for one in asked) == 501


async def test_books_that_agree_show_no_difference(shop: Shop) -> None:
    session = await shop.open()
    await shop.control("outcome", session=session["payment_id"], outcome="pay")

    code, lines = await reconcile(shop.gateway, "--provider", "stripe")

    assert (code, lines[-1]) == (0, f"stripe, {datetime.now(UTC).date()}: no differences.")


async def test_differences_are_told_both_ways(shop: Shop) -> None:
    unsaid, cheap, invented = [await shop.open() for _ in range(3)]
    for one in (unsaid, cheap):
        await shop.control("outcome", session=one["payment_id"], outcome="pay")
        await shop.look(one["payment_id"])
    # Ours: one that says failed, one with another amount, one that nobody paid, and nothing of a fourth.
    await against_the_rules(
        shop.gateway, "UPDATE payments SET status = 'failed', captured = false WHERE id = $1", unsaid["payment_id"]
    )
    await against_the_rules(shop.gateway, "UPDATE payments SET amount = 40000 WHERE id = $1", cheap["payment_id"])
    await against_the_rules(
        shop.gateway, "UPDATE payments SET status = 'success' WHERE id = $1", invented["payment_id"]
    )
    stranger = await charge_behind_our_back(shop.sandbox_url)
    await shop.control("outcome", session=stranger, outcome="pay")

    code, lines = await reconcile(shop.gateway, "--provider", "stripe")

    told = {line.split()[0]: line.partition("  ")[2] for line in lines if "; here: " in line}
    theirs = "stripe: succeeded, 50000 USD; here: "
    assert told.pop(unsaid["payment_id"]) == theirs + "failed, 50000 USD"
    assert told.pop(cheap["payment_id"]) == theirs + "success, 40000 USD"
    assert told.pop(invented["payment_id"]) == "stripe: not paid, 50000 USD; here: success, 50000 USD"
    assert told.pop(stranger) == "stripe: succeeded, 7700 USD; here: unknown"
    assert told == {}
    assert (code, lines[-1]) == (1, f"stripe, {datetime.now(UTC).date()}: 4 differences.")

    yesterday = str(datetime.now(UTC).date() - timedelta(days=1))
    code, lines = await reconcile(shop.gateway, "--provider", "stripe", "--day", yesterday)
    assert (code, lines[-1]) == (0, f"stripe, {yesterday}: no differences.")

    await shop.control("reset")
    code, lines = await reconcile(shop.gateway, "--provider", "stripe")
    assert {line.split()[0] for line in lines if "stripe: not in the list; here: success" in line} == {
        cheap["payment_id"], invented["payment_id"],
    }  # fmt: skip


async def charge_behind_our_back(sandbox_url: str) -> str:
    """A session at Stripe, on our account, that our books know nothing of; returns its payment's id."""
    async with aiohttp.ClientSession() as session, session.get(sandbox_url) as response:
        told = (await response.json())["stripe"]
    name = os.urandom(8).hex()
    provider = Stripe(told["api_url"])
    asked = SessionAsked(
        session_id=f"cs_{name}", payment_id=f"pay_{name}", order_id=f"order_{name}", amount=7_700, currency="USD",
        success_url="https://s.example", cancel_url="https://s.example",
        expires_at=datetime.now(UTC) + timedelta(hours=24),
    )  # fmt: skip
    await provider.open_session(asked, Credentials(**told["credentials"], live=False))
    await provider.aclose()
    return f"pay_{name}"


async def test_an_account_that_cannot_be_read_stops_nobody_else(shop: Shop) -> None:
    owner = await shop.gateway.merchant()
    unreadable = await shop.of(owner).open()
    await shop.gateway.sql(
        """INSERT INTO provider_credentials (merchant_id, provider, live, encrypted)
           VALUES ($1::uuid, 'stripe', false, 'x')""",
        owner.merchant_id,
    )
    await shop.gateway.sql("UPDATE checkout_sessions SET own_account = true WHERE id = $1", unreadable["id"])
    paid = await shop.open()
    await shop.control("outcome", session=paid["payment_id"], outcome="pay")

    code, lines = await reconcile(shop.gateway)

    await shop.gateway.sql("DELETE FROM provider_credentials")
    said = dict(line.split(maxsplit=1) for line in lines[:-1])
    assert code == 0, lines
    assert said[unreadable["payment_id"]] == "open: no answer: PROVIDER_NOT_CONFIGURED"
    assert said[paid["payment_id"]].startswith("settled")


async def test_a_provider_that_is_away_is_asked_again_another_time(shop: Shop) -> None:
    session = await shop.open()
    await shop.control("faults", operation="retrieve", kind="http_500", times=100)

    code, lines = await reconcile(shop.gateway)

    [line] = [line for line in lines if line.startswith(session["payment_id"])]
    assert code == 0 and "no answer: PROVIDER_UNAVAILABLE" in line
    payment: Any = await shop.payment(session["payment_id"])
    assert payment["status"] == "pending" and "no answer" in payment["last_answer"]


async def test_an_unknown_provider_is_refused_in_one_line(shop: Shop) -> None:
    code, lines = await reconcile(shop.gateway, "--provider", "stirpe")
    assert (code, lines[-1]) == (2, "kassa: There is no provider 'stirpe'")
    code, lines = await reconcile(shop.gateway, "--provider", "simulator")
    assert (code, lines[-1]) == (2, "kassa: The simulated bank keeps no list to compare with")
