"""A server that says what a test wrote down, and keeps what it was asked: for answers that no stand-in gives."""

import asyncio
import json
from typing import Any, NamedTuple

from aiohttp import web
from tests.live import free_port


class Asked(NamedTuple):
    """A request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Scripted:
    """`answers` are given by `METHOD /path`, one after the other, the last one for ever; anything else is a 404."""

    def __init__(self) -> None:
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self.answers: dict[str, list[tuple[int, Any]]] = {}
        self.asked: list[Asked] = []
        self._held: dict[str, asyncio.Event] = {}
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=1)

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked.append(Asked(request.method, request.path_qs, dict(request.headers), await request.read()))
        for prefix, event in self._held.items():
            if request.path.startswith(prefix):
                await event.wait()
        left = self.answers.get(f"{request.method} {request.path}", [(404, {"name": "RESOURCE_NOT_FOUND"})])
        status, body = left.pop(0) if len(left) > 1 else left[0]
        headers = {"Set-Cookie": "account=whose"}
        if 300 <= status < 400:
            headers["Location"] = f"{self.url}/elsewhere"
        return web.Response(
            status=status, body=body if isinstance(body, bytes) else json.dumps(body).encode(), headers=headers
        )

    def hold(self, prefix: str) -> asyncio.Event:
        """Answer nothing below `prefix` until the event that is returned."""
        return self._held.setdefault(prefix, asyncio.Event())

    def paths(self, method: str) -> list[str]:
        """What was asked for by `method`, in order."""
        return [one.path for one in self.asked if one.method == method]

    async def __aenter__(self) -> "Scripted":
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
