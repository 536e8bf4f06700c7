"""What `kassa up` says on the console: plain lines, with a little weight where it is a terminal."""

import contextlib
import re
import shlex
import shutil
import sys
from pathlib import Path

from rich.console import Console

from kassa.local.record import RunningGateway
from kassa.settings import Settings

# No wrapping and no guessed colours: commands are there to be copied.
_console = Console(highlight=False, soft_wrap=True, markup=False)


def say(text: str) -> None:
    """One line of progress."""
    _print(text)


def warn(text: str) -> None:
    """A line that asks for attention."""
    _print(text, "yellow")


def fail(text: str) -> None:
    """Why the start ends here."""
    _print(text, "red")


def _print(text: str, style: str | None = None) -> None:
    # A closed terminal, or a closed pipe (rich turns that one into an exit), must not keep the rest from stopping.
    with contextlib.suppress(OSError, SystemExit):
        _console.print(text, style=style)


def without_password(url: str) -> str:
    """`url` fit to be shown."""
    return re.sub(r"(://[^:/@]*):[^@/]*@", r"\1:***@", url)


def shown(path: Path) -> str:
    """`path` as short as it can be typed from here."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def greet(settings: Settings, gateway: RunningGateway, psql: Path | None) -> None:
    """Say where everything is, and the first request to try; `psql` is the embedded server's client."""
    api = f"http://localhost:{gateway.ports['api']}"
    _print("\nKassa is up.\n", "bold green")
    rows = {
        "Dashboard": f"http://localhost:{gateway.ports['dashboard']}{_log_in(settings)}",
        "Checkout page": f"http://localhost:{gateway.ports['checkout']}/checkout?order_id=…",
        "API": api,
        "Documentation": f"{api}/docs",
        "Logs": shown(settings.home / "logs"),
    }
    if settings.kassa_provider_sandbox:
        rows["Stand-ins"] = f"Stripe, Razorpay and PayPal, at http://localhost:{settings.sandbox_port}"
    if not settings.production:
        rows["Test merchant"] = f"X-Api-Key: {settings.test_api_key}  X-Api-Secret: {settings.test_api_secret}"
    if psql:
        rows["Database"] = f"{'psql' if shutil.which('psql') else shown(psql)} {shlex.quote(gateway.database_url)}"
    rows["For other tools"] = f"{_kassa()} env"
    for title, value in rows.items():
        say(f"  {title:<16}{value}")
    if not settings.production:
        _print("\nCreate an order:\n", "bold")
        say(_first_request(api, settings))
    say("\nCtrl-C stops everything and keeps the data.\n")


def _log_in(settings: Settings) -> str:
    return "" if settings.production else f"   log in as {settings.test_merchant_email}, with any password"


def tell_running(home: Path, gateway: RunningGateway | None) -> None:
    """Say what holds `home`."""
    fail(f"Kassa already runs in {shown(home)}")
    if gateway is None:
        return say("It has only just begun to start.")
    say("  Processes       " + ", ".join(f"{name} {pid}" for name, pid in gateway.pids.items()))
    say(f"  API             http://localhost:{gateway.ports['api']}")
    say(f"  Database        {without_password(gateway.database_url)}")
    say(f"  Redis           {without_password(gateway.redis_url)}")
    say(f"Stop it with: kill {gateway.pid}")
    return None


def _kassa() -> str:
    """The command as it can be typed here: by its name where that is found, else by its path."""
    beside = Path(sys.executable).with_name("kassa")
    if shutil.which("kassa") or not beside.exists():
        return "kassa"
    return shown(beside)


def _first_request(api: str, settings: Settings) -> str:
    key, secret = (
        shlex.quote(f"{name}: {value}")
        for name, value in (
            ("X-Api-Key", settings.test_api_key),
            ("X-Api-Secret", settings.test_api_secret),
        )
    )
    body = shlex.quote('{"amount": 50000, "currency": "INR", "receipt": "receipt_1"}')
    return f"  curl {api}/api/v1/orders -H {key} -H {secret} \\\n    -H 'Content-Type: application/json' -d {body}"
