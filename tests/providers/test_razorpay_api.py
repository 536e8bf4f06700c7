"""What Razorpay answers on a bad day, and what Kassa makes of it: errors, odd shapes, and lists of other people's."""

import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from tests.providers.scripted import Scripted

from kassa.providers.base import Charge, Credentials, ProviderError, SessionAsked
from kassa.providers.razorpay import Razorpay

ACCOUNT = Credentials("rzp_test_Odd", "secret", "webhook secret", False)
CHARGE = Charge(payment_id="pay_1", provider_ref="plink_Odd", charge_ref="pay_R", amount=10_000, currency="INR")
UNPAID = Charge(payment_id="pay_1", provider_ref="plink_Odd", charge_ref=None, amount=10_000, currency="INR")
ASKED = SessionAsked(
    session_id="cs_1", payment_id="pay_1", order_id="order_1", amount=10_000, currency="INR",
    success_url="https://shop.example/thanks", cancel_url="https://shop.example/cart",
    expires_at=datetime.now(UTC) + timedelta(hours=24),
)  # fmt: skip
LINK: dict[str, Any] = {
    "id": "plink_Odd", "amount": 10_000, "currency": "INR", "status": "created", "created_at": 1596890208, "notes": [],
    "payments": None, "short_url": "https://rzp.io/i/odd",
}  # fmt: skip
PAYMENT = {"id": "pay_R", "amount": 10_000, "currency": "INR", "status": "captured", "description": "#Odd0000"}
LINK_PATH = "/v1/payment_links/plink_Odd"


@pytest.fixture
async def server() -> AsyncIterator[Scripted]:
    """A Razorpay that says what a test wrote down."""
    async with Scripted() as one:
        yield one


@pytest.fixture
async def razorpay(server: Scripted) -> AsyncIterator[Razorpay]:
    """The provider that talks to it."""
    provider = Razorpay(server.url, 5)
    yield provider
    await provider.aclose()


def error(**detail: Any) -> dict[str, Any]:
    """An error as Razorpay shapes it."""
    return {"error": detail}


@pytest.mark.parametrize(
    ("status", "body", "code", "theirs", "unknown"),
    [
        (400, error(code="BAD_REQUEST_ERROR", reason="input_validation_failed", field="amount"),
         "PROVIDER_REJECTED", "input_validation_failed", False),
        (400, error(code="BAD_REQUEST_ERROR", description="x", reason="NA"),
         "PROVIDER_REJECTED", "BAD_REQUEST_ERROR", False),
        (400, b"<html>", "PROVIDER_REJECTED", None, False),
        # Its code is the same for keys that are wrong.
        (401, error(code="BAD_REQUEST_ERROR"), "PROVIDER_AUTHENTICATION", "BAD_REQUEST_ERROR", False),
        (409, error(code="CONFLICT"), "PROVIDER_UNAVAILABLE", "CONFLICT", True),
        (408, b"", "PROVIDER_UNAVAILABLE", None, True),
        (424, b"", "PROVIDER_UNAVAILABLE", None, True),
        (425, b"", "PROVIDER_UNAVAILABLE", None, True),
        (429, error(description="Too many requests"), "PROVIDER_RATE_LIMITED", None, False),
        (502, error(code="GATEWAY_ERROR"), "PROVIDER_UNAVAILABLE", "GATEWAY_ERROR", True),
        (302, b"", "PROVIDER_UNAVAILABLE", None, True),
        (200, b"<html>", "PROVIDER_UNAVAILABLE", None, True),
        (200, {"id": 5}, "PROVIDER_UNAVAILABLE", None, True),
    ],
)  # fmt: skip
async def test_any_answer_is_told_in_our_words(
    server: Scripted, razorpay: Razorpay, status: int, body: Any, code: str, theirs: str | None, unknown: bool
) -> None:
    server.answers[f"GET {LINK_PATH}"] = [(status, body)]

    with pytest.raises(ProviderError) as wrong:
        await razorpay.retrieve(UNPAID, ACCOUNT)

    assert (wrong.value.code, wrong.value.provider_code, wrong.value.unknown) == (code, theirs, unknown)
    assert server.paths("GET") == [LINK_PATH], "no redirect is followed"


@pytest.mark.parametrize("answer", [(400, error(description="The id provided does not exist")), (404, b"")])
async def test_a_link_that_is_not_there_is_unknown_whichever_way_it_is_said(
    server: Scripted, razorpay: Razorpay, answer: tuple[int, Any]
) -> None:
    server.answers[f"GET {LINK_PATH}"] = [answer]

    assert (await razorpay.retrieve(UNPAID, ACCOUNT)).state == "unknown"


