"""Merchants' own accounts at providers, encrypted."""

from kassa.store.database import Database


async def set_credentials(
    database: Database, merchant_id: str, provider: str, live: bool, encrypted: bytes | None
) -> None:
    """Keep, replace or (None) forget a merchant's account."""
    if encrypted is None:
        await database.fetch(
            "DELETE FROM provider_credentials WHERE merchant_id = $1::uuid AND provider = $2 AND live = $3",
            merchant_id,
            provider,
            live,
        )
        return
    await database.fetch(
        """INSERT INTO provider_credentials (merchant_id, provider, live, encrypted) VALUES ($1::uuid, $2, $3, $4)
           ON CONFLICT (merchant_id, provider, live)
           DO UPDATE SET encrypted = excluded.encrypted, updated_at = now()""",
        merchant_id,
        provider,
        live,
        encrypted,
    )


async def find_credentials(database: Database, merchant_id: str, provider: str, live: bool) -> bytes | None:
    """A merchant's own account, or None."""
    row = await database.fetchrow(
        "SELECT encrypted FROM provider_credentials WHERE merchant_id = $1::uuid AND provider = $2 AND live = $3",
        merchant_id,
        provider,
        live,
    )
    return bytes(row[0]) if row else None


async def kept_at(database: Database, merchant_id: str) -> set[tuple[str, bool]]:
    """The accounts that a merchant has of its own: at which provider, and whether it is a live one."""
    rows = await database.fetch(
        "SELECT provider, live FROM provider_credentials WHERE merchant_id = $1::uuid", merchant_id
    )
    return {(row[0], row[1]) for row in rows}


async def owners(database: Database, provider: str, live: bool) -> list[str]:
    """The ids of the merchants who have an account of their own."""
    rows = await database.fetch(
        "SELECT merchant_id::text FROM provider_credentials WHERE provider = $1 AND live = $2 ORDER BY 1",
        provider,
        live,
    )
    return [row[0] for row in rows]
