"""When a provider is asked about an open payment: by its age, however often it was asked before, or a payer asks."""

from datetime import UTC, datetime, timedelta

import pytest

from kassa.actions.look_at_payment import is_worth_asking, next_look
from kassa.domain.payment import Payment

BEGUN = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)
DAY_S = 86_400


def asked_at(age_s: float, expires_s: float = 30 * DAY_S) -> float:
    """At what age of the session the provider is asked next, in seconds, when it has just been asked at `age_s`."""
    now, expires_at = BEGUN + timedelta(seconds=age_s), BEGUN + timedelta(seconds=expires_s)
    return (next_look(BEGUN, now, expires_at) - BEGUN).total_seconds()


@pytest.mark.parametrize("age_s", [0, 1, 59])
def test_who_asks_often_does_not_put_off_the_first_look(age_s: float) -> None:
    assert asked_at(age_s) == 60


def test_looks_come_ever_less_often() -> None:
    at_s, asked = 0.0, []
    for _ in range(6):
        at_s = asked_at(at_s)
        asked.append(at_s)

    assert asked == [60, 360, 2_160, 9_360, 9_360 + DAY_S, 9_360 + 2 * DAY_S]


def test_a_minute_after_the_end_there_is_one_more() -> None:
    assert asked_at(9_360, expires_s=DAY_S) == DAY_S + 60
    assert asked_at(DAY_S, expires_s=DAY_S) == DAY_S + 60
    assert asked_at(DAY_S + 60, expires_s=DAY_S) == 2 * DAY_S + 60


def worth_asking(age_s: float, looked_s: float | None = None, *, status: str = "pending", by: str = "stripe") -> bool:
    """Whether the provider is asked as a payer asks about a payment of this age, looked at when `looked_s` old."""
    payment = Payment(
        id="pay_1", order_id="order_1", merchant_id="1", amount=100, currency="INR", method="card", status=status,
        created_at=BEGUN, updated_at=BEGUN, provider=by,
        looked_at=None if looked_s is None else BEGUN + timedelta(seconds=looked_s),
    )  # fmt: skip
    return is_worth_asking(payment, BEGUN + timedelta(seconds=age_s))


def test_who_comes_back_has_the_provider_asked_at_once_and_then_ever_less_often() -> None:
    assert worth_asking(0) and worth_asking(DAY_S)
    assert (worth_asking(14.9, looked_s=10), worth_asking(15, looked_s=10)) == (False, True)
    assert (worth_asking(1_999, looked_s=1_900), worth_asking(2_000, looked_s=1_900)) == (False, True)


def test_however_often_payers_ask_the_provider_is_asked_some_hundred_times_in_a_day() -> None:
    looked_s, looks = 0, 1
    for age_s in range(DAY_S):
        if worth_asking(age_s, looked_s):
            looked_s, looks = age_s, looks + 1

    assert looks < 200


@pytest.mark.parametrize("status", ["created", "success", "failed"])
def test_a_provider_is_not_asked_about_what_is_not_open_there(status: str) -> None:
    assert not worth_asking(60, status=status)
    assert not worth_asking(60, by="simulator")
