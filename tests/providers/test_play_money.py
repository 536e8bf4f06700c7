"""The simulated bank moves no money: so it settles no order of those who take real money at a provider."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.integration.shop import PRODUCTION
from tests.live import CARD, Live
from tests.shell import kassa

UPI = {"method": "upi", "vpa": "success@kassa"}


@pytest.fixture(scope="module")
async def real(gateway: Live) -> AsyncIterator[Live]:
    """A gateway in production with an account at Stripe, and a merchant there who has not said which provider."""
    async with await gateway.beside(**PRODUCTION, STRIPE_SECRET_KEY="sk_live_of_the_gateway") as other:
        yield await other.merchant()


@pytest.fixture(scope="module")
async def without_account(gateway: Live) -> AsyncIterator[Live]:
    """A gateway in production without any account of its own."""
    async with await gateway.beside(**PRODUCTION) as other:
        yield other


NOBODY = 'Choose who takes payments: PATCH /api/v1/merchant with {"provider": …}; or open a checkout session'
NOBODY_FOR_PAYER = "This shop cannot take payments here yet; please tell it"


async def tried(shop: Live, name: str | None) -> list[Any]:
    """What a payer, and the merchant, hear who pay a new order at the simulated bank, by either method."""
    replies = []
    for body in (UPI, {"method": "card", "card": CARD}):
        order = await shop.order()
        for path, anonymous in (("/api/v1/payments/public", True), ("/api/v1/payments", False)):
            reply = await shop.post(path, {"order_id": order["id"], **body}, anonymous=anonymous)
            replies.append(reply)
        assert (await shop.get(f"/api/v1/orders/{order['id']}")).json["status"] == "created"
        assert await shop.sql("SELECT 1 FROM payments WHERE order_id = $1", order["id"]) == []
    chosen = f"This order is to be paid on a page of {name}; open a checkout session"
    problems = [chosen, chosen] if name else [NOBODY_FOR_PAYER, NOBODY]
    assert [reply.refusal for reply in replies] == [(400, "PROVIDER_CANNOT", problem) for problem in problems * 2]
    return replies


async def test_a_merchant_of_another_provider_is_paid_nothing_by_the_simulated_bank(gateway: Live) -> None:
    shop = await gateway.merchant()
    order = await shop.order()
    before = await shop.pay(order["id"], headers={"Idempotency-Key": "before"})
    # Chosen while there was an account, which is gone since.
    await shop.sql("UPDATE merchants SET provider = 'stripe' WHERE id = $1::uuid", shop.merchant_id)

    await tried(shop, "stripe")

    # What was answered before is still the answer.
    assert await shop.pay(order["id"], headers={"Idempotency-Key": "before"}) == before
    await shop.sql("UPDATE merchants SET provider = NULL WHERE id = $1::uuid", shop.merchant_id)


async def test_a_gateway_of_another_provider_takes_nothing_by_the_simulated_bank(gateway: Live) -> None:
    async with await gateway.beside(KASSA_PROVIDER="razorpay") as other:
        shop = await other.merchant()
        await tried(shop, "razorpay")

        # Nor can anybody pay there, without an account.
        found = await kassa(other.environment, "doctor")
        email = (await shop.get("/api/v1/merchant")).json["email"]
        nowhere = f"payers of {email} cannot pay by razorpay: No credentials are set for this provider"
        assert (found.code, nowhere in found.out.replace("\n", " ")) == (1, True), found.out


async def test_production_with_an_account_of_its_own_takes_nothing_by_the_simulated_bank(real: Live) -> None:
    await tried(real, None)

    found = await kassa(real.environment, "doctor")
    merchants = await real.sql("SELECT count(*) FROM merchants")
    assert (found.code, found.out.count("cannot pay on Kassa's page")) == (1, merchants[0][0])
    await real.sql("UPDATE merchants SET provider = 'stripe'")
    found = await kassa(real.environment, "doctor")
    assert (found.code, "cannot pay on Kassa's page" in found.out) == (0, False), found.out
    await real.sql("UPDATE merchants SET provider = NULL")


async def test_a_merchant_with_an_account_takes_nothing_by_the_simulated_bank(without_account: Live) -> None:
    owner, other = await without_account.merchant(), await without_account.merchant()
    await without_account.sql(
        """INSERT INTO provider_credentials (merchant_id, provider, live, encrypted)
           VALUES ($1::uuid, 'stripe', true, 'x')""",
        owner.merchant_id,
    )

    await tried(owner, None)

    found = await kassa(without_account.environment, "doctor")
    assert found.out.count("cannot pay on Kassa's page") == 1

    assert (await other.pay((await other.order())["id"]))["status"] == "pending"


async def missing(shop: Live) -> bool:
    """Whether the dashboard tells the merchant to choose a provider."""
    return bool((await shop.get("/api/v1/merchant/providers")).json["choice_missing"])


async def test_a_missing_choice_is_told_to_whom_it_concerns(real: Live, without_account: Live) -> None:
    owner, other = await without_account.merchant(), await without_account.merchant()
    await without_account.sql(
        """INSERT INTO provider_credentials (merchant_id, provider, live, encrypted)
           VALUES ($1::uuid, 'stripe', true, 'x')""",
        owner.merchant_id,
    )

    assert [await missing(shop) for shop in (real, owner, other)] == [True, True, False]
    await owner.sql("UPDATE merchants SET provider = 'stripe' WHERE id = $1::uuid", owner.merchant_id)
    assert not await missing(owner)


async def test_who_chose_the_simulated_bank_where_the_gateway_has_another_is_named(gateway: Live) -> None:
    settings = {**PRODUCTION, "KASSA_PROVIDER": "stripe", "STRIPE_SECRET_KEY": "sk_live_of_the_gateway"}
    async with await gateway.beside(**settings) as other:
        shop, content = await other.merchant(), await other.merchant()
        await shop.sql("UPDATE merchants SET provider = 'simulator' WHERE id = $1::uuid", shop.merchant_id)

        await tried(shop, None)

        assert [await missing(one) for one in (shop, content)] == [True, False]
        found = await kassa(other.environment, "doctor")
        assert (found.code, found.out.count("cannot pay on Kassa's page")) == (1, 1), found.out


async def test_test_keys_of_before_production_are_no_leave_to_settle_in_play_money(gateway: Live) -> None:
    async with await gateway.beside(**PRODUCTION) as other:
        shop = await other.merchant()
        await shop.sql(
            """INSERT INTO provider_credentials (merchant_id, provider, live, encrypted)
               VALUES ($1::uuid, 'stripe', false, 'x')""",
            shop.merchant_id,
        )

        await tried(shop, None)

        told = (await shop.get("/api/v1/merchant/providers")).json
        owned = [one["own_account"] for one in told["data"]]
        assert (told["choice_missing"], owned) == (True, [False, False, False])
        found = await kassa(other.environment, "doctor")
        assert (found.code, found.out.count("cannot pay on Kassa's page")) == (1, 1), found.out


async def test_in_production_a_merchants_test_keys_which_nothing_would_use_are_refused(
    without_account: Live,
) -> None:
    shop = await without_account.merchant()
    account = {"key": "sk_test_its_own", "webhook_secret": "whsec_its_own"}

    reply = await shop.request("PUT", "/api/v1/merchant/providers/stripe", account)

    refusal = "Test keys are for development; production takes live keys of merchants only"
    assert reply.refusal == (400, "BAD_REQUEST_ERROR", refusal)
    assert await shop.sql("SELECT 1 FROM provider_credentials WHERE merchant_id = $1::uuid", shop.merchant_id) == []
