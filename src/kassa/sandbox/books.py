"""What a stand-in knows: its sessions, what was charged and refunded in them, and what it answered before."""

import secrets
import time
from dataclasses import dataclass, field
from typing import Any, Literal

Outcome = Literal["pay", "authorise", "decline", "pay_async", "async_succeed", "async_fail", "expire", "pay_late"]
State = Literal["open", "processing", "paid", "failed", "expired"]
Happened = Literal[
    "paid", "authorised", "declined", "processing", "async_succeeded", "async_failed", "expired", "captured",
    "released", "refunded", "refund_changed",
]  # fmt: skip
RefundState = Literal["pending", "processed", "failed"]
# From which states an outcome is possible; money that comes late takes no notice of any.
_FROM: dict[Outcome, tuple[State, ...]] = {
    "pay": ("open",),
    "authorise": ("open",),
    "decline": ("open",),
    "pay_async": ("open",),
    "async_succeed": ("processing",),
    "async_fail": ("processing",),
    "expire": ("open",),
    "pay_late": ("open", "processing", "failed", "expired"),
}


class Impossible(Exception):
    """What was asked for cannot happen to the session as it is."""


@dataclass
class Refund:
    """Money on its way back. `refund_id` is the gateway's own name for it; `amount` as the provider counts."""

    ref: str
    refund_id: str
    amount: int
    state: RefundState
    created_s: int


@dataclass
class Charge:
    """Money that was taken, or that is held until it is captured. `amount` is as the provider counts."""

    ref: str
    amount: int
    currency: str
    captured: bool
    created_s: int
    refunds: list[Refund] = field(default_factory=list)
    # Held money that was let go, and can be taken no more.
    released: bool = False

    @property
    def refunded(self) -> int:
        """How much has gone back, or is on its way."""
        return sum(refund.amount for refund in self.refunds if refund.state != "failed")


@dataclass
class Session:
    """A payer's page. `details` is what the provider's own objects need beside."""

    ref: str
    account: str
    payment_id: str
    amount: int
    currency: str
    success_url: str
    cancel_url: str
    url: str
    created_s: int
    expires_s: int
    details: dict[str, Any] = field(default_factory=dict)
    state: State = "open"
    tried: bool = False
    decline_code: str | None = None
    charge: Charge | None = None


def mint(prefix: str) -> str:
    """A new reference, such as `cs_test_4f…`."""
    return prefix + secrets.token_hex(12)


class Books:
    """All sessions of one provider, by reference; `answers` are remembered by account and idempotency key."""

    def __init__(self) -> None:
        self.sessions: dict[str, Session] = {}
        self.answers: dict[tuple[str, str], tuple[bytes, Any]] = {}
        self.ahead_s = 0
        self.refunds_begin: RefundState = "processed"

    def now_s(self) -> int:
        """Seconds since 1970 by the sandbox's clock, which a test may put forward."""
        return int(time.time()) + self.ahead_s

    def find(self, ref: str) -> Session | None:
        """The session of this reference, or the newest one of this payment."""
        if ref in self.sessions:
            return self.sessions[ref]
        return next((one for one in reversed(self.sessions.values()) if one.payment_id == ref), None)

    def of(self, account: str) -> list[Session]:
        """An account's sessions, newest first."""
        return [one for one in reversed(self.sessions.values()) if one.account == account]

    def due(self) -> list[Session]:
        """Open sessions whose time is over."""
        return [one for one in self.sessions.values() if one.state == "open" and one.expires_s <= self.now_s()]

    def lapsed(self, held_s: int) -> list[Session]:
        """Sessions whose money has been held for too long: it is let go now."""
        over = [
            one for one in self.sessions.values()
            if one.charge and not one.charge.captured and not one.charge.released
            and one.charge.created_s + held_s <= self.now_s()
        ]  # fmt: skip
        for session in over:
            assert session.charge is not None
            session.charge.released = True
        return over

    def act(self, session: Session, outcome: Outcome, code: str | None, charge_ref: str) -> Happened:
        """Let the payer or the bank do something; raises Impossible. A new charge is called `charge_ref`."""
        if session.state not in _FROM[outcome]:
            raise Impossible(f"{outcome} is not possible: the session is {session.state}")
        session.tried = session.tried or outcome != "expire"
        if outcome in ("pay", "authorise", "async_succeed", "pay_late"):
            captured = outcome != "authorise"
            session.state, session.decline_code = "paid", None
            session.charge = Charge(charge_ref, session.amount, session.currency, captured, self.now_s())
            return "async_succeeded" if outcome == "async_succeed" else "paid" if captured else "authorised"
        if outcome == "decline":
            session.decline_code = code
            return "declined"
        if outcome == "pay_async":
            session.state, session.decline_code = "processing", None
            return "processing"
        if outcome == "async_fail":
            session.state, session.decline_code = "failed", code
            return "async_failed"
        session.state = "expired"
        return "expired"

    def rows(self) -> dict[str, list[dict[str, Any]]]:
        """The books, for whoever checks them: what was opened, charged and given back."""
        found: dict[str, list[dict[str, Any]]] = {"sessions": [], "charges": [], "refunds": []}
        for one in self.sessions.values():
            whose = {"session": one.ref, "payment_id": one.payment_id, "account": one.account}
            found["sessions"].append(
                whose | {"state": one.state, "amount": one.amount, "currency": one.currency.upper(), "url": one.url}
            )
            if (charge := one.charge) is None:
                continue
            money = {"currency": charge.currency.upper(), "charge": charge.ref}
            found["charges"].append(
                whose | money | {"amount": charge.amount, "captured": charge.captured, "released": charge.released}
            )
            for refund in charge.refunds:
                found["refunds"].append(
                    whose | money | {"refund": refund.ref, "refund_id": refund.refund_id, "amount": refund.amount,
                                     "state": refund.state}
                )  # fmt: skip
        return found
