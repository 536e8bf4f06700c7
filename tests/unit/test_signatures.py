"""Signatures of webhooks: plain HMAC, and Standard Webhooks as its own library verifies it."""

import base64
import hashlib
import hmac
import subprocess
import time
from shutil import which

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from kassa.actions.configure_webhook import new_webhook_secret
from kassa.domain.webhook import signature, signature_headers, signing_key

BODY = '{"event":"payment.success","note":"₹500 für \u2028 Ünal"}'.encode()
DELIVERY_ID = "0192f0c1-7c6b-7d5e-8a4f-1234567890ab"
generated = st.binary(min_size=24, max_size=24).map(lambda key: "whsec_" + base64.b64encode(key).decode())


def test_the_signature_is_hex_hmac_sha256() -> None:
    """The second example of RFC 4231."""
    expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    assert signature("Jefe", b"what do ya want for nothing?") == expected


@given(st.text(), st.binary())
def test_the_secret_is_taken_as_it_is(secret: str, payload: bytes) -> None:
    assert signature(secret, payload) == hmac.new(secret.encode(), payload, hashlib.sha256).hexdigest()


@pytest.mark.skipif(which("openssl") is None, reason="openssl is not installed")
def test_openssl_gives_the_same() -> None:
    command = ["openssl", "dgst", "-sha256", "-hmac", "whsec_test_abc123"]
    printed = subprocess.run(command, input=BODY, capture_output=True, check=True).stdout.decode()
    assert printed.split()[-1] == signature("whsec_test_abc123", BODY)


@given(generated, st.binary())
def test_the_standard_library_verifies_generated_secrets(secret: str, body: bytes) -> None:
    headers = signature_headers([secret], DELIVERY_ID, int(time.time()), body_of(body))
    assert Webhook(secret).verify(body_of(body), headers) == {"bytes": body.hex()}


def body_of(content: bytes) -> bytes:
    """A JSON body, as the library also decodes what it has verified."""
    return b'{"bytes":"%s"}' % content.hex().encode()


def test_new_secrets_are_of_that_form_and_differ() -> None:
    made = [new_webhook_secret() for _ in range(100)]
    assert len(set(made)) == 100
    assert {len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) for secret in made} == {24}
    for secret in made:
        Webhook(secret).verify(BODY, signature_headers([secret], DELIVERY_ID, int(time.time()), BODY))


def test_another_body_id_or_secret_does_not_verify() -> None:
    secret, other = new_webhook_secret(), new_webhook_secret()
    headers = signature_headers([secret], DELIVERY_ID, int(time.time()), BODY)
    for verifier, body, sent in (
        (secret, BODY + b" ", headers),
        (secret, BODY, headers | {"webhook-id": "another"}),
        (secret, BODY, headers | {"webhook-timestamp": str(int(time.time()) - 60)}),
        (other, BODY, headers),
    ):
        with pytest.raises(WebhookVerificationError):
            Webhook(verifier).verify(body, sent)


def test_a_signature_of_long_ago_does_not_verify() -> None:
    secret = new_webhook_secret()
    with pytest.raises(WebhookVerificationError, match="too old"):
        Webhook(secret).verify(BODY, signature_headers([secret], DELIVERY_ID, int(time.time()) - 3_600, BODY))


@pytest.mark.parametrize("secret", ["whsec_test_abc123", "plain secret", "", "ключ", "whsec_ключ"])
def test_other_secrets_serve_as_their_own_bytes(secret: str) -> None:
    """So the seeded merchant's secret works too, for receivers that hand its bytes to their library."""
    headers = signature_headers([secret], DELIVERY_ID, int(time.time()), BODY)
    signed = f"{DELIVERY_ID}.{headers['webhook-timestamp']}.".encode() + BODY
    expected = base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"


@given(st.text())
def test_any_secret_makes_a_key(secret: str) -> None:
    assert isinstance(signing_key(secret), bytes)


@given(generated, generated)
def test_while_a_secret_is_rotated_both_verify(new: str, old: str) -> None:
    headers = signature_headers([new, old], DELIVERY_ID, int(time.time()), BODY)
    Webhook(new).verify(BODY, headers)
    Webhook(old).verify(BODY, headers)
    assert headers["X-Webhook-Signature"] == signature(new, BODY)
    assert headers["X-Webhook-Signature-Previous"] == signature(old, BODY)


def test_with_one_secret_there_is_one_signature_of_each_kind() -> None:
    headers = signature_headers(["whsec_test_abc123"], DELIVERY_ID, 1_700_000_000, BODY)
    assert headers.keys() == {"X-Webhook-Signature", "webhook-id", "webhook-timestamp", "webhook-signature"}
    assert headers["webhook-signature"].count("v1,") == 1
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == (DELIVERY_ID, "1700000000")
