"""Payment links."""

from datetime import datetime
from typing import Any

import msgspec

from kassa.store.database import Connection, Database
from kassa.store.pages import Filter, Page, page


class PaymentLink(msgspec.Struct, frozen=True, kw_only=True):
    """A link that payers may pay; `times_paid` counts its orders that are, where it was asked for."""

    id: str
    merchant_id: str
    amount: int
    currency: str
    description: str
    reusable: bool
    active: bool
    expires_at: datetime | None
    success_message: str | None
    redirect_url: str | None
    created_at: datetime
    times_paid: int = 0


# The columns are named as the fields are, and stand in their order.
_FIELDS = PaymentLink.__struct_fields__
_STORED = _FIELDS[:-1]
_TIMES_PAID = "(SELECT count(*) FROM orders o WHERE o.payment_link_id = payment_links.id AND o.status = 'paid')"
_UNCOUNTED = ", ".join(f"{name}::text" if name == "merchant_id" else name for name in _STORED)
_COLUMNS = f"{_UNCOUNTED}, {_TIMES_PAID}"


def _link(row: Any) -> PaymentLink:
    return PaymentLink(**dict(zip(_FIELDS, row, strict=False)))


async def insert(database: Database, link: PaymentLink) -> None:
    """Add a link."""
    await database.fetch(
        f"""INSERT INTO payment_links ({", ".join(_STORED)})
            VALUES ($1, $2::uuid, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (id) DO NOTHING""",
        *(getattr(link, name) for name in _STORED),
    )


async def find(database: Database, link_id: str) -> PaymentLink | None:
    """The link with this id, for its merchant."""
    row = await database.fetchrow(f"SELECT {_COLUMNS} FROM payment_links WHERE id = $1", link_id)
    return _link(row) if row else None


async def find_for_payer(database: Database, link_id: str) -> PaymentLink | None:
    """The link with this id, without going through its orders: it has one for each payer who has opened it."""
    row = await database.fetchrow(f"SELECT {_UNCOUNTED} FROM payment_links WHERE id = $1", link_id)
    return _link(row) if row else None


async def order_of(database: Database, link_id: str) -> tuple[str, str] | None:
    """(id, status) of the order of a link that can be paid once; the paid one, should there be several."""
    row = await database.fetchrow(
        "SELECT id, status FROM orders WHERE payment_link_id = $1 ORDER BY status DESC, created_at DESC LIMIT 1",
        link_id,
    )
    return (row[0], row[1]) if row else None


async def attach(database: Database, link_id: str, order_id: str) -> None:
    """Say that an order belongs to a link."""
    await database.fetch("UPDATE orders SET payment_link_id = $2 WHERE id = $1", order_id, link_id)


async def deactivate(database: Database, merchant_id: str, link_id: str) -> PaymentLink | None:
    """End a merchant's link."""
    row = await database.fetchrow(
        f"UPDATE payment_links SET active = false WHERE id = $1 AND merchant_id = $2::uuid RETURNING {_COLUMNS}",
        link_id,
        merchant_id,
    )
    return _link(row) if row else None


async def ended(tx: Connection, link_ids: set[str]) -> set[str]:
    """Those of the links that are not active; the others stay so until `tx` has ended, as `deactivate` waits for it."""
    rows = await tx.fetch(
        "SELECT id, active FROM payment_links WHERE id = ANY($1::text[]) ORDER BY id FOR SHARE", sorted(link_ids)
    )
    return {row[0] for row in rows if not row[1]}


async def listed(database: Database, where: Filter, limit: int, after: str | None) -> Page[PaymentLink]:
    """A merchant's links, newest first."""
    return await page(database, "payment_links", _COLUMNS, where, limit, after, _link)
