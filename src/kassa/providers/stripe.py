"""Stripe: hosted Checkout Sessions, captures, refunds and signed events, through Stripe's own library."""

import logging
import re
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

import aiohttp
import msgspec
import stripe

from kassa.domain.errors import KassaError, bad_request
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
from kassa.providers.stripe_amounts import from_stripe, to_stripe
from kassa.providers.stripe_errors import NAME, our_errors
from kassa.providers.stripe_objects import Event, Intent, Refund, Session

if TYPE_CHECKING:
    from stripe.params.checkout import SessionCreateParams, SessionCreateParamsLineItem, SessionListParams

# Answers are shaped as this version has them, whatever the account's own default is.
STRIPE_VERSION = "2026-10-28.endive"
SIGNATURE_TOLERANCE_S = 300
# A session ends at Stripe before it ends here: what we call over can no longer be paid there.
HEADSTART_S = 60
PAGE = 100

# The library reports on the machine it runs on, and logs what it sends, e-mail addresses included.
stripe.enable_telemetry = False
logging.getLogger("stripe").setLevel(logging.WARNING)


class Stripe:
    """Stripe's API at `api_url`. One per process; it holds the connections until `aclose`."""

    name = NAME
    capabilities = frozenset(
        {Capability.HOSTED_SESSION, Capability.CAPTURE, Capability.PARTIAL_REFUND, Capability.EXPIRE}
    )

    def __init__(self, api_url: str = "https://api.stripe.com", timeout_s: float = 20) -> None:
        self._api_url = api_url
        self._http = stripe.AIOHTTPClient(timeout=aiohttp.ClientTimeout(total=timeout_s))

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.close_async()  # type: ignore[no-untyped-call]

    async def open_session(self, asked: SessionAsked, credentials: Credentials) -> Opened:
        """Create a Checkout Session."""
        params = _session_params(asked)
        with our_errors():
            made = await self._client(credentials).v1.checkout.sessions.create_async(
                params, {"idempotency_key": asked.session_id}
            )
            return Opened(made.id, made.url or "")

    async def retrieve(self, charge: Charge, credentials: Credentials) -> Standing:
        """Ask for the session, with what was tried within it."""
        try:
            with our_errors():
                found = await self._client(credentials).v1.checkout.sessions.retrieve_async(
                    charge.provider_ref, {"expand": ["payment_intent"]}
                )
                return msgspec.convert(found.to_dict(), Session).standing()
        except ProviderError as error:
            if error.provider_code == "resource_missing":
                return Standing(state="unknown", answer="no such session")
            raise

    async def expire(self, charge: Charge, credentials: Credentials) -> Standing:
        """Expire the session; one that is no longer open stays as it is, and how that is, is the answer."""
        try:
            with our_errors():
                ended = await self._client(credentials).v1.checkout.sessions.expire_async(
                    charge.provider_ref, {}, {"idempotency_key": f"{charge.provider_ref}:expire"}
                )
                return msgspec.convert(ended.to_dict(), Session).standing()
        except ProviderError as error:
            if error.code == "PROVIDER_REJECTED":
                return await self.retrieve(charge, credentials)
            raise

    async def capture(self, charge: Charge, credentials: Credentials) -> Standing:
        """Capture the whole amount; what is captured already stays so."""
        intent = _money(charge)
        try:
            with our_errors():
                taken = await self._client(credentials).v1.payment_intents.capture_async(
                    intent, {}, {"idempotency_key": f"{charge.payment_id}:capture"}
                )
                return msgspec.convert(taken.to_dict(), Intent).taken(f"payment {taken.status}")
        except ProviderError as error:
            if error.code != "PROVIDER_REJECTED":
                raise
            standing = await self.retrieve(charge, credentials)
            if not standing.captured:
                raise
            return standing

    async def refunds_of(self, charge: Charge, credentials: Credentials) -> list[RefundStanding]:
        """All refunds of the intent."""
        with our_errors():
            page = await self._client(credentials).v1.refunds.list_async(
                {"payment_intent": _money(charge), "limit": PAGE}
            )
            return [_refund_standing(made) async for made in page.auto_paging_iter()]

    async def refund(self, charge: Charge, refund_id: str, amount: int, credentials: Credentials) -> RefundStanding:
        """Refund, unless it was asked for before: an idempotency key alone would repeat that day's answer."""
        intent, theirs = _money(charge), to_stripe(amount, charge.currency)
        client = self._client(credentials)
        try:
            for made in await self.refunds_of(charge, credentials):
                if made.refund_id == refund_id:
                    return made
            with our_errors():
                return _refund_standing(
                    await client.v1.refunds.create_async(
                        {"payment_intent": intent, "amount": theirs, "metadata": {"kassa_refund_id": refund_id}},
                        {"idempotency_key": refund_id},
                    )
                )
        except ProviderError as error:
            if error.code == "PROVIDER_REJECTED" and amount == charge.amount and await self._let_go(charge, client):
                return RefundStanding(state="processed", provider_ref=intent)
            raise

    async def _let_go(self, charge: Charge, client: stripe.StripeClient) -> bool:
        """Cancel what is held, as it cannot be refunded; False when it is not held, nor was."""
        intents, intent = client.v1.payment_intents, _money(charge)
        with our_errors():
            found = await intents.retrieve_async(intent)
            if found.status == "requires_capture":
                found = await intents.cancel_async(intent, {}, {"idempotency_key": f"{charge.payment_id}:cancel"})
        return found.status == "canceled"

    async def retrieve_refund(self, refund_ref: str, credentials: Credentials) -> RefundStanding:
        """Ask for the refund."""
        with our_errors():
            return _refund_standing(await self._client(credentials).v1.refunds.retrieve_async(refund_ref))

    def must_fetch(self, headers: Mapping[str, str]) -> bool:
        """The signing secret is all it takes."""
        return False

    async def verify(self, headers: Mapping[str, str], body: bytes, credentials: Credentials, now: datetime) -> Notice:
        """Check the signature with Stripe's library, which reads the clock itself, then decode by the event's type."""
        signature = next((value for name, value in headers.items() if name.lower() == "stripe-signature"), None)
        try:
            stripe.WebhookSignature.verify_header(body, signature, credentials.webhook_secret, SIGNATURE_TOLERANCE_S)
        except (stripe.SignatureVerificationError, ValueError, TypeError) as error:
            raise KassaError("INVALID_SIGNATURE") from error
        try:
            event = msgspec.json.decode(body, type=Event)
        except MALFORMED as error:
            raise bad_request("The notification is not an event of Stripe") from error
        notice = Notice(event_id=event.id, type=event.type)
        # An endpoint may be told of test and live events alike; they never mix.
        if event.data is None or event.livemode != credentials.live:
            return notice
        try:
            return _decoded(notice, event.data.object)
        except MALFORMED:
            return notice

    async def payments_on(self, day: date, credentials: Credentials) -> AsyncIterator[Listed]:
        """The sessions that were opened that day, paid or not."""
        begins_s, ends_s = _bounds_s(day)
        asked: SessionListParams = {
            "created": {"gte": begins_s, "lt": ends_s}, "limit": PAGE, "expand": ["data.payment_intent"],
        }  # fmt: skip
        with our_errors():
            page = await self._client(credentials).v1.checkout.sessions.list_async(asked)
            async for found in page.auto_paging_iter():
                session = msgspec.convert(found.to_dict(), Session)
                if session.amount_total is None or session.currency is None:
                    continue
                standing = session.standing()
                currency = session.currency.upper()
                amount = from_stripe(session.amount_total, currency) if standing.amount is None else standing.amount
                yield Listed(session.id, session.payment_id, amount, currency, standing.state == "succeeded")

    async def refunds_on(self, day: date, credentials: Credentials) -> AsyncIterator[RefundStanding]:
        """The refunds that were made that day, of whatever payments."""
        begins_s, ends_s = _bounds_s(day)
        with our_errors():
            page = await self._client(credentials).v1.refunds.list_async(
                {"created": {"gte": begins_s, "lt": ends_s}, "limit": PAGE}
            )
            async for made in page.auto_paging_iter():
                yield _refund_standing(made)

    def _client(self, credentials: Credentials) -> stripe.StripeClient:
        if key_is_live(credentials.key) != credentials.live:
            kind = "live" if credentials.live else "test"
            raise ProviderError("PROVIDER_NOT_CONFIGURED", NAME, description=f"The Stripe key is not a {kind} key")
        return stripe.StripeClient(
            credentials.key,
            stripe_version=STRIPE_VERSION,
            base_addresses={"api": self._api_url},
            # Whoever calls us decides whether and when to try again, with the same ids.
            max_network_retries=0,
            http_client=self._http,
        )


