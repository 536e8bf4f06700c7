"""Rate limits count by name, refuse what is too much, and say when to come back."""

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from kassa.api.limits import WINDOW_S, RateLimited, RateLimits, counted_as


def within_a_window(work: Callable[[RateLimits], None]) -> None:
    """Do `work` with fresh counts; once more where a new window began meanwhile."""
    window = time.time() // WINDOW_S
    try:
        work(RateLimits(Redis()))
    except (AssertionError, pytest.fail.Exception):
        if time.time() // WINDOW_S == window:
            raise
        work(RateLimits(Redis()))


def accepted(limits: RateLimits, name: str, limit: int, tries: int) -> int:
    """How many of so many requests pass."""
    passed = 0
    for _ in range(tries):
        try:
            limits.count(name, limit)
        except RateLimited:
            continue
        passed += 1
    return passed


@given(st.integers(1, 20), st.integers(0, 40))
def test_as_many_pass_as_the_limit_says(limit: int, tries: int) -> None:
    def work(limits: RateLimits) -> None:
        assert accepted(limits, "key:a", limit, tries) == min(limit, tries)

    within_a_window(work)


def test_names_do_not_share_a_limit() -> None:
    def work(limits: RateLimits) -> None:
        assert [accepted(limits, name, 2, 3) for name in ("key:a", "key:b", "address:a")] == [2, 2, 2]

    within_a_window(work)


def test_whoever_is_refused_is_told_when_to_come_back() -> None:
    def work(limits: RateLimits) -> None:
        accepted(limits, "key:a", 1, 1)
        with pytest.raises(RateLimited) as caught:
            limits.count("key:a", 1)
        ends_in_s = WINDOW_S - time.time() % WINDOW_S
        assert ends_in_s - 0.01 <= caught.value.retry_after_s <= WINDOW_S
        error = caught.value.error
        assert (error.code, error.status) == ("BAD_REQUEST_ERROR", 429)
        assert error.description == f"Too many requests; try again in {caught.value.retry_after_s} s"

    within_a_window(work)


def test_a_refused_request_does_not_count() -> None:
    def work(limits: RateLimits) -> None:
        assert accepted(limits, "key:a", 2, 10) == 2
        assert accepted(limits, "key:a", 3, 10) == 1

    within_a_window(work)


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "::ffff:203.0.113.7"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("unix:", "unix:"),
    ],
)
def test_an_ipv6_network_counts_as_one_stranger(address: str, counted: str) -> None:
    assert counted_as(address) == counted


def test_of_each_second_as_many_pass_as_the_limit_says(monkeypatch: pytest.MonkeyPatch) -> None:
    limits, at, passed = RateLimits(Redis()), 1_800_000_000.0, []
    for tenth in range(1_200):
        monkeypatch.setattr(time, "time", lambda now=at + tenth / 10: now)
        try:
            limits.forgive(limits.count_in_second("session:a", 3))
            passed.append(limits.count_in_second("session:a", 3))
        except RateLimited as refused:
            assert refused.retry_after_s == 1
        assert limits.count_in_second("session:b", 10)

    assert len(passed) == 3 * 120


def test_what_is_forgiven_was_never_counted() -> None:
    def work(limits: RateLimits) -> None:
        limits.forgive("login:a")
        for _ in range(5):
            limits.count("login:a", 2)
            limits.forgive("login:a")
        assert accepted(limits, "login:a", 2, 5) == 2

    within_a_window(work)
