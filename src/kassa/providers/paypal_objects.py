"""PayPal's objects as we send and read them, and its amounts."""

from typing import Any, Literal

import msgspec

from kassa.domain.money import as_decimal, exponent, from_decimal
from kassa.providers.base import ProviderError, RefundStanding, SessionAsked, Standing
from kassa.providers.declines import PAYPAL, in_our_words
from kassa.providers.paypal_errors import NAME

Json = dict[str, Any]
# https://developer.paypal.com/api/rest/reference/currency-codes/
CURRENCIES = frozenset((
    "AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HKD", "HUF", "ILS", "JPY", "MXN", "MYR", "NOK",
    "NZD", "PHP", "PLN", "SEK", "SGD", "THB", "TWD", "USD",
))  # fmt: skip
# PayPal takes no decimals of these, though two of them have some by ISO 4217.
_WHOLE = frozenset({"HUF", "JPY", "TWD"})
_LONGEST_NAME = 127
_REFUNDS: dict[str, Literal["pending", "processed", "failed"]] = {
    "COMPLETED": "processed",
    "PENDING": "pending",
    "FAILED": "failed",
    "CANCELLED": "failed",
}


class Money(msgspec.Struct):
    """An amount as PayPal writes it; what is no amount of its currency does not decode."""

    currency_code: str
    value: str

    def __post_init__(self) -> None:
        from_decimal(self.value, self.currency_code)

    @property
    def amount(self) -> int:
        """In our smallest unit."""
        return from_decimal(self.value, self.currency_code)


class _Details(msgspec.Struct):
    reason: str | None = None


class _Processor(msgspec.Struct):
    response_code: str | None = None


class Capture(msgspec.Struct):
    """Money that was taken, is on its way, or was refused."""

    id: str
    status: str
    amount: Money | None = None
    custom_id: str | None = None
    status_details: _Details | None = None
    processor_response: _Processor | None = None

    def standing(self) -> Standing:
        """What it makes of the payment."""
        reason = self.status_details.reason if self.status_details else None
        answer = f"capture {self.status}" + (f", {reason}" if reason else "")
        # What was given back later was taken first.
        if self.status in ("COMPLETED", "PARTIALLY_REFUNDED", "REFUNDED"):
            amount, currency = (self.amount.amount, self.amount.currency_code) if self.amount else (None, None)
            return Standing(
                state="succeeded", answer=answer, amount=amount, currency=currency, charge_ref=self.id, captured=True
            )
        if self.status in ("DECLINED", "DENIED", "FAILED"):
            code = self.processor_response.response_code if self.processor_response else None
            ours = in_our_words(PAYPAL, code, reason)
            return Standing(state="failed", answer=answer, error_code=ours, provider_code=code or reason)
        return Standing(state="open", answer=answer, provider_code=reason, in_flight=self.status == "PENDING")


class _Link(msgspec.Struct):
    href: str
    rel: str


class Refund(msgspec.Struct):
    """Money on its way back. `invoice_id` is our refund, `custom_id` our payment."""

    id: str
    status: str
    custom_id: str | None = None
    invoice_id: str | None = None
    status_details: _Details | None = None
    amount: Money | None = None
    links: list[_Link] = []

    def standing(self) -> RefundStanding:
        """How it stands. Which capture it is of, only the link to that says."""
        reason = self.status_details.reason if self.status_details else None
        up = next((link.href for link in self.links if link.rel == "up"), "")
        return RefundStanding(
            state=_REFUNDS.get(self.status, "pending"), provider_ref=self.id, provider_code=reason,
            refund_id=self.invoice_id, charge_ref=up.rpartition("/captures/")[2] or None,
            amount=self.amount.amount if self.amount else None,
            currency=self.amount.currency_code if self.amount else None,
        )  # fmt: skip


class _Payments(msgspec.Struct):
    captures: list[Capture] = []
    refunds: list[Refund] = []


