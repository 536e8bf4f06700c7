"""A stand-in of the parts of Stripe that Kassa uses, with its manners: errors, idempotency, lists, events."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kassa.domain.money import exponent
from kassa.sandbox.books import Charge, Happened, Refund, Session, mint
from kassa.sandbox.stand_in import Call, Refusal, StandIn
from kassa.sandbox.stripe_objects import (
    Json,
    charge_object,
    event_object,
    intent_object,
    refund_object,
    session_object,
)

_KNOWN = frozenset((
    "adaptive_pricing", "cancel_url", "client_reference_id", "currency", "customer_email", "expand", "expires_at",
    "line_items", "locale", "metadata", "mode", "payment_intent_data", "payment_method_types", "success_url",
))  # fmt: skip
_SHORTEST_S, _LONGEST_S = 1_800, 86_400
# What each happening is called: the type, and which object it carries.
_EVENTS: dict[Happened, tuple[tuple[str, str], ...]] = {
    "paid": (
        ("payment_intent.succeeded", "intent"),
        ("charge.succeeded", "charge"),
        ("checkout.session.completed", "session"),
    ),
    "authorised": (("payment_intent.amount_capturable_updated", "intent"), ("checkout.session.completed", "session")),
    "declined": (("payment_intent.payment_failed", "intent"),),
    "processing": (("payment_intent.processing", "intent"), ("checkout.session.completed", "session")),
    "async_succeeded": (
        ("payment_intent.succeeded", "intent"),
        ("checkout.session.async_payment_succeeded", "session"),
    ),
    "async_failed": (
        ("payment_intent.payment_failed", "intent"),
        ("checkout.session.async_payment_failed", "session"),
    ),
    "expired": (("checkout.session.expired", "session"),),
    "captured": (("charge.captured", "charge"), ("payment_intent.succeeded", "intent")),
    "released": (("payment_intent.canceled", "intent"),),
    "refunded": (("refund.created", "refund"), ("charge.refunded", "charge")),
    "refund_changed": (("refund.updated", "refund"), ("charge.refund.updated", "refund")),
}


class _Wrong(Exception):
    """An answer in the shape of Stripe's errors."""

    def __init__(self, status: int, message: str, kind: str = "invalid_request_error", **more: str) -> None:
        self.answer = JSONResponse({"error": {"message": message, "type": kind, **more}}, status)


