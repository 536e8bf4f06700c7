"""Create a payment for an order, by UPI or card; the bank's answer comes later, in a worker."""

import hashlib
from typing import NamedTuple

import msgspec

from kassa.actions.announce import event_of
from kassa.actions.gateway import Gateway, epoch_ms
from kassa.actions.once import Answer, Key, KeyTaken, accepts, key_of, once
from kassa.actions.payable import LINK_ENDED, check_payable, find_orders
from kassa.actions.provider_account import choice_missing, provider_of
from kassa.domain import webhook
from kassa.domain.card import Card, check_card, digits_of, network_of
from kassa.domain.errors import KassaError, bad_request, not_found
from kassa.domain.payment import PENDING, SIMULATOR, Order, Payment
from kassa.domain.views import payment_created
from kassa.domain.vpa import check_vpa
from kassa.store import idempotency, outbox, payment_links, payments
from kassa.store.database import Connection, retried
from kassa.store.idempotency import Claim
from kassa.store.outbox import Event
from kassa.store.payments import Changed

FIRST_EVENTS = (webhook.PAYMENT_CREATED, webhook.PAYMENT_PENDING)
_NOBODY = 'Choose who takes payments: PATCH /api/v1/merchant with {"provider": …}; or open a checkout session'
_NOBODY_FOR_PAYER = "This shop cannot take payments here yet; please tell it"


class Asked(msgspec.Struct, frozen=True):
    """What a payer asks for: `vpa` with method upi, `card` with method card."""

    order_id: str
    method: str
    vpa: str | None = None
    card: Card | None = None


async def create_payment(
    gateway: Gateway, asked: Asked, *, merchant_id: str | None, idempotency_key: str | None = None
) -> Answer:
    """Create a pending payment; `merchant_id` is None on the open endpoint, where the order tells whose it is.

    Raises NOT_FOUND_ERROR for an order that is not there, INVALID_VPA, INVALID_CARD or EXPIRED_CARD,
    BAD_REQUEST_ERROR for one that is paid or whose payment link has ended, and PROVIDER_CANNOT where real money moves.
    """
    order = await gateway.batched(find_orders, asked.order_id)
    if order is None or (not order.merchant_active if merchant_id is None else order.merchant_id != merchant_id):
        raise not_found("Order")
    key = _key(order, asked, idempotency_key, by_payer=merchant_id is None)

    async def work() -> Answer:
        payment = _payment(gateway, order, asked)
        _check_bank(gateway, order, by_payer=merchant_id is None)
        check_payable(order, payment.created_at)
        answer = Answer(201, msgspec.json.encode(payment_created(payment)))
        events = _told(gateway, order, payment) if order.wants_webhooks or gateway.settings.broker_url else []
        claim = key and key.claim(answer, payment.created_at)
        await gateway.batched(_insert, _Item(payment, events, claim, order.payment_link_id))
        return answer

    return await once(gateway, key, work)


def _check_bank(gateway: Gateway, order: Order, *, by_payer: bool) -> None:
    """Raise PROVIDER_CANNOT where the simulated bank is not the one to pay.

    Whoever knows an order's id may pay it here, and this bank moves no money: so it must not settle the orders of
    those who take real money elsewhere.
    """
    chosen = provider_of(gateway.settings, order)
    if chosen != SIMULATOR:
        raise KassaError("PROVIDER_CANNOT", f"This order is to be paid on a page of {chosen}; open a checkout session")
    if choice_missing(gateway.settings, order.merchant_provider, order.merchant_has_account):
        raise KassaError("PROVIDER_CANNOT", _NOBODY_FOR_PAYER if by_payer else _NOBODY)


def _told(gateway: Gateway, order: Order, payment: Payment) -> list[Event]:
    """The events that a new payment begins with, for those who are to hear of them."""
    now, wants = payment.created_at, order.wants_webhooks
    return [
        event_of(gateway, event, Changed(payment, sequence, wants), "request", now)
        for sequence, event in enumerate(FIRST_EVENTS, start=1)
    ]


def _key(order: Order, asked: Asked, key: str | None, *, by_payer: bool) -> Key | None:
    # The card is told apart by what is kept of it anyway: nothing may be stored that its number could be found from.
    digits = digits_of(asked.card.number) if asked.card else ""
    if by_payer and key:
        # Payers' keys live apart from the merchant's own, so that a stranger can neither take nor probe one.
        key = "payer:" + hashlib.sha256(f"{order.id}:{key}".encode()).hexdigest()
    return key_of(
        order.merchant_id, key, "payment", asked.order_id, asked.method, asked.vpa, network_of(digits), digits[-4:]
    )


def _payment(gateway: Gateway, order: Order, asked: Asked) -> Payment:
    now = gateway.now()
    vpa = digits = None
    if asked.method == "upi":
        vpa = check_vpa(asked.vpa)
    elif asked.card is None:
        raise KassaError("INVALID_CARD", "card is required for a card payment")
    else:
        digits = check_card(asked.card, now)
    due_at, reference = gateway.bank.accept(now, vpa, digits)
    return Payment(
        id=gateway.object_id("pay_", now),
        order_id=order.id,
        merchant_id=order.merchant_id,
        amount=order.amount,
        currency=order.currency,
        method=asked.method,
        status=PENDING,
        created_at=now,
        updated_at=now,
        vpa=vpa,
        card_network=network_of(digits) if digits else None,
        card_last4=digits[-4:] if digits else None,
        due_at=due_at,
        provider_ref=reference,
    )


class _Item(NamedTuple):
    payment: Payment
    events: list[Event]
    claim: Claim | None
    link_id: str | None


async def _insert(gateway: Gateway, items: list[_Item]) -> list[Exception | None]:
    links = {item.link_id for item in items if item.link_id is not None}

    async def write() -> list[Exception | None]:
        if not links and gateway.settings.broker_url is None and all(item.claim is None for item in items):
            # One statement is a transaction of its own.
            async with gateway.database.connection() as connection:
                await _add(connection, items)
            return [None] * len(items)
        async with gateway.database.transaction() as tx:
            # Who ends a link is answered before this is asked, or after the payment is there.
            ended = await payment_links.ended(tx, links) if links else set()
            wanted = [item for item in items if item.link_id not in ended]
            won = await idempotency.claim(tx, [item.claim for item in wanted if item.claim is not None])
            refused = [_refusal(item, ended, won) for item in items]
            events = await _add(tx, [item for item, why in zip(items, refused, strict=True) if why is None])
            await outbox.tell_broker(tx, events)
        return refused

    refused = await retried(write)
    taken = [item for item, why in zip(items, refused, strict=True) if why is None]
    gateway.enqueue(gateway.payments, [(p.id, epoch_ms(p.due_at)) for p, *_ in taken if p.due_at])
    gateway.enqueue_deliveries(outbox.deliveries_of([event for item in taken for event in item.events]))
    return refused


def _refusal(item: _Item, ended: set[str], won: set[tuple[str, str]]) -> Exception | None:
    if item.link_id in ended:
        return bad_request(LINK_ENDED)
    return None if accepts(item.claim, won) else KeyTaken()


async def _add(connection: Connection, items: list[_Item]) -> list[Event]:
    events = [event for item in items for event in item.events]
    await payments.insert(connection, [item.payment for item in items], FIRST_EVENTS, outbox.deliveries_of(events))
    return events
