"""Razorpay's own ways: its events by type, its signature, its links and lists, its amounts, its keys and its errors."""

import base64
import hashlib
import json
import os
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.live import free_port
from tests.providers.cases import PROVIDERS, Case, Sandbox, charge_of

from kassa.domain.errors import CATALOGUE, KassaError
from kassa.domain.money import exponent
from kassa.providers.base import Charge, Credentials, LineItem, Notice, ProviderError
from kassa.providers.declines import RAZORPAY
from kassa.providers.razorpay import CURRENCIES, Razorpay
from kassa.providers.razorpay_api import key_is_live
from kassa.sandbox.razorpay import RazorpayStandIn

SECRETS = RazorpayStandIn.credentials
ACCOUNT = Credentials(SECRETS["key"], SECRETS["secret"], SECRETS["webhook_secret"], False)
# As Razorpay's published samples have them: the payment names its link in its description alone.
PAYMENT = {"id": "pay_FOGsH8uHkF2FbR", "entity": "payment", "amount": 10_000, "currency": "INR", "status": "captured",
           "order_id": "order_FOGs9Hz3ZaAjsm", "method": "netbanking", "captured": True, "error_code": None,
           "error_reason": None, "description": "#FOGqq3O6E5bkml", "notes": [],
           "email": "gaurav.kumar@example.com"}  # fmt: skip
FAILED = PAYMENT | {"status": "failed", "captured": False, "error_code": "BAD_REQUEST_ERROR",
                    "error_reason": "insufficient_funds"}  # fmt: skip
LINK = {"id": "plink_FOGqq3O6E5bkml", "amount": 10_000, "amount_paid": 10_000, "currency": "INR", "status": "paid",
        "created_at": 1596890208, "notes": {"kassa_payment_id": "pay_1"}, "payments": None}  # fmt: skip
REFUND = {"id": "rfnd_FS8TWyPrCsa0OB", "entity": "refund", "amount": 5_000, "currency": "INR", "status": "processed",
          "payment_id": PAYMENT["id"], "notes": {"kassa_refund_id": "rfnd_1"}}  # fmt: skip


@pytest.fixture(scope="module")
async def razorpay(sandbox: Sandbox) -> AsyncIterator[Case]:
    """Razorpay alone, with an account that nothing else uses."""
    provider = Razorpay(f"{sandbox.url}/razorpay")
    under = next(one for one in PROVIDERS if one.name == "razorpay")
    yield Case(under, sandbox, provider, provider, own_account())
    await provider.aclose()


def own_account() -> Credentials:
    """An account that nothing else uses."""
    return msgspec.structs.replace(ACCOUNT, key=f"rzp_test_{os.urandom(7).hex()}")


def event(event_type: str, **payload: Any) -> dict[str, Any]:
    """An event as Razorpay sends it."""
    contained = {name: {"entity": one} for name, one in payload.items()}
    return {"entity": "event", "event": event_type, "contains": list(payload), "payload": contained, "created_at": 1}


async def told(body: Any, **headers: str) -> Notice:
    """The notice of an event that Razorpay signed."""
    raw = json.dumps(body).encode()
    signed = RazorpayStandIn(None).sign(raw, 0)
    return await Razorpay().verify(signed | headers, raw, ACCOUNT, datetime.now(UTC))


@pytest.mark.parametrize(
    ("body", "state", "error_code"),
    [
        (event("payment_link.paid", payment_link=LINK, payment=PAYMENT), "succeeded", None),
        (event("payment_link.expired", payment_link=LINK | {"status": "expired"}), "failed", "PAYMENT_EXPIRED"),
        (event("payment_link.cancelled", payment_link=LINK | {"status": "cancelled"}), "failed", "PAYMENT_EXPIRED"),
        (event("payment.captured", payment=PAYMENT), "succeeded", None),
        (event("payment.failed", payment=FAILED), "open", "insufficient_funds"),
    ],
)
async def test_an_event_is_decoded_by_its_type(body: Any, state: str, error_code: str) -> None:
    notice = await told(body)

    assert (notice.type, notice.provider_ref) == (body["event"], LINK["id"])
    assert notice.payment_id == ("pay_1" if "payment_link" in body["payload"] else None)
    assert notice.standing is not None
    assert (notice.standing.state, notice.standing.error_code) == (state, error_code)
    if state == "succeeded":
        assert (notice.standing.amount, notice.standing.currency) == (10_000, "INR")
        assert notice.standing.charge_ref == PAYMENT["id"] and notice.standing.captured