class StripeStandIn(StandIn):
    """Stripe's API, each test key an account of its own."""

    name = "stripe"
    credentials: ClassVar[dict[str, str]] = {
        "key": "sk_test_kassa_sandbox",
        "secret": "",
        "webhook_secret": "whsec_kassa_sandbox",
    }
    decline_codes = (
        "generic_decline", "insufficient_funds", "expired_card", "incorrect_cvc", "lost_card", "processing_error",
        "authentication_required", "card_velocity_exceeded",
    )  # fmt: skip

    def routes(self) -> list[Route]:
        """The endpoints, with what they are to the gateway."""
        sessions, intents = "/v1/checkout/sessions", "/v1/payment_intents/{intent}"
        return [
            self.route("POST", sessions, "open", self._posted(self._create)),
            self.route("GET", sessions, "list", self._asked(self._list)),
            self.route("GET", sessions + "/{session}", "retrieve", self._asked(self._retrieve)),
            self.route("POST", sessions + "/{session}/expire", "expire", self._posted(self._expire)),
            self.route("GET", intents, "retrieve", self._asked(self._retrieve_intent)),
            self.route("POST", intents + "/capture", "capture", self._posted(self._capture)),
            self.route("POST", intents + "/cancel", "refund", self._posted(self._cancel)),
            self.route("GET", "/v1/refunds", "list", self._asked(self._list_refunds)),
            self.route("POST", "/v1/refunds", "refund", self._posted(self._refund)),
            self.route("GET", "/v1/refunds/{refund}", "retrieve", self._asked(self._retrieve_refund)),
        ]

    def refused(self, kind: Refusal) -> Response:
        """Stripe's own errors."""
        status, body = {
            "http_500": (500, {"message": "An unknown error occurred", "type": "api_error"}),
            "rate_limit": (
                429,
                {"message": "Too many requests", "type": "invalid_request_error", "code": "rate_limit"},
            ),
            "authentication": (401, {"message": "Invalid API Key provided", "type": "invalid_request_error"}),
        }[kind]
        return JSONResponse({"error": body}, status, {"Request-Id": mint("req_")})

    def announce(self, session: Session, happened: Happened) -> None:
        """Stripe's events."""
        for event_type, what in _EVENTS[happened]:
            if what == "session":
                subject = session_object(session)
            elif what == "intent":
                subject = intent_object(session)
            else:
                charge = session.charge
                assert charge is not None
                if what == "refund":
                    self._tell_of_refunds(event_type, session, charge)
                    continue
                subject = charge_object(session, charge)
            self._tell(event_type, subject)

    def _tell_of_refunds(self, event_type: str, session: Session, charge: Charge) -> None:
        """The last one is told of when it is made; of those that change, all: what is said again does no harm."""
        for refund in charge.refunds[-1:] if event_type == "refund.created" else charge.refunds:
            self._tell(event_type, refund_object(session, charge, refund))
            if refund.state == "failed" and event_type == "refund.updated":
                self._tell("refund.failed", refund_object(session, charge, refund))

    def _tell(self, event_type: str, subject: Json) -> None:
        event_id = mint("evt_")
        self.notify(event_id, event_type, event_object(event_id, event_type, subject, self.books.now_s()))

    def sign(self, body: bytes, at: int) -> dict[str, str]:
        """`Stripe-Signature`."""
        secret = self.credentials["webhook_secret"].encode()
        digest = hmac.new(secret, b"%d." % at + body, hashlib.sha256).hexdigest()
        return {"Stripe-Signature": f"t={at},v1={digest}"}

    def return_url(self, session: Session) -> str:
        """The success page, with the session's id where its template asks for it."""
        return session.success_url.replace("{CHECKOUT_SESSION_ID}", session.ref)

    def charge_ref(self, session: Session) -> str:
        """`ch_…`."""
        return mint("ch_")

    def _asked(self, handler: Callable[[str, Call, Json], Json]) -> Callable[[Call], Response]:
        def handle(call: Call) -> Response:
            try:
                return _answer(handler(_account(call), call, parse_form(call.query)))
            except _Wrong as wrong:
                return wrong.answer

        return handle

    def _posted(self, handler: Callable[[str, Call, Json], Json]) -> Callable[[Call], Response]:
        """A POST, done once per idempotency key. Validation errors do not use the key up; nor do they at Stripe."""

        def handle(call: Call) -> Response:
            try:
                account, print_ = _account(call), hashlib.sha256(call.path.encode() + b"\n" + call.body).digest()
                key = (account, call.headers.get("Idempotency-Key") or mint("none_"))
                if (before := self.books.answers.get(key)) is not None:
                    if before[0] != print_:
                        raise _Wrong(
                            400,
                            "Keys for idempotent requests can only be used with the same parameters they were first "
                            "used with.",
                            "idempotency_error",
                        )
                    return _answer(before[1], {"Idempotent-Replayed": "true"})
                made = handler(account, call, parse_form(call.body.decode()))
                self.books.answers[key] = (print_, made)
                return _answer(made)
            except _Wrong as wrong:
                return wrong.answer

        return handle

    def _create(self, account: str, call: Call, form: Json) -> Json:
        if unknown := set(form) - _KNOWN:
            name = min(unknown)
            raise _Wrong(400, f"Received unknown parameter: {name}", code="parameter_unknown", param=name)
        for name in ("mode", "line_items", "success_url"):
            if not form.get(name):
                raise _Wrong(400, f"Missing required param: {name}.", code="parameter_missing", param=name)
        email = form.get("customer_email")
        if email is not None and not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", email):
            raise _Wrong(400, f"Invalid email address: {email}", code="email_invalid", param="customer_email")
        now = self.books.now_s()
        expires_s = int(form.get("expires_at", now + _LONGEST_S))
        if not now + _SHORTEST_S <= expires_s <= now + _LONGEST_S:
            raise _Wrong(400, "The `expires_at` timestamp must be between 30 minutes and 24 hours.", param="expires_at")
        amount, currency = _total(form["line_items"])
        metadata = form.get("metadata", {})
        ref = mint("cs_test_")
        session = Session(
            ref, account, metadata.get("kassa_payment_id", ""), amount, currency, form["success_url"],
            form.get("cancel_url", ""), f"{call.base_url}/pay/{self.name}/{ref}", now, expires_s,
        )  # fmt: skip
        session.details = {
            "adaptive_pricing": form.get("adaptive_pricing", {}).get("enabled") != "false",
            "client_reference_id": form.get("client_reference_id"),
            "customer_email": email,
            "description": ", ".join(line["price_data"]["product_data"]["name"] for line in form["line_items"]),
            "intent": mint("pi_"),
            "intent_metadata": form.get("payment_intent_data", {}).get("metadata", {}),
            "metadata": metadata,
        }
        self.books.sessions[ref] = session
        return session_object(session, frozenset(form.get("expand", ())))

    def _session(self, account: str, ref: str) -> Session:
        session = self.books.sessions.get(ref)
        if session is None or session.account != account:
            raise _Wrong(404, f"No such checkout.session: {ref}", code="resource_missing", param="session")
        return session

    def _by_intent(self, account: str, ref: str | None) -> Session:
        for session in self.books.of(account):
            if session.details["intent"] == ref and session.tried:
                return session
        raise _Wrong(404, f"No such payment_intent: {ref}", code="resource_missing", param="intent")

    def _retrieve(self, account: str, call: Call, form: Json) -> Json:
        return session_object(self._session(account, call.params["session"]), frozenset(form.get("expand", ())))

    def _retrieve_intent(self, account: str, call: Call, form: Json) -> Json:
        session = self._by_intent(account, call.params["intent"])
        return intent_object(session, "latest_charge" in form.get("expand", ()))

    def _expire(self, account: str, call: Call, form: Json) -> Json:
        session = self._session(account, call.params["session"])
        if session.state != "open":
            raise _Wrong(400, 'Only Checkout Sessions with a status in ["open"] can be expired.')
        self.act(session, "expire")
        return session_object(session)

    def _capture(self, account: str, call: Call, form: Json) -> Json:
        session = self._by_intent(account, call.params["intent"])
        charge = session.charge
        if charge is None or charge.captured or charge.released:
            raise _Wrong(
                400, "This PaymentIntent could not be captured.", code="payment_intent_unexpected_state", param="intent"
            )
        charge.captured = True
        self.announce(session, "captured")
        return intent_object(session)

    def _cancel(self, account: str, call: Call, form: Json) -> Json:
        session = self._by_intent(account, call.params["intent"])
        charge = session.charge
        if charge is None or charge.captured or charge.released:
            raise _Wrong(400, "You cannot cancel this PaymentIntent.", code="payment_intent_unexpected_state")
        charge.released = True
        self.announce(session, "released")
        return intent_object(session)

    def _refund(self, account: str, call: Call, form: Json) -> Json:
        session = self._by_intent(account, form.get("payment_intent"))
        charge = session.charge
        if charge is None or not charge.captured:
            raise _Wrong(400, "This PaymentIntent does not have a successful charge to refund.")
        left = charge.amount - charge.refunded
        if left == 0:
            raise _Wrong(400, f"Charge {charge.ref} has already been refunded.", code="charge_already_refunded")
        amount = _whole(form.get("amount", left), "amount")
        _check_amount(amount, charge.currency, "amount")
        if amount > left:
            raise _Wrong(400, "Refund amount is greater than unrefunded amount on charge.", param="amount")
        refund = self.give_back(session, charge, amount, form.get("metadata", {}).get("kassa_refund_id", ""))
        return refund_object(session, charge, refund)

    def _retrieve_refund(self, account: str, call: Call, form: Json) -> Json:
        if (found := self.find_refund(account, call.params["refund"])) is None:
            raise _Wrong(404, "No such refund", code="resource_missing", param="id")
        return refund_object(*found)

    def _list(self, account: str, call: Call, form: Json) -> Json:
        expand = frozenset(path.removeprefix("data.") for path in form.get("expand", ()))
        made = (session_object(one, expand) for one in self.books.of(account))
        return _page(call, [one for one in made if _within(one["created"], form.get("created", {}))], form)

    def _list_refunds(self, account: str, call: Call, form: Json) -> Json:
        found: list[tuple[Session, Charge, Refund]] = [
            (session, session.charge, refund)
            for session in self.books.of(account)
            if session.charge and form.get("payment_intent") in (None, session.details["intent"])
            for refund in reversed(session.charge.refunds)
        ]
        made = sorted((refund_object(*one) for one in found), key=lambda one: -one["created"])
        return _page(call, [one for one in made if _within(one["created"], form.get("created", {}))], form)


