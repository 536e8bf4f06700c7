"""Stripe's own ways: its events by type, its amounts, its keys, its errors, and what it is sent."""

import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.live import free_port
from tests.providers.cases import PROVIDERS, Case, Sandbox
from tests.providers.published import published

from kassa.domain.errors import CATALOGUE, KassaError
from kassa.domain.money import exponent
from kassa.providers.base import Charge, Credentials, LineItem, Notice, ProviderError
from kassa.providers.declines import STRIPE
from kassa.providers.stripe import Stripe, key_is_live
from kassa.providers.stripe_amounts import from_stripe, to_stripe
from kassa.sandbox.stripe import StripeStandIn

ACCOUNT = Credentials("sk_test_kassa_sandbox", "", "whsec_kassa_sandbox", False)
UNPAID = {"id": "cs_test_1", "object": "checkout.session", "status": "complete", "payment_status": "unpaid",
          "amount_total": 5000, "currency": "inr", "payment_intent": "pi_1",
          "metadata": {"kassa_payment_id": "pay_1"}}  # fmt: skip
PAID = {**UNPAID, "payment_status": "paid"}
INTENT = {"id": "pi_1", "object": "payment_intent", "status": "succeeded", "amount": 5000, "amount_received": 5000,
          "currency": "inr", "metadata": {"kassa_payment_id": "pay_1"}}  # fmt: skip


@pytest.fixture(scope="module")
async def stripe(sandbox: Sandbox) -> AsyncIterator[Case]:
    """Stripe alone, with an account that nothing else uses."""
    api_url = f"{sandbox.url}/stripe"
    provider = Stripe(api_url)
    own = msgspec.structs.replace(ACCOUNT, key=f"rk_test_{time.time_ns()}")
    yield Case(PROVIDERS[0], sandbox, provider, provider, own)
    await provider.aclose()


async def told(provider: Stripe, body: Any) -> Notice:
    """The notice of an event that Stripe signed."""
    raw = json.dumps(body).encode()
    signed = StripeStandIn(None).sign(raw, int(time.time()))
    return await provider.verify(signed, raw, ACCOUNT, datetime.now(UTC))


def event(event_type: str, subject: Any, **more: Any) -> dict[str, Any]:
    """An event as Stripe sends it."""
    return {"id": "evt_1", "object": "event", "type": event_type, "livemode": False, "data": {"object": subject}} | more


@pytest.mark.parametrize(
    ("event_type", "subject", "state", "error_code"),
    [
        ("checkout.session.completed", PAID, "succeeded", None),
        ("checkout.session.completed", UNPAID, "open", None),
        ("checkout.session.async_payment_succeeded", PAID, "succeeded", None),
        ("checkout.session.async_payment_failed", UNPAID, "failed", "PAYMENT_FAILED"),
        ("checkout.session.expired", {**UNPAID, "status": "expired"}, "failed", "PAYMENT_EXPIRED"),
        ("payment_intent.succeeded", INTENT, "succeeded", None),
    ],
)
async def test_an_event_is_decoded_by_its_type(event_type: str, subject: Any, state: str, error_code: str) -> None:
    notice = await told(Stripe(), event(event_type, subject))

    assert (notice.event_id, notice.type, notice.payment_id) == ("evt_1", event_type, "pay_1")
    assert notice.standing is not None
    assert (notice.standing.state, notice.standing.error_code) == (state, error_code)
    if state == "succeeded":
        assert (notice.standing.amount, notice.standing.currency) == (5_000, "INR")
        assert notice.standing.charge_ref == "pi_1" and notice.standing.captured


@pytest.mark.parametrize(
    "body",
    [
        event("invoice.paid", {"id": "in_1", "object": "invoice"}),
        event("charge.refunded", {"id": "ch_1", "object": "charge"}),
        event("checkout.session.of_tomorrow", PAID),
        event("payment_intent.payment_failed", {**INTENT, "status": "requires_payment_method"}),
        event("payment_intent.succeeded", {**INTENT, "metadata": {}}),
        # Shaped as nobody foresaw.
        event("checkout.session.completed", {"id": 5}),
        # For the other kind of money.
        event("checkout.session.completed", PAID, livemode=True),
        # A thin event has no object.
        {"id": "evt_1", "object": "v2.core.event", "type": "v1.billing.meter.error_report_triggered"},
    ],
)
async def test_an_event_that_tells_nothing_of_a_payment_is_kept(body: Any) -> None:
    notice = await told(Stripe(), body)

    assert (notice.event_id, notice.type, notice.standing) == ("evt_1", body["type"], None)


async def test_what_is_signed_but_no_event_is_a_bad_request() -> None:
    bodies: tuple[Any, ...] = ([], {"id": "evt_1"}, "text")
    for body in bodies:
        with pytest.raises(KassaError) as refused:
            await told(Stripe(), body)
        assert refused.value.code == "BAD_REQUEST_ERROR"


