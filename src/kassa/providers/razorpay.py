"""Razorpay: Payment Links as hosted sessions, captures, refunds and signed webhooks, over plain HTTP.

Razorpay's own Python library is synchronous, so it has no place in a server that is not.
"""

import hashlib
import hmac
import re
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import msgspec

from kassa.domain.errors import KassaError, bad_request
from kassa.domain.money import exponent
from kassa.providers.base import (
    MALFORMED,
    Capability,
    Charge,
    Credentials,
    Listed,
    Notice,
    Opened,
    ProviderError,
    RefundStanding,
    SessionAsked,
    Standing,
)
from kassa.providers.razorpay_api import NAME, RazorpayApi, Refused
from kassa.providers.razorpay_objects import Event, Link, Payment, Refund

# A session ends at Razorpay before it ends here: what we call over can no longer be paid there.
HEADSTART_S = 60
# Razorpay opens none for less than 15 minutes; one that ends sooner here is cancelled there when it does.
SHORTEST_S = 16 * 60
# How far back attempts at one link are looked for among all payments of the account, in pages of a hundred: while it is
# open, and once it is over, when it is to be failed. All of them must be read within the time limit of one call.
ATTEMPT_PAGES = 5
LAST_ATTEMPT_PAGES = 25
MAX_DESCRIPTION_LENGTH = 2_048
# https://razorpay.com/docs/payments/international-payments/#supported-currencies
_SUPPORTED = """
    AED ALL AMD AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BZD CAD CHF CLP CNY COP CRC CUP CVE
    CZK DJF DKK DOP DZD EGP ETB EUR FJD GBP GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD ISK JMD JOD JPY
    KES KGS KHR KMF KRW KWD KYD KZT LAK LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK
    NPR NZD OMR PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SCR SEK SGD SLL SOS SVC SZL THB TND TRY TTD TWD TZS UAH
    UGX USD UYU UZS VND VUV XAF XCD XOF XPF YER ZAR ZMW"""
CURRENCIES = frozenset(_SUPPORTED.split())


