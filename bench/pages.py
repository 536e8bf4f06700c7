"""How heavy the pages are, and what Lighthouse thinks of them."""

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import urllib.request
from importlib import resources
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.figures import Samples
from bench.stand import Stand

WEB = Path(__file__).parent.parent / "web"
FLAGS = "--headless=new --no-sandbox --disable-background-networking"
TIMEOUT_S = 120


def weigh(samples: Samples) -> None:
    """The sizes of the SDK and of all that the checkout page's first load fetches, zipped, in KB."""
    folder = Path(str(resources.files("kassa") / "pages" / "checkout"))
    page = (folder / "index.html").read_text()
    fetched = [folder / name for name in re.findall(r'(?:src|href)="/([^"]+\.(?:js|css|svg))"', page)]
    samples.add("sdk_kb", _zipped_kb(folder / "checkout.js"))
    samples.add("checkout_kb", sum(map(_zipped_kb, {folder / "index.html", *fetched})))


def _zipped_kb(file: Path) -> float:
    return len(gzip.compress(file.read_bytes())) / 1024


async def judge(stand: Stand, samples: Samples) -> str | None:
    """Lighthouse's scores of checkout and dashboard; returns why there are none, or None."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        return "no Chromium is installed"
    order = await stand.order()
    dashboard = f"http://localhost:{stand.dashboard_port}"
    pages = {
        "checkout": (f"http://localhost:{stand.checkout_port}/checkout?order_id={order['id']}", {}),
        "dashboard": (f"{dashboard}/dashboard", {"Cookie": _log_in(dashboard)}),
    }
    for name, (url, headers) in pages.items():
        scores = _lighthouse(url, headers, chromium)
        if scores is None:
            return "Lighthouse did not run"
        for kind, score in scores.items():
            samples.add(f"{name}_{kind}", score)
    return None


def _log_in(dashboard: str) -> str:
    body = json.dumps({"email": "test@example.com", "password": "any"}).encode()
    request = urllib.request.Request(
        f"{dashboard}/api/v1/session", data=body, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as reply:
        return str(reply.headers["Set-Cookie"]).partition(";")[0]


def _lighthouse(url: str, headers: dict[str, str], chromium: str) -> dict[str, float] | None:
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [
            sys.executable, str(WEB / "build.py"), "exec", "--yes", "--package=lighthouse@13", "--", "lighthouse", url,
            "--quiet", "--output=json", f"--output-path={report}", "--only-categories=performance,accessibility",
            f"--chrome-flags={FLAGS} --user-data-dir={folder}/profile", f"--extra-headers={json.dumps(headers)}",
        ]  # fmt: skip
        environment = {**os.environ, "CHROME_PATH": chromium}
        subprocess.run(command, env=environment, capture_output=True, timeout=TIMEOUT_S, check=False)
        if not report.exists():
            return None
        found: dict[str, Any] = json.loads(report.read_text())["categories"]
    return {name: 100 * found[name]["score"] for name in ("performance", "accessibility")}
