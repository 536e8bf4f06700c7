"""PayPal's errors, of its API and of its captures, in our words."""

import msgspec

from kassa.domain.errors import CATALOGUE
from kassa.providers.base import ProviderError

NAME = "paypal"
# What a capture can be refused for on the payer's side (https://developer.paypal.com/api/rest/reference/orders/v2/errors)
# and, of four characters, what the payer's bank says of a card (processor_response.response_code).
DECLINES: dict[str, str] = {
    **dict.fromkeys(
        ("COMPLIANCE_VIOLATION", "DECLINED_DUE_TO_RELATED_TXN", "INSTRUMENT_DECLINED", "PAYER_CANNOT_PAY",
         "REDIRECT_PAYER_FOR_ALTERNATE_FUNDING", "TRANSACTION_REFUSED",
         "0100", "0500", "5100", "5150", "5160", "5180", "5210", "5700", "9100", "9500", "9510", "9520", "9530",
         "9540"),
        "card_declined"),
    "5120": "insufficient_funds",
    **dict.fromkeys(("CARD_EXPIRED", "REFERENCED_CARD_EXPIRED", "5400"), "expired_card"),
    **dict.fromkeys(("5110", "PCVV"), "incorrect_cvc"),
    **dict.fromkeys(("5130", "5500", "7900"), "incorrect_pin"),
    **dict.fromkeys(("5170", "5190"), "incorrect_address"),
    "1380": "incorrect_expiry",
    **dict.fromkeys(("5650", "7700", "7710"), "authentication_required"),
    **dict.fromkeys(("5910", "5920"), "issuer_unavailable"),
    **dict.fromkeys(("0800", "0880", "8000", "8010", "9600"), "processing_error"),
    **dict.fromkeys(
        ("PAYER_ACCOUNT_LOCKED_OR_CLOSED", "PAYER_ACCOUNT_RESTRICTED", "1330", "5140", "5930", "6300"),
        "invalid_account"),
    **dict.fromkeys(
        ("CARD_BRAND_NOT_SUPPORTED", "DOMESTIC_TRANSACTION_REQUIRED", "PAYMENT_SOURCE_NOT_SUPPORTED", "5900", "7800"),
        "card_not_supported"),
    **dict.fromkeys(
        ("MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED", "TRANSACTION_LIMIT_EXCEEDED", "5710"), "limit_exceeded"),
    **dict.fromkeys(("DUPLICATE_INVOICE_ID", "5200"), "duplicate_transaction"),
    **dict.fromkeys(
        ("NOT_ENABLED_FOR_CARD_PROCESSING", "PAYEE_ACCOUNT_LOCKED_OR_CLOSED", "PAYEE_ACCOUNT_RESTRICTED",
         "PAYEE_BLOCKED_TRANSACTION", "PAYEE_NOT_ENABLED_FOR_CARD_PROCESSING", "TRANSACTION_BLOCKED_BY_PAYEE",
         "TRANSACTION_RECEIVING_LIMIT_EXCEEDED"), "merchant_not_allowed"),
}  # fmt: skip
# The same request is under way already, and how it ends is not known yet.
_UNDER_WAY = frozenset({"ORDER_COMPLETION_IN_PROGRESS", "PREVIOUS_REQUEST_IN_PROGRESS"})


class _Detail(msgspec.Struct):
    issue: str | None = None
    field: str | None = None


class _Problem(msgspec.Struct):
    name: str | None = None
    # How the token endpoint calls its own.
    error: str | None = None
    details: list[_Detail] = []


def refusal(status: int, body: bytes) -> ProviderError:
    """An answer that is no success, as our error. PayPal's sentence stays behind: it may repeat what was sent."""
    try:
        problem = msgspec.json.decode(body, type=_Problem)
    except msgspec.MsgspecError:
        problem = _Problem()
    detail = problem.details[0] if problem.details else _Detail()
    theirs = detail.issue or problem.name or problem.error
    if status == 429:
        return ProviderError("PROVIDER_RATE_LIMITED", NAME, provider_code=theirs)
    if status in (401, 403):
        return ProviderError("PROVIDER_AUTHENTICATION", NAME, provider_code=theirs)
    if 400 <= status < 500 and status != 409 and theirs not in _UNDER_WAY:
        description = f"{CATALOGUE['PROVIDER_REJECTED'].sentence}: {theirs or status}"
        if detail.field:
            description += f" ({detail.field})"
        return ProviderError("PROVIDER_REJECTED", NAME, provider_code=theirs, description=description)
    return ProviderError("PROVIDER_UNAVAILABLE", NAME, provider_code=theirs, unknown=True)
