"""Who may come in: API credentials, or the dashboard's session; and how often."""

import base64
import binascii
from collections.abc import Mapping

from kassa.actions.authenticate import authenticate
from kassa.actions.gateway import Gateway
from kassa.actions.log_in import check_csrf, merchant_of_session
from kassa.api.answers import SESSION_COOKIE
from kassa.api.limits import RateLimits
from kassa.api.operation import Operation, cookie_of
from kassa.domain.errors import KassaError
from kassa.domain.payment import Merchant


class Door:
    """Lets callers in, by the access that an operation has."""

    def __init__(self, gateway: Gateway, limits: RateLimits) -> None:
        self._gateway = gateway
        self._limits = limits
        self._per_key = gateway.settings.rate_limit_per_key
        self._per_address = gateway.settings.rate_limit_per_address

    async def enter(
        self, operation: Operation, method: str, headers: Mapping[bytes, bytes], address: str
    ) -> Merchant | None:
        """The merchant who calls, None on open operations; raises AUTHENTICATION_ERROR or RateLimited."""
        if operation.access == "merchant":
            merchant = await self._merchant(method, headers, address)
            self._limits.count(f"key:{merchant.id}", self._per_key)
            return merchant
        if operation.access == "open":
            self._limits.count(f"address:{address}", self._per_address)
        return None

    async def _merchant(self, method: str, headers: Mapping[bytes, bytes], address: str) -> Merchant:
        key, secret = _credentials(headers)
        tries = f"credentials:{address}"
        if key not in self._gateway.merchants:
            # Before the database is asked: whoever tries credentials is to stop costing anything, too.
            self._limits.check(tries, self._per_address)
        try:
            if key or secret:
                return await authenticate(self._gateway, key, secret)
            token = cookie_of(headers, SESSION_COOKIE)
            if token is None:
                raise KassaError("AUTHENTICATION_ERROR")
            merchant = await merchant_of_session(self._gateway, token)
            if method != "GET":
                check_csrf(token, headers.get(b"x-csrf-token", b"").decode("latin-1"))
            return merchant
        except KassaError as error:
            # Whoever tries credentials is slowed down by address, like any stranger.
            if error.code == "AUTHENTICATION_ERROR":
                self._limits.count(tries, self._per_address)
            raise


def _credentials(headers: Mapping[bytes, bytes]) -> tuple[str, str]:
    """Key and secret from the two headers, or from Authorization: Basic; empty where there are none."""
    key, secret = headers.get(b"x-api-key", b""), headers.get(b"x-api-secret", b"")
    authorization = headers.get(b"authorization", b"")
    if not key and authorization[:6].lower() == b"basic ":
        try:
            key, _, secret = base64.b64decode(authorization[6:], validate=True).partition(b":")
        except binascii.Error:
            return "", ""
    return key.decode("latin-1"), secret.decode("latin-1")
