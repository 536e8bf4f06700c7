"""PayPal's signature of a notification, by a certificate that is fetched and must lead to a trusted root."""

import asyncio
import base64
import re
import ssl
import warnings
import zlib
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import aiohttp
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.oid import AuthorityInformationAccessOID
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from kassa.domain.errors import KassaError
from kassa.providers.base import ProviderError
from kassa.providers.paypal_api import PayPalApi
from kassa.providers.paypal_errors import NAME

# PayPal sends an event again for three days, and does not say whether it signs it anew; one event counts once anyway.
TOLERANCE = timedelta(days=3, hours=1)
AHEAD = timedelta(minutes=5)
_CERTIFICATES = "/v1/notifications/certs/"
_SUBJECT = re.compile(r"messageverificationcerts(\.[a-z]+)?\.paypal\.com")
_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
# Who issues PayPal's certificates, and publishes its own.
_ISSUER = "http://cacerts.digicert.com/"
_LARGEST_BYTES = 65_536
_FETCH_TIMEOUT = aiohttp.ClientTimeout(total=5)
# Strangers may have certificates fetched: so few at once, and never over the connections of payments.
FETCHES_AT_ONCE = 4
_KEPT = 16


class _Chain(NamedTuple):
    leaf: x509.Certificate
    above: list[x509.Certificate]
    roots: Store


