"""Merchants and their webhook configuration."""

from datetime import datetime

from msgspec import UNSET, UnsetType

from kassa.domain.payment import Merchant
from kassa.store.database import Database

MERCHANT_COLUMNS = (
    "id::text, name, email, api_key, api_secret, coalesce(is_active, true), created_at,"
    " webhook_url, webhook_secret, webhook_secret_previous, webhook_secret_previous_until,"
    " allowed_origins, password_hash, provider"
)


async def one(database: Database, statement: str, *args: object) -> Merchant | None:
    """The merchant in the first row of a statement that gives MERCHANT_COLUMNS; None when it gives no row."""
    row = await database.fetchrow(statement, *args)
    return Merchant(*row) if row else None


async def _set(database: Database, merchant_id: str, changes: str, *values: object) -> Merchant | None:
    """Change a merchant, by what comes after SET, where `values` begin with $2."""
    return await one(
        database,
        f"UPDATE merchants SET {changes}, updated_at = now() WHERE id = $1::uuid RETURNING {MERCHANT_COLUMNS}",
        merchant_id,
        *values,
    )


async def by_api_key(database: Database, api_key: str) -> Merchant | None:
    """The merchant that owns the key, active or not."""
    return await one(database, f"SELECT {MERCHANT_COLUMNS} FROM merchants WHERE api_key = $1", api_key)


async def by_email(database: Database, email: str) -> Merchant | None:
    """The merchant with this e-mail address."""
    return await one(database, f"SELECT {MERCHANT_COLUMNS} FROM merchants WHERE email = $1", email)


async def by_id(database: Database, merchant_id: str) -> Merchant | None:
    """The merchant with this id."""
    return await one(database, f"SELECT {MERCHANT_COLUMNS} FROM merchants WHERE id = $1::uuid", merchant_id)


async def all_merchants(database: Database) -> list[Merchant]:
    """Every merchant, oldest first."""
    return [
        Merchant(*row) for row in await database.fetch(f"SELECT {MERCHANT_COLUMNS} FROM merchants ORDER BY created_at")
    ]


async def insert(
    database: Database,
    *,
    name: str,
    email: str,
    api_key: str,
    api_secret: str,
    webhook_secret: str,
    webhook_url: str | None = None,
    password_hash: str | None = None,
    merchant_id: str | None = None,
) -> Merchant | None:
    """Add a merchant; None when the e-mail address is taken."""
    return await one(
        database,
        f"""INSERT INTO merchants (id, name, email, api_key, api_secret, webhook_secret, webhook_url, password_hash)
            VALUES (coalesce($1::uuid, gen_random_uuid()), $2, $3, $4, $5, $6, $7, $8)
            ON CONFLICT (email) DO NOTHING RETURNING {MERCHANT_COLUMNS}""",
        merchant_id,
        name,
        email,
        api_key,
        api_secret,
        webhook_secret,
        webhook_url,
        password_hash,
    )


async def set_api_keys(database: Database, email: str, api_key: str, api_secret: str) -> Merchant | None:
    """Replace the credentials of the merchant with this e-mail address; every process drops the old ones at once."""
    return await one(
        database,
        f"""UPDATE merchants SET api_key = $2, api_secret = $3, updated_at = now()
            WHERE email = $1 RETURNING {MERCHANT_COLUMNS}""",
        email,
        api_key,
        api_secret,
    )


async def set_webhook_url(database: Database, merchant_id: str, url: str | None) -> Merchant | None:
    """Set where webhooks go, or None for nowhere."""
    return await _set(database, merchant_id, "webhook_url = $2", url)


async def rotate_webhook_secret(
    database: Database, merchant_id: str, secret: str, previous_until: datetime | None
) -> Merchant | None:
    """Set a new webhook secret; the one before signs too until `previous_until`."""
    return await _set(
        database,
        merchant_id,
        """webhook_secret = $2,
           webhook_secret_previous = CASE WHEN $3::timestamptz IS NOT NULL THEN webhook_secret END,
           webhook_secret_previous_until = $3""",
        secret,
        previous_until,
    )


async def update_profile(
    database: Database,
    merchant_id: str,
    name: str | None,
    allowed_origins: list[str] | None,
    provider: str | UnsetType | None = UNSET,
) -> Merchant | None:
    """Change what is given of a merchant's profile: of the provider None, too, which leaves it to the gateway."""
    return await _set(
        database,
        merchant_id,
        """name = coalesce($2, name), allowed_origins = coalesce($3::text[], allowed_origins),
           provider = CASE WHEN $4 THEN $5 ELSE provider END""",
        name,
        allowed_origins,
        provider is not UNSET,
        None if provider is UNSET else provider,
    )


async def set_password_hash(database: Database, merchant_id: str, password_hash: str) -> None:
    """Replace a merchant's password."""
    await _set(database, merchant_id, "password_hash = $2", password_hash)
