"""Real brokers as processes in a folder of their own, each with a subscriber that misses nothing."""

import asyncio
import os
import shutil
import subprocess
import tempfile
import threading
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import aio_pika
import stomp

from tests.live import DEADLINE_S, free_port, until

EXCHANGE = "kassa.events"
STOP_TIMEOUT_S = 30


class Got(NamedTuple):
    """A message as it arrived."""

    id: str
    payment_id: str
    event: str
    body: bytes


class BrokerServer:
    """A broker on loopback: `async with Kind() as broker`. `journal` is all that its subscriber was ever given."""

    scheme: str
    package: str
    """What to install on Debian where it is missing."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="kassa-test-", dir="/tmp"))
        self.port = free_port()
        self.journal: list[Got] = []
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def url(self) -> str:
        """BROKER_URL."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    async def __aenter__(self) -> "BrokerServer":
        await self.start()
        await self.subscribe()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._end("terminate")
        shutil.rmtree(self.folder)

    @classmethod
    @abstractmethod
    def is_installed(cls) -> bool:
        """Whether this machine has it."""

    @abstractmethod
    def commands(self) -> Iterable[tuple[Sequence[str], Mapping[str, str]]]:
        """What runs it, with what is added to the environment; the broker itself comes last."""

    @abstractmethod
    async def subscribe(self) -> None:
        """From now on keep everything for us, also while we are away."""

    @abstractmethod
    async def take(self) -> None:
        """Put everything that waits for us into the journal, then acknowledge it: so nothing is missed, if repeated."""

    async def start(self) -> None:
        """Start it, also again on its old data, and wait until it lets us in."""
        with (self.folder / "log").open("ab") as log:
            for command, added in self.commands():
                self._processes.append(
                    subprocess.Popen(
                        command, cwd=self.folder, env={**os.environ, **added}, stdin=subprocess.DEVNULL, stdout=log,
                        stderr=subprocess.STDOUT,
                    )
                )  # fmt: skip

        async def answers() -> bool:
            assert self._processes[-1].poll() is None, (self.folder / "log").read_text(errors="replace")
            try:
                await self.subscribe()
            except (OSError, aio_pika.exceptions.AMQPError, stomp.exception.StompException):
                return False
            return True

        await until(answers, f"{type(self).__name__} answers", 2 * DEADLINE_S)

    async def kill(self) -> None:
        """`kill -9`."""
        await self._end("kill")

    async def _end(self, how: str) -> None:
        processes, self._processes = self._processes, []
        for process in reversed(processes):
            getattr(process, how)()
            try:
                await asyncio.to_thread(process.wait, STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                await asyncio.to_thread(process.wait, STOP_TIMEOUT_S)

    async def told_of(self, payment_id: str, count: int) -> list[Got]:
        """The first `count` different messages about a payment, in the order in which each first arrived."""

        async def enough() -> list[Got] | None:
            first = {one.id: one for one in reversed(self.journal) if one.payment_id == payment_id}
            found = [one for one in self.journal if first.get(one.id) is one]
            if len(found) >= count:
                return found
            await self.take()
            return None

        return await until(enough, f"{count} messages about {payment_id}", 2 * DEADLINE_S)


class RabbitMQServer(BrokerServer):
    """RabbitMQ, with a durable queue bound to the events."""

    scheme, package = "amqp", "rabbitmq-server"
    # Debian's own script insists on the system's user and folders; the one behind it does not.
    programs = Path("/usr/lib/rabbitmq/bin")

    def __init__(self) -> None:
        super().__init__()
        self._names, self._distribution = free_port(), free_port()
        (self.folder / "plugins").write_text("[].")
        (self.folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\ndistribution.listener.interface = 127.0.0.1\n"
        )

    @classmethod
    def is_installed(cls) -> bool:
        return (cls.programs / "rabbitmq-server").exists() and shutil.which("epmd") is not None

    def commands(self) -> Iterable[tuple[Sequence[str], Mapping[str, str]]]:
        names = {"ERL_EPMD_PORT": str(self._names), "ERL_EPMD_ADDRESS": "127.0.0.1", "HOME": str(self.folder)}
        yield ["epmd"], names
        yield (
            [str(self.programs / "rabbitmq-server")],
            {
                **names,
                # The shell becomes Erlang, so that a signal reaches it; epmd is ours, so that it ends with the test.
                "RABBITMQ_ALLOW_INPUT": "1",
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-noinput -start_epmd false",
                "RABBITMQ_NODENAME": f"kassa{self.port}@localhost",
                "RABBITMQ_DIST_PORT": str(self._distribution),
                "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
                "RABBITMQ_LOG_BASE": str(self.folder),
                "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq"),
                "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            },
        )

    async def subscribe(self) -> None:
        async with await aio_pika.connect(self.url, timeout=5) as connection:
            await self._queue(connection)

    async def _queue(self, connection: aio_pika.abc.AbstractConnection) -> aio_pika.abc.AbstractQueue:
        channel = await connection.channel()
        exchange = await channel.declare_exchange(EXCHANGE, aio_pika.ExchangeType.TOPIC, durable=True)
        queue = await channel.declare_queue("journal", durable=True)
        await queue.bind(exchange, "#")
        return queue

    async def take(self) -> None:
        async with await aio_pika.connect(self.url, timeout=5) as connection:
            queue = await self._queue(connection)
            while message := await queue.get(fail=False):
                payment_id = str(message.headers["payment_id"])
                got = Got(message.message_id or "", payment_id, message.routing_key or "", message.body)
                self.journal.append(got)
                await message.ack()


class ActiveMQServer(BrokerServer):
    """ActiveMQ with nothing but STOMP, and a durable subscriber of the events."""

    scheme, package = "stomp", "activemq"
    home = Path("/usr/share/activemq")

    @classmethod
    def is_installed(cls) -> bool:
        return (cls.home / "bin/activemq.jar").exists() and shutil.which("java") is not None

    def commands(self) -> Iterable[tuple[Sequence[str], Mapping[str, str]]]:
        data = self.folder / "data"
        folders = {"home": self.home, "base": self.folder, "conf": self.folder, "data": data}
        options = [f"-Dactivemq.{name}={folder}" for name, folder in folders.items()]
        broker = f"broker:(stomp://127.0.0.1:{self.port})?persistent=true&useJmx=false&dataDirectory={data}"
        yield ["java", "-Xmx128M", *options, "-jar", str(self.home / "bin/activemq.jar"), "start", broker], {}

    async def subscribe(self) -> None:
        await asyncio.to_thread(self._listen, 0.0)

    async def take(self) -> None:
        await asyncio.to_thread(self._listen, 0.5)

    def _listen(self, quiet_s: float) -> None:
        """Subscribe, and leave once nothing more has come for a while; what came is acknowledged."""
        subscriber = _Subscriber()
        connection = stomp.Connection12([("127.0.0.1", self.port)], timeout=5, reconnect_attempts_max=1)
        connection.set_listener("journal", subscriber)
        connection.connect(wait=True, headers={"client-id": "journal"})
        connection.subscribe(
            f"/topic/{EXCHANGE}", id="journal", ack="client",
            headers={"activemq.subscriptionName": "journal", "receipt": "subscribed"},
        )  # fmt: skip
        subscriber.await_receipt("subscribed")
        got, last_ack = subscriber.collected(quiet_s)
        self.journal += got
        if got:
            connection.ack(last_ack, receipt="acknowledged")
            subscriber.await_receipt("acknowledged")
        connection.disconnect(receipt="bye")


class _Subscriber(stomp.ConnectionListener):  # type: ignore[misc]
    def __init__(self) -> None:
        self._said = threading.Condition()
        self._receipts: set[str] = set()
        self._got: list[Got] = []
        self._last_ack = self._error = ""

    def on_receipt(self, frame: stomp.utils.Frame) -> None:
        with self._said:
            self._receipts.add(frame.headers["receipt-id"])
            self._said.notify_all()

    def on_error(self, frame: stomp.utils.Frame) -> None:
        with self._said:
            self._error = f"{frame.headers.get('message')}: {frame.body}"
            self._said.notify_all()

    def on_message(self, frame: stomp.utils.Frame) -> None:
        headers = frame.headers
        with self._said:
            self._last_ack = headers["ack"]
            self._got.append(
                Got(headers["kassa-message-id"], headers["payment-id"], headers["kassa-event"], frame.body.encode())
            )
            self._said.notify_all()

    def await_receipt(self, receipt: str) -> None:
        with self._said:
            self._said.wait_for(lambda: receipt in self._receipts or self._error, DEADLINE_S)
            if receipt not in self._receipts:
                raise OSError(self._error or "no receipt")

    def collected(self, quiet_s: float) -> tuple[list[Got], str]:
        with self._said:
            while quiet_s and self._said.wait(quiet_s):
                pass
            return list(self._got), self._last_ack
