"""Outgoing webhooks: the events, the signatures and the retry schedule."""

import base64
import hashlib
import hmac
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

PAYMENT_CREATED = "payment.created"
PAYMENT_PENDING = "payment.pending"
PAYMENT_SUCCESS = "payment.success"
PAYMENT_FAILED = "payment.failed"
REFUND_CREATED = "refund.created"
REFUND_PROCESSED = "refund.processed"
# Beyond what the others tell: a provider would not give it back, or its bank sent it back.
REFUND_FAILED = "refund.failed"
EVENTS = (
    PAYMENT_CREATED, PAYMENT_PENDING, PAYMENT_SUCCESS, PAYMENT_FAILED, REFUND_CREATED, REFUND_PROCESSED, REFUND_FAILED
)  # fmt: skip

MAX_ATTEMPTS = 5
RETRY_DELAYS_S = (0, 60, 300, 1_800, 7_200)
RETRY_DELAYS_TEST_S = (0, 5, 10, 15, 20)
MAX_RETRY_AFTER_S = 3_600
JITTER = 0.1
SECRET_PREFIX = "whsec_"  # noqa: S105 - the prefix that Standard Webhooks prescribes


class Delivery(msgspec.Struct, frozen=True, gc=False):
    """One event on its way to a merchant; `payload` is the exact text that is stored, signed and sent."""

    id: str
    merchant_id: str
    event: str
    payload: str
    created_at: datetime
    payment_id: str | None = None
    sequence: int | None = None


def body(event: str, timestamp_s: int, data: dict[str, Any], sequence: int | None) -> str:
    """The JSON text of an event, in the form that survives JSON.parse and JSON.stringify unchanged.

    Compact, UTF-8 unescaped, no floats and no integer-like keys. `sequence` is the event's place in its payment's life.
    """
    message: dict[str, Any] = {"event": event, "timestamp": timestamp_s, "data": data}
    if sequence is not None:
        message["sequence"] = sequence
    return msgspec.json.encode(message).decode()


def signature(secret: str, payload: bytes) -> str:
    """`X-Webhook-Signature`: hex HMAC-SHA256 over the exact bytes of the body."""
    return hmac.digest(secret.encode(), payload, hashlib.sha256).hex()


@lru_cache(maxsize=1_000)
def signing_key(secret: str) -> bytes:
    """The key of the Standard Webhooks signature: what follows `whsec_`, decoded; other secrets serve as they are."""
    try:
        return base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except ValueError:  # not base64, or not even ASCII
        return secret.encode()


def standard_signature(secret: str, delivery_id: str, timestamp_s: int, payload: bytes) -> str:
    """One `v1,…` entry of `webhook-signature` (Standard Webhooks 1.0, "Signature scheme")."""
    signed = f"{delivery_id}.{timestamp_s}.".encode() + payload
    return "v1," + base64.b64encode(hmac.digest(signing_key(secret), signed, hashlib.sha256)).decode()


def signature_headers(secrets: list[str], delivery_id: str, timestamp_s: int, payload: bytes) -> dict[str, str]:
    """All signature headers of one attempt; `secrets` holds the current one, then one that is being rotated out."""
    headers = {
        "X-Webhook-Signature": signature(secrets[0], payload),
        "webhook-id": delivery_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": " ".join(standard_signature(s, delivery_id, timestamp_s, payload) for s in secrets),
    }
    if len(secrets) > 1:
        headers["X-Webhook-Signature-Previous"] = signature(secrets[1], payload)
    return headers


def retry_delay_s(
    failed_attempts: int, chance: float, *, test_schedule: bool = False, retry_after_s: float | None = None
) -> float | None:
    """Seconds until the next attempt after `failed_attempts` (1 to 5) of them, or None when there is none.

    `chance` (0 to 1) adds up to a tenth, never takes away. A receiver's Retry-After is respected up to an hour.
    """
    if failed_attempts >= MAX_ATTEMPTS:
        return None
    schedule = RETRY_DELAYS_TEST_S if test_schedule else RETRY_DELAYS_S
    delay_s = schedule[failed_attempts] * (1 + JITTER * chance)
    return max(delay_s, min(retry_after_s or 0, MAX_RETRY_AFTER_S))
