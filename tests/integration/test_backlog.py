"""Rows that PostgreSQL's statistics and plans know nothing of: what has an id, or is due, is not searched for there."""

import pytest

from tests.live import Live, Receiver, until

BACKLOG = 20_000
FILL = """
    WITH o AS (
        INSERT INTO orders (id, merchant_id, amount)
        SELECT 'order_' || $2 || g, $1::uuid, 50000 FROM generate_series(1, $3::int) g RETURNING id
    ), p AS (
        INSERT INTO payments (id, order_id, merchant_id, amount, method, status, due_at)
        SELECT 'pay_' || id, id, $1::uuid, 50000, 'upi', $2, now() + interval '1 hour' FROM o RETURNING id
    )
    INSERT INTO webhook_logs (merchant_id, event, payload, status, next_retry_at)
    SELECT $1::uuid, 'payment.success', '{}', $2, CASE $2 WHEN 'pending' THEN now() + interval '1 hour' END FROM p"""
READ = """
    SELECT indexrelname, idx_tup_read FROM pg_stat_user_indexes
    WHERE indexrelname IN ('payments_status', 'payments_due', 'payments_one_success', 'webhook_logs_status',
                           'webhook_logs_next_retry_at')"""


async def use(own: Live, receiver: Receiver) -> None:
    """Everything that can become of a payment: five changes of it, and of as many deliveries."""
    payment = await own.paid()
    assert (await own.post(f"/api/v1/payments/{payment['id']}/capture", {"amount": 50_000})).status == 200
    assert (await own.post(f"/api/v1/payments/{payment['id']}/refunds", {"amount": 50_000})).status == 201
    await receiver.events(payment["id"], 5)


@pytest.mark.parametrize(("known", "unknown"), [("success", "pending"), ("pending", "success")])
async def test_a_backlog_is_not_searched_for_what_has_an_id(gateway: Live, known: str, unknown: str) -> None:
    async with await gateway.beside(REFUND_DELAY_MAX="100") as own, Receiver() as receiver:
        await own.use_webhooks(receiver.url)
        await own.sql(FILL, own.merchant_id, known, BACKLOG)
        await own.sql("ANALYZE")
        await own.sql(FILL, own.merchant_id, unknown, BACKLOG)

        await use(own, receiver)

        async def read() -> dict[str, int] | None:
            """Each connection tells of what it did some seconds later; the worker has swept by then."""
            changed = dict(await own.sql("SELECT relname, n_tup_upd FROM pg_stat_user_tables"))
            return dict(await own.sql(READ)) if (changed["payments"], changed["webhook_logs"]) == (5, 5) else None

        entries = await until(read, "the server has counted what was done")
    assert all(count < BACKLOG for count in entries.values()), entries


async def test_tables_that_have_grown_are_not_read_from_end_to_end(gateway: Live) -> None:
    async with await gateway.beside(REFUND_DELAY_MAX="100") as own, Receiver() as receiver:
        await own.use_webhooks(receiver.url)
        for _ in range(10):  # from the sixth time on, PostgreSQL keeps a statement's plan
            await use(own, receiver)
        await own.sql(FILL, own.merchant_id, "success", BACKLOG)
        await use(own, receiver)

        async def read() -> dict[str, int] | None:
            counts = await own.sql("SELECT relname, n_tup_upd, seq_tup_read FROM pg_stat_user_tables")
            changed = {table: updated for table, updated, _ in counts}
            done = (changed["payments"], changed["webhook_logs"]) == (55, 55)
            return {table: rows for table, _, rows in counts} if done else None

        rows = await until(read, "the server has counted what was done")
    assert all(count < BACKLOG for count in rows.values()), rows
