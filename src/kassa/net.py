"""The only door to the outside: one deadline, capped bodies, no redirects, and no way to a private address."""

import asyncio
import email.utils
import ipaddress
import os
import re
import socket
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import aiohttp
import yarl
from aiohttp.abc import ResolveResult

from kassa.domain.errors import bad_request

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
MAX_URL_LENGTH = 2_048
KEEPALIVE_S = 15
# IPv6 addresses that are given out to the public at all, and those that a NAT64 makes of IPv4 ones.
_UNICAST6 = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
# Controls that a terminal, a log or a database may trip over; tabs and line breaks stay.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


class Reply(NamedTuple):
    """What came back: a status and the start of the body, or an `error` in words."""

    status: int | None = None
    body: str | None = None
    retry_after_s: float | None = None
    error: str | None = None


class AddressRefused(OSError):
    """The name stands for an address that is neither public nor on the allow list."""


def check_url(url: str, *, https_only: bool, name: str = "url") -> None:
    """Raise BAD_REQUEST_ERROR unless `url` is a plain http(s) URL without credentials in it; `name` is its field's."""
    try:
        parsed = yarl.URL(url)
        good = bool(parsed.host) and parsed.scheme in ("http", "https") and parsed.port is not None
    except ValueError:
        good = False
    if not good or len(url) > MAX_URL_LENGTH or not url.isprintable() or " " in url:
        raise bad_request(f"{name} must be an http or https URL, such as https://shop.example.com/path")
    if parsed.user is not None or parsed.password is not None:
        raise bad_request(f"{name} must not hold a user name or password")
    if https_only and parsed.scheme != "https":
        raise bad_request(f"{name} must be https in production")


def allowed(address: str, private_networks: Sequence[Network]) -> bool:
    """Whether a request may go to this IP address: a public one, or one in an allowed network."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        # An IPv4 address in IPv6 dress (mapped, 6to4, Teredo or NAT64) is judged by what is under it.
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(ip.packed[-4:])
        if inner is not None:
            return allowed(str(inner), private_networks)
    if any(ip.version == network.version and ip in network for network in private_networks):
        return True
    return ip.is_global and not ip.is_multicast and (ip.version == 4 or ip in _UNICAST6)


class _CheckedResolver(aiohttp.AsyncResolver):
    """Resolves a name once, and only to addresses of which every one is allowed.

    Without threads: a name whose server never answers would hold one for longer than any deadline, and soon all.
    """

    def __init__(self, private_networks: Sequence[Network]) -> None:
        super().__init__()
        self._private_networks = private_networks

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await super().resolve(host, port, family)
        if not all(allowed(one["host"], self._private_networks) for one in found):
            raise AddressRefused
        return found


class Outbound:
    """An HTTP client for addresses that strangers choose."""

    def __init__(self, private_networks: Sequence[Network]) -> None:
        self._private_networks = private_networks
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=_CheckedResolver(private_networks),
                socket_factory=self._socket,
                limit=0,
                use_dns_cache=False,
                keepalive_timeout=KEEPALIVE_S,
            ),
            # One deadline of ours over everything: a second timer would cost a tenth of the whole request.
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Accept", "Accept-Encoding"),
            max_line_size=4_096,
            max_field_size=4_096,
            max_headers=64,
        )

    def _socket(self, addr_info: Any) -> socket.socket:
        """The last gate: sees the very address that is connected to, also of a URL that names one."""
        if not allowed(addr_info[4][0], self._private_networks):
            raise AddressRefused
        return socket.socket(addr_info[0], addr_info[1], addr_info[2])

    async def post(
        self, url: str, payload: bytes, headers: Mapping[str, str], *, timeout_s: float, body_limit_bytes: int
    ) -> Reply:
        """POST `payload`; never raises for what the other side does.

        `timeout_s` is over name resolution, connecting, headers and body together. At most `body_limit_bytes` of the
        body are read, as they come, without decompressing.
        """
        try:
            async with (
                asyncio.timeout(timeout_s),
                self._session.post(url, data=payload, headers=headers, allow_redirects=False) as response,
            ):
                body = bytearray()
                while len(body) < body_limit_bytes and (
                    chunk := await response.content.read(body_limit_bytes - len(body))
                ):
                    body += chunk
                retry_after_s = _retry_after_s(response.headers.get("Retry-After"), time.time())
                return Reply(response.status, clean(bytes(body)), retry_after_s)
        except TimeoutError:
            return Reply(error=f"No complete answer within {timeout_s:g} s")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return Reply(error=_in_words(error))

    async def reachable(self, url: str, *, timeout_s: float) -> str | None:
        """Why nothing answers HTTP at `url`, or None when something does."""
        try:
            async with (
                asyncio.timeout(timeout_s),
                self._session.head(url, allow_redirects=False),
            ):
                return None
        except TimeoutError:
            return f"No answer within {timeout_s:g} s"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return _in_words(error)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._session.close()


def clean(body: bytes) -> str:
    """Bytes of a stranger as text that is safe to store and show."""
    return _CONTROLS.sub("�", body.decode("utf-8", "replace"))


def _retry_after_s(value: str | None, now_s: float) -> float | None:
    """Seconds from a Retry-After header, which holds seconds or a date (RFC 9110, section 10.2.3)."""
    if value is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}", value.strip()):
        return float(value)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - now_s)
    except (ValueError, OverflowError):
        return None


def _in_words(error: BaseException) -> str:
    """Why a request failed, for the merchant to read: our words, never a peer's."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, AddressRefused):
            return "The URL leads to a private address; allow its network with WEBHOOK_ALLOW_PRIVATE"
        cause = cause.__cause__ or cause.__context__ or getattr(cause, "os_error", None)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "The host name could not be resolved"
    if isinstance(error, aiohttp.ClientSSLError):
        return "The TLS certificate or handshake was not accepted"
    if isinstance(error, aiohttp.ClientConnectorError):
        number = error.os_error.errno
        return f"Could not connect: {os.strerror(number) if number else type(error.os_error).__name__}"
    if isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError):
        return "The receiver closed the connection before it answered"
    if isinstance(error, aiohttp.InvalidURL):
        return "The URL cannot be used"
    return "The receiver's answer was not valid HTTP"
