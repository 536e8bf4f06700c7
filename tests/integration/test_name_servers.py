"""A name server that never answers holds up nobody but those whose names it keeps to itself."""

import asyncio
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from aiohttp import web

from tests.live import Receiver

# Loopback, but nobody's: the programs of this machine ask the servers that it has.
NAME_SERVER = "127.53.53.53"
SILENT = 40
POSTS = f"""
import asyncio, json, sys
from contextlib import aclosing
from kassa.net import Outbound
from kassa.settings import EVERYWHERE

async def main():
    async with aclosing(Outbound(EVERYWHERE)) as outbound:
        def post(host):
            return outbound.post(f"http://{{host}}:{{sys.argv[1]}}/", b"", {{}}, timeout_s=5, body_limit_bytes=100)

        silent = [asyncio.create_task(post(f"shop{{number}}.silent.test")) for number in range({SILENT})]
        await asyncio.sleep(0)
        replies = [await post("shop.prompt.test"), *await asyncio.gather(*silent)]
        print(json.dumps([[reply.status, reply.error] for reply in replies]))

asyncio.run(main())
"""


class NameServer(asyncio.DatagramProtocol):
    """Knows every name as 127.0.0.1 (RFC 1035), and says nothing of those below silent.test."""

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        """Begin."""
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer a question, or do not."""
        end = data.index(b"\0", 12) + 5
        if b"\x06silent\x04test" in data:
            return
        is_a = data[end - 4 : end - 2] == b"\0\1"
        answer = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1" if is_a else b""
        counts = b"\0\1" + is_a.to_bytes(2, "big") + b"\0\0\0\0"
        self._transport.sendto(data[:2] + b"\x81\x80" + counts + data[12:end] + answer, addr)


def _may_mount() -> bool:
    """Whether one process can be given a name server of its own: that needs root, and unshare."""
    unshare = shutil.which("unshare")
    return unshare is not None and subprocess.run([unshare, "-m", "true"], capture_output=True).returncode == 0


@pytest.mark.skipif(not _may_mount(), reason="needs root, and unshare")
async def test_names_that_nobody_answers_for_hold_up_no_other(tmp_path: Path) -> None:
    (tmp_path / "resolv.conf").write_text(f"nameserver {NAME_SERVER}\n")
    mount = 'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"'
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(NameServer, local_addr=(NAME_SERVER, 53))
    async with Receiver() as receiver:

        async def answer(_: object) -> web.Response:
            return web.Response()

        receiver.behaviour = answer
        process = await asyncio.create_subprocess_exec(
            *("unshare", "-m", "sh", "-c", mount, "sh", str(tmp_path / "resolv.conf")),
            *(sys.executable, "-c", POSTS, str(receiver.port)),
            stdout=subprocess.PIPE,
        )
        out, _ = await process.communicate()
    transport.close()
    prompt, *silent = json.loads(out)
    assert prompt == [200, None]
    assert [error for _, error in silent] == ["No complete answer within 5 s"] * SILENT
