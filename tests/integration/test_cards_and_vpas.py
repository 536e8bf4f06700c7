"""Cards and UPI addresses: which are taken, which are not, and that a refused one leaves nothing behind."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.shop import with_check_digit
from tests.live import CARD, Live, Reply


async def pay(merchant: Live, **fields: Any) -> Reply:
    """An attempt to pay a new order."""
    order = await merchant.order()
    return await merchant.post("/api/v1/payments", {"order_id": order["id"], **fields})


async def nothing_was_taken(merchant: Live) -> bool:
    """Whether the merchant has no payment at all."""
    rows = await merchant.sql("SELECT FROM payments WHERE merchant_id = $1::uuid", merchant.merchant_id)
    return rows == []


@pytest.mark.parametrize("vpa", ["a@b", "A.b_c-9@Bank0", "...@x", "9876543210@upi", "_@0", f"{'x' * 250}@bank"])
async def test_vpa_is_taken(merchant: Live, vpa: str) -> None:
    reply = await pay(merchant, method="upi", vpa=vpa)

    assert (reply.status, reply.json["vpa"]) == (201, vpa)


VPAS = [
    "", "@", "a@", "@b", "ab", "a@b@c", "a@b.c", "a@b-c", "a b@c", " a@b", "a@b ", "a@b\n", "\na@b", "a+b@c", "a@ü",
    "ä@b", "a@b\0", "a@b\u2028", "а@b", f"{'x' * 251}@bank",
]  # fmt: skip


@pytest.mark.parametrize("vpa", VPAS)
async def test_vpa_is_refused(merchant: Live, vpa: str) -> None:
    reply = await pay(merchant, method="upi", vpa=vpa)

    assert reply.refusal == (400, "INVALID_VPA", "vpa must look like name@bank")
    assert await nothing_was_taken(merchant)


NETWORKS = [
    ("4", "visa"), ("50", "unknown"), ("51", "mastercard"), ("52", "mastercard"), ("55", "mastercard"),
    ("56", "unknown"), ("34", "amex"), ("37", "amex"), ("35", "unknown"), ("36", "unknown"), ("60", "rupay"),
    ("61", "unknown"), ("65", "rupay"), ("80", "unknown"), ("81", "rupay"), ("85", "rupay"), ("89", "rupay"),
    ("90", "unknown"), ("22", "unknown"), ("30", "unknown"), ("00", "unknown"),
]  # fmt: skip


@pytest.mark.parametrize(("prefix", "network"), NETWORKS)
async def test_network_goes_by_the_prefix(merchant: Live, prefix: str, network: str) -> None:
    number = with_check_digit(prefix.ljust(15, "7"))

    reply = await pay(merchant, method="card", card={**CARD, "number": number})

    assert (reply.status, reply.json["card_network"], reply.json["card_last4"]) == (201, network, number[-4:])


@pytest.mark.parametrize("number", [with_check_digit("4" * length) for length in range(12, 19)])
async def test_number_of_13_to_19_digits_is_taken(merchant: Live, number: str) -> None:
    assert (await pay(merchant, method="card", card={**CARD, "number": number})).status == 201


@pytest.mark.parametrize("number", ["4242 4242 4242 4242", "4242-4242-4242-4242", " 42424242-4242 4242- "])
async def test_spaces_and_dashes_are_stripped(merchant: Live, number: str) -> None:
    reply = await pay(merchant, method="card", card={**CARD, "number": number})

    assert (reply.status, reply.json["card_last4"]) == (201, "4242")


NUMBERS = [
    with_check_digit("4" * 11), with_check_digit("4" * 19), "", "4242", "4242.4242.4242.4242", "4242\t424242424242",
    "4242424242424242\n", "x4242424242424242", "+4242424242424242",
    "４２４２４２４２４２４２４２４２", "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢",
]  # fmt: skip


@pytest.mark.parametrize("number", NUMBERS)
async def test_number_must_have_13_to_19_digits(merchant: Live, number: str) -> None:
    reply = await pay(merchant, method="card", card={**CARD, "number": number})

    assert reply.refusal == (400, "INVALID_CARD", "card.number must have 13 to 19 digits")
    assert await nothing_was_taken(merchant)


@pytest.mark.parametrize("number", ["4242424242424241", "4242424242424224", "5555555555554445", "1" * 16])
async def test_number_must_pass_the_luhn_check(merchant: Live, number: str) -> None:
    reply = await pay(merchant, method="card", card={**CARD, "number": number})

    assert reply.refusal == (400, "INVALID_CARD", "card.number is not a valid card number")
    assert await nothing_was_taken(merchant)


@pytest.mark.parametrize(("month", "year"), [("1", "99"), ("01", "2099"), (12, 2099), (1, 99), ("12", "99")])
async def test_expiry_date_is_taken(merchant: Live, month: str | int, year: str | int) -> None:
    reply = await pay(merchant, method="card", card={**CARD, "expiry_month": month, "expiry_year": year})

    assert reply.status == 201


async def test_card_is_good_through_its_last_month(merchant: Live) -> None:
    # The month of half an hour ahead: when the test runs over midnight, the card is in order all the same.
    now = datetime.now(UTC) + timedelta(minutes=30)
    card = {**CARD, "expiry_month": f"{now.month:02d}", "expiry_year": f"{now.year % 100:02d}"}

    assert (await pay(merchant, method="card", card=card)).status == 201


@pytest.mark.parametrize("year_format", ["%y", "%Y"])
async def test_card_expired_last_month(merchant: Live, year_format: str) -> None:
    last = datetime.now(UTC).replace(day=1) - timedelta(days=1)
    card = {**CARD, "expiry_month": last.strftime("%m"), "expiry_year": last.strftime(year_format)}

    reply = await pay(merchant, method="card", card=card)

    assert reply.refusal == (400, "EXPIRED_CARD", "Card has expired")
    assert await nothing_was_taken(merchant)


@pytest.mark.parametrize(("month", "year"), [("12", "2020"), ("01", "00"), ("12", "1999"), ("12", "0000")])
async def test_card_expired_long_ago(merchant: Live, month: str, year: str) -> None:
    reply = await pay(merchant, method="card", card={**CARD, "expiry_month": month, "expiry_year": year})

    assert reply.refusal[:2] == (400, "EXPIRED_CARD")


@pytest.mark.parametrize("month", ["0", "00", "13", "-1", "1.5", "", "one", "001", "१"])
async def test_month_is_1_to_12(merchant: Live, month: str) -> None:
    reply = await pay(merchant, method="card", card={**CARD, "expiry_month": month})

    assert reply.refusal == (400, "INVALID_CARD", "card.expiry_month must be 1 to 12")


@pytest.mark.parametrize("year", ["9", "099", "20999", "", "year", "२०९९"])
async def test_year_has_two_or_four_digits(merchant: Live, year: str) -> None:
    reply = await pay(merchant, method="card", card={**CARD, "expiry_year": year})

    assert reply.refusal == (400, "INVALID_CARD", "card.expiry_year must have two or four digits")


@pytest.mark.parametrize("cvv", ["12", "12345", "", "12a", "１２３", "123\n", " 123"])
async def test_cvv_has_three_or_four_digits(merchant: Live, cvv: str) -> None:
    reply = await pay(merchant, method="card", card={**CARD, "cvv": cvv})

    assert reply.refusal == (400, "INVALID_CARD", "card.cvv must be 3 or 4 digits")
    assert await nothing_was_taken(merchant)


async def test_four_digit_cvv_is_taken(merchant: Live) -> None:
    assert (await pay(merchant, method="card", card={**CARD, "cvv": "1234"})).status == 201


@pytest.mark.parametrize("field", CARD)
@pytest.mark.parametrize("value", ["missing", None, [], {}, True])
async def test_every_card_field_is_needed(merchant: Live, field: str, value: Any) -> None:
    card: dict[str, Any] = {**CARD, field: value}
    if value == "missing":
        del card[field]

    reply = await pay(merchant, method="card", card=card)

    assert reply.refusal[:2] == (400, "INVALID_CARD")
    assert reply.refusal[2].startswith(f"card.{field} ")
    assert await nothing_was_taken(merchant)


@pytest.mark.parametrize("name", ["", "   "])
async def test_holder_has_a_name(merchant: Live, name: str) -> None:
    reply = await pay(merchant, method="card", card={**CARD, "holder_name": name})

    assert reply.refusal == (400, "INVALID_CARD", "card.holder_name is required")
