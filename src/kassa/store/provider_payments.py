"""What is kept of payments at real providers: their sessions, and how they are looked after while they stay open."""

from datetime import datetime
from typing import Any

import msgspec

from kassa.domain.payment import Payment
from kassa.store.database import Connection, Database, guarded
from kassa.store.payments import IS_OPEN, IS_UNCAPTURED, P_COLUMNS, payment_of


class CheckoutSession(msgspec.Struct, frozen=True, kw_only=True):
    """A hosted session; `provider_ref` and `url` are None until it is open at its provider.

    `own_account` says that it was opened through the merchant's own account, not the gateway's; `by_payer`, that the
    payer's page asked for it, not the merchant.
    """

    id: str
    payment_id: str
    order_id: str
    merchant_id: str
    provider: str
    live: bool
    success_url: str
    cancel_url: str
    created_at: datetime
    expires_at: datetime
    provider_ref: str | None = None
    url: str | None = None
    customer_email: str | None = None
    line_items: str = "[]"
    manual_capture: bool = False
    own_account: bool = False
    by_payer: bool = False


# The columns are named as the fields are, and stand in their order.
_FIELDS = CheckoutSession.__struct_fields__
_COLUMNS = ", ".join(f"{name}::text" if name in ("merchant_id", "line_items") else name for name in _FIELDS)


def _session(row: Any) -> CheckoutSession:
    return CheckoutSession(**dict(zip(_FIELDS, row, strict=True)))


async def insert_session(tx: Connection, session: CheckoutSession) -> None:
    """Add a session that is not open at its provider yet."""
    await tx.execute(
        """INSERT INTO checkout_sessions
               (id, payment_id, order_id, merchant_id, provider, live, success_url, cancel_url, created_at,
                expires_at, customer_email, line_items, manual_capture, own_account, by_payer)
           VALUES ($1, $2, $3, $4::uuid, $5, $6, $7, $8, $9, $10, $11, $12::json, $13, $14, $15)
           ON CONFLICT (id) DO NOTHING""",
        session.id,
        session.payment_id,
        session.order_id,
        session.merchant_id,
        session.provider,
        session.live,
        session.success_url,
        session.cancel_url,
        session.created_at,
        session.expires_at,
        session.customer_email,
        session.line_items,
        session.manual_capture,
        session.own_account,
        session.by_payer,
    )


async def find_session(database: Database, session_id: str) -> CheckoutSession | None:
    """The session with this id."""
    row = await database.fetchrow(f"SELECT {_COLUMNS} FROM checkout_sessions WHERE id = $1", session_id)
    return _session(row) if row else None


async def open_for_payers(
    tx: Connection, like: CheckoutSession, ends_after: datetime, order_ends_at: datetime | None, begun_after: datetime
) -> list[CheckoutSession]:
    """The open sessions that payers have asked for: of the order, provider and account of `like`, oldest first.

    Without those that end before `ends_after`, unless the order itself ends then, and those that were begun before
    `begun_after` and never opened.
    """
    rows = await tx.fetch(
        f"""SELECT {_COLUMNS} FROM checkout_sessions
            WHERE by_payer AND provider = $2 AND live = $3 AND own_account = $4
                AND payment_id IN (SELECT id FROM payments
                    WHERE order_id = $1 AND {guarded(IS_OPEN)})
                AND (expires_at > $5 OR expires_at >= $6) AND (url IS NOT NULL OR created_at > $7)
            ORDER BY created_at, id""",
        like.order_id,
        like.provider,
        like.live,
        like.own_account,
        ends_after,
        order_ends_at,
        begun_after,
    )
    return list(map(_session, rows))


async def payment_id_of(database: Database, provider: str, provider_ref: str) -> str | None:
    """The payment that the provider knows by this name."""
    row = await database.fetchrow(
        "SELECT payment_id FROM checkout_sessions WHERE provider = $1 AND provider_ref = $2", provider, provider_ref
    )
    return row[0] if row else None


async def note_open(tx: Connection, session_id: str, provider_ref: str, url: str) -> None:
    """Note that a session is open at its provider."""
    await tx.execute(
        "UPDATE checkout_sessions SET provider_ref = $2, url = $3 WHERE id = $1", session_id, provider_ref, url
    )


