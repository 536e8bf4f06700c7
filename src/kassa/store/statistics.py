"""Statistics from counters that the database keeps by itself: reading them never scans payments."""

from datetime import date
from typing import Any

from kassa.store.database import Database

_COUNTERS = ("payments", "succeeded", "failed", "volume", "refunded")
_SUMS = ", ".join(f"sum({name})::bigint AS {name}" for name in _COUNTERS)
_ANY = " OR ".join(f"sum({name}) <> 0" for name in _COUNTERS)


async def by_day(database: Database, merchant_id: str, first: date | None, last: date | None) -> list[Any]:
    """A merchant's sums for each day and currency that has any, in that order.

    `first` and `last` are included, None is open.
    """
    return await database.fetch(
        f"""SELECT day, currency, {_SUMS} FROM merchant_statistics WHERE merchant_id = $1::uuid
                AND day >= coalesce($2, '-infinity'::date) AND day <= coalesce($3, 'infinity'::date)
            GROUP BY day, currency HAVING {_ANY} ORDER BY day, currency""",
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
