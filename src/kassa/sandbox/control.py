"""By which a test makes things happen: faults, outcomes, unruly notifications, and a look into the books.

POST /control/faults         {provider, operation, kind, times = 1}
POST /control/outcome        {provider, session: its reference or the payment's id, outcome, code?}
POST /control/notifications  {provider, copies = 1, delay_ms = 0, drop = false, hold = false}
POST /control/release        {provider, order = "sent" | "reversed" | "shuffled", seed = 0}
GET  /control/notifications/{provider}    all so far, signed now, with what their receiver answered
POST /control/sign           {provider, body: text, age_s = 0}: the headers of a notification of that age
POST /control/refunds        {provider, begin: "pending" | "processed" | "failed"}: how refunds begin
POST /control/refund         {provider, refund_id, state}: how one ends; it may be named by the provider's reference
POST /control/refund_outside {provider, session, amount}: a refund made in the provider's own dashboard
GET  /control/books/{provider}            sessions, charges, refunds
POST /control/clock          {provider, advance_s}: sessions whose time is over then expire, and held money is let go
POST /control/reset          {provider?}
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kassa.sandbox.books import Impossible, Outcome, RefundState
from kassa.sandbox.notifications import Policy
from kassa.sandbox.stand_in import Fault, Operation, StandIn


class _Asked(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    provider: str


class _Faults(_Asked):
    operation: Operation
    kind: Fault
    times: int = 1


class _Outcome(_Asked):
    session: str
    outcome: Outcome
    code: str | None = None


class _Notifications(_Asked):
    copies: int = 1
    delay_ms: int = 0
    drop: bool = False
    hold: bool = False


class _Release(_Asked):
    order: Literal["sent", "reversed", "shuffled"] = "sent"
    seed: int = 0


class _Sign(_Asked):
    body: str
    age_s: int = 0


class _RefundsBegin(_Asked):
    begin: RefundState


class _RefundEnds(_Asked):
    refund_id: str
    state: RefundState


class _RefundOutside(_Asked):
    session: str
    amount: int


class _Clock(_Asked):
    advance_s: int


class _Reset(msgspec.Struct, forbid_unknown_fields=True):
    provider: str | None = None


class Control:
    """The control endpoints over all stand-ins."""

    def __init__(self, stand_ins: Mapping[str, StandIn]) -> None:
        self._stand_ins = stand_ins

    def routes(self) -> list[Route]:
        """`/control/...`."""
        posts: dict[str, tuple[type[Any], Callable[[Any], Any]]] = {
            "faults": (_Faults, self._faults),
            "outcome": (_Outcome, self._outcome),
            "notifications": (_Notifications, self._notifications),
            "release": (_Release, self._release),
            "sign": (_Sign, self._sign),
            "refunds": (_RefundsBegin, self._refunds_begin),
            "refund": (_RefundEnds, self._refund_ends),
            "refund_outside": (_RefundOutside, self._refund_outside),
            "clock": (_Clock, self._clock),
            "reset": (_Reset, self._reset),
        }
        made = [Route(f"/control/{path}", _posted(*work), methods=["POST"]) for path, work in posts.items()]
        made.append(Route("/control/books/{provider}", self._read(lambda one: one.books.rows())))
        made.append(Route("/control/notifications/{provider}", self._read(lambda one: one.sender.rows())))
        return made

    def _read(self, work: Callable[[StandIn], Any]) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            stand_in = self._stand_ins.get(request.path_params["provider"])
            return JSONResponse(work(stand_in)) if stand_in else _wrong("no such provider", 404)

        return endpoint

    def _named(self, asked: _Asked) -> StandIn:
        if (found := self._stand_ins.get(asked.provider)) is None:
            raise Impossible(f"there is no provider {asked.provider}")
        return found

    def _faults(self, asked: _Faults) -> Any:
        self._named(asked).faults[asked.operation].extend([asked.kind] * asked.times)

    def _outcome(self, asked: _Outcome) -> Any:
        stand_in = self._named(asked)
        if (session := stand_in.books.find(asked.session)) is None:
            raise Impossible(f"there is no session {asked.session}")
        stand_in.act(session, asked.outcome, asked.code)
        return {"session": session.ref, "state": session.state}

    def _notifications(self, asked: _Notifications) -> Any:
        self._named(asked).sender.policy = Policy(asked.copies, asked.delay_ms, asked.drop, asked.hold)

    def _release(self, asked: _Release) -> Any:
        return {"released": self._named(asked).sender.release(asked.order, asked.seed)}

    def _sign(self, asked: _Sign) -> Any:
        return self._named(asked).sign(asked.body.encode(), int(time.time()) - asked.age_s)

    def _refunds_begin(self, asked: _RefundsBegin) -> Any:
        self._named(asked).books.refunds_begin = asked.begin

    def _refund_ends(self, asked: _RefundEnds) -> Any:
        self._named(asked).finish_refund(asked.refund_id, asked.state)

    def _refund_outside(self, asked: _RefundOutside) -> Any:
        stand_in = self._named(asked)
        session = stand_in.books.find(asked.session)
        if session is None or (charge := session.charge) is None or charge.refunded + asked.amount > charge.amount:
            raise Impossible(f"{asked.session} has not so much to give back")
        return {"refund": stand_in.give_back(session, charge, asked.amount).ref}

    def _clock(self, asked: _Clock) -> Any:
        stand_in = self._named(asked)
        stand_in.books.ahead_s += asked.advance_s
        stand_in.expire_due()

    def _reset(self, asked: _Reset) -> Any:
        for stand_in in self._stand_ins.values():
            if asked.provider in (None, stand_in.name):
                stand_in.reset()


def _posted(body: type[Any], work: Callable[[Any], Any]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            asked = msgspec.json.decode(await request.body() or b"{}", type=body)
            return JSONResponse(work(asked) or {})
        except msgspec.MsgspecError as error:
            return _wrong(str(error))
        except Impossible as error:
            return _wrong(str(error), 409)

    return endpoint


def _wrong(what: str, status: int = 400) -> Response:
    return JSONResponse({"error": what}, status)
