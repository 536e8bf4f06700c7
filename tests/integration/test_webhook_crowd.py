"""Many webhooks to receivers that hang: a few at a time, every attempt on record, and nobody else waits for them."""

import asyncio
from collections import Counter

from aiohttp import web

from tests.live import Live, Receiver, until

AT_A_TIME = 10
DELIVERIES = 20
# What they would fill a worker with several times over, if more were claimed for them than is being sent.
CROWD, HELD_UP = 30, 300
# Each attempt takes its whole time limit; the clocks of two processes are read at its ends.
TICK_S = 0.1
TIMEOUT_S = 5.0


async def test_a_hanging_receiver_gets_a_few_at_a_time_and_each_attempt_is_recorded(merchant: Live) -> None:
    over = asyncio.Event()

    async def hang(_: object) -> web.Response:
        await over.wait()
        return web.Response()

    async with Receiver(behaviour=hang) as receiver:
        await merchant.use_webhooks(receiver.url)
        await merchant.sql(
            """INSERT INTO webhook_logs (merchant_id, event, payload, next_retry_at)
               SELECT $1::uuid, 'payment.success', '{}', now() FROM generate_series(1, $2)""",
            merchant.merchant_id,
            DELIVERIES,
        )

        async def more_than_once_round() -> bool:
            return len(receiver.received) >= 1.5 * DELIVERIES

        await until(more_than_once_round, "all were attempted, and some again")
        over.set()

        async def arrived() -> list[tuple[str, int]]:
            rows = await merchant.sql(
                "SELECT id::text, status, attempts FROM webhook_logs WHERE merchant_id = $1::uuid", merchant.merchant_id
            )
            return [(row[0], row[2]) for row in rows] if all(row[1] == "success" for row in rows) else []

        recorded = dict(await until(arrived, "all have arrived"))

    at = [one.at for one in receiver.received]
    hung = at[: int(1.5 * DELIVERIES)]
    assert all(later - earlier > TIMEOUT_S - TICK_S for earlier, later in zip(hung, hung[AT_A_TIME:], strict=False))
    assert Counter(one.headers["webhook-id"] for one in receiver.received) == recorded


async def test_many_hanging_receivers_hold_up_nobody_else(gateway: Live, merchant: Live) -> None:
    over = asyncio.Event()

    async def hang(_: object) -> web.Response:
        await over.wait()
        return web.Response()

    async with Receiver(behaviour=hang) as hanging, Receiver() as receiver:
        await merchant.use_webhooks(receiver.url)
        await gateway.sql(
            """WITH crowd AS (
                   INSERT INTO merchants (name, email, api_key, api_secret, webhook_url, webhook_secret)
                   SELECT 'Crowd', 'crowd' || g || '@example.com', 'key_crowd_' || g, 'secret', $1, 'whsec_crowd'
                   FROM generate_series(1, $2::int) g RETURNING id
               )
               INSERT INTO webhook_logs (merchant_id, event, payload, next_retry_at)
               SELECT id, 'payment.success', '{}', now() - interval '1 minute'
               FROM crowd, generate_series(1, $3::int)""",
            hanging.url,
            CROWD,
            HELD_UP,
        )

        async def all_hang() -> bool:
            return len(hanging.received) >= CROWD * AT_A_TIME

        await until(all_hang, "the worker is at every hanging receiver")
        payment = await merchant.paid()
        assert len(await receiver.events(payment["id"], 3)) == 3
        rows = await gateway.sql(
            """DELETE FROM webhook_logs WHERE merchant_id IN (SELECT id FROM merchants WHERE name = 'Crowd')
               RETURNING attempts"""
        )
        over.set()

    assert sum(row[0] == 0 for row in rows) > CROWD * HELD_UP / 2
