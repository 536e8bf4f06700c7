"""Migrations of a database that is in use: what it holds already is made right, and nobody's writing is lost."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from datetime import timedelta
from importlib import resources

import asyncpg
import pytest

from kassa.store import provider_events, statistics
from kassa.store.database import Database
from kassa.store.migrate import migrate
from tests.live import until
from tests.rows import NOW, add_merchant, add_payment, add_refund, new_id, recount, value

BEFORE_CURRENCIES = "0004"
BETWEEN = "0005"


async def migrate_to(url: str, last: str) -> None:
    """Run the migrations up to the one with this number."""
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY, applied_at timestamptz)")
    done = {row[0] for row in await connection.fetch("SELECT name FROM migrations")}
    for file in sorted((resources.files("kassa.store") / "migrations").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".sql") and file.name[:4] <= last and file.name not in done:
            async with connection.transaction():
                await connection.execute(file.read_text(encoding="utf-8"))
                await connection.execute("INSERT INTO migrations (name) VALUES ($1)", file.name)
    await connection.close()


@pytest.fixture
async def older(database: Database) -> AsyncIterator[Database]:
    """A database as it was before its statistics told currencies apart."""
    name = new_id("db_")
    await database.fetch(f"CREATE DATABASE {name}")
    opened = Database(database.url.replace("/postgres?", f"/{name}?"))
    await migrate_to(opened.url, BEFORE_CURRENCIES)
    yield opened
    await opened.close()
    await database.fetch(f"DROP DATABASE {name}")


async def settle(database: Database, payment_id: str, status: str) -> None:
    """Move a payment."""
    await database.fetch("UPDATE payments SET status = $2 WHERE id = $1", payment_id, status)


async def give_back(database: Database, payment_id: str, merchant: str) -> str:
    """A refund of 1, still pending."""
    return await add_refund(database, payment_id, merchant, 1)


async def process(database: Database, refund_id: str) -> None:
    """See a refund through."""
    await database.fetch("UPDATE refunds SET status = 'processed', processed_at = now() WHERE id = $1", refund_id)


async def some_of_everything(database: Database, merchant: str, currencies: tuple[str, ...]) -> tuple[list[str], ...]:
    """Payments in every state and currency, with refunds; returns those open, successful and the pending refunds."""
    opened, paid, refunds = [], [], []
    for currency in currencies:
        opened += [await add_payment(database, merchant, currency=currency) for _ in range(3)]
        paid += [await add_payment(database, merchant, status="success", currency=currency) for _ in range(2)]
        await settle(database, await add_payment(database, merchant, currency=currency), "failed")
        await process(database, await give_back(database, paid[-1], merchant))
        refunds.append(await give_back(database, paid[-1], merchant))
    return opened, paid, refunds


async def counted(database: Database, merchant: str) -> list[tuple[object, ...]]:
    """What the statistics say."""
    return [tuple(row) for row in await statistics.by_day(database, merchant, None, None)]


@pytest.mark.parametrize("currencies", [("INR",), ("JPY",), ("INR", "JPY", "KWD")], ids=str)
async def test_what_was_counted_before_is_told_apart(older: Database, currencies: tuple[str, ...]) -> None:
    merchant = await add_merchant(older)
    opened, paid, refunds = await some_of_everything(older, merchant, currencies)

    await migrate_to(older.url, BETWEEN)
    # Between the two steps: what began before ends, and what is new begins.
    await settle(older, opened[0], "success")
    await settle(older, opened[-1], "failed")
    await process(older, refunds[-1])
    await give_back(older, paid[0], merchant)
    await some_of_everything(older, merchant, currencies)
    await migrate(older.url)
    await settle(older, opened[1], "success")
    await process(older, refunds[0])

    assert {row[1] for row in await counted(older, merchant)} == set(currencies)
    assert await counted(older, merchant) == await recount(older, merchant)


async def test_payments_go_on_while_it_runs_and_each_is_counted_once(older: Database) -> None:
    merchant = await add_merchant(older)
    written = itertools.count()
    stopping = asyncio.Event()

    async def write() -> None:
        while not stopping.is_set():
            payment = await add_payment(older, merchant, currency="JPY")
            async with older.transaction() as tx:
                await tx.execute("UPDATE payments SET status = 'success' WHERE id = $1", payment)
            await process(older, await give_back(older, payment, merchant))
            next(written)

    writers = [asyncio.create_task(write()) for _ in range(4)]

    async def busy() -> bool:
        return bool(await value(older, "SELECT count(*) > 100 FROM refunds WHERE status = 'processed'"))

    await until(busy, "payments go on")
    ran = await migrate(older.url)
    assert not any(writer.done() for writer in writers), "somebody's statement failed"
    stopping.set()
    await asyncio.gather(*writers)

    assert ran[:2] == ["0005_currencies.sql", "0006_currencies_of_the_past.sql"]
    assert await counted(older, merchant) == await recount(older, merchant)


async def test_it_waits_for_who_is_writing_without_holding_up_the_others(older: Database) -> None:
    merchant = await add_merchant(older)
    async with older.connection() as connection:
        undecided = connection.transaction()
        await undecided.start()
        await connection.execute("UPDATE payments SET status = status WHERE false")
        migration = asyncio.create_task(migrate(older.url))

        async def waited() -> bool:
            asked = "SELECT count(*) FROM pg_locks WHERE relation = 'payments'::regclass AND NOT granted"
            return bool(await value(older, asked))

        await until(waited, "the migration waits")
        assert await add_payment(older, merchant, currency="KWD"), "whoever comes after it"
        assert not migration.done()
        await undecided.commit()
    assert (await migration)[:2] == ["0005_currencies.sql", "0006_currencies_of_the_past.sql"]
    assert await counted(older, merchant) == await recount(older, merchant)


async def test_notifications_that_are_kept_stay_known_to_whoever_was_told_of_them(older: Database) -> None:
    merchant = await add_merchant(older)
    put = """INSERT INTO provider_events (provider, event_id, merchant_id, type, notice, payload, due_at)
             VALUES ('stripe', $1, $2::uuid, 'refund.created', '{}', '{}', $3)"""
    await older.fetch(put, "evt_gateway", None, NOW)
    await older.fetch(put, "evt_merchant", merchant, NOW)

    await migrate(older.url)

    kept = await provider_events.open_since(older, NOW + timedelta(seconds=1), (NOW - timedelta(days=1), "0"), 10)
    found = [await provider_events.find(older, int(row[0])) for row in kept]
    assert [row and row["merchant_id"] for row in found] == [None, merchant]
    assert not await provider_events.open_since(older, NOW + timedelta(seconds=1), (NOW, kept[-1][0]), 10)
    told = [
        await provider_events.keep(older, "stripe", event_id, owner, "refund.created", "{}", "{}", "pending")
        is not None
        for event_id, owner in itertools.product(("evt_gateway", "evt_merchant"), (None, merchant))
    ]
    assert told == [False, True, True, False]