@pytest.mark.parametrize("reference", ["somebody's", "cs_1"])
async def test_only_the_link_of_our_reference_is_taken_for_ours(
    server: Scripted, razorpay: Razorpay, reference: str
) -> None:
    says = (
        "payment link with given reference_id: cs_1 already exists. Please create a payment link with a different one"
    )
    server.answers["POST /v1/payment_links"] = [(400, error(code="BAD_REQUEST_ERROR", description=says, reason=None))]
    # A list that took no notice of what was asked for.
    others = [LINK | {"id": "plink_Others", "reference_id": None}, LINK | {"reference_id": reference}]
    server.answers["GET /v1/payment_links"] = [(200, {"payment_links": others})]

    if reference == "cs_1":
        assert (await razorpay.open_session(ASKED, ACCOUNT)).provider_ref == "plink_Odd"
        return
    with pytest.raises(ProviderError) as unsure:
        await razorpay.open_session(ASKED, ACCOUNT)
    assert (unsure.value.code, unsure.value.unknown) == ("PROVIDER_UNAVAILABLE", True)


async def test_a_paid_link_is_enough_and_its_amounts_may_be_text(server: Scripted, razorpay: Razorpay) -> None:
    paid = LINK | {"status": "paid", "payments": [{"payment_id": "pay_R", "amount": "10000", "status": "captured"}]}
    server.answers[f"GET {LINK_PATH}"] = [(200, paid)]

    standing = await razorpay.retrieve(UNPAID, ACCOUNT)

    assert (standing.state, standing.amount, standing.charge_ref) == ("succeeded", 10_000, "pay_R")
    assert server.paths("GET") == [LINK_PATH]


async def test_no_account_brings_a_cookie_of_another(server: Scripted) -> None:
    # Of an address, rather than a name, none would be kept anyway.
    razorpay = Razorpay(server.url.replace("127.0.0.1", "localhost"), 5)
    server.answers["GET /v1/payments/pay_R"] = [(200, PAYMENT)]

    for key in (ACCOUNT.key, "rzp_test_Other"):
        await razorpay.retrieve(CHARGE, Credentials(key, "secret", "webhook secret", False))
    await razorpay.aclose()

    assert [one.method for one in server.asked if "Cookie" not in one.headers] == ["GET", "GET"]


async def test_money_is_found_among_the_attempts_and_another_links_is_not(server: Scripted, razorpay: Razorpay) -> None:
    server.answers[f"GET {LINK_PATH}"] = [(200, LINK | {"id": "plink_Odd0000", "status": "expired"})]
    failed = PAYMENT | {"id": "pay_F", "status": "failed", "error_reason": "card_expired"}
    rows = [failed, PAYMENT | {"id": "pay_X", "description": "#Other00"}]
    server.answers["GET /v1/payments"] = [(200, {"items": rows}), (200, {"items": [*rows, PAYMENT]})]

    refused = await razorpay.retrieve(UNPAID, ACCOUNT)
    late = await razorpay.retrieve(UNPAID, ACCOUNT)

    assert (refused.state, refused.error_code, refused.provider_code) == ("failed", "expired_card", "card_expired")
    assert (late.state, late.charge_ref, late.error_code) == ("succeeded", "pay_R", None)


@pytest.mark.parametrize(
    ("days_ago", "state", "in_flight"), [(0, "open", True), (4.9, "open", True), (5, "failed", False)]
)
async def test_an_attempt_at_a_link_that_has_ended_is_waited_for_as_long_as_a_bank_may_take(
    server: Scripted, razorpay: Razorpay, days_ago: float, state: str, in_flight: bool
) -> None:
    begun = PAYMENT | {"status": "created", "created_at": int(time.time() - days_ago * 86_400)}
    server.answers[f"GET {LINK_PATH}"] = [(200, LINK | {"id": "plink_Odd0000", "status": "expired"})]
    server.answers["GET /v1/payments"] = [(200, {"items": [begun]})]

    standing = await razorpay.retrieve(UNPAID, ACCOUNT)

    assert (standing.state, standing.in_flight) == (state, in_flight)


async def test_attempts_are_looked_for_in_a_few_pages_only(server: Scripted, razorpay: Razorpay) -> None:
    server.answers[f"GET {LINK_PATH}"] = [(200, LINK)]
    page = (200, {"items": [PAYMENT | {"description": "#Other00"}] * 100})
    server.answers["GET /v1/payments"] = [*[page] * 8, (200, {"items": []})]

    assert (await razorpay.retrieve(UNPAID, ACCOUNT)).state == "open"

    pages = [f"/v1/payments?from=1596890208&count=100&skip={skip}" for skip in (0, 100, 200, 300, 400)]
    assert server.paths("GET")[1:] == pages