def parse_form(text: str) -> Json:
    """`a[b][0][c]=d` as nested objects and lists."""
    root: Json = {}
    for path, value in parse_qsl(text, keep_blank_values=True):
        *parents, last = re.findall(r"[^\[\]]+|(?<=\[)(?=\])", path)
        place = root
        for name in parents:
            place = place.setdefault(name, {})
        place[last or str(len(place))] = value

    def settled(node: Any) -> Any:
        if not isinstance(node, dict):
            return node
        values = {name: settled(value) for name, value in node.items()}
        return list(values.values()) if values and all(name.isdigit() for name in values) else values

    made: Json = settled(root)
    return made


def _answer(body: Json, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(body, headers={"Request-Id": mint("req_"), **(headers or {})})


def _account(call: Call) -> str:
    """The account whose key is sent, as a bearer or as a Basic user name."""
    scheme, _, sent = call.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            sent = base64.b64decode(sent, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            sent = ""
    if not sent:
        raise _Wrong(401, "You did not provide an API key.")
    if not re.fullmatch(r"(sk|rk)_test_\w+", sent):
        raise _Wrong(401, f"Invalid API Key provided: {sent[:8]}***. The sandbox takes test keys only.")
    return sent


def _total(lines: Any) -> tuple[int, str]:
    """What the lines add up to, and in which currency."""
    total, currencies = 0, set()
    for index, line in enumerate(lines):
        where = f"line_items[{index}][price_data]"
        price = line.get("price_data", {})
        if not price.get("product_data", {}).get("name"):
            raise _Wrong(400, "Missing required param.", code="parameter_missing", param=f"{where}[product_data][name]")
        currencies.add(price.get("currency", ""))
        amount = _whole(price.get("unit_amount"), f"{where}[unit_amount]")
        _check_amount(amount, price.get("currency", ""), f"{where}[unit_amount]")
        total += amount * _whole(line.get("quantity", 1), f"line_items[{index}][quantity]")
    if len(currencies) != 1:
        raise _Wrong(400, "All line items must have the same currency.", param="line_items")
    return total, currencies.pop()


def _whole(value: Any, param: str) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,7}", str(value)):
        raise _Wrong(400, f"Invalid integer: {value}", code="parameter_invalid_integer", param=param)
    return int(value)


def _check_amount(amount: int, currency: str, param: str) -> None:
    """Stripe's rules: lower case, three-decimal amounts in tens, ISK and UGX in hundreds."""
    if not re.fullmatch(r"[a-z]{3}", currency):
        raise _Wrong(400, f"Invalid currency: {currency}", param=param.replace("unit_amount", "currency"))
    step = 10 if exponent(currency.upper()) == 3 else 100 if currency in ("isk", "ugx") else 1
    if amount % step:
        raise _Wrong(400, f"Invalid amount for {currency}: not divisible by {step}", param=param)


def _within(created: int, bounds: Json) -> bool:
    tests = {"gte": created.__ge__, "gt": created.__gt__, "lte": created.__le__, "lt": created.__lt__}
    return all(tests[name](int(bound)) for name, bound in bounds.items())


def _page(call: Call, found: Iterable[Json], form: Json) -> Json:
    """A page of a list, newest first."""
    rows, limit = list(found), int(form.get("limit", 10))
    ids = [row["id"] for row in rows]
    if (after := form.get("starting_after")) is not None:
        if after not in ids:
            raise _Wrong(400, f"No such object: {after}", code="resource_missing", param="starting_after")
        rows = rows[ids.index(after) + 1 :]
    url = call.path.removeprefix(f"/{StripeStandIn.name}")
    return {"object": "list", "url": url, "has_more": len(rows) > limit, "data": rows[:limit]}
