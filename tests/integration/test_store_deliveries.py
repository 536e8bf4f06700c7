"""Deliveries in the tables: recorded once, in their own turn, with every attempt that was made."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

from kassa.domain.webhook import Delivery
from kassa.store import deliveries, outbox
from kassa.store.database import Database
from kassa.store.deliveries import Attempt
from tests.rows import NOW, add_merchant, value


async def add_delivery(database: Database) -> tuple[str, str]:
    """A delivery that is due at NOW; its merchant and its id."""
    merchant = await add_merchant(database, "http://127.0.0.1/webhook")
    delivery = Delivery(
        str(await value(database, "SELECT gen_random_uuid()::text")), merchant, "payment.created", '{"a":1}', NOW
    )
    async with database.transaction() as tx:
        await outbox.insert_deliveries(tx, [delivery])
    return merchant, delivery.id


def attempt(
    delivery: str, due_at: datetime = NOW, number: int = 1, *, ok: bool = False, retry_at: datetime | None = None
) -> Attempt:
    """The `number`-th attempt, in the turn of `due_at`."""
    code, error = (200, None) if ok else (500, "no")
    return Attempt(delivery, number, due_at, due_at, 12, ok, code, "body", error, retry_at)


async def retry(database: Database, merchant: str, delivery: str, now: datetime) -> Any | None:
    """Retry by hand in a transaction of its own."""
    async with database.transaction() as tx:
        return await deliveries.retry(tx, merchant, delivery, now)


async def record(database: Database, *attempts: Attempt) -> set[str]:
    """Record in a transaction of its own."""
    async with database.transaction() as tx:
        return await deliveries.record(tx, list(attempts))


async def state(database: Database, delivery: str) -> tuple[Any, ...]:
    """Status, attempts, when it is due again, and how many attempts are on record."""
    rows = await database.fetch(
        """SELECT status, attempts, next_retry_at, (SELECT count(*) FROM webhook_attempts WHERE delivery_id = d.id)
           FROM webhook_logs d WHERE id = $1::uuid""",
        delivery,
    )
    return tuple(rows[0])


async def test_an_attempt_is_recorded_in_its_own_turn_only(database: Database) -> None:
    _, delivery = await add_delivery(database)
    next_turn = NOW + timedelta(minutes=1)
    assert await record(database, attempt(delivery, NOW - timedelta(microseconds=1), ok=True)) == set()
    assert await record(database, attempt(delivery, retry_at=next_turn)) == {delivery}
    assert await state(database, delivery) == ("pending", 1, next_turn, 1)
    assert await record(database, attempt(delivery, ok=True)) == set(), "the turn is over"
    assert await state(database, delivery) == ("pending", 1, next_turn, 1)
    assert await record(database, attempt(delivery, NOW, 2, ok=True)) == set()
    assert await state(database, delivery) == ("pending", 1, next_turn, 1), "nor is the first attempt kept twice"
    assert await record(database, attempt(delivery, next_turn, 2, ok=True)) == {delivery}
    assert await state(database, delivery) == ("success", 2, None, 2)
    assert [tuple(row) for row in await deliveries.attempts_of(database, delivery)] == [
        (1, NOW, 12, 500, "body", "no"),
        (2, next_turn, 12, 200, "body", None),
    ]


async def test_an_attempt_without_a_next_one_is_the_last(database: Database) -> None:
    _, delivery = await add_delivery(database)
    assert [due.id for due in await deliveries.load(database, [delivery])] == [delivery]
    await record(database, attempt(delivery))
    assert await state(database, delivery) == ("failed", 1, None, 1)
    assert await record(database, attempt(delivery, ok=True)) == set()
    assert await deliveries.load(database, [delivery]) == []


async def test_a_retry_by_hand_begins_a_turn_of_its_own(database: Database) -> None:
    merchant, delivery = await add_delivery(database)
    by_hand = NOW + timedelta(seconds=3)
    stranger = await add_merchant(database)
    assert await retry(database, stranger, delivery, by_hand) is None
    assert await retry(database, merchant, delivery, by_hand) is not None
    assert await record(database, attempt(delivery)) == set(), "in flight when the retry was asked for"
    assert await state(database, delivery) == ("pending", 0, by_hand, 0)
    assert await record(database, attempt(delivery, by_hand)) == {delivery}
    again = by_hand + timedelta(seconds=3)
    await retry(database, merchant, delivery, again)
    await retry(database, merchant, delivery, again)
    assert await state(database, delivery) == ("pending", 0, again, 1)
    assert await record(database, attempt(delivery, again, ok=True)) == {delivery}
    assert [tuple(row)[:2] for row in await deliveries.attempts_of(database, delivery)] == [(1, by_hand), (1, again)]


async def test_of_two_workers_that_attempted_the_same_turn_one_is_recorded(database: Database) -> None:
    _, delivery = await add_delivery(database)
    later = NOW + timedelta(minutes=1)
    for number, due_at in enumerate((NOW, later), start=1):
        tries = [attempt(delivery, due_at, number, retry_at=due_at + timedelta(minutes=1)) for _ in range(4)]
        recorded = await asyncio.gather(*(record(database, one) for one in tries))
        assert sorted(map(len, recorded)) == [0, 0, 0, 1]
        assert (await state(database, delivery))[1::2] == (number, number)


async def test_the_payload_leaves_as_the_very_text_that_was_put_in(database: Database) -> None:
    _, delivery = await add_delivery(database)
    text = '{"b": 1,"a":"\\u0000₹ é","a":2}'
    await database.fetch("UPDATE webhook_logs SET payload = $2::text::json WHERE id = $1::uuid", delivery, text)
    (due,) = await deliveries.load(database, [delivery])
    assert due.payload == text
