"""Card rules: numbers with a right check digit pass however they are typed, and nothing of a card is ever quoted."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kassa.domain.card import Card, check_card, check_cvv, check_expiry, check_number, digits_of, luhn_valid, network_of
from kassa.domain.errors import KassaError

NOW = datetime(2026, 3, 15, tzinfo=UTC)
MONTHS = st.integers(1, 12)


def check_digit(payload: str) -> str:
    """The digit that makes `payload` valid, worked out as the standard words it: from the right, double every other."""
    total = 0
    for place, character in enumerate(reversed(payload)):
        digit = int(character)
        if place % 2 == 0:
            digit = digit * 2 - 9 if digit > 4 else digit * 2
        total += digit
    return str(-total % 10)


def refusal_of(number: str) -> str:
    """The code that `number` is refused with."""
    with pytest.raises(KassaError) as caught:
        check_number(number)
    return caught.value.code


payloads = st.text("0123456789", min_size=12, max_size=18)
numbers = payloads.map(lambda payload: payload + check_digit(payload))


@pytest.mark.parametrize(
    "number",
    [
        "4242424242424242", "4111111111111111", "5555555555554444", "2223003122003222", "378282246310005",
        "371449635398431", "6073849700004947", "6011111111111117", "4222222222222", "6304000000000000000",
    ],
)  # fmt: skip
def test_well_known_numbers_are_valid(number: str) -> None:
    assert check_number(number) == number


@given(payloads)
def test_exactly_one_last_digit_is_valid(payload: str) -> None:
    assert [digit for digit in "0123456789" if luhn_valid(payload + digit)] == [check_digit(payload)]


@given(numbers, st.data())
def test_any_single_mistyped_digit_is_noticed(number: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(number) - 1))
    other = data.draw(st.sampled_from("0123456789").filter(lambda digit: digit != number[place]))
    assert refusal_of(number[:place] + other + number[place + 1 :]) == "INVALID_CARD"


@given(numbers, st.data())
def test_neighbours_in_the_wrong_order_are_noticed(number: str, data: st.DataObject) -> None:
    """Except 0 and 9, which the standard's own check digit cannot tell apart."""
    place = data.draw(st.integers(0, len(number) - 2))
    first, second = number[place], number[place + 1]
    swapped = number[:place] + second + first + number[place + 2 :]
    assert luhn_valid(swapped) is (first == second or {first, second} == {"0", "9"})


@given(numbers, st.data())
def test_spaces_and_dashes_do_not_matter(number: str, data: st.DataObject) -> None:
    separators = data.draw(st.lists(st.text(" -", max_size=2), min_size=len(number) + 1, max_size=len(number) + 1))
    typed = "".join(map("".join, zip(separators, [*number, ""], strict=True)))
    assert check_number(typed) == number
    assert digits_of(typed) == number


@pytest.mark.parametrize("length", [1, 11, 12, 20, 21, 40])
def test_lengths_other_than_13_to_19_are_refused_whatever_the_check_digit(length: int) -> None:
    payload = "4" * (length - 1)
    assert refusal_of(payload + check_digit(payload)) == "INVALID_CARD"


@pytest.mark.parametrize(
    "number",
    ["", " ", "----", "4242 4242 4242 424x", "4242424242424242\n", "4242.4242.4242.4242", "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢", "²" * 16,
     "4242\u00a04242\u00a04242\u00a04242", "0x42424242424242", "-4242424242424241"],
)  # fmt: skip
def test_what_is_not_digits_is_refused(number: str) -> None:
    assert refusal_of(number) == "INVALID_CARD"


def test_networks_by_their_prefix() -> None:
    expected = {f"{prefix:02d}": "unknown" for prefix in range(100)}
    expected |= {f"4{digit}": "visa" for digit in range(10)}
    expected |= dict.fromkeys(("51", "52", "53", "54", "55"), "mastercard")
    expected |= dict.fromkeys(("34", "37"), "amex")
    expected |= dict.fromkeys(("60", "65", "81", "82", "83", "84", "85", "86", "87", "88", "89"), "rupay")
    assert {prefix: network_of(prefix + "0" * 14) for prefix in expected} == expected


