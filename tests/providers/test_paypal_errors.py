"""What PayPal can answer to a request beside what is asked for, each in our words, and what we send it."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from tests.providers.scripted import Scripted

from kassa.providers.base import Charge, Credentials, ProviderError, SessionAsked
from kassa.providers.paypal import PayPal

ACCOUNT = Credentials("client", "secret", "WEBHOOK1", False)
CHARGE = Charge(payment_id="pay_1", provider_ref="ORDER1", charge_ref="CAPTURE1", amount=5_000, currency="USD")
TOKEN = (200, {"access_token": "A21", "expires_in": 32_400})
ORDER, CAPTURED = "/v2/checkout/orders/ORDER1", "/v2/checkout/orders/ORDER1/capture"
REFUND = "/v2/payments/captures/CAPTURE1/refund"
MONEY = {"currency_code": "USD", "value": "50.00"}
TAKEN = {"id": "CAPTURE1", "status": "COMPLETED", "amount": MONEY}
COMPLETED = {"id": "ORDER1", "status": "COMPLETED", "purchase_units": [{"payments": {"captures": [TAKEN]}}]}


def problem(issue: str, field: str | None = None) -> dict[str, Any]:
    """An error in PayPal's shape, with a sentence that must not come out."""
    return {"name": "UNPROCESSABLE_ENTITY", "message": "somebody@nowhere", "debug_id": "1",
            "details": [{"issue": issue, "field": field, "description": "somebody@nowhere"}]}  # fmt: skip


@pytest.fixture
async def server() -> AsyncIterator[Scripted]:
    """A server with tokens for everybody."""
    async with Scripted() as one:
        one.answers["POST /v1/oauth2/token"] = [TOKEN]
        yield one


@pytest.fixture
async def paypal(server: Scripted) -> AsyncIterator[PayPal]:
    """The connector to it."""
    one = PayPal(server.url)
    yield one
    await one.aclose()


@pytest.mark.parametrize(
    ("status", "body", "code", "theirs", "unknown"),
    [
        (400, problem("INVALID_PARAMETER_VALUE", "/email_address"), "PROVIDER_REJECTED", "INVALID_PARAMETER_VALUE",
         False),
        (422, problem("REFUND_AMOUNT_EXCEEDED"), "PROVIDER_REJECTED", "REFUND_AMOUNT_EXCEEDED", False),
        # A refusal of a refund is no decline of a payment.
        (422, problem("TRANSACTION_REFUSED"), "PROVIDER_REJECTED", "TRANSACTION_REFUSED", False),
        (422, problem("PREVIOUS_REQUEST_IN_PROGRESS"), "PROVIDER_UNAVAILABLE", "PREVIOUS_REQUEST_IN_PROGRESS", True),
        (409, {"name": "RESOURCE_CONFLICT"}, "PROVIDER_UNAVAILABLE", "RESOURCE_CONFLICT", True),
        (408, b"", "PROVIDER_UNAVAILABLE", None, True),
        (424, b"", "PROVIDER_UNAVAILABLE", None, True),
        (425, b"", "PROVIDER_UNAVAILABLE", None, True),
        (403, problem("PERMISSION_DENIED"), "PROVIDER_AUTHENTICATION", "PERMISSION_DENIED", False),
        (429, {"name": "RATE_LIMIT_REACHED"}, "PROVIDER_RATE_LIMITED", "RATE_LIMIT_REACHED", False),
        (500, {"name": "INTERNAL_SERVER_ERROR"}, "PROVIDER_UNAVAILABLE", "INTERNAL_SERVER_ERROR", True),
        (503, b"<html>busy</html>", "PROVIDER_UNAVAILABLE", None, True),
        (404, b"", "PROVIDER_REJECTED", None, False),
        (302, b"", "PROVIDER_UNAVAILABLE", None, True),
        (201, b"<html>", "PROVIDER_UNAVAILABLE", None, True),
        (201, {"id": "R1"}, "PROVIDER_UNAVAILABLE", None, True),
    ],
)  # fmt: skip
async def test_each_answer_has_a_word_of_ours(
    server: Scripted, paypal: PayPal, status: int, body: Any, code: str, theirs: str | None, unknown: bool
) -> None:
    server.answers[f"POST {REFUND}"] = [(status, body)]

    with pytest.raises(ProviderError) as wrong:
        await paypal.refund(CHARGE, "rfnd_1", 100, ACCOUNT)

    error = wrong.value
    assert (error.code, error.provider_code, error.unknown, error.provider) == (code, theirs, unknown, "paypal")
    assert "somebody" not in error.description
    assert len(server.paths("POST")) == 2


