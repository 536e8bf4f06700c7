"""Tell which merchant an API key and secret belong to."""

import hmac
import time

from kassa.actions.gateway import Gateway
from kassa.domain.errors import KassaError
from kassa.domain.payment import Merchant
from kassa.store import merchants

CACHE_TTL_S = 5.0
CACHE_SIZE = 10_000


async def authenticate(gateway: Gateway, api_key: str, api_secret: str) -> Merchant:
    """The active merchant with these credentials; raises AUTHENTICATION_ERROR for any other pair."""
    cached = gateway.merchants.get(api_key)
    if cached is not None and cached[1] > time.monotonic():
        merchant = cached[0]
    else:
        merchant = await _read(gateway, api_key)
    if not merchant.is_active or not hmac.compare_digest(merchant.api_secret.encode(), api_secret.encode()):
        raise KassaError("AUTHENTICATION_ERROR")
    return merchant


async def _read(gateway: Gateway, api_key: str) -> Merchant:
    generation = gateway.merchants_generation
    merchant = await merchants.by_api_key(gateway.database, api_key) if "\0" not in api_key else None
    if merchant is None:
        raise KassaError("AUTHENTICATION_ERROR")
    # A change that was told while we read would make this copy stale, so it is not kept.
    if generation == gateway.merchants_generation:
        if len(gateway.merchants) >= CACHE_SIZE:
            gateway.merchants.clear()
        gateway.merchants[api_key] = (merchant, time.monotonic() + CACHE_TTL_S)
    return merchant


async def watch_merchants(gateway: Gateway) -> None:
    """Drop the cached merchants at once when one of them changes; runs until cancelled."""

    def forget() -> None:
        gateway.merchants_generation += 1
        gateway.merchants.clear()

    await gateway.database.listen("merchants", forget)