@pytest.mark.parametrize("digits", ["", "5", "3", "6"])
def test_too_few_digits_are_no_network(digits: str) -> None:
    assert network_of(digits) == "unknown"


@pytest.mark.parametrize("cvv", ["000", "123", "1234"])
def test_three_or_four_digits_are_a_cvv(cvv: str) -> None:
    check_cvv(cvv)


@pytest.mark.parametrize("cvv", ["", "12", "12345", "12a", " 123", "123\n", "١٢٣", "-12"])
def test_anything_else_is_not(cvv: str) -> None:
    with pytest.raises(KassaError) as caught:
        check_cvv(cvv)
    assert caught.value.code == "INVALID_CARD"


@given(MONTHS, st.integers(2000, 2099), st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)), st.data())
def test_a_card_is_good_through_its_month_however_the_year_is_written(
    month: int, year: int, now: datetime, data: st.DataObject
) -> None:
    months: list[str | int] = [month, str(month), f"{month:02d}"]
    years: list[str | int] = [year, str(year), f"{year % 100:02d}"]
    month_as, year_as = data.draw(st.sampled_from(months)), data.draw(st.sampled_from(years))
    if year * 12 + month >= now.year * 12 + now.month:
        check_expiry(month_as, year_as, now)
    else:
        with pytest.raises(KassaError) as caught:
            check_expiry(month_as, year_as, now)
        assert caught.value.code == "EXPIRED_CARD"


@pytest.mark.parametrize(
    ("now", "good"),
    [
        (datetime(2024, 2, 1, tzinfo=UTC), True),
        (datetime(2024, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC), True),
        (datetime(2024, 3, 1, tzinfo=UTC), False),
        (datetime(2023, 12, 31, 23, 59, 59, tzinfo=UTC), True),
        (datetime(2025, 1, 1, tzinfo=UTC), False),
    ],
)
def test_a_card_expires_at_the_end_of_its_month(now: datetime, good: bool) -> None:
    try:
        check_expiry("02", "24", now)
    except KassaError as error:
        assert (error.code, good) == ("EXPIRED_CARD", False)
    else:
        assert good


@pytest.mark.parametrize("month", ["0", "00", "13", "99", "", "x", "1.0", "-1", "012", "١", 0, 13, -1, 100])
def test_what_is_no_month_is_refused(month: str | int) -> None:
    with pytest.raises(KassaError) as caught:
        check_expiry(month, "2099", NOW)
    assert caught.value.code == "INVALID_CARD"


@pytest.mark.parametrize("year", ["", "5", "205", "20255", "25.0", "-1", "abcd", "２５", 5, -25, 20_255])
def test_what_is_no_year_is_refused(year: str | int) -> None:
    with pytest.raises(KassaError) as caught:
        check_expiry("12", year, NOW)
    assert caught.value.code == "INVALID_CARD"


@pytest.mark.parametrize("holder", ["", " ", "\t"])
def test_a_card_belongs_to_somebody(holder: str) -> None:
    with pytest.raises(KassaError) as caught:
        check_card(Card("4242424242424242", 12, 2099, "123", holder), NOW)
    assert (caught.value.code, caught.value.description) == ("INVALID_CARD", "card.holder_name is required")


@given(st.text("0123456789", min_size=1), st.text("0123456789", min_size=1), st.integers(0, 99), st.integers(0, 9_999))
def test_no_refusal_and_no_representation_quotes_a_card(number: str, cvv: str, month: int, year: int) -> None:
    card = Card(number, month, year, cvv, "A Payer")
    assert not re.search("[0-9]", f"{card} {card!r} {[card]}")
    try:
        check_card(card, NOW)
    except KassaError as error:
        constant = re.sub("13 to 19|1 to 12|3 or 4", "", str(error))
        assert not re.search("[0-9]", constant)
