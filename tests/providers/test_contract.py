"""What every provider promises, whichever it is: the suite that a new one must pass."""

import asyncio
from datetime import UTC, datetime

import msgspec
import pytest
from tests.live import free_port
from tests.providers.cases import CANCEL_URL, SUCCESS_URL, Case, charge_of

from kassa.domain.errors import CATALOGUE, KassaError
from kassa.providers.base import Capability, Charge, ProviderError

AMOUNTS = {"USD": 1_999, "INR": 50_000, "JPY": 500, "KWD": 12_340}


async def test_an_open_session_has_a_page_and_waits_for_its_payer(case: Case) -> None:
    charge = await case.open()

    standing = await case.standing(charge)

    assert (standing.state, standing.charge_ref, standing.amount) == ("open", None, None)
    [session] = await case.books(charge.payment_id, "sessions")
    status, _, page = await case.sandbox.request("GET", session["url"])
    assert status == 200 and "Pay" in page
    assert await case.books(charge.payment_id, "charges") == []


@pytest.mark.parametrize("currency", AMOUNTS)
async def test_what_was_asked_is_what_is_taken(case: Case, currency: str) -> None:
    if currency not in case.under.currencies:
        pytest.skip(f"{case.under.name} does not take {currency}")
    charge = await case.open(AMOUNTS[currency], currency)

    await case.outcome(charge, "pay")

    standing = await case.standing(charge)
    assert (standing.state, standing.amount, standing.currency) == ("succeeded", AMOUNTS[currency], currency)
    assert standing.captured and standing.charge_ref
    [booked] = await case.books(charge.payment_id, "charges")
    assert (booked["amount"], booked["currency"]) == (AMOUNTS[currency], currency)


async def test_the_payers_page_takes_the_money_and_leads_back_to_the_shop(case: Case) -> None:
    charge = await case.open()
    [session] = await case.books(charge.payment_id, "sessions")

    status, headers, _ = await case.sandbox.request("POST", session["url"], data={"outcome": "pay"})

    assert status == 303 and headers["Location"].startswith(SUCCESS_URL)
    assert (await case.standing(charge)).state == "succeeded"


async def test_a_payer_who_turns_back_has_paid_nothing(case: Case) -> None:
    charge = await case.open()
    [session] = await case.books(charge.payment_id, "sessions")

    status, headers, _ = await case.sandbox.request("POST", session["url"], data={"outcome": "cancel"})

    back = CANCEL_URL if case.under.leads_back else session["url"]
    assert status == 303 and headers["Location"].startswith(back)
    assert (await case.standing(charge)).state == "open"
    assert await case.books(charge.payment_id, "charges") == []


async def test_one_session_however_often_it_is_asked_for(case: Case) -> None:
    asked = case.asked()

    opened = [await case.provider.open_session(asked, case.credentials) for _ in range(2)]

    assert opened[0] == opened[1]
    assert len(await case.books(asked.payment_id, "sessions")) == 1


async def test_a_decline_is_told_in_our_words_and_keeps_the_providers(case: Case) -> None:
    for theirs, ours in case.under.declines.items():
        charge = await case.open()

        await case.outcome(charge, "decline", theirs)

        standing = await case.standing(charge)
        assert standing.state in ("open", "failed")
        assert (standing.error_code, standing.provider_code) == (ours, theirs)
        assert ours in CATALOGUE
        assert await case.books(charge.payment_id, "charges") == []


async def test_a_payer_who_was_declined_may_still_pay(case: Case) -> None:
    charge = await case.open()
    await case.outcome(charge, "decline")
    if (await case.standing(charge)).state == "failed":
        pytest.skip(f"a decline is final at {case.under.name}")

    await case.outcome(charge, "pay")

    standing = await case.standing(charge)
    assert (standing.state, standing.error_code) == ("succeeded", None)
    assert len(await case.books(charge.payment_id, "charges")) == 1


