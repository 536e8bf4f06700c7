"""Log-ins to the dashboard."""

from kassa.domain.payment import Merchant
from kassa.store.database import Database
from kassa.store.merchants import MERCHANT_COLUMNS, one


async def insert(database: Database, token_hash: str, merchant_id: str, ttl_s: int) -> None:
    """Add a session that lives for `ttl_s` seconds."""
    await database.fetch(
        "INSERT INTO sessions (token_hash, merchant_id, expires_at)"
        " VALUES ($1, $2::uuid, now() + make_interval(secs => $3)) ON CONFLICT DO NOTHING",
        token_hash,
        merchant_id,
        ttl_s,
    )


async def merchant_in(database: Database, token_hash: str) -> Merchant | None:
    """The active merchant who is logged in with this token."""
    return await one(
        database,
        f"""SELECT {MERCHANT_COLUMNS} FROM merchants WHERE coalesce(is_active, true) AND id =
                (SELECT merchant_id FROM sessions WHERE token_hash = $1 AND expires_at > now())""",
        token_hash,
    )


async def end(database: Database, token_hash: str) -> None:
    """End one session."""
    await database.fetch("DELETE FROM sessions WHERE token_hash = $1", token_hash)


async def end_all(database: Database, merchant_id: str) -> None:
    """End every session of a merchant."""
    await database.fetch("DELETE FROM sessions WHERE merchant_id = $1::uuid", merchant_id)


async def purge(database: Database) -> None:
    """Delete the sessions that have run out."""
    await database.fetch("DELETE FROM sessions WHERE expires_at <= now()")
