"""A load generator, in a process of its own and lean, so that it leaves the processors to what it measures.

It reads a Plan from its standard input and writes a Taken to its standard output, both in MessagePack.
"""

import asyncio
import sys
import time
from typing import cast

import msgspec
import uvloop


class Plan(msgspec.Struct):
    """What to send: `requests`, byte for byte, in turn over `connections` connections that stay open.

    With `each_once` the run ends when all were answered; else they are repeated, and it ends after `duration_s`.
    What is answered within the first `warm_up_s` is not counted.
    """

    port: int
    connections: int
    requests: list[bytes]
    duration_s: float = 0.0
    warm_up_s: float = 0.0
    each_once: bool = False


class Taken(msgspec.Struct):
    """What came of it: answers with 2xx and others, from the first to the last counted one, and their latencies."""

    accepted: int
    refused: int
    duration_s: float
    mean_ms: float
    p50_ms: float
    p99_ms: float
    first_refusal: str = ""

    @property
    def per_s(self) -> float:
        """Accepted requests a second."""
        return self.accepted / self.duration_s


class _Run:
    """The state that all connections share."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.next = 0
        self.accepted = self.refused = 0
        self.first_refusal = ""
        self.latencies_s: list[float] = []
        self.count_from = time.perf_counter() + plan.warm_up_s
        self.ends = float("inf") if plan.each_once else self.count_from + plan.duration_s
        self.over = asyncio.Event()
        self.open = 0

    def request(self) -> bytes | None:
        """The next request to send, None when there is none."""
        requests = self.plan.requests
        if self.next == len(requests):
            if self.plan.each_once:
                return None
            self.next = 0
        self.next += 1
        return requests[self.next - 1]

    def closed(self) -> None:
        """One connection is done."""
        self.open -= 1
        if self.open == 0:
            self.over.set()


class _Connection(asyncio.Protocol):
    """One connection: sends, reads the answer to its end, sends the next."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._received = b""
        self._expected = 0
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._run.open += 1
        self._send()

    def _send(self) -> None:
        request = self._run.request()
        if request is None:
            self._transport.close()
            return
        self._sent = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._received:
            data = self._received + data
        if not self._expected:
            head = data.find(b"\r\n\r\n")
            if head < 0:
                self._received = data
                return
            at = data.find(b"content-length:", 0, head)
            assert at > 0, data[:head]
            self._expected = head + 4 + int(data[at + 15 : data.find(b"\r\n", at)])
        if len(data) < self._expected:
            self._received = data
            return
        self._received, self._expected = b"", 0
        self._answered(data)

    def _answered(self, data: bytes) -> None:
        now, run = time.perf_counter(), self._run
        if now >= run.count_from:
            if data[9:10] == b"2":
                run.accepted += 1
                run.latencies_s.append(now - self._sent)
            else:
                run.refused += 1
                run.first_refusal = run.first_refusal or data.decode(errors="replace")
        if now >= run.ends:
            self._transport.close()
        else:
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            self._run.refused += 1
            self._run.first_refusal = self._run.first_refusal or repr(exc)
        self._run.closed()


async def _put(plan: Plan) -> Taken:
    run = _Run(plan)
    loop = asyncio.get_running_loop()
    run.open = 1  # this one, until all the others are there
    for _ in range(plan.connections):
        await loop.create_connection(lambda: _Connection(run), "127.0.0.1", plan.port)
    run.closed()
    await run.over.wait()
    took_s = time.perf_counter() - run.count_from
    ordered = sorted(run.latencies_s) or [0.0]
    return Taken(
        run.accepted,
        run.refused,
        took_s,
        1000 * sum(ordered) / len(ordered),
        1000 * ordered[len(ordered) // 2],
        1000 * ordered[len(ordered) * 99 // 100],
        run.first_refusal,
    )


async def put(plan: Plan) -> Taken:
    """Run `plan` in a process of its own. Raises RuntimeError when a request was refused."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.load", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    answer, _ = await process.communicate(msgspec.msgpack.encode(plan))
    if process.returncode != 0:
        raise RuntimeError(f"The load generator ended with exit code {process.returncode}")
    taken = msgspec.msgpack.decode(answer, type=Taken)
    if taken.refused:
        raise RuntimeError(f"{taken.refused} requests were refused, the first with: {taken.first_refusal}")
    return taken


if __name__ == "__main__":
    result = uvloop.run(_put(msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Plan)))
    sys.stdout.buffer.write(msgspec.msgpack.encode(result))
