"""The `kassa` command, run as from a shell."""

import asyncio
import sys
from collections.abc import Mapping
from typing import NamedTuple

from tests.live import DEADLINE_S


class Done(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


async def kassa(environment: Mapping[str, str], *arguments: str, stdin: bytes = b"") -> Done:
    """Run a command to its end."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "kassa", *arguments),
        env={**environment, "COLUMNS": "200"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(DEADLINE_S):
            out, err = await process.communicate(stdin)
    except TimeoutError:
        process.kill()
        raise
    assert process.returncode is not None
    return Done(process.returncode, out.decode(), err.decode())
