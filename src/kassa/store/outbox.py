"""Events of payments, and their deliveries: written in the transaction of the change that they tell of."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from kassa.domain.webhook import Delivery
from kassa.store import broker_outbox
from kassa.store.database import Connection, Database


class Event(msgspec.Struct, frozen=True, gc=False):
    """One thing that happened to a payment. `delivery` is None when no webhook is to tell of it."""

    payment_id: str
    sequence: int
    event: str
    status: str
    cause: str
    at: datetime
    refund_id: str | None = None
    delivery: Delivery | None = None
    # For the message broker, where there is one: a stable id, and the same text as the delivery's.
    message: tuple[str, str] | None = None


async def announce(tx: Connection, events: list[Event]) -> list[Delivery]:
    """Record the events and queue their deliveries for sending at once; returns the deliveries."""
    await tx.execute(
        """INSERT INTO payment_events (payment_id, sequence, event, status, cause, created_at, refund_id)
           SELECT * FROM unnest($1::text[], $2::int[], $3::text[], $4::text[], $5::text[], $6::timestamptz[],
                                $7::text[])
           ON CONFLICT (payment_id, sequence) DO NOTHING""",
        [e.payment_id for e in events],
        [e.sequence for e in events],
        [e.event for e in events],
        [e.status for e in events],
        [e.cause for e in events],
        [e.at for e in events],
        [e.refund_id for e in events],
    )
    return await tell(tx, events)


async def tell(tx: Connection, events: list[Event]) -> list[Delivery]:
    """Queue what tells of recorded events: deliveries, for sending at once, and the broker's messages."""
    await tell_broker(tx, events)
    deliveries = deliveries_of(events)
    if deliveries:
        await insert_deliveries(tx, deliveries)
    return deliveries


async def tell_broker(tx: Connection, events: list[Event]) -> None:
    """Queue the broker's messages of recorded events, where there are any."""
    messages = [(*e.message[:1], e.payment_id, e.event, e.message[1]) for e in events if e.message is not None]
    if messages:
        await broker_outbox.insert(tx, messages)


def deliveries_of(events: list[Event]) -> list[Delivery]:
    """The deliveries that tell of the events."""
    return [e.delivery for e in events if e.delivery is not None]


def deliveries_sql(first: int) -> str:
    """The statement that adds deliveries due at once; its arguments are `deliveries_args`, from `first` on."""
    names = "id", "merchant_id", "event", "payload", "at", "payment_id", "sequence"
    types = "uuid", "uuid", "text", "text", "timestamptz", "text", "int"
    args = ", ".join(f"${number}::{type_}[]" for number, type_ in enumerate(types, start=first))
    return f"""
        INSERT INTO webhook_logs (id, merchant_id, event, payload, created_at, next_retry_at, payment_id, sequence)
        SELECT id, merchant_id, event, payload::json, at, at, payment_id, sequence
        FROM unnest({args}) AS t ({", ".join(names)}) ON CONFLICT (id) DO NOTHING"""


def deliveries_args(deliveries: Sequence[Delivery]) -> list[list[Any]]:
    """The columns of `deliveries_sql`."""
    return [
        [d.id for d in deliveries],
        [d.merchant_id for d in deliveries],
        [d.event for d in deliveries],
        [d.payload for d in deliveries],
        [d.created_at for d in deliveries],
        [d.payment_id for d in deliveries],
        [d.sequence for d in deliveries],
    ]


_INSERT_DELIVERIES = deliveries_sql(first=1)


async def insert_deliveries(tx: Connection, deliveries: list[Delivery]) -> None:
    """Add deliveries that are due at once."""
    await tx.execute(_INSERT_DELIVERIES, *deliveries_args(deliveries))


async def timeline(database: Database, payment_id: str) -> list[Any]:
    """(sequence, event, status, cause, refund_id, created_at) of a payment, oldest first."""
    return await database.fetch(
        "SELECT sequence, event, status, cause, refund_id, created_at FROM payment_events"
        " WHERE payment_id = $1 ORDER BY sequence",
        payment_id,
    )
