"""A stand-in of the parts of Razorpay that Kassa uses, with its manners: links, payments, refunds, events."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode

import msgspec
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kassa.domain.money import exponent
from kassa.sandbox.books import Charge, Happened, Outcome, Refund, Session, mint
from kassa.sandbox.razorpay_objects import (
    Json,
    event_object,
    link_object,
    order_object,
    payment_object,
    refund_object,
)
from kassa.sandbox.stand_in import Call, Refusal, StandIn

_KNOWN = frozenset((
    "accept_partial", "amount", "callback_method", "callback_url", "currency", "customer", "description", "expire_by",
    "first_min_partial_amount", "notes", "notify", "options", "reference_id", "reminder_enable", "upi_link",
))  # fmt: skip
_SHORTEST_S, _LONGEST_S = 15 * 60, 183 * 86_400
_NO_ID = "The id provided does not exist"
# What becomes of an attempt to pay.
_ATTEMPTS: dict[Happened, str] = {
    "paid": "captured",
    "async_succeeded": "captured",
    "authorised": "authorized",
    "declined": "failed",
    "async_failed": "failed",
    "processing": "created",
}
# What each happening is called: the type, and which objects it carries. Nothing is sent of money on its way.
_EVENTS: dict[Happened, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "paid": (
        ("payment.authorized", ("payment",)),
        ("payment.captured", ("payment",)),
        ("order.paid", ("payment", "order")),
        ("payment_link.paid", ("payment_link", "order", "payment")),
    ),
    "authorised": (("payment.authorized", ("payment",)),),
    "declined": (("payment.failed", ("payment",)),),
    "processing": (),
    "async_succeeded": (
        ("payment.captured", ("payment",)),
        ("payment_link.paid", ("payment_link", "order", "payment")),
    ),
    "async_failed": (("payment.failed", ("payment",)), ("payment_link.expired", ("payment_link",))),
    "expired": (("payment_link.expired", ("payment_link",)),),
    "captured": (
        ("payment.captured", ("payment",)),
        ("payment_link.paid", ("payment_link", "order", "payment")),
    ),
}


class _Wrong(Exception):
    """An answer in the shape of Razorpay's errors, which name no reason and no field for Payment Links."""

    def __init__(self, description: str, status: int = 400, **more: str) -> None:
        detail: Json = {"code": "BAD_REQUEST_ERROR", "description": description, "metadata": {}, "reason": None,
                  "source": None, "step": None, **more}  # fmt: skip
        self.answer = JSONResponse({"error": detail}, status)


