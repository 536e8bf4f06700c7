"""Payments: inserted, settled and captured, each by a statement that cannot do it twice."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from kassa.domain import payment as rules
from kassa.domain.errors import CATALOGUE
from kassa.domain.payment import Outcome, Payment
from kassa.domain.webhook import Delivery
from kassa.store import outbox
from kassa.store.database import Connection, Database, guarded
from kassa.store.pages import Filter, Page, page

# The columns are named as the fields are, and stand in their order.
_FIELDS = Payment.__struct_fields__
_COLUMNS = ", ".join(f"{name}::text" if name == "merchant_id" else name for name in _FIELDS)
P_COLUMNS = ", ".join("p." + column for column in _COLUMNS.split(", "))

# To the letter as the partial index of what is due has it.
IS_OPEN = f"status IN {rules.OPEN}"
IS_UNCAPTURED = "status = 'success' AND NOT captured AND released_at IS NULL"


class Changed(NamedTuple):
    """A payment as a change left it, the number its event takes, and whether its merchant wants webhooks."""

    payment: Payment
    sequence: int
    wants_webhooks: bool


def payment_of(row: Any) -> Payment:
    """The payment in the first columns of a row."""
    return Payment(*row[: len(_FIELDS)])


def _insert_sql(and_tell: str = "") -> str:
    return f"""
        WITH given AS MATERIALIZED (
            SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[], $4::int[], $5::text[], $6::text[], $7::text[],
                                 $8::text[], $9::text[], $10::text[], $11::timestamptz[], $12::timestamptz[],
                                 $13::text[], $14::text[], $15::text[])
                AS t (id, order_id, merchant_id, amount, currency, method, status, vpa, network, last4, at, due,
                      ref, provider, session)
        ), added AS (
            INSERT INTO payments (id, order_id, merchant_id, amount, currency, method, status, vpa, card_network,
                card_last4, created_at, updated_at, due_at, provider_ref, provider, session_id, last_sequence)
            SELECT id, order_id, merchant_id, amount, currency, method, status, vpa, network, last4, at, at, due,
                ref, provider, session, cardinality($16::text[])
            FROM given ON CONFLICT (id) DO NOTHING
        ){and_tell}
        INSERT INTO payment_events (payment_id, sequence, event, status, cause, created_at)
        SELECT id, n, event, status, 'request', at FROM given, unnest($16::text[]) WITH ORDINALITY AS e (event, n)
        ON CONFLICT (payment_id, sequence) DO NOTHING"""


_INSERT = _insert_sql()
_INSERT_AND_TELL = _insert_sql(f", told AS ({outbox.deliveries_sql(first=17)})")


async def insert(
    connection: Connection, payments: list[Payment], first_events: tuple[str, ...], deliveries: Sequence[Delivery] = ()
) -> None:
    """Add payments together with the events that they begin with and the deliveries of these, in one statement.

    One that is there already is left as it is.
    """
    await connection.execute(
        _INSERT_AND_TELL if deliveries else _INSERT,
        [p.id for p in payments],
        [p.order_id for p in payments],
        [p.merchant_id for p in payments],
        [p.amount for p in payments],
        [p.currency for p in payments],
        [p.method for p in payments],
        [p.status for p in payments],
        [p.vpa for p in payments],
        [p.card_network for p in payments],
        [p.card_last4 for p in payments],
        [p.created_at for p in payments],
        [p.due_at for p in payments],
        [p.provider_ref for p in payments],
        [p.provider for p in payments],
        [p.session_id for p in payments],
        list(first_events),
        *(outbox.deliveries_args(deliveries) if deliveries else ()),
    )


async def find(database: Database, payment_ids: list[str]) -> list[Payment | None]:
    """The payments with these ids, in their order, None for an unknown one."""
    rows = await database.fetch(f"SELECT {_COLUMNS} FROM payments WHERE id = ANY($1::text[])", list(set(payment_ids)))
    found = {row[0]: payment_of(row) for row in rows}
    return [found.get(payment_id) for payment_id in payment_ids]


async def by_id(database: Database, payment_id: str) -> Payment | None:
    """The payment with this id."""
    return (await find(database, [payment_id]))[0]


async def successful_of(database: Database, order_id: str) -> Payment | None:
    """The payment that paid an order; None while there is none."""
    row = await database.fetchrow(
        f"""SELECT {_COLUMNS} FROM payments WHERE order_id = $1 AND {guarded("status = 'success'")}""", order_id
    )
    return payment_of(row) if row else None


# Locks are taken on payments, then on orders, each by id, everywhere: so no two transactions wait in a ring.
# What is to go back, or went back, is over: a success that is told again must not fail it again.
_LOCK_FOR_SETTLING = f"""
    WITH candidate AS MATERIALIZED (
        SELECT id, order_id, status, provider FROM payments
        WHERE id = ANY($1::text[]) AND {guarded("status <> 'success' AND return_due_at IS NULL")} ORDER BY id FOR UPDATE
    ), parent AS MATERIALIZED (
        SELECT id, status FROM orders WHERE id IN (SELECT order_id FROM candidate) ORDER BY id FOR UPDATE
    )
    SELECT c.id, c.order_id, o.status, c.status, c.provider
    FROM candidate c JOIN parent o ON o.id = c.order_id ORDER BY c.id"""

_CHANGED = f"""
    SELECT {P_COLUMNS}, p.last_sequence, m.webhook_url IS NOT NULL
    FROM moved p JOIN merchants m ON m.id = p.merchant_id"""

_SETTLE = f"""
    WITH verdict AS (
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bool[],
                             $8::bool[])
            AS t (id, status, code, description, provider_code, charge_ref, captured, returns)
    ), moved AS (
        UPDATE payments p SET status = v.status, error_code = v.code, error_description = v.description,
            provider_code = left(v.provider_code, 100), charge_ref = coalesce(v.charge_ref, p.charge_ref),
            captured = p.captured OR v.captured, succeeded_late = p.status = 'failed',
            return_due_at = CASE WHEN v.returns THEN $9::timestamptz END,
            held_due_at = CASE WHEN v.status = 'success' AND NOT v.captured AND p.provider <> 'simulator'
                               THEN $9::timestamptz + interval '1 day' END,
            last_sequence = p.last_sequence + 1, updated_at = $9
        FROM verdict v WHERE p.id = v.id AND {guarded("p.status <> 'success'")}
        RETURNING p.*
    ), paid AS (
        UPDATE orders SET status = 'paid', updated_at = $9
        WHERE id IN (SELECT order_id FROM moved WHERE status = 'success') AND {guarded("status = 'created'")}
    )
    {_CHANGED}"""


async def settle(tx: Connection, outcomes: list[Outcome], now: datetime) -> list[Changed]:
    """Move open payments to their final status, and the orders of the successful ones to `paid`.

    Returns those that moved; one that was final already is passed over, but for a late success. Of several successes
    for one order the first wins; the others fail as ORDER_ALREADY_PAID, and what was taken for them is to go back.
    """
    locked = await tx.fetch(_LOCK_FOR_SETTLING, [o.payment_id for o in outcomes])
    by_id = {o.payment_id: o for o in outcomes}
    paid_orders: set[str] = set()
    verdicts = []
    for payment_id, order_id, order_status, status, provider in locked:
        outcome = by_id[payment_id]
        target = rules.SUCCESS if outcome.succeeded else rules.FAILED
        late = outcome.late and target in rules.LATE.get(status, ())
        if target not in rules.TRANSITIONS[status] and not late:
            continue
        kept = (outcome.provider_code, outcome.charge_ref)
        if not outcome.succeeded:
            code, description = outcome.error_code, outcome.error_description
            verdicts.append((payment_id, rules.FAILED, code, description, *kept, False, False))
        elif order_status == rules.PAID or order_id in paid_orders:
            returns = provider != rules.SIMULATOR
            why = ("ORDER_ALREADY_PAID", CATALOGUE["ORDER_ALREADY_PAID"].sentence)
            verdicts.append((payment_id, rules.FAILED, *why, *kept, False, returns))
        else:
            paid_orders.add(order_id)
            verdicts.append((payment_id, rules.SUCCESS, None, None, *kept, outcome.captured, False))
    if not verdicts:
        return []
    rows = await tx.fetch(_SETTLE, *map(list, zip(*verdicts, strict=True)), now)
    return [Changed(payment_of(row), row[-2], row[-1]) for row in rows]


async def _change(tx: Connection, update: str, *args: object) -> Changed | None:
    """Take a payment's next event number, with the rest of an UPDATE as `update`; None when that meets no row."""
    moved = f"UPDATE payments SET last_sequence = last_sequence + 1{update} RETURNING *"
    row = await tx.fetchrow(f"WITH moved AS ({moved}) {_CHANGED}", *args)
    return Changed(payment_of(row), row[-2], row[-1]) if row else None


