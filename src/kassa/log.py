"""Structured logs: a JSON object a line on standard output, with the id of the request that it belongs to."""

import asyncio
import logging
import sys
from collections.abc import Iterable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import msgspec
import structlog

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)


# A line for each request is most of the log. Written in groups, it costs a tenth of what a line and a write each do.
REQUEST_LINES_INTERVAL_S = 0.1
_lines: list[bytes] = []
_encoder = msgspec.json.Encoder()
_requests: str | None = None


def configure(level: str, process: str) -> None:
    """Log from `level` up, naming this `process` (api or worker) in each line."""
    global _requests
    _requests = process if level in ("debug", "info") else None

    def add_context(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
        event["process"] = process
        current = request_id.get()
        if current is not None:
            event.setdefault("request_id", current)
        return event

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            add_context,
            # Tracebacks name places, never values: no card number can hide in one.
            structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False)),
            _without_messages,
            structlog.processors.JSONRenderer(serializer=lambda event, **_: msgspec.json.encode(event, enc_hook=str)),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.BytesLoggerFactory(file=sys.stdout.buffer),
        cache_logger_on_first_use=True,
    )


def request_line(method: str | None, route: str | None, status: int, duration_ms: float) -> None:
    """Log that the current request was answered; `route` is the pattern, never what a stranger sent."""
    if _requests is None:
        return
    if not _lines:
        asyncio.get_running_loop().call_later(REQUEST_LINES_INTERVAL_S, write_request_lines)
    line = {
        "event": "request",
        "method": method,
        "route": route,
        "status": status,
        "duration_ms": duration_ms,
        "level": "info",
        "timestamp": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "process": _requests,
        "request_id": request_id.get(),
    }
    _lines.append(_encoder.encode(line))


def write_request_lines() -> None:
    """Write what `request_line` has gathered."""
    if _lines:
        sys.stdout.buffer.write(b"\n".join(_lines) + b"\n")
        sys.stdout.buffer.flush()
        _lines.clear()


def _without_messages(_: object, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Drop the messages of exceptions, which may quote what a stranger sent; their types and places stay."""
    _strip(event.get("exception") or ())
    return event


def _strip(traces: Iterable[dict[str, Any]]) -> None:
    for trace in traces:
        trace["exc_value"] = ""
        trace.pop("exc_notes", None)
        trace.pop("syntax_error", None)
        for group in trace.get("exceptions") or ():
            _strip(group)
