"""Whatever Stripe answers, and however badly, comes out in our words: a real server gives the answers."""

import json
from typing import Any

import pytest
from aiohttp import web
from tests.live import free_port

from kassa.providers.base import Charge, Credentials, ProviderError
from kassa.providers.stripe import Stripe

ACCOUNT = Credentials("sk_test_kassa_sandbox", "", "whsec_kassa_sandbox", False)


def _error(**error: str) -> bytes:
    return json.dumps({"error": error}).encode()


@pytest.mark.parametrize(
    ("status", "body", "code", "provider_code", "unknown"),
    [
        (402, _error(type="card_error", code="card_declined", decline_code="do_not_honor"), "card_declined",
         "do_not_honor", False),
        (402, _error(type="card_error", code="expired_card"), "expired_card", "expired_card", False),
        (402, _error(type="card_error", code="payment_intent_authentication_failure"), "authentication_required",
         "payment_intent_authentication_failure", False),
        (402, _error(type="card_error", code="of_tomorrow"), "PAYMENT_FAILED", "of_tomorrow", False),
        (400, _error(type="invalid_request_error", code="amount_too_small"), "PROVIDER_REJECTED", "amount_too_small",
         False),
        (401, _error(type="invalid_request_error"), "PROVIDER_AUTHENTICATION", "invalid_request_error", False),
        (403, _error(type="invalid_request_error"), "PROVIDER_AUTHENTICATION", "invalid_request_error", False),
        (409, _error(type="idempotency_error", code="idempotency_key_in_use"), "PROVIDER_UNAVAILABLE",
         "idempotency_key_in_use", True),
        (408, _error(type="api_error"), "PROVIDER_UNAVAILABLE", "api_error", True),
        (424, _error(type="api_error"), "PROVIDER_UNAVAILABLE", "api_error", True),
        (425, _error(type="api_error"), "PROVIDER_UNAVAILABLE", "api_error", True),
        (429, _error(type="invalid_request_error", code="rate_limit"), "PROVIDER_RATE_LIMITED", "rate_limit", False),
        (500, _error(type="api_error"), "PROVIDER_UNAVAILABLE", "api_error", True),
        (502, b"<html>Bad gateway</html>", "PROVIDER_UNAVAILABLE", None, True),
        (200, b"<html>Hello</html>", "PROVIDER_UNAVAILABLE", None, True),
        (200, b'{"object":"checkout.session","id":7}', "PROVIDER_UNAVAILABLE", None, True),
    ],
)  # fmt: skip
async def test_every_answer_is_understood(
    status: int, body: bytes, code: str, provider_code: str | None, unknown: bool
) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, body=body, content_type="application/json")

    wrong = await _refusal(answer)

    assert (wrong.code, wrong.provider_code, wrong.unknown) == (code, provider_code, unknown)


async def test_an_answer_that_breaks_off_is_no_answer() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"id":')
        assert request.transport is not None
        request.transport.close()
        return response

    wrong = await _refusal(answer)

    assert (wrong.code, wrong.unknown) == ("PROVIDER_UNAVAILABLE", True)


async def test_a_provider_is_asked_once() -> None:
    asked = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=500, body=_error(type="api_error"), headers={"Stripe-Should-Retry": "true"})

    await _refusal(answer)

    assert asked == ["/v1/checkout/sessions/cs_1"]


async def _refusal(answer: Any) -> ProviderError:
    """What a request comes to when Stripe answers like this."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    port = free_port()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    provider = Stripe(f"http://127.0.0.1:{port}")
    charge = Charge(payment_id="pay_1", provider_ref="cs_1", charge_ref=None, amount=1, currency="USD")
    try:
        with pytest.raises(ProviderError) as wrong:
            await provider.retrieve(charge, ACCOUNT)
        return wrong.value
    finally:
        await provider.aclose()
        await runner.cleanup()


async def test_nothing_of_this_machine_is_told_to_stripe() -> None:
    seen: dict[str, str] = {}

    async def answer(request: web.Request) -> web.Response:
        seen.update(request.headers)
        return web.Response(status=404, body=_error(type="invalid_request_error", code="resource_gone"))

    await _refusal(answer)

    assert seen["Stripe-Version"] and seen["Authorization"] == f"Bearer {ACCOUNT.key}"
    assert "platform" not in seen["X-Stripe-Client-User-Agent"]
    assert "X-Stripe-Client-Telemetry" not in seen
