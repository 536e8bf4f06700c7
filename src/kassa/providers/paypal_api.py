"""PayPal's REST API: tokens, requests under our own keys, and answers of a known type."""

import base64
import time
from typing import NamedTuple, TypeVar

import aiohttp
import msgspec

from kassa.providers.base import MALFORMED, Credentials, ProviderError
from kassa.providers.paypal_errors import NAME, refusal

T = TypeVar("T")
LIVE_URL = "https://api-m.paypal.com"
SANDBOX_URL = "https://api-m.sandbox.paypal.com"
# A token is renewed a little before it ends.
HEADSTART_S = 60


class _Token(msgspec.Struct):
    access_token: str
    expires_in: int


class _Held(NamedTuple):
    token: str
    until_s: float


class PayPalApi:
    """Requests to PayPal at `api_url`, or where the account's kind is served when that is None."""

    def __init__(self, api_url: str | None, timeout_s: float) -> None:
        self.api_url = api_url.rstrip("/") if api_url else None
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._session: aiohttp.ClientSession | None = None
        self._tokens: dict[tuple[str, str, str], _Held] = {}

    @property
    def session(self) -> aiohttp.ClientSession:
        """The connections; the first use must be within the event loop."""
        if self._session is None:
            # One jar would mix up the accounts that it serves.
            self._session = aiohttp.ClientSession(timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar())
        return self._session

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def call(
        self, credentials: Credentials, method: str, path: str, kind: type[T], body: object = None,
        request_id: str | None = None,
    ) -> T:  # fmt: skip
        """PayPal's answer, as `kind`; PayPal does what is asked once per `request_id`. Raises ProviderError."""
        base = self._base(credentials)
        headers = {"Accept": "application/json", "Content-Type": "application/json", "Prefer": "return=representation"}
        if request_id is not None:
            headers["PayPal-Request-Id"] = request_id
        data = None if body is None else msgspec.json.encode(body)
        for last in (False, True):
            token = await self._token(base, credentials)
            status, answer = await self._send(method, base + path, data, headers | {"Authorization": f"Bearer {token}"})
            if status != 401 or last:
                break
            # The token may have been withdrawn before its time. Refused so, nothing was done yet.
            if (held := self._tokens.get(_account(base, credentials))) and held.token == token:
                del self._tokens[_account(base, credentials)]
        return _decoded(status, answer, kind)

    async def _token(self, base: str, credentials: Credentials) -> str:
        account = _account(base, credentials)
        held = self._tokens.get(account)
        if held is None or held.until_s <= time.monotonic():
            basic = base64.b64encode(f"{credentials.key}:{credentials.secret}".encode()).decode()
            headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
            status, answer = await self._send(
                "POST", f"{base}/v1/oauth2/token", b"grant_type=client_credentials", headers
            )
            made = _decoded(status, answer, _Token)
            held = _Held(made.access_token, time.monotonic() + made.expires_in - HEADSTART_S)
            self._tokens[account] = held
        return held.token

    async def _send(self, method: str, url: str, data: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
        try:
            async with self.session.request(method, url, data=data, headers=headers, allow_redirects=False) as response:
                return response.status, await response.read()
        except TimeoutError as error:
            raise ProviderError("PROVIDER_TIMEOUT", NAME, unknown=True) from error
        except (aiohttp.ClientError, OSError) as error:
            raise ProviderError("PROVIDER_UNAVAILABLE", NAME, unknown=True) from error

    def _base(self, credentials: Credentials) -> str:
        base = self.api_url or (LIVE_URL if credentials.live else SANDBOX_URL)
        if (base == LIVE_URL) != credentials.live:
            kind = "live" if credentials.live else "test"
            raise ProviderError(
                "PROVIDER_NOT_CONFIGURED", NAME, description=f"A {kind} account of PayPal is not for this address"
            )
        return base


def _account(base: str, credentials: Credentials) -> tuple[str, str, str]:
    return base, credentials.key, credentials.secret


def _decoded(status: int, body: bytes, kind: type[T]) -> T:
    if not 200 <= status < 300:
        raise refusal(status, body)
    try:
        return msgspec.json.decode(body, type=kind)
    except MALFORMED as error:
        raise ProviderError("PROVIDER_UNAVAILABLE", NAME, unknown=True) from error
