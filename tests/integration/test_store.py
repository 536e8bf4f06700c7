"""The statements of the store do their work once, however many transactions race, on every version of PostgreSQL."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from kassa.domain.errors import KassaError
from kassa.domain.payment import FAILED, SUCCESS, TRANSITIONS, Outcome, Refund
from kassa.store import idempotency, payments, refunds
from kassa.store.database import Connection, Database, retried
from kassa.store.idempotency import Claim
from tests.rows import NOW, add_merchant, add_order, add_payment, add_refund, blocked, new_id, racing, value

DAY = timedelta(hours=24)
Fates = dict[str, tuple[str, str | None]]


def claim(merchant: str, key: str, response: str = '{"n":1}', at: datetime | None = None) -> Claim:
    """A claim of `key`, made now unless said otherwise."""
    return Claim(merchant, key, "fingerprint", response, 201, at or datetime.now(UTC))


async def response(database: Database, merchant: str, key: str) -> str | None:
    """What a key stands for."""
    stored = await idempotency.find(database, merchant, key)
    return stored.response if stored else None


async def claim_alone(database: Database, *claims: Claim) -> set[tuple[str, str]]:
    """Claim in a transaction of its own."""
    async with database.transaction() as tx:
        return await idempotency.claim(tx, list(claims))


async def test_a_key_is_won_once_and_keeps_the_first_response(database: Database) -> None:
    merchant = await add_merchant(database)
    assert await claim_alone(database, claim(merchant, "k", '{"n": 1,"é":"₹"}')) == {(merchant, "k")}
    assert await claim_alone(database, claim(merchant, "k", '{"n":2}')) == set()
    assert await response(database, merchant, "k") == '{"n": 1,"é":"₹"}', "the very bytes"


async def test_the_same_key_of_another_merchant_is_another_key(database: Database) -> None:
    one, other = await add_merchant(database), await add_merchant(database)
    await claim_alone(database, claim(one, "k"))
    assert await response(database, other, "k") is None
    assert await claim_alone(database, claim(other, "k")) == {(other, "k")}


async def test_one_claim_may_name_a_key_twice_and_the_first_wins(database: Database) -> None:
    merchant = await add_merchant(database)
    twice = [claim(merchant, "k", '{"n":1}'), claim(merchant, "l"), claim(merchant, "k", '{"n":2}')]
    assert await claim_alone(database, *twice) == {(merchant, "k"), (merchant, "l")}
    assert await response(database, merchant, "k") == '{"n":1}'


async def test_nothing_to_claim_is_nothing_won(database: Database) -> None:
    assert await claim_alone(database) == set()


@pytest.mark.parametrize("expired", [False, True])
@pytest.mark.parametrize("ending", ["commit", "rollback"])
async def test_of_two_transactions_that_race_for_a_key_one_wins(database: Database, ending: str, expired: bool) -> None:
    merchant = await add_merchant(database)
    if expired:
        await claim_alone(database, claim(merchant, "k", '{"n":0}', datetime.now(UTC) - DAY - timedelta(seconds=1)))
    async with racing(database) as (one, other):
        assert await idempotency.claim(one, [claim(merchant, "k", '{"n":1}')]) == {(merchant, "k")}
        second = asyncio.create_task(idempotency.claim(other, [claim(merchant, "k", '{"n":2}')]))
        await blocked(database, second, other)
        await one.execute(ending)
        assert await second == (set() if ending == "commit" else {(merchant, "k")})
        await other.execute("commit")
    assert await response(database, merchant, "k") == ('{"n":1}' if ending == "commit" else '{"n":2}')


async def test_an_expired_key_stands_for_nothing_and_is_taken_over(database: Database) -> None:
    merchant = await add_merchant(database)
    expiring = datetime.now(UTC) - DAY
    await claim_alone(database, claim(merchant, "over", '{"n":1}', expiring - timedelta(seconds=1)))
    await claim_alone(database, claim(merchant, "still", '{"n":1}', expiring + timedelta(minutes=5)))
    assert await response(database, merchant, "over") is None
    assert await response(database, merchant, "still") == '{"n":1}'
    both = [claim(merchant, "over", '{"n":2}'), claim(merchant, "still", '{"n":2}')]
    assert await claim_alone(database, *both) == {(merchant, "over")}
    assert await response(database, merchant, "over") == '{"n":2}'
    assert await response(database, merchant, "still") == '{"n":1}'


async def test_expired_keys_are_purged_and_no_others(database: Database) -> None:
    merchant = await add_merchant(database)
    expiring = datetime.now(UTC) - DAY
    ages = {"over": expiring - timedelta(seconds=1), "still": expiring + timedelta(minutes=5)}
    await claim_alone(database, *(claim(merchant, key, at=at) for key, at in ages.items()))
    assert await idempotency.purge(database) >= 1
    left = await database.fetch("SELECT key FROM idempotency_keys WHERE merchant_id = $1::uuid", merchant)
    assert [row[0] for row in left] == ["still"]


async def test_many_that_claim_many_keys_do_not_wait_in_a_ring(database: Database) -> None:
    merchant = await add_merchant(database)
    keys = [f"k{number}" for number in range(30)]
    won = await asyncio.gather(
        *(claim_alone(database, *(claim(merchant, key) for key in random.sample(keys, 20))) for _ in range(12))
    )
    found = sorted(key for pairs in won for _, key in pairs)
    assert found == sorted(set(found)), "each at most once"


def succeeds(payment: str) -> Outcome:
    """The bank's yes."""
    return Outcome(payment, True)


