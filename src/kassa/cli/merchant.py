"""Commands for merchants."""

import re
import secrets
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from kassa.actions.gateway import Gateway
from kassa.actions.log_in import set_password
from kassa.actions.manage_merchant import create_merchant, rotate_api_keys
from kassa.cli.environment import with_gateway
from kassa.domain.errors import not_found
from kassa.domain.payment import Merchant
from kassa.domain.views import iso
from kassa.store.merchants import all_merchants, by_email

app = typer.Typer(help="Create and list merchants, and rotate their API keys.", no_args_is_help=True)


def _email(text: str) -> str:
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", text):
        raise typer.BadParameter(f"'{text}' is no e-mail address")
    return text


def _show(merchant: Merchant) -> None:
    typer.echo(f"id              {merchant.id}\nname            {merchant.name}\nemail           {merchant.email}")
    typer.echo(f"api_key         {merchant.api_key}\napi_secret      {merchant.api_secret}")
    typer.echo(f"webhook_url     {merchant.webhook_url or '-'}\nwebhook_secret  {merchant.webhook_secret or '-'}")


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="The merchant's name, as payers will see it.")],
    email: Annotated[
        str, typer.Argument(help="The merchant's e-mail address; one merchant for each.", callback=_email)
    ],
    webhook_url: Annotated[str | None, typer.Option(help="Where events go.")] = None,
) -> None:
    """Create a merchant, and print its credentials, with a fresh password for the dashboard."""
    password = secrets.token_urlsafe(15)
    _show(with_gateway(lambda gateway: create_merchant(gateway, name, email, password, webhook_url)))
    typer.echo(f"password        {password}")


@app.command("list")
def list_merchants() -> None:
    """List all merchants, without their secrets."""
    found = with_gateway(lambda gateway: all_merchants(gateway.database))
    table = Table("id", "name", "email", "api_key", "active", "webhook_url", "created_at", box=None)
    for m in found:
        active = "yes" if m.is_active else "no"
        table.add_row(m.id, m.name, m.email, m.api_key, active, m.webhook_url or "-", iso(m.created_at))
    # As wide as it needs to be: a key that is cut off is of no use, and a terminal can wrap.
    Console(width=10_000, markup=False, highlight=False).print(table)


@app.command("rotate-keys")
def rotate_keys(email: Annotated[str, typer.Argument(help="The merchant's e-mail address.")]) -> None:
    """Give a merchant a new API key and secret; the old ones end at once."""
    _show(with_gateway(lambda gateway: rotate_api_keys(gateway, email)))


@app.command("set-password")
def set_new_password(
    email: Annotated[str, typer.Argument(help="The merchant's e-mail address.")],
    password: Annotated[
        str, typer.Option(prompt=True, hide_input=True, confirmation_prompt=True, help="The new password.")
    ],
) -> None:
    """Give a merchant a new password for the dashboard; it is logged out everywhere."""

    async def work(gateway: Gateway) -> None:
        merchant = await by_email(gateway.database, email)
        if merchant is None:
            raise not_found(f"Merchant {email}")
        await set_password(gateway, merchant, password)

    with_gateway(work)
    typer.echo(f"{email} has a new password, and is logged out everywhere.")
