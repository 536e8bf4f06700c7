"""Lists of a merchant who has much, among others who have much: nothing is searched for in what was not asked for."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from redis.asyncio import Redis

from kassa.actions.gateway import Gateway
from kassa.actions.payment_links import order_of_link
from kassa.api import webhooks
from kassa.api.requests import WebhooksQuery
from kassa.providers.registry import Providers
from kassa.providers.simulator import Simulator
from kassa.settings import load
from kassa.store import deliveries, payment_links
from kassa.store.database import Connection, Database
from kassa.store.pages import Filter
from tests.rows import add_merchant, new_id

MANY = 5_000
# What a page of ten, and a few pages of indexes, may cost.
FEW = 200
READ = """
    SELECT sum(pg_stat_get_xact_tuples_returned(oid))::int FROM pg_class
    WHERE oid = $1::regclass OR oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = $1::regclass)"""
ADD = """
    INSERT INTO webhook_logs (merchant_id, event, payload, status, next_retry_at, created_at)
    SELECT $1::uuid, 'payment.success', '{}', $2::text, CASE $2::text WHEN 'pending' THEN now() END,
           now() + g * interval '1 ms'
    FROM generate_series(1, $3::int) g"""


class OneConnection(Database):
    """A database as one of its connections sees it, which counts the rows and the index entries that it reads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """The connection."""
        yield self._connection

    async def read(self, table: str) -> int:
        """How much of a table was read so far."""
        return int(await self._connection.fetchval(READ, table))

    async def fetched(self, table: str) -> int:
        """How many rows of a table were read so far that an index had led to."""
        rows = await self._connection.fetchval("SELECT pg_stat_get_xact_tuples_fetched($1::regclass)", table)
        return int(rows)


async def delivered(database: Database, merchant: str, **counts: int) -> None:
    """Give a merchant so many deliveries of each status."""
    for status, count in counts.items():
        await database.fetch(ADD, merchant, status, count)


@pytest.mark.parametrize("known", ["success", "pending", "failed"])
@pytest.mark.parametrize("status", ["success", "pending", "failed"])
async def test_deliveries_of_a_status_are_not_searched_for(database: Database, known: str, status: str) -> None:
    """Whatever most were when the statistics were made, whatever most of the merchant's and most of the others' are."""
    await database.fetch("DELETE FROM webhook_logs")
    for _ in range(150):  # more than PostgreSQL keeps in mind one by one
        await delivered(database, await add_merchant(database), **{known: 100})
    await database.fetch("ANALYZE webhook_logs")
    merchant, other, small = [await add_merchant(database) for _ in range(3)]
    await delivered(database, merchant, failed=1, pending=1, success=MANY)
    await delivered(database, other, pending=MANY, failed=MANY)
    await delivered(database, small, success=1, pending=1, failed=1)

    async with database.connection() as connection:
        counting = OneConnection(connection)
        for one, count in ((merchant, MANY if status == "success" else 1), (small, 1)):
            where = Filter(one)
            deliveries.with_status(where, status)
            before = await counting.read("webhook_logs")
            found = await deliveries.listed(counting, where, 10, None, 0)
            if count == 1:
                assert await deliveries.count(counting, where, 50) == 1
            assert await counting.read("webhook_logs") - before < FEW, count
            assert len(found.rows) == min(10, count)


async def test_a_later_page_of_the_many_does_not_read_all_of_them(database: Database) -> None:
    await database.fetch("DELETE FROM webhook_logs")
    merchant = await add_merchant(database)
    await delivered(database, merchant, failed=1, success=MANY)
    await database.fetch("ANALYZE webhook_logs")

    async with database.connection() as connection:
        counting = OneConnection(connection)
        where = Filter(merchant)
        deliveries.with_status(where, "success")
        before = await counting.read("webhook_logs")
        found = await deliveries.listed(counting, where, 10, None, 100)
        assert await counting.read("webhook_logs") - before < FEW
    assert len(found.rows) == 10


async def test_what_a_filter_hardly_finds_is_searched_for_once(database: Database) -> None:
    """Whoever is shown all that there is needs no second search to count it."""
    await database.fetch("DELETE FROM webhook_logs")
    merchant = await add_merchant(database)
    await delivered(database, merchant, success=MANY)

    async with database.connection() as connection:
        counting = OneConnection(connection)
        call: Any = SimpleNamespace(
            query=WebhooksQuery(event="payment.failed"),
            merchant=SimpleNamespace(id=merchant),
            gateway=SimpleNamespace(database=counting),
        )
        before = await counting.read("webhook_logs")
        shown: Any = await webhooks.OPERATIONS[0].handler(call)
        assert await counting.read("webhook_logs") - before < 1.5 * MANY
    assert (shown.data, shown.total, shown.total_exact) == ([], 0, True)


async def popular_link(database: Database) -> str:
    """A reusable link that was paid MANY times; each visit of it makes an order."""
    link, merchant = new_id("plink_"), await add_merchant(database)
    await database.fetch(
        """INSERT INTO payment_links (id, merchant_id, amount, currency, description, reusable)
           VALUES ($1, $2::uuid, 50000, 'INR', 'Honey', true)""",
        link,
        merchant,
    )
    await database.fetch(
        """INSERT INTO orders (id, merchant_id, amount, status, payment_link_id)
           SELECT 'order_' || $1 || g, $2::uuid, 50000, 'paid', $1 FROM generate_series(1, $3::int) g""",
        link,
        merchant,
        MANY,
    )
    return link


async def test_who_opens_a_payment_link_waits_for_no_count_of_those_before(database: Database) -> None:
    link = await popular_link(database)
    settings = load({"DATABASE_URL": database.url, "REDIS_URL": "redis://nowhere"})
    bank = Simulator(settings, random.Random(0))
    async with database.connection() as connection:
        counting = OneConnection(connection)
        gateway = Gateway(settings, counting, Redis(), bank, Providers([bank]))
        before = await counting.read("orders")
        found, _ = await order_of_link(gateway, link)
        assert await counting.read("orders") - before < FEW
    assert found.description == "Honey"


async def test_how_often_a_link_was_paid_is_counted_without_reading_the_orders(database: Database) -> None:
    link = await popular_link(database)
    await database.fetch("VACUUM (ANALYZE) orders")
    async with database.connection() as connection:
        counting = OneConnection(connection)
        before = await counting.fetched("orders")
        found = await payment_links.find(counting, link)
        assert await counting.fetched("orders") - before < FEW
    assert found is not None
    assert found.times_paid == MANY