@pytest.mark.parametrize("by_us", [True, False])
async def test_of_a_link_that_is_over_money_is_looked_for_much_longer(
    server: Scripted, razorpay: Razorpay, by_us: bool
) -> None:
    server.answers[f"GET {LINK_PATH}"] = [(200, LINK | {"id": "plink_Odd0000", "status": "expired"})]
    # While it holds money, a link may be neither paid nor cancelled.
    server.answers[f"POST {LINK_PATH}/cancel"] = [(200, LINK | {"id": "plink_Odd0000"})]
    page = (200, {"items": [PAYMENT | {"description": "#Other00"}] * 100})
    held = PAYMENT | {"status": "authorized"}
    server.answers["GET /v1/payments"] = [*[page] * 24, (200, {"items": [held] * 100}), page]

    standing = await (razorpay.expire if by_us else razorpay.retrieve)(UNPAID, ACCOUNT)

    assert (standing.state, standing.captured, standing.charge_ref) == ("succeeded", False, "pay_R")
    assert len([path for path in server.paths("GET") if path.startswith("/v1/payments?")]) == 25


async def test_a_days_list_holds_that_days_links_whatever_razorpay_lists(server: Scripted, razorpay: Razorpay) -> None:
    start = int(datetime(2026, 1, 2, tzinfo=UTC).timestamp())
    made = [LINK | {"id": f"plink_{at}", "created_at": start + at} for at in (-1, 0, 86_399, 86_400)]
    server.answers["GET /v1/payment_links"] = [(200, {"payment_links": made})]

    listed = [one.provider_ref async for one in razorpay.payments_on(date(2026, 1, 2), ACCOUNT)]

    assert listed == ["plink_0", "plink_86399"]
    bounds = f"from={start}&to={start + 86_399}"
    assert server.paths("GET") == [f"/v1/payment_links?{bounds}&count=100&skip=0"]


async def test_a_refund_is_asked_for_under_our_id(server: Scripted, razorpay: Razorpay) -> None:
    made = {"id": "rfnd_R", "status": "pending", "notes": {"kassa_refund_id": "rfnd_0123456789"}}
    server.answers["GET /v1/payments/pay_R/refunds"] = [(200, {"items": []}), (200, {"items": [made]})]
    server.answers["POST /v1/payments/pay_R/refund"] = [(200, made)]

    both = [await razorpay.refund(CHARGE, "rfnd_0123456789", 400, ACCOUNT) for _ in range(2)]

    assert [(one.state, one.provider_ref) for one in both] == [("pending", "rfnd_R")] * 2
    [asked] = [one for one in server.asked if one.method == "POST"]
    assert asked.headers["X-Refund-Idempotency"] == "rfnd_0123456789"
    assert json.loads(asked.body) == {
        "amount": 400, "speed": "normal", "notes": {"kassa_refund_id": "rfnd_0123456789"}
    }  # fmt: skip


async def test_a_capture_that_is_refused_is_what_the_payment_says(server: Scripted, razorpay: Razorpay) -> None:
    server.answers["POST /v1/payments/pay_R/capture"] = [
        (400, error(code="BAD_REQUEST_ERROR", reason="payment_failed"))
    ]
    server.answers["GET /v1/payments/pay_R"] = [(200, PAYMENT), (200, PAYMENT | {"status": "failed"})]

    captured = await razorpay.capture(CHARGE, ACCOUNT)
    with pytest.raises(ProviderError) as refused:
        await razorpay.capture(CHARGE, ACCOUNT)

    assert captured.captured and captured.charge_ref == "pay_R"
    assert (refused.value.code, refused.value.provider_code) == ("PROVIDER_REJECTED", "payment_failed")


@pytest.mark.parametrize(
    ("says", "state", "captured"),
    [
        ({"status": "authorized", "captured": False}, "succeeded", False),
        ({"status": "captured", "captured": True}, "succeeded", True),
        ({"status": "refunded", "captured": True}, "succeeded", True),
        # What was only held goes back without having been taken.
        ({"status": "refunded", "captured": False}, "failed", False),
    ],
)
async def test_money_that_is_known_is_asked_about_by_its_own_name(
    server: Scripted, razorpay: Razorpay, says: dict[str, Any], state: str, captured: bool
) -> None:
    server.answers["GET /v1/payments/pay_R"] = [(200, PAYMENT | says)]

    standing = await razorpay.retrieve(CHARGE, ACCOUNT)

    assert (standing.state, standing.captured) == (state, captured)
    assert server.paths("GET") == ["/v1/payments/pay_R"]


async def test_who_lets_a_hold_lapse_may_pay_again_while_the_link_is_open(server: Scripted, razorpay: Razorpay) -> None:
    ours = {"notes": {"kassa_payment_id": "pay_1"}}
    let_go = PAYMENT | ours | {"status": "refunded", "captured": False}
    server.answers["GET /v1/payment_links/plink_Odd"] = [(200, LINK | ours), (200, LINK | ours | {"status": "expired"})]
    server.answers["GET /v1/payments"] = [(200, {"items": [let_go]})]

    standings = [await razorpay.retrieve(UNPAID, ACCOUNT) for _ in range(2)]

    assert [one.state for one in standings] == ["open", "failed"]
