"""UPI addresses: letters, digits, dots, dashes and underscores, one @, then letters and digits; the whole of it."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kassa.domain.errors import KassaError
from kassa.domain.vpa import MAX_LENGTH, check_vpa

BANK = set(string.ascii_letters + string.digits)
NAME = BANK | set("._-")


def is_vpa(text: str) -> bool:
    """The same rule, without a regular expression."""
    name, at, bank = text.partition("@")
    return bool(name and at and bank) and set(name) <= NAME and set(bank) <= BANK


def accepted(text: str | None) -> bool:
    """Whether it passes; whatever does not is refused with the one code."""
    try:
        return check_vpa(text) == text
    except KassaError as error:
        assert error.code == "INVALID_VPA"
        return False


@given(st.text(sorted(NAME | {"@"}), max_size=12) | st.text(max_size=12))
def test_the_rule_holds_for_any_text(text: str) -> None:
    assert accepted(text) is is_vpa(text)


@given(st.from_regex(r"\A[a-zA-Z0-9._-]{1,40}@[a-zA-Z0-9]{1,20}\Z"))
def test_addresses_pass_as_they_are(vpa: str) -> None:
    assert check_vpa(vpa) == vpa


@pytest.mark.parametrize("vpa", ["user@paytm", "first.last-99_x@okhdfcbank", "9876543210@upi", "-@0", "success@kassa"])
def test_good_ones(vpa: str) -> None:
    assert accepted(vpa)


@pytest.mark.parametrize(
    "vpa",
    [None, "", "@", "user", "user@", "@bank", "user@bank@bank", "user name@bank", "user@bank.com", "user@ba_nk",
     "user@bank\n", "\nuser@bank", " user@bank", "üser@bank", "user@bänk", "user٣@bank", "user@bank\0", "user+1@bank"],
)  # fmt: skip
def test_bad_ones(vpa: str | None) -> None:
    assert not accepted(vpa)


def test_what_the_database_could_not_hold_is_refused() -> None:
    assert accepted("a" * (MAX_LENGTH - 5) + "@bank")
    assert not accepted("a" * (MAX_LENGTH - 4) + "@bank")
