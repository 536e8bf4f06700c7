"""Logs are JSON, a line each, and nothing that was secret in a failure gets into them."""

import json
import subprocess
import sys
from typing import Any

import pytest

CARD = "4242424242424242"
PRELUDE = f"""
import structlog
from kassa import log
log.configure("info", "api")
logger = structlog.get_logger()
CARD = "{CARD}"

def pay(number):
    typed = {{"number": number}}
    raise ValueError(f"cannot pay with {{number}}")
"""
FAILURES = {
    "a message and local values": "pay(CARD)",
    "the exception before": """
try:
    pay(CARD)
except ValueError:
    raise RuntimeError(CARD)
""",
    "a cause": """
try:
    pay(CARD)
except ValueError as error:
    raise RuntimeError(CARD) from error
""",
    "a note": """
error = ValueError("x")
error.add_note(CARD)
raise error
""",
    "a group": "raise ExceptionGroup(CARD, [ValueError(CARD), ExceptionGroup(CARD, [KeyError(CARD)])])",
    "a task group": """
import asyncio
async def work():
    pay(CARD)
async def main():
    async with asyncio.TaskGroup() as group:
        group.create_task(work())
asyncio.run(main())
""",
    "a key": "{}[CARD]",
    "a syntax error": 'compile(f"{CARD} {CARD}", "x", "exec")',
}


def logged(code: str) -> list[Any]:
    """The lines that a process logs which runs `code`; nothing else may be printed."""
    done = subprocess.run([sys.executable, "-c", PRELUDE + code], capture_output=True, check=True, timeout=60)
    assert done.stderr == b""
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("kind", FAILURES)
def test_a_failure_names_types_and_places_but_never_values(kind: str) -> None:
    indented = "\n    ".join(FAILURES[kind].strip().splitlines())
    code = f'try:\n    {indented}\nexcept Exception:\n    logger.error("request.crashed", exc_info=True)\n'
    (line,) = logged(code)
    text = json.dumps(line)
    assert CARD not in text
    assert line["exception"][0]["exc_type"] in text
    assert line["exception"][0]["frames"]
    assert '"locals"' not in text


def test_the_kind_of_every_exception_of_a_group_is_told() -> None:
    (line,) = logged(
        'try:\n    raise ExceptionGroup("", [KeyError(CARD)])\nexcept Exception:\n    logger.exception("x")'
    )
    assert line["exception"][0]["exceptions"][0][0]["exc_type"] == "KeyError"


def test_a_line_says_what_when_and_where() -> None:
    (line,) = logged('log.request_id.set("req_1")\nlogger.info("request", status=200, name="₹")')
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "request", "level": "info", "process": "api", "request_id": "req_1", "status": 200, "name": "₹",
    }  # fmt: skip


def test_outside_of_a_request_there_is_no_request_id() -> None:
    (line,) = logged('logger.warning("x")')
    assert "request_id" not in line


def test_what_is_below_the_level_is_not_logged() -> None:
    assert logged('logger.debug("x")') == []


def test_a_line_break_cannot_forge_a_line() -> None:
    assert [line["event"] for line in logged(r'logger.info("one\n{\"event\":\"two\"}")')] == ['one\n{"event":"two"}']