async def test_while_a_secret_is_rolled_either_signature_counts() -> None:
    raw = json.dumps(event("checkout.session.completed", PAID)).encode()
    signed = StripeStandIn(None).sign(raw, int(time.time()))["Stripe-Signature"]
    at, _, right = signed.partition(",")

    notice = await Stripe().verify({"stripe-signature": f"{at},v1={'0' * 64},{right}"}, raw, ACCOUNT, datetime.now(UTC))

    assert notice.event_id == "evt_1"


async def test_published_objects_decode() -> None:
    examples = published("stripe-fixtures3.json")["resources"]
    session, intent = examples["checkout.session"], examples["payment_intent"]
    provider = Stripe()

    for happened, state in (
        ("completed", "open"), ("async_payment_succeeded", "succeeded"), ("async_payment_failed", "failed"),
        ("expired", "failed"),
    ):  # fmt: skip
        notice = await told(provider, event(f"checkout.session.{happened}", session))
        assert (notice.provider_ref, notice.standing and notice.standing.state) == (session["id"], state)

    paid = intent | {"status": "succeeded", "amount_received": 1099, "metadata": {"kassa_payment_id": "pay_1"}}
    notice = await told(provider, event("payment_intent.succeeded", paid))
    assert notice.standing and (notice.standing.amount, notice.standing.currency) == (1_099, "USD")
    assert (await told(provider, examples["event"])).type == examples["event"]["type"]


async def test_the_stand_ins_objects_have_the_published_keys(stripe: Case) -> None:
    examples = published("stripe-fixtures3.json")["resources"]
    since = len(await stripe.notifications())
    charge = await stripe.paid()
    await stripe.provider.refund(charge, f"{charge.payment_id}_1", 100, stripe.credentials)
    query = {"expand[]": "payment_intent.latest_charge"}

    session = await ask(stripe, f"/v1/checkout/sessions/{charge.provider_ref}", query)
    refunds = await ask(stripe, "/v1/refunds", {"payment_intent": charge.charge_ref})
    sent = [json.loads(one["body"]) for one in await stripe.notifications(since)]

    intent = session["payment_intent"]
    assert set(session) == set(examples["checkout.session"])
    assert set(intent) == set(examples["payment_intent"])
    assert set(intent["latest_charge"]) == set(examples["charge"])
    assert set(refunds["data"][0]) == set(examples["refund"])
    assert sent and all(set(one) == set(examples["event"]) for one in sent)


async def ask(stripe: Case, path: str, query: Any = None) -> Any:
    """What the stand-in says to a plain request."""
    auth = {"Authorization": f"Bearer {stripe.credentials.key}"}
    status, _, text = await stripe.sandbox.request("GET", f"/stripe{path}", params=query, headers=auth)
    assert status == 200, text
    return json.loads(text)


async def test_a_session_is_opened_with_all_that_was_asked(stripe: Case) -> None:
    asked = stripe.asked(
        1_500,
        "INR",
        success_url="https://shop.example/thanks?session={CHECKOUT_SESSION_ID}&a=b%20c",
        customer_email="payer+one@example.com",
        line_items=(LineItem("Tea & <cake>", 500, 2), LineItem("Tip", 500)),
    )

    opened = await stripe.provider.open_session(asked, stripe.credentials)

    made = await ask(stripe, f"/v1/checkout/sessions/{opened.provider_ref}")
    marks = {"kassa_payment_id": asked.payment_id, "kassa_order_id": asked.order_id}
    assert (made["amount_total"], made["currency"], made["mode"]) == (1_500, "inr", "payment")
    assert (made["success_url"], made["cancel_url"]) == (asked.success_url, asked.cancel_url)
    assert (made["customer_email"], made["client_reference_id"]) == (asked.customer_email, asked.order_id)
    assert made["metadata"] == marks
    assert made["adaptive_pricing"] == {"enabled": False}
    # It ends there a little before it ends here, and within the day that Stripe allows.
    assert made["expires_at"] == int(asked.expires_at.timestamp()) - 60
    await stripe.outcome(Charge(payment_id=asked.payment_id, provider_ref=opened.provider_ref, charge_ref=None,
                                amount=1_500, currency="INR"), "pay")  # fmt: skip
    paid = await ask(stripe, f"/v1/checkout/sessions/{opened.provider_ref}", {"expand[]": "payment_intent"})
    assert paid["payment_intent"]["metadata"] == marks
    [session] = await stripe.books(asked.payment_id, "sessions")
    status, _, page = await stripe.sandbox.request("GET", session["url"])
    assert status == 200 and "Tea &amp; &lt;cake&gt;" in page


async def test_line_items_that_do_not_add_up_are_refused(stripe: Case) -> None:
    asked = stripe.asked(1_500, line_items=(LineItem("Tea", 500, 2),))

    with pytest.raises(ProviderError) as refused:
        await stripe.provider.open_session(asked, stripe.credentials)

    assert refused.value.code == "PROVIDER_CANNOT"
    assert await stripe.books(asked.payment_id, "sessions") == []


