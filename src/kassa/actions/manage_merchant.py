"""Create merchants, seed the test one, and rotate API keys."""

import secrets

from kassa.actions.configure_webhook import new_webhook_secret
from kassa.actions.gateway import Gateway
from kassa.actions.log_in import hash_password
from kassa.domain.errors import KassaError, bad_request, not_found
from kassa.domain.payment import Merchant
from kassa.net import check_url
from kassa.store import merchants

TEST_MERCHANT_ID = "550e8400-e29b-41d4-a716-446655440000"
TEST_MERCHANT_NAME = "Test Merchant"
TEST_WEBHOOK_SECRET = "whsec_test_abc123"  # noqa: S105 - the documented seed


def _credentials(production: bool) -> tuple[str, str]:
    kind = "live" if production else "test"
    return f"key_{kind}_{secrets.token_urlsafe(18)}", f"secret_{kind}_{secrets.token_urlsafe(30)}"


async def create_merchant(
    gateway: Gateway, name: str, email: str, password: str, webhook_url: str | None = None
) -> Merchant:
    """A new merchant with fresh credentials; `password` is for the dashboard.

    Raises BAD_REQUEST_ERROR when the e-mail address is taken, the password too short, or the URL none for webhooks.
    """
    if webhook_url is not None:
        check_url(webhook_url, https_only=gateway.settings.production, name="webhook_url")
    api_key, api_secret = _credentials(gateway.settings.production)
    merchant = await merchants.insert(
        gateway.database,
        name=name,
        email=email,
        api_key=api_key,
        api_secret=api_secret,
        webhook_secret=new_webhook_secret(),
        webhook_url=webhook_url,
        password_hash=hash_password(password),
    )
    if merchant is None:
        raise bad_request(f"There is a merchant with the e-mail address {email} already")
    return merchant


async def rotate_api_keys(gateway: Gateway, email: str) -> Merchant:
    """Replace a merchant's API key and secret; the old ones end at once. Raises NOT_FOUND_ERROR."""
    merchant = await merchants.set_api_keys(gateway.database, email, *_credentials(gateway.settings.production))
    if merchant is None:
        raise not_found(f"Merchant {email}")
    return merchant


async def seed_test_merchant(gateway: Gateway) -> bool:
    """Add the documented test merchant unless its e-mail address exists; never in production. True when added."""
    s = gateway.settings
    if s.production:
        return False
    added = await merchants.insert(
        gateway.database,
        merchant_id=TEST_MERCHANT_ID,
        name=TEST_MERCHANT_NAME,
        email=s.test_merchant_email,
        api_key=s.test_api_key,
        api_secret=s.test_api_secret,
        webhook_secret=TEST_WEBHOOK_SECRET,
    )
    return added is not None


async def refuse_test_credentials(gateway: Gateway) -> None:
    """Raise in production when a merchant still has the seeded credentials, which all the world knows."""
    s = gateway.settings
    merchant = await merchants.by_api_key(gateway.database, s.test_api_key) if s.production else None
    if merchant is not None and merchant.is_active:
        raise KassaError(
            "AUTHENTICATION_ERROR",
            f"The merchant {merchant.email} has the seeded test credentials, which production refuses."
            f" Run: kassa merchant rotate-keys {merchant.email}",
        )
