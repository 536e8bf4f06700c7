"""Fill a database with payments of the past, as many as asked for, in the shape that the gateway gives them."""

from collections.abc import Callable
from urllib.parse import urlsplit

import asyncpg

MERCHANTS = 100
CHUNK = 250_000
DAYS = 365

# Base 62 in byte order, most significant digit first: the seven digits of time that ids begin with.
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_TIME = " || ".join(f"substr('{_DIGITS}', (ms / {62**power} % 62)::int + 1, 1)" for power in range(6, -1, -1))

# $1 and $2 are the first and the last payment of the chunk, $3 how many there will be. One in twenty has failed.
_FILL = f"""
WITH moment AS MATERIALIZED (
    SELECT g, g % 20 <> 0 AS paid, m.id AS merchant_id, at, (extract(epoch FROM at) * 1000)::bigint AS ms
    FROM generate_series($1::bigint, $2::bigint) g
    CROSS JOIN LATERAL (SELECT now() - interval '{DAYS} days' * (1 - g::float8 / $3::bigint) AS at) t
    JOIN (SELECT id, row_number() OVER () - 1 AS n FROM merchants WHERE name = 'Stored') m ON m.n = g % {MERCHANTS}
), past AS MATERIALIZED (
    SELECT *, {_TIME} || substr(md5(random()::text), 1, 9) AS tail FROM moment ORDER BY g
), ordered AS (
    INSERT INTO orders (id, merchant_id, amount, receipt, status, created_at, updated_at)
    SELECT 'order_' || tail, merchant_id, 50000, 'receipt_' || g, CASE WHEN paid THEN 'paid' ELSE 'created' END, at, at
    FROM past
), recorded AS (
    INSERT INTO payment_events (payment_id, sequence, event, status, cause, created_at)
    SELECT 'pay_' || tail, n, 'payment.' || CASE WHEN n < 3 THEN event WHEN paid THEN 'success' ELSE 'failed' END,
           CASE WHEN n < 3 THEN 'pending' WHEN paid THEN 'success' ELSE 'failed' END,
           CASE WHEN n < 3 THEN 'request' ELSE 'bank' END, at
    FROM past, (VALUES (1, 'created'), (2, 'pending'), (3, '')) AS e (n, event)
)
INSERT INTO payments (id, order_id, merchant_id, amount, method, status, vpa, error_code, error_description,
                      created_at, updated_at, due_at, last_sequence)
SELECT 'pay_' || tail, 'order_' || tail, merchant_id, 50000, 'upi', CASE WHEN paid THEN 'success' ELSE 'failed' END,
       'payer@bank', CASE WHEN NOT paid THEN 'PAYMENT_FAILED' END,
       CASE WHEN NOT paid THEN 'Payment was declined by the bank' END, at, at, at, 3
FROM past"""

_COUNT = """
INSERT INTO merchant_statistics (merchant_id, day, shard, payments, succeeded, failed, volume)
SELECT merchant_id, (created_at AT TIME ZONE 'UTC')::date, 0, count(*), count(*) FILTER (WHERE status = 'success'),
       count(*) FILTER (WHERE status = 'failed'), coalesce(sum(amount) FILTER (WHERE status = 'success'), 0)
FROM payments GROUP BY 1, 2"""


async def fill(database_url: str, count: int, progress: Callable[[int], None]) -> None:
    """Add `count` settled payments of the past year, each with its order and three events, and tidy up after it.

    The indexes stay: rows in the order of their ids go in at one end of each.
    """
    # As the server's owner, to leave out the checks of foreign keys and the counters, which are filled in at the end.
    user = urlsplit(database_url).username or ""
    connection = await asyncpg.connect(database_url.replace(f"//{user}@", "//postgres@", 1), command_timeout=None)
    try:
        await connection.execute("SET session_replication_role = replica; SET synchronous_commit = off")
        await connection.execute(
            "INSERT INTO merchants (name, email, api_key, api_secret)"
            " SELECT 'Stored', g || '@stored.example', 'key_stored_' || g, 'secret' FROM generate_series(1, $1::int) g",
            MERCHANTS,
        )
        for first in range(1, count + 1, CHUNK):
            last = min(first + CHUNK - 1, count)
            await connection.execute(_FILL, first, last, count)
            progress(last)
        await connection.execute(_COUNT)
        await connection.execute("VACUUM (ANALYZE)")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()