async def test_held_money_is_named_and_pays_for_nothing_yet() -> None:
    notice = await told(event("payment.authorized", payment=PAYMENT | {"status": "authorized"}))

    assert notice.standing is not None
    assert (notice.standing.state, notice.standing.charge_ref, notice.look) == ("open", PAYMENT["id"], False)


async def test_a_payment_with_the_links_notes_is_known_by_them() -> None:
    noted = PAYMENT | {"notes": {"kassa_payment_id": "pay_1"}, "description": "Order order_1"}

    notice = await told(event("payment.captured", payment=noted))

    assert (notice.payment_id, notice.provider_ref) == ("pay_1", None)
    assert notice.standing and notice.standing.state == "succeeded"


async def test_a_paid_link_without_its_payment_is_asked_about() -> None:
    notice = await told(event("payment_link.paid", payment_link=LINK))

    assert (notice.payment_id, notice.standing, notice.look) == ("pay_1", None, True)


@pytest.mark.parametrize("happened", ["created", "processed", "failed", "speed_changed"])
async def test_a_refunds_event_names_our_refund_and_is_not_believed(happened: str) -> None:
    notice = await told(event(f"refund.{happened}", refund=REFUND, payment=PAYMENT))

    assert notice.refund and (notice.refund.refund_id, notice.payment_id, notice.standing) == ("rfnd_1", None, None)


@pytest.mark.parametrize(
    "body",
    [
        event("invoice.paid", invoice={"id": "inv_1"}),
        event("payment_link.partially_paid", payment_link=LINK, payment=PAYMENT),
        event("payment_link.of_tomorrow", payment_link=LINK),
        # Somebody else's, made in another way with the same account.
        event("payment.captured", payment=PAYMENT | {"description": "Payment for Adidas shoes"}),
        # Shaped as nobody foresaw.
        event("payment.captured", payment={"id": 5}),
        event("payment_link.paid"),
        {"event": "payment.captured"},
    ],
)
async def test_an_event_that_tells_nothing_of_a_payment_is_kept(body: Any) -> None:
    notice = await told(body)

    assert (notice.type, notice.standing, notice.look, notice.refund) == (body["event"], None, False, None)


async def test_what_is_signed_but_no_event_is_a_bad_request() -> None:
    bodies: tuple[Any, ...] = ([], {"id": "evt_1"}, "text")
    for body in bodies:
        with pytest.raises(KassaError) as refused:
            await told(body)
        assert refused.value.code == "BAD_REQUEST_ERROR"


async def test_an_event_is_known_by_its_header_or_else_by_its_body() -> None:
    body = event("payment.captured", payment=PAYMENT)
    by_body = f"sha256_{hashlib.sha256(json.dumps(body).encode()).hexdigest()}"

    for given_id, known_as in (("FOGsH8uHkF2FbR", "FOGsH8uHkF2FbR"), ("", by_body), ("a b\n", by_body), ("é", by_body)):
        assert (await told(body, **{"X-Razorpay-Event-Id": given_id})).event_id == known_as


async def test_without_a_secret_nothing_is_signed_right() -> None:
    raw = json.dumps(event("payment.captured", payment=PAYMENT)).encode()
    # HMAC takes an empty key, so that anybody could sign for it.
    empty = RazorpayStandIn(None)
    empty.credentials = {**SECRETS, "webhook_secret": ""}  # type: ignore[misc]

    with pytest.raises(KassaError) as refused:
        await Razorpay().verify(
            empty.sign(raw, 0), raw, msgspec.structs.replace(ACCOUNT, webhook_secret=""), datetime.now(UTC)
        )

    assert refused.value.code == "INVALID_SIGNATURE"


async def ask(razorpay: Case, path: str) -> Any:
    """What the stand-in says to a plain request."""
    status, _, text = await razorpay.sandbox.request("GET", f"/razorpay{path}", headers=basic(razorpay.credentials))
    assert status == 200, text
    return json.loads(text)


