"""By which certificates PayPal may sign its notifications, where these may come from, and how long that counts."""

import asyncio
import base64
import zlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from tests.live import until
from tests.providers.scripted import Scripted

from kassa.domain.errors import KassaError
from kassa.providers.base import Credentials, ProviderError
from kassa.providers.paypal import PayPal
from kassa.providers.paypal_signature import FETCHES_AT_ONCE, system_roots
from kassa.sandbox.paypal_signing import SUBJECT, Pair, make

BODY = b'{"id": "WH-1", "event_type": "PAYMENT.CAPTURE.COMPLETED", "resource": {}}'
ACCOUNT = Credentials("client", "secret", "WEBHOOK1", False)
CERTS = "/v1/notifications/certs/"


@dataclass
class Place:
    """A server of certificates, an authority that it is the anchor of, and a provider that trusts it."""

    server: Scripted
    root: Pair
    between: Pair
    provider: PayPal

    def serve(self, name: str, *certificates: Pair) -> str:
        """The address at which these are, as one file."""
        pem = b"".join(one.certificate.public_bytes(Encoding.PEM) for one in certificates)
        self.server.answers[f"GET {CERTS}{name}"] = [(200, pem)]
        return f"{self.server.url}{CERTS}{name}"

    async def accepts(self, headers: Mapping[str, str], now: datetime | None = None, **account: Any) -> bool:
        """Whether a notification with these headers counts."""
        try:
            notice = await self.provider.verify(
                headers, BODY, msgspec.structs.replace(ACCOUNT, **account), now or datetime.now(UTC)
            )
        except KassaError as refused:
            assert refused.code == "INVALID_SIGNATURE", refused
            return False
        return notice.event_id == "WH-1"


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    """With nothing but its anchor served."""
    root = make("Root", None, authority=True)
    async with Scripted() as server:
        provider = PayPal(server.url)
        one = Place(server, root, make("Between", root, authority=True), provider)
        one.serve("ROOT", root)
        yield one
        await provider.aclose()


def signed(by: Pair, url: str, at: datetime | None = None, webhook_id: str = "WEBHOOK1") -> dict[str, str]:
    """The headers of BODY."""
    sent_at = f"{at or datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    message = f"69cd13f0-d67a|{sent_at}|{webhook_id}|{zlib.crc32(BODY)}".encode()
    return {
        "Paypal-Transmission-Id": "69cd13f0-d67a",
        "Paypal-Transmission-Time": sent_at,
        "Paypal-Transmission-Sig": base64.b64encode(by.key.sign(message, PKCS1v15(), SHA256())).decode(),
        "Paypal-Cert-Url": url,
        "Paypal-Auth-Algo": "SHA256withRSA",
    }


async def test_a_certificate_with_its_issuers_counts(place: Place) -> None:
    leaf = make(SUBJECT, place.between, authority=False)

    assert await place.accepts(signed(leaf, place.serve("CERT-1", leaf, place.between)))


async def test_an_issuer_that_is_left_out_is_asked_for_where_the_certificate_says(place: Place) -> None:
    url = f"{place.server.url}/issuer.der"
    leaf = make(SUBJECT, place.between, authority=False, issuer_url=url)
    place.server.answers["GET /issuer.der"] = [(200, place.between.certificate.public_bytes(Encoding.DER))]

    assert await place.accepts(signed(leaf, place.serve("CERT-1", leaf)))


async def test_an_issuer_is_not_asked_for_anywhere_else(place: Place) -> None:
    async with Scripted() as elsewhere:
        leaf = make(SUBJECT, place.between, authority=False, issuer_url=f"{elsewhere.url}/issuer.der")
        elsewhere.answers["GET /issuer.der"] = [(200, place.between.certificate.public_bytes(Encoding.DER))]

        assert not await place.accepts(signed(leaf, place.serve("CERT-1", leaf)))
        assert elsewhere.asked == []


async def test_a_certificate_is_fetched_once(place: Place) -> None:
    leaf = make(SUBJECT, place.between, authority=False)
    headers = signed(leaf, place.serve("CERT-1", leaf, place.between))

    for _ in range(3):
        assert await place.accepts(headers)

    assert place.server.paths("GET") == [f"{CERTS}CERT-1", f"{CERTS}ROOT"]


