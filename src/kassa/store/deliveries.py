"""Webhook deliveries on their way: loaded, their attempts recorded once, listed."""

from datetime import datetime
from typing import Any

import msgspec

from kassa.store.database import Connection, Database, guarded
from kassa.store.pages import Filter, Page, cut, page


class Due(msgspec.Struct, frozen=True, gc=False):
    """A delivery to attempt now. `due_at` is the turn that the attempt belongs to: it is recorded only in that turn."""

    id: str
    merchant_id: str
    payload: str
    attempts: int
    due_at: datetime
    url: str | None
    secret: str | None
    secret_previous: str | None
    secret_previous_until: datetime | None


class Attempt(msgspec.Struct, frozen=True, gc=False):
    """What one attempt came to; `retry_at` is None when there is no next one."""

    delivery_id: str
    number: int
    due_at: datetime
    attempted_at: datetime
    duration_ms: int
    succeeded: bool
    response_code: int | None
    response_body: str | None
    error: str | None
    retry_at: datetime | None


async def load(database: Database, delivery_ids: list[str]) -> list[Due]:
    """Those of the deliveries that are still to be made, with where to and the secrets that sign them."""
    rows = await database.fetch(
        f"""SELECT d.id::text, d.merchant_id::text, d.payload::text, coalesce(d.attempts, 0), d.next_retry_at,
                  m.webhook_url, m.webhook_secret, m.webhook_secret_previous, m.webhook_secret_previous_until
           FROM webhook_logs d JOIN merchants m ON m.id = d.merchant_id
           WHERE d.id = ANY($1::uuid[]) AND {guarded("d.status = 'pending' AND d.next_retry_at IS NOT NULL")}""",
        delivery_ids,
    )
    return [Due(*row) for row in rows]


# The lock lets nobody else keep the same attempt.
_KEEP_LAST_ATTEMPT = """
    INSERT INTO webhook_past_attempts
        (delivery_id, attempt, attempted_at, duration_ms, response_code, response_body, error)
    SELECT id, attempts, last_attempt_at, last_duration_ms, response_code, response_body, last_error
    FROM (SELECT * FROM webhook_logs WHERE {} AND last_duration_ms IS NOT NULL ORDER BY id FOR UPDATE) last"""

_IN_ITS_TURN = "status = 'pending' AND (id, next_retry_at) IN (SELECT * FROM unnest($1::uuid[], $2::timestamptz[]))"


async def record(connection: Connection, attempts: list[Attempt]) -> set[str]:
    """Record attempts, each only if its delivery still waits in the same turn; returns the ids that did."""
    repeated = [a for a in attempts if a.number > 1]
    if not repeated:
        return await _write(connection, attempts)
    async with connection.transaction():
        await connection.execute(
            _KEEP_LAST_ATTEMPT.format(f"id = ANY($1::uuid[]) AND {guarded(_IN_ITS_TURN)}"),
            [a.delivery_id for a in repeated],
            [a.due_at for a in repeated],
        )
        return await _write(connection, attempts)


async def _write(connection: Connection, attempts: list[Attempt]) -> set[str]:
    rows = await connection.fetch(
        f"""UPDATE webhook_logs d SET attempts = coalesce(d.attempts, 0) + 1, last_attempt_at = made.at,
               next_retry_at = made.retry_at, response_code = made.code, response_body = made.body,
               last_duration_ms = made.duration_ms, last_error = made.error,
               status = CASE WHEN made.ok THEN 'success' WHEN made.retry_at IS NULL THEN 'failed' ELSE 'pending' END
           FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::int[], $5::bool[], $6::int[],
                       $7::text[], $8::text[], $9::timestamptz[])
               AS made (id, due, at, duration_ms, ok, code, body, error, retry_at)
           WHERE d.id = made.id AND {guarded("d.status = 'pending' AND d.next_retry_at = made.due")}
           RETURNING d.id::text""",
        [a.delivery_id for a in attempts],
        [a.due_at for a in attempts],
        [a.attempted_at for a in attempts],
        [a.duration_ms for a in attempts],
        [a.succeeded for a in attempts],
        [a.response_code for a in attempts],
        [a.response_body for a in attempts],
        [a.error for a in attempts],
        [a.retry_at for a in attempts],
    )
    return {row[0] for row in rows}


