"""uvicorn's HTTP protocol, with head and body of an answer in one write: two would be two packets and two wake-ups.

And with an end to a request, whose head and trailers uvicorn would gather for as long as a stranger sends them.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_LIMIT_BYTES = 65_536
# Far above what any body may have: such a body is refused in better words, long before.
REQUEST_LIMIT_BYTES = 4_194_304


class _JoiningTransport:
    """A transport that keeps an answer's head until the body comes, at the latest until the loop's next turn."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport
        self._head: bytes | None = None
        self._call_soon = asyncio.get_running_loop().call_soon
        self.is_closing = transport.is_closing
        self.get_extra_info = transport.get_extra_info

    def write(self, data: bytes) -> None:
        """Write, or keep what is the head of an answer."""
        if self._head is not None:
            head, self._head = self._head, None
            self._transport.write(head + data)
        elif data.startswith(b"HTTP/1.1 "):
            self._head = data
            self._call_soon(self._flush)
        else:
            self._transport.write(data)

    def _flush(self) -> None:
        if self._head is not None:
            head, self._head = self._head, None
            self._transport.write(head)

    def close(self) -> None:
        """Close, after what is kept."""
        self._flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class OneWriteProtocol(HttpToolsProtocol):
    """The protocol on such a transport."""

    _taken_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin a connection; one that asks nothing ends as one does that asks nothing more."""
        super().connection_made(_JoiningTransport(transport))  # type: ignore[arg-type]
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def on_message_begin(self) -> None:
        """Begin a request; what its first bytes come with is not counted: it may belong to the one before."""
        super().on_message_begin()
        self._taken_bytes = -1

    def data_received(self, data: bytes) -> None:
        """Take in what has come; a request that does not end within the limits ends the connection."""
        super().data_received(data)
        self._taken_bytes = self._taken_bytes + len(data) if self._taken_bytes >= 0 else 0
        # The method is known when the head is complete.
        in_head = self.scope is None or "method" not in self.scope
        limit = HEAD_LIMIT_BYTES if in_head else REQUEST_LIMIT_BYTES
        if self._taken_bytes > limit and not self.transport.is_closing():
            self.send_400_response("The request is too large.")