class Signatures:
    """Checks what PayPal signs; remembers the certificates that it was signed with."""

    def __init__(self, api: PayPalApi) -> None:
        self._api = api
        self._session: aiohttp.ClientSession | None = None
        self._chains: dict[str, _Chain] = {}
        self._fetches: dict[str, asyncio.Future[_Chain]] = {}
        self._system: Store | None = None

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    def must_fetch(self, headers: Mapping[str, str]) -> bool:
        """Whether the certificate that the headers name may be PayPal's, and is neither known nor on its way."""
        url = next((value for name, value in headers.items() if name.lower() == "paypal-cert-url"), "")
        known = url in self._chains or url in self._fetches
        return not known and (self._is_paypals(url, live=True) or self._is_paypals(url, live=False))

    async def check(self, headers: Mapping[str, str], body: bytes, webhook_id: str, live: bool, now: datetime) -> None:
        """Raise INVALID_SIGNATURE unless PayPal sent `body` to this webhook within TOLERANCE before `now`.

        Raises PROVIDER_UNAVAILABLE when the certificate cannot be fetched, so that PayPal sends it again.
        """
        sent = {name.lower().removeprefix("paypal-"): value for name, value in headers.items()}
        try:
            transmission, at = sent["transmission-id"], sent["transmission-time"]
            signature = base64.b64decode(sent["transmission-sig"], validate=True)
            url, algorithm = sent["cert-url"], sent["auth-algo"]
            age = now - datetime.fromisoformat(at)
        except (KeyError, ValueError, TypeError) as error:
            raise KassaError("INVALID_SIGNATURE") from error
        if algorithm != "SHA256withRSA" or not -AHEAD <= age <= TOLERANCE or not webhook_id:
            raise KassaError("INVALID_SIGNATURE")
        key = await self._key(url, live, now)
        signed = f"{transmission}|{at}|{webhook_id}|{zlib.crc32(body)}".encode()
        try:
            key.verify(signature, signed, PKCS1v15(), SHA256())
        except InvalidSignature as error:
            raise KassaError("INVALID_SIGNATURE") from error

    async def _key(self, url: str, live: bool, now: datetime) -> RSAPublicKey:
        """The key of the certificate at `url`, which must be PayPal's own and valid `now`."""
        if not self._is_paypals(url, live):
            raise KassaError("INVALID_SIGNATURE", "The notification's certificate is not at an address of PayPal's")
        chain = self._chains.get(url) or await self._fetched_once(url)
        leaf, key = chain.leaf, chain.leaf.public_key()
        try:
            names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
            name = next(one for one in names.get_values_for_type(x509.DNSName) if _SUBJECT.fullmatch(one))
            policy = PolicyBuilder().store(chain.roots).time(now)
            policy.build_server_verifier(x509.DNSName(name)).verify(leaf, chain.above)
        except (x509.ExtensionNotFound, StopIteration, VerificationError, ValueError) as error:
            raise KassaError("INVALID_SIGNATURE", "The notification's certificate cannot be trusted") from error
        if not isinstance(key, RSAPublicKey):
            raise KassaError("INVALID_SIGNATURE")
        if len(self._chains) >= _KEPT:
            self._chains.pop(next(iter(self._chains)))
        self._chains[url] = chain
        return key

    def _is_paypals(self, url: str, live: bool) -> bool:
        return any(
            url.startswith(place) and re.fullmatch(r"[A-Za-z0-9-]+", url[len(place) :]) for place in self._places(live)
        )

    def _places(self, live: bool) -> tuple[str, ...]:
        """Where certificates may be: PayPal's addresses for this kind of account, or the stand-in that is used."""
        if self._own is not None:
            return (self._own + _CERTIFICATES,)
        kind = "" if live else ".sandbox"
        return tuple(f"https://{host}{kind}.paypal.com{_CERTIFICATES}" for host in ("api", "api-m"))

    @property
    def _own(self) -> str | None:
        """The address of a stand-in; whoever configures one trusts it with everything."""
        url = self._api.api_url
        return None if url is None or re.fullmatch(r"https://api(-m)?(\.sandbox)?\.paypal\.com", url) else url

    async def _fetched_once(self, url: str) -> _Chain:
        """What is at `url`, fetched once for all who wait for it."""
        fetch = self._fetches.get(url)
        if fetch is None:
            fetch = self._fetches[url] = asyncio.ensure_future(self._fetch_chain(url))
            fetch.add_done_callback(lambda _: self._fetches.pop(url))
        return await asyncio.shield(fetch)

    async def _fetch_chain(self, url: str) -> _Chain:
        try:
            leaf, *above = x509.load_pem_x509_certificates(await self._fetch(url))
            if self._own is not None:
                anchors = x509.load_pem_x509_certificates(await self._fetch(f"{self._own}{_CERTIFICATES}ROOT"))
                roots = Store(anchors)
            else:
                roots = self._system = self._system or Store(system_roots())
            if leaf.issuer not in {one.subject for one in above}:
                above += await self._fetch_issuers(leaf)
        except ValueError as error:
            raise KassaError("INVALID_SIGNATURE", "The notification's certificate cannot be read") from error
        return _Chain(leaf, above, roots)

    async def _fetch_issuers(self, leaf: x509.Certificate) -> list[x509.Certificate]:
        """The certificate that `leaf` was signed with, from where it says: PayPal may leave it out of its own file."""
        try:
            access = leaf.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
        except x509.ExtensionNotFound:
            return []
        trusted = _ISSUER if self._own is None else f"{self._own}/"
        for one in access:
            place = one.access_location.value
            if one.access_method == AuthorityInformationAccessOID.CA_ISSUERS and place.startswith(trusted):
                return [x509.load_der_x509_certificate(await self._fetch(place))]
        return []

    async def _fetch(self, url: str) -> bytes:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=FETCHES_AT_ONCE), cookie_jar=aiohttp.DummyCookieJar()
            )
        try:
            async with self._session.get(url, allow_redirects=False, timeout=_FETCH_TIMEOUT) as response:
                if response.status >= 500 or response.status == 429:
                    raise ProviderError("PROVIDER_UNAVAILABLE", NAME)
                if response.status != 200:
                    raise KassaError("INVALID_SIGNATURE", "The notification's certificate is not there")
                found = bytearray()
                async for part in response.content.iter_chunked(_LARGEST_BYTES):
                    found += part
                    if len(found) > _LARGEST_BYTES:
                        raise KassaError("INVALID_SIGNATURE", "The notification's certificate is too large")
                return bytes(found)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise ProviderError("PROVIDER_UNAVAILABLE", NAME) from error


def system_roots() -> list[x509.Certificate]:
    """The roots that this machine trusts, which are also what connections to PayPal rest on."""
    paths = ssl.get_default_verify_paths()
    if paths.cafile:
        files = [Path(paths.cafile)]
    else:
        files = [one for one in sorted(Path(paths.capath or "").glob("*")) if one.suffix in (".pem", ".crt", ".0")]
    found: list[x509.Certificate] = []
    for pem in (one for file in files for one in _PEM.findall(file.read_bytes())):
        # Machines carry a few roots that are not as the rules have them: those are left out, not the others with them.
        with suppress(ValueError, CryptographyDeprecationWarning), warnings.catch_warnings():
            warnings.simplefilter("error", CryptographyDeprecationWarning)
            found.append(x509.load_pem_x509_certificate(pem))
    return found