async def of_charge(database: Database, provider: str, charge_ref: str) -> Payment | None:
    """The payment whose money the provider knows by this name."""
    row = await database.fetchrow(
        f"""SELECT {P_COLUMNS} FROM payments p WHERE charge_ref = $2 AND {guarded("provider = $1")}
            ORDER BY status = 'success' DESC LIMIT 1""",
        provider,
        charge_ref,
    )
    return payment_of(row) if row else None


async def note_look(
    database: Database, payment_id: str, answer: str, now: datetime, due_at: datetime, charge_ref: str | None
) -> None:
    """Note what the provider said of an open payment, and when it is asked next."""
    await database.fetch(
        f"""UPDATE payments SET looks = looks + 1, looked_at = $3, last_answer = $2, due_at = $4,
               charge_ref = coalesce($5, charge_ref)
           WHERE id = $1 AND {guarded(IS_OPEN)}""",
        payment_id,
        answer[:500],
        now,
        due_at,
        charge_ref,
    )


async def note_charge(database: Database, payment_id: str, charge_ref: str) -> None:
    """Note by what name the provider knows the money that is on its way for an open payment."""
    await database.fetch(
        f"UPDATE payments SET charge_ref = $2 WHERE id = $1 AND {guarded(IS_OPEN)}", payment_id, charge_ref
    )


async def note_return(
    database: Database, payment_id: str, answer: str, now: datetime, due_at: datetime, *, done: bool
) -> None:
    """Note what the provider said of money that is to go back: that it did, or when to try again."""
    await database.fetch(
        """UPDATE payments SET last_answer = $2, looked_at = $3::timestamptz, return_due_at = $4,
               returned_at = CASE WHEN $5::bool THEN $3::timestamptz END
           WHERE id = $1 AND returned_at IS NULL""",
        payment_id,
        answer[:500],
        now,
        due_at,
        done,
    )


async def note_held(database: Database, payment_id: str, answer: str, now: datetime, due_at: datetime | None) -> None:
    """Note what the provider said of held money, and when it is asked next, None for never."""
    await database.fetch(
        f"""UPDATE payments SET looks = looks + 1, looked_at = $3, last_answer = $2, held_due_at = $4
            WHERE id = $1 AND {guarded(IS_UNCAPTURED)}""",
        payment_id,
        answer[:500],
        now,
        due_at,
    )


async def due_since(database: Database, before: datetime, after: tuple[datetime, str], limit: int) -> list[Any]:
    """(id, due_at) of what is to be asked of providers before `before`, in that order, from behind `after`."""
    return await database.fetch(
        f"""SELECT id, due FROM (
               (SELECT id, due_at AS due FROM payments WHERE {IS_OPEN}
                   AND provider <> 'simulator' AND due_at < $1 AND (due_at, id) > ($2, $3)
                ORDER BY due_at, id LIMIT $4)
               UNION ALL
               (SELECT id, return_due_at FROM payments WHERE return_due_at IS NOT NULL AND returned_at IS NULL
                   AND return_due_at < $1 AND (return_due_at, id) > ($2, $3)
                ORDER BY return_due_at, id LIMIT $4)
               UNION ALL
               (SELECT id, held_due_at FROM payments WHERE held_due_at < $1 AND (held_due_at, id) > ($2, $3)
                ORDER BY held_due_at, id LIMIT $4)
           ) t ORDER BY due, id LIMIT $4""",
        before,
        *after,
        limit,
    )


async def open_beside(database: Database, order_id: str, payment_id: str) -> list[str]:
    """The ids of an order's payments at providers that are open, beside this one."""
    rows = await database.fetch(
        f"""SELECT id FROM payments WHERE order_id = $1 AND id <> $2 AND provider <> 'simulator'
               AND {guarded(IS_OPEN)}""",
        order_id,
        payment_id,
    )
    return [row[0] for row in rows]


async def succeeded_between(database: Database, provider: str, first: datetime, last: datetime) -> list[Payment]:
    """The successful payments at a provider that were created from `first` until before `last`."""
    rows = await database.fetch(
        f"""SELECT {P_COLUMNS} FROM payments p WHERE provider = $1 AND status = 'success'
                AND created_at >= $2 AND created_at < $3 ORDER BY id""",
        provider,
        first,
        last,
    )
    return [payment_of(row) for row in rows]