def key_is_live(key: str) -> bool:
    """Whether a secret or restricted key moves real money; raises ProviderError for what is no such key."""
    if found := re.match(r"(?:sk|rk)_(test|live)_", key):
        return found[1] == "live"
    raise ProviderError(
        "PROVIDER_NOT_CONFIGURED", NAME, description="A Stripe key begins with sk_test_, rk_test_, sk_live_ or rk_live_"
    )


def _bounds_s(day: date) -> tuple[int, int]:
    start = datetime.combine(day, time(), UTC)
    return int(start.timestamp()), int((start + timedelta(days=1)).timestamp())


def _session_params(asked: SessionAsked) -> "SessionCreateParams":
    """The request; made of nothing but what is asked, so that a repeated one is the same to Stripe."""
    marks = {"kassa_payment_id": asked.payment_id, "kassa_order_id": asked.order_id}
    bought = [(item.name, item.amount, item.quantity) for item in asked.line_items]
    bought = bought or [(f"Order {asked.order_id}", asked.amount, 1)]
    if sum(amount * quantity for _, amount, quantity in bought) != asked.amount:
        raise ProviderError("PROVIDER_CANNOT", NAME, description="The line items must add up to the order's amount")
    lines: list[SessionCreateParamsLineItem] = [
        {
            "quantity": quantity,
            "price_data": {
                "currency": asked.currency.lower(),
                "unit_amount": to_stripe(amount, asked.currency),
                "product_data": {"name": name},
            },
        }
        for name, amount, quantity in bought
    ]
    params: SessionCreateParams = {
        "mode": "payment",
        "line_items": lines,
        "success_url": asked.success_url,
        "cancel_url": asked.cancel_url,
        "expires_at": int(asked.expires_at.timestamp()) - HEADSTART_S,
        "client_reference_id": asked.order_id,
        "metadata": marks,
        "payment_intent_data": {
            "metadata": marks,
            "capture_method": "manual" if asked.manual_capture else "automatic_async",
        },
        # What is paid is what was asked for, in the same currency.
        "adaptive_pricing": {"enabled": False},
    }
    if asked.customer_email:
        params["customer_email"] = asked.customer_email
    return params


