"""Statistics from counters that the database keeps by itself: reading them never scans payments."""

from datetime import date
from typing import Any

from kassa.store.database import Database

_SUMS = (
    "coalesce(sum(payments), 0)::bigint AS payments, coalesce(sum(succeeded), 0)::bigint AS succeeded,"
    " coalesce(sum(failed), 0)::bigint AS failed, coalesce(sum(volume), 0)::bigint AS volume,"
    " coalesce(sum(refunded), 0)::bigint AS refunded"
)


async def by_day(database: Database, merchant_id: str, first: date | None, last: date | None) -> list[Any]:
    """A merchant's sums for each day that has any, oldest first; `first` and `last` are included, None is open."""
    return await database.fetch(
        f"""SELECT day, {_SUMS} FROM merchant_statistics WHERE merchant_id = $1::uuid
                AND day >= coalesce($2, '-infinity'::date) AND day <= coalesce($3, 'infinity'::date)
            GROUP BY day ORDER BY day""",
        merchant_id,
        first,
        last,
    )


async def deliveries(database: Database, merchant_id: str) -> int:
    """How many webhook deliveries a merchant has had in all."""
    row = await database.fetchrow(
        "SELECT coalesce(sum(deliveries), 0)::bigint FROM merchant_statistics WHERE merchant_id = $1::uuid", merchant_id
    )
    return int(row[0]) if row else 0
