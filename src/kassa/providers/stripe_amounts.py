"""Amounts as Stripe counts them, which is not always in the smallest unit of ISO 4217."""

from kassa.domain.money import exponent
from kassa.providers.base import ProviderError
from kassa.providers.stripe_errors import NAME

# https://docs.stripe.com/currencies: smallest units that are not those of ISO 4217, as theirs per one of ours.
_WHOLE_UNITS_BY_HUNDREDS = frozenset({"ISK", "UGX"})
_HUNDREDTHS_BY_WHOLE_UNITS = frozenset({"MGA"})


def to_stripe(amount: int, currency: str) -> int:
    """Our smallest unit as Stripe counts it; raises PROVIDER_CANNOT for an amount that Stripe cannot take."""
    if currency in _WHOLE_UNITS_BY_HUNDREDS:
        return amount * 100
    step = 100 if currency in _HUNDREDTHS_BY_WHOLE_UNITS else 10 if exponent(currency) == 3 else 1
    if amount % step:
        zeros = "00" if step == 100 else "0"
        raise ProviderError(
            "PROVIDER_CANNOT", NAME, description=f"Stripe takes amounts in {currency} only if they end in {zeros}"
        )
    return amount // 100 if currency in _HUNDREDTHS_BY_WHOLE_UNITS else amount


def from_stripe(amount: int, currency: str) -> int:
    """The inverse of `to_stripe`."""
    if currency in _WHOLE_UNITS_BY_HUNDREDS:
        return amount // 100
    return amount * 100 if currency in _HUNDREDTHS_BY_WHOLE_UNITS else amount
