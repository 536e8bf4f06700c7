"""Razorpay's API over HTTP: its keys, requests and lists, and its errors in our words."""

import base64
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any, Generic, TypeVar

import aiohttp
import msgspec

from kassa.domain.errors import CATALOGUE
from kassa.providers.base import MALFORMED, UNCLEAR, Credentials, ProviderError

NAME = "razorpay"
PAGE = 100
T = TypeVar("T")


class Refused(ProviderError):
    """A refused request, with what Razorpay `says`: to tell it by, not to show, as it may repeat what was typed."""

    says = ""


class _Detail(msgspec.Struct, frozen=True):
    code: str | None = None
    description: str | None = None
    reason: str | None = None
    field: str | None = None


class _Failure(msgspec.Struct):
    error: _Detail = _Detail()


class _Collection(msgspec.Struct, Generic[T]):
    items: list[T] = []
    # Payment Links alone come under their own name.
    payment_links: list[T] = []


class RazorpayApi:
    """Requests to `url`, each with a time limit; holds the connections until `aclose`."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._url = url
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._session: aiohttp.ClientSession | None = None

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def get(
        self, path: str, credentials: Credentials, kind: type[T], params: Mapping[str, str | int] | None = None
    ) -> T:
        """What is at `path`, as a `kind`; raises ProviderError, and Refused for what Razorpay will not do."""
        return await self._request("GET", path, credentials, kind, params=params)

    async def post(
        self, path: str, credentials: Credentials, kind: type[T], body: Any, headers: Mapping[str, str] | None = None
    ) -> T:
        """What came of posting `body` as JSON, as a `kind`; raises as `get`."""
        return await self._request("POST", path, credentials, kind, body=body, headers=headers)

    async def all(
        self, path: str, credentials: Credentials, kind: type[T], params: Mapping[str, str | int], *,
        most_pages: int | None = None,
    ) -> AsyncIterator[T]:  # fmt: skip
        """What a list holds, page by page; raises as `get`."""
        page = 0
        while most_pages is None or page < most_pages:
            asked = {**params, "count": PAGE, "skip": page * PAGE}
            found = await self.get(path, credentials, _Collection[kind], asked)  # type: ignore[valid-type]
            rows = found.items or found.payment_links
            for row in rows:
                yield row
            if len(rows) < PAGE:
                return
            page += 1

    async def _request(
        self, method: str, path: str, credentials: Credentials, kind: type[T], *, body: Any = None,
        params: Mapping[str, str | int] | None = None, headers: Mapping[str, str] | None = None,
    ) -> T:  # fmt: skip
        if key_is_live(credentials.key) != credentials.live:
            wanted = "live" if credentials.live else "test"
            raise ProviderError("PROVIDER_NOT_CONFIGURED", NAME, description=f"The Razorpay key is not a {wanted} key")
        token = base64.b64encode(f"{credentials.key}:{credentials.secret}".encode()).decode()
        sent = {"Authorization": f"Basic {token}", "Content-Type": "application/json", **(headers or {})}
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=self._timeout, cookie_jar=aiohttp.DummyCookieJar())
        try:
            async with self._session.request(
                method, self._url + path, params=params, headers=sent, allow_redirects=False,
                data=None if body is None else msgspec.json.encode(body),
            ) as response:  # fmt: skip
                status, answer = response.status, await response.read()
        except TimeoutError as error:
            raise ProviderError("PROVIDER_TIMEOUT", NAME, unknown=True) from error
        except (aiohttp.ClientError, OSError) as error:
            raise ProviderError("PROVIDER_UNAVAILABLE", NAME, unknown=True) from error
        if not 200 <= status < 300:
            raise _in_our_error(status, answer)
        try:
            # Amounts within a Payment Link have been seen as text.
            return msgspec.json.decode(answer, type=kind, strict=False)
        except MALFORMED as error:
            raise ProviderError("PROVIDER_UNAVAILABLE", NAME, unknown=True) from error


def key_is_live(key: str) -> bool:
    """Whether a key moves real money; raises ProviderError for what is no key of Razorpay."""
    if found := re.match(r"rzp_(test|live)_", key):
        return found[1] == "live"
    raise ProviderError(
        "PROVIDER_NOT_CONFIGURED", NAME, description="A Razorpay key begins with rzp_test_ or rzp_live_"
    )


def _in_our_error(status: int, answer: bytes) -> ProviderError:
    """An error of Razorpay as ours: its code is the same for most, so status and reason say what it is."""
    try:
        detail = msgspec.json.decode(answer, type=_Failure).error
    except MALFORMED:
        detail = _Detail()
    reason = detail.reason if detail.reason not in (None, "", "NA") else None
    theirs = reason or detail.code
    if status in (401, 403):
        return ProviderError("PROVIDER_AUTHENTICATION", NAME, provider_code=theirs)
    if status == 429:
        return ProviderError("PROVIDER_RATE_LIMITED", NAME, provider_code=theirs)
    if not 400 <= status < 500 or status in UNCLEAR:
        return ProviderError("PROVIDER_UNAVAILABLE", NAME, provider_code=theirs, unknown=True)
    description = f"{CATALOGUE['PROVIDER_REJECTED'].sentence}: {theirs or status}"
    # Payment Links name the wrong field in their sentence, the others beside it.
    named = re.match(r"([a-z_.]{1,60}): ", detail.description or "")
    if field := detail.field or (named and named[1]):
        description += f" ({field})"
    refused = Refused("PROVIDER_REJECTED", NAME, provider_code=theirs, description=description)
    refused.says = detail.description or ("The id provided does not exist" if status == 404 else "")
    return refused
