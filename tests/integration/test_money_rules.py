"""The rules about money hold in the database itself, on every version of PostgreSQL, whatever code runs."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kassa.domain.payment import TRANSITIONS
from kassa.store import statistics
from kassa.store.database import Database
from kassa.store.migrate import migrate, pending
from tests.live import until
from tests.rows import NOW, add_merchant, add_order, add_payment, add_refund, new_id, recount, value

REFUSED = asyncpg.IntegrityConstraintViolationError
FINAL = sorted(status for status, targets in TRANSITIONS.items() if not targets)


async def test_migrations_run_once(database: Database) -> None:
    assert await pending(database.url) == []
    assert await migrate(database.url) == []


async def test_two_processes_migrate_an_empty_database_together(database: Database) -> None:
    name = new_id("db_")
    await database.fetch(f"CREATE DATABASE {name}")
    url = database.url.replace("/postgres?", f"/{name}?")
    assert len(await pending(url)) > 0
    first, second = await asyncio.gather(migrate(url), migrate(url))
    assert sorted(first + second) == sorted(set(first + second)), "each ran once"
    assert await pending(url) == []
    await database.fetch(f"DROP DATABASE {name}")


async def test_the_statuses_are_those_of_the_table(database: Database) -> None:
    merchant = await add_merchant(database)
    for status in TRANSITIONS:
        assert await add_payment(database, merchant, status=status)
    for unknown in ("refunded", "SUCCESS", ""):
        with pytest.raises(asyncpg.CheckViolationError):
            await add_payment(database, merchant, status=unknown)


@pytest.mark.parametrize("others", [[], ["failed"], ["pending", "processing", "created", "failed"]])
async def test_an_order_is_paid_at_most_once(database: Database, others: list[str]) -> None:
    merchant = await add_merchant(database)
    order = await add_order(database, merchant)
    for status in others:
        await add_payment(database, merchant, order, status=status)
    first = await add_payment(database, merchant, order)
    second = await add_payment(database, merchant, order)
    await database.fetch("UPDATE payments SET status = 'success' WHERE id = $1", first)
    with pytest.raises(asyncpg.UniqueViolationError):
        await database.fetch("UPDATE payments SET status = 'success' WHERE id = $1", second)
    with pytest.raises(asyncpg.UniqueViolationError):
        await add_payment(database, merchant, order, status="success")
    assert await value(database, "SELECT count(*) FROM payments WHERE order_id = $1 AND status = 'success'", order) == 1


@pytest.mark.parametrize("target", [*TRANSITIONS, None])
@pytest.mark.parametrize("source", FINAL)
async def test_a_final_payment_stays_as_it_is(database: Database, source: str, target: str | None) -> None:
    payment = await add_payment(database, await add_merchant(database), status=source)
    move = "UPDATE payments SET status = $2 WHERE id = $1"
    if source == target:
        await database.fetch(move, payment, target)
    else:
        with pytest.raises(asyncpg.CheckViolationError):
            await database.fetch(move, payment, target)
    assert await value(database, "SELECT status FROM payments WHERE id = $1", payment) == source


@pytest.mark.parametrize(("source", "target"), [(s, t) for s, targets in TRANSITIONS.items() for t in sorted(targets)])
async def test_an_open_one_may_move_along_the_table(database: Database, source: str, target: str) -> None:
    payment = await add_payment(database, await add_merchant(database), status=source)
    await database.fetch("UPDATE payments SET status = $2 WHERE id = $1", payment, target)
    assert await value(database, "SELECT status FROM payments WHERE id = $1", payment) == target


@pytest.mark.parametrize("status", TRANSITIONS)
async def test_only_a_successful_payment_is_captured(database: Database, status: str) -> None:
    merchant = await add_merchant(database)
    capture = "UPDATE payments SET captured = true WHERE id = $1 RETURNING captured"
    payment = await add_payment(database, merchant, status=status)
    if status == "success":
        assert await value(database, capture, payment) is True
    else:
        with pytest.raises(asyncpg.CheckViolationError):
            await database.fetch(capture, payment)


ORDER = "(SELECT order_id FROM payments WHERE id = $1)"
CHANGES = {
    "the payment's amount": "UPDATE payments SET amount = amount - 1 WHERE id = $1",
    "its capture": "UPDATE payments SET captured = false WHERE id = $1",
    "its capture to nothing": "UPDATE payments SET captured = NULL WHERE id = $1",
    "what was refunded, below nothing": "UPDATE payments SET refunded_amount = -1 WHERE id = $1",
    "what was refunded, above the amount": "UPDATE payments SET refunded_amount = amount + 1 WHERE id = $1",
    "the order's amount": f"UPDATE orders SET amount = 100 WHERE id = {ORDER}",
    "the paid order": f"UPDATE orders SET status = 'created' WHERE id = {ORDER}",
    "the paid order to nothing": f"UPDATE orders SET status = NULL WHERE id = {ORDER}",
    "the refund's amount": "UPDATE refunds SET amount = 1 WHERE payment_id = $1",
    "the refund's payment": "UPDATE refunds SET payment_id = (SELECT id FROM payments WHERE id <> $1 LIMIT 1)"
    " WHERE payment_id = $1",
    "the processed refund": "UPDATE refunds SET status = 'pending', processed_at = NULL WHERE payment_id = $1",
    "the processed refund to nothing": "UPDATE refunds SET status = NULL WHERE payment_id = $1",
    "only the time of processing": "UPDATE refunds SET processed_at = NULL WHERE payment_id = $1",
}


@pytest.mark.parametrize("change", CHANGES)
async def test_what_was_agreed_and_done_cannot_be_changed(database: Database, change: str) -> None:
    merchant = await add_merchant(database)
    await add_payment(database, merchant, status="success")
    order = await add_order(database, merchant, status="paid")
    payment = await add_payment(database, merchant, order, status="success", captured=True)
    refund = await add_refund(database, payment, merchant, 20_000)
    await database.fetch("UPDATE refunds SET status = 'processed', processed_at = now() WHERE id = $1", refund)
    state = (
        "SELECT p::text || o::text || r::text FROM payments p JOIN orders o ON o.id = order_id JOIN refunds r"
        " ON payment_id = p.id WHERE p.id = $1"
    )
    before = await value(database, state, payment)
    with pytest.raises(asyncpg.CheckViolationError):
        await database.fetch(CHANGES[change], payment)
    assert before
    assert await value(database, state, payment) == before


@pytest.mark.parametrize("status", [status for status in TRANSITIONS if status != "success"])
async def test_only_a_successful_payment_is_refunded(database: Database, status: str) -> None:
    merchant = await add_merchant(database)
    payment = await add_payment(database, merchant, status=status)
    with pytest.raises(asyncpg.CheckViolationError):
        await add_refund(database, payment, merchant, 1)
    assert await value(database, "SELECT count(*) FROM refunds WHERE payment_id = $1", payment) == 0


async def test_a_payment_that_is_not_there_is_not_refunded(database: Database) -> None:
    with pytest.raises(REFUSED):
        await add_refund(database, new_id("pay_"), await add_merchant(database), 1)


@settings(max_examples=25)
@given(st.integers(1, 100), st.lists(st.integers(-1, 60), max_size=8))
async def test_refunds_never_exceed_the_amount(database: Database, amount: int, asked: list[int]) -> None:
    merchant = await add_merchant(database)
    payment = await add_payment(database, merchant, status="success", amount=amount)
    refunded = 0
    for part in asked:
        if 0 < part <= amount - refunded:
            await add_refund(database, payment, merchant, part)
            refunded += part
        else:
            with pytest.raises(asyncpg.CheckViolationError):
                await add_refund(database, payment, merchant, part)
    sums = "SELECT refunded_amount FROM payments WHERE id = $1"
    assert await value(database, sums, payment) == refunded
    recount = "SELECT coalesce(sum(amount), 0)::int FROM refunds WHERE payment_id = $1"
    assert await value(database, recount, payment) == refunded


async def test_however_many_refunds_race(database: Database) -> None:
    merchant = await add_merchant(database)
    payment = await add_payment(database, merchant, status="success", amount=100)
    raced = await asyncio.gather(
        *(add_refund(database, payment, merchant, 30) for _ in range(8)), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in raced) == ["CheckViolationError"] * 5 + ["str"] * 3
    assert await value(database, "SELECT refunded_amount FROM payments WHERE id = $1", payment) == 90


@pytest.mark.parametrize("amount", [99, 0, -1])
async def test_an_order_has_the_least_amount(database: Database, amount: int) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await add_order(database, await add_merchant(database), amount)


INSERT_MANY = """
    INSERT INTO payments (id, order_id, merchant_id, amount, method, status, created_at, currency)
    SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[], $4::int[], $5::text[], $6::text[], $7::timestamptz[],
                         $8::text[])"""

# A payment: whose it is, its amount, its first status, how many hours after an evening's last moment it was made, and
# in which currency.
drafts = st.tuples(
    st.integers(0, 1), st.integers(1, 999), st.sampled_from(sorted(TRANSITIONS)), st.integers(-30, 30),
    st.sampled_from(["INR", "JPY", "KWD"]),
)  # fmt: skip
# A later statement: which share of the payments it touches, and what it makes of those that are still open.
moves = st.tuples(st.integers(1, 4), st.sampled_from(["success", "failed", "processing", "pending", "nothing"]))


@settings(max_examples=50)
@given(
    st.lists(st.lists(drafts, min_size=1, max_size=6), min_size=1, max_size=3),
    st.lists(moves, max_size=5),
    st.booleans(),
)
async def test_statistics_say_what_a_recount_says(
    database: Database,
    inserts: list[list[tuple[int, int, str, int, str]]],
    changes: list[tuple[int, str]],
    rolled: bool,
) -> None:
    merchants = [await add_merchant(database), await add_merchant(database)]
    evening = datetime(2024, 1, 15, 23, 59, 59, 999_999, tzinfo=UTC)
    for rows in inserts:
        orders = [await add_order(database, merchants[who]) for who, *_ in rows]
        columns = [
            [new_id("pay_"), order, merchants[who], amount, "upi", status, evening + timedelta(hours=hours), currency]
            for order, (who, amount, status, hours, currency) in zip(orders, rows, strict=True)
        ]
        await database.fetch(INSERT_MANY, *map(list, zip(*columns, strict=True)))
    for share, target in changes:
        await database.fetch(
            """UPDATE payments SET status = CASE $3 WHEN 'nothing' THEN status ELSE $3 END, updated_at = now()
               WHERE merchant_id = ANY($1::uuid[]) AND status NOT IN ('success', 'failed') AND amount % 4 < $2""",
            merchants,
            share,
            target,
        )
    if rolled:
        async with database.connection() as connection:
            undone = connection.transaction()
            await undone.start()
            await connection.execute("UPDATE payments SET status = 'failed' WHERE status = 'pending'")
            await undone.rollback()
    for merchant in merchants:
        successes = "SELECT id FROM payments WHERE merchant_id = $1::uuid AND status = 'success' AND amount % 2 = 0"
        for row in await database.fetch(successes, merchant):
            await add_refund(database, row[0], merchant, 1)
        await database.fetch(
            "UPDATE refunds SET status = 'processed', processed_at = now() WHERE merchant_id = $1::uuid", merchant
        )
        counted = [tuple(row) for row in await statistics.by_day(database, merchant, None, None)]
        assert counted == await recount(database, merchant)
        some = await statistics.by_day(database, merchant, evening.date(), evening.date())
        assert [tuple(row) for row in some] == [row for row in counted if row[0] == evening.date()]


async def test_a_refund_that_fails_after_all_is_free_again_until_it_arrives_after_all(database: Database) -> None:
    merchant = await add_merchant(database)
    payment = await add_payment(database, merchant, status="success", amount=50_000)
    bounced, arrived = [await add_refund(database, payment, merchant, amount) for amount in (20_000, 10_000)]
    done = "UPDATE refunds SET status = 'processed', processed_at = now() WHERE payment_id = $1"
    await database.fetch(done, payment)

    await database.fetch("UPDATE refunds SET status = 'failed' WHERE id = $1", bounced)

    assert await value(database, "SELECT refunded_amount FROM payments WHERE id = $1", payment) == 10_000
    assert await value(database, "SELECT processed_at IS NOT NULL FROM refunds WHERE id = $1", bounced)
    counted = [tuple(row) for row in await statistics.by_day(database, merchant, None, None)]
    assert counted == await recount(database, merchant)
    assert sum(row[-1] for row in counted) == 10_000
    for change in ("status = 'pending'", "status = 'pending', processed_at = NULL", "processed_at = NULL"):
        with pytest.raises(asyncpg.CheckViolationError):
            await database.fetch(f"UPDATE refunds SET {change} WHERE id = $1", bounced)
    with pytest.raises(asyncpg.CheckViolationError):
        await add_refund(database, payment, merchant, 40_001)
    await add_refund(database, payment, merchant, 20_001)
    again = "UPDATE refunds SET status = 'processed' WHERE id = $1"
    with pytest.raises(asyncpg.CheckViolationError):
        await database.fetch(again, bounced)
    await database.fetch("UPDATE refunds SET status = 'failed' WHERE amount = 20001 AND payment_id = $1", payment)

    await database.fetch(again, bounced)

    assert await value(database, "SELECT refunded_amount FROM payments WHERE id = $1", payment) == 30_000
    assert await value(database, "SELECT status FROM refunds WHERE id = $1", arrived) == "processed"
    counted = [tuple(row) for row in await statistics.by_day(database, merchant, None, None)]
    assert counted == await recount(database, merchant)
    assert sum(row[-1] for row in counted) == 30_000


async def test_what_was_let_go_is_not_refunded(database: Database) -> None:
    merchant = await add_merchant(database)
    held = await add_payment(database, merchant, status="success")
    await database.fetch("UPDATE payments SET released_at = now() WHERE id = $1", held)
    with pytest.raises(asyncpg.CheckViolationError):
        await add_refund(database, held, merchant, 1)


async def test_what_was_let_go_is_not_captured(database: Database) -> None:
    merchant = await add_merchant(database)
    held = await add_payment(database, merchant, status="success")
    await database.fetch("UPDATE payments SET released_at = now() WHERE id = $1", held)
    with pytest.raises(asyncpg.CheckViolationError):
        await database.fetch("UPDATE payments SET captured = true WHERE id = $1", held)


async def test_deliveries_are_counted_too(database: Database) -> None:
    merchant = await add_merchant(database)
    for count in (1, 3):
        await database.fetch(
            "INSERT INTO webhook_logs (merchant_id, event, payload) SELECT $1::uuid, 'payment.created', '{}'"
            " FROM generate_series(1, $2)",
            merchant,
            count,
        )
    await database.fetch("UPDATE webhook_logs SET status = 'success' WHERE merchant_id = $1::uuid", merchant)
    assert await statistics.deliveries(database, merchant) == 4


@pytest.mark.parametrize("change", ["UPDATE merchants SET name = 'B' WHERE id = $1::uuid",
                                    "DELETE FROM merchants WHERE id = $1::uuid"])  # fmt: skip
async def test_every_process_is_told_of_a_changed_merchant(database: Database, change: str) -> None:
    merchant = await add_merchant(database)
    notices: list[Any] = []
    listening = asyncio.create_task(database.listen("merchants", lambda: notices.append(NOW)))

    async def told() -> bool:
        return bool(notices)

    await until(told, "the first notice, of what may have been missed")
    notices.clear()
    await database.fetch(change, merchant)
    await until(told, "a notice of the change")
    notices.clear()
    await add_merchant(database)
    await until(told, "a notice of the new merchant")
    listening.cancel()
    await asyncio.wait([listening])
