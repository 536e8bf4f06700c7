"""What providers call a refused payment, and what Kassa calls it: one table per provider."""

from collections.abc import Mapping

# https://docs.stripe.com/declines/codes: every published one, of cards and of local payment methods.
# What a thief must not learn (lost, stolen, suspected) reads as any other decline; the provider's own code is kept.
STRIPE: dict[str, str] = {
    **dict.fromkeys(
        (
            "approve_with_id", "call_issuer", "card_declined", "compliance_violation", "do_not_honor",
            "do_not_try_again", "fraudulent", "generic_decline", "lost_card", "merchant_blacklist", "no_action_taken",
            "not_permitted", "partner_generic_decline", "partner_high_risk_customer", "payment_disputed",
            "pickup_card", "previously_declined_do_not_retry", "restricted_card", "revocation_of_all_authorizations",
            "revocation_of_authorization", "security_violation", "service_not_allowed", "stolen_card",
            "stop_payment_order", "transaction_not_allowed",
        ), "card_declined"),
    **dict.fromkeys(("insufficient_funds", "partner_insufficient_funds"), "insufficient_funds"),
    **dict.fromkeys(("expired_card", "expired_payment_information", "partner_expired_card"), "expired_card"),
    **dict.fromkeys(
        ("partner_payment_not_found", "partner_processing_error", "processing_error", "reenter_transaction",
         "try_again_later"), "processing_error"),
    "issuer_not_available": "issuer_unavailable",
    **dict.fromkeys(
        ("authentication_not_handled", "authentication_required", "mobile_device_authentication_required"),
        "authentication_required"),
    **dict.fromkeys(("incorrect_number", "invalid_number"), "incorrect_number"),
    **dict.fromkeys(("incorrect_cvc", "invalid_cvc"), "incorrect_cvc"),
    **dict.fromkeys(("invalid_expiry_month", "invalid_expiry_year"), "incorrect_expiry"),
    **dict.fromkeys(("incorrect_address", "incorrect_zip"), "incorrect_address"),
    **dict.fromkeys(
        ("incorrect_pin", "invalid_pin", "offline_pin_required", "online_or_offline_pin_required",
         "pin_try_exceeded"), "incorrect_pin"),
    **dict.fromkeys(
        ("invalid_account", "invalid_authorization", "invalid_billing_agreement", "invalid_customer_account",
         "invalid_payment_information", "new_account_information_available"), "invalid_account"),
    "card_not_supported": "card_not_supported",
    **dict.fromkeys(("currency_not_supported", "partner_invalid_currency"), "currency_not_supported"),
    **dict.fromkeys(("invalid_amount", "partner_invalid_amount"), "amount_not_allowed"),
    **dict.fromkeys(
        ("card_velocity_exceeded", "payment_limit_exceeded", "withdrawal_count_limit_exceeded"), "limit_exceeded"),
    **dict.fromkeys(("duplicate_transaction", "partner_duplicate_transaction"), "duplicate_transaction"),
    **dict.fromkeys(("live_mode_test_card", "testmode_decline"), "test_card"),
    "invalid_business_account": "merchant_not_allowed",
    # Codes of the API itself that tell of a refused payment.
    "payment_intent_authentication_failure": "authentication_required",
    "payment_intent_payment_attempt_expired": "PAYMENT_EXPIRED",
    "payment_intent_payment_attempt_failed": "PAYMENT_FAILED",
}  # fmt: skip

# https://razorpay.com/docs/errors/payments/list: `reason` of an error, `error_reason` of a payment.
RAZORPAY: dict[str, str] = {
    **dict.fromkeys(
        ("authorisation_declined_by_psp", "card_declined", "debit_declined", "debit_instrument_blocked",
         "payment_declined", "payment_risk_check_failed"), "card_declined"),
    **dict.fromkeys(("insufficient_fund", "insufficient_funds"), "insufficient_funds"),
    "card_expired": "expired_card",
    **dict.fromkeys(
        ("gateway_technical_error", "invalid_response_from_gateway", "server_error", "upi_app_technical_error"),
        "processing_error"),
    **dict.fromkeys(
        ("bank_cutoff_in_progress", "bank_not_available", "bank_technical_error", "beneficiary_bank_offline",
         "issuer_technical_error", "partner_bank_offline"), "issuer_unavailable"),
    **dict.fromkeys(
        ("authentication_failed", "incorrect_otp", "invalid_otp", "otp_attempts_exceeded", "otp_expired",
         "payment_cancelled"), "authentication_required"),
    **dict.fromkeys(("card_number_invalid", "incorrect_card_details"), "incorrect_number"),
    "incorrect_cvv": "incorrect_cvc",
    "incorrect_card_expiry_date": "incorrect_expiry",
    **dict.fromkeys(
        ("incorrect_atm_pin", "incorrect_pin", "mpin_not_set", "pin_attempts_exceeded", "pin_not_set"),
        "incorrect_pin"),
    **dict.fromkeys(
        ("bank_account_invalid", "bank_account_validation_failed", "credit_failed", "invalid_vpa",
         "vpa_resolution_failed"), "invalid_account"),
    **dict.fromkeys(
        ("card_disabled_for_online_payments", "card_network_not_enabled", "card_not_enrolled",
         "debit_instrument_inactive", "international_transaction_not_allowed"), "card_not_supported"),
    "invalid_currency": "currency_not_supported",
    **dict.fromkeys(("amount_less_than_minimum_amount", "invalid_amount"), "amount_not_allowed"),
    **dict.fromkeys(
        ("transaction_daily_count_exceeded", "transaction_daily_limit_exceeded",
         "transaction_frequency_limit_exceeded", "transaction_limit_exceeded"), "limit_exceeded"),
    "duplicate_request": "duplicate_transaction",
    "live_mode_not_enabled": "merchant_not_allowed",
    "payment_failed": "PAYMENT_FAILED",
    **dict.fromkeys(
        ("payment_collect_request_expired", "payment_session_expired", "payment_timed_out"), "PAYMENT_EXPIRED"),
}  # fmt: skip

# https://developer.paypal.com/api/rest/reference/orders/v2/errors: what a capture can be refused for by the payer,
# and, of four characters, what the payer's bank says of a card (processor_response.response_code).
PAYPAL: dict[str, str] = {
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

TABLES = (STRIPE, RAZORPAY, PAYPAL)


def in_our_words(table: Mapping[str, str], *codes: str | None) -> str:
    """Our error code for the first of the provider's `codes`, the finest first, that the table knows."""
    return next((table[code] for code in codes if code is not None and code in table), "PAYMENT_FAILED")