class Razorpay:
    """Razorpay's API at `api_url`. One per process; it holds the connections until `aclose`."""

    name = NAME
    capabilities = frozenset(
        {Capability.HOSTED_SESSION, Capability.CAPTURE, Capability.PARTIAL_REFUND, Capability.EXPIRE}
    )

    def __init__(self, api_url: str = "https://api.razorpay.com", timeout_s: float = 20) -> None:
        self._api = RazorpayApi(api_url, timeout_s)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._api.aclose()

    async def open_session(self, asked: SessionAsked, credentials: Credentials) -> Opened:
        """Create a Payment Link; our session's id is its reference, of which Razorpay keeps one."""
        body = _link_asked(asked, datetime.now(UTC))
        try:
            link = await self._api.post("/v1/payment_links", credentials, Link, body)
        except Refused as refused:
            if not re.search(r"reference_id.* already exists", refused.says):
                raise
            link = await self._link_of(asked.session_id, credentials)
        return Opened(link.id, link.short_url)

    async def retrieve(self, charge: Charge, credentials: Credentials) -> Standing:
        """Ask for the money once it is known, else for the link, and unless that is paid for the attempts to pay it."""
        if charge.charge_ref is not None:
            payment = await self._api.get(f"/v1/payments/{charge.charge_ref}", credentials, Payment)
            if payment.was_let_go:
                return Standing(state="failed", answer="payment refunded, never captured", error_code="PAYMENT_EXPIRED")
            if payment.status in ("authorized", "captured", "refunded"):
                return payment.taken(f"payment {payment.status}")
        try:
            link = await self._api.get(f"/v1/payment_links/{charge.provider_ref}", credentials, Link)
        except Refused as refused:
            if "does not exist" in refused.says:
                return Standing(state="unknown", answer="no such link")
            raise
        return await self._standing(link, credentials)

    async def expire(self, charge: Charge, credentials: Credentials) -> Standing:
        """Cancel the link; one that is no longer open stays as it is, and how that is, is the answer."""
        try:
            link = await self._api.post(f"/v1/payment_links/{charge.provider_ref}/cancel", credentials, Link, {})
        except Refused:
            return await self.retrieve(charge, credentials)
        return await self._standing(link, credentials, is_over=True)

    async def capture(self, charge: Charge, credentials: Credentials) -> Standing:
        """Capture the whole amount; what is captured already stays so."""
        path = f"/v1/payments/{_money(charge)}"
        body = {"amount": charge.amount, "currency": charge.currency}
        try:
            payment = await self._api.post(f"{path}/capture", credentials, Payment, body)
        except Refused:
            payment = await self._api.get(path, credentials, Payment)
            if payment.status not in ("captured", "refunded") or payment.captured is False:
                raise
        return payment.taken(f"payment {payment.status}")

    async def refunds_of(self, charge: Charge, credentials: Credentials) -> list[RefundStanding]:
        """All refunds of the payment."""
        path = f"/v1/payments/{_money(charge)}/refunds"
        return [made.standing() async for made in self._api.all(path, credentials, Refund, {})]

    async def refund(self, charge: Charge, refund_id: str, amount: int, credentials: Credentials) -> RefundStanding:
        """Refund, unless it was asked for before: the same key alone would repeat that day's answer."""
        path = f"/v1/payments/{_money(charge)}"
        for made in await self.refunds_of(charge, credentials):
            if made.refund_id == refund_id:
                return made
        body = {"amount": amount, "speed": "normal", "notes": {"kassa_refund_id": refund_id}}
        # The key is at least ten letters, digits, hyphens and underscores, which our ids are.
        headers = {"X-Refund-Idempotency": refund_id}
        try:
            return (await self._api.post(f"{path}/refund", credentials, Refund, body, headers)).standing()
        except Refused:
            payment = await self._api.get(path, credentials, Payment)
            if amount != charge.amount or (let_go := payment.let_go(datetime.now(UTC))) is None:
                raise
            return let_go

    async def retrieve_refund(self, refund_ref: str, credentials: Credentials) -> RefundStanding:
        """Ask for the refund."""
        return (await self._api.get(f"/v1/refunds/{refund_ref}", credentials, Refund)).standing()

    def must_fetch(self, headers: Mapping[str, str]) -> bool:
        """The signing secret is all it takes."""
        return False

    async def verify(self, headers: Mapping[str, str], body: bytes, credentials: Credentials, now: datetime) -> Notice:
        """Check the signature over the raw body, then decode by the event's type.

        There is no time in the signature: an old notification counts as much as a new one. Said again it is known by
        its id, and what it says is taken as if it came late.
        """
        given = {name.lower(): value for name, value in headers.items()}
        secret = credentials.webhook_secret.encode()
        right = hmac.new(secret, body, hashlib.sha256).hexdigest()
        signature = given.get("x-razorpay-signature", "")
        # Anybody could sign with no secret at all.
        if not secret or not hmac.compare_digest(right.encode(), signature.encode("utf-8", "replace")):
            raise KassaError("INVALID_SIGNATURE")
        try:
            event = msgspec.json.decode(body, type=Event)
        except MALFORMED as error:
            raise bad_request("The notification is not an event of Razorpay") from error
        event_id = given.get("x-razorpay-event-id", "")
        if not re.fullmatch(r"[\w-]{1,100}", event_id, re.ASCII):
            event_id = f"sha256_{hashlib.sha256(body).hexdigest()}"
        notice = Notice(event_id=event_id, type=event.event)
        try:
            return _decoded(notice, {name: one.entity for name, one in event.payload.items()})
        except MALFORMED:
            return notice

    async def payments_on(self, day: date, credentials: Credentials) -> AsyncIterator[Listed]:
        """The links that were made that day, paid or not: payments are listed by the day of their session."""
        start, end = _bounds_s(day)
        bounds = {"from": start, "to": end - 1}
        async for link in self._api.all("/v1/payment_links", credentials, Link, bounds):
            if start <= link.created_at < end:
                paid = link.paid()
                amount = link.amount if paid is None or paid.amount is None else paid.amount
                yield Listed(link.id, link.payment_id, amount, link.currency, link.status == "paid")

    async def refunds_on(self, day: date, credentials: Credentials) -> AsyncIterator[RefundStanding]:
        """The refunds that were made that day, of whatever payments."""
        start, end = _bounds_s(day)
        async for made in self._api.all("/v1/refunds", credentials, Refund, {"from": start, "to": end - 1}):
            yield made.standing()

    async def _link_of(self, session_id: str, credentials: Credentials) -> Link:
        """The link that was made for a session; a list that is not filtered as asked must not give another's."""
        asked = {"reference_id": session_id}
        async for link in self._api.all("/v1/payment_links", credentials, Link, asked, most_pages=1):
            if link.reference_id == session_id:
                return link
        raise ProviderError("PROVIDER_UNAVAILABLE", NAME, unknown=True)

    async def _standing(self, link: Link, credentials: Credentials, *, is_over: bool = False) -> Standing:
        if paid := link.paid():
            return paid
        since, pages = {"from": link.created_at}, LAST_ATTEMPT_PAGES if is_over or link.is_over else ATTEMPT_PAGES
        attempts = [
            one
            async for one in self._api.all("/v1/payments", credentials, Payment, since, most_pages=pages)
            if one.link_id == link.id or (link.payment_id and one.payment_id == link.payment_id)
        ]
        return link.standing(attempts, datetime.now(UTC))