class Unit(msgspec.Struct):
    """What an order is for; `custom_id` is our payment."""

    custom_id: str | None = None
    payments: _Payments | None = None


class Order(msgspec.Struct):
    """An order: the payer approves it, we capture it."""

    id: str
    status: str | None = None
    purchase_units: list[Unit] = []
    links: list[_Link] = []
    update_time: str | None = None

    @property
    def approval_url(self) -> str | None:
        """Where the payer approves it."""
        return next((link.href for link in self.links if link.rel in ("payer-action", "approve")), None)

    @property
    def payment_id(self) -> str | None:
        """Whose it is."""
        return next((unit.custom_id for unit in self.purchase_units if unit.custom_id), None)

    def standing(self) -> Standing:
        """How the payment stands, by the best of the order's captures."""
        if self.status == "VOIDED":
            return Standing(state="failed", answer="order VOIDED", error_code="PAYMENT_EXPIRED")
        captures = [one for unit in self.purchase_units if unit.payments for one in unit.payments.captures]
        standings = [capture.standing() for capture in captures]
        for state in ("succeeded", "open", "failed"):
            for one in standings:
                if one.state == state:
                    return msgspec.structs.replace(one, answer=f"order {self.status}, {one.answer}")
        return Standing(state="open", answer=f"order {self.status}")


class Transaction(msgspec.Struct):
    """A line of PayPal's reports."""

    transaction_id: str
    transaction_event_code: str = ""
    transaction_amount: Money | None = None
    transaction_status: str | None = None
    custom_field: str | None = None


class _Row(msgspec.Struct):
    transaction_info: Transaction


class Transactions(msgspec.Struct):
    """A page of them."""

    transaction_details: list[_Row] = []
    total_pages: int = 1


def to_paypal(amount: int, currency: str) -> dict[str, str]:
    """Our smallest unit as PayPal writes it; raises PROVIDER_CANNOT for what PayPal cannot take."""
    if currency not in CURRENCIES:
        raise ProviderError("PROVIDER_CANNOT", NAME, description=f"PayPal does not take {currency[:3]}")
    if currency not in _WHOLE:
        return {"currency_code": currency, "value": as_decimal(amount, currency)}
    whole, rest = divmod(amount, 10 ** exponent(currency))
    if rest:
        raise ProviderError("PROVIDER_CANNOT", NAME, description=f"PayPal takes no decimals of {currency}")
    return {"currency_code": currency, "value": str(whole)}


def order_request(asked: SessionAsked) -> Json:
    """The order to create; made of nothing but what is asked, so that a repeated one is the same to PayPal."""
    unit: Json = {
        "reference_id": asked.payment_id,
        "custom_id": asked.payment_id,
        # PayPal takes money for one invoice once, whatever else happens.
        "invoice_id": asked.session_id,
        "amount": to_paypal(asked.amount, asked.currency),
    }
    if asked.line_items:
        if sum(item.amount * item.quantity for item in asked.line_items) != asked.amount:
            raise ProviderError("PROVIDER_CANNOT", NAME, description="The line items must add up to the order's amount")
        unit["amount"] = {**unit["amount"], "breakdown": {"item_total": unit["amount"]}}
        unit["items"] = [
            {
                "name": item.name[:_LONGEST_NAME],
                "quantity": str(item.quantity),
                "unit_amount": to_paypal(item.amount, asked.currency),
            }
            for item in asked.line_items
        ]
    payer: Json = {
        "experience_context": {
            "return_url": asked.success_url,
            "cancel_url": asked.cancel_url,
            # The page says "Pay now", since nothing follows it in the shop, and asks for no address.
            "user_action": "PAY_NOW",
            "shipping_preference": "NO_SHIPPING",
        }
    }
    if asked.customer_email:
        payer["email_address"] = asked.customer_email
    return {"intent": "CAPTURE", "purchase_units": [unit], "payment_source": {"paypal": payer}}
