"""What a provider says of a refund, or of held money, comes late, twice, or at the same time as something else."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from tests.providers.cases import PROVIDERS, Case
from tests.providers.inside import AMOUNT, Inside, inside_of

from kassa.actions.apply_refund import apply_refund
from kassa.actions.apply_standing import apply_standing
from kassa.actions.capture_payment import capture_payment
from kassa.actions.look_at_payment import look_at_payment
from kassa.actions.process_refund import process_refund
from kassa.domain.errors import KassaError
from kassa.providers.base import RefundStanding, Standing
from kassa.worker.consume import look_turn

EIGHT_DAYS_S = 8 * 86_400
TAKEN = "session complete, payment paid, last attempt succeeded"
RAZORPAY = next(one for one in PROVIDERS if one.name == "razorpay")
STRIPE = next(one for one in PROVIDERS if one.name == "stripe")
PAYPAL = next(one for one in PROVIDERS if one.name == "paypal")


@pytest.fixture(scope="module")
async def inside(case: Case) -> AsyncIterator[Inside]:
    """A gateway in this process, at each provider in turn."""
    async with inside_of(case) as one:
        yield one


@pytest.mark.parametrize("case", [PAYPAL], ids=["paypal"], indirect=True)
async def test_a_refund_that_paypal_has_taken_is_asked_about_and_not_made_again(inside: Inside) -> None:
    payment_id = await inside.paid()
    capture = (await inside.payment(payment_id)).charge_ref
    refund_id = await inside.refund(payment_id, 20_000)
    made = {
        "id": "1JU08902781691411", "status": "PENDING", "invoice_id": refund_id,
        "amount": {"currency_code": "USD", "value": "200.00"},
    }  # fmt: skip
    async with inside.scripted() as paypal:
        paypal.answers["POST /v1/oauth2/token"] = [(200, {"access_token": "t", "expires_in": 3600})]
        paypal.answers[f"POST /v2/payments/captures/{capture}/refund"] = [(201, made)]
        # It does not find for a moment what it has just made.
        await process_refund(inside.gateway, refund_id)
        begun = await inside.found(refund_id)
        await process_refund(inside.gateway, refund_id)
        waiting = await inside.found(refund_id)
        paypal.answers[f"GET /v2/payments/refunds/{made['id']}"] = [(200, {**made, "status": "COMPLETED"})]
        await process_refund(inside.gateway, refund_id)

    assert (begun.status, begun.provider_ref, waiting.status) == ("pending", made["id"], "pending")
    assert (await inside.found(refund_id)).status == "processed"
    assert len([path for path in paypal.paths("POST") if path.endswith("/refund")]) == 1
    assert (await inside.payment(payment_id)).refunded_amount == 20_000


async def test_that_a_refund_failed_is_heard_though_an_older_word_is_written_in_between(inside: Inside) -> None:
    payment_id = await inside.paid()
    refund_id = await inside.refund(payment_id, 30_000)
    around = inside.gateway.providers[inside.case.under.name]
    refund, retrieve = around.inner.refund, around.inner.retrieve_refund
    heard, go_on = asyncio.Event(), asyncio.Event()

    async def stalls(*asked: Any) -> Any:
        said = await refund(*asked)
        heard.set()
        await go_on.wait()
        return said

    async def comes_between(*asked: Any) -> Any:
        said = await retrieve(*asked)
        go_on.set()
        await worker
        return said

    async with inside.instead(refund=stalls, retrieve_refund=comes_between):
        worker = asyncio.create_task(process_refund(inside.gateway, refund_id))
        await heard.wait()
        since = len(await inside.case.notifications())
        await inside.case.control("refund", refund_id=refund_id, state="failed")
        [*_, last] = await inside.case.notifications(since)
        came = await inside.tell(last)

    assert await worker and came == ("applied", "failed")
    assert (await inside.found(refund_id)).status == "failed"
    assert (await inside.payment(payment_id)).refunded_amount == 0
    assert (await inside.events(payment_id))[-2:] == ["refund.processed", "refund.failed"]


async def becomes(inside: Inside, refund_id: str, state: str) -> list[tuple[str, str | None]]:
    """What came of all that the provider tells of a refund that has become so."""
    since = len(await inside.case.notifications())
    await inside.case.control("refund", refund_id=refund_id, state=state)
    return [await inside.tell(one) for one in await inside.case.notifications(since)]


async def test_a_refund_that_failed_and_arrived_after_all_counts_again(inside: Inside) -> None:
    payment_id = await inside.paid()
    refund_id = await inside.refunded(payment_id, 30_000)
    processed_at = (await inside.found(refund_id)).processed_at
    await becomes(inside, refund_id, "failed")
    assert (await inside.payment(payment_id)).refunded_amount == 0

    came = await becomes(inside, refund_id, "processed")

    found = await inside.found(refund_id)
    assert ("applied", "processed") in came
    assert (found.status, found.processed_at, found.provider_code) == ("processed", processed_at, None)
    assert (await inside.payment(payment_id)).refunded_amount == 30_000
    assert (await inside.events(payment_id))[-3:] == ["refund.processed", "refund.failed", "refund.processed"]


async def test_a_refund_that_arrived_after_another_took_its_place_is_an_error_and_no_lie(
    inside: Inside, capfd: pytest.CaptureFixture[str]
) -> None:
    payment_id = await inside.paid()
    refund_id = await inside.refunded(payment_id, 30_000)
    await becomes(inside, refund_id, "failed")
    await inside.refunded(payment_id, 30_000)

    came = await becomes(inside, refund_id, "processed")

    assert ("pending", "not yet: exceeds what is left here") in came
    assert (await inside.found(refund_id)).status == "failed"
    assert (await inside.payment(payment_id)).refunded_amount == 30_000
    logged = [line for line in capfd.readouterr().out.splitlines() if "refund.processed_after_all" in line]
    assert logged and all(refund_id in line and "error" in line for line in logged)
    # Once nobody tries any more, that is an error, too.
    await inside.gateway.database.fetch("UPDATE provider_events SET attempts = 7 WHERE note LIKE 'not yet: exceeds%'")
    [row, *_] = await inside.gateway.database.fetch("SELECT event_id FROM provider_events WHERE attempts = 7")
    assert await inside.apply(row[0]) == ("kept", "not yet: exceeds what is left here")
    assert "notification.given_up" in capfd.readouterr().out


@pytest.mark.parametrize("case", [STRIPE], ids=["stripe"], indirect=True)
@pytest.mark.parametrize("is_over", [True, False])
async def test_an_old_word_that_money_is_held_pays_for_nothing_when_it_is_not(inside: Inside, is_over: bool) -> None:
    since = len(await inside.case.notifications())
    payment_id = await inside.open(manual_capture=True)
    await inside.case.control("outcome", session=payment_id, outcome="authorise")
    await inside.case.control("clock", advance_s=EIGHT_DAYS_S)
    told = {one["type"]: one for one in await inside.case.notifications(since)}
    await inside.case.control("clock", advance_s=-EIGHT_DAYS_S)
    if is_over:
        await inside.tell(told["payment_intent.canceled"])
        assert (await inside.payment(payment_id)).status == "failed"

    await inside.tell(told["payment_intent.amount_capturable_updated"])

    payment = await inside.payment(payment_id)
    [order] = await inside.gateway.database.fetch("SELECT status FROM orders WHERE id = $1", payment.order_id)
    assert (payment.status, order[0]) == ("failed", "created")


@pytest.mark.parametrize("case", [STRIPE], ids=["stripe"], indirect=True)
async def test_what_was_captured_in_part_is_not_answered_as_captured_in_full(
    inside: Inside, capfd: pytest.CaptureFixture[str]
) -> None:
    payment_id = await inside.paid("authorise", manual_capture=True)
    payment = await inside.payment(payment_id)
    part = {
        "id": payment.charge_ref, "object": "payment_intent", "status": "succeeded", "amount": AMOUNT,
        "currency": "usd", "amount_received": 30_000, "metadata": {"kassa_payment_id": payment_id},
    }  # fmt: skip
    session = {
        "id": payment.provider_ref, "object": "checkout.session", "payment_status": "paid", "status": "complete",
        "amount_total": AMOUNT, "currency": "usd", "payment_intent": part,
    }  # fmt: skip
    async with inside.scripted() as stripe:
        stripe.answers[f"POST /v1/payment_intents/{payment.charge_ref}/capture"] = [
            (400, {"error": {"type": "invalid_request_error", "code": "payment_intent_unexpected_state"}})
        ]
        stripe.answers[f"GET /v1/checkout/sessions/{payment.provider_ref}"] = [(200, session)]
        with pytest.raises(KassaError) as refused:
            await capture_payment(inside.gateway, inside.merchant.id, payment_id, AMOUNT)

    said = "The provider has captured 30000 USD, not 50000 USD: settle the rest there"
    assert (refused.value.code, refused.value.description) == ("BAD_REQUEST_ERROR", said)
    payment = await inside.payment(payment_id)
    assert (payment.captured, payment.last_answer) == (False, "refused: 30000 USD is not 50000 USD: " + TAKEN)
    assert (await inside.events(payment_id))[-1] == "payment.success"
    logged = [line for line in capfd.readouterr().out.splitlines() if "payment.wrong_amount" in line]
    assert logged and all(payment_id in line and "error" in line for line in logged)


@pytest.mark.parametrize("case", [RAZORPAY], ids=["razorpay"], indirect=True)
async def test_held_money_is_found_by_its_name_however_much_came_after_it(inside: Inside) -> None:
    since = len(await inside.case.notifications())
    payment_id = await inside.open()
    await inside.case.control("outcome", session=payment_id, outcome="authorise")
    [held] = await inside.case.notifications(since)

    assert await inside.tell(held) == ("applied", "open")

    before = await inside.payment(payment_id)
    await inside.gateway.database.fetch(
        "UPDATE checkout_sessions SET expires_at = now() WHERE payment_id = $1", payment_id
    )
    nobodys = {"id": "pay_X", "status": "captured", "amount": AMOUNT, "currency": "USD", "description": "#Other00"}
    async with inside.scripted() as razorpay:
        charge = {**nobodys, "id": before.charge_ref, "status": "authorized", "captured": False}
        razorpay.answers[f"GET /v1/payments/{before.charge_ref}"] = [(200, charge)]
        razorpay.answers["GET /v1/payments"] = [(200, {"items": [nobodys] * 100})]
        await look_at_payment(inside.gateway, payment_id)

    after = await inside.payment(payment_id)
    assert (before.status, after.status, after.captured) == ("pending", "success", False)


async def test_a_notification_that_breaks_its_job_is_tried_ever_less_often_and_then_no_more(
    inside: Inside, capfd: pytest.CaptureFixture[str]
) -> None:
    since, database = len(await inside.case.notifications()), inside.gateway.database
    payment_id = await inside.open()
    await inside.case.control("outcome", session=payment_id, outcome="pay")
    [one, *_] = await inside.case.notifications(since)
    event_id = await inside.take(one)
    # As if another version had kept it.
    await database.fetch("UPDATE provider_events SET notice = '{}' WHERE event_id = $1", event_id)

    came = await inside.apply(event_id)
    [(attempts, due_in_s)] = await database.fetch(
        "SELECT attempts, extract(epoch FROM due_at - now()) FROM provider_events WHERE event_id = $1", event_id
    )
    await database.fetch("UPDATE provider_events SET attempts = 7 WHERE event_id = $1", event_id)
    last = await inside.apply(event_id)

    assert (came, last) == (("pending", "crashed: ValidationError"), ("kept", "crashed: ValidationError"))
    assert attempts == 1 and due_in_s <= 2
    logged = [line for line in capfd.readouterr().out.splitlines() if "notification.crashed" in line]
    assert len(logged) == 2 and all("error" in line for line in logged)


async def test_a_job_that_breaks_is_not_tried_again_each_second(
    inside: Inside, capfd: pytest.CaptureFixture[str]
) -> None:
    payment_id = await inside.open()
    await inside.gateway.database.fetch(
        "UPDATE checkout_sessions SET expires_at = 'infinity' WHERE payment_id = $1", payment_id
    )
    await inside.gateway.redis.flushdb()
    await inside.gateway.looks.add([(payment_id, 0)])

    await look_turn(inside.gateway)

    left = await inside.gateway.looks.claim(1)
    assert left.members == [] and 30_000 < left.wait_ms <= 60_000
    logged = [line for line in capfd.readouterr().out.splitlines() if "jobs.crashed" in line]
    assert len(logged) == 1 and "error=TypeError" in logged[0]


async def test_a_refund_is_not_settled_by_the_word_about_another(inside: Inside) -> None:
    payment_id = await inside.paid()
    processed, waiting = await inside.refunded(payment_id, 10_000), await inside.refund(payment_id, 20_000)
    other = (await inside.found(processed)).provider_ref
    assert other is not None
    told = RefundStanding(state="processed", provider_ref=other, refund_id=waiting)

    came = await apply_refund(inside.gateway, inside.case.under.name, told, None, "a test")

    assert came == "refused: a refund of something else"
    assert (await inside.found(waiting)).status == "pending"


@pytest.mark.parametrize("amount", [AMOUNT, 30_000])
async def test_money_that_is_taken_a_second_time_is_an_error(
    inside: Inside, capfd: pytest.CaptureFixture[str], amount: int
) -> None:
    payment_id = await inside.paid()
    payment = await inside.payment(payment_id)
    again = Standing(
        state="succeeded", answer="paid", amount=AMOUNT, currency="USD", charge_ref=payment.charge_ref, captured=True
    )
    assert await apply_standing(inside.gateway, payment, again, cause="a test") == "final already"
    assert "payment.charged_twice" not in capfd.readouterr().out

    second = msgspec.structs.replace(again, charge_ref="another", amount=amount)
    await apply_standing(inside.gateway, payment, second, cause="a test")

    [line] = [line for line in capfd.readouterr().out.splitlines() if "payment." in line]
    assert ("payment.charged_twice" if amount == AMOUNT else "payment.wrong_amount") in line
    assert payment_id in line and "another" in line and "error" in line
    assert (await inside.payment(payment_id)).charge_ref == payment.charge_ref
