"""A stand-in of the parts of PayPal that Kassa uses: orders that are approved and then captured, refunds, events."""

import base64
import binascii
from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kassa.sandbox.books import Happened, Impossible, Outcome, Session, mint
from kassa.sandbox.paypal_objects import (
    Json,
    capture_object,
    event_object,
    order_object,
    refund_object,
    report_rows,
)
from kassa.sandbox.paypal_requests import Wrong, checked_money, checked_order, decoded, problem
from kassa.sandbox.paypal_signing import Signing
from kassa.sandbox.stand_in import Call, Refusal, StandIn

_TOKEN_S = 32_400
# For how long a payer may take to approve an order, and the shop to capture it.
_ORDER_S = 10_800
# How a bank declines, if nobody says how: for want of money.
_BANKS_CODE = "5120"
_REFUND_EVENTS = {
    "processed": "PAYMENT.CAPTURE.REFUNDED",
    "pending": "PAYMENT.REFUND.PENDING",
    "failed": "PAYMENT.REFUND.FAILED",
}
_CAPTURE_EVENTS: dict[Happened, str] = {
    "paid": "PAYMENT.CAPTURE.COMPLETED",
    "async_succeeded": "PAYMENT.CAPTURE.COMPLETED",
    "processing": "PAYMENT.CAPTURE.PENDING",
    "async_failed": "PAYMENT.CAPTURE.DENIED",
}


