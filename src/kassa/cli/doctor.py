"""What `kassa doctor` looks at: each check says what is, and what to do about it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import NamedTuple

import asyncpg
import typer
from redis.exceptions import RedisError

from kassa.actions.gateway import Gateway
from kassa.actions.provider_account import account_for, choice_missing
from kassa.app import gateway_of
from kassa.domain.errors import KassaError
from kassa.domain.payment import Merchant
from kassa.net import Outbound
from kassa.settings import Settings, SettingsError
from kassa.store.credentials import kept_at
from kassa.store.database import LOST
from kassa.store.merchants import all_merchants
from kassa.store.migrate import pending

MAX_SKEW_S = 2.0
PROBE_TIMEOUT_S = 5.0


class Finding(NamedTuple):
    """What a check found; `mend` says what to do when it is not well."""

    well: bool
    what: str
    mend: str = ""


async def _settings(gateway: Gateway) -> list[Finding]:
    sources = ["the environment", *gateway.settings.aws_secrets]
    return [Finding(True, f"settings: from {', then AWS secret '.join(sources)}")]


async def _database(gateway: Gateway) -> list[Finding]:
    missing = await pending(gateway.database.url)
    if missing:
        return [Finding(False, f"database answers, but lacks {', '.join(missing)}", "run `kassa migrate`")]
    row = await gateway.database.fetchrow("SELECT current_setting('server_version'), current_setting('fsync')")
    assert row is not None
    if row[1] != "on":
        return [Finding(False, "database runs with fsync off", "turn it on, or a power cut loses payments")]
    return [Finding(True, f"database: PostgreSQL {row[0]}, up to date")]


async def _queue(gateway: Gateway) -> list[Finding]:
    if not await gateway.presence.filled():
        return [Finding(False, "queue was wiped and is not filled again yet", "start a worker: `kassa worker`")]
    counts = [(queue.name, await queue.counts()) for queue in gateway.queues]
    busy = [(name, c) for name, c in counts if c.pending or c.processing]
    said = ", ".join(f"{name} {c.pending} waiting, {c.processing} under way" for name, c in busy)
    return [Finding(True, f"queue: {said or 'nothing waits'}")]


async def _worker(gateway: Gateway) -> list[Finding]:
    alive = await gateway.presence.alive()
    if not alive:
        return [Finding(False, "no worker is alive, so nothing is settled or delivered", "start one: `kassa worker`")]
    return [Finding(True, f"workers: {', '.join(alive)}")]


async def _clocks(gateway: Gateway) -> list[Finding]:
    row = await gateway.database.fetchrow("SELECT extract(epoch FROM clock_timestamp())::float8")
    seconds, micros = await gateway.redis.time()
    here = time.time()
    assert row is not None
    skews = {"database": row[0] - here, "Redis": seconds + micros / 1e6 - here}
    return [
        Finding(
            abs(skew_s) <= MAX_SKEW_S,
            f"clock of {name}: {skew_s:+.2f} s from here",
            "let all machines follow one time server (NTP)",
        )
        for name, skew_s in skews.items()
    ]


async def _providers(gateway: Gateway) -> list[Finding]:
    """Merchants whose payers have nowhere to pay."""
    findings = [await _provider(gateway, one) for one in await all_merchants(gateway.database) if one.is_active]
    return [finding for finding in findings if finding]


async def _provider(gateway: Gateway, merchant: Merchant) -> Finding | None:
    """What keeps payers of this one from paying: no choice where one is needed, or no account at the chosen."""
    settings = gateway.settings
    chosen = merchant.provider or settings.kassa_provider
    if choice_missing(settings, merchant.provider, bool(await kept_at(gateway.database, merchant.id))):
        return Finding(
            False,
            f"payers of {merchant.email} cannot pay on Kassa's page: there is an account, but no provider is chosen",
            'PATCH /api/v1/merchant with {"provider": "stripe"}; for all who chose none, set KASSA_PROVIDER',
        )
    try:
        await account_for(gateway, merchant.id, chosen)
    except KassaError as error:
        return Finding(
            False,
            f"payers of {merchant.email} cannot pay by {chosen}: {error.description}",
            f"set the gateway's keys of {chosen}, or PUT /api/v1/merchant/providers/{chosen} with the merchant's own",
        )
    return None


async def _receivers(gateway: Gateway) -> list[Finding]:
    findings = []
    async with aclosing(Outbound(gateway.settings.webhook_private_networks)) as outbound:
        for merchant in await all_merchants(gateway.database):
            if merchant.webhook_url is None:
                continue
            problem = await outbound.reachable(merchant.webhook_url, timeout_s=PROBE_TIMEOUT_S)
            what = f"webhooks of {merchant.email}: {merchant.webhook_url}"
            if problem is None:
                findings.append(Finding(True, f"{what} is reachable"))
            else:
                findings.append(Finding(False, f"{what}: {problem}", "start the receiver, or correct the URL"))
    return findings or [Finding(True, "webhooks: no merchant has a URL, so none are sent")]


CHECKS: list[tuple[str, str, Callable[[Gateway], Awaitable[list[Finding]]]]] = [
    ("settings", "", _settings),
    ("database", "check DATABASE_URL and that PostgreSQL runs; `kassa up` brings its own", _database),
    ("queue", "check REDIS_URL and that Redis runs; `kassa up` brings its own", _queue),
    ("worker", "check REDIS_URL and that Redis runs", _worker),
    ("clocks", "mend what is said above first", _clocks),
    ("providers", "mend what is said above first", _providers),
    ("webhooks", "mend what is said above first", _receivers),
]


def _reason(error: Exception) -> str:
    return error.description if isinstance(error, KassaError) else str(error) or type(error).__name__


async def examine(settings: Settings) -> int:
    """Run every check and print what it found; 0 when all is well, else 1. Raises SettingsError without a gateway."""
    if settings.database_url is None or settings.redis_url is None:
        raise SettingsError("no gateway runs here; start one with `kassa up`, or set DATABASE_URL and REDIS_URL")
    well = True
    async with gateway_of(settings) as gateway:
        for name, mend, check in CHECKS:
            try:
                async with asyncio.timeout(60):
                    findings = await check(gateway)
            except (RedisError, KassaError, asyncpg.PostgresError, *LOST) as error:
                findings = [Finding(False, f"{name}: {_reason(error)}", mend)]
            for finding in findings:
                mark = typer.style("ok  ", fg="green") if finding.well else typer.style("bad ", fg="red", bold=True)
                typer.echo(mark + finding.what + ("" if finding.well else f"\n      → {finding.mend}"))
                well = well and finding.well
    return 0 if well else 1
