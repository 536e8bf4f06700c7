"""The `kassa` command."""

import sys

import asyncpg
import typer
from redis.exceptions import RedisError

from kassa import __version__
from kassa.cli import merchant, run, webhook
from kassa.cli.reconcile import reconcile
from kassa.domain.errors import KassaError
from kassa.settings import SettingsError

app = typer.Typer(
    help="Kassa, a self-hosted payment gateway. Start with: kassa up",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
COMMANDS = {
    "On this machine": (run.up, run.env, run.doctor, run.bench),
    "One process each, to run it elsewhere": (run.migrate, run.api, run.worker, run.pages, run.sandbox),
    "Money and merchants": (reconcile,),
    "Writing a webhook receiver": (webhook.send, webhook.verify_signature),
}
for panel, commands in COMMANDS.items():
    for command in commands:
        app.command(command.__name__.replace("_", "-"), rich_help_panel=panel)(command)
app.add_typer(merchant.app, name="merchant", rich_help_panel="Money and merchants")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"kassa {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Say which Kassa this is."),
) -> None:
    pass


def main() -> None:
    """Run the command line; what a person can mend is said in one line, without a traceback."""
    try:
        app()
    except (SettingsError, KassaError) as error:
        typer.echo(f"kassa: {error.description if isinstance(error, KassaError) else error}", err=True)
        sys.exit(2)
    except (OSError, RedisError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        typer.echo(f"kassa: {error}. Is everything running? `kassa doctor` tells.", err=True)
        sys.exit(1)
