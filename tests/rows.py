"""Rows put straight into a database, for tests of what the database itself allows."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from kassa.actions.gateway import delivery_member
from kassa.store.database import Connection, Database
from tests.live import until

NOW = datetime(2024, 1, 15, 10, 30, tzinfo=UTC)


def new_id(prefix: str) -> str:
    """An id that no row has."""
    return prefix + secrets.token_hex(8)


async def add_merchant(database: Database, webhook_url: str | None = None) -> str:
    """A new merchant; returns its id."""
    row = await database.fetchrow(
        """INSERT INTO merchants (name, email, api_key, api_secret, webhook_url, webhook_secret)
           VALUES ('A shop', $1, $2, 'secret', $3, 'whsec_x') RETURNING id::text""",
        new_id("") + "@example.com",
        new_id("key_"),
        webhook_url,
    )
    return str(row[0]) if row else ""


async def add_order(database: Database, merchant_id: str, amount: int = 50_000, status: str = "created") -> str:
    """A new order; returns its id."""
    order_id = new_id("order_")
    await database.fetch(
        "INSERT INTO orders (id, merchant_id, amount, status) VALUES ($1, $2::uuid, $3, $4)",
        order_id,
        merchant_id,
        amount,
        status,
    )
    return order_id


async def add_payment(
    database: Database,
    merchant_id: str,
    order_id: str | None = None,
    *,
    status: str | None = "pending",
    amount: int = 50_000,
    captured: bool = False,
    currency: str = "INR",
) -> str:
    """A new payment, of a new order unless one is named; returns its id."""
    payment_id = new_id("pay_")
    await database.fetch(
        """INSERT INTO payments (id, order_id, merchant_id, amount, method, status, captured, vpa, created_at, currency)
           VALUES ($1, $2, $3::uuid, $4, 'upi', $5, $6, 'user@bank', $7, $8)""",
        payment_id,
        order_id or await add_order(database, merchant_id, max(amount, 100)),
        merchant_id,
        amount,
        status,
        captured,
        NOW,
        currency,
    )
    return payment_id


async def add_refund(database: Database, payment_id: str, merchant_id: str, amount: int) -> str:
    """A new refund; returns its id, raises what the database says against it."""
    refund_id = new_id("rfnd_")
    await database.fetch(
        "INSERT INTO refunds (id, payment_id, merchant_id, amount) VALUES ($1, $2, $3::uuid, $4)",
        refund_id,
        payment_id,
        merchant_id,
        amount,
    )
    return refund_id


async def add_due(database: Database, merchant: str, due_at: datetime, count: int = 1) -> str:
    """Deliveries that are due from `due_at` on, a millisecond apart, and in no queue; the first one's member."""
    rows = await database.fetch(
        """INSERT INTO webhook_logs (merchant_id, event, payload, next_retry_at)
           SELECT $1::uuid, 'payment.success', '{}', $2::timestamptz + g * interval '1 ms'
           FROM generate_series(0, $3::int - 1) g RETURNING id::text""",
        merchant,
        due_at,
        count,
    )
    return delivery_member(merchant, None, None, rows[0][0])


async def recount(database: Database, merchant_id: str) -> list[tuple[Any, ...]]:
    """What the statistics are to say of a merchant, counted anew: a row for each day and currency that has anything."""
    rows = await database.fetch(
        """SELECT day, currency, sum(payments)::bigint, sum(succeeded)::bigint, sum(failed)::bigint,
                  sum(volume)::bigint, sum(refunded)::bigint
           FROM (
               SELECT (created_at AT TIME ZONE 'UTC')::date AS day, currency, 1 AS payments,
                      (status = 'success')::int AS succeeded, (status = 'failed')::int AS failed,
                      CASE status WHEN 'success' THEN amount ELSE 0 END AS volume, 0 AS refunded
               FROM payments WHERE merchant_id = $1::uuid
               UNION ALL
               SELECT (r.processed_at AT TIME ZONE 'UTC')::date, p.currency, 0, 0, 0, 0, r.amount
               FROM refunds r JOIN payments p ON p.id = r.payment_id
               WHERE r.merchant_id = $1::uuid AND r.status = 'processed'
           ) AS each GROUP BY day, currency ORDER BY day, currency""",
        merchant_id,
    )
    return [tuple(row) for row in rows]


async def value(database: Database, sql: str, *args: object) -> Any:
    """The one value that a statement gives."""
    row = await database.fetchrow(sql, *args)
    return row[0] if row else None


@asynccontextmanager
async def racing(database: Database) -> AsyncIterator[tuple[Connection, Connection]]:
    """Two connections, each in a transaction that the test ends by itself; else it is rolled back."""
    async with database.connection() as one, database.connection() as other:
        for connection in (one, other):
            await connection.execute("begin")
        try:
            yield one, other
        finally:
            for connection in (one, other):
                if connection.is_in_transaction():
                    await connection.execute("rollback")


async def blocked(database: Database, task: "asyncio.Task[Any]", connection: Connection) -> None:
    """Return once the statement that `task` runs on `connection` waits for another transaction."""
    pid = connection.get_server_pid()

    async def waits() -> bool:
        assert not task.done(), "it did not wait"
        return bool(await value(database, "SELECT cardinality(pg_blocking_pids($1)) > 0", pid))

    await until(waits, "a wait for a lock")
