"""Clients that write down what they asked and what they were told, and ask again until somebody answers."""

import asyncio
import json
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import aiohttp

from tests.live import CREDENTIALS, DEADLINE_S

# Longer than the gateway may take to give up on a server that is away.
ANSWER_WITHIN_S = 10.0
PAUSE_S = 0.1


@dataclass(frozen=True)
class Exchange:
    """One request and what came of it; a `status` of None says that the answer never came.

    `asked_at` and `told_at` are in seconds of one clock.
    """

    path: str
    key: str | None
    body: Any
    status: int | None
    text: str
    asked_at: float
    told_at: float

    @property
    def json(self) -> Any:
        """The answer's body, decoded."""
        return json.loads(self.text)


Journal = list[Exchange]


class Client:
    """A merchant's program: `async with Client(url) as client`; `journal` holds every exchange in order."""

    def __init__(self, url: str) -> None:
        self.journal: Journal = []
        self._url = url

    async def __aenter__(self) -> "Client":
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            headers=CREDENTIALS,
            timeout=aiohttp.ClientTimeout(total=ANSWER_WITHIN_S),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def send(self, path: str, body: Any = None, key: str | None = None) -> Exchange:
        """Ask once: a POST of `body`, or a GET without one."""
        headers = {"Idempotency-Key": key} if key else {}
        status, text, asked_at = None, "", time.monotonic()
        try:
            method = "GET" if body is None else "POST"
            async with self._session.request(method, self._url + path, json=body, headers=headers) as response:
                text = await response.text()
                status = response.status
        except (aiohttp.ClientError, OSError):  # TimeoutError is one too
            pass
        told = Exchange(path, key, body, status, text, asked_at, time.monotonic())
        self.journal.append(told)
        return told

    async def ask(self, path: str, body: Any = None, key: str | None = None) -> Exchange:
        """Ask, with the same key, until the answer comes and is not a 5xx."""
        ends = time.monotonic() + DEADLINE_S
        while True:
            told = await self.send(path, body, key)
            if told.status is not None and told.status < 500:
                return told
            assert time.monotonic() < ends, f"no answer within {DEADLINE_S:g} s: {told}"
            await asyncio.sleep(PAUSE_S)