async def retry(tx: Connection, merchant_id: str, delivery_id: str, now: datetime) -> Any | None:
    """Start a merchant's delivery afresh, due at `now`; its (id, payment_id, sequence), or None for an unknown one."""
    await tx.execute(_KEEP_LAST_ATTEMPT.format("id = $1::uuid AND merchant_id = $2::uuid"), delivery_id, merchant_id)
    return await tx.fetchrow(
        """UPDATE webhook_logs SET status = 'pending', attempts = 0, next_retry_at = $3,
               last_duration_ms = NULL, last_error = NULL
           WHERE id = $1::uuid AND merchant_id = $2::uuid RETURNING id::text, payment_id, sequence""",
        delivery_id,
        merchant_id,
        now,
    )


async def find(database: Database, merchant_id: str, delivery_id: str) -> Any | None:
    """One of a merchant's deliveries with its payload and last answer."""
    return await database.fetchrow(
        """SELECT id::text, event, status, coalesce(attempts, 0) AS attempts, created_at, last_attempt_at,
                  next_retry_at, response_code, response_body, payment_id, sequence, payload::text
           FROM webhook_logs WHERE id = $1::uuid AND merchant_id = $2::uuid""",
        delivery_id,
        merchant_id,
    )


async def attempts_of(database: Database, delivery_id: str) -> list[Any]:
    """(attempt, attempted_at, duration_ms, response_code, response_body, error), oldest first."""
    return await database.fetch(
        """SELECT attempt, attempted_at, duration_ms, response_code, response_body, error
           FROM webhook_attempts WHERE delivery_id = $1::uuid ORDER BY attempted_at""",
        delivery_id,
    )


def with_status(where: Filter, status: str | None) -> None:
    """Narrow a merchant's deliveries to those with a status; None leaves them as they are."""
    if status == "success":
        # Nearly all: they are met on the way from the newest on, not looked up among everybody's.
        where.add(guarded("status = ?"), status)
    else:
        # In the words of the index that holds these.
        where.add("status = ? AND status <> 'success'", status)


_LISTED = (
    "id::text, event, status, coalesce(attempts, 0), created_at, last_attempt_at, response_code, payment_id, sequence"
)


async def listed(database: Database, where: Filter, limit: int, after: str | None, offset: int) -> Page[Any]:
    """A merchant's deliveries, newest first, from behind `after` or from the `offset`-th on."""
    if after is not None or not offset:
        return await page(database, "webhook_logs", _LISTED, where, limit, after, tuple)
    # The offset is counted along the index alone; only the rows shown are read.
    condition = " AND ".join(where.clauses)
    found = await database.fetch(
        f"""SELECT {_LISTED} FROM webhook_logs WHERE id = ANY(ARRAY(
                SELECT id FROM webhook_logs WHERE {condition}
                ORDER BY created_at DESC, id DESC OFFSET {offset:d} LIMIT {limit + 1:d}))
            ORDER BY created_at DESC, webhook_logs.id DESC""",
        *where.args,
    )
    return cut(found, limit, tuple)


async def open_since(database: Database, before: datetime, after: tuple[datetime, str], limit: int) -> list[Any]:
    """(id, due_at, merchant_id, payment_id, sequence) of deliveries due before `before`, from behind `after`."""
    return await database.fetch(
        """SELECT id::text, next_retry_at, merchant_id::text, payment_id, sequence FROM webhook_logs
           WHERE status = 'pending' AND next_retry_at < $1 AND (next_retry_at, id) > ($2, $3::uuid)
           ORDER BY next_retry_at, webhook_logs.id LIMIT $4""",
        before,
        *after,
        limit,
    )


async def count(database: Database, where: Filter, most: int) -> int:
    """How many of a merchant's deliveries match a filter; no more than `most` are looked for."""
    matching = f"SELECT FROM webhook_logs WHERE {' AND '.join(where.clauses)} LIMIT {most:d}"
    row = await database.fetchrow(f"SELECT count(*) FROM ({matching}) AS matching", *where.args)
    return int(row[0]) if row else 0
