"""Open a hosted session at a provider: the intent is committed first, then the provider is asked, under our own key."""

from datetime import datetime, timedelta
from functools import partial
from urllib.parse import urlencode

import msgspec

from kassa.actions.announce import announce, event_of
from kassa.actions.apply_standing import fail_payment
from kassa.actions.checkout_session import view_of
from kassa.actions.gateway import Gateway, epoch_ms
from kassa.actions.look_at_payment import FIRST_LOOK_S, OPENING_TTL
from kassa.actions.once import Answer, KeyTaken, key_of, once
from kassa.actions.payable import check_pages, check_payable, find_orders
from kassa.actions.provider_account import account_for, account_of
from kassa.domain import webhook
from kassa.domain.errors import bad_request, not_found
from kassa.domain.payment import CREATED, OPEN, PAID, SIMULATOR, Merchant, Order, Payment
from kassa.domain.webhook import Delivery
from kassa.providers.base import Capability, LineItem, ProviderError, SessionAsked
from kassa.store import idempotency, outbox, payments, provider_payments
from kassa.store.database import Connection, retried
from kassa.store.idempotency import Claim
from kassa.store.payments import Changed
from kassa.store.provider_payments import CheckoutSession

SESSION_TTL_S = 24 * 3600
# What a key stands for while its session is not open yet: an answer that nobody is given.
_BEGUN = 202
_MAY_GO_ON = ("PROVIDER_UNAVAILABLE", "PROVIDER_RATE_LIMITED")


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A session as the merchant asks for it; what is None comes from the order, the merchant or the gateway."""

    order_id: str
    provider: str | None = None
    success_url: str | None = None
    cancel_url: str | None = None
    customer_email: str | None = None
    line_items: tuple[LineItem, ...] = ()
    manual_capture: bool = False


async def open_session(gateway: Gateway, merchant: Merchant, asked: Asked, idempotency_key: str | None) -> Answer:
    """Make a payment and a session for it, open at the provider, with the URL to send the payer to.

    When the provider does not answer, the same request with the same key goes on where this one stopped: the provider
    is asked under the session's id, and so opens it once. After OPENING_TTL it begins anew. Raises what the provider
    refuses as ProviderError.
    """
    order = await gateway.batched(find_orders, asked.order_id)
    if order is None or order.merchant_id != merchant.id:
        raise not_found("Order")
    name = asked.provider or merchant.provider or gateway.settings.kassa_provider
    provider = gateway.providers[name]
    provider.require(Capability.HOSTED_SESSION)
    if asked.manual_capture:
        provider.require(Capability.CAPTURE)
    account, own = await account_for(gateway, merchant.id, name)
    session, payment = plan(gateway, order, asked, name, live=account.live, own=own)
    key = key_of(merchant.id, idempotency_key, "session", msgspec.structs.astuple(asked))

    async def begin() -> Answer:
        _check(order, asked, session.created_at)
        begun = Answer(_BEGUN, msgspec.json.encode({"session_id": session.id}))
        claim = key and key.claim(begun, session.created_at)
        gateway.enqueue_deliveries(await retried(partial(_claim_and_intend, gateway, order, session, payment, claim)))
        return begun

    answer = await once(gateway, key, begin)
    if answer.status != _BEGUN:
        return answer
    begun = answer.body.decode()
    session_id = msgspec.json.decode(begun)["session_id"]
    found = await provider_payments.find_session(gateway.database, session_id)
    assert found is not None  # it was committed with the answer
    if key and await _is_over(gateway, order, found):
        await idempotency.release(gateway.database, key.merchant_id, key.key, begun)
        return await open_session(gateway, merchant, asked, idempotency_key)
    try:
        await open_at_provider(gateway, order, found)
    except ProviderError as error:
        if key and _is_for_good(error):
            # The key is free again, as after any refusal.
            await idempotency.release(gateway.database, key.merchant_id, key.key, begun)
        raise
    final = Answer(201, msgspec.json.encode(await view_of(gateway, merchant.id, session_id)))
    if key:
        await idempotency.complete(gateway.database, key.claim(final, session.created_at), begun)
    return final


async def _claim_and_intend(
    gateway: Gateway, order: Order, session: CheckoutSession, payment: Payment, claim: Claim | None
) -> list[Delivery]:
    async with gateway.database.transaction() as tx:
        if claim and not await idempotency.claim(tx, [claim]):
            raise KeyTaken
        return await intend(gateway, tx, order, session, payment)


async def intend(
    gateway: Gateway, tx: Connection, order: Order, session: CheckoutSession, payment: Payment
) -> list[Delivery]:
    """Write down what is about to be asked of the provider, to be committed before that; returns the webhooks."""
    await payments.insert(tx, [payment], (webhook.PAYMENT_CREATED,))
    await provider_payments.insert_session(tx, session)
    added = Changed(payment, 1, order.wants_webhooks)
    event = event_of(gateway, webhook.PAYMENT_CREATED, added, "request", session.created_at)
    return await outbox.tell(tx, [event])


async def _is_over(gateway: Gateway, order: Order, session: CheckoutSession) -> bool:
    """Whether a session that never opened has failed, or soon will: what opened now, nobody should pay."""
    payment = await payments.by_id(gateway.database, session.payment_id)
    ended = order.status == PAID or (payment is not None and payment.status not in OPEN)
    ends_at = min(session.created_at + OPENING_TTL, session.expires_at)
    return session.url is None and (ended or gateway.now() > ends_at)


def _is_for_good(error: ProviderError) -> bool:
    return not error.unknown and error.code not in _MAY_GO_ON


async def open_at_provider(gateway: Gateway, order: Order, session: CheckoutSession) -> str:
    """Open at its provider what was written down, unless it is open; returns the URL to send the payer to.

    It may be done again: the provider opens a session once by its id. Raises what the provider refuses as
    ProviderError; what it refuses for good fails the payment.
    """
    try:
        return session.url or await _ask_to_open(gateway, order, session)
    except ProviderError as error:
        if _is_for_good(error):
            why = (error.code, error.description, error.provider_code)
            await fail_payment(gateway, session.payment_id, *why, "provider")
        raise


async def _ask_to_open(gateway: Gateway, order: Order, session: CheckoutSession) -> str:
    account = await account_of(gateway, session)
    opened = await gateway.providers[session.provider].open_session(
        SessionAsked(
            session_id=session.id,
            payment_id=session.payment_id,
            order_id=order.id,
            amount=order.amount,
            currency=order.currency,
            success_url=session.success_url,
            cancel_url=session.cancel_url,
            expires_at=session.expires_at,
            customer_email=session.customer_email,
            line_items=msgspec.json.decode(session.line_items, type=tuple[LineItem, ...]),
            manual_capture=session.manual_capture,
        ),
        account,
    )
    now = gateway.now()
    looks = session.provider != SIMULATOR
    due_at = now + timedelta(seconds=FIRST_LOOK_S) if looks else session.expires_at
    async with gateway.database.transaction() as tx:
        await provider_payments.note_open(tx, session.id, opened.provider_ref, opened.url)
        changed = await payments.begin(tx, session.payment_id, now, opened.provider_ref, due_at)
        if changed is None:
            return opened.url
        deliveries = await announce(gateway, tx, webhook.PAYMENT_PENDING, changed, "provider", now)
    gateway.enqueue_deliveries(deliveries)
    gateway.enqueue(gateway.looks if looks else gateway.payments, [(session.payment_id, epoch_ms(due_at))])
    return opened.url


def page_of(gateway: Gateway, order: Order, payment_id: str | None = None, email: str | None = None) -> str:
    """Kassa's own page of an order, which waits for `payment_id`, lest a payer who has just paid be asked to pay.

    Of a payment link's order that is the link's page; `email` is whom it was sent to.
    """
    query = {"order_id": order.id}
    if payment_id is not None:
        query["payment_id"] = payment_id
    if order.payment_link_id is None:
        return f"{gateway.settings.checkout_url}/checkout?{urlencode(query)}"
    if email is not None:
        query["prefilled_email"] = email
    return f"{gateway.settings.checkout_url}/pay/{order.payment_link_id}?{urlencode(query)}"


def plan(
    gateway: Gateway, order: Order, asked: Asked, provider: str, *, live: bool, own: bool
) -> tuple[CheckoutSession, Payment]:
    """A session with its payment, of which nobody knows yet; what was not asked comes from the order or the gateway."""
    now = gateway.now()
    session_id, payment_id = gateway.object_id("cs_", now), gateway.object_id("pay_", now)
    expires_at = now + timedelta(seconds=SESSION_TTL_S)
    session = CheckoutSession(
        id=session_id,
        payment_id=payment_id,
        order_id=order.id,
        merchant_id=order.merchant_id,
        provider=provider,
        live=live,
        success_url=asked.success_url or order.success_url or page_of(gateway, order, payment_id),
        cancel_url=asked.cancel_url or order.cancel_url or page_of(gateway, order),
        created_at=now,
        expires_at=min(expires_at, order.expires_at) if order.expires_at else expires_at,
        customer_email=asked.customer_email,
        line_items=msgspec.json.encode(asked.line_items).decode(),
        manual_capture=asked.manual_capture,
        own_account=own,
    )
    payment = Payment(
        id=payment_id,
        order_id=order.id,
        merchant_id=order.merchant_id,
        amount=order.amount,
        currency=order.currency,
        method="card",
        status=CREATED,
        created_at=now,
        updated_at=now,
        # Should nobody come back for a session that never opened, it is looked at, and failed.
        due_at=now + timedelta(seconds=FIRST_LOOK_S),
        provider=provider,
        session_id=session_id,
    )
    return session, payment


def _check(order: Order, asked: Asked, now: datetime) -> None:
    check_payable(order, now)
    check_pages(success_url=asked.success_url, cancel_url=asked.cancel_url)
    total = sum(item.amount * item.quantity for item in asked.line_items)
    if asked.line_items and total != order.amount:
        raise bad_request(f"line_items must add up to the order's amount, {order.amount}, not {total}")