def basic(account: Credentials) -> dict[str, str]:
    """Basic authentication."""
    return {"Authorization": "Basic " + base64.b64encode(f"{account.key}:{account.secret}".encode()).decode()}


async def test_a_link_is_made_with_all_that_was_asked(razorpay: Case) -> None:
    asked = razorpay.asked(
        1_500,
        "INR",
        success_url="https://shop.example/thanks?a=b%20c",
        customer_email="payer+one@example.com",
        line_items=(LineItem("Tea & <cake>", 500, 2), LineItem("Tip", 500)),
    )

    opened = await razorpay.provider.open_session(asked, razorpay.credentials)

    made = await ask(razorpay, f"/v1/payment_links/{opened.provider_ref}")
    assert (made["amount"], made["currency"], made["accept_partial"]) == (1_500, "INR", False)
    assert (made["reference_id"], made["short_url"]) == (asked.session_id, opened.url)
    assert (made["callback_url"], made["callback_method"]) == (asked.success_url, "get")
    assert (made["customer"], made["description"]) == ({"email": asked.customer_email}, "2 × Tea & <cake>, 1 × Tip")
    assert (made["notify"], made["reminder_enable"]) == ({"sms": False, "email": False}, False)
    assert made["notes"] == {"kassa_payment_id": asked.payment_id, "kassa_order_id": asked.order_id}
    # It ends there a little before it ends here.
    assert made["expire_by"] == int(asked.expires_at.timestamp()) - 60


async def test_a_session_that_ends_soon_is_opened_for_as_short_as_razorpay_does(razorpay: Case) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=2)

    opened = await razorpay.provider.open_session(razorpay.asked(expires_at=soon), razorpay.credentials)

    made = await ask(razorpay, f"/v1/payment_links/{opened.provider_ref}")
    assert 15 * 60 <= made["expire_by"] - made["created_at"] <= 17 * 60


async def test_money_cannot_be_held_by_request(razorpay: Case) -> None:
    asked = razorpay.asked(manual_capture=True)

    with pytest.raises(ProviderError) as refused:
        await razorpay.provider.open_session(asked, razorpay.credentials)

    assert refused.value.code == "PROVIDER_CANNOT"
    assert await razorpay.books(asked.payment_id, "sessions") == []


async def test_the_payer_comes_back_with_what_razorpay_adds(razorpay: Case) -> None:
    charge = await razorpay.open()
    [session] = await razorpay.books(charge.payment_id, "sessions")

    _, headers, _ = await razorpay.sandbox.request("POST", session["url"], data={"outcome": "pay"})

    assert f"&razorpay_payment_link_id={charge.provider_ref}&" in headers["Location"]


async def test_a_reason_to_fail_survives_the_links_end(razorpay: Case) -> None:
    charge = await razorpay.open()
    await razorpay.outcome(charge, "decline", "card_expired")
    await razorpay.outcome(charge, "decline", "incorrect_cvv")

    ended = await razorpay.provider.expire(charge, razorpay.credentials)

    assert (ended.state, ended.error_code, ended.provider_code) == ("failed", "incorrect_cvc", "incorrect_cvv")
    assert ended.answer == "link cancelled, last attempt incorrect_cvv"


async def test_one_account_does_not_see_anothers_links(razorpay: Case) -> None:
    charge = await razorpay.open()

    assert (await razorpay.provider.retrieve(charge, own_account())).state == "unknown"


async def test_no_error_repeats_what_the_payer_typed(razorpay: Case) -> None:
    asked = razorpay.asked(customer_email="somebody@nowhere")

    with pytest.raises(ProviderError) as refused:
        await razorpay.provider.open_session(asked, razorpay.credentials)

    assert (refused.value.code, refused.value.provider_code) == ("PROVIDER_REJECTED", "BAD_REQUEST_ERROR")
    assert "somebody" not in refused.value.description + str(refused.value)
    assert refused.value.description.endswith("BAD_REQUEST_ERROR (customer.email)")