async def test_a_token_serves_until_it_is_refused_and_then_another_once(server: Scripted, paypal: PayPal) -> None:
    server.answers["POST /v1/oauth2/token"] = [TOKEN, (200, {"access_token": "A22", "expires_in": 32_400})]
    server.answers[f"GET {ORDER}"] = [(200, COMPLETED), (200, COMPLETED), (401, {"name": "AUTHENTICATION_FAILURE"}),
                                      (200, COMPLETED), (401, {"name": "AUTHENTICATION_FAILURE"})]  # fmt: skip

    states = [(await paypal.retrieve(CHARGE, ACCOUNT)).state for _ in range(3)]
    with pytest.raises(ProviderError) as refused:
        await paypal.retrieve(CHARGE, ACCOUNT)

    assert states == ["succeeded"] * 3
    assert (refused.value.code, refused.value.unknown) == ("PROVIDER_AUTHENTICATION", False)
    sent = [one.headers["Authorization"] for one in server.asked if one.method == "GET"]
    assert sent == ["Bearer A21"] * 3 + ["Bearer A22"] * 3
    assert len(server.paths("POST")) == 3


async def test_a_token_that_is_about_to_end_is_not_used(server: Scripted, paypal: PayPal) -> None:
    server.answers["POST /v1/oauth2/token"] = [(200, {"access_token": "A21", "expires_in": 30})]
    server.answers[f"GET {ORDER}"] = [(200, COMPLETED)]

    for _ in range(2):
        await paypal.retrieve(CHARGE, ACCOUNT)

    assert len(server.paths("POST")) == 2


async def test_accounts_have_tokens_of_their_own(server: Scripted, paypal: PayPal) -> None:
    server.answers[f"GET {ORDER}"] = [(200, COMPLETED)]

    for key, secret in (("client", "secret"), ("other", "secret"), ("client", "wrong"), ("client", "secret")):
        await paypal.retrieve(CHARGE, Credentials(key, secret, "", False))

    assert len(server.paths("POST")) == 3


async def test_no_account_brings_a_cookie_of_another(server: Scripted) -> None:
    # Of an address, rather than a name, none would be kept anyway.
    paypal = PayPal(server.url.replace("127.0.0.1", "localhost"))
    server.answers[f"GET {ORDER}"] = [(200, COMPLETED)]

    for key in ("client", "other"):
        await paypal.retrieve(CHARGE, Credentials(key, "secret", "", False))
    await paypal.aclose()

    assert [one.method for one in server.asked if "Cookie" not in one.headers] == ["POST", "GET", "POST", "GET"]


async def test_an_order_that_somebody_else_captured_is_asked_for_again(server: Scripted, paypal: PayPal) -> None:
    server.answers[f"GET {ORDER}"] = [(200, {"id": "ORDER1", "status": "APPROVED"}), (200, COMPLETED)]
    server.answers[f"POST {CAPTURED}"] = [(422, problem("ORDER_ALREADY_CAPTURED"))]

    standing = await paypal.retrieve(CHARGE, ACCOUNT)

    assert (standing.state, standing.amount, standing.charge_ref) == ("succeeded", 5_000, "CAPTURE1")


async def test_only_what_is_approved_is_captured(server: Scripted, paypal: PayPal) -> None:
    for status in ("CREATED", "SAVED", "PAYER_ACTION_REQUIRED", "COMPLETED", "VOIDED", "A_STATUS_OF_TOMORROW"):
        server.answers[f"GET {ORDER}"] = [(200, {"id": "ORDER1", "status": status})]

        standing = await paypal.retrieve(CHARGE, ACCOUNT)

        assert standing.state == ("failed" if status == "VOIDED" else "open")
    assert server.paths("POST") == ["/v1/oauth2/token"]


