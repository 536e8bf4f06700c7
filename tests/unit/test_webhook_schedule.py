"""The retry schedule: five attempts, never sooner than promised, later where the receiver asks for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kassa.domain.webhook import JITTER, MAX_ATTEMPTS, MAX_RETRY_AFTER_S, retry_delay_s

CHANCES = st.floats(0, 1)
FAILED = st.integers(1, MAX_ATTEMPTS - 1)


@pytest.mark.parametrize(
    ("test_schedule", "delays_s"), [(False, [60, 300, 1_800, 7_200, None]), (True, [5, 10, 15, 20, None])]
)
def test_each_delay_is_counted_from_the_attempt_before(test_schedule: bool, delays_s: list[int | None]) -> None:
    assert [retry_delay_s(failed, 0.0, test_schedule=test_schedule) for failed in range(1, 6)] == delays_s


@given(FAILED, CHANCES, st.booleans())
def test_chance_adds_up_to_a_tenth_and_never_takes_away(failed: int, chance: float, test_schedule: bool) -> None:
    least = retry_delay_s(failed, 0.0, test_schedule=test_schedule)
    delay = retry_delay_s(failed, chance, test_schedule=test_schedule)
    assert least is not None
    assert delay is not None
    assert least <= delay <= least * (1 + JITTER)
    assert delay > least or chance < 1e-9


@given(st.integers(MAX_ATTEMPTS, 100), CHANCES, st.booleans(), st.none() | st.floats(0, 1e9))
def test_there_is_no_attempt_after_the_fifth(failed: int, chance: float, short: bool, after_s: float | None) -> None:
    assert retry_delay_s(failed, chance, test_schedule=short, retry_after_s=after_s) is None


@given(FAILED, CHANCES, st.booleans(), st.floats(0, 1e9))
def test_retry_after_is_respected_up_to_an_hour(failed: int, chance: float, short: bool, after_s: float) -> None:
    scheduled = retry_delay_s(failed, chance, test_schedule=short)
    asked = retry_delay_s(failed, chance, test_schedule=short, retry_after_s=after_s)
    assert scheduled is not None
    assert asked == max(scheduled, min(after_s, MAX_RETRY_AFTER_S))


@pytest.mark.parametrize(
    ("after_s", "delay_s"), [(None, 60), (0, 60), (59, 60), (61, 61), (3_600, 3_600), (3_601, 3_600), (1e9, 3_600)]
)
def test_retry_after_never_makes_an_attempt_sooner(after_s: float | None, delay_s: float) -> None:
    assert retry_delay_s(1, 0.0, retry_after_s=after_s) == delay_s


def test_retry_after_does_not_shorten_a_longer_wait() -> None:
    assert retry_delay_s(4, 0.0, retry_after_s=3_600) == 7_200
