"""The HTTP protocol's ends: what is not taken in for ever, and who is not waited for."""

import asyncio
import socket
from typing import Any

import uvicorn

from kassa.api.protocol import OneWriteProtocol

WITHIN_S = 10.0


async def _application(_: Any, __: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def test_a_connection_that_asks_nothing_or_nothing_more_ends() -> None:
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(_application, http=OneWriteProtocol, timeout_keep_alive=1, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    for request in (b"", b"GET / HTTP/1.1\r\nhost: kassa\r\n\r\n"):
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        writer.write(request)
        answer = await asyncio.wait_for(reader.read(), WITHIN_S)
        assert answer.startswith(b"HTTP/1.1 204") if request else answer == b""
        writer.close()
    server.should_exit = True
    await serving
