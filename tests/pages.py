"""Pages of the documentation: their commands run, and answer as shown; their links lead somewhere; they are short."""

import asyncio
import json
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
FENCE = re.compile(r"^([^\n]*)\n+```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
END_OF_BLOCK = "-- end of block --"
MAX_LINES = 220


class Block(NamedTuple):
    """A fenced block, with the last line of text above it."""

    above: str
    language: str
    text: str


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    return [Block(*found) for found in FENCE.findall(page.read_text(encoding="utf-8"))]


def runs(block: Block) -> bool:
    """Whether a block holds commands that can be run here."""
    return block.language == "sh" and not block.above.startswith("<!-- not run")


def shape(value: Any) -> Any:
    """What must be alike in an example and in a real answer: names and kinds, not values."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value[:1]]
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def alike(shown: Any, real: Any) -> bool:
    """Whether two shapes agree; null goes with anything, as what is null now may be there another time."""
    if isinstance(shown, dict) and isinstance(real, dict):
        return shown.keys() == real.keys() and all(alike(shown[name], real[name]) for name in shown)
    if isinstance(shown, list) and isinstance(real, list):
        return not shown or not real or alike(shown[0], real[0])
    return bool(shown == real) or "NoneType" in (shown, real)


async def run(command: list[str], folder: Path, environment: Mapping[str, str], given: bytes = b"") -> tuple[int, str]:
    """Run `command`; its exit code and output."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(given), 120)
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode or 0, output.decode()


async def assert_answers_as_shown(
    page: Path, instead: Mapping[str, str], environment: Mapping[str, str], folder: Path
) -> None:
    """The page's commands run, one after the other, with some names put `instead` of others, and answer as it shows."""
    found = blocks(page)
    script = "set -eo pipefail\n" + "".join(f"{b.text}echo '{END_OF_BLOCK}'\n" for b in found if runs(b))
    for shown, real in instead.items():
        script = script.replace(shown, real)
    kassa = folder / "kassa"
    kassa.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m kassa "$@"\n')
    kassa.chmod(0o755)
    python_path = os.pathsep.join([str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    path = os.pathsep.join([str(folder), str(Path(sys.executable).parent), os.environ["PATH"]])

    code, output = await run(["bash", "-c", script], folder, {**environment, "PATH": path, "PYTHONPATH": python_path})

    assert code == 0, output
    outputs = output.split(END_OF_BLOCK + "\n")[:-1]
    answers = dict(zip([i for i, block in enumerate(found) if runs(block)], outputs, strict=True))
    for i, text in answers.items():
        assert '{"error":' not in text, text
        following = found[i + 1] if i + 1 < len(found) else None
        if following is not None and following.language == "json":
            real = json.loads(text.strip().splitlines()[-1])
            assert alike(shape(json.loads(following.text)), shape(real)), f"shown {following.text}, real {real}"


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def assert_links_lead_somewhere(page: Path) -> None:
    """Every link within the documentation leads to a file, and to a heading where it names one."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if target.startswith("http"):
            continue
        name, _, anchor = target.partition("#")
        linked = (page.parent / name).resolve() if name else page
        assert linked.exists(), target
        assert not anchor or anchor in _anchors(linked), target


def assert_short(page: Path) -> None:
    """The page has no more lines than people read."""
    assert len(page.read_text(encoding="utf-8").splitlines()) <= MAX_LINES