async def test_live_and_test_keys_never_mix() -> None:
    nowhere = Razorpay(f"http://127.0.0.1:{free_port()}")
    charge = Charge(payment_id="pay_1", provider_ref="plink_1", charge_ref=None, amount=1, currency="USD")

    for key, live in (("rzp_test_1", True), ("rzp_live_1", False), ("sk_test_1", False), ("", False)):
        with pytest.raises(ProviderError) as refused:
            await nowhere.retrieve(charge, Credentials(key, "secret", "", live))
        assert refused.value.code == "PROVIDER_NOT_CONFIGURED"

    await nowhere.aclose()
    assert [key_is_live(key) for key in ("rzp_live_1", "rzp_test_1")] == [True, False]


async def test_a_wrong_secret_is_told_as_such(razorpay: Case) -> None:
    wrong = msgspec.structs.replace(ACCOUNT, secret="another")

    with pytest.raises(ProviderError) as refused:
        await razorpay.provider.open_session(razorpay.asked(), wrong)

    assert refused.value.code == "PROVIDER_AUTHENTICATION"


async def test_a_long_day_is_listed_page_by_page(razorpay: Case) -> None:
    own, before = own_account(), datetime.now(UTC).date()
    opened = {(await razorpay.provider.open_session(razorpay.asked(), own)).provider_ref for _ in range(101)}

    listed = [
        one.provider_ref
        for day in {before, datetime.now(UTC).date()}
        async for one in razorpay.provider.payments_on(day, own)
    ]
    yesterday = [one async for one in razorpay.provider.payments_on(before - timedelta(days=1), own)]

    assert len(listed) == 101 and set(listed) == opened
    assert yesterday == []


async def test_a_refund_is_found_behind_a_page_of_others(razorpay: Case) -> None:
    charge = await razorpay.paid(101 * 100, "INR")
    made = [
        await razorpay.provider.refund(charge, f"{charge.payment_id}_{number}", 100, razorpay.credentials)
        for number in range(101)
    ]

    again = await razorpay.provider.refund(charge, f"{charge.payment_id}_0", 100, razorpay.credentials)

    assert again == made[0]
    assert len(await razorpay.books(charge.payment_id, "refunds")) == 101


@given(st.integers(1, 10**8), st.sampled_from(sorted(CURRENCIES)) | st.text("ABCXYZ", min_size=3, max_size=3))
async def test_an_amount_is_sent_whole_or_not_at_all(razorpay: Case, amount: int, currency: str) -> None:
    # The stand-in knows Razorpay's rules on its own.
    asked = razorpay.asked(amount, currency)
    try:
        opened = await razorpay.provider.open_session(asked, razorpay.credentials)
    except ProviderError as refused:
        if currency == "INR" and amount < 100:
            assert refused.code == "PROVIDER_REJECTED"
        else:
            assert refused.code == "PROVIDER_CANNOT"
            assert currency not in CURRENCIES or (exponent(currency) == 3 and amount % 10)
        return

    assert currency in CURRENCIES and (exponent(currency) < 3 or amount % 10 == 0)
    await razorpay.outcome(charge_of(asked, opened.provider_ref), "pay")
    standing = await razorpay.standing(charge_of(asked, opened.provider_ref))
    assert (standing.amount, standing.currency) == (amount, currency)


def test_every_decline_has_a_sentence() -> None:
    assert set(RAZORPAY.values()) <= set(CATALOGUE)
    assert set(RazorpayStandIn.decline_codes) <= set(RAZORPAY)


def test_razorpay_counts_as_we_do() -> None:
    published = {0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF", 3: "BHD IQD JOD KWD OMR TND"}
    for digits, currencies in published.items():
        assert {one for one in CURRENCIES if exponent(one) == digits} == set(currencies.split())
    assert {exponent(one) for one in CURRENCIES} == {0, 2, 3}


async def test_a_signature_does_not_age(razorpay: Case) -> None:
    since = len(await razorpay.notifications())
    await razorpay.paid()
    one = (await razorpay.notifications(since))[-1]
    old = await razorpay.control("sign", body=one["body"], age_s=30 * 86_400)

    notice = await razorpay.provider.verify(
        old, one["body"].encode(), ACCOUNT, datetime.fromtimestamp(time.time(), UTC)
    )

    # It is told apart as the same one by its id, not by its age.
    assert notice.event_id == one["id"]
