"""Notifications of providers: each kept once by its provider's own id, until it is applied."""

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
) -> bool:
    """Keep a verified notification; False when it was there already."""
    row = await database.fetchrow(
        """INSERT INTO provider_events (provider, event_id, merchant_id, type, notice, payload, status)
           VALUES ($1, $2, $3::uuid, $4, $5::json, $6::json, $7) ON CONFLICT DO NOTHING RETURNING true""",
        provider,
        event_id,
        merchant_id,
        type_[:100],
        notice,
        payload,
        status,
    )
    return row is not None


async def find(database: Database, provider: str, event_id: str) -> Any | None:
    """(notice, attempts, merchant_id) of a notification that is still to be applied."""
    return await database.fetchrow(
        f"""SELECT notice::text, attempts, merchant_id::text FROM provider_events
           WHERE provider = $1 AND event_id = $2 AND {guarded("status = 'pending'")}""",
        provider,
        event_id,
    )


async def conclude(
    database: Database, provider: str, event_id: str, status: str, note: str | None, due_at: datetime
) -> None:
    """Say what became of a notification; a pending one is due again at `due_at`."""
    await database.fetch(
        f"""UPDATE provider_events SET status = $3, note = $4, attempts = attempts + 1, due_at = $5
           WHERE provider = $1 AND event_id = $2 AND {guarded("status = 'pending'")}""",
        provider,
        event_id,
        status,
        note,
        due_at,
    )


async def open_since(database: Database, before: datetime, after: tuple[datetime, str], limit: int) -> list[Any]:
    """(event_id, due_at, provider) of pending notifications due before `before`, in order, from behind `after`."""
    return await database.fetch(
        """SELECT event_id, due_at, provider FROM provider_events WHERE status = 'pending' AND due_at < $1
               AND (due_at, event_id) > ($2, $3) ORDER BY due_at, event_id LIMIT $4""",
        before,
        *after,
        limit,
    )