class RazorpayStandIn(StandIn):
    """Razorpay's API, each test key an account of its own."""

    name = "razorpay"
    credentials: ClassVar[dict[str, str]] = {
        "key": "rzp_test_KassaSandbox00",
        "secret": "kassa sandbox secret",
        "webhook_secret": "kassa sandbox webhook secret",
    }
    # https://razorpay.com/docs/payments/payments/: what is not captured within five days is refunded by itself.
    held_s = 5 * 86_400
    decline_codes = (
        "card_declined", "insufficient_funds", "card_expired", "incorrect_cvv", "authentication_failed",
        "transaction_limit_exceeded", "bank_technical_error", "payment_timed_out",
    )  # fmt: skip

    def routes(self) -> list[Route]:
        """The endpoints, with what they are to the gateway."""
        links, payments = "/v1/payment_links", "/v1/payments"
        return [
            self.route("POST", links, "open", self._answering(self._create)),
            self.route("GET", links, "list", self._answering(self._list_links)),
            self.route("GET", links + "/{link}", "retrieve", self._answering(self._retrieve)),
            self.route("POST", links + "/{link}/cancel", "expire", self._answering(self._cancel)),
            self.route("GET", payments, "list", self._answering(self._list_payments)),
            self.route("GET", payments + "/{payment}", "retrieve", self._answering(self._retrieve_payment)),
            self.route("POST", payments + "/{payment}/capture", "capture", self._answering(self._capture)),
            self.route("GET", payments + "/{payment}/refunds", "list", self._answering(self._list_refunds)),
            self.route("POST", payments + "/{payment}/refund", "refund", self._answering(self._refund)),
            self.route("GET", "/v1/refunds", "list", self._answering(self._list_all_refunds)),
            self.route("GET", "/v1/refunds/{refund}", "retrieve", self._answering(self._retrieve_refund)),
        ]

    def refused(self, kind: Refusal) -> Response:
        """Razorpay's own errors."""
        status, code, description = {
            "http_500": (500, "SERVER_ERROR", "We are facing some trouble completing your request at the moment."),
            "rate_limit": (429, "BAD_REQUEST_ERROR", "Too many requests"),
            "authentication": (401, "BAD_REQUEST_ERROR", "Authentication failed"),
        }[kind]
        return JSONResponse({"error": {"code": code, "description": description}}, status)

    def act(self, session: Session, outcome: Outcome, code: str | None = None) -> None:
        """Keep the attempts too. Money that does not come leaves a link open; here its time is over with that."""
        attempts: list[Json] = session.details["attempts"]
        ref = attempts[-1]["id"] if session.state == "processing" else mint("pay_")
        code = code or self.decline_codes[0]
        happened = self.books.act(session, outcome, code, ref)
        if happened in ("expired", "async_failed"):
            session.details["ended"] = session.details["ended"] or "expired"
        if (status := _ATTEMPTS.get(happened)) is not None:
            made = {"id": ref, "status": status, "reason": code if status == "failed" else None}
            attempts[:] = [one for one in attempts if one["id"] != ref]
            attempts.append({**made, "created_s": self.books.now_s()})
        self.announce(session, happened)

    def refund_ref(self) -> str:
        """`rfnd_…`."""
        return mint("rfnd_")

    def announce(self, session: Session, happened: Happened) -> None:
        """Razorpay's events; of money that comes after the link's end the payment's own only."""
        if happened in ("refunded", "refund_changed"):
            assert session.charge is not None
            for refund in session.charge.refunds[-1:] if happened == "refunded" else session.charge.refunds:
                said = "created" if refund.state == "pending" else refund.state
                self._tell_of_refund(f"refund.{said}", session, refund)
            return
        if happened == "released":
            # Money that goes back without having been captured is told of as a refund; the payment's `captured` tells.
            assert session.charge is not None
            amount, now = session.charge.amount, self.books.now_s()
            self._tell_of_refund("refund.processed", session, Refund(self.refund_ref(), "", amount, "processed", now))
            return
        for event_type, contains in _EVENTS[happened]:
            if event_type == "payment_link.expired" and session.details["ended"] == "cancelled":
                event_type = "payment_link.cancelled"
            if happened == "paid" and session.details["ended"] and event_type != "payment.captured":
                continue
            objects: dict[str, Callable[[], Json]] = {
                "payment": lambda: payment_object(session, session.details["attempts"][-1]),
                "payment_link": lambda: link_object(session),
                "order": lambda: order_object(session),
            }
            payload = {name: objects[name]() for name in contains}
            if event_type == "payment.authorized":
                payload["payment"] |= {"status": "authorized", "captured": False}
            self._tell(event_type, payload)

    def _tell_of_refund(self, event_type: str, session: Session, refund: Refund) -> None:
        payment = payment_object(session, session.details["attempts"][-1])
        self._tell(event_type, {"refund": refund_object(session, refund), "payment": payment})

    def _tell(self, event_type: str, payload: Json) -> None:
        body = event_object(event_type, payload, self.books.now_s())
        self.notify(_event_id(msgspec.json.encode(body)), event_type, body)

    def sign(self, body: bytes, at: int) -> dict[str, str]:
        """`X-Razorpay-Signature`, which knows no time, and the event's id."""
        secret = self.credentials["webhook_secret"].encode()
        digest = hmac.new(secret, body, hashlib.sha256).hexdigest()
        return {"X-Razorpay-Signature": digest, "X-Razorpay-Event-Id": _event_id(body)}

    def return_url(self, session: Session) -> str:
        """The callback URL with what Razorpay adds to it."""
        if session.charge is None:
            return session.success_url
        told = (session.ref, session.details["reference_id"], "paid", session.charge.ref)
        secret = self.credentials["secret"].encode()
        query = {
            "razorpay_payment_id": told[3],
            "razorpay_payment_link_id": told[0],
            "razorpay_payment_link_reference_id": told[1],
            "razorpay_payment_link_status": told[2],
            "razorpay_signature": hmac.new(secret, "|".join(told).encode(), hashlib.sha256).hexdigest(),
        }
        return session.success_url + ("&" if "?" in session.success_url else "?") + urlencode(query)

    def _answering(self, handler: Callable[[str, Call, Json], Json]) -> Callable[[Call], Response]:
        def handle(call: Call) -> Response:
            try:
                account = self._account(call)
                asked: Any = dict(parse_qsl(call.query))
                if call.method == "POST":
                    asked = msgspec.json.decode(call.body or b"{}")
                return JSONResponse(handler(account, call, asked))
            except _Wrong as wrong:
                return wrong.answer
            except msgspec.MsgspecError:
                return _Wrong("The request body is not valid JSON").answer

        return handle

    def _account(self, call: Call) -> str:
        """The account whose key and secret are sent."""
        scheme, _, sent = call.headers.get("Authorization", "").partition(" ")
        try:
            key, _, secret = base64.b64decode(sent, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            key = secret = ""
        known = key != self.credentials["key"] or secret == self.credentials["secret"]
        if scheme.lower() != "basic" or not re.fullmatch(r"rzp_test_\w+", key) or not secret or not known:
            raise _Wrong("Authentication failed", 401)
        return key

    def _create(self, account: str, call: Call, asked: Json) -> Json:
        if unknown := set(asked) - _KNOWN:
            raise _Wrong(f"{min(unknown)} is/are not required and should not be sent")
        currency, reference = asked.get("currency", "INR"), asked.get("reference_id", "")
        _check_amount(asked.get("amount"), currency)
        if len(reference) > 40:
            raise _Wrong("reference_id: the length must be no more than 40.")
        if any(one.details["reference_id"] == reference for one in self.books.of(account)):
            raise _Wrong(
                f"payment link with given reference_id: {reference} already exists. Please create a payment link with"
                " a different reference_id"
            )
        now = self.books.now_s()
        expires_s = asked.get("expire_by") or now + _LONGEST_S
        if not now + _SHORTEST_S <= expires_s <= now + _LONGEST_S:
            raise _Wrong("expire_by: timestamp must be atleast 15 minutes in future")
        if asked.get("callback_url") and asked.get("callback_method") != "get":
            raise _Wrong("callback_method: must be a valid value.")
        email = asked.get("customer", {}).get("email")
        if email is not None and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email):
            raise _Wrong(f"customer.email: {email} must be a valid email address.")
        ref, notes = mint("plink_"), asked.get("notes", {})
        url = f"{call.base_url}/pay/{self.name}/{ref}"
        # The page has no way back to a shop: who turns back stays where the link leads.
        session = Session(
            ref, account, notes.get("kassa_payment_id", ""), asked["amount"], currency,
            asked.get("callback_url", ""), url, url, now, expires_s,
        )  # fmt: skip
        session.details = {
            "attempts": [],
            "callback_method": asked.get("callback_method", ""),
            "customer": asked.get("customer", {}),
            "description": asked.get("description", ""),
            "ended": None,
            "notes": notes,
            "notify": asked.get("notify", {}),
            "order": mint("order_"),
            "reference_id": reference,
            "reminder_enable": asked.get("reminder_enable", False),
        }
        self.books.sessions[ref] = session
        return link_object(session)

    def _link(self, account: str, call: Call) -> Session:
        session = self.books.sessions.get(call.params["link"])
        if session is None or session.account != account:
            raise _Wrong(_NO_ID)
        return session

    def _attempt(self, account: str, call: Call) -> tuple[Session, Json]:
        for session in self.books.of(account):
            for attempt in session.details["attempts"]:
                if attempt["id"] == call.params["payment"]:
                    return session, attempt
        raise _Wrong(_NO_ID)

    def _charged(self, account: str, call: Call) -> tuple[Session, Charge]:
        session, attempt = self._attempt(account, call)
        if session.charge is None or session.charge.ref != attempt["id"]:
            raise _Wrong("The payment status should be captured for action to be taken")
        return session, session.charge

    def _retrieve(self, account: str, call: Call, asked: Json) -> Json:
        return link_object(self._link(account, call))

    def _retrieve_payment(self, account: str, call: Call, asked: Json) -> Json:
        return payment_object(*self._attempt(account, call))

    def _cancel(self, account: str, call: Call, asked: Json) -> Json:
        session = self._link(account, call)
        status = link_object(session)["status"]
        if status != "created":
            kind = "an already paid/partially paid" if status == "paid" else "an expired"
            raise _Wrong(f"cannot cancel or expire {kind} link")
        if session.state == "open":
            session.details["ended"] = "cancelled"
            self.act(session, "expire")
        return link_object(session)

    def _capture(self, account: str, call: Call, asked: Json) -> Json:
        session, charge = self._charged(account, call)
        if charge.captured or charge.released:
            raise _Wrong("This payment has already been captured", reason="input_validation_failed")
        if (asked.get("amount"), asked.get("currency", "INR")) != (charge.amount, charge.currency):
            raise _Wrong("Capture amount must be equal to the amount authorized")
        charge.captured = True
        self.announce(session, "captured")
        return payment_object(*self._attempt(account, call))

    def _refund(self, account: str, call: Call, asked: Json) -> Json:
        session, charge = self._charged(account, call)
        key = call.headers.get("X-Refund-Idempotency")
        if key is not None and not re.fullmatch(r"[\w-]{10,}", key):
            raise _Wrong("The idempotency key must be at least 10 characters")
        before = self.books.answers.get((account, key)) if key else None
        if before is not None:
            if before[0] != call.body:
                raise _Wrong("Different request with the same idempotency key has already been processed.")
            answer: Json = before[1]
            return answer
        if not charge.captured:
            raise _Wrong("The payment status should be captured for action to be taken")
        left = charge.amount - charge.refunded
        if left == 0:
            raise _Wrong("The payment has been fully refunded already")
        amount = asked.get("amount", left)
        _check_amount(amount, charge.currency)
        if amount > left:
            raise _Wrong("The total refund amount is greater than the refund payment amount")
        refund_id = asked.get("notes", {}).get("kassa_refund_id", "")
        made = refund_object(session, self.give_back(session, charge, amount, refund_id))
        if key is not None:
            self.books.answers[account, key] = (call.body, made)
        return made

    def _list_links(self, account: str, call: Call, asked: Json) -> Json:
        found = (link_object(one) for one in self.books.of(account))
        wanted = asked.get("reference_id")
        rows = [one for one in found if wanted in (None, one["reference_id"])]
        return {"payment_links": _page(rows, asked)}

    def _list_payments(self, account: str, call: Call, asked: Json) -> Json:
        # Newest first; of those of one second the last one made.
        since = int(asked.get("from", 0))
        made = [(one, each) for one in self.books.of(account) for each in reversed(one.details["attempts"])]
        rows = [payment_object(one, each) for one, each in made if each["created_s"] >= since]
        return _collection(_page(sorted(rows, key=lambda one: -one["created_at"]), asked))

    def _retrieve_refund(self, account: str, call: Call, asked: Json) -> Json:
        if (found := self.find_refund(account, call.params["refund"])) is None:
            raise _Wrong(_NO_ID)
        return refund_object(found[0], found[2])

    def _list_all_refunds(self, account: str, call: Call, asked: Json) -> Json:
        made = [refund_object(one, each) for one in self.books.of(account) if one.charge for each in one.charge.refunds]
        return _collection(_page(sorted(made, key=lambda one: -one["created_at"]), asked))

    def _list_refunds(self, account: str, call: Call, asked: Json) -> Json:
        session, _ = self._attempt(account, call)
        made = session.charge.refunds if session.charge else []
        return _collection(_page([refund_object(session, one) for one in reversed(made)], asked))