def fails(payment: str) -> Outcome:
    """The bank's no."""
    return Outcome(payment, False, "PAYMENT_FAILED", "No")


async def settle(database: Database, *outcomes: Outcome) -> set[str]:
    """Settle in a transaction of its own; the ids that moved."""
    async with database.transaction() as tx:
        return {changed.payment.id for changed in await payments.settle(tx, list(outcomes), NOW)}


async def fates(database: Database, *ids: str) -> Fates:
    """Status and error of payments."""
    rows = await database.fetch("SELECT id, status, error_code FROM payments WHERE id = ANY($1::text[])", list(ids))
    return {row[0]: (row[1], row[2]) for row in rows}


async def order_status(database: Database, order: str) -> str:
    """Of an order."""
    return str(await value(database, "SELECT status FROM orders WHERE id = $1", order))


async def test_outcomes_settle_payments_and_their_orders(database: Database) -> None:
    merchant = await add_merchant(database, "http://127.0.0.1/webhook")
    first, second = await add_order(database, merchant), await add_order(database, merchant)
    paid, failed = await add_payment(database, merchant, first), await add_payment(database, merchant, second)
    async with database.transaction() as tx:
        changed = await payments.settle(tx, [succeeds(paid), fails(failed), succeeds(new_id("pay_"))], NOW)
    told = {one.payment.id: (one.payment.status, one.sequence, one.wants_webhooks) for one in changed}
    assert told == {paid: (SUCCESS, 1, True), failed: (FAILED, 1, True)}
    assert await fates(database, paid, failed) == {paid: (SUCCESS, None), failed: (FAILED, "PAYMENT_FAILED")}
    assert await order_status(database, first) == "paid"
    assert await order_status(database, second) == "created"
    assert await value(database, "SELECT updated_at FROM payments WHERE id = $1", paid) == NOW


@pytest.mark.parametrize("outcome", [succeeds, fails])
@pytest.mark.parametrize("source", TRANSITIONS)
async def test_a_payment_settles_only_along_the_table(database: Database, source: str, outcome: Any) -> None:
    payment = await add_payment(database, await add_merchant(database), status=source)
    target = SUCCESS if outcome is succeeds else FAILED
    moves = target in TRANSITIONS[source]
    assert await settle(database, outcome(payment)) == ({payment} if moves else set())
    assert (await fates(database, payment))[payment][0] == (target if moves else source)


async def test_of_several_successes_in_one_batch_one_wins(database: Database) -> None:
    merchant = await add_merchant(database)
    order = await add_order(database, merchant)
    ids = sorted([await add_payment(database, merchant, order) for _ in range(4)])
    assert await settle(database, succeeds(ids[3]), fails(ids[0]), succeeds(ids[2]), succeeds(ids[1])) == set(ids)
    assert await fates(database, *ids) == {
        ids[0]: (FAILED, "PAYMENT_FAILED"),
        ids[1]: (SUCCESS, None),
        ids[2]: (FAILED, "ORDER_ALREADY_PAID"),
        ids[3]: (FAILED, "ORDER_ALREADY_PAID"),
    }
    assert await order_status(database, order) == "paid"


async def test_a_success_for_a_paid_order_fails(database: Database) -> None:
    merchant = await add_merchant(database)
    order = await add_order(database, merchant)
    first, second = await add_payment(database, merchant, order), await add_payment(database, merchant, order)
    await settle(database, succeeds(first))
    assert await settle(database, succeeds(second)) == {second}
    assert await fates(database, first, second) == {first: (SUCCESS, None), second: (FAILED, "ORDER_ALREADY_PAID")}


@pytest.mark.parametrize("ending", ["commit", "rollback"])
async def test_of_two_transactions_that_race_for_an_order_one_wins(database: Database, ending: str) -> None:
    merchant = await add_merchant(database)
    order = await add_order(database, merchant)
    first, second = await add_payment(database, merchant, order), await add_payment(database, merchant, order)
    async with racing(database) as (one, other):
        assert len(await payments.settle(one, [succeeds(first)], NOW)) == 1
        task = asyncio.create_task(payments.settle(other, [succeeds(second)], NOW))
        await blocked(database, task, other)
        await one.execute(ending)
        assert len(await task) == 1
        await other.execute("commit")
    assert await fates(database, first, second) == {
        first: (SUCCESS, None) if ending == "commit" else ("pending", None),
        second: (FAILED, "ORDER_ALREADY_PAID") if ending == "commit" else (SUCCESS, None),
    }
    assert await order_status(database, order) == "paid"


