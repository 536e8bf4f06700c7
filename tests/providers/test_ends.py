"""When a session is over: not while its money is on its way, at once when its order is paid, and then for good."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.live import until
from tests.providers.shop import NAMES, Shop, shop_of
from tests.stand import Stand


@pytest.fixture(params=NAMES)
async def shop(request: pytest.FixtureRequest, stand: Stand) -> AsyncIterator[Shop]:
    """Each provider in turn, whose notifications are lost."""
    async with shop_of(stand, request.param, drop=True) as one:
        yield one


async def let_end(shop: Shop, session: Any, ago: str = "1 second") -> None:
    """Let the session's time be over, and the provider be asked once more."""
    await shop.gateway.sql(
        "UPDATE checkout_sessions SET expires_at = now() - $2::text::interval WHERE id = $1", session["id"], ago
    )
    await shop.look(session["payment_id"])


async def fate(shop: Shop, session: Any) -> tuple[str, str | None]:
    """The payment's status and error code."""
    payment = await shop.payment(session["payment_id"])
    return payment["status"], payment.get("error_code")


async def test_money_on_its_way_is_waited_for_beyond_the_sessions_end(shop: Shop) -> None:
    session = await shop.open()
    await shop.control("outcome", session=session["payment_id"], outcome="pay_async")

    await let_end(shop, session)

    assert await fate(shop, session) == ("pending", None)
    await shop.control("outcome", session=session["payment_id"], outcome="async_succeed")
    await shop.look(session["payment_id"])
    assert await fate(shop, session) == ("success", None)


async def test_money_that_does_not_come_fails_the_payment(shop: Shop) -> None:
    session = await shop.open()
    await shop.control("outcome", session=session["payment_id"], outcome="pay_async")
    await let_end(shop, session)

    await shop.control("outcome", session=session["payment_id"], outcome="async_fail")
    await shop.look(session["payment_id"])

    assert (await fate(shop, session))[0] == "failed"


async def test_nothing_is_waited_for_for_ever(shop: Shop) -> None:
    session = await shop.open()
    await shop.control("outcome", session=session["payment_id"], outcome="pay_async")

    await let_end(shop, session, "31 days")

    assert await fate(shop, session) == ("failed", "PAYMENT_EXPIRED")


async def test_an_orders_other_sessions_end_when_it_is_paid(shop: Shop) -> None:
    paid = await shop.open()
    left = await shop.open(paid["order_id"])
    await shop.control("outcome", session=paid["payment_id"], outcome="pay")

    await shop.look(paid["payment_id"])

    ended = await shop.gateway.settled(left["payment_id"])
    assert ended["status"] == "failed"
    [there] = await shop.books("sessions", left["payment_id"])
    # PayPal has no way to end one; but there nobody is charged until we say so.
    assert there["state"] == ("open" if shop.provider == "paypal" else "expired")
    assert await shop.books("charges", left["payment_id"]) == []
    assert (await shop.gateway.get(f"/api/v1/orders/{paid['order_id']}")).json["status"] == "paid"


@pytest.mark.parametrize("shop", ["paypal"], indirect=True)
async def test_who_agrees_to_pay_a_paid_order_is_not_charged(shop: Shop) -> None:
    paid = await shop.open()
    left = await shop.open(paid["order_id"])
    await shop.control("outcome", session=left["payment_id"], outcome="pay")
    await shop.control("outcome", session=paid["payment_id"], outcome="pay")

    await shop.look(paid["payment_id"])

    assert (await shop.gateway.settled(left["payment_id"]))["error_code"] == "ORDER_ALREADY_PAID"
    assert await shop.books("charges", left["payment_id"]) == []


@pytest.mark.parametrize("shop", ["paypal"], indirect=True)
async def test_who_agrees_to_pay_after_the_end_is_not_charged(shop: Shop) -> None:
    session = await shop.open()
    await let_end(shop, session)
    assert await fate(shop, session) == ("failed", "PAYMENT_EXPIRED")
    await shop.control("notifications", drop=False)

    await shop.control("outcome", session=session["payment_id"], outcome="pay")

    async def applied() -> Any:
        return await shop.gateway.sql(
            """SELECT 1 FROM provider_events WHERE type = 'CHECKOUT.ORDER.APPROVED' AND status = 'applied'
                   AND payload -> 'resource' ->> 'id' = (SELECT provider_ref FROM payments WHERE id = $1)""",
            session["payment_id"],
        )

    await until(applied, "the approval is applied")
    assert await fate(shop, session) == ("failed", "PAYMENT_EXPIRED")
    assert await shop.books("charges", session["payment_id"]) == []


@pytest.mark.parametrize("shop", ["paypal"], indirect=True)
async def test_late_money_is_taken_though_its_provider_does_not_answer_at_first(shop: Shop) -> None:
    session = await shop.open()
    await let_end(shop, session)
    await shop.control("notifications", drop=False)
    await shop.control("faults", operation="retrieve", kind="http_500", times=1)

    await shop.control("outcome", session=session["payment_id"], outcome="pay_late")

    async def taken() -> bool:
        return await fate(shop, session) == ("success", None)

    await until(taken, "the late money is taken")
