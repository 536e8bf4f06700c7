"""Deliveries that fail: when they are tried again, what is kept of each attempt, and when it is enough."""

import asyncio
import email.utils
import gzip
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from tests.integration.deliveries import assert_schedule, attempted, send, waits_s, walk_through_the_schedule
from tests.live import Behaviour, Live, Received, Receiver, free_port, until


def answering(status: int, text: str = "", **headers: str) -> Behaviour:
    """A receiver that always answers so."""

    async def answer(_: Received) -> web.Response:
        return web.Response(status=status, text=text, headers=headers)

    return answer


@asynccontextmanager
async def saying(answer: bytes, *, then_hang: bool = False) -> AsyncIterator[str]:
    """The URL of a server that reads a request's head and says these bytes, whatever they are."""
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        if then_hang:
            await over.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/webhook"
    finally:
        over.set()
        server.close()


async def test_fifth_failure_is_the_last(merchant: Live) -> None:
    async with Receiver(answering(500, "broken")) as receiver:
        delivery_id = await send(merchant, receiver.url)

        waits = await walk_through_the_schedule(merchant, delivery_id)
        seen = await attempted(merchant, delivery_id, 5)

        assert_schedule(waits, [5, 10, 15, 20])
        assert (seen["status"], seen["attempts"], seen["next_retry_at"]) == ("failed", 5, None)
        assert (seen["response_code"], seen["response_body"]) == (500, "broken")
        assert [(one["attempt"], one["response_code"]) for one in seen["attempt_log"]] == [
            (n, 500) for n in range(1, 6)
        ]
        # The same request five times over, each at its own time.
        assert len({one.body for one in receiver.received}) == 1
        assert {one.headers["webhook-id"] for one in receiver.received} == {delivery_id}
        # Due again by its looks, but over: nothing more is sent, though what comes after it is.
        await merchant.sql("UPDATE webhook_logs SET next_retry_at = now() WHERE id = $1::uuid", delivery_id)
        other = await merchant.post("/api/v1/webhooks/test", {})
        await attempted(merchant, other.json["id"])
        assert [one.headers["webhook-id"] for one in receiver.received].count(delivery_id) == 5
        assert (await merchant.get(f"/api/v1/webhooks/{delivery_id}")).json["status"] == "failed"


async def test_manual_retry_starts_afresh(merchant: Live) -> None:
    answers = [500, 503, 200]

    async def answer(_: Received) -> web.Response:
        return web.Response(status=answers.pop(0))

    async with Receiver(answer) as receiver:
        delivery_id = await send(merchant, receiver.url)
        await attempted(merchant, delivery_id)
        await merchant.sql("UPDATE webhook_logs SET status = 'failed', attempts = 5, next_retry_at = NULL"
                           " WHERE id = $1::uuid", delivery_id)  # fmt: skip

        reply = await merchant.post(f"/api/v1/webhooks/{delivery_id}/retry")

        assert (reply.status, reply.json) == (
            200,
            {"id": delivery_id, "status": "pending", "message": "Webhook retry scheduled"},
        )
        again = await attempted(merchant, delivery_id)
        assert (again["status"], again["attempts"], again["response_code"]) == ("pending", 1, 503)
        assert_schedule([await waits_s(merchant, delivery_id)], [5])  # the schedule begins again, too
        await merchant.post(f"/api/v1/webhooks/{delivery_id}/retry")

        async def delivered() -> Any:
            seen = (await merchant.get(f"/api/v1/webhooks/{delivery_id}")).json
            return seen if seen["status"] == "success" else None

        seen = await until(delivered, "the retried delivery arrives")
        assert (seen["attempts"], seen["response_code"], seen["next_retry_at"]) == (1, 200, None)
        assert len(receiver.received) == 3


async def test_retry_overtakes_the_attempt_that_is_under_way(merchant: Live) -> None:
    answer = asyncio.Event()

    async def answer_the_first_one_late(one: Received) -> web.Response:
        if len(receiver.received) == 1:
            await answer.wait()
            return web.Response(status=500)
        return web.Response()

    async with Receiver(answer_the_first_one_late) as receiver:
        delivery_id = await send(merchant, receiver.url)

        async def under_way() -> bool:
            return len(receiver.received) == 1

        await until(under_way, "the first attempt is under way")
        await merchant.post(f"/api/v1/webhooks/{delivery_id}/retry")
        answer.set()
        seen = await attempted(merchant, delivery_id)

        # What the first attempt came to belongs to a turn that is over.
        assert (seen["status"], seen["attempts"], seen["response_code"]) == ("success", 1, 200)
        assert [(one["attempt"], one["response_code"]) for one in seen["attempt_log"]] == [(1, 200)]
        assert len(receiver.received) == 2


