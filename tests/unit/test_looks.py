"""When a provider is asked next about an open payment: by the session's age, however often it was asked before."""

from datetime import UTC, datetime, timedelta

import pytest

from kassa.actions.look_at_payment import next_look

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