async def test_of_those_who_wait_for_a_certificate_one_fetches_it(place: Place) -> None:
    leaf = make(SUBJECT, place.between, authority=False)
    headers = signed(leaf, place.serve("CERT-1", leaf, place.between))
    fetched = [place.provider.must_fetch(headers)]

    counting = asyncio.gather(*(place.accepts(headers) for _ in range(20)))
    await until(lambda: asyncio.sleep(0, bool(place.server.asked)), "it is on its way")
    fetched.append(place.provider.must_fetch(headers))

    assert await counting == [True] * 20
    assert place.server.paths("GET") == [f"{CERTS}CERT-1", f"{CERTS}ROOT"]
    assert [*fetched, place.provider.must_fetch(headers)] == [True, False, False]


async def test_certificates_that_do_not_come_leave_payments_their_connections(place: Place) -> None:
    leaf = make(SUBJECT, place.between, authority=False)
    never = place.server.hold(CERTS)
    asking = [
        asyncio.ensure_future(place.accepts(signed(leaf, f"{place.server.url}{CERTS}CERT-{number}")))
        for number in range(150)
    ]
    await until(lambda: asyncio.sleep(0, len(place.server.asked) == FETCHES_AT_ONCE), "so many are asked for")
    place.server.answers["POST /v1/oauth2/token"] = [(200, {"access_token": "t", "expires_in": 60})]

    with pytest.raises(ProviderError) as refused:
        await place.provider.retrieve_refund("REFUND1", ACCOUNT)

    # The stand-in knows of no refund; but it was asked, while the certificates still had not come.
    assert place.server.paths("GET")[FETCHES_AT_ONCE:] == ["/v2/payments/refunds/REFUND1"], refused.value
    assert not any(one.done() for one in asking)
    never.set()
    await asyncio.gather(*asking, return_exceptions=True)


async def test_a_certificate_that_runs_out_counts_no_more_though_it_is_remembered(place: Place) -> None:
    leaf = make(SUBJECT, place.between, authority=False, ends_in=timedelta(days=1))
    url = place.serve("CERT-1", leaf, place.between)
    later = datetime.now(UTC) + timedelta(days=2)

    assert await place.accepts(signed(leaf, url))
    assert not await place.accepts(signed(leaf, url, later), later)


def forged(wrong: str, between: Pair) -> list[Pair]:
    """A certificate and its issuers, with something wrong."""
    if wrong == "stranger's root":
        stranger = make("Root", None, authority=True)
        return [make(SUBJECT, stranger, authority=False), stranger]
    if wrong == "self-signed":
        return [make(SUBJECT, None, authority=False)]
    if wrong == "no authority":
        # Who holds any certificate of the same authority cannot issue one in PayPal's name.
        shop = make("shop.example", between, authority=False)
        return [make(SUBJECT, shop, authority=False), shop, between]
    name = {"another name": "shop.example", "suffix": f"{SUBJECT}.shop.example"}.get(wrong, SUBJECT)
    ends_in = timedelta(days=-1 if wrong == "run out" else 90)
    return [make(name, between, authority=False, ends_in=ends_in), between]


@pytest.mark.parametrize(
    "wrong", ["stranger's root", "self-signed", "no authority", "another name", "suffix", "run out", "not its key"]
)
async def test_a_certificate_that_is_not_paypals_does_not_count(place: Place, wrong: str) -> None:
    leaf, *above = forged(wrong, place.between)
    signer = make(SUBJECT, place.between, authority=False) if wrong == "not its key" else leaf

    assert not await place.accepts(signed(signer, place.serve("CERT-1", leaf, *above)))


async def test_a_certificate_is_fetched_from_nowhere_but_paypals_address(place: Place) -> None:
    leaf = make(SUBJECT, place.between, authority=False)
    place.serve("CERT-1", leaf, place.between)
    place.server.answers["GET /CERT-1"] = place.server.answers[f"GET {CERTS}CERT-1"]
    own = f"{place.server.url}{CERTS}"

    for url in (
        f"{place.server.url}/CERT-1",
        f"{own}../../../CERT-1",
        f"{own}CERT-1?as=that",
        f"{own}CERT-1#that",
        f"{own}CERT-1/",
        f"{own}",
        f"{own.replace('127.0.0.1', 'localhost')}CERT-1",
        f"{own.replace('http://', 'http://paypal.com@')}CERT-1",
        "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-1",
        "",
    ):
        assert not await place.accepts(signed(leaf, url)), url
    assert place.server.asked == []


