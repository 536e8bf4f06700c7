"""The PayPal stand-in's own certificate authority, and the signatures that it vouches for."""

import base64
import zlib
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import NamedTuple
from uuid import uuid4

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

SUBJECT = "messageverificationcerts.sandbox.paypal.com"


class Pair(NamedTuple):
    """A certificate and its key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey


def make(
    name: str,
    issuer: Pair | None,
    *,
    authority: bool,
    issuer_url: str | None = None,
    ends_in: timedelta = timedelta(90),
) -> Pair:
    """A certificate for `name`, self-signed without an `issuer`, whose own certificate is at `issuer_url`."""
    key = rsa.generate_private_key(65_537, 2_048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    by, by_key = (issuer.certificate.subject, issuer.key) if issuer else (subject, key)
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=30))
        .not_valid_after(now + ends_in)
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by_key.public_key()), critical=False)
        .add_extension(_usage(authority), critical=True)
    )
    if not authority:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    if issuer_url is not None:
        place = x509.UniformResourceIdentifier(issuer_url)
        access = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, place)
        builder = builder.add_extension(x509.AuthorityInformationAccess([access]), critical=False)
    return Pair(builder.sign(by_key, SHA256()), key)


def _usage(authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not authority, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=authority, crl_sign=authority, encipher_only=False, decipher_only=False,
    )  # fmt: skip


class Signing:
    """A root, an authority below it, and a certificate that signs notifications; made when first needed."""

    def __init__(self, base_url: str, webhook_id: str) -> None:
        self.certificates_url = f"{base_url}/v1/notifications/certs/"
        self._webhook_id = webhook_id

    @cached_property
    def _pairs(self) -> tuple[Pair, Pair, Pair]:
        root = make("Sandbox Root", None, authority=True)
        between = make("Sandbox Authority", root, authority=True)
        url = f"{self.certificates_url}ISSUER"
        return root, between, make(SUBJECT, between, authority=False, issuer_url=url)

    @property
    def name(self) -> str:
        """What the signing certificate is called; another one has another name."""
        return f"CERT-{self._pairs[2].certificate.serial_number:x}"

    def files(self) -> dict[str, bytes]:
        """What is served, by name. The signing certificate stands alone: who checks it asks for its issuer's."""
        root, between, leaf = (pair.certificate for pair in self._pairs)
        return {
            "ROOT": root.public_bytes(Encoding.PEM),
            "ISSUER": between.public_bytes(Encoding.DER),
            self.name: leaf.public_bytes(Encoding.PEM),
            f"{self.name}-CHAIN": leaf.public_bytes(Encoding.PEM) + between.public_bytes(Encoding.PEM),
        }

    def headers(self, body: bytes, at: int) -> dict[str, str]:
        """What PayPal would send beside `body`."""
        transmission, sent_at = str(uuid4()), f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
        signed = f"{transmission}|{sent_at}|{self._webhook_id}|{zlib.crc32(body)}".encode()
        signature = self._pairs[2].key.sign(signed, PKCS1v15(), SHA256())
        return {
            "PAYPAL-TRANSMISSION-ID": transmission,
            "PAYPAL-TRANSMISSION-TIME": sent_at,
            "PAYPAL-TRANSMISSION-SIG": base64.b64encode(signature).decode(),
            "PAYPAL-CERT-URL": self.certificates_url + self.name,
            "PAYPAL-AUTH-ALGO": "SHA256withRSA",
        }