def _money(charge: Charge) -> str:
    if charge.charge_ref is None:
        raise ProviderError("PROVIDER_REJECTED", NAME, description="The payment has not been paid at Stripe")
    return charge.charge_ref


def _refund_standing(made: stripe.Refund) -> RefundStanding:
    return msgspec.convert(made.to_dict(), Refund).standing()


def _decoded(notice: Notice, raw: msgspec.Raw) -> Notice:
    """The notice with its standing, for the types that tell of one; `raw` is a different object for each."""
    family, _, happened = notice.type.rpartition(".")
    if family == "checkout.session":
        session = msgspec.json.decode(raw, type=Session)
        answer = f"session {session.status}, payment {session.payment_status}"
        standing: Standing | None = None
        if happened == "completed":
            standing = session.standing()
        elif happened == "async_payment_succeeded":
            standing = session.succeeded(answer)
        elif happened == "async_payment_failed":
            standing = Standing(state="failed", answer=answer, error_code="PAYMENT_FAILED")
        elif happened == "expired":
            standing = Standing(state="failed", answer=answer, error_code="PAYMENT_EXPIRED")
        return msgspec.structs.replace(
            notice, provider_ref=session.id, payment_id=session.payment_id, standing=standing
        )
    if notice.type in ("payment_intent.succeeded", "payment_intent.amount_capturable_updated"):
        intent = msgspec.json.decode(raw, type=Intent)
        payment_id = intent.metadata.get("kassa_payment_id")
        if payment_id and intent.status in ("succeeded", "requires_capture"):
            return msgspec.structs.replace(
                notice, payment_id=payment_id, standing=intent.taken(f"payment {intent.status}")
            )
    if notice.type == "payment_intent.canceled":
        # Of money that was held nothing else tells that it was let go.
        intent = msgspec.json.decode(raw, type=Intent)
        return msgspec.structs.replace(notice, payment_id=intent.metadata.get("kassa_payment_id"), look=True)
    if family in ("refund", "charge.refund"):
        return msgspec.structs.replace(notice, refund=msgspec.json.decode(raw, type=Refund).standing())
    return notice
