"""PayPal: orders that the payer approves and we capture, refunds and signed events, over its REST API."""

from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from datetime import date, datetime
from typing import Any, Literal, NoReturn
from urllib.parse import quote, urlencode

import msgspec

from kassa.domain.errors import bad_request
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
from kassa.providers.declines import PAYPAL
from kassa.providers.paypal_api import PayPalApi
from kassa.providers.paypal_errors import NAME
from kassa.providers.paypal_objects import (
    Capture,
    Order,
    Refund,
    Transaction,
    Transactions,
    Unit,
    order_request,
    to_paypal,
)
from kassa.providers.paypal_signature import Signatures

_PAGE = 500
_ORDERS = "/v2/checkout/orders"
# https://developer.paypal.com/docs/transaction-search/transaction-event-codes/: a refund that the merchant made.
_REFUND = "T1107"
_REFUND_STATES: dict[str, Literal["pending", "processed", "failed"]] = {"S": "processed", "D": "failed"}
# How PayPal calls an order that never was, or whose approval nobody gave in time.
_UNKNOWN = frozenset({"INVALID_RESOURCE_ID", "RESOURCE_NOT_FOUND"})


class _Event(msgspec.Struct):
    id: str
    event_type: str
    resource: msgspec.Raw = msgspec.Raw(b"{}")


class _Reversed(msgspec.Struct):
    order_id: str | None = None
    id: str | None = None
    purchase_units: list[Unit] = []


class PayPal:
    """PayPal's API at `api_url`; without one, the live or the sandbox's, as the account is. One per process.

    Money moves when an approved order is captured, and `retrieve` is who captures. So nobody can pay a session that
    is no longer looked at, though PayPal has no call that ends one: EXPIRE is not declared.
    """

    name = NAME
    capabilities = frozenset({Capability.HOSTED_SESSION, Capability.PARTIAL_REFUND})

    def __init__(self, api_url: str | None = None, timeout_s: float = 20) -> None:
        self._api = PayPalApi(api_url, timeout_s)
        self._signatures = Signatures(self._api)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._signatures.aclose()
        await self._api.aclose()

    async def open_session(self, asked: SessionAsked, credentials: Credentials) -> Opened:
        """Create an order for the payer to approve."""
        if asked.manual_capture:
            self._cannot("hold money for a later capture")
        made = await self._api.call(credentials, "POST", _ORDERS, Order, order_request(asked), asked.session_id)
        if made.approval_url is None:
            raise ProviderError("PROVIDER_UNAVAILABLE", NAME, unknown=True)
        return Opened(made.id, made.approval_url)

    async def retrieve(self, charge: Charge, credentials: Credentials) -> Standing:
        """Ask for the order; if its payer has approved it, and money may still be taken for it, capture it now."""
        try:
            order = await self._order(charge, credentials)
        except ProviderError as error:
            if error.provider_code in _UNKNOWN:
                return Standing(state="unknown", answer="no such order")
            raise
        if order.status != "APPROVED" or not charge.may_take:
            return order.standing()
        # An order is captured once, whatever the key. With the time of the last approval in it, the answer to one
        # approval, a decline say, is not repeated to the next.
        key = f"{charge.payment_id}:{order.update_time or 'capture'}"
        try:
            captured = await self._api.call(credentials, "POST", f"{_path(charge)}/capture", Order, {}, key)
        except ProviderError as error:
            if error.provider_code == "ORDER_ALREADY_CAPTURED":
                return (await self._order(charge, credentials)).standing()
            if error.code != "PROVIDER_REJECTED":
                raise
            # Nothing was taken; the payer may go back to the page and pay in another way until the session ends.
            theirs = error.provider_code
            ours = PAYPAL.get(theirs or "")
            return Standing(
                state="open", answer=f"order APPROVED, capture refused: {theirs}", error_code=ours, provider_code=theirs
            )
        return captured.standing()

    async def expire(self, charge: Charge, credentials: Credentials) -> Standing:
        """PayPal has no such call."""
        self._cannot("end a session")

    async def capture(self, charge: Charge, credentials: Credentials) -> Standing:
        """Money is not held here: `retrieve` takes all of it."""
        self._cannot("capture what was held")

    async def refunds_of(self, charge: Charge, credentials: Credentials) -> list[RefundStanding]:
        """All refunds that the order shows."""
        order = await self._order(charge, credentials)
        return [made.standing() for unit in order.purchase_units if unit.payments for made in unit.payments.refunds]

    async def refund(self, charge: Charge, refund_id: str, amount: int, credentials: Credentials) -> RefundStanding:
        """Refund, or hear again how that refund stands."""
        if charge.charge_ref is None:
            raise ProviderError("PROVIDER_REJECTED", NAME, description="The payment has not been paid at PayPal")
        asked = {
            "amount": to_paypal(amount, charge.currency),
            "custom_id": charge.payment_id,
            "invoice_id": refund_id,
        }
        path = f"/v2/payments/captures/{quote(charge.charge_ref, safe='')}/refund"
        made = await self._api.call(credentials, "POST", path, Refund, asked, refund_id)
        if made.status == "PENDING":
            # What is answered to a repeated request may be what was so the first time; and what goes wrong in asking
            # says nothing against what was taken.
            with suppress(ProviderError):
                return await self.retrieve_refund(made.id, credentials)
        return made.standing()

    async def retrieve_refund(self, refund_ref: str, credentials: Credentials) -> RefundStanding:
        """Ask for the refund."""
        path = f"/v2/payments/refunds/{quote(refund_ref, safe='')}"
        return (await self._api.call(credentials, "GET", path, Refund)).standing()

    def must_fetch(self, headers: Mapping[str, str]) -> bool:
        """Whether PayPal's certificate is known."""
        return self._signatures.must_fetch(headers)

    async def verify(self, headers: Mapping[str, str], body: bytes, credentials: Credentials, now: datetime) -> Notice:
        """Check the signature, with a certificate that may be fetched for it, then decode by the event's type."""
        await self._signatures.check(headers, body, credentials.webhook_secret, credentials.live, now)
        try:
            event = msgspec.json.decode(body, type=_Event)
        except MALFORMED as error:
            raise bad_request("The notification is not an event of PayPal") from error
        notice = Notice(event_id=event.id, type=event.event_type)
        try:
            told = _decoded(notice, event.resource)
        except MALFORMED:
            return notice
        # What is signed of the body is a CRC32, which is no proof: so PayPal is asked whether it is true.
        return msgspec.structs.replace(told, look=told.look or told.standing is not None)

    async def payments_on(self, day: date, credentials: Credentials) -> AsyncIterator[Listed]:
        """The day's payments by PayPal's reports, which have one up to three hours after it was made.

        The account must allow it: PayPal calls that Transaction Search.
        """
        async for one in self._transactions(day, credentials):
            money = one.transaction_amount
            # T00.. are payments, by https://developer.paypal.com/docs/transaction-search/transaction-event-codes/ ;
            # what went out, or is no payment at all, is not listed.
            if money is None or money.amount <= 0 or not one.transaction_event_code.startswith("T00"):
                continue
            # S is a success, and V one that was given back in full since.
            succeeded = one.transaction_status in ("S", "V")
            yield Listed(one.transaction_id, one.custom_field, money.amount, money.currency_code, succeeded)

    async def refunds_on(self, day: date, credentials: Credentials) -> AsyncIterator[RefundStanding]:
        """The day's refunds by PayPal's reports, which do not say of which capture each is."""
        async for one in self._transactions(day, credentials):
            if one.transaction_event_code == _REFUND:
                state = _REFUND_STATES.get(one.transaction_status or "", "pending")
                yield RefundStanding(state=state, provider_ref=one.transaction_id)

    async def _transactions(self, day: date, credentials: Credentials) -> AsyncIterator[Transaction]:
        page, pages = 1, 1
        while page <= pages:
            query: dict[str, Any] = {
                "start_date": f"{day}T00:00:00Z",
                "end_date": f"{day}T23:59:59Z",
                "fields": "transaction_info",
                "page_size": _PAGE,
                "page": page,
            }
            path = f"/v1/reporting/transactions?{urlencode(query)}"
            found = await self._api.call(credentials, "GET", path, Transactions)
            page, pages = page + 1, found.total_pages
            for row in found.transaction_details:
                yield row.transaction_info

    async def _order(self, charge: Charge, credentials: Credentials) -> Order:
        return await self._api.call(credentials, "GET", _path(charge), Order)

    def _cannot(self, what: str) -> NoReturn:
        raise ProviderError("PROVIDER_CANNOT", NAME, description=f"PayPal cannot {what}")