class PayPalStandIn(StandIn):
    """PayPal's API, each client id an account of its own.

    `pay`, `pay_async` and `decline` are approvals, whose end shows when the order is captured. `expire` is PayPal
    taking an approval back, which it tells of; an order that lapses by the clock without one is silently unknown.
    """

    name = "paypal"
    credentials: ClassVar[dict[str, str]] = {
        "key": "kassa-sandbox",
        "secret": "kassa-sandbox-secret",
        "webhook_secret": "0KASSASANDBOX0000",
    }
    decline_codes = (
        "INSTRUMENT_DECLINED", "PAYER_ACCOUNT_RESTRICTED", "TRANSACTION_REFUSED", "CARD_EXPIRED", "5120", "5400",
        "5110",
    )  # fmt: skip

    def reset(self) -> None:
        """As for any stand-in; tokens are forgotten too."""
        super().reset()
        self.tokens: dict[str, tuple[str, int]] = {}

    def routes(self) -> list[Route]:
        """The endpoints, with what they are to the gateway."""
        order, payments = "/v2/checkout/orders/{order}", "/v2/payments"
        return [
            self.route("POST", "/v1/oauth2/token", "authenticate", self._authenticate),
            self.route("POST", "/v2/checkout/orders", "open", self._posted(self._create)),
            self.route("GET", order, "retrieve", self._asked(self._retrieve)),
            self.route("POST", order + "/capture", "capture", self._posted(self._capture)),
            self.route("POST", payments + "/captures/{capture}/refund", "refund", self._posted(self._refund)),
            self.route("GET", payments + "/refunds/{refund}", "retrieve", self._asked(self._retrieve_refund)),
            self.route("GET", "/v1/reporting/transactions", "list", self._asked(self._list)),
            Route("/v1/notifications/certs/{name}", self._certificate),
        ]

    def refused(self, kind: Refusal) -> Response:
        """PayPal's own errors."""
        if kind == "authentication":
            return problem(403, "PERMISSION_DENIED")
        return problem(500 if kind == "http_500" else 429)

    def sign(self, body: bytes, at: int) -> dict[str, str]:
        """`PAYPAL-TRANSMISSION-…`, as soon as anybody has asked for anything."""
        return self._signing.headers(body, at) if self._signing else {}

    def return_url(self, session: Session) -> str:
        """The success page, told which order it was."""
        mark = "&" if "?" in session.success_url else "?"
        return session.success_url + mark + urlencode({"token": session.ref, "PayerID": "QYR5Z8XDVJNXQ"})

    def refund_ref(self) -> str:
        """Like all of PayPal's."""
        return reference()

    def charge_ref(self, session: Session) -> str:
        """The pending capture's, if there is one: it is the same capture when the money comes."""
        return str(session.details.get("capture") or reference())

    def act(self, session: Session, outcome: Outcome, code: str | None = None) -> None:
        """Approve an order, or let the bank do something; raises Impossible."""
        code = code or (_BANKS_CODE if outcome == "async_fail" else self.decline_codes[0])
        if outcome in ("pay", "pay_async", "decline"):
            if session.state != "open":
                raise Impossible(f"{outcome} is not possible: the session is {session.state}")
            session.details["approval"] = code if outcome == "decline" else outcome
            session.details["approvals"] += 1
            session.decline_code = code if outcome == "decline" else None
            self._tell("CHECKOUT.ORDER.APPROVED", order_object(session, self._base_url))
        elif outcome == "authorise":
            raise Impossible("orders are made to be captured at once")
        elif session.state == "open" and outcome in ("async_succeed", "async_fail"):
            # The bank has made up its mind before the order was captured.
            session.details["approval"] = "pay" if outcome == "async_succeed" else code
        else:
            super().act(session, outcome, code)

    def announce(self, session: Session, happened: Happened) -> None:
        """PayPal's events."""
        base = self._base_url
        if happened == "expired":
            unit = {
                name: session.details["asked"]["purchase_units"][0].get(name) for name in ("custom_id", "invoice_id")
            }
            self._tell("CHECKOUT.PAYMENT-APPROVAL.REVERSED", {"order_id": session.ref, "purchase_units": [unit]})
        if (kind := _CAPTURE_EVENTS.get(happened)) and (capture := capture_object(session, base)):
            self._tell(kind, capture)
            if happened == "paid":
                self._tell("CHECKOUT.ORDER.COMPLETED", order_object(session, base))
        if happened in ("refunded", "refund_changed") and session.charge:
            told = session.details["told"]
            for refund in session.charge.refunds:
                if told.get(refund.ref) != refund.state:
                    told[refund.ref] = refund.state
                    self._tell(_REFUND_EVENTS[refund.state], refund_object(session, session.charge, refund, base))

    def expire_due(self) -> None:
        """An order that was not captured in time is known no more; who had approved it is told of."""
        for session in self.books.due():
            if session.details["approval"]:
                self.act(session, "expire")
            else:
                self.books.act(session, "expire", None, "")
            session.details["lapsed"] = True

    def _tell(self, event_type: str, resource: Json) -> None:
        event_id = f"WH-{reference()}-{reference()}"
        self.notify(event_id, event_type, event_object(event_id, event_type, resource, self.books.now_s()))

    _base_url = ""
    _signing: Signing | None = None

    async def _certificate(self, request: Request) -> Response:
        files = self._signing.files() if self._signing else {}
        found = files.get(request.path_params["name"])
        return Response(found, media_type="application/x-pem-file") if found else problem(404)

    def _authenticate(self, call: Call) -> Response:
        self._base_url = f"{call.base_url}/{self.name}"
        self._signing = self._signing or Signing(self._base_url, self.credentials["webhook_secret"])
        try:
            scheme, _, sent = call.headers.get("Authorization", "").partition(" ")
            client, _, secret = base64.b64decode(sent, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            scheme = client = secret = ""
        own = (self.credentials["key"], self.credentials["secret"])
        if scheme != "Basic" or not client or not secret or (client == own[0] and secret != own[1]):
            return JSONResponse({"error": "invalid_client", "error_description": "Client Authentication failed"}, 401)
        if parse_qs(call.body.decode()) != {"grant_type": ["client_credentials"]}:
            return JSONResponse({"error": "unsupported_grant_type"}, 400)
        token = mint("A21AA")
        self.tokens[token] = (client, self.books.now_s() + _TOKEN_S)
        return JSONResponse({"access_token": token, "token_type": "Bearer", "expires_in": _TOKEN_S})

    def _asked(self, handler: Callable[[str, Call], Json]) -> Callable[[Call], Response]:
        def handle(call: Call) -> Response:
            account, until_s = self.tokens.get(call.headers.get("Authorization", "").removeprefix("Bearer "), ("", 0))
            if until_s <= self.books.now_s():
                return problem(401)
            try:
                return JSONResponse(handler(account, call))
            except Wrong as wrong:
                return wrong.answer

        return handle

    def _posted(self, handler: Callable[[str, Call, Json], Callable[[], Json]]) -> Callable[[Call], Response]:
        """A POST, done once per PayPal-Request-Id; said again, it tells how what came of it stands now."""

        def work(account: str, call: Call) -> Json:
            key = call.headers.get("PayPal-Request-Id")
            if key is None:
                raise Wrong(400, "PAYPAL_REQUEST_ID_REQUIRED")
            before = self.books.answers.get((account, f"{call.path} {key}"))
            if before is None:
                tell: Any
                try:
                    tell = handler(account, call, decoded(call.body))
                except Wrong as wrong:
                    tell = wrong
                before = self.books.answers[account, f"{call.path} {key}"] = (b"", tell)
            if isinstance(before[1], Wrong):
                raise before[1]
            told: Json = before[1]()
            return told

        return self._asked(work)

    def _create(self, account: str, call: Call, asked: Json) -> Callable[[], Json]:
        amount, currency = checked_order(asked)
        page = asked["payment_source"]["paypal"]["experience_context"]
        unit = asked["purchase_units"][0]
        ref, now = reference(), self.books.now_s()
        session = Session(
            ref, account, unit.get("custom_id", ""), amount, currency, page["return_url"], page["cancel_url"],
            f"{call.base_url}/pay/{self.name}/{ref}", now, now + _ORDER_S,
        )  # fmt: skip
        session.details = {
            "asked": asked,
            "approval": None,
            "approvals": 0,
            "description": ", ".join(item["name"] for item in unit.get("items", ())),
            "told": {},
        }
        self.books.sessions[ref] = session
        return lambda: order_object(session, self._base_url)

    def _session(self, account: str, ref: str) -> Session:
        session = self.books.sessions.get(ref)
        # Money that came late has brought a lapsed order back.
        if session is None or session.account != account or (session.details.get("lapsed") and not session.charge):
            raise Wrong(404, "INVALID_RESOURCE_ID")
        return session

    def _retrieve(self, account: str, call: Call) -> Json:
        return order_object(self._session(account, call.params["order"]), self._base_url)

    def _capture(self, account: str, call: Call, asked: Json) -> Callable[[], Json]:
        session = self._session(account, call.params["order"])
        approval, invoice = session.details["approval"], invoice_of(session)
        if session.state in ("paid", "processing", "failed"):
            raise Wrong(422, "ORDER_ALREADY_CAPTURED")
        if session.state != "open" or not approval:
            raise Wrong(422, "ORDER_NOT_APPROVED")
        if invoice and any(invoice_of(one) == invoice and one.charge for one in self.books.of(account)):
            raise Wrong(422, "DUPLICATE_INVOICE_ID")
        if approval == "pay":
            super().act(session, "pay")
        elif approval != "pay_async" and not by_bank(approval):
            raise Wrong(422, approval)
        else:
            session.details["capture"] = reference()
            super().act(session, "pay_async")
            if approval != "pay_async":
                super().act(session, "async_fail", approval)
        return lambda: order_object(session, self._base_url)

    def _refund(self, account: str, call: Call, asked: Json) -> Callable[[], Json]:
        session = next(
            (one for one in self.books.of(account) if one.charge and one.charge.ref == call.params["capture"]), None
        )
        if session is None or (charge := session.charge) is None:
            raise Wrong(404, "INVALID_RESOURCE_ID")
        left = charge.amount - charge.refunded
        amount, currency = checked_money(asked["amount"], "amount") if "amount" in asked else (left, charge.currency)
        if currency != charge.currency:
            raise Wrong(422, "REFUND_CAPTURE_CURRENCY_MISMATCH")
        if left == 0:
            raise Wrong(422, "CAPTURE_FULLY_REFUNDED")
        if amount > left:
            raise Wrong(422, "REFUND_AMOUNT_EXCEEDED")
        refund = self.give_back(session, charge, amount, asked.get("invoice_id", ""))
        return lambda: refund_object(session, charge, refund, self._base_url)

    def _retrieve_refund(self, account: str, call: Call) -> Json:
        if (found := self.find_refund(account, call.params["refund"])) is None:
            raise Wrong(404, "INVALID_RESOURCE_ID")
        return refund_object(*found, self._base_url)

    def _list(self, account: str, call: Call) -> Json:
        query = {name: values[0] for name, values in parse_qs(call.query).items()}
        try:
            start, end = (datetime.fromisoformat(query[name]).timestamp() for name in ("start_date", "end_date"))
        except (KeyError, ValueError) as error:
            raise Wrong(400, "INVALID_REQUEST") from error
        rows = [row for session in self.books.of(account) for row in report_rows(session, start, end)]
        size, page = int(query.get("page_size", 100)), int(query.get("page", 1))
        return {
            "transaction_details": rows[(page - 1) * size : page * size],
            "page": page,
            "total_items": len(rows),
            "total_pages": -(-len(rows) // size) or 1,
        }


def reference() -> str:
    """A reference as PayPal makes them: 17 capitals and digits."""
    return mint("")[:17].upper()


def by_bank(code: str) -> bool:
    """Whether a decline is told with the capture, by the bank, and is not a refusal to capture at all."""
    return len(code) == 4


def invoice_of(session: Session) -> str:
    """The shop's invoice, for which there is money once."""
    return str(session.details["asked"]["purchase_units"][0].get("invoice_id", ""))