async def test_delivered_webhook_can_be_sent_again(merchant: Live, inbox: Receiver) -> None:
    delivery_id = await send(merchant, inbox.url)
    await attempted(merchant, delivery_id)

    assert (await merchant.post(f"/api/v1/webhooks/{delivery_id}/retry")).status == 200

    async def twice() -> bool:
        return len(inbox.received) == 2

    await until(twice, "the delivery arrives again")
    assert inbox.received[0].body == inbox.received[1].body


async def test_retry_of_what_is_not_there(gateway: Live, merchant: Live, inbox: Receiver) -> None:
    delivery_id = await send(merchant, inbox.url)
    await attempted(merchant, delivery_id)

    for path in (delivery_id, "00000000-0000-0000-0000-000000000000", "no-uuid", "%00"):
        reply = await gateway.post(f"/api/v1/webhooks/{path}/retry")
        assert reply.refusal == (404, "NOT_FOUND_ERROR", "Webhook not found")
        assert (await gateway.get(f"/api/v1/webhooks/{path}")).refusal == (404, "NOT_FOUND_ERROR", "Webhook not found")
    assert len(inbox.received) == 1


async def test_next_attempt_comes_by_itself(merchant: Live) -> None:
    answers = [500, 204]

    async def answer(_: Received) -> web.Response:
        return web.Response(status=answers.pop(0))

    async with Receiver(answer) as receiver:
        delivery_id = await send(merchant, receiver.url)

        seen = await attempted(merchant, delivery_id, 2)

        assert (seen["status"], seen["response_code"], seen["next_retry_at"]) == ("success", 204, None)
        first, second = receiver.received
        assert second.at - first.at >= 5
        assert first.body == second.body
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert first.headers["X-Webhook-Signature"] == second.headers["X-Webhook-Signature"]
        assert first.headers["webhook-timestamp"] < second.headers["webhook-timestamp"]


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
async def test_2xx_is_success(merchant: Live, status: int) -> None:
    async with Receiver(answering(status)) as receiver:
        seen = await attempted(merchant, await send(merchant, receiver.url))

    assert (seen["status"], seen["response_code"], seen["next_retry_at"]) == ("success", status, None)


@pytest.mark.parametrize("status", [304, 400, 401, 404, 410, 429, 500, 503, 599])
async def test_anything_else_is_a_failed_attempt(merchant: Live, status: int) -> None:
    async with Receiver(answering(status)) as receiver:
        delivery_id = await send(merchant, receiver.url)
        seen = await attempted(merchant, delivery_id)

    assert (seen["status"], seen["attempts"], seen["response_code"]) == ("pending", 1, status)
    assert seen["attempt_log"][0]["error"] == f"The receiver answered {status}, not 2xx"
    assert_schedule([await waits_s(merchant, delivery_id)], [5])


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirect_is_a_failure_and_not_followed(merchant: Live, status: int) -> None:
    async with Receiver() as elsewhere, Receiver(answering(status, Location=elsewhere.url)) as receiver:
        delivery_id = await send(merchant, receiver.url)
        seen = await attempted(merchant, delivery_id)

        assert (seen["status"], seen["response_code"]) == ("pending", status)
        assert len(receiver.received) == 1
        assert elsewhere.received == []


async def test_nobody_listens(merchant: Live) -> None:
    seen = await attempted(merchant, await send(merchant, f"http://127.0.0.1:{free_port()}/"))

    assert (seen["status"], seen["response_code"], seen["response_body"]) == ("pending", None, None)
    assert seen["attempt_log"][0]["error"] == "Could not connect: Connection refused"


