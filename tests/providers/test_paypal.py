"""PayPal's own ways: orders that we capture, its events by type, its amounts, its clock, and what it is sent."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.providers.cases import PROVIDERS, Case, Sandbox

from kassa.domain.errors import CATALOGUE, KassaError
from kassa.providers.base import Capability, Charge, Credentials, LineItem, Notice, ProviderError
from kassa.providers.declines import PAYPAL
from kassa.providers.paypal import PayPal
from kassa.providers.paypal_objects import CURRENCIES, Money, to_paypal
from kassa.sandbox.paypal import PayPalStandIn

ACCOUNT = Credentials(**PayPalStandIn.credentials, live=False)
UNIT = {"reference_id": "pay_1", "custom_id": "pay_1", "invoice_id": "cs_1",
        "amount": {"currency_code": "USD", "value": "50.00"}}  # fmt: skip
ORDER = {"id": "5O190127TN364715T", "status": "APPROVED", "intent": "CAPTURE", "purchase_units": [UNIT]}
CAPTURE = {"id": "3C679366HH908993F", "status": "COMPLETED", "amount": {"currency_code": "USD", "value": "50.00"},
           "custom_id": "pay_1", "invoice_id": "cs_1"}  # fmt: skip
REFUND = {"id": "1JU08902781691411", "status": "COMPLETED", "custom_id": "pay_1", "invoice_id": "rfnd_1",
          "amount": {"currency_code": "USD", "value": "5.00"}}  # fmt: skip
UNDER = next(one for one in PROVIDERS if one.name == "paypal")


@pytest.fixture(scope="module")
async def paypal() -> AsyncIterator[Case]:
    """PayPal alone, in a sandbox of its own, since these tests turn its clock."""
    async with Sandbox() as sandbox:
        provider, impatient = PayPal(f"{sandbox.url}/paypal"), PayPal(f"{sandbox.url}/paypal", 1)
        case = Case(UNDER, sandbox, provider, impatient, ACCOUNT)
        await case.open()
        yield case
        await provider.aclose()
        await impatient.aclose()


async def told(paypal: Case, body: Any) -> Notice:
    """The notice of an event that PayPal signed."""
    text = json.dumps(body)
    signed = await paypal.control("sign", body=text)
    return await paypal.provider.verify(signed, text.encode(), paypal.credentials, datetime.now(UTC))


def event(event_type: str, resource: Any) -> dict[str, Any]:
    """An event as PayPal sends it."""
    return {"id": "WH-1", "event_version": "1.0", "event_type": event_type, "resource": resource}


@pytest.mark.parametrize(
    ("event_type", "resource", "state", "codes"),
    [
        ("PAYMENT.CAPTURE.COMPLETED", CAPTURE, "succeeded", (None, None)),
        ("PAYMENT.CAPTURE.PENDING", {**CAPTURE, "status": "PENDING", "status_details": {"reason": "ECHECK"}}, "open",
         (None, "ECHECK")),
        ("PAYMENT.CAPTURE.DENIED", {**CAPTURE, "status": "DECLINED"}, "failed", ("PAYMENT_FAILED", None)),
        ("PAYMENT.CAPTURE.DECLINED",
         {**CAPTURE, "status": "DECLINED", "processor_response": {"response_code": "5400"}}, "failed",
         ("expired_card", "5400")),
        ("CHECKOUT.PAYMENT-APPROVAL.REVERSED", {"order_id": ORDER["id"], "purchase_units": [UNIT]}, "failed",
         ("PAYMENT_EXPIRED", None)),
        ("CHECKOUT.ORDER.VOIDED", {**ORDER, "status": "VOIDED"}, "failed", ("PAYMENT_EXPIRED", None)),
    ],
)  # fmt: skip
async def test_an_event_is_decoded_by_its_type(
    paypal: Case, event_type: str, resource: Any, state: str, codes: tuple[str | None, str | None]
) -> None:
    notice = await told(paypal, event(event_type, resource))

    assert (notice.event_id, notice.type, notice.payment_id, notice.look) == ("WH-1", event_type, "pay_1", True)
    standing = notice.standing
    assert standing is not None
    assert (standing.state, (standing.error_code, standing.provider_code)) == (state, codes)
    if state == "succeeded":
        assert (standing.amount, standing.currency, standing.charge_ref) == (5_000, "USD", CAPTURE["id"])
        assert standing.captured
    if event_type.startswith("CHECKOUT"):
        assert notice.provider_ref == ORDER["id"]


async def test_an_approval_is_no_money_but_a_reason_to_look(paypal: Case) -> None:
    since = len(await paypal.notifications())
    charge = await paypal.open()
    await paypal.outcome(charge, "pay")

    [one] = await paypal.notifications(since)
    notice = await paypal.provider.verify(one["headers"], one["body"].encode(), ACCOUNT, datetime.now(UTC))

    assert (notice.type, notice.look, notice.standing) == ("CHECKOUT.ORDER.APPROVED", True, None)
    assert (notice.provider_ref, notice.payment_id) == (charge.provider_ref, charge.payment_id)
    assert await paypal.books(charge.payment_id, "charges") == []
    assert (await paypal.standing(charge)).state == "succeeded"
    assert len(await paypal.books(charge.payment_id, "charges")) == 1


@pytest.mark.parametrize("event_type", ["PAYMENT.CAPTURE.REFUNDED", "PAYMENT.REFUND.PENDING", "PAYMENT.REFUND.FAILED"])
async def test_an_event_of_a_refund_names_it(paypal: Case, event_type: str) -> None:
    notice = await told(paypal, event(event_type, REFUND))

    assert notice.refund and (notice.payment_id, notice.refund.refund_id, notice.standing) == ("pay_1", "rfnd_1", None)


@pytest.mark.parametrize(
    "body",
    [
        event("CUSTOMER.DISPUTE.CREATED", {"dispute_id": "PP-D-1"}),
        event("PAYMENT.CAPTURE.OF_TOMORROW", CAPTURE),
        event("PAYMENT.CAPTURE.REVERSED", REFUND),
        event("CHECKOUT.ORDER.COMPLETED", {**ORDER, "status": "COMPLETED"}),
        # Shaped as nobody foresaw.
        event("PAYMENT.CAPTURE.COMPLETED", {"id": 5}),
        event("PAYMENT.CAPTURE.COMPLETED", {**CAPTURE, "amount": {"currency_code": "JPY", "value": "1.5"}}),
        event("CHECKOUT.ORDER.APPROVED", []),
        {"id": "WH-1", "event_type": "PAYMENT.CAPTURE.COMPLETED"},
    ],
)
async def test_an_event_that_tells_nothing_of_a_payment_is_kept(paypal: Case, body: Any) -> None:
    notice = await told(paypal, body)

    assert (notice.event_id, notice.type) == ("WH-1", body["event_type"])
    assert (notice.standing, notice.look, notice.refund) == (None, False, None)


async def test_what_is_signed_but_no_event_is_a_bad_request(paypal: Case) -> None:
    bodies: tuple[Any, ...] = ([], {"id": "WH-1"}, "text")
    for body in bodies:
        with pytest.raises(KassaError) as refused:
            await told(paypal, body)
        assert refused.value.code == "BAD_REQUEST_ERROR"


async def test_a_capture_whose_answer_was_lost_took_the_money_once(paypal: Case) -> None:
    for fault in ("timeout_before", "timeout_after_charging", "http_500", "http_500_after_charging"):
        charge = await paypal.open()
        await paypal.outcome(charge, "pay")
        await paypal.control("faults", operation="capture", kind=fault)

        with pytest.raises(ProviderError) as silence:
            await paypal.impatient.retrieve(charge, ACCOUNT)

        assert silence.value.unknown
        assert (await paypal.standing(charge)).state == "succeeded"
        assert len(await paypal.books(charge.payment_id, "charges")) == 1


async def test_looks_at_the_same_time_take_the_money_once(paypal: Case) -> None:
    charge = await paypal.open()
    await paypal.outcome(charge, "pay")

    standings = await asyncio.gather(*(paypal.standing(charge) for _ in range(8)))

    assert {one.state for one in standings} == {"succeeded"}
    assert len({one.charge_ref for one in standings}) == 1
    assert len(await paypal.books(charge.payment_id, "charges")) == 1


async def test_a_new_approval_is_not_answered_with_the_last_ones_decline(paypal: Case) -> None:
    charge = await paypal.open()
    for _ in range(2):
        await paypal.outcome(charge, "decline", "INSTRUMENT_DECLINED")
        for _ in range(2):
            declined = await paypal.standing(charge)
            assert (declined.state, declined.provider_code) == ("open", "INSTRUMENT_DECLINED")

    await paypal.outcome(charge, "pay")

    assert (await paypal.standing(charge)).state == "succeeded"


async def test_a_capture_that_is_refused_for_another_reason_waits_and_says_why(paypal: Case) -> None:
    charge = await paypal.open()
    await paypal.outcome(charge, "decline", "PAYEE_FX_RATE_ID_EXPIRED")

    standing = await paypal.standing(charge)

    assert (standing.state, standing.error_code) == ("open", None)
    assert standing.provider_code == "PAYEE_FX_RATE_ID_EXPIRED" and "PAYEE_FX_RATE_ID_EXPIRED" in standing.answer


async def test_an_order_that_nobody_approves_in_time_is_unknown(paypal: Case) -> None:
    charge = await paypal.open()

    await paypal.control("clock", advance_s=10_801)

    assert (await paypal.standing(charge)).state == "unknown"


async def test_an_approval_that_is_not_captured_in_time_is_taken_back_and_told_of(paypal: Case) -> None:
    since = len(await paypal.notifications())
    charge = await paypal.open()
    await paypal.outcome(charge, "pay")

    await paypal.control("clock", advance_s=10_801)

    one = (await paypal.notifications(since))[-1]
    notice = await paypal.provider.verify(one["headers"], one["body"].encode(), ACCOUNT, datetime.now(UTC))
    assert (notice.type, notice.provider_ref) == ("CHECKOUT.PAYMENT-APPROVAL.REVERSED", charge.provider_ref)
    assert notice.standing is not None and notice.standing.state == "failed"
    assert (await paypal.standing(charge)).state == "unknown"
    assert await paypal.books(charge.payment_id, "charges") == []


async def test_a_token_that_has_run_out_is_renewed(paypal: Case) -> None:
    await paypal.open()

    # Our own clock does not know that theirs is half a day ahead.
    await paypal.control("clock", advance_s=50_000)

    assert (await paypal.standing(await paypal.open())).state == "open"


async def test_a_wrong_secret_is_told_as_such(paypal: Case) -> None:
    wrong = msgspec.structs.replace(ACCOUNT, secret="another")

    with pytest.raises(ProviderError) as refused:
        await paypal.provider.open_session(paypal.asked(), wrong)

    assert (refused.value.code, refused.value.provider_code) == ("PROVIDER_AUTHENTICATION", "invalid_client")


async def test_one_account_does_not_see_anothers_orders(paypal: Case) -> None:
    charge = await paypal.open()

    other = await paypal.provider.retrieve(charge, msgspec.structs.replace(ACCOUNT, key="another"))

    assert other.state == "unknown"


async def test_live_and_test_accounts_never_mix() -> None:
    charge = Charge(payment_id="pay_1", provider_ref="1", charge_ref=None, amount=1, currency="USD")

    for url, live in (
        ("https://api-m.paypal.com", False),
        ("https://api-m.sandbox.paypal.com", True),
        ("http://127.0.0.1:1", True),
    ):
        nowhere = PayPal(url)
        with pytest.raises(ProviderError) as refused:
            await nowhere.retrieve(charge, msgspec.structs.replace(ACCOUNT, live=live))
        assert refused.value.code == "PROVIDER_NOT_CONFIGURED"
        await nowhere.aclose()


async def test_line_items_are_told_and_must_add_up(paypal: Case) -> None:
    since = len(await paypal.notifications())
    asked = paypal.asked(
        1_500, customer_email="payer+one@example.com",
        line_items=(LineItem("Tea & <cake> " + "x" * 200, 500, 2), LineItem("Tip", 500)),
    )  # fmt: skip
    opened = await paypal.provider.open_session(asked, ACCOUNT)
    await paypal.control("outcome", session=asked.payment_id, outcome="pay")

    [approved] = await paypal.notifications(since)
    unit = json.loads(approved["body"])["resource"]["purchase_units"][0]
    assert [(item["unit_amount"]["value"], item["quantity"]) for item in unit["items"]] == [
        ("5.00", "2"),
        ("5.00", "1"),
    ]
    assert len(unit["items"][0]["name"]) == 127
    assert unit["amount"]["breakdown"]["item_total"]["value"] == "15.00"
    assert (unit["custom_id"], unit["invoice_id"]) == (asked.payment_id, asked.session_id)
    status, _, page = await paypal.sandbox.request("GET", opened.url)
    assert status == 200 and "Tea &amp; &lt;cake&gt;" in page

    with pytest.raises(ProviderError) as refused:
        await paypal.provider.open_session(paypal.asked(1_500, line_items=(LineItem("Tea", 500, 2),)), ACCOUNT)
    assert refused.value.code == "PROVIDER_CANNOT"


async def test_what_paypal_cannot_do_is_said_before_it_is_asked(paypal: Case) -> None:
    charge = await paypal.open()
    for attempt in (
        lambda: paypal.provider.open_session(paypal.asked(manual_capture=True), ACCOUNT),
        lambda: paypal.provider.open_session(paypal.asked(1_000, "KWD"), ACCOUNT),
        lambda: paypal.provider.open_session(paypal.asked(1_050, "HUF"), ACCOUNT),
        lambda: paypal.provider.expire(charge, ACCOUNT),
        lambda: paypal.provider.capture(charge, ACCOUNT),
    ):
        with pytest.raises(ProviderError) as refused:
            await attempt()
        assert (refused.value.code, refused.value.unknown) == ("PROVIDER_CANNOT", False)
    assert PayPal.capabilities == {Capability.HOSTED_SESSION, Capability.PARTIAL_REFUND}


async def test_forint_are_whole_there_and_hundredths_here(paypal: Case) -> None:
    charge = await paypal.paid(150_000, "HUF")

    refund = await paypal.provider.refund(charge, f"{charge.payment_id}_1", 50_000, ACCOUNT)

    assert refund.state == "processed"
    assert [row["amount"] for row in await paypal.books(charge.payment_id, "refunds")] == [50_000]
    assert to_paypal(150_000, "HUF") == {"currency_code": "HUF", "value": "1500"}


@given(st.integers(1, 10**10), st.sampled_from([*sorted(CURRENCIES), "INR", "KWD", "XXX"]))
def test_an_amount_is_sent_whole_or_not_at_all(amount: int, currency: str) -> None:
    try:
        sent = to_paypal(amount, currency)
    except ProviderError as refused:
        assert refused.code == "PROVIDER_CANNOT"
        assert currency not in CURRENCIES or (currency in ("HUF", "TWD") and amount % 100)
        return

    assert msgspec.convert(sent, Money).amount == amount
    assert ("." in sent["value"]) == (currency not in ("HUF", "JPY", "TWD"))


def test_every_decline_has_a_sentence() -> None:
    assert set(PAYPAL.values()) <= set(CATALOGUE)
    assert set(PayPalStandIn.decline_codes) <= set(PAYPAL)
