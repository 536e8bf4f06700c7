"""The bare loop that deliveries are held against: the worker's own HTTP client and nothing around it.

It reads a Plan from its standard input and writes how many posts a second it made to its standard output, both in
MessagePack.
"""

import asyncio
import sys
import time

import msgspec
import uvloop

from kassa.net import Outbound
from kassa.settings import Settings

BODY_LIMIT_BYTES = 16_384


class Plan(msgspec.Struct):
    """What to post: bodies with their headers, in turn, `at_once` of them at any time, for `duration_s`."""

    url: str
    messages: list[tuple[bytes, dict[str, str]]]
    at_once: int
    duration_s: float


async def _post(plan: Plan) -> float:
    outbound = Outbound(Settings().webhook_private_networks)
    session = outbound._session  # the very client that the worker has, without what Outbound does around it
    posted = next_message = 0
    started = time.perf_counter()
    ends = started + plan.duration_s

    async def poster() -> None:
        nonlocal posted, next_message
        while time.perf_counter() < ends:
            body, headers = plan.messages[next_message]
            next_message = (next_message + 1) % len(plan.messages)
            async with session.post(plan.url, data=body, headers=headers, allow_redirects=False) as response:
                await response.content.read(BODY_LIMIT_BYTES)
                assert response.status == 200
            posted += 1

    await asyncio.gather(*(poster() for _ in range(plan.at_once)))
    took_s = time.perf_counter() - started
    await outbound.aclose()
    return posted / took_s


async def posts_per_s(plan: Plan) -> float:
    """Run `plan` in a process of its own; returns its posts a second."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.posting", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    answer, _ = await process.communicate(msgspec.msgpack.encode(plan))
    if process.returncode != 0:
        raise RuntimeError(f"The bare loop ended with exit code {process.returncode}")
    return msgspec.msgpack.decode(answer, type=float)


if __name__ == "__main__":
    result = uvloop.run(_post(msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Plan)))
    sys.stdout.buffer.write(msgspec.msgpack.encode(result))
