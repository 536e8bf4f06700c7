"""Orders."""

from kassa.domain.payment import Order
from kassa.store.database import Connection, Database
from kassa.store.pages import Filter, Page, page

_COLUMNS = (
    "id, merchant_id::text, amount, currency, receipt, notes::text, status, created_at, updated_at,"
    " success_url, cancel_url, expires_at"
)


async def insert(connection: Connection, orders: list[Order]) -> None:
    """Add orders; one that is there already (a repeat after a lost connection) is left as it is."""
    await connection.execute(
        """INSERT INTO orders (id, merchant_id, amount, currency, receipt, notes, created_at, updated_at, success_url,
               cancel_url, expires_at)
           SELECT id, merchant_id, amount, currency, receipt, notes::json, at, at, success_url, cancel_url, expires_at
           FROM unnest($1::text[], $2::uuid[], $3::int[], $4::text[], $5::text[], $6::text[], $7::timestamptz[],
                       $8::text[], $9::text[], $10::timestamptz[])
               AS t (id, merchant_id, amount, currency, receipt, notes, at, success_url, cancel_url, expires_at)
           ON CONFLICT (id) DO NOTHING""",
        [o.id for o in orders],
        [o.merchant_id for o in orders],
        [o.amount for o in orders],
        [o.currency for o in orders],
        [o.receipt for o in orders],
        [o.notes for o in orders],
        [o.created_at for o in orders],
        [o.success_url for o in orders],
        [o.cancel_url for o in orders],
        [o.expires_at for o in orders],
    )


async def find(database: Database, order_ids: list[str]) -> list[Order | None]:
    """The orders with these ids, in their order, None for an unknown one."""
    rows = await database.fetch(
        """SELECT o.id, o.merchant_id::text, o.amount, o.currency, o.receipt, o.notes::text, o.status,
                  o.created_at, o.updated_at, o.success_url, o.cancel_url, o.expires_at,
                  m.webhook_url IS NOT NULL, coalesce(m.is_active, true), m.name, m.allowed_origins, m.provider,
                  EXISTS (SELECT FROM provider_credentials c WHERE c.merchant_id = m.id), o.payment_link_id
           FROM orders o JOIN merchants m ON m.id = o.merchant_id WHERE o.id = ANY($1::text[])""",
        list(set(order_ids)),
    )
    found = {row[0]: Order(*row) for row in rows}
    return [found.get(order_id) for order_id in order_ids]


async def lock(tx: Connection, order_id: str) -> str:
    """The status of an order that is there; what else locks it waits until `tx` has ended, but payments may come."""
    status: str = await tx.fetchval("SELECT status FROM orders WHERE id = $1 FOR NO KEY UPDATE", order_id)
    return status


async def listed(database: Database, where: Filter, limit: int, after: str | None) -> Page[Order]:
    """A merchant's orders, newest first."""
    return await page(database, "orders", _COLUMNS, where, limit, after, lambda row: Order(*row))