def _path(charge: Charge) -> str:
    return f"{_ORDERS}/{quote(charge.provider_ref, safe='')}"


def _decoded(notice: Notice, raw: msgspec.Raw) -> Notice:
    """The notice with what it tells; `raw` is a different object for each family of events."""
    family, _, happened = notice.type.rpartition(".")
    if notice.type == "CHECKOUT.PAYMENT-APPROVAL.REVERSED" or notice.type == "CHECKOUT.ORDER.VOIDED":
        undone = msgspec.json.decode(raw, type=_Reversed)
        payment_id = next((unit.custom_id for unit in undone.purchase_units if unit.custom_id), None)
        failed = Standing(state="failed", answer=f"order {happened}", error_code="PAYMENT_EXPIRED")
        return msgspec.structs.replace(
            notice, provider_ref=undone.order_id or undone.id, payment_id=payment_id, standing=failed
        )
    if family == "CHECKOUT.ORDER":
        order = msgspec.json.decode(raw, type=Order)
        # Approved is not paid: looking at it is what takes the money.
        look = happened == "APPROVED"
        return msgspec.structs.replace(notice, provider_ref=order.id, payment_id=order.payment_id, look=look)
    if family == "PAYMENT.REFUND" or notice.type == "PAYMENT.CAPTURE.REFUNDED":
        refund = msgspec.json.decode(raw, type=Refund)
        return msgspec.structs.replace(notice, payment_id=refund.custom_id, refund=refund.standing())
    if family == "PAYMENT.CAPTURE" and happened in ("COMPLETED", "PENDING", "DECLINED", "DENIED"):
        capture = msgspec.json.decode(raw, type=Capture)
        standing = msgspec.structs.replace(capture, status=happened).standing()
        return msgspec.structs.replace(notice, payment_id=capture.custom_id, standing=standing)
    return notice
