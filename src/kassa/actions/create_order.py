"""Create an order."""

from datetime import datetime

import msgspec

from kassa.actions.gateway import Gateway
from kassa.actions.once import Answer, KeyTaken, accepts, key_of, once
from kassa.actions.payable import check_end, check_pages
from kassa.domain.payment import Order
from kassa.domain.views import order_created
from kassa.store import idempotency, orders
from kassa.store.database import retried
from kassa.store.idempotency import Claim


async def create_order(
    gateway: Gateway,
    merchant_id: str,
    *,
    amount: int,
    currency: str,
    receipt: str | None,
    notes: str | None,
    success_url: str | None = None,
    cancel_url: str | None = None,
    expires_at: datetime | None = None,
    idempotency_key: str | None = None,
) -> Answer:
    """Create an order of `amount` in the smallest unit of `currency`; `notes` is a JSON object as text.

    `success_url` and `cancel_url` are where the checkout page sends the payer; after `expires_at` nobody can pay.
    Raises BAD_REQUEST_ERROR for what is no such URL, and for a time that is over.
    """
    checkout = (success_url, cancel_url, expires_at)
    key = key_of(merchant_id, idempotency_key, "order", amount, currency, receipt, notes, *checkout)
    check_pages(success_url=success_url, cancel_url=cancel_url)

    async def work() -> Answer:
        now = gateway.now()
        check_end(expires_at, now)
        order = Order(
            gateway.object_id("order_", now),
            merchant_id,
            amount,
            currency,
            receipt,
            notes,
            "created",
            now,
            now,
            *checkout,
        )
        answer = Answer(201, msgspec.json.encode(order_created(order)))
        await gateway.batched(_insert, (order, key and key.claim(answer, now)))
        return answer

    return await once(gateway, key, work)


async def _insert(gateway: Gateway, items: list[tuple[Order, Claim | None]]) -> list[Exception | None]:
    claims = [claim for _, claim in items if claim is not None]

    async def write() -> list[Exception | None]:
        if not claims:
            async with gateway.database.connection() as connection:
                await orders.insert(connection, [order for order, _ in items])
            return [None] * len(items)
        async with gateway.database.transaction() as tx:
            won = await idempotency.claim(tx, claims)
            accepted = [accepts(claim, won) for _, claim in items]
            await orders.insert(tx, [order for (order, _), ok in zip(items, accepted, strict=True) if ok])
        return [None if ok else KeyTaken() for ok in accepted]

    return await retried(write)
