"""A payment's statuses: the table says all, final is final, and every road leads to an end."""

import pytest

from kassa.domain.payment import CREATED, FAILED, OPEN, PENDING, PROCESSING, SUCCESS, TRANSITIONS


def test_the_table() -> None:
    assert {source: set(targets) for source, targets in TRANSITIONS.items()} == {
        "created": {"pending", "failed"},
        "pending": {"processing", "success", "failed"},
        "processing": {"success", "failed"},
        "success": set(),
        "failed": set(),
    }


def test_success_and_failed_are_final_and_nothing_else_is() -> None:
    assert {status for status, targets in TRANSITIONS.items() if not targets} == {SUCCESS, FAILED}
    assert set(OPEN) == {CREATED, PENDING, PROCESSING}


def test_every_target_is_a_status() -> None:
    assert set().union(*TRANSITIONS.values()) <= TRANSITIONS.keys()


@pytest.mark.parametrize("status", OPEN)
def test_from_every_open_status_both_ends_can_be_reached(status: str) -> None:
    reached = {status}
    while (further := reached | {to for one in reached for to in TRANSITIONS[one]}) != reached:
        reached = further
    assert {SUCCESS, FAILED} <= reached


def test_no_status_can_be_reached_from_itself() -> None:
    """The table has no circle, so a payment changes at most a few times."""
    order = list(TRANSITIONS)
    assert all(order.index(to) > order.index(status) for status, targets in TRANSITIONS.items() for to in targets)