async def test_of_several_captures_the_best_counts(server: Scripted, paypal: PayPal) -> None:
    for statuses, state in (
        (["DECLINED", "COMPLETED"], "succeeded"),
        (["DECLINED", "PENDING"], "open"),
        (["DECLINED", "FAILED"], "failed"),
        (["REFUNDED"], "succeeded"),
        (["PARTIALLY_REFUNDED"], "succeeded"),
    ):
        captures = [{"id": f"CAPTURE{n}", "status": one, "amount": MONEY} for n, one in enumerate(statuses)]
        order = {"id": "ORDER1", "status": "COMPLETED", "purchase_units": [{"payments": {"captures": captures}}]}
        server.answers[f"GET {ORDER}"] = [(200, order)]

        assert (await paypal.retrieve(CHARGE, ACCOUNT)).state == state


async def test_an_order_that_nobody_can_approve_is_no_session(server: Scripted, paypal: PayPal) -> None:
    server.answers["POST /v2/checkout/orders"] = [(201, {"id": "ORDER1", "status": "CREATED", "links": []})]
    asked = SessionAsked(session_id="cs_1", payment_id="pay_1", order_id="order_1", amount=5_000, currency="USD",
                         success_url="https://shop.example/thanks", cancel_url="https://shop.example/cart",
                         expires_at=datetime.now(UTC) + timedelta(hours=24))  # fmt: skip

    with pytest.raises(ProviderError) as wrong:
        await paypal.open_session(asked, ACCOUNT)

    assert (wrong.value.code, wrong.value.unknown) == ("PROVIDER_UNAVAILABLE", True)
    sent = server.asked[-1]
    assert sent.headers["PayPal-Request-Id"] == "cs_1"
    unit = json.loads(sent.body)["purchase_units"][0]
    assert (unit["custom_id"], unit["invoice_id"], unit["amount"]) == ("pay_1", "cs_1", MONEY)


async def test_every_request_that_moves_money_carries_a_key_of_its_own(server: Scripted, paypal: PayPal) -> None:
    approved = {"id": "ORDER1", "status": "APPROVED", "update_time": "2026-01-02T03:04:05Z"}
    server.answers[f"GET {ORDER}"] = [(200, approved)]
    server.answers[f"POST {CAPTURED}"] = [(201, COMPLETED)]
    server.answers[f"POST {REFUND}"] = [(201, {"id": "R1", "status": "PENDING"})]
    server.answers["GET /v2/payments/refunds/R1"] = [(200, {"id": "R1", "status": "CANCELLED"})]

    await paypal.retrieve(CHARGE, ACCOUNT)
    refund = await paypal.refund(CHARGE, "rfnd_1", 100, ACCOUNT)

    keys = {one.path: one.headers.get("PayPal-Request-Id") for one in server.asked if one.method == "POST"}
    assert keys == {"/v1/oauth2/token": None, CAPTURED: "pay_1:2026-01-02T03:04:05Z", REFUND: "rfnd_1"}
    # What a repeated request is told may be old; how it stands is asked for.
    assert refund.state == "failed"


async def test_a_long_day_is_listed_page_by_page(server: Scripted, paypal: PayPal) -> None:
    def row(ref: str, code: str, value: str, status: str) -> dict[str, Any]:
        return {"transaction_info": {
            "transaction_id": ref, "transaction_event_code": code, "transaction_status": status,
            "transaction_amount": {"currency_code": "USD", "value": value}, "custom_field": f"pay_{ref}",
        }}  # fmt: skip

    first = [row("1", "T0006", "5.00", "S"), row("2", "T1107", "-5.00", "S")]
    second = [
        row("3", "T0006", "7.00", "P"),
        row("4", "T0006", "8.00", "V"),
        row("5", "T0400", "-9.00", "S"),
        row("7", "T0001", "-9.00", "S"),
        {"transaction_info": {"transaction_id": "6"}},
    ]
    server.answers["GET /v1/reporting/transactions"] = [
        (200, {"transaction_details": rows, "total_pages": 2}) for rows in (first, second)
    ]

    listed = [one async for one in paypal.payments_on(date(2026, 1, 2), ACCOUNT)]

    assert [(one.provider_ref, one.payment_id, one.amount, one.succeeded) for one in listed] == [
        ("1", "pay_1", 500, True), ("3", "pay_3", 700, False), ("4", "pay_4", 800, True),
    ]  # fmt: skip
    assert [path.rpartition("&")[2] for path in server.paths("GET")] == ["page=1", "page=2"]
    assert "start_date=2026-01-02T00:00:00Z&end_date=2026-01-02T23:59:59Z" in server.paths("GET")[0]
