"""Events on a real broker: each arrives with its id, in order, whatever becomes of the broker meanwhile."""

import asyncio
import subprocess
import sys

import pytest

from kassa.app import broker_of
from kassa.domain.webhook import EVENTS
from kassa.settings import SettingsError, load
from tests.broker.brokers import BrokerServer
from tests.live import Live, Receiver, until


async def expected(gateway: Live, payment_id: str) -> list[str]:
    """The events of a payment, as the gateway's own books tell them."""
    rows = await gateway.sql("SELECT event FROM payment_events WHERE payment_id = $1 ORDER BY sequence", payment_id)
    return [row[0] for row in rows if row[0] in EVENTS]


async def waiting(gateway: Live) -> int:
    """How many events wait for the broker."""
    return int((await gateway.sql("SELECT count(*) FROM broker_outbox"))[0][0])


async def nothing_waits(gateway: Live) -> None:
    """Wait until every event is published."""

    async def empty() -> bool:
        return await waiting(gateway) == 0

    await until(empty, "an empty outbox")


async def test_every_event_arrives_as_the_webhook_does(publishing: Live, broker: BrokerServer) -> None:
    async with Receiver() as receiver:
        await publishing.use_webhooks(receiver.url)
        payment = await publishing.paid()
        body = {"amount": 20_000, "reason": "Zu groß, ग़लत रंग 🎈"}
        refund = (await publishing.post(f"/api/v1/payments/{payment['id']}/refunds", body)).json
        assert refund["reason"] == body["reason"]
        await receiver.events(payment["id"], 5)
        await publishing.use_webhooks(None)

    told = await broker.told_of(payment["id"], 5)

    assert [one.event for one in told] == await expected(publishing, payment["id"])
    webhooks = {one.headers["webhook-id"]: one.body for one in receiver.of(payment["id"])}
    assert {one.id: one.body for one in told} == webhooks


async def test_events_come_without_a_webhook_too(publishing: Live, broker: BrokerServer) -> None:
    payment = await publishing.paid()

    told = await broker.told_of(payment["id"], 3)

    assert [one.event for one in told] == ["payment.created", "payment.pending", "payment.success"]
    assert len({one.id for one in told}) == 3
    await nothing_waits(publishing)


async def test_a_killed_broker_holds_nobody_up_and_gets_everything_on_its_return(
    publishing: Live, broker: BrokerServer
) -> None:
    async def pay() -> str:
        return str((await publishing.pay((await publishing.order())["id"]))["id"])

    under_way = [asyncio.create_task(pay()) for _ in range(40)]
    await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
    await broker.kill()
    ids = await asyncio.gather(*under_way, *(pay() for _ in range(40)))

    settled = await asyncio.gather(*map(publishing.settled, ids))
    assert {payment["status"] for payment in settled} == {"success"}
    assert (await publishing.get("/health")).json["status"] == "healthy"
    assert await waiting(publishing) >= 40

    await broker.start()
    for payment_id in ids:
        events = await expected(publishing, payment_id)
        told = await broker.told_of(payment_id, len(events))
        assert [one.event for one in told] == events
    await nothing_waits(publishing)


async def test_without_a_broker_nothing_is_kept_for_one(gateway: Live) -> None:
    payment = await gateway.paid()
    assert len(await expected(gateway, payment["id"])) == 3
    assert await waiting(gateway) == 0


@pytest.mark.parametrize("scheme", ["amqp", "stomp"])
async def test_a_broker_that_never_answers_holds_nobody_up(gateway: Live, scheme: str) -> None:
    attempts: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: attempts.append(writer), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        async with await gateway.beside(BROKER_URL=f"{scheme}://127.0.0.1:{port}") as live, Receiver() as receiver:
            await live.use_webhooks(receiver.url.replace("127.0.0.1", "localhost"))
            for tried in (1, 2):

                async def enough(tried: int = tried) -> bool:
                    return len(attempts) >= tried

                payment = await live.paid()
                await receiver.events(payment["id"], 3)
                await until(enough, "another attempt at the broker")
            assert await waiting(live) == 6
    finally:
        for writer in attempts:
            writer.close()
        server.close()


@pytest.mark.parametrize(
    "url",
    [
        "kafka://user:hunter2@localhost",
        "localhost:5672",
        "amqp://",
        "stomp://user:hunter2@:61613",
        "amqp://user:hunter2@localhost:port",
        "amqp://user:hunter2@localhost:99999",
    ],
)
def test_an_unusable_broker_url_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="BROKER_URL must be such as amqp://") as refusal:
        load({"BROKER_URL": url})
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("url", ["amqp://localhost", "amqps://u:p@mq/host", "stomp://[::1]:1", "stomp+ssl://u:p@mq"])
def test_a_usable_broker_url_is_taken(url: str) -> None:
    assert broker_of(load({"BROKER_URL": url})) is not None


def test_a_gateway_with_an_unusable_broker_url_does_not_start(gateway: Live) -> None:
    environment = {**gateway.environment, "BROKER_URL": "kafka://user:hunter2@localhost"}
    command = [sys.executable, "-m", "kassa", "up"]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 2
    assert run.stderr.startswith("kassa: Unusable environment: BROKER_URL must be such as")
    assert "hunter2" not in run.stderr and "Traceback" not in run.stderr
