"""Endpoints of the dashboard's log-in."""

import hashlib

import msgspec

from kassa.actions.log_in import (
    SESSION_TTL_S,
    csrf_token,
    log_in,
    log_out,
    log_out_everywhere,
    merchant_of_session,
    takes_any_password,
)
from kassa.actions.once import Answer
from kassa.api.answers import SESSION_COOKIE, Empty, Session, SessionMerchant
from kassa.api.operation import Call, Operation, cookie_of
from kassa.api.requests import NewSession
from kassa.domain.errors import KassaError
from kassa.domain.payment import Merchant

FAILURES_PER_ADDRESS = 10
# Whoever guesses from many addresses is stopped as well, but nobody locks an owner out from one.
FAILURES_PER_EMAIL = 100


def _session(call: Call, merchant: Merchant, token: str) -> Session:
    shown = SessionMerchant(merchant.id, merchant.name, merchant.email)
    return Session(shown, csrf_token(token), takes_any_password(call.gateway, merchant))


def _cookie(call: Call, token: str, max_age_s: int) -> tuple[tuple[bytes, bytes], ...]:
    secure = "; Secure" if call.gateway.settings.production else ""
    value = f"{SESSION_COOKIE}={token}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Strict{secure}"
    return ((b"set-cookie", value.encode()),)


async def _log_in(call: Call) -> Answer:
    body: NewSession = call.body
    # Redis sees a digest alone: people type passwords into the wrong field.
    email = hashlib.sha256(body.email.encode()).hexdigest()
    limits = {f"login:{call.address}": FAILURES_PER_ADDRESS, f"login:{email}": FAILURES_PER_EMAIL}
    # Counted before the password is tried, so that guesses that come at once are as few as those that come in turn.
    for name, limit in limits.items():
        call.limits.count(name, limit)
    wrong = False
    try:
        merchant, token = await log_in(call.gateway, body.email, body.password, cookie_of(call.headers, SESSION_COOKIE))
    except KassaError as error:
        wrong = error.code == "AUTHENTICATION_ERROR"
        raise
    finally:
        if not wrong:
            call.limits.forgive(*limits)
    return Answer(200, msgspec.json.encode(_session(call, merchant, token)), _cookie(call, token, SESSION_TTL_S))


async def _get(call: Call) -> Session:
    token = cookie_of(call.headers, SESSION_COOKIE)
    if token is None:
        raise KassaError("AUTHENTICATION_ERROR", "Not logged in")
    return _session(call, await merchant_of_session(call.gateway, token), token)


async def _log_out(call: Call) -> Answer:
    token = cookie_of(call.headers, SESSION_COOKIE)
    if token is not None:
        await log_out(call.gateway, token)
    return Answer(200, b"{}", _cookie(call, "", 0))


async def _log_out_everywhere(call: Call) -> Answer:
    await log_out_everywhere(call.gateway, call.merchant.id)
    return Answer(200, b"{}", _cookie(call, "", 0))


OPERATIONS = [
    Operation(
        "POST", "/api/v1/session", "Log in to the dashboard", _log_in, Session, access="open", body=NewSession,
        refusals=(401,), tag="Session",
    ),
    Operation(
        "GET", "/api/v1/session", "Who is logged in", _get, Session, access="unlimited", refusals=(401,),
        tag="Session",
    ),
    Operation("DELETE", "/api/v1/session", "Log out", _log_out, Empty, tag="Session"),
    Operation("DELETE", "/api/v1/sessions", "Log out everywhere", _log_out_everywhere, Empty, tag="Session"),
]  # fmt: skip
