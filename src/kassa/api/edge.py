"""The ASGI application: finds the operation, lets the caller in or not, runs it; every answer leaves here."""

import os
import re
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import msgspec
import structlog
from starlette.routing import Match, Route, Router

from kassa import log as logs
from kassa.actions.gateway import Gateway
from kassa.actions.once import Answer
from kassa.api.access import Door
from kassa.api.limits import RateLimited, RateLimits, counted_as
from kassa.api.metrics import Observed
from kassa.api.operation import Call, Download, Operation, Result, Text
from kassa.api.validation import BODY_LIMIT_BYTES, parse_body, parse_query
from kassa.domain.errors import KassaError, bad_request, not_found
from kassa.store.database import LOST

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_JSON = b"application/json"
log = structlog.get_logger()


class _Endpoint:
    """An operation with what is prepared once for all its requests."""

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self.decoder = msgspec.json.Decoder(operation.body) if operation.body else None
        self.observed = Observed(f"{operation.method} {operation.path}")
        self.route = Route(operation.path, lambda _: None, methods=[operation.method])


class Edge:
    """Answers every request: operations by their table, anything else by the pages of the port it came to."""

    def __init__(
        self, gateway: Gateway, operations: list[Operation], pages: Router, faces: Mapping[int, App], limits: RateLimits
    ) -> None:
        self._gateway = gateway
        self._limits = limits
        self._door = Door(gateway, limits)
        self._pages = pages
        self._faces = faces
        endpoints = [_Endpoint(operation) for operation in operations]
        self._exact = {(e.operation.method, e.operation.path): e for e in endpoints if "{" not in e.operation.path}
        self._patterns = [e for e in endpoints if "{" in e.operation.path]
        self._unmatched = Observed("unmatched")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        started = time.perf_counter()
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id")
        request_id = given if given and _REQUEST_ID.fullmatch(given) else b"req_" + os.urandom(12).hex().encode()
        logs.request_id.set(request_id.decode())
        extra: Headers = [(b"x-request-id", request_id)]
        endpoint: _Endpoint | None = None
        result: Result
        try:
            found = self._find(scope)
            if not isinstance(found, tuple):
                await found(scope, receive, _with_headers(send, extra))
                return
            endpoint, path = found
            result = await self._run(endpoint, scope, headers, path, receive)
        except RateLimited as error:
            extra.append((b"retry-after", str(error.retry_after_s).encode()))
            result = _refused(error.error)
        except KassaError as error:
            if error.status == 405:
                extra.append((b"allow", ", ".join(self._methods(scope)).encode()))
            result = _refused(error)
        except Exception as error:
            unavailable = isinstance(error, LOST)
            log.error("request.unavailable" if unavailable else "request.crashed", exc_info=not unavailable)
            result = _refused(KassaError("SERVICE_UNAVAILABLE" if unavailable else "INTERNAL_ERROR"))
        status = await _answer(send, result, endpoint.operation.status if endpoint else 200, extra)
        duration_s = time.perf_counter() - started
        (endpoint.observed if endpoint else self._unmatched).observe(status, duration_s)
        method, route = (endpoint.operation.method, endpoint.operation.path) if endpoint else (None, None)
        logs.request_line(method, route, status, round(duration_s * 1000, 2))

    def _find(self, scope: Scope) -> tuple[_Endpoint, Mapping[str, str]] | App:
        """The endpoint of a request with its path parameters, or the pages that answer it. Raises 404 or 405."""
        endpoint = self._exact.get((scope["method"], scope["path"]))
        if endpoint is not None:
            return endpoint, {}
        for endpoint in self._patterns:
            match, child = endpoint.route.matches(scope)
            if match is Match.FULL:
                return endpoint, child["path_params"]
        if methods := self._methods(scope):
            raise bad_request(f"{scope['path']} takes {' or '.join(methods)}, not {scope['method']}", 405)
        face = self._faces.get(scope["server"][1])
        if face is not None and not scope["path"].startswith("/api/"):
            return face
        if any(route.matches(scope)[0] is Match.FULL for route in self._pages.routes):
            return self._pages
        raise not_found("Path")

    def _methods(self, scope: Scope) -> list[str]:
        methods = {method for method, path in self._exact if path == scope["path"]}
        methods |= {e.operation.method for e in self._patterns if e.route.matches(scope)[0] is not Match.NONE}
        return sorted(methods)

    async def _run(
        self,
        endpoint: _Endpoint,
        scope: Scope,
        headers: Mapping[bytes, bytes],
        path: Mapping[str, str],
        receive: Receive,
    ) -> Result:
        operation = endpoint.operation
        client = scope.get("client")
        address = counted_as(client[0]) if client else "unknown"
        merchant = await self._door.enter(operation, scope["method"], headers, address)
        body: Any = None
        query = None
        if operation.body is not None and endpoint.decoder is not None:
            if not headers.get(b"content-type", _JSON).startswith(_JSON):
                raise bad_request("Send the body as JSON, with Content-Type: application/json", 415)
            body = parse_body(await _read(headers, receive), operation.body, endpoint.decoder)
        elif operation.raw_body:
            body = await _read(headers, receive)
        if operation.query is not None:
            query = parse_query(scope["query_string"], operation.query)
        call = Call(self._gateway, self._limits, merchant, body, query, path, headers, address)
        return await operation.handler(call)


async def _read(headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
    """The whole body; raises 413 as soon as it is clear that it is too large."""
    too_large = bad_request(f"The body must have at most {BODY_LIMIT_BYTES} bytes", 413)
    length = headers.get(b"content-length", b"0")
    if length.isdigit() and int(length) > BODY_LIMIT_BYTES:
        raise too_large
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > BODY_LIMIT_BYTES:
            raise too_large
        more = message.get("more_body", False)
    return body


def _refused(error: KassaError) -> Answer:
    # After a body that was not read to its end, the connection cannot be used again.
    headers = ((b"connection", b"close"),) if error.status == 413 else ()
    body = {"error": {"code": error.code, "description": error.description}}
    return Answer(error.status, msgspec.json.encode(body), headers)


async def _answer(send: Send, result: Result, status: int, extra: Headers) -> int:
    """Send an answer; returns its status."""
    headers: Headers = [(b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"), *extra]
    if isinstance(result, Download):
        headers.append((b"content-type", result.media_type.encode()))
        headers.append((b"content-disposition", f'attachment; filename="{result.file_name}"'.encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        async for piece in result.pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        return status
    media_type = b"application/json"
    if isinstance(result, Answer):
        status, body = result.status, result.body
        headers += result.headers
    elif isinstance(result, Text):
        body, media_type = result.encode(), result.media_type.encode()
    else:
        body = msgspec.json.encode(result)
    headers.append((b"content-type", media_type))
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
    return status


def _with_headers(send: Send, extra: Headers) -> Send:
    async def wrapped(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *extra]
        await send(message)

    return wrapped
