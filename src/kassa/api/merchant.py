"""Endpoints of the merchant's own account: profile and statistics."""

from itertools import groupby
from operator import itemgetter
from typing import Any

import yarl

from kassa.actions.manage_merchant import rotate_api_keys
from kassa.actions.provider_account import (
    account_for,
    choice_missing,
    forget_account,
    is_live,
    set_account,
    shared_account,
)
from kassa.api.answers import (
    AccountKept,
    ApiKeys,
    CurrencySums,
    DaySums,
    Empty,
    MerchantProfile,
    MerchantProviders,
    ProviderAccounts,
    Statistics,
)
from kassa.api.operation import Call, Operation
from kassa.api.requests import NewAccount, NewProfile, StatisticsQuery
from kassa.domain.errors import KassaError, bad_request
from kassa.domain.payment import SIMULATOR, Merchant
from kassa.domain.views import iso
from kassa.providers.base import Credentials
from kassa.store import credentials, merchants, statistics


async def _fresh(call: Call) -> Merchant:
    return await merchants.by_id(call.gateway.database, call.merchant.id) or call.merchant


def _profile(m: Merchant) -> MerchantProfile:
    return MerchantProfile(
        m.id, m.name, m.email, m.api_key, m.webhook_url, m.allowed_origins, m.provider, iso(m.created_at)
    )


async def _get(call: Call) -> MerchantProfile:
    return _profile(await _fresh(call))


async def _update(call: Call) -> MerchantProfile:
    body: NewProfile = call.body
    for origin in body.allowed_origins or ():
        _check_origin(origin)
    if body.provider:
        await _check_provider(call, body.provider)
    changed = await merchants.update_profile(
        call.gateway.database, call.merchant.id, body.name, body.allowed_origins, body.provider
    )
    return _profile(changed or call.merchant)


async def _check_provider(call: Call, provider: str) -> None:
    """Refuse the merchant here, rather than every payer, what nobody has an account at."""
    try:
        await account_for(call.gateway, call.merchant.id, provider)
    except KassaError as error:
        path = f"PUT /api/v1/merchant/providers/{provider}"
        raise KassaError(
            error.code, f"{error.description}; keep an account at {provider} first, with {path}"
        ) from error


def _check_origin(origin: str) -> None:
    try:
        parsed = yarl.URL(origin)
        good = parsed.scheme in ("http", "https") and bool(parsed.host) and str(parsed.origin()) == origin
    except ValueError:
        good = False
    # It becomes part of a header: nothing may stand in it that ends one source or begins another.
    if not good or not origin.isascii() or any(c in origin for c in " ;,'\"*"):
        raise bad_request("allowed_origins must be origins such as https://shop.example.com, without a path")


async def _api_keys(call: Call) -> ApiKeys:
    merchant = await _fresh(call)
    return ApiKeys(merchant.api_key, merchant.api_secret)


async def _rotate_api_keys(call: Call) -> ApiKeys:
    merchant = await rotate_api_keys(call.gateway, call.merchant.email)
    return ApiKeys(merchant.api_key, merchant.api_secret)


def _sums(rows: list[Any]) -> dict[str, Any]:
    found = {name: sum(row[name] for row in rows) for name in ("payments", "succeeded", "failed", "volume", "refunded")}
    settled = found["succeeded"] + found["failed"]
    return {**found, "success_rate": round(100 * found["succeeded"] / settled, 2) if settled else None}


def _all_sums(rows: list[Any]) -> dict[str, Any]:
    """Money of different currencies is never added up: beside the counts stands what came in INR."""
    by_currency: dict[str, list[Any]] = {}
    for row in rows:
        by_currency.setdefault(row["currency"], []).append(row)
    rupees = _sums(by_currency.get("INR", []))
    each = [CurrencySums(currency=currency, **_sums(by_currency[currency])) for currency in sorted(by_currency)]
    return {**_sums(rows), "volume": rupees["volume"], "refunded": rupees["refunded"], "currencies": each}


async def _statistics(call: Call) -> Statistics:
    query: StatisticsQuery = call.query
    # Read once, so that the whole is always the sum of its days.
    rows = await statistics.by_day(call.gateway.database, call.merchant.id, query.first, query.last)
    by_day = groupby(rows, key=itemgetter("day"))
    days = [DaySums(day=day.isoformat(), **_all_sums(list(of_day))) for day, of_day in by_day]
    return Statistics(**_all_sums(rows), days=days)


async def _providers(call: Call) -> MerchantProviders:
    merchant, settings = await _fresh(call), call.gateway.settings
    own = await credentials.kept_at(call.gateway.database, merchant.id)
    accounts = [
        ProviderAccounts(
            provider=one.name,
            own_account=(one.name, settings.production) in own,
            gateway_account=shared_account(settings, one.name) is not None,
            notification_url=f"{settings.api_url}/api/v1/providers/{one.name}/notifications/{merchant.id}",
        )
        for one in call.gateway.providers
        if one.name != SIMULATOR
    ]
    missing = choice_missing(settings, merchant.provider, bool(own))
    return MerchantProviders(merchant.provider, settings.kassa_provider, missing, accounts)


def _provider(call: Call) -> str:
    return call.gateway.providers[call.path["provider"]].name


async def _set_account(call: Call) -> AccountKept:
    body: NewAccount = call.body
    provider = _provider(call)
    live = is_live(call.gateway.settings, provider, body.key)
    account = Credentials(body.key, body.secret, body.webhook_secret, live)
    await set_account(call.gateway, call.merchant.id, provider, account, live)
    return AccountKept(provider, live)


async def _forget_account(call: Call) -> Empty:
    for live in (False, True):
        await forget_account(call.gateway, call.merchant.id, _provider(call), live)
    return Empty()


OPERATIONS = [
    Operation("GET", "/api/v1/merchant", "Get the merchant's own profile", _get, MerchantProfile, tag="Merchant"),
    Operation(
        "PATCH", "/api/v1/merchant", "Change the profile", _update, MerchantProfile, body=NewProfile, tag="Merchant",
    ),
    Operation("GET", "/api/v1/merchant/api-keys", "Get the API credentials", _api_keys, ApiKeys, tag="Merchant"),
    Operation(
        "POST", "/api/v1/merchant/api-keys/rotate", "Give out new API credentials; the old ones end at once",
        _rotate_api_keys, ApiKeys, body=Empty, tag="Merchant",
    ),
    Operation(
        "GET", "/api/v1/merchant/providers", "Get who takes the merchant's payments, and where there are accounts",
        _providers, MerchantProviders, tag="Merchant",
    ),
    Operation(
        "PUT", "/api/v1/merchant/providers/{provider}", "Keep the merchant's own account at a provider", _set_account,
        AccountKept, body=NewAccount, tag="Merchant",
    ),
    Operation(
        "DELETE", "/api/v1/merchant/providers/{provider}", "Forget the merchant's own account at a provider",
        _forget_account, Empty, refusals=(400,), tag="Merchant",
    ),
    Operation(
        "GET", "/api/v1/statistics", "Counts, volume and success rate, in all and per day", _statistics, Statistics,
        query=StatisticsQuery, tag="Merchant",
    ),
]  # fmt: skip