async def test_money_that_takes_time_is_open_until_it_comes(case: Case) -> None:
    charge = await case.open()

    await case.outcome(charge, "pay_async")
    between = await case.standing(charge)
    await case.outcome(charge, "async_succeed")

    assert between.state == "open"
    assert (await case.standing(charge)).state == "succeeded"


async def test_money_that_does_not_come_is_a_failure(case: Case) -> None:
    theirs, ours = next(iter(case.under.declines.items()))
    charge = await case.open()
    await case.outcome(charge, "pay_async")

    await case.outcome(charge, "async_fail", theirs)

    standing = await case.standing(charge)
    assert (standing.state, standing.error_code, standing.provider_code) == ("failed", ours, theirs)


async def test_nobody_can_pay_an_expired_session(case: Case) -> None:
    case.needs(Capability.EXPIRE)
    charge = await case.open()

    ended = [await case.provider.expire(charge, case.credentials) for _ in range(2)]

    assert [(one.state, one.error_code) for one in ended] == [("failed", "PAYMENT_EXPIRED")] * 2
    assert (await case.standing(charge)).error_code == "PAYMENT_EXPIRED"
    [session] = await case.books(charge.payment_id, "sessions")
    status, _, _ = await case.sandbox.request("POST", session["url"], data={"outcome": "pay"})
    assert status == 409
    assert await case.books(charge.payment_id, "charges") == []


async def test_expiring_what_is_paid_finds_the_money(case: Case) -> None:
    case.needs(Capability.EXPIRE)
    charge = await case.paid()

    standing = await case.provider.expire(charge, case.credentials)

    assert (standing.state, standing.amount) == ("succeeded", 50_000)


async def test_money_that_comes_after_the_end_is_seen(case: Case) -> None:
    charge = await case.open()
    await case.outcome(charge, "expire")

    await case.outcome(charge, "pay_late")

    assert (await case.standing(charge)).state == "succeeded"


async def test_a_session_that_the_provider_does_not_know_is_unknown(case: Case) -> None:
    charge = await case.open()
    never = msgspec.structs.replace(charge, provider_ref=charge.provider_ref[:-4] + "0000")

    assert (await case.standing(never)).state == "unknown"


async def test_a_refund_is_made_once_and_the_rest_can_follow(case: Case) -> None:
    charge = await case.paid()

    first = await case.provider.refund(charge, f"{charge.payment_id}_1", 20_000, case.credentials)
    again = await case.provider.refund(charge, f"{charge.payment_id}_1", 20_000, case.credentials)
    rest = await case.provider.refund(charge, f"{charge.payment_id}_2", 30_000, case.credentials)

    assert first == again and first.state == rest.state == "processed"
    assert first.provider_ref != rest.provider_ref
    listed = await case.provider.refunds_of(charge, case.credentials)
    assert sorted((one.amount, one.state, one.provider_ref) for one in listed) == [
        (20_000, "processed", first.provider_ref), (30_000, "processed", rest.provider_ref)
    ]  # fmt: skip
    assert sorted(row["amount"] for row in await case.books(charge.payment_id, "refunds")) == [20_000, 30_000]


async def test_the_same_refund_asked_for_at_once_is_made_once(case: Case) -> None:
    charge = await case.paid()

    made = await asyncio.gather(
        *(case.provider.refund(charge, f"{charge.payment_id}_1", 20_000, case.credentials) for _ in range(5))
    )

    assert len({one.provider_ref for one in made}) == 1
    assert len(await case.books(charge.payment_id, "refunds")) == 1


async def test_more_than_was_paid_cannot_be_refunded(case: Case) -> None:
    charge = await case.paid()
    await case.provider.refund(charge, f"{charge.payment_id}_1", 40_000, case.credentials)

    with pytest.raises(ProviderError) as refused:
        await case.provider.refund(charge, f"{charge.payment_id}_2", 20_000, case.credentials)

    assert (refused.value.code, refused.value.unknown) == ("PROVIDER_REJECTED", False)
    assert len(await case.books(charge.payment_id, "refunds")) == 1