NO_ANSWERS = [b"", b"HTTP/1.1 ", b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok"]


@pytest.mark.parametrize("answer", [*NO_ANSWERS, b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n"])
async def test_what_is_not_http_is_a_failed_attempt(merchant: Live, answer: bytes) -> None:
    async with saying(answer) as url:
        seen = await attempted(merchant, await send(merchant, url))

    assert (seen["status"], seen["attempts"]) == ("pending", 1)
    assert seen["attempt_log"][0]["error"]


async def test_receiver_has_five_seconds_for_its_whole_answer(gateway: Live) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"
    merchants = [await gateway.merchant() for _ in range(2)]
    async with saying(b"", then_hang=True) as silent, saying(head + b"some", then_hang=True) as slow:
        ids = [await send(one, url) for one, url in zip(merchants, (silent, slow), strict=True)]
        for one, delivery_id in zip(merchants, ids, strict=True):
            seen = await attempted(one, delivery_id)

            assert (seen["status"], seen["attempts"], seen["response_code"]) == ("pending", 1, None)
            assert seen["attempt_log"][0]["error"] == "No complete answer within 5 s"
            assert seen["attempt_log"][0]["duration_ms"] >= 4_990


@pytest.mark.parametrize("asked_s", [30, 3_600, 100_000])
async def test_retry_after_is_respected_up_to_an_hour(merchant: Live, asked_s: int) -> None:
    async with Receiver(answering(503, **{"Retry-After": str(asked_s)})) as receiver:
        delivery_id = await send(merchant, receiver.url)
        await attempted(merchant, delivery_id)

    wait_s = await waits_s(merchant, delivery_id)
    assert min(asked_s, 3_600) <= wait_s <= min(asked_s, 3_600) + 1


async def test_retry_after_may_be_a_date(merchant: Live) -> None:
    date = email.utils.formatdate(time.time() + 600, usegmt=True)
    async with Receiver(answering(429, **{"Retry-After": date})) as receiver:
        delivery_id = await send(merchant, receiver.url)
        await attempted(merchant, delivery_id)

    assert 590 <= await waits_s(merchant, delivery_id) <= 601


@pytest.mark.parametrize("value", ["0", "-5", "soon", "", "1e9", "Thu, 01 Jan 1970 00:00:00 GMT", "9" * 40])
async def test_retry_after_shortens_nothing_and_breaks_nothing(merchant: Live, value: str) -> None:
    async with Receiver(answering(500, **{"Retry-After": value})) as receiver:
        delivery_id = await send(merchant, receiver.url)
        await attempted(merchant, delivery_id)

    assert_schedule([await waits_s(merchant, delivery_id)], [5])


async def test_answer_is_kept_up_to_16_kilobytes(merchant: Live) -> None:
    async with Receiver(answering(200, "x" * 500_000)) as receiver:
        seen = await attempted(merchant, await send(merchant, receiver.url))

    assert (seen["status"], seen["response_code"]) == ("success", 200)
    assert seen["response_body"] == seen["attempt_log"][0]["response_body"] == "x" * 16_384


async def test_packed_answer_is_not_unpacked(merchant: Live) -> None:
    packed = gzip.compress(b"x" * 50_000_000)
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)
    async with saying(head + packed) as url:
        seen = await attempted(merchant, await send(merchant, url))

    assert seen["status"] == "success"
    assert len(seen["response_body"]) <= 16_384
    assert "xxx" not in seen["response_body"]


async def test_answer_is_made_safe_to_store_and_show(merchant: Live) -> None:
    body = "nul\0 \x1b[31mred \x9b \x7f tab\t end\r\n ü".encode() + b" \xff\xfe"
    head = b"HTTP/1.1 500 Oh\r\nContent-Length: %d\r\n\r\n" % len(body)
    async with saying(head + body) as url:
        seen = await attempted(merchant, await send(merchant, url))

    assert seen["response_body"] == "nul\ufffd \ufffd[31mred \ufffd \ufffd tab\t end\r\n ü \ufffd\ufffd"


async def test_delivery_that_another_program_wrote_is_made_too(merchant: Live, inbox: Receiver) -> None:
    payload = '{"event":"payment.success","timestamp":1,"data":{"payment":{"id":"pay_elsewhere"}}}'
    rows = await merchant.sql(
        """INSERT INTO webhook_logs (merchant_id, event, payload, next_retry_at)
           VALUES ($1::uuid, 'payment.success', $2, now()) RETURNING id::text""",
        merchant.merchant_id,
        payload,
    )

    seen = await attempted(merchant, rows[0][0])

    assert seen["status"] == "success"
    assert [one.body.decode() for one in inbox.received] == [payload]


async def test_hanging_receiver_holds_up_nobody_else(gateway: Live, merchant: Live, inbox: Receiver) -> None:
    crowd, count = await gateway.merchant(), 1_000
    async with saying(b"", then_hang=True) as url:
        await crowd.use_webhooks(url)
        await crowd.sql(
            """INSERT INTO webhook_logs (merchant_id, event, payload, next_retry_at)
               SELECT $1::uuid, 'payment.success', '{}', now() - interval '1 minute' FROM generate_series(1, $2)""",
            crowd.merchant_id,
            count,
        )

        async def busy() -> bool:
            return bool((await gateway.get("/api/v1/test/jobs/status")).json["processing"] >= 10)

        await until(busy, "the worker is at the hanging receiver")
        payment = await merchant.paid()
        assert len(await inbox.events(payment["id"], 3)) == 3

        # More than a worker has in flight at once still wait: others did not wait for them.
        rows = await crowd.sql(
            "DELETE FROM webhook_logs WHERE merchant_id = $1::uuid AND attempts = 0 RETURNING id", crowd.merchant_id
        )
        assert len(rows) > count / 2
        await crowd.sql("DELETE FROM webhook_logs WHERE merchant_id = $1::uuid", crowd.merchant_id)
