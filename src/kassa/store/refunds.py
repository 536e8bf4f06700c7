"""Refunds: a trigger takes each from its payment, whose CHECK refuses one too many."""

from datetime import datetime
from typing import Any

import asyncpg

from kassa.domain.errors import bad_request
from kassa.domain.payment import PENDING, Refund
from kassa.store.database import Connection, Database, guarded
from kassa.store.pages import Filter, Page, page

# The columns are named as the fields are, and stand in their order.
_FIELDS = Refund.__struct_fields__
# The currency is kept once, with the payment.
_SELECTED = {
    "merchant_id": "merchant_id::text",
    "currency": "(SELECT p.currency FROM payments p WHERE p.id = payment_id) AS currency",
}
_COLUMNS = ", ".join(_SELECTED.get(name, name) for name in _FIELDS)


class NoRoom(Exception):
    """The amount of a refund that had failed has been given back in another one since."""


def _refund(row: Any) -> Refund:
    return Refund(**dict(zip(_FIELDS, row, strict=True)))


async def insert(tx: Connection, refund: Refund) -> None:
    """Add a pending refund, and take its amount from the payment.

    Raises BAD_REQUEST_ERROR where the database's own rules refuse it, whatever its caller has checked.
    """
    try:
        await tx.execute(
            """INSERT INTO refunds (id, payment_id, merchant_id, amount, reason, created_at, due_at)
               VALUES ($1, $2, $3::uuid, $4, $5, $6, $7)""",
            refund.id,
            refund.payment_id,
            refund.merchant_id,
            refund.amount,
            refund.reason,
            refund.created_at,
            refund.due_at,
        )
    except asyncpg.CheckViolationError as error:
        raise bad_request("Refund amount exceeds available amount") from error


async def find_by_ref(connection: Connection | Database, payment_id: str, provider_ref: str) -> Refund | None:
    """The refund of a payment that its provider knows by this name."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM refunds WHERE payment_id = $1 AND provider_ref = $2 ORDER BY id LIMIT 1",
        payment_id,
        provider_ref,
    )
    return _refund(row) if row else None


async def find(connection: Connection | Database, refund_id: str) -> Refund | None:
    """The refund with this id."""
    row = await connection.fetchrow(f"SELECT {_COLUMNS} FROM refunds WHERE id = $1", refund_id)
    return _refund(row) if row else None


async def process(
    tx: Connection, refund_id: str, now: datetime, provider_ref: str | None = None, *, was: str = PENDING
) -> Refund | None:
    """Move a refund from the status that it `was` in to `processed`; None when it is not in it any more.

    A name that is None stays as it is. One that had failed takes its amount again; raises NoRoom where that is gone.
    """
    try:
        row = await tx.fetchrow(
            f"""UPDATE refunds SET status = 'processed', processed_at = coalesce(processed_at, $2),
                    provider_ref = coalesce($3, provider_ref), provider_code = NULL
                WHERE id = $1 AND {guarded("status = $4")}
                    AND EXISTS (SELECT FROM payments p WHERE p.id = payment_id AND {guarded("p.status = 'success'")})
                RETURNING {_COLUMNS}""",
            refund_id,
            now,
            provider_ref,
            was,
        )
    except asyncpg.CheckViolationError as error:
        raise NoRoom from error
    return _refund(row) if row else None


async def fail(tx: Connection, refund_id: str, provider_code: str | None, *, was: str) -> Refund | None:
    """Move a refund from the status that it `was` in to `failed`, which frees its amount; None when it is not in it.

    One that was processed keeps its `processed_at`, by which it is told from one that was never paid out.
    """
    row = await tx.fetchrow(
        f"""UPDATE refunds SET status = 'failed', provider_code = left($2, 100)
            WHERE id = $1 AND {guarded("status = $3")} RETURNING {_COLUMNS}""",
        refund_id,
        provider_code,
        was,
    )
    return _refund(row) if row else None


async def note_look(database: Database, refund_id: str, provider_ref: str | None, due_at: datetime) -> None:
    """Note that a refund is still on its way at its provider, and when that is asked again."""
    await database.fetch(
        f"""UPDATE refunds SET looks = looks + 1, due_at = $3, provider_ref = coalesce($2, provider_ref)
           WHERE id = $1 AND {guarded("status = 'pending'")}""",
        refund_id,
        provider_ref,
        due_at,
    )


async def open_since(database: Database, before: datetime, after: tuple[datetime, str], limit: int) -> list[Any]:
    """(id, due_at) of pending refunds due before `before`, in that order, from behind `after`."""
    return await database.fetch(
        """SELECT id, due_at FROM refunds WHERE status = 'pending' AND due_at < $1
               AND (due_at, id) > ($2, $3) ORDER BY due_at, id LIMIT $4""",
        before,
        *after,
        limit,
    )


async def listed(database: Database, where: Filter, limit: int, after: str | None) -> Page[Refund]:
    """A merchant's refunds, newest first."""
    return await page(database, "refunds", _COLUMNS, where, limit, after, _refund)
