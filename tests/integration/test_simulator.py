"""The simulated bank: as likely, as slow and as strict as its settings say; test values always do what they are for."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.live import TEST_MERCHANT_ID, Live

CHANCE = {"TEST_MODE": "false", "PROCESSING_DELAY_MIN": "50", "PROCESSING_DELAY_MAX": "450"}
CARDS = {
    "4242424242424242": None,
    "5555555555554444": None,
    "378282246310005": None,
    "6073849700004947": None,
    "4000000000000002": "card_declined",
    "4000000000009995": "insufficient_funds",
    "4000000000000069": "expired_card",
    "4000000000000119": "processing_error",
}
ORDINARY_CARD = "4111111111111111"


@pytest.fixture(scope="module")
async def strict(gateway: Live) -> AsyncIterator[Live]:
    """A gateway by chance, at which ordinary UPI payments never succeed and ordinary cards always do."""
    seed = {
        "TEST_MERCHANT_EMAIL": "seed@shop.example",
        "TEST_API_KEY": "key_of_my_own",
        "TEST_API_SECRET": "secret_of_my_own",
    }
    rates = {"UPI_SUCCESS_RATE": "0", "CARD_SUCCESS_RATE": "1"}
    async with await gateway.beside(**CHANCE, **rates, **seed) as other:
        other.credentials = {"X-Api-Key": "key_of_my_own", "X-Api-Secret": "secret_of_my_own"}
        yield other


@pytest.fixture(scope="module")
async def gloomy(gateway: Live) -> AsyncIterator[Live]:
    """A gateway in test mode at which payments fail, whatever the rates say."""
    rates = {"UPI_SUCCESS_RATE": "1", "CARD_SUCCESS_RATE": "1"}
    async with await gateway.beside(TEST_PAYMENT_SUCCESS="false", TEST_PROCESSING_DELAY="0", **rates) as other:
        yield other


async def by_upi(gateway: Live, vpa: str) -> Any:
    """The end of a UPI payment."""
    return await gateway.settled((await gateway.pay((await gateway.order())["id"], vpa))["id"])


async def by_card(gateway: Live, number: str) -> Any:
    """The end of a card payment."""
    return await gateway.settled((await gateway.pay_by_card((await gateway.order())["id"], number=number))["id"])


async def test_seed_comes_from_the_environment(strict: Live) -> None:
    seeded = (await strict.get("/api/v1/test/merchant", anonymous=True)).json

    assert seeded == {"id": TEST_MERCHANT_ID, "email": "seed@shop.example", "api_key": "key_of_my_own", "seeded": True}
    rows = await strict.sql("SELECT name, api_secret, webhook_secret FROM merchants")
    assert [tuple(row) for row in rows] == [("Test Merchant", "secret_of_my_own", "whsec_test_abc123")]
    usual = {"X-Api-Key": "key_test_abc123", "X-Api-Secret": "secret_test_xyz789"}
    assert (await strict.get("/api/v1/merchant", headers=usual)).status == 401


async def test_seeded_merchant_is_shown_only_while_there_is_one(strict: Live) -> None:
    await strict.sql("UPDATE merchants SET email = 'moved@shop.example' WHERE id = $1::uuid", TEST_MERCHANT_ID)

    reply = await strict.get("/api/v1/test/merchant", anonymous=True)
    await strict.sql("UPDATE merchants SET email = 'seed@shop.example' WHERE id = $1::uuid", TEST_MERCHANT_ID)

    assert reply.refusal == (404, "NOT_FOUND_ERROR", "Test merchant not found")


async def test_rate_of_zero_never_succeeds_and_rate_of_one_always_does(strict: Live) -> None:
    ends = await asyncio.gather(
        *(by_upi(strict, f"payer{n}@bank") for n in range(30)), *(by_card(strict, ORDINARY_CARD) for _ in range(30))
    )

    assert [end["status"] for end in ends] == ["failed"] * 30 + ["success"] * 30
    assert {(end["error_code"], end["error_description"]) for end in ends[:30]} == {
        ("PAYMENT_FAILED", "Payment was declined by the bank")
    }


async def test_bank_takes_between_the_least_and_the_longest_time(strict: Live) -> None:
    await asyncio.gather(*(by_card(strict, ORDINARY_CARD) for _ in range(20)))

    rows = await strict.sql("SELECT extract(milliseconds FROM due_at - created_at)::float8 FROM payments")
    delays_ms = [row[0] for row in rows]
    assert all(50 <= delay_ms <= 450 for delay_ms in delays_ms)
    assert min(delays_ms) < 250 < max(delays_ms)  # of twenty, all on one side: once in half a million
    settled = await strict.sql(
        """SELECT count(*) FROM payments p JOIN payment_events e ON e.payment_id = p.id
           WHERE e.event IN ('payment.success', 'payment.failed')
               AND e.created_at < date_trunc('milliseconds', p.due_at)  -- the queue counts in them"""
    )
    assert settled[0][0] == 0


@pytest.mark.parametrize(("number", "code"), CARDS.items())
async def test_well_known_card_does_what_it_is_for(strict: Live, number: str, code: str | None) -> None:
    end = await by_card(strict, number)

    assert (end["status"], end.get("error_code")) == ("failed" if code else "success", code)
    assert bool(end.get("error_description")) == bool(code)


@pytest.mark.parametrize(("number", "code"), [card for card in CARDS.items() if card[1]])
async def test_declining_card_declines_in_test_mode_too(gateway: Live, number: str, code: str) -> None:
    end = await by_card(gateway, " ".join(number))

    assert (end["status"], end["error_code"]) == ("failed", code)


async def test_well_known_vpas_do_what_they_are_for(strict: Live, gateway: Live) -> None:
    assert (await by_upi(strict, "success@kassa"))["status"] == "success"
    assert (await by_upi(strict, "Success@Kassa"))["status"] == "success"
    assert (await by_upi(strict, "failure@kassa"))["error_code"] == "PAYMENT_FAILED"
    assert (await by_upi(gateway, "FAILURE@kassa"))["error_code"] == "PAYMENT_FAILED"


async def test_test_mode_fails_every_payment_when_told_to(gloomy: Live) -> None:
    ends = await asyncio.gather(
        by_upi(gloomy, "payer@bank"), by_card(gloomy, ORDINARY_CARD), by_card(gloomy, "4242424242424242")
    )

    assert [(end["status"], end["error_code"]) for end in ends] == [("failed", "PAYMENT_FAILED")] * 3
    orders = [(await gloomy.get(f"/api/v1/orders/{end['order_id']}")).json["status"] for end in ends]
    assert orders == ["created"] * 3


async def test_finer_reason_is_kept_when_every_payment_fails(gloomy: Live) -> None:
    assert (await by_card(gloomy, "4000000000009995"))["error_code"] == "insufficient_funds"


async def test_who_asks_about_a_session_takes_nothing_of_its_time(merchant: Live) -> None:
    order = await merchant.order()
    session = (await merchant.post("/api/v1/checkout/sessions", {"order_id": order["id"]})).json
    ends = "SELECT due_at = (SELECT expires_at FROM checkout_sessions WHERE id = $2) FROM payments WHERE id = $1"

    asked = (await merchant.get(f"/api/v1/checkout/sessions/{session['id']}")).json

    assert (asked["provider"], asked["status"]) == ("simulator", "open")
    assert [row[0] for row in await merchant.sql(ends, session["payment_id"], session["id"])] == [True]


@pytest.mark.parametrize("whose", ["", f"/{TEST_MERCHANT_ID}"])
async def test_nobody_speaks_for_the_simulated_bank(gateway: Live, whose: str) -> None:
    reply = await gateway.post(f"/api/v1/providers/simulator/notifications{whose}", {"id": "evt_1"}, anonymous=True)

    assert reply.refusal == (400, "INVALID_SIGNATURE", "The simulated bank sends no notifications")
    assert await gateway.sql("SELECT 1 FROM provider_events") == []
