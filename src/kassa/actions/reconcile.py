"""Reconcile by hand: ask about everything that is open, and hold our books against the provider's list of a day."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from kassa.actions.apply_refund import NotYet, Unmatched, apply_refund
from kassa.actions.gateway import Gateway
from kassa.actions.look_at_payment import look_at_payment
from kassa.actions.provider_account import account_for, gateway_account
from kassa.domain.errors import bad_request
from kassa.domain.payment import SIMULATOR, SUCCESS
from kassa.providers.base import Listed, ProviderError
from kassa.store import credentials, payments, provider_payments

PAGE = 500


class Looked(NamedTuple):
    """A payment that was asked about, and what came of it."""

    payment_id: str
    came_of_it: str


class Difference(NamedTuple):
    """A payment, or a refund by its own id, on which the provider's books and ours do not agree."""

    provider_ref: str
    payment_id: str | None
    theirs: str
    ours: str


async def look_at_everything(gateway: Gateway) -> AsyncIterator[Looked]:
    """Ask the providers about every open payment, whenever it was due."""
    after = (datetime(1970, 1, 1, tzinfo=UTC), "")
    last = datetime(9999, 1, 1, tzinfo=UTC)
    # All are noted down before the first is asked about: an answer moves a payment to the end, to come again.
    wanted: list[str] = []
    while page := await provider_payments.due_since(gateway.database, last, after, PAGE):
        wanted += [payment_id for payment_id, _ in page]
        after = (page[-1][1], page[-1][0])
    for payment_id in wanted:
        said = await look_at_payment(gateway, payment_id)
        if said is not None:
            yield Looked(payment_id, said)


async def differences(gateway: Gateway, provider: str, day: date) -> AsyncIterator[Difference]:
    """What differs for `day` (UTC) between our books and all our accounts at `provider`, both ways.

    Raises PROVIDER_NOT_CONFIGURED without any account there, and BAD_REQUEST_ERROR for the simulated bank.
    """
    if gateway.providers[provider].name == SIMULATOR:
        raise bad_request("The simulated bank keeps no list to compare with")
    listed: set[str] = set()
    async for theirs in _listed(gateway, provider, day):
        payment_id = theirs.payment_id or await provider_payments.payment_id_of(
            gateway.database, provider, theirs.provider_ref
        )
        ours = await payments.by_id(gateway.database, payment_id) if payment_id else None
        they_say = f"{'succeeded' if theirs.succeeded else 'not paid'}, {theirs.amount} {theirs.currency}"
        if ours is None:
            if theirs.succeeded:
                yield Difference(theirs.provider_ref, payment_id, they_say, "unknown")
            continue
        listed.add(ours.id)
        # Of what goes back some was taken there, and some only held.
        let_go = ours.released_at is not None or (ours.refunded_amount == ours.amount and not ours.captured)
        returned = ours.return_due_at is not None or let_go
        fits = returned or theirs.succeeded == (ours.status == SUCCESS)
        if not fits or (theirs.succeeded and (theirs.amount, theirs.currency) != (ours.amount, ours.currency)):
            yield Difference(theirs.provider_ref, ours.id, they_say, f"{ours.status}, {ours.amount} {ours.currency}")
    begins = datetime.combine(day, time(), UTC)
    for payment in await provider_payments.succeeded_between(
        gateway.database, provider, begins, begins + timedelta(days=1)
    ):
        if payment.id not in listed:
            ours_say = f"{payment.status}, {payment.amount} {payment.currency}"
            yield Difference(payment.provider_ref or "", payment.id, "not in the list", ours_say)
    async for difference in _refund_differences(gateway, provider, day):
        yield difference


async def _refund_differences(gateway: Gateway, provider: str, day: date) -> AsyncIterator[Difference]:
    """The day's refunds of which we knew something else: they are made right, where that can be, and told of."""
    for owner in await _owners(gateway, provider):
        account, _ = await account_for(gateway, owner, provider)
        async for theirs in gateway.providers[provider].refunds_on(day, account):
            try:
                told = theirs
                if told.charge_ref is None:
                    told = await gateway.providers[provider].retrieve_refund(told.provider_ref, account)
                said = await apply_refund(gateway, provider, told, owner, "reconciler")
            except Unmatched:
                continue
            except (NotYet, ProviderError) as error:
                said = f"not settled, {error}"
            if said is not None:
                they_say = f"refund {told.state}, {told.amount} {told.currency}"
                yield Difference(told.provider_ref, told.refund_id, they_say, said)


async def _listed(gateway: Gateway, provider: str, day: date) -> AsyncIterator[Listed]:
    """The provider's lists of a day: of the gateway's own account, and of each merchant who has one."""
    for merchant_id in await _owners(gateway, provider):
        account, _ = await account_for(gateway, merchant_id, provider)
        async for one in gateway.providers[provider].payments_on(day, account):
            yield one


async def _owners(gateway: Gateway, provider: str) -> list[str | None]:
    """Whose accounts there are at a provider: each merchant's that has one, and None for the gateway's own."""
    owners: list[str | None] = list(await credentials.owners(gateway.database, provider, gateway.settings.production))
    if gateway_account(gateway.settings, provider) is not None or not owners:
        owners.append(None)
    return owners
