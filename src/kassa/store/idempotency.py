"""Idempotency keys: claimed in the transaction of the work they stand for, together with the whole response."""

from datetime import datetime
from typing import NamedTuple

from kassa.store.database import Connection, Database

PURGED_AT_ONCE = 5_000


class Claim(NamedTuple):
    """A merchant's key, what was asked (without card data), and the response that repeats will get."""

    merchant_id: str
    key: str
    fingerprint: str
    response: str
    status: int
    created_at: datetime


class Stored(NamedTuple):
    """The response that a key stands for."""

    fingerprint: str
    response: str
    status: int


async def find(database: Database, merchant_id: str, key: str) -> Stored | None:
    """What the unexpired key stands for, or None."""
    row = await database.fetchrow(
        "SELECT fingerprint, response::text, response_status FROM idempotency_keys"
        " WHERE key = $1 AND merchant_id = $2::uuid AND expires_at > now()",
        key,
        merchant_id,
    )
    return Stored(row[0], row[1], row[2] or 201) if row else None


async def claim(tx: Connection, claims: list[Claim]) -> set[tuple[str, str]]:
    """Claim the keys inside `tx`; returns the (merchant id, key) pairs that were won, each for its first claim.

    A key that another open transaction is claiming is waited for. An expired one is taken over.
    """
    first: dict[tuple[str, str], Claim] = {}
    for one in claims:
        first.setdefault((one.merchant_id, one.key), one)
    if not first:
        return set()
    # One order for all, so that two transactions with the same keys cannot wait for each other in a ring.
    ordered = [first[pair] for pair in sorted(first)]
    rows = await tx.fetch(
        """INSERT INTO idempotency_keys AS k
               (merchant_id, key, fingerprint, response, response_status, created_at, expires_at)
           SELECT m, key, fingerprint, response::json, status, at, at + interval '24 hours'
           FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::smallint[], $6::timestamptz[])
               AS t (m, key, fingerprint, response, status, at)
           ON CONFLICT (key, merchant_id) DO UPDATE SET
               fingerprint = excluded.fingerprint, response = excluded.response,
               response_status = excluded.response_status,
               created_at = excluded.created_at, expires_at = excluded.expires_at
           WHERE k.expires_at <= now()
           RETURNING merchant_id::text, key""",
        *map(list, zip(*ordered, strict=True)),
    )
    return {(row[0], row[1]) for row in rows}


async def complete(database: Database, claim: Claim, begun: str) -> None:
    """Give a key that was claimed with the response `begun`, for work in several steps, its final response."""
    await database.fetch(
        "UPDATE idempotency_keys SET response = $3::json, response_status = $4"
        " WHERE key = $1 AND merchant_id = $2::uuid AND response::text = $5",
        claim.key,
        claim.merchant_id,
        claim.response,
        claim.status,
        begun,
    )


async def release(database: Database, merchant_id: str, key: str, begun: str) -> None:
    """Free a key that was claimed with the response `begun`, whose work came to nothing after all."""
    await database.fetch(
        "DELETE FROM idempotency_keys WHERE key = $1 AND merchant_id = $2::uuid AND response::text = $3",
        key,
        merchant_id,
        begun,
    )


async def purge(database: Database) -> int:
    """Delete up to PURGED_AT_ONCE expired keys; returns how many."""
    rows = await database.fetch(
        """DELETE FROM idempotency_keys WHERE ctid IN (
               SELECT ctid FROM idempotency_keys WHERE expires_at <= now() LIMIT $1 FOR UPDATE SKIP LOCKED
           ) RETURNING 1""",
        PURGED_AT_ONCE,
    )
    return len(rows)
