"""Which account at a provider a merchant's payments go through: its own, else the gateway's."""

import base64
import hashlib

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from kassa.actions.gateway import Gateway
from kassa.domain.errors import KassaError, bad_request
from kassa.domain.payment import SIMULATOR, Order, Payment
from kassa.providers.base import Credentials, ProviderError
from kassa.settings import ACCOUNT_VARIABLES, Settings
from kassa.store import credentials as store
from kassa.store import provider_payments
from kassa.store.provider_payments import CheckoutSession

_NONE = Credentials("", "", "", False)


def provider_of(settings: Settings, order: Order) -> str:
    """Who moves the money of an order unless a request says otherwise: its merchant's provider, else the gateway's."""
    return order.merchant_provider or settings.kassa_provider


def choice_missing(settings: Settings, chosen: str | None, has_account: bool) -> bool:
    """Whether the simulated bank is all that is chosen, and must not take what a merchant is owed in real money.

    That is so in production, when there is an account at a provider: the gateway's, or as `has_account` says the
    merchant's. Test keys count as well: who kept some in development, before the database became production's, does
    not mean to be paid in play money either.
    """
    simulated = (chosen or settings.kassa_provider) == SIMULATOR
    return settings.production and simulated and (has_account or has_gateway_account(settings))


async def account_for(gateway: Gateway, merchant_id: str | None, provider: str) -> tuple[Credentials, bool]:
    """The account for what is new, and whether it is the merchant's own: that one if there is one, else the gateway's.

    Raises PROVIDER_NOT_CONFIGURED when there is none.
    """
    if provider == SIMULATOR:
        return _NONE, False
    if merchant_id is not None:
        live = gateway.settings.production
        encrypted = await store.find_credentials(gateway.database, merchant_id, provider, live)
        if encrypted is not None:
            return _decrypted(gateway.settings, provider, encrypted), True
    shared = shared_account(gateway.settings, provider)
    if shared is None:
        raise ProviderError("PROVIDER_NOT_CONFIGURED", provider)
    return shared, False


async def account_of(gateway: Gateway, session: CheckoutSession) -> Credentials:
    """The account that a session was opened with, whatever the merchant has set up since: no other one knows of it.

    Raises PROVIDER_NOT_CONFIGURED while that is not there: a live payment never meets a test account, nor the reverse.
    """
    if session.provider == SIMULATOR:
        return _NONE
    if session.own_account:
        encrypted = await store.find_credentials(gateway.database, session.merchant_id, session.provider, session.live)
        found = encrypted and _decrypted(gateway.settings, session.provider, encrypted)
    else:
        found = gateway_account(gateway.settings, session.provider)
    if not found or found.live != session.live:
        raise ProviderError("PROVIDER_NOT_CONFIGURED", session.provider)
    return found


async def account_of_payment(gateway: Gateway, payment: Payment) -> Credentials:
    """The account that a payment's session was opened with; raises PROVIDER_NOT_CONFIGURED."""
    session = await provider_payments.find_session(gateway.database, payment.session_id or "")
    if session is None:
        raise ProviderError("PROVIDER_NOT_CONFIGURED", payment.provider)
    return await account_of(gateway, session)


async def set_account(gateway: Gateway, merchant_id: str, provider: str, account: Credentials, live: bool) -> None:
    """Keep a merchant's own account, encrypted.

    Raises BAD_REQUEST_ERROR without an encryption key, and for test keys in production or live ones in development.
    """
    if provider == SIMULATOR:
        raise bad_request("The simulated bank needs no account")
    if live and not gateway.settings.production:
        raise bad_request("Live keys are for production; development takes test keys only")
    if gateway.settings.production and not live:
        raise bad_request("Test keys are for development; production takes live keys of merchants only")
    encrypted = _vault(gateway.settings).encrypt(msgspec.json.encode(account))
    await store.set_credentials(gateway.database, merchant_id, provider, live, encrypted)


async def forget_account(gateway: Gateway, merchant_id: str, provider: str, live: bool) -> None:
    """Forget a merchant's own account, so that the gateway's serves again."""
    await store.set_credentials(gateway.database, merchant_id, provider, live, None)


def gateway_account(settings: Settings, provider: str) -> Credentials | None:
    """The gateway's own account at a provider, from the environment."""
    variables = ACCOUNT_VARIABLES.get(provider, {})
    found = {part: getattr(settings, variable.lower()) for part, variable in variables.items()}
    key, secret = found.get("key"), found.get("secret", "")
    if key is None or secret is None:
        return None
    return Credentials(key, secret, found["webhook_secret"] or "", is_live(settings, provider, key))


def shared_account(settings: Settings, provider: str) -> Credentials | None:
    """The gateway's own account at a provider, if what is new may go through it."""
    found = gateway_account(settings, provider)
    # Production may run on test accounts, to try it; development never on live ones.
    return None if found is None or (found.live and not settings.production) else found


def has_gateway_account(settings: Settings) -> bool:
    """Whether the gateway has an account of its own at any provider."""
    return any(gateway_account(settings, name) is not None for name in ACCOUNT_VARIABLES)


def is_live(settings: Settings, provider: str, key: str) -> bool:
    """Whether a key moves real money: Stripe's and Razorpay's say so themselves, PayPal's by the address it is for."""
    if provider == "paypal":
        return settings.paypal_api_url is None and settings.production
    return "_live_" in key


def _vault(settings: Settings) -> MultiFernet:
    keys = [part.strip() for part in (settings.kassa_encryption_key or "").split(",") if part.strip()]
    if not keys:
        raise bad_request("Set KASSA_ENCRYPTION_KEY to keep accounts of merchants")
    # Any long random text will do; of several the first encrypts, and all decrypt, so that keys can be rotated.
    return MultiFernet([Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest())) for key in keys])


def _decrypted(settings: Settings, provider: str, encrypted: bytes) -> Credentials:
    try:
        return msgspec.json.decode(_vault(settings).decrypt(encrypted), type=Credentials)
    except (InvalidToken, KassaError) as error:
        description = "The merchant's account cannot be decrypted with KASSA_ENCRYPTION_KEY"
        raise ProviderError("PROVIDER_NOT_CONFIGURED", provider, description=description) from error
