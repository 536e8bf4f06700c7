"""What is measured, what it is held against, and what is aimed at."""

from statistics import median
from typing import NamedTuple


class Comparison(NamedTuple):
    """A rate of Kassa's, the bare rate that it is held against, and the share of that which is aimed at."""

    title: str
    measured: str
    against: str
    bare: str
    at_least: float


class Limit(NamedTuple):
    """A figure that should stay small."""

    title: str
    measured: str
    unit: str
    at_most: float


POSTGRES = "bare `INSERT`s of single rows"
CLIENT = "the bare HTTP client"

COMPARISONS = [
    Comparison("Orders accepted", "orders", "bare_orders", POSTGRES, 0.5),
    Comparison("Payments accepted", "payments", "bare_payments", POSTGRES, 0.35),
    Comparison("Payments accepted, with 2 webhooks each", "payments_told", "bare_payments", POSTGRES, 0.35),
    Comparison("Webhooks delivered, to 50 merchants", "delivered", "bare_posts", CLIENT, 0.4),
    Comparison("Webhooks delivered, to one merchant", "delivered_one", "bare_posts", CLIENT, 0.4),
]

LIMITS = [
    Limit("Slowest hundredth of orders at 64 connections (p99)", "orders_p99_ms", "ms", 25),
    Limit("An order on an idle gateway takes longer than a bare `INSERT` by", "idle_over_ms", "ms", 1),
    Limit("Memory of the API process under load", "api_mb", "MB", 120),
    Limit("Memory of the worker with 20,000 payments in flight", "worker_mb", "MB", 200),
]

# What the pages weigh, zipped, and what Lighthouse gives them on localhost, as a phone.
WEIGHTS = [
    Limit("`checkout.js`, the SDK", "sdk_kb", "KB", 3),
    Limit("The checkout page's first load in all", "checkout_kb", "KB", 60),
]
SCORES = [
    ("Checkout: performance", "checkout_performance", 95),
    ("Checkout: accessibility", "checkout_accessibility", 100),
    ("Dashboard: performance", "dashboard_performance", 90),
    ("Dashboard: accessibility", "dashboard_accessibility", 100),
]

# Rates that must hold when the database is full, and the share of the empty one's that is aimed at.
LASTING = [("Orders accepted", "orders"), ("Payments accepted", "payments"), ("Payments settled", "settled")]
LASTING_AT_LEAST = 0.9


class Samples:
    """One value a round of everything measured, by its name and the payments stored at the start."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, int], list[float]] = {}

    def add(self, name: str, value: float, stored: int = 0) -> None:
        """Keep the value of one round."""
        self._values.setdefault((name, stored), []).append(value)

    def has(self, name: str, stored: int = 0) -> bool:
        """Whether this was measured at all."""
        return (name, stored) in self._values

    def levels(self) -> list[int]:
        """The numbers of stored payments that were measured at."""
        return sorted({stored for _, stored in self._values})

    def median(self, name: str, stored: int = 0) -> float:
        """The median over the rounds."""
        return median(self._values[name, stored])

    def most(self, name: str) -> float:
        """The highest value of any round and level."""
        return max(value for (each, _), values in self._values.items() if each == name for value in values)

    def ratio(self, name: str, against: str, stored: int = 0, against_stored: int = 0) -> float:
        """The median of the rounds' ratios: two values of one round were measured within the same minute or two."""
        pairs = zip(self._values[name, stored], self._values[against, against_stored], strict=True)
        return median(one / other for one, other in pairs)
