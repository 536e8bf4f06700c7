"""Notifications of providers: each kept once by its provider's id and whose account signed it, until it is applied."""

from datetime import datetime
from typing import Any

from kassa.store.database import Database, guarded


async def keep(
    database: Database,
    provider: str,
    event_id: str,
    merchant_id: str | None,
    type_: str,
    notice: str,
    payload: str,
    status: str,
) -> int | None:
    """Keep a verified notification, signed by the account of a merchant or, with None, of the gateway.

    Returns the id that it has here, None when it was there already.
    """
    row = await database.fetchrow(
        """INSERT INTO provider_events (provider, event_id, merchant_id, type, notice, payload, status)
           VALUES ($1, $2, $3::uuid, $4, $5::json, $6::json, $7) ON CONFLICT DO NOTHING RETURNING id""",
        provider,
        event_id,
        merchant_id,
        type_[:100],
        notice,
        payload,
        status,
    )
    return row and int(row[0])


async def find(database: Database, id_: int) -> Any | None:
    """(provider, notice, attempts, merchant_id) of a notification that is still to be applied."""
    return await database.fetchrow(
        f"""SELECT provider, notice::text, attempts, merchant_id::text FROM provider_events
           WHERE id = $1 AND {guarded("status = 'pending'")}""",
        id_,
    )


async def conclude(database: Database, id_: int, status: str, note: str | None, due_at: datetime) -> None:
    """Say what became of a notification; a pending one is due again at `due_at`."""
    await database.fetch(
        f"""UPDATE provider_events SET status = $2, note = $3, attempts = attempts + 1, due_at = $4
           WHERE id = $1 AND {guarded("status = 'pending'")}""",
        id_,
        status,
        note,
        due_at,
    )


async def open_since(database: Database, before: datetime, after: tuple[datetime, str], limit: int) -> list[Any]:
    """(id, due_at) of pending notifications due before `before`, in order, from behind `after`."""
    return await database.fetch(
        """SELECT e.id::text, e.due_at FROM provider_events e WHERE e.status = 'pending' AND e.due_at < $1
               AND (e.due_at, e.id) > ($2, $3::text::bigint) ORDER BY e.due_at, e.id LIMIT $4""",
        before,
        *after,
        limit,
    )
