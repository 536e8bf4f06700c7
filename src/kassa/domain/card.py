"""Card rules: number, network, expiry and CVV, none of which is kept or shown here."""

import re
from datetime import datetime

import msgspec

from kassa.domain.errors import KassaError

_SEPARATORS = str.maketrans("", "", " -")
_NUMBER = re.compile(r"[0-9]{13,19}")
_CVV = re.compile(r"[0-9]{3,4}")
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


class Card(msgspec.Struct, frozen=True):
    """A card as the payer typed it. It lives in one request's memory and shows nothing of itself."""

    number: str
    expiry_month: str | int
    expiry_year: str | int
    cvv: str
    holder_name: str

    def __repr__(self) -> str:
        return "Card(…)"


def digits_of(number: str) -> str:
    """The number without the spaces and dashes that people type."""
    return number.translate(_SEPARATORS)


def luhn_valid(digits: str) -> bool:
    """The check digit of ISO/IEC 7812-1, annex B."""
    odd = sum(map(int, digits[-1::-2]))
    even = sum(_DOUBLED[int(digit)] for digit in digits[-2::-2])
    return (odd + even) % 10 == 0


def network_of(digits: str) -> str:
    """The card network by prefix: visa, mastercard, amex, rupay or unknown."""
    two = digits[:2]
    if two[:1] == "4":
        return "visa"
    if "51" <= two <= "55":
        return "mastercard"
    if two in ("34", "37"):
        return "amex"
    if two in ("60", "65") or "81" <= two <= "89":
        return "rupay"
    return "unknown"


def check_number(number: str) -> str:
    """Return the digits of a valid card number, else raise INVALID_CARD."""
    digits = digits_of(number)
    if not _NUMBER.fullmatch(digits):
        raise KassaError("INVALID_CARD", "card.number must have 13 to 19 digits")
    if not luhn_valid(digits):
        raise KassaError("INVALID_CARD", "card.number is not a valid card number")
    return digits


def check_cvv(cvv: str) -> None:
    """Raise INVALID_CARD unless `cvv` is three or four digits."""
    if not _CVV.fullmatch(cvv):
        raise KassaError("INVALID_CARD", "card.cvv must be 3 or 4 digits")


def check_expiry(month: str | int, year: str | int, now: datetime) -> None:
    """Raise INVALID_CARD for no month or year at all, EXPIRED_CARD for one before that of `now`.

    A card is good through the last day of its month; `25` and `2025` are the same year.
    """
    month_text, year_text = str(month).strip(), str(year).strip()
    if not re.fullmatch(r"[0-9]{1,2}", month_text) or not 1 <= int(month_text) <= 12:
        raise KassaError("INVALID_CARD", "card.expiry_month must be 1 to 12")
    if not re.fullmatch(r"[0-9]{2}|[0-9]{4}", year_text):
        raise KassaError("INVALID_CARD", "card.expiry_year must have two or four digits")
    full_year = int(year_text) + (2000 if len(year_text) == 2 else 0)
    if (full_year, int(month_text)) < (now.year, now.month):
        raise KassaError("EXPIRED_CARD")


def check_card(card: Card, now: datetime) -> str:
    """Return the digits of the number if `card` is in order, else raise INVALID_CARD or EXPIRED_CARD."""
    digits = check_number(card.number)
    check_expiry(card.expiry_month, card.expiry_year, now)
    check_cvv(card.cvv)
    if not card.holder_name.strip():
        raise KassaError("INVALID_CARD", "card.holder_name is required")
    return digits
