"""Log merchants in to the dashboard, and out."""

import asyncio
import functools
import hashlib
import hmac
import secrets
from typing import NamedTuple

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from kassa.actions.gateway import Gateway
from kassa.domain.errors import KassaError, bad_request
from kassa.domain.payment import Merchant
from kassa.store import merchants, sessions

SESSION_TTL_S = 12 * 3600
MIN_PASSWORD_LENGTH = 10
_hasher = PasswordHasher()


class LogIn(NamedTuple):
    """A fresh session: the token goes into the cookie and nowhere else."""

    merchant: Merchant
    token: str


def csrf_token(token: str) -> str:
    """What a page that is logged in must send with each change: it knows this, another site's page cannot."""
    return hashlib.sha256(b"csrf:" + token.encode()).hexdigest()


def check_csrf(token: str, given: str) -> None:
    """Raise AUTHENTICATION_ERROR unless `given` belongs to the session."""
    if not hmac.compare_digest(csrf_token(token).encode(), given.encode()):
        raise KassaError("AUTHENTICATION_ERROR", "X-CSRF-Token is missing or wrong; load the page again")


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def takes_any_password(gateway: Gateway, merchant: Merchant) -> bool:
    """True for the seeded test merchant while it has the documented credentials, which all the world knows anyway."""
    s = gateway.settings
    return not s.production and (merchant.email, merchant.api_key) == (s.test_merchant_email, s.test_api_key)


async def log_in(gateway: Gateway, email: str, password: str, old_token: str | None) -> LogIn:
    """Start a session, and end the one that the browser had; raises AUTHENTICATION_ERROR."""
    merchant = await merchants.by_email(gateway.database, email)
    right = await asyncio.to_thread(_matches, merchant.password_hash if merchant else None, password)
    if merchant is None or not merchant.is_active or not (right or takes_any_password(gateway, merchant)):
        raise KassaError("AUTHENTICATION_ERROR", "Wrong e-mail address or password")
    token = secrets.token_urlsafe(32)
    if old_token is not None:
        await sessions.end(gateway.database, _hashed(old_token))
    await sessions.insert(gateway.database, _hashed(token), merchant.id, SESSION_TTL_S)
    return LogIn(merchant, token)


@functools.cache
def _nobodys_hash() -> str:
    # Made when it is first needed: every command would wait a tenth of a second for it at its start.
    return _hasher.hash(secrets.token_hex())


def _matches(password_hash: str | None, password: str) -> bool:
    # Without a merchant or a password something is verified all the same, so that the time taken does not tell.
    try:
        return _hasher.verify(password_hash or _nobodys_hash(), password)
    except (VerificationError, InvalidHashError):
        return False


async def merchant_of_session(gateway: Gateway, token: str) -> Merchant:
    """The merchant who is logged in with `token`; raises AUTHENTICATION_ERROR."""
    merchant = await sessions.merchant_in(gateway.database, _hashed(token))
    if merchant is None:
        raise KassaError("AUTHENTICATION_ERROR", "Not logged in, or not any more")
    return merchant


async def log_out(gateway: Gateway, token: str) -> None:
    """End one session."""
    await sessions.end(gateway.database, _hashed(token))


async def log_out_everywhere(gateway: Gateway, merchant_id: str) -> None:
    """End every session of the merchant."""
    await sessions.end_all(gateway.database, merchant_id)


def hash_password(password: str) -> str:
    """The Argon2id hash of a new password; raises BAD_REQUEST_ERROR for one that is too short."""
    if len(password) < MIN_PASSWORD_LENGTH:
        raise bad_request(f"The password must have at least {MIN_PASSWORD_LENGTH} characters")
    return _hasher.hash(password)


async def set_password(gateway: Gateway, merchant: Merchant, password: str) -> None:
    """Give the merchant a new password, and end all its sessions; raises BAD_REQUEST_ERROR."""
    hashed = await asyncio.to_thread(hash_password, password)
    await merchants.set_password_hash(gateway.database, merchant.id, hashed)
    await sessions.end_all(gateway.database, merchant.id)