async def test_of_two_verdicts_on_one_payment_the_first_stands(database: Database) -> None:
    payment = await add_payment(database, await add_merchant(database))
    async with racing(database) as (one, other):
        assert len(await payments.settle(one, [fails(payment)], NOW)) == 1
        task = asyncio.create_task(payments.settle(other, [succeeds(payment)], NOW))
        await blocked(database, task, other)
        await one.execute("commit")
        assert await task == []
        await other.execute("commit")
    assert await fates(database, payment) == {payment: (FAILED, "PAYMENT_FAILED")}


async def test_many_that_settle_the_same_move_each_payment_once(database: Database) -> None:
    merchant = await add_merchant(database)
    orders = [await add_order(database, merchant) for _ in range(8)]
    ids = [await add_payment(database, merchant, order) for order in orders for _ in range(3)]

    async def one_of_many() -> set[str]:
        return await settle(database, *(succeeds(payment) for payment in random.sample(ids, len(ids))))

    moved = await asyncio.gather(*(one_of_many() for _ in range(6)))
    assert sorted(payment for some in moved for payment in some) == sorted(ids)
    found = await fates(database, *ids)
    assert [[found[one][0] for one in ids[start : start + 3]].count(SUCCESS) for start in range(0, 24, 3)] == [1] * 8
    assert {await order_status(database, order) for order in orders} == {"paid"}


async def test_a_code_of_a_provider_is_kept_as_far_as_there_is_room(database: Database) -> None:
    merchant = await add_merchant(database)
    refused, paid = await add_payment(database, merchant), await add_payment(database, merchant, status=SUCCESS)
    refund = await add_refund(database, paid, merchant, 100)
    async with database.transaction() as tx:
        outcome = Outcome(refused, False, "card_declined", "No", provider_code="x" * 101)
        [changed] = await payments.settle(tx, [outcome], NOW)
        failed = await refunds.fail(tx, refund, "y" * 101, was="pending")
    assert changed.payment.provider_code == "x" * 100
    assert failed is not None and failed.provider_code == "y" * 100


async def test_a_payment_is_captured_once(database: Database) -> None:
    payment = await add_payment(database, await add_merchant(database), status=SUCCESS)

    async def capture() -> bool:
        async with database.transaction() as tx:
            return await payments.capture(tx, payment, NOW) is not None

    assert sorted(await asyncio.gather(*(capture() for _ in range(5)))) == [False] * 4 + [True]


async def insert_refund(database: Database, payment: str, merchant: str, amount: int) -> str:
    """Through the store, in a transaction of its own; returns its id."""
    refund = Refund(
        id=new_id("rfnd_"), payment_id=payment, merchant_id=merchant, amount=amount, currency="INR", reason=None,
        status="pending", created_at=NOW, due_at=NOW,
    )  # fmt: skip
    async with database.transaction() as tx:
        await refunds.insert(tx, refund)
    return refund.id


async def test_a_refund_too_many_is_refused_in_words(database: Database) -> None:
    merchant = await add_merchant(database)
    payment = await add_payment(database, merchant, status=SUCCESS, amount=100)
    raced = await asyncio.gather(
        *(insert_refund(database, payment, merchant, 40) for _ in range(5)), return_exceptions=True
    )
    refused = [one for one in raced if isinstance(one, KassaError)]
    assert {one.description for one in refused} == {"Refund amount exceeds available amount"}
    assert (len(refused), len(raced)) == (3, 5)


async def test_a_refund_is_processed_once(database: Database) -> None:
    merchant = await add_merchant(database)
    payment = await add_payment(database, merchant, status=SUCCESS)
    refund = await add_refund(database, payment, merchant, 100)

    async def process() -> bool:
        async with database.transaction() as tx:
            return await refunds.process(tx, refund, NOW) is not None

    assert sorted(await asyncio.gather(*(process() for _ in range(5)))) == [False] * 4 + [True]
    found = await refunds.find(database, refund)
    assert found is not None
    assert (found.status, found.processed_at) == ("processed", NOW)


async def test_work_that_lost_a_deadlock_is_done_again(database: Database) -> None:
    merchant = await add_merchant(database)
    pair = [await add_order(database, merchant), await add_order(database, merchant)]
    both_began = asyncio.Barrier(2)
    tries: list[int] = []

    async def crosswise(orders: list[str]) -> None:
        async def work() -> None:
            tries.append(1)
            async with database.transaction() as tx:
                await touch(tx, orders[0])
                if len(tries) <= 2:
                    await both_began.wait()
                await touch(tx, orders[1])

        await retried(work)

    await asyncio.gather(crosswise(pair), crosswise(pair[::-1]))
    assert len(tries) == 3
    receipts = await database.fetch("SELECT receipt FROM orders WHERE id = ANY($1::text[])", pair)
    assert [len(row[0]) for row in receipts] == [2, 2]


async def touch(tx: Connection, order: str) -> None:
    """Leave a mark on an order."""
    await tx.execute("UPDATE orders SET receipt = coalesce(receipt, '') || 'x' WHERE id = $1", order)
