"""Do a request once per idempotency key, and repeat its very answer to every repeat."""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import NamedTuple

import msgspec

from kassa.actions.gateway import Gateway
from kassa.domain.errors import KassaError, bad_request
from kassa.store import idempotency
from kassa.store.idempotency import Claim

MAX_LENGTH = 255


class Answer(NamedTuple):
    """An HTTP status and the exact bytes of a JSON body, with what headers it needs besides."""

    status: int
    body: bytes
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Key(NamedTuple):
    """An idempotency key of a merchant, with a fingerprint of what was asked."""

    merchant_id: str
    key: str
    fingerprint: str

    def claim(self, answer: Answer, now: datetime) -> Claim:
        """The claim of this key for an answer."""
        return Claim(self.merchant_id, self.key, self.fingerprint, answer.body.decode(), answer.status, now)


class KeyTaken(Exception):
    """Somebody else claimed the key first; nothing of ours was done."""


def key_of(merchant_id: str, key: str | None, *asked: object) -> Key | None:
    """The key that a request came with, or None; `asked` is what must be the same in a repeat, without card data.

    Raises BAD_REQUEST_ERROR for a key that cannot be stored.
    """
    if key is None:
        return None
    if not key or len(key) > MAX_LENGTH or not key.isprintable():
        raise bad_request(f"Idempotency-Key must be 1 to {MAX_LENGTH} printable characters")
    return Key(merchant_id, key, hashlib.sha256(msgspec.json.encode(asked)).hexdigest())


def accepts(claim: Claim | None, won: set[tuple[str, str]]) -> bool:
    """Whether the item with this claim may be done; takes its win, so that a second one with the same key may not."""
    if claim is None:
        return True
    pair = (claim.merchant_id, claim.key)
    if pair in won:
        won.discard(pair)
        return True
    return False


async def once(gateway: Gateway, key: Key | None, work: Callable[[], Awaitable[Answer]]) -> Answer:
    """Answer from the key's stored response, else do `work`, which claims the key in its own transaction.

    Raises BAD_REQUEST_ERROR when the key was used for something else.
    """
    if key is None:
        return await work()
    for _ in range(3):
        stored = await idempotency.find(gateway.database, key.merchant_id, key.key)
        if stored is not None:
            if stored.fingerprint not in (None, key.fingerprint):
                raise bad_request("Idempotency-Key was already used with a different request")
            return Answer(stored.status, stored.response.encode())
        try:
            return await work()
        except KeyTaken:
            continue
        except KassaError as refusal:
            # What refuses us may be the work of a twin with the same key; then its answer is ours too.
            if refusal.status >= 500 or await idempotency.find(gateway.database, key.merchant_id, key.key) is None:
                raise
    raise KassaError("SERVICE_UNAVAILABLE")
