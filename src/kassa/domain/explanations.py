"""What to say about a failed payment: to the merchant, and to the payer."""

from typing import Literal

import msgspec

from kassa.domain.errors import CATALOGUE

Retry = Literal["no", "now", "later", "other_method"]


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What happened, what to tell the payer, what the merchant should do, and whether and when a retry helps.

    `generated` says that a model wrote it; the built-in ones are ours.
    """

    code: str
    what_happened: str
    tell_payer: str
    merchant_should: str
    retry: Retry
    generated: bool = False


_ANOTHER_CARD = "Your bank declined this card. Please use another card, or pay by UPI."
_ASK_BANK = "Your bank did not allow this payment. Please ask your bank, or pay another way."
_LATER = "Your bank could not handle the payment just now. Nothing was charged. Please try again in a few minutes."
_CHECK = "Please check the card's details and try again."
_NOT_THEIRS = "We could not take the payment. Nothing was charged. Please try again a little later."

# What to tell the payer and whether a retry helps, by code; the rest stands in the catalogue of errors.
_ADVICE: dict[str, tuple[str, Retry]] = {
    "PAYMENT_FAILED": (
        "Your bank declined the payment. Nothing was charged. Please try again or pay another way.",
        "now",
    ),
    "ORDER_ALREADY_PAID": ("This order is paid already. You do not need to do anything.", "no"),
    "PAYMENT_EXPIRED": ("The time to pay has run out. Nothing was charged. Please start again.", "now"),
    "card_declined": (_ANOTHER_CARD, "other_method"),
    "insufficient_funds": (
        "There is not enough money in this account. Please use another card or account.",
        "other_method",
    ),
    "expired_card": ("This card has expired. Please use another card.", "other_method"),
    "processing_error": (_LATER, "later"),
    "issuer_unavailable": (_LATER, "later"),
    "incorrect_number": (_CHECK, "now"),
    "incorrect_expiry": (_CHECK, "now"),
    "incorrect_address": ("Please check the billing address and try again.", "now"),
    "incorrect_pin": ("The PIN was not right. Please try again.", "now"),
    "card_not_supported": ("This kind of card cannot be used here. Please use another one.", "other_method"),
    "currency_not_supported": ("This card cannot pay in this currency. Please use another one.", "other_method"),
    "limit_exceeded": ("This payment goes beyond the card's limit. Please use another card.", "other_method"),
    "duplicate_transaction": ("A payment like this was made a moment ago. Please check before you pay again.", "no"),
    "test_card": ("Test cards cannot pay here. Please use a real one.", "other_method"),
    "incorrect_cvc": (_CHECK, "now"),
    "authentication_required": ("Your bank asks you to confirm this payment. Please try again and confirm it.", "now"),
    "invalid_account": (_ASK_BANK, "other_method"),
    "amount_not_allowed": (_ASK_BANK, "other_method"),
    "merchant_not_allowed": (_ASK_BANK, "other_method"),
    "PROVIDER_UNAVAILABLE": (_NOT_THEIRS, "later"),
    "PROVIDER_TIMEOUT": (
        "We are still waiting for your bank. Please do not pay again until you hear from us.",
        "later",
    ),
    "PROVIDER_RATE_LIMITED": (_NOT_THEIRS, "later"),
    "PROVIDER_AUTHENTICATION": (_NOT_THEIRS, "no"),
    "PROVIDER_REJECTED": (_NOT_THEIRS, "no"),
}


def built_in(code: str) -> Explanation:
    """The explanation of one of our error codes; one that is not known is treated as a plain decline."""
    entry = CATALOGUE.get(code) or CATALOGUE["PAYMENT_FAILED"]
    tell_payer, retry = _ADVICE.get(code) or (_ANOTHER_CARD, "other_method")
    return Explanation(
        code=code, what_happened=entry.sentence, tell_payer=tell_payer, merchant_should=entry.next_step, retry=retry
    )


def amount_band(amount: int, exponent: int) -> str:
    """The order of magnitude of an amount: all that a model is told of it."""
    whole = amount // 10**exponent
    for limit in (10, 100, 1_000, 10_000, 100_000):
        if whole < limit:
            return f"under {limit:,}"
    return "100,000 or more"
