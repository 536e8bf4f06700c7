"""A webhook receiver, in a process of its own and lean: it reads each request to its end and answers 200."""

import asyncio
import sys
from typing import cast

import uvloop

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"


class _Connection(asyncio.Protocol):
    """One connection of a sender that does not send the next request before it has the answer."""

    def __init__(self) -> None:
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if len(body) >= int(length):
            self._received = b""
            self._transport.write(ANSWER)


async def _serve(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Connection, "127.0.0.1", port, backlog=1_024)
    print("ready", flush=True)
    await server.serve_forever()


class Receiver:
    """The receiver as a process: `async with Receiver(port)`."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}/webhook"
        self._port = port

    async def __aenter__(self) -> "Receiver":
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.receiver", str(self._port), stdout=asyncio.subprocess.PIPE
        )
        assert self._process.stdout is not None
        if await self._process.stdout.readline() != b"ready\n":
            raise RuntimeError("The receiver did not start")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._process.kill()
        await self._process.wait()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
