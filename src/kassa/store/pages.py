"""Keyset pages: newest first, filtered, and as fast on page one million as on the first."""

from datetime import datetime
from typing import Any

from kassa.store.database import Database


class Filter:
    """The WHERE clause of a merchant's list, built from what was asked."""

    def __init__(self, merchant_id: str) -> None:
        self.args: list[object] = [merchant_id]
        self.clauses = ["merchant_id = $1::uuid"]

    def add(self, clause: str, value: object | None) -> None:
        """Add `clause`, in which `?` stands for `value`; nothing when the value is None."""
        if value is not None:
            self.args.append(value)
            self.clauses.append(clause.replace("?", f"${len(self.args)}"))

    def between(self, column: str, low: datetime | int | None, high: datetime | int | None) -> None:
        """`low <= column < high` for times, `low <= column <= high` for amounts; either bound may be None."""
        self.add(f"{column} >= ?", low)
        self.add(f"{column} {'<' if isinstance(high, datetime) else '<='} ?", high)


async def page(database: Database, table: str, columns: str, where: Filter, limit: int, after: str | None) -> list[Any]:
    """Up to `limit` rows of `table` that match, newest first; with `after`, those older than the row with that id.

    An `after` that is not one of the merchant's own ids gives no rows.
    """
    if after is not None:
        where.add(
            f"(created_at, id) < (SELECT created_at, id FROM {table} WHERE id = ? AND merchant_id = $1::uuid)",
            after,
        )
    sql = f"SELECT {columns} FROM {table} WHERE {' AND '.join(where.clauses)} ORDER BY created_at DESC, id DESC"
    return await database.fetch(f"{sql} LIMIT {limit:d}", *where.args)