@pytest.mark.parametrize("end", ["processed", "failed"])
async def test_a_pending_refund_tells_its_end_when_asked_again(case: Case, end: str) -> None:
    charge = await case.paid()
    refund_id = f"{charge.payment_id}_1"
    await case.control("refunds", begin="pending")
    begun = await case.provider.refund(charge, refund_id, 20_000, case.credentials)
    await case.control("refunds", begin="processed")

    await case.control("refund", refund_id=refund_id, state=end)

    ended = await case.provider.refund(charge, refund_id, 20_000, case.credentials)
    assert (begun.state, ended.state) == ("pending", end)
    assert ended.provider_ref == begun.provider_ref
    assert len(await case.books(charge.payment_id, "refunds")) == 1


@pytest.mark.parametrize("fault", ["timeout_before", "timeout_after_charging", "http_500"])
async def test_a_session_whose_opening_went_unanswered_can_be_asked_for_again(case: Case, fault: str) -> None:
    asked = case.asked()
    await case.control("faults", operation="open", kind=fault)

    with pytest.raises(ProviderError) as silence:
        await case.impatient.open_session(asked, case.credentials)
    opened = await case.provider.open_session(asked, case.credentials)
    charge = charge_of(asked, opened.provider_ref)
    await case.outcome(charge, "pay")

    assert silence.value.unknown
    assert silence.value.code == ("PROVIDER_UNAVAILABLE" if fault == "http_500" else "PROVIDER_TIMEOUT")
    assert (await case.standing(charge)).state == "succeeded"
    assert len(await case.books(asked.payment_id, "sessions")) == 1
    assert len(await case.books(asked.payment_id, "charges")) == 1


@pytest.mark.parametrize("fault", ["timeout_before", "timeout_after_charging", "http_500", "http_500_after_charging"])
async def test_a_refund_that_went_unanswered_is_made_once(case: Case, fault: str) -> None:
    charge = await case.paid()
    await case.control("faults", operation="refund", kind=fault)

    with pytest.raises(ProviderError) as silence:
        await case.impatient.refund(charge, f"{charge.payment_id}_1", 20_000, case.credentials)
    again = await case.provider.refund(charge, f"{charge.payment_id}_1", 20_000, case.credentials)

    assert silence.value.unknown
    assert again.state == "processed"
    assert [row["amount"] for row in await case.books(charge.payment_id, "refunds")] == [20_000]


@pytest.mark.parametrize(
    ("fault", "code", "unknown"),
    [
        ("http_500", "PROVIDER_UNAVAILABLE", True),
        ("rate_limit", "PROVIDER_RATE_LIMITED", False),
        ("authentication", "PROVIDER_AUTHENTICATION", False),
    ],
)
async def test_what_went_wrong_is_told_in_our_words(case: Case, fault: str, code: str, unknown: bool) -> None:
    charge = await case.open()
    await case.control("faults", operation="retrieve", kind=fault)

    with pytest.raises(ProviderError) as wrong:
        await case.standing(charge)

    assert (wrong.value.code, wrong.value.unknown, wrong.value.provider) == (code, unknown, case.under.name)
    assert (await case.standing(charge)).state == "open"


