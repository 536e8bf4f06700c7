"""`kassa reconcile`: ask providers about what is open, and compare a day's books."""

from datetime import UTC, date, datetime
from typing import Annotated

import typer

from kassa.actions.gateway import Gateway
from kassa.actions.reconcile import differences, look_at_everything
from kassa.cli.environment import with_gateway
from kassa.settings import ACCOUNT_VARIABLES


def reconcile(
    provider: Annotated[
        str | None, typer.Option(help=f"Compare with this provider's list, too: {', '.join(ACCOUNT_VARIABLES)}.")
    ] = None,
    day: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], metavar="YYYY-MM-DD", help="Which day (UTC); today if none."),
    ] = None,
) -> None:
    """Ask the providers about every open payment now, and finish what they say is finished.

    With --provider also list what differs between our books and the provider's for a day; exits with 1 when any does.
    """

    async def work(gateway: Gateway) -> int:
        asked = 0
        async for looked in look_at_everything(gateway):
            asked += 1
            typer.echo(f"{looked.payment_id}  {looked.came_of_it}")
        typer.echo(f"Asked about {asked} open payments.")
        if provider is None:
            return 0
        on: date = day.date() if day else datetime.now(UTC).date()
        found = 0
        async for one in differences(gateway, provider, on):
            found += 1
            typer.echo(f"{one.payment_id or one.provider_ref}  {provider}: {one.theirs}; here: {one.ours}")
        typer.echo(f"{provider}, {on}: {found or 'no'} differences.")
        return 1 if found else 0

    raise typer.Exit(with_gateway(work))