def _bounds_s(day: date) -> tuple[int, int]:
    start = int(datetime.combine(day, time(), UTC).timestamp())
    return start, start + int(timedelta(days=1).total_seconds())


def _link_asked(asked: SessionAsked, now: datetime) -> dict[str, Any]:
    """The request. Razorpay's page has no way back but by paying, so `cancel_url` has no place in it."""
    if asked.manual_capture:
        raise ProviderError(
            "PROVIDER_CANNOT", NAME, description="Razorpay captures payments of a link as the account's settings say"
        )
    _check_amount(asked.amount, asked.currency)
    bought = ", ".join(f"{item.quantity} × {item.name}" for item in asked.line_items)
    ends_s = int(asked.expires_at.timestamp()) - HEADSTART_S
    body: dict[str, Any] = {
        "amount": asked.amount,
        "currency": asked.currency,
        "accept_partial": False,
        "reference_id": asked.session_id,
        "description": (bought or f"Order {asked.order_id}")[:MAX_DESCRIPTION_LENGTH],
        "expire_by": max(ends_s, int(now.timestamp()) + SHORTEST_S),
        "callback_url": asked.success_url,
        "callback_method": "get",
        "notify": {"sms": False, "email": False},
        "reminder_enable": False,
        "notes": {"kassa_payment_id": asked.payment_id, "kassa_order_id": asked.order_id},
    }
    if asked.customer_email:
        body["customer"] = {"email": asked.customer_email}
    return body


def _check_amount(amount: int, currency: str) -> None:
    """Raise PROVIDER_CANNOT for a currency or amount that Razorpay does not take; it counts as we do."""
    if currency not in CURRENCIES:
        raise ProviderError("PROVIDER_CANNOT", NAME, description=f"Razorpay does not take {currency}")
    if exponent(currency) == 3 and amount % 10:
        raise ProviderError(
            "PROVIDER_CANNOT", NAME, description=f"Razorpay takes amounts in {currency} only if they end in 0"
        )


def _money(charge: Charge) -> str:
    if charge.charge_ref is None:
        raise ProviderError("PROVIDER_REJECTED", NAME, description="The payment has not been paid at Razorpay")
    return charge.charge_ref


def _decoded(notice: Notice, payload: Mapping[str, msgspec.Raw]) -> Notice:
    """The notice with what it tells, for the types that tell of a payment or a refund.

    `payment.authorized` names the money, to be found however much comes in after it. No more: capture follows by itself
    within moments, or the reconciler finds the money held.
    """
    family, _, happened = notice.type.rpartition(".")
    payment = link = None
    if "payment" in payload:
        payment = msgspec.json.decode(payload["payment"], type=Payment)
    if family == "payment_link":
        link = msgspec.json.decode(payload["payment_link"], type=Link) if "payment_link" in payload else None
    if family == "refund" and "refund" in payload:
        made = msgspec.json.decode(payload["refund"], type=Refund)
        return msgspec.structs.replace(notice, refund=made.standing())
    if link is not None and happened in ("paid", "expired", "cancelled"):
        whose = msgspec.structs.replace(notice, provider_ref=link.id, payment_id=link.payment_id)
        if happened != "paid":
            # Razorpay is asked all the same: what was begun at a link that has ended may still come to something.
            ended = Standing(state="failed", answer=f"link {happened}", error_code="PAYMENT_EXPIRED")
            return msgspec.structs.replace(whose, standing=ended, look=True)
        if payment is None or payment.status != "captured":
            return msgspec.structs.replace(whose, look=True)
        return msgspec.structs.replace(whose, standing=payment.taken("link paid"))
    if family == "payment" and payment is not None and (payment.link_id or payment.payment_id):
        whose = msgspec.structs.replace(notice, provider_ref=payment.link_id, payment_id=payment.payment_id)
        if happened == "captured" and payment.status == "captured":
            return msgspec.structs.replace(whose, standing=payment.taken("payment captured"))
        if happened == "authorized":
            named = Standing(state="open", answer="payment authorized", charge_ref=payment.id)
            return msgspec.structs.replace(whose, standing=named)
        if happened == "failed":
            ours, theirs = payment.declined
            standing = Standing(
                state="open", answer=f"last attempt {theirs or 'failed'}", error_code=ours, provider_code=theirs
            )
            return msgspec.structs.replace(whose, standing=standing)
    return notice
