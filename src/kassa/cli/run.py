"""Commands that run Kassa, or look at how it runs."""

import asyncio
import importlib.util
import os
import socket
import subprocess
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from kassa import settings
from kassa.cli.doctor import examine
from kassa.cli.environment import resolved, with_gateway


def up(
    api: Annotated[int, typer.Option(min=1, max=64, help="How many API processes share the port.")] = 1,
    workers: Annotated[int, typer.Option(min=1, max=64, help="How many workers share the queue.")] = 1,
) -> None:
    """Start the whole gateway here: PostgreSQL and Redis (unless DATABASE_URL and REDIS_URL are set), API and worker.

    Data and logs are kept in .kassa, or where KASSA_HOME says. Ctrl-C stops everything.
    """
    from kassa.local.supervisor import up as run_everything

    raise typer.Exit(run_everything(settings.load(), api, workers))


def api(
    migrate: Annotated[bool, typer.Option("--migrate", help="Bring the database up to date first.")] = False,
    pages: Annotated[
        bool, typer.Option("--pages", help="Serve dashboard and checkout page too, on their ports.")
    ] = False,
    fd: Annotated[list[int] | None, typer.Option(hidden=True)] = None,
) -> None:
    """Serve the REST API on PORT, with the DATABASE_URL and REDIS_URL of the environment."""
    from kassa import app

    found = resolved()
    if migrate:
        asyncio.run(app.prepare(found))
    ports = (found.port, *found.dashboard_ports, found.checkout_port) if pages else (found.port,)
    app.run_api(found, [socket.socket(fileno=one) for one in fd] if fd else list(map(app.listening_socket, ports)))


class Face(StrEnum):
    """A set of pages."""

    dashboard = "dashboard"
    checkout = "checkout"


def pages(face: Annotated[Face, typer.Argument(help="Which pages.")]) -> None:
    """Serve the dashboard on DASHBOARD_PORT, or the checkout page on CHECKOUT_PORT, each with the API that it calls."""
    from kassa import app

    found = resolved()
    ports = found.dashboard_ports if face is Face.dashboard else (found.checkout_port,)
    app.run_api(found, [app.listening_socket(port) for port in ports])


def sandbox() -> None:
    """Serve stand-ins of Stripe, Razorpay and PayPal on SANDBOX_PORT, with books of their own, to try payments offline.

    `KASSA_PROVIDER_SANDBOX=1 kassa up` starts it, and points the gateway at it.
    """
    from kassa.local.sandbox import notification_urls
    from kassa.sandbox.server import run

    found = settings.load()
    run(found.sandbox_port, notification_urls(found))


def worker(
    check: Annotated[
        bool, typer.Option("--check", help="Start nothing: succeed if a worker of this host is alive.")
    ] = False,
) -> None:
    """Settle payments, process refunds and deliver webhooks."""
    from kassa import app
    from kassa.worker.run import worker_name

    if check:
        host = worker_name().partition(":")[0]
        alive = with_gateway(lambda gateway: gateway.presence.alive())
        raise typer.Exit(0 if any(name.partition(":")[0] == host for name in alive) else 1)
    app.run_worker_process(resolved())


def migrate() -> None:
    """Bring the database up to date, and seed the test merchant (outside production)."""
    from kassa.app import prepare

    ran = asyncio.run(prepare(resolved()))
    typer.echo("\n".join(f"applied {name}" for name in ran) or "The database is up to date.")


def env() -> None:
    """Print DATABASE_URL and REDIS_URL of the gateway that runs here, for psql, redis-cli and others.

    For example: eval "$(kassa env | sed 's/^/export /')" && psql "$DATABASE_URL"
    """
    found = resolved()
    if found.database_url is None or found.redis_url is None:
        typer.echo(
            "kassa: no gateway runs here; start one with `kassa up`, or go to the folder where it runs", err=True
        )
        raise typer.Exit(1)
    typer.echo(f"DATABASE_URL='{found.database_url}'\nREDIS_URL='{found.redis_url}'")


def doctor() -> None:
    """Check settings, database, queue, workers, clocks, providers and receivers, and say how to mend what is wrong."""
    raise typer.Exit(asyncio.run(examine(resolved())))


def bench(
    quick: Annotated[bool, typer.Option("--quick", help="One short round, to see that it works.")] = False,
    stored: Annotated[str | None, typer.Option(help="Stored payments to measure at, such as 0,1000000.")] = None,
) -> None:
    """Measure this machine: orders, payments, settlements and webhooks a second, against bare PostgreSQL and HTTP."""
    if not Path("bench/__main__.py").exists():
        typer.echo("kassa: bench is part of the repository; run this in a checkout of it", err=True)
        raise typer.Exit(1)
    if importlib.util.find_spec("matplotlib") is None:
        typer.echo("kassa: bench needs what development needs, too; `make bench` fetches it and runs this", err=True)
        raise typer.Exit(1)
    command = [
        sys.executable,
        "-m",
        "bench",
        *(["--quick"] if quick else []),
        *(["--stored", stored] if stored else []),
    ]
    raise typer.Exit(subprocess.run(command, env={**os.environ, "PYTHONPATH": "src:."}, check=False).returncode)  # noqa: S603