async def begin(
    tx: Connection, payment_id: str, now: datetime, provider_ref: str | None = None, due_at: datetime | None = None
) -> Changed | None:
    """Move a payment from `created` to `pending`; None when it was already. What is None stays as it is."""
    update = f""", status = 'pending', updated_at = $2, provider_ref = coalesce($3, provider_ref),
        due_at = coalesce($4, due_at) WHERE id = $1 AND {guarded("status = 'created'")}"""
    return await _change(tx, update, payment_id, now, provider_ref, due_at)


async def capture(tx: Connection, payment_id: str, now: datetime) -> Changed | None:
    """Mark a successful, uncaptured payment as captured; None when it is not one."""
    update = f", captured = true, held_due_at = NULL, updated_at = $2 WHERE id = $1 AND {guarded(IS_UNCAPTURED)}"
    return await _change(tx, update, payment_id, now)


async def release(tx: Connection, payment_id: str, now: datetime) -> Changed | None:
    """Note that what a payment held was let go, so that it can be captured no more; None when that is known."""
    update = f", released_at = $2, held_due_at = NULL, updated_at = $2 WHERE id = $1 AND {guarded(IS_UNCAPTURED)}"
    return await _change(tx, update, payment_id, now)


async def next_sequence(tx: Connection, payment_id: str) -> Changed | None:
    """Take the payment's next event number, and with it the lock on its row; None for an unknown payment."""
    return await _change(tx, " WHERE id = $1", payment_id)


async def lock(tx: Connection, payment_id: str) -> Payment | None:
    """The payment, which nobody else changes before this transaction ends."""
    row = await tx.fetchrow(f"SELECT {_COLUMNS} FROM payments WHERE id = $1 FOR UPDATE", payment_id)
    return payment_of(row) if row else None


async def open_since(database: Database, before: datetime, after: tuple[datetime, str], limit: int) -> list[Any]:
    """(id, due_at) of open payments due before `before`, in that order, from behind `after`."""
    return await database.fetch(
        f"""SELECT id, due_at FROM payments WHERE {IS_OPEN} AND due_at < $1
               AND (due_at, id) > ($2, $3) AND provider = 'simulator' ORDER BY due_at, id LIMIT $4""",
        before,
        *after,
        limit,
    )


async def listed(database: Database, where: Filter, limit: int, after: str | None) -> Page[Payment]:
    """A merchant's payments, newest first."""
    return await page(database, "payments", _COLUMNS, where, limit, after, payment_of)
