"""One endpoint: what it takes, whom it lets in, what it answers; run by the edge and described by OpenAPI alike."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from kassa.actions.gateway import Gateway
from kassa.actions.once import Answer
from kassa.api.limits import PER_QUESTION, RateLimits
from kassa.domain.payment import Merchant

Access = Literal["merchant", "open", "unlimited"]


class Call:
    """One request: the gateway, who asks, and what was asked, parsed."""

    __slots__ = ("_merchant", "address", "body", "gateway", "headers", "limits", "path", "query")

    def __init__(
        self,
        gateway: Gateway,
        limits: RateLimits,
        merchant: Merchant | None,
        body: Any,
        query: Any,
        path: Mapping[str, str],
        headers: Mapping[bytes, bytes],
        address: str,
    ) -> None:
        self.gateway = gateway
        self.limits = limits
        self._merchant = merchant
        self.body = body
        self.query = query
        self.path = path
        self.headers = headers
        self.address = address

    @property
    def merchant(self) -> Merchant:
        """The merchant whose credentials came with the request."""
        assert self._merchant is not None
        return self._merchant

    def count_question(self, kind: str, merchant_id: str, per_second: int) -> tuple[str, str]:
        """Count a request of a stranger that has a merchant's provider asked, `per_second` times for all strangers.

        Returns the names to forgive it by. Raises RateLimited.
        """
        name, limit = f"{kind}:{self.address}", max(1, self.gateway.settings.rate_limit_per_address // PER_QUESTION)
        # Who has asked too often takes no turn of others.
        self.limits.check(name, limit)
        turn = self.limits.count_in_second(f"{kind}:{merchant_id}", per_second)
        self.limits.count(name, limit)
        return name, turn

    @property
    def idempotency_key(self) -> str | None:
        """The Idempotency-Key header, as it came."""
        value = self.headers.get(b"idempotency-key")
        return None if value is None else value.decode("latin-1")


def cookie_of(headers: Mapping[bytes, bytes], name: str) -> str | None:
    """The value of a cookie."""
    for part in headers.get(b"cookie", b"").decode("latin-1").split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value
    return None


class Text(str):
    """An answer that is not JSON; `media_type` says what it is."""

    media_type = "text/plain; charset=utf-8"


class Download:
    """An answer of unknown length that is sent piece by piece, for the browser to save."""

    def __init__(self, pieces: AsyncIterator[bytes], media_type: str, file_name: str) -> None:
        self.pieces = pieces
        self.media_type = media_type
        self.file_name = file_name


Result = Answer | msgspec.Struct | dict[str, Any] | Text | Download


@dataclass(frozen=True)
class Operation:
    """An endpoint. `answer` is what it returns with `status`; `refusals` are the other statuses that it can answer."""

    method: str
    path: str
    summary: str
    handler: Callable[[Call], Awaitable[Result]]
    answer: Any
    status: int = 200
    access: Access = "merchant"
    body: type[msgspec.Struct] | None = None
    raw_body: bool = False
    query: type[msgspec.Struct] | None = None
    refusals: tuple[int, ...] = ()
    idempotent: bool = False
    development_only: bool = False
    tag: str = field(default="")

    @property
    def statuses(self) -> list[int]:
        """Every status this endpoint can answer with."""
        found = {self.status, 503, *self.refusals}
        if self.access != "unlimited":
            found.add(429)
        if self.access == "merchant":
            found.add(401)
        if self.body is not None:
            found |= {400, 413, 415}
        if self.raw_body:
            found |= {400, 413}
        if self.query is not None:
            found.add(400)
        if "{" in self.path:
            found.add(404)
        return sorted(found)
