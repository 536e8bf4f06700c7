"""The `kassa` command."""

import sys

import typer

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
app.add_typer(merchant.app, name="merchant")
for command in (run.up, run.api, run.pages, run.worker, run.sandbox, run.migrate, run.env, run.doctor, run.bench):
    app.command()(command)
app.command()(reconcile)
app.command()(webhook.send)
app.command("verify-signature")(webhook.verify_signature)


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
    except OSError as error:
        typer.echo(f"kassa: {error}. Is everything running? `kassa doctor` tells.", err=True)
        sys.exit(1)
