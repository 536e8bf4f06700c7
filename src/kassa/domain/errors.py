"""The catalogue of everything that can go wrong, and the one exception that carries an entry of it."""

from typing import NamedTuple


class Entry(NamedTuple):
    """What an error code means: its HTTP status, its usual sentence, and what to do next."""

    status: int
    sentence: str
    next_step: str


CATALOGUE: dict[str, Entry] = {
    "AUTHENTICATION_ERROR": Entry(
        401, "Invalid API credentials", "Send the merchant's X-Api-Key and X-Api-Secret, or Authorization: Basic."
    ),
    "BAD_REQUEST_ERROR": Entry(400, "The request cannot be done", "Read the description, correct it, send it again."),
    "NOT_FOUND_ERROR": Entry(404, "Not found", "Check the id, and that it belongs to the merchant whose key is sent."),
    "INVALID_VPA": Entry(400, "vpa must look like name@bank", "Ask the payer for their UPI id again."),
    "INVALID_CARD": Entry(400, "Card details are not valid", "Ask the payer to check the card's details."),
    "EXPIRED_CARD": Entry(400, "Card has expired", "Ask the payer for another card."),
    "SERVICE_UNAVAILABLE": Entry(
        503, "The gateway cannot reach its database", "Send it again with the same Idempotency-Key: it runs once."
    ),
    # A provider's refusal or silence; the provider's own code is kept beside ours.
    "PROVIDER_UNAVAILABLE": Entry(
        503, "The payment provider cannot be reached", "Send it again with the same Idempotency-Key, or wait a while."
    ),
    "PROVIDER_TIMEOUT": Entry(
        503, "The payment provider did not answer in time", "Nothing: what became of it is asked again by itself."
    ),
    "PROVIDER_RATE_LIMITED": Entry(503, "The payment provider takes no more requests now", "Try again in a while."),
    "PROVIDER_AUTHENTICATION": Entry(
        502, "The payment provider refused the gateway's credentials", "Correct the provider's keys in the settings."
    ),
    "PROVIDER_REJECTED": Entry(
        502, "The payment provider refused the request", "Read the provider's code and message."
    ),
    "PROVIDER_NOT_CONFIGURED": Entry(
        400, "No credentials are set for this provider", "Set the provider's keys, or choose another provider."
    ),
    "PROVIDER_CANNOT": Entry(400, "This provider cannot do that", "Choose a provider that can, or another way."),
    "INVALID_SIGNATURE": Entry(400, "The notification's signature is not right", "Check the webhook secret."),
    "PAYMENT_EXPIRED": Entry(200, "The payer did not pay in time", "Let the payer start again."),
    "INTERNAL_ERROR": Entry(500, "Something went wrong on our side", "Report it with the X-Request-Id of the answer."),
    # What a payment's error_code can say, besides a provider's finer code.
    "PAYMENT_FAILED": Entry(200, "Payment was declined by the bank", "Let the payer try again."),
    "ORDER_ALREADY_PAID": Entry(200, "Order is already paid", "Nothing: another payment settled this order."),
    "card_declined": Entry(200, "The card was declined", "Let the payer try another card."),
    "insufficient_funds": Entry(200, "The account has insufficient funds", "Let the payer try another card."),
    "expired_card": Entry(200, "The bank says that the card has expired", "Let the payer try another card."),
    "processing_error": Entry(200, "The bank could not process the payment", "Let the payer try again in a while."),
    "issuer_unavailable": Entry(200, "The payer's bank could not be reached", "Let the payer try again in a while."),
    "authentication_required": Entry(
        200, "The payment was not confirmed with the bank", "Let the payer try again and confirm it with their bank."
    ),
    "incorrect_number": Entry(200, "The card number is not right", "Let the payer type the card's number again."),
    "incorrect_cvc": Entry(200, "The card's security code is not right", "Let the payer type the code again."),
    "incorrect_expiry": Entry(200, "The card's expiry date is not right", "Let the payer type the date again."),
    "incorrect_address": Entry(
        200, "The address does not match the bank's", "Let the payer type the address that their bank knows."
    ),
    "incorrect_pin": Entry(200, "The PIN is missing or not right", "Let the payer try again, or use another card."),
    "invalid_account": Entry(200, "The account cannot be used for this payment", "Let the payer use another account."),
    "card_not_supported": Entry(
        200, "The card cannot be used for this kind of payment", "Let the payer try another card, or another method."
    ),
    "currency_not_supported": Entry(
        200, "The card cannot pay in this currency", "Let the payer try another card, or ask for another currency."
    ),
    "amount_not_allowed": Entry(
        200, "The bank does not allow a payment of this amount", "Let the payer ask their bank, or use another card."
    ),
    "limit_exceeded": Entry(
        200, "The payment exceeds a limit of the card or account", "Let the payer use another card, or try tomorrow."
    ),
    "duplicate_transaction": Entry(
        200, "The same payment was made moments ago", "Look for the earlier payment before asking for another."
    ),
    "test_card": Entry(200, "A test card cannot pay real money", "Let the payer use a real card."),
    "merchant_not_allowed": Entry(
        200, "The shop may not take this payment", "Ask the payment provider about the account's restrictions."
    ),
    # Known to merchants' code; an excessive refund answers BAD_REQUEST_ERROR.
    "INSUFFICIENT_REFUND_AMOUNT": Entry(400, "Refund amount exceeds available amount", "Refund at most what is left."),
}


class KassaError(Exception):
    """An error with a code of the catalogue; `status` and `description` default to the catalogue's."""

    def __init__(self, code: str, description: str | None = None, status: int | None = None) -> None:
        entry = CATALOGUE[code]
        self.code = code
        self.description = description or entry.sentence
        self.status = status or entry.status
        super().__init__(f"{code}: {self.description}")


def bad_request(description: str, status: int = 400) -> KassaError:
    """A refused request, with a sentence that says what to correct."""
    return KassaError("BAD_REQUEST_ERROR", description, status)


def not_found(what: str) -> KassaError:
    """`what` is unknown, or another merchant's: the answer is the same, so that ids cannot be probed."""
    return KassaError("NOT_FOUND_ERROR", f"{what} not found")