async def test_no_error_repeats_what_the_payer_typed(stripe: Case) -> None:
    asked = stripe.asked(customer_email="somebody@nowhere")

    with pytest.raises(ProviderError) as refused:
        await stripe.provider.open_session(asked, stripe.credentials)

    assert (refused.value.code, refused.value.provider_code) == ("PROVIDER_REJECTED", "email_invalid")
    assert "somebody" not in refused.value.description
    assert refused.value.description.endswith("email_invalid (customer_email)")


async def test_the_same_session_id_for_something_else_is_refused(stripe: Case) -> None:
    asked = stripe.asked()
    await stripe.provider.open_session(asked, stripe.credentials)

    with pytest.raises(ProviderError) as refused:
        await stripe.provider.open_session(msgspec.structs.replace(asked, amount=60_000), stripe.credentials)

    assert (refused.value.code, refused.value.provider_code) == ("PROVIDER_REJECTED", "idempotency_error")
    assert [row["amount"] for row in await stripe.books(asked.payment_id, "sessions")] == [50_000]


async def test_live_and_test_keys_never_mix() -> None:
    nowhere = Stripe(f"http://127.0.0.1:{free_port()}")
    charge = Charge(payment_id="pay_1", provider_ref="cs_1", charge_ref=None, amount=1, currency="USD")

    for key, live in (
        ("sk_test_1", True),
        ("sk_live_1", False),
        ("rk_live_1", False),
        ("pk_test_1", False),
        ("", False),
    ):
        with pytest.raises(ProviderError) as refused:
            await nowhere.retrieve(charge, Credentials(key, "", "", live))
        assert refused.value.code == "PROVIDER_NOT_CONFIGURED"

    await nowhere.aclose()
    assert [key_is_live(key) for key in ("sk_live_1", "rk_live_1", "sk_test_1", "rk_test_1")] == [
        True,
        True,
        False,
        False,
    ]


async def test_one_account_does_not_see_anothers_sessions(stripe: Case) -> None:
    charge = await stripe.open()
    other = msgspec.structs.replace(stripe.credentials, key="sk_test_another")

    assert (await stripe.provider.retrieve(charge, other)).state == "unknown"


async def test_a_long_day_is_listed_page_by_page(stripe: Case) -> None:
    own = msgspec.structs.replace(stripe.credentials, key=f"sk_test_{time.time_ns()}")
    before = datetime.now(UTC).date()
    opened = {(await stripe.provider.open_session(stripe.asked(), own)).provider_ref for _ in range(101)}

    listed = [
        one.provider_ref
        for day in {before, datetime.now(UTC).date()}
        async for one in stripe.provider.payments_on(day, own)
    ]

    assert len(listed) == 101 and set(listed) == opened


CURRENCIES = st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=3, max_size=3) | st.sampled_from(
    ["INR", "USD", "JPY", "KRW", "KWD", "BHD", "JOD", "OMR", "TND", "ISK", "UGX", "MGA", "CLP", "VND"]
)


@given(st.integers(1, 10**8), CURRENCIES)
def test_an_amount_is_sent_whole_or_not_at_all(amount: int, currency: str) -> None:
    try:
        sent = to_stripe(amount, currency)
    except ProviderError as refused:
        assert refused.code == "PROVIDER_CANNOT"
        assert amount % 10 != 0 or currency == "MGA"
        return

    assert from_stripe(sent, currency) == amount
    if exponent(currency) == 3:
        assert sent == amount and sent % 10 == 0
    elif currency in ("ISK", "UGX"):
        assert sent == amount * 100
    elif currency == "MGA":
        assert sent * 100 == amount
    else:
        assert sent == amount


async def test_an_amount_that_stripe_cannot_take_is_not_sent(stripe: Case) -> None:
    asked = stripe.asked(12_345, "KWD")

    with pytest.raises(ProviderError) as refused:
        await stripe.provider.open_session(asked, stripe.credentials)

    assert (refused.value.code, refused.value.description) == (
        "PROVIDER_CANNOT",
        "Stripe takes amounts in KWD only if they end in 0",
    )


async def test_krona_are_counted_in_hundreds_there_and_in_ones_here(stripe: Case) -> None:
    charge = await stripe.open(500, "ISK")
    await stripe.outcome(charge, "pay")

    standing = await stripe.standing(charge)

    assert (standing.amount, standing.currency) == (500, "ISK")
    assert [row["amount"] for row in await stripe.books(charge.payment_id, "charges")] == [50_000]


def test_every_decline_has_a_sentence() -> None:
    assert set(STRIPE.values()) <= set(CATALOGUE)
    assert set(StripeStandIn.decline_codes) <= set(STRIPE)
