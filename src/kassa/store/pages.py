"""Keyset pages: newest first, filtered, and as fast on page one million as on the first."""

import copy
from collections.abc import Callable
from datetime import datetime
from typing import Any, Generic, NamedTuple, TypeVar

from kassa.store.database import Database

T = TypeVar("T")


class Page(NamedTuple, Generic[T]):
    """Rows of a list, and the id behind which the next page begins; None on the last one."""

    rows: list[T]
    next: str | None


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


def cut(found: list[Any], limit: int, of: Callable[[Any], T]) -> Page[T]:
    """The page of what was found, of which one row more than `limit` was asked for; `of` makes of a row what it is."""
    rows = found[:limit]
    return Page([of(row) for row in rows], rows[-1][0] if len(found) > limit else None)


async def page(
    database: Database, table: str, columns: str, where: Filter, limit: int, after: str | None, of: Callable[[Any], T]
) -> Page[T]:
    """Up to `limit` rows of `table` that match, newest first; with `after`, those older than the row with that id.

    The first of `columns` is the id. An `after` that is not one of the merchant's own ids gives no rows.
    """
    if after is not None:
        where = copy.deepcopy(where)
        where.add(
            f"(created_at, id) < (SELECT created_at, id FROM {table} WHERE id = ? AND merchant_id = $1::uuid)",
            after,
        )
    sql = f"SELECT {columns} FROM {table} WHERE {' AND '.join(where.clauses)} ORDER BY created_at DESC, id DESC"
    return cut(await database.fetch(f"{sql} LIMIT {limit + 1:d}", *where.args), limit, of)