async def test_paypals_own_addresses_are_taken_whole_and_of_the_same_kind() -> None:
    leaf = make(SUBJECT, None, authority=False)
    for url, live in (
        ("http://api.sandbox.paypal.com/v1/notifications/certs/CERT-1", False),
        ("https://api.sandbox.paypal.com.shop.example/v1/notifications/certs/CERT-1", False),
        ("https://api.sandbox.paypal.com:8443/v1/notifications/certs/CERT-1", False),
        ("https://shop.example/https://api.sandbox.paypal.com/v1/notifications/certs/CERT-1", False),
        ("https://www.sandbox.paypal.com/v1/notifications/certs/CERT-1", False),
        ("https://api.paypal.com/v1/notifications/certs/CERT-1", False),
        ("https://api.sandbox.paypal.com/v1/notifications/certs/CERT-1", True),
    ):
        for provider in (PayPal(), PayPal("https://api-m.paypal.com" if live else "https://api-m.sandbox.paypal.com")):
            with pytest.raises(KassaError) as refused:
                await provider.verify(
                    signed(leaf, url), BODY, msgspec.structs.replace(ACCOUNT, live=live), datetime.now(UTC)
                )
            assert (refused.value.code, "not at an address" in refused.value.description) == (
                "INVALID_SIGNATURE", True,
            ), url  # fmt: skip


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_a_certificate_that_cannot_be_had_now_is_no_forgery(place: Place, status: int) -> None:
    leaf = make(SUBJECT, place.between, authority=False)
    url = place.serve("CERT-1", leaf, place.between)
    place.server.answers[f"GET {CERTS}CERT-1"].insert(0, (status, b""))

    with pytest.raises(KassaError) as later:
        await place.provider.verify(signed(leaf, url), BODY, ACCOUNT, datetime.now(UTC))

    assert (later.value.code, later.value.status) == ("PROVIDER_UNAVAILABLE", 503)
    assert await place.accepts(signed(leaf, url))


@pytest.mark.parametrize(
    "answer", [(404, b""), (302, b""), (200, b"nothing"), (200, b""), (200, b"x" * 70_000), (403, b"")]
)
async def test_what_is_no_certificate_does_not_count(place: Place, answer: tuple[int, bytes]) -> None:
    leaf = make(SUBJECT, place.between, authority=False)
    pem = leaf.certificate.public_bytes(Encoding.PEM) + place.between.certificate.public_bytes(Encoding.PEM)
    place.server.answers["GET /elsewhere"] = [(200, pem)]
    # However much follows a right one, so much is not read.
    status, body = answer
    place.server.answers[f"GET {CERTS}CERT-1"] = [(status, pem + body if len(body) > 1_000 else body)]

    assert not await place.accepts(signed(leaf, f"{place.server.url}{CERTS}CERT-1"))
    assert "/elsewhere" not in place.server.paths("GET")


async def test_a_signature_counts_for_three_days_and_not_before_its_time(place: Place) -> None:
    leaf = make(SUBJECT, place.between, authority=False)
    url, now = place.serve("CERT-1", leaf, place.between), datetime.now(UTC)

    counts = [
        await place.accepts(signed(leaf, url, now - age), now)
        for age in (
            timedelta(0), timedelta(days=3), timedelta(days=3, hours=2), timedelta(minutes=-4), timedelta(minutes=-6),
        )
    ]  # fmt: skip

    assert counts == [True, True, False, True, False]


async def test_headers_must_all_be_there_and_as_agreed(place: Place) -> None:
    leaf = make(SUBJECT, place.between, authority=False)
    right = signed(leaf, place.serve("CERT-1", leaf, place.between))

    assert await place.accepts(right)
    for name in right:
        assert not await place.accepts({header: value for header, value in right.items() if header != name}), name
    assert not await place.accepts(right | {"Paypal-Auth-Algo": "SHA1withRSA"})
    assert not await place.accepts(right | {"Paypal-Transmission-Time": "yesterday"})
    # A time without its zone is nobody's.
    assert not await place.accepts(right | {"Paypal-Transmission-Time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}"})
    assert not await place.accepts(right | {"Paypal-Transmission-Sig": "###"})
    assert not await place.accepts(right, webhook_secret="WEBHOOK2")
    # Where no webhook is configured, none is taken for it.
    nobodys = signed(leaf, right["Paypal-Cert-Url"], webhook_id="")
    assert not await place.accepts(nobodys, webhook_secret="")


def test_this_machines_roots_are_found() -> None:
    roots = system_roots()
    if not roots:
        pytest.skip("this machine trusts no roots")

    assert any("DigiCert" in one.subject.rfc4514_string() for one in roots)
