"""Amounts in the smallest unit of their currency, and what providers make of them."""

from decimal import Decimal, InvalidOperation

# ISO 4217, the currencies whose smallest unit is not a hundredth.
_EXPONENTS = {
    **dict.fromkeys(
        ("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF",
         "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    "CLF": 4,
    "UYW": 4,
}  # fmt: skip


def exponent(currency: str) -> int:
    """How many decimal digits the currency has: 2 for INR, 0 for JPY, 3 for KWD."""
    return _EXPONENTS.get(currency, 2)


def as_decimal(amount: int, currency: str) -> str:
    """The amount in the currency's main unit, as providers that use decimals write it: 50000 INR is `500.00`."""
    return f"{Decimal(amount).scaleb(-exponent(currency)):.{exponent(currency)}f}"


def from_decimal(text: str, currency: str) -> int:
    """The inverse of `as_decimal`; raises ValueError for what is not an amount of that currency."""
    try:
        scaled = Decimal(text).scaleb(exponent(currency))
        if scaled == scaled.to_integral_value():
            return int(scaled)
    except (InvalidOperation, OverflowError, ValueError):
        pass
    raise ValueError(f"not an amount of {currency}")
