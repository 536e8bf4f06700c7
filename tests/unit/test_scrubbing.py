"""What is kept of a provider's notification, and what a model is told, tells of no person and of no card."""

from typing import Any

from kassa.actions import explain_payment
from kassa.actions.take_notification import scrubbed
from kassa.providers.declines import PAYPAL, RAZORPAY, STRIPE

PERSON = "Maria Payer"
EMAIL = "maria@example.com"


def test_nothing_personal_is_kept_of_what_providers_send() -> None:
    paypal: dict[str, Any] = {
        "id": "5O190127TN364715T",
        "payer": {"name": {"given_name": PERSON}, "email_address": EMAIL, "payer_id": "QYR5Z8XDVJNXQ"},
        "payment_source": {"paypal": {"email_address": EMAIL, "name": {"surname": PERSON}, "account_id": "QYR5Z8X"}},
        "purchase_units": [{"custom_id": "pay_1", "shipping": {"name": {"full_name": PERSON}}}],
    }
    stripe: dict[str, Any] = {
        "id": "cs_1",
        "customer_details": {"email": EMAIL, "name": PERSON, "phone": "+15550100"},
        "collected_information": {"shipping_details": {"name": PERSON}},
        "receipt_email": EMAIL,
        "shipping_details": {"address": {"line1": PERSON}},
        "payment_method_details": {"card": {"last4": "4242", "exp_month": 1}, "type": "card"},
        "amount": 500,
    }
    razorpay: dict[str, Any] = {
        "id": "pay_1",
        "email": EMAIL,
        "contact": "+919999999999",
        "vpa": "maria@bank",
        "card": {"name": PERSON, "last4": "1111"},
        "customer": {"name": PERSON, "contact": "+919999999999"},
        "upi": {"payer_account_type": "bank_account", "vpa": "maria@bank"},
    }

    assert scrubbed(paypal) == {"id": "5O190127TN364715T", "purchase_units": [{"custom_id": "pay_1"}]}
    assert scrubbed(stripe) == {"id": "cs_1", "payment_method_details": {"type": "card"}, "amount": 500}
    assert scrubbed(razorpay) == {"id": "pay_1", "customer": {}}


def test_what_tells_how_a_payment_stands_is_kept() -> None:
    kept = {"id": "evt_1", "type": "checkout.session.completed", "payment_status": "paid", "metadata": {"kassa": "1"}}

    assert scrubbed([kept]) == [kept]


def test_a_model_is_told_every_code_that_a_provider_publishes_but_no_number() -> None:
    for code in (*STRIPE, *RAZORPAY, *PAYPAL):
        assert explain_payment.scrubbed(code) == ("…" if code.isdigit() else code)
