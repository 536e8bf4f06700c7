"""Money that is held: captured once, or let go; every provider that can hold any is tried."""

import pytest
from tests.providers.cases import Case

from kassa.providers.base import ProviderError

FIVE_DAYS_S = 5 * 86_400


async def test_held_money_is_captured_once(case: Case) -> None:
    if not case.under.holds:
        pytest.skip(f"{case.under.name} holds no money")
    charge = await case.paid(outcome="authorise")
    assert not (await case.standing(charge)).captured

    captured = [await case.provider.capture(charge, case.credentials) for _ in range(2)]

    assert [(one.state, one.amount, one.captured) for one in captured] == [("succeeded", 50_000, True)] * 2
    [booked] = await case.books(charge.payment_id, "charges")
    assert booked["captured"] and (await case.standing(charge)).captured


async def test_a_capture_that_went_unanswered_is_made_once(case: Case) -> None:
    if not case.under.holds:
        pytest.skip(f"{case.under.name} holds no money")
    charge = await case.paid(outcome="authorise")
    await case.control("faults", operation="capture", kind="timeout_after_charging")

    with pytest.raises(ProviderError) as silence:
        await case.impatient.capture(charge, case.credentials)
    again = await case.provider.capture(charge, case.credentials)

    assert silence.value.unknown and again.captured
    assert len(await case.books(charge.payment_id, "charges")) == 1


async def test_held_money_is_let_go_rather_than_refunded(case: Case) -> None:
    if not case.under.holds:
        pytest.skip(f"{case.under.name} holds no money")
    charge = await case.paid(outcome="authorise")

    with pytest.raises(ProviderError) as part:
        await case.provider.refund(charge, f"{charge.payment_id}_1", 20_000, case.credentials)
    begun = await case.provider.refund(charge, f"{charge.payment_id}_2", 50_000, case.credentials)
    # One provider lets go when it is told to, another by itself, as time goes by.
    await case.control("clock", advance_s=FIVE_DAYS_S + 1)
    try:
        ended = await case.provider.refund(charge, f"{charge.payment_id}_2", 50_000, case.credentials)
    finally:
        await case.control("clock", advance_s=-FIVE_DAYS_S - 1)

    assert part.value.code == "PROVIDER_REJECTED"
    assert begun.state == ("processed" if case.under.lets_go else "pending")
    assert ended.state == "processed"
    [booked] = await case.books(charge.payment_id, "charges")
    assert (booked["captured"], booked["released"]) == (False, True)
    assert await case.books(charge.payment_id, "refunds") == []
    with pytest.raises(ProviderError):
        await case.provider.capture(charge, case.credentials)