def _event_id(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()[:14]


def _collection(items: list[Json]) -> Json:
    return {"entity": "collection", "count": len(items), "items": items}


def _page(found: Iterable[Json], asked: Json) -> list[Json]:
    """A page of a list, within the times that were asked for."""
    first, last = int(asked.get("from", 0)), int(asked.get("to", 2**40))
    rows = [one for one in found if first <= one["created_at"] <= last]
    skip, count = int(asked.get("skip", 0)), int(asked.get("count", 10))
    if not 1 <= count <= 100:
        raise _Wrong("The count may not be greater than 100.", reason="input_validation_failed", field="count")
    return rows[skip : skip + count]


def _check_amount(amount: Any, currency: Any) -> None:
    """Razorpay's rules: whole numbers, three-decimal amounts in tens, at least one rupee."""
    if not isinstance(currency, str) or not re.fullmatch(r"[A-Z]{3}", currency):
        raise _Wrong("currency: wrong input field.")
    if not isinstance(amount, int) or amount < 1:
        raise _Wrong("amount: cannot be blank.")
    if currency == "INR" and amount < 100:
        raise _Wrong("amount: amount should be minimum 1.00 for INR.")
    if exponent(currency) == 3 and amount % 10:
        raise _Wrong(f"amount: the last digit must be 0 for {currency}.")
