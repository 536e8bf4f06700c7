"""What all stand-ins share: routes with scripted faults, the books, and notifications."""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kassa.sandbox.books import Books, Charge, Happened, Impossible, Outcome, Refund, RefundState, Session, mint
from kassa.sandbox.notifications import Notification, Sender

Operation = Literal["authenticate", "open", "retrieve", "expire", "capture", "refund", "list"]
# "after_charging": it is done as asked, but the answer is lost.
Fault = Literal[
    "timeout_before", "timeout_after_charging", "http_500", "http_500_after_charging", "rate_limit", "authentication"
]
Refusal = Literal["http_500", "rate_limit", "authentication"]
SILENCE_S = 120


@dataclass(frozen=True)
class Call:
    """A request to a provider, whole."""

    method: str
    path: str
    params: Mapping[str, str]
    query: str
    headers: Mapping[str, str]
    body: bytes
    base_url: str


class StandIn(ABC):
    """One provider. A handler runs without a pause, so that the books change in whole steps."""

    name: ClassVar[str]
    credentials: ClassVar[dict[str, str]]
    decline_codes: ClassVar[tuple[str, ...]]
    # For how long money is held that nobody captures.
    held_s: ClassVar[int] = 7 * 86_400

    def __init__(self, notify_url: str | None) -> None:
        self.sender = Sender(notify_url, self.sign)
        self.reset()

    def reset(self) -> None:
        """Begin with empty books, no faults, and notifications as they should be."""
        self.books = Books()
        self.faults: dict[str, deque[Fault]] = {operation: deque() for operation in get_args(Operation)}
        self.sender.reset()

    @abstractmethod
    def routes(self) -> list[Route]:
        """The provider's endpoints, without its prefix."""

    @abstractmethod
    def refused(self, kind: Refusal) -> Response:
        """The provider's own answer to a request that it cannot or will not take."""

    @abstractmethod
    def announce(self, session: Session, happened: Happened) -> None:
        """Send the provider's notifications of what happened."""

    @abstractmethod
    def sign(self, body: bytes, at: int) -> dict[str, str]:
        """The headers of a notification that is sent `at` seconds since 1970."""

    def return_url(self, session: Session) -> str:
        """Where the payer goes after paying."""
        return session.success_url

    def act(self, session: Session, outcome: Outcome, code: str | None = None) -> None:
        """Let the payer or the bank do something, and tell the gateway; raises Impossible."""
        happened = self.books.act(session, outcome, code or self.decline_codes[0], self.charge_ref(session))
        self.announce(session, happened)

    def charge_ref(self, session: Session) -> str:
        """What a new charge of this session will be called."""
        return mint("charge_")

    def refund_ref(self) -> str:
        """What a new refund will be called."""
        return mint("re_")

    def give_back(self, session: Session, charge: Charge, amount: int, refund_id: str = "") -> Refund:
        """Begin a refund, and tell of it; one without a `refund_id` is made in the provider's own dashboard."""
        refund = Refund(self.refund_ref(), refund_id, amount, self.books.refunds_begin, self.books.now_s())
        charge.refunds.append(refund)
        self.announce(session, "refunded")
        return refund

    def find_refund(self, account: str, ref: str) -> tuple[Session, Charge, Refund] | None:
        """A refund by its reference."""
        for session in self.books.of(account):
            for refund in session.charge.refunds if session.charge else ():
                if refund.ref == ref and session.charge:
                    return session, session.charge, refund
        return None

    def finish_refund(self, refund_id: str, state: RefundState) -> None:
        """Let a refund, by its reference or as it was asked for, end, or fail; raises Impossible."""
        for session in self.books.sessions.values():
            for refund in session.charge.refunds if session.charge else ():
                if refund_id in (refund.refund_id, refund.ref):
                    refund.state = state
                    self.announce(session, "refund_changed")
                    return
        raise Impossible(f"there is no refund {refund_id}")

    def notify(self, event_id: str, event_type: str, body: Any) -> None:
        """Send one notification."""
        self.sender.send(Notification(event_id, event_type, msgspec.json.encode(body)))

    def expire_due(self) -> None:
        """Let time do its work on open sessions."""
        for session in self.books.due():
            self.act(session, "expire")
        for session in self.books.lapsed(self.held_s):
            self.announce(session, "released")

    def route(self, method: str, path: str, operation: Operation, handler: Callable[[Call], Response]) -> Route:
        """An endpoint at which faults can be scripted."""

        async def endpoint(request: Request) -> Response:
            url = request.url
            call = Call(
                request.method, url.path, request.path_params, url.query, request.headers, await request.body(),
                f"{url.scheme}://{url.netloc}",
            )  # fmt: skip
            fault = self.faults[operation].popleft() if self.faults[operation] else None
            if fault == "timeout_before":
                return await _silence(request)
            if fault in ("http_500", "rate_limit", "authentication"):
                return self.refused(fault)
            self.expire_due()
            response = handler(call)
            if fault == "timeout_after_charging":
                return await _silence(request)
            return self.refused("http_500") if fault == "http_500_after_charging" else response

        return Route(path, endpoint, methods=[method])


async def _silence(request: Request) -> Response:
    """Say nothing until the caller hangs up."""
    try:
        async with asyncio.timeout(SILENCE_S):
            while (await request.receive())["type"] != "http.disconnect":
                pass
    except TimeoutError:
        pass
    return Response(status_code=504)
