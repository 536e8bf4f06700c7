"""Events on their way to the message broker."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from kassa.store.database import Connection, Database

# One process publishes at a time, so that a payment's events keep their order.
_LOCK = 0x6B61737362


@asynccontextmanager
async def publishing(database: Database) -> AsyncIterator[Connection | None]:
    """A transaction in which this process alone publishes; None when another one does."""
    async with database.transaction() as tx:
        alone = await tx.fetchval("SELECT pg_try_advisory_xact_lock($1)", _LOCK)
        yield tx if alone else None


async def insert(tx: Connection, rows: list[tuple[str, str, str, str]]) -> None:
    """Add (message id, payment id, event, payload) rows."""
    await tx.execute(
        """INSERT INTO broker_outbox (message_id, payment_id, event, payload)
           SELECT m, p, e, j::json FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[])
               WITH ORDINALITY AS t (m, p, e, j, n) ORDER BY n""",
        *map(list, zip(*rows, strict=True)),
    )


async def first(tx: Connection, limit: int) -> list[Any]:
    """(id, message_id, payment_id, event, payload) of the oldest events."""
    rows: list[Any] = await tx.fetch(
        "SELECT id, message_id::text, payment_id, event, payload::text FROM broker_outbox ORDER BY id LIMIT $1", limit
    )
    return rows


async def delete(tx: Connection, ids: list[int]) -> None:
    """Forget events that the broker has confirmed."""
    await tx.execute("DELETE FROM broker_outbox WHERE id = ANY($1::bigint[])", ids)
