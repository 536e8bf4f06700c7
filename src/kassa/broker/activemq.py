"""ActiveMQ (or any STOMP 1.2 broker), through stomp.py: a topic of persistent messages, each confirmed by a receipt."""

import asyncio
import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import unquote, urlsplit

import stomp

from kassa.broker.base import DESTINATION, BrokerError, Message

TIMEOUT_S = 5.0
PLAIN_PORT = 61_613
TLS_PORT = 61_614


class _Link(stomp.ConnectionListener):  # type: ignore[misc]
    """One connection, and what its broker has said on it: the library's own thread reads, and calls this."""

    def __init__(self, connection: stomp.Connection12) -> None:
        self.connection = connection
        self._said = threading.Condition()
        self._connected = self._lost = False
        self._receipts: set[str] = set()
        connection.set_listener("link", self)

    def on_connected(self, frame: stomp.utils.Frame) -> None:
        with self._said:
            self._connected = True
            self._said.notify_all()

    def on_receipt(self, frame: stomp.utils.Frame) -> None:
        with self._said:
            self._receipts.add(frame.headers.get("receipt-id", ""))
            self._said.notify_all()

    def on_error(self, frame: stomp.utils.Frame) -> None:
        self._lose()

    def on_disconnected(self) -> None:
        self._lose()

    def _lose(self) -> None:
        with self._said:
            self._lost = True
            self._said.notify_all()

    def await_connected(self) -> None:
        """Return when the broker has let us in; raises OSError when it does not."""
        with self._said:
            self._said.wait_for(lambda: self._connected or self._lost, TIMEOUT_S)
            if self._lost or not self._connected:
                raise OSError("the broker did not let us in")

    def await_receipt(self, receipt: str) -> None:
        """Return when the broker has confirmed; raises OSError when it does not."""
        with self._said:
            self._said.wait_for(lambda: receipt in self._receipts or self._lost, TIMEOUT_S)
            if receipt not in self._receipts:
                raise OSError("the broker did not confirm")
            self._receipts.clear()

    def cut(self) -> None:
        """End the connection at once. The library's way would wait for a broker that may have stopped reading."""
        self._lose()
        open_socket = self.connection.transport.socket
        if open_socket is not None:
            try:
                open_socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                return  # it is down already


class ActiveMQ:
    """Events on the topic `kassa.events`. One thread of our own sends, so that a broker that hangs holds nobody up."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._tls = parts.scheme == "stomp+ssl"
        self._address = (parts.hostname or "localhost", parts.port or (TLS_PORT if self._tls else PLAIN_PORT))
        self._login = (unquote(parts.username or ""), unquote(parts.password or ""))
        self._thread = ThreadPoolExecutor(1, "activemq")
        self._link: _Link | None = None

    async def publish(self, messages: list[Message]) -> None:
        """Publish in this order; the receipt of the last one confirms all before it (STOMP 1.2, "RECEIPT")."""
        try:
            await asyncio.get_running_loop().run_in_executor(self._thread, self._publish, messages)
        except (stomp.exception.StompException, OSError) as error:
            raise BrokerError(str(error) or type(error).__name__) from error

    def _publish(self, messages: list[Message]) -> None:
        link = self._link or self._open()
        for number, one in enumerate(messages, start=1):
            headers = {
                "persistent": "true",
                "kassa-message-id": one.id,
                "kassa-event": one.event,
                "payment-id": one.payment_id,
            }
            if number == len(messages):
                headers["receipt"] = one.id
            link.connection.send(f"/topic/{DESTINATION}", one.payload, content_type="application/json", headers=headers)
        link.await_receipt(messages[-1].id)

    def _open(self) -> _Link:
        connection = stomp.Connection12(
            [self._address],
            timeout=TIMEOUT_S,
            reconnect_attempts_max=1,
            # With a length ActiveMQ makes bytes of it, for Java to decode; without one a text message.
            auto_content_length=False,
        )
        if self._tls:
            connection.set_ssl([self._address], ssl_version=ssl.PROTOCOL_TLS_CLIENT)
        link = self._link = _Link(connection)
        connection.connect(*self._login)
        link.await_connected()
        return link

    async def close(self) -> None:
        """Let go of the connection."""
        link, self._link = self._link, None
        if link is not None:
            link.cut()
