"""Money that came for an order that another payment had settled goes back: taken or held, by itself, and asked once."""

from datetime import timedelta
from typing import Any

import pytest
from tests.live import until
from tests.providers.shop import Shop, reconcile

FIVE_DAYS_S = 5 * 86_400


async def paid_twice(shop: Shop, outcome: str, given_back: int = 0) -> Any:
    """The second session of a paid order, with what came of it at the provider, once it has failed here.

    Of that, somebody may have given back a part in the provider's dashboard.
    """
    first = await shop.open()
    second = await shop.open(first["order_id"])
    # Both are paid before we hear of either.
    await shop.control("notifications", hold=True)
    await shop.control("outcome", session=first["payment_id"], outcome="pay")
    await shop.control("outcome", session=second["payment_id"], outcome=outcome)
    if given_back:
        await shop.control("refund_outside", session=second["payment_id"], amount=given_back)
    await shop.look(first["payment_id"])
    await shop.look(second["payment_id"])
    payment = await shop.gateway.settled(second["payment_id"])
    assert (payment["status"], payment["error_code"]) == ("failed", "ORDER_ALREADY_PAID")
    assert await shop.books("refunds", first["payment_id"]) == []
    return payment


async def asked(shop: Shop, payment_id: str) -> tuple[bool, timedelta]:
    """Whether all of it has gone back, and else in how long the provider is asked again; once it was asked."""

    async def found() -> Any:
        rows = await shop.gateway.sql(
            "SELECT returned_at IS NOT NULL, return_due_at - now() FROM payments WHERE id = $1", payment_id
        )
        return rows[0] if rows[0][0] or rows[0][1] > timedelta(0) else None

    done, due_in = await until(found, "the provider is asked to give it back")
    return done, due_in


async def test_a_second_success_for_a_paid_order_goes_back_by_itself(shop: Shop) -> None:
    payment = await paid_twice(shop, "pay_late")

    assert (await asked(shop, payment["id"]))[0]
    [refund] = await shop.books("refunds", payment["id"])
    assert refund["amount"] == 50_000


async def test_held_money_for_a_paid_order_is_let_go(shop: Shop) -> None:
    if shop.provider == "paypal":
        pytest.skip("PayPal holds no money")
    payment = await paid_twice(shop, "authorise")

    done, _ = await asked(shop, payment["id"])
    # Razorpay lets go by itself after some days, and until then it may be told to take the money after all.
    assert done == (shop.provider != "razorpay")
    if not done:
        await shop.control("clock", advance_s=FIVE_DAYS_S + 1)
        _, lines = await reconcile(shop.gateway)
        assert [line.split(maxsplit=1)[1] for line in lines if payment["id"] in line] == ["return processed"]

    [charge] = await shop.books("charges", payment["id"])
    assert (charge["captured"], charge["released"]) == (False, True)
    assert await shop.books("refunds", payment["id"]) == []
    # Nobody is asked any more, and books that agree show no difference.
    _, lines = await reconcile(shop.gateway)
    assert not any(payment["id"] in line for line in lines)
    _, lines = await reconcile(shop.gateway, "--provider", shop.provider)
    assert not any(payment["id"] in line for line in lines)


async def test_who_does_not_give_back_is_asked_ever_less_often(shop: Shop) -> None:
    payment = await paid_twice(shop, "pay_late")
    await asked(shop, payment["id"])
    # Now it knows of nothing that it could give back.
    await shop.control("reset")
    for hours, at_least, at_most in ((0, 30, 90), (2, 7_100, 7_300), (24 * 9, 86_300, 86_500)):
        await shop.gateway.sql(
            "UPDATE payments SET returned_at = NULL, updated_at = now() - $2::interval WHERE id = $1",
            payment["id"],
            timedelta(hours=hours),
        )
        await reconcile(shop.gateway)
        done, due_in = await asked(shop, payment["id"])
        assert not done and at_least < due_in.total_seconds() < at_most


async def looked_again(shop: Shop, payment_id: str) -> str:
    """What comes of asking the provider now, and not when it is due."""
    _, lines = await reconcile(shop.gateway)
    [line] = [line for line in lines if payment_id in line]
    return line.split(maxsplit=1)[1]


async def test_a_return_that_its_provider_fails_is_told_of_and_made_again(shop: Shop) -> None:
    await shop.control("refunds", begin="failed")
    payment = await paid_twice(shop, "pay_late")
    assert not (await asked(shop, payment["id"]))[0]
    assert (await shop.payment(payment["id"]))["last_answer"] == "return failed"
    logged = [line for line in shop.gateway.logs().splitlines() if "return.failed" in line]
    assert any(payment["id"] in line and '"error"' in line for line in logged)

    await shop.control("refunds", begin="processed")

    assert await looked_again(shop, payment["id"]) == "return processed"
    assert (await asked(shop, payment["id"]))[0]
    assert "last_answer" not in await shop.payment(payment["id"])
    states = [(row["amount"], row["state"]) for row in await shop.books("refunds", payment["id"])]
    assert states == [(50_000, "failed"), (50_000, "processed")]


@pytest.mark.parametrize("given_back", [10_000, 50_000])
async def test_of_what_was_given_back_in_the_dashboard_the_rest_is_returned(shop: Shop, given_back: int) -> None:
    payment = await paid_twice(shop, "pay_late", given_back)

    assert (await asked(shop, payment["id"]))[0]

    amounts = [row["amount"] for row in await shop.books("refunds", payment["id"])]
    assert amounts == [given_back, 50_000 - given_back][: 1 if given_back == 50_000 else 2]


async def test_a_return_whose_rest_is_given_back_in_the_dashboard_is_over_when_that_is_told(shop: Shop) -> None:
    await shop.control("refunds", begin="failed")
    payment = await paid_twice(shop, "pay_late")
    assert not (await asked(shop, payment["id"]))[0]
    await shop.control("refunds", begin="processed")
    await shop.control("notifications")

    await shop.control("refund_outside", session=payment["id"], amount=50_000)

    async def over() -> bool:
        rows = await shop.gateway.sql("SELECT returned_at FROM payments WHERE id = $1", payment["id"])
        return rows[0][0] is not None

    await until(over, "the return is over")
    assert (await shop.payment(payment["id"]))["refunded_amount"] == 0


async def test_what_comes_back_of_a_return_is_told_of(shop: Shop) -> None:
    payment = await paid_twice(shop, "pay_late")
    assert (await asked(shop, payment["id"]))[0]
    await shop.control("notifications")

    await shop.control("refund", refund_id=f"return_{payment['id']}", state="failed")

    async def told() -> bool:
        lines = shop.gateway.logs().splitlines()
        return any("return.failed_after_all" in line and payment["id"] in line for line in lines)

    await until(told, "the log says so")
    assert (await shop.payment(payment["id"]))["refunded_amount"] == 0