async def test_a_provider_that_is_not_there_is_unavailable(case: Case) -> None:
    nowhere = case.under.make(f"http://127.0.0.1:{free_port()}", 5)

    with pytest.raises(ProviderError) as wrong:
        await nowhere.open_session(case.asked(), case.credentials)

    await nowhere.aclose()
    assert (wrong.value.code, wrong.value.unknown) == ("PROVIDER_UNAVAILABLE", True)


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        (["pay"], "succeeded"),
        (["pay_async"], None),
        (["pay_async", "async_succeed"], "succeeded"),
        (["pay_async", "async_fail"], "failed"),
        (["expire"], "failed"),
        (["expire", "pay_late"], "succeeded"),
    ],
)
async def test_notifications_tell_the_same_as_the_provider(case: Case, outcomes: list[str], state: str | None) -> None:
    since = len(await case.notifications())
    charge = await case.open()

    for outcome in outcomes:
        await case.outcome(charge, outcome)
        if any(one.look for one in await case.notices(since)):
            await case.standing(charge)

    notices = await case.notices(since)
    assert len({one.event_id for one in notices}) == len(notices)
    mine = [one for one in notices if charge.provider_ref == one.provider_ref or charge.payment_id == one.payment_id]
    final = [one.standing for one in mine if one.standing and one.standing.state != "open"]
    if state is None:
        assert final == []
        return
    assert final[-1].state == state
    if state == "succeeded":
        assert (final[-1].amount, final[-1].currency) == (50_000, "USD")
        assert final[-1].charge_ref == (await case.standing(charge)).charge_ref


async def test_a_notification_counts_only_as_it_was_signed(case: Case) -> None:
    since = len(await case.notifications())
    await case.paid()
    one = (await case.notifications(since))[-1]
    body, now = one["body"].encode(), datetime.now(UTC)
    stranger = msgspec.structs.replace(case.credentials, webhook_secret="another")
    forged = {name: value[:-2] + ("00" if value[-2:] != "00" else "11") for name, value in one["headers"].items()}

    for headers, sent, credentials in (
        (one["headers"], body.replace(b"50000", b"50001") + b" ", case.credentials),
        (one["headers"], b"", case.credentials),
        (one["headers"], b"\xff\xfe", case.credentials),
        (forged, body, case.credentials),
        ({}, body, case.credentials),
        (dict.fromkeys(one["headers"], "ü"), body, case.credentials),
        (one["headers"], body, stranger),
    ):
        with pytest.raises(KassaError) as refused:
            await case.provider.verify(headers, sent, credentials, now)
        assert refused.value.code == "INVALID_SIGNATURE"

    # Headers come in any case.
    shouted = {name.upper(): value for name, value in one["headers"].items()}
    assert (await case.provider.verify(shouted, body, case.credentials, now)).event_id == one["id"]


async def test_a_stale_notification_is_refused(case: Case) -> None:
    if not case.under.stale_is_refused:
        pytest.skip(f"a signature of {case.under.name} has no time in it")
    since = len(await case.notifications())
    await case.paid()
    one = (await case.notifications(since))[-1]
    fresh = await case.control("sign", body=one["body"], age_s=case.under.tolerance_s - 10)
    stale = await case.control("sign", body=one["body"], age_s=case.under.tolerance_s + 10)

    notice = await case.provider.verify(fresh, one["body"].encode(), case.credentials, datetime.now(UTC))
    with pytest.raises(KassaError) as refused:
        await case.provider.verify(stale, one["body"].encode(), case.credentials, datetime.now(UTC))

    assert notice.event_id == one["id"]
    assert refused.value.code == "INVALID_SIGNATURE"


async def test_a_days_list_has_the_payments_of_that_day(case: Case) -> None:
    before = datetime.now(UTC).date()
    paid, waiting = await case.paid(), await case.open(700)
    listed = {
        one.payment_id: one
        for day in {before, datetime.now(UTC).date()}
        async for one in case.provider.payments_on(day, case.credentials)
    }

    found = listed[paid.payment_id]
    assert (found.amount, found.currency, found.succeeded) == (50_000, "USD", True)
    if waiting.payment_id in listed:
        assert not listed[waiting.payment_id].succeeded


async def test_what_was_never_paid_cannot_be_refunded(case: Case) -> None:
    charge: Charge = await case.open()

    with pytest.raises(ProviderError) as refused:
        await case.provider.refund(charge, f"{charge.payment_id}_1", 1_000, case.credentials)

    assert refused.value.code == "PROVIDER_REJECTED"
    assert await case.books(charge.payment_id, "refunds") == []
