"""What providers say after their first word: refunds that fail after all or were made outside, held money let go."""

import asyncio
import datetime
from typing import Any

import aiohttp
import asyncpg
import pytest
from redis.asyncio import Redis
from tests.live import Receiver, until
from tests.providers.cases import PROVIDERS
from tests.providers.shop import Shop, reconcile, told

from kassa.providers.base import Charge, Credentials

EIGHT_DAYS_S = 8 * 86_400
LET_GO = "the provider has let go of the money that it held"


async def paid(shop: Shop, outcome: str = "pay") -> Any:
    """A payment that succeeded."""
    session = await shop.open()
    await shop.control("outcome", session=session["payment_id"], outcome=outcome)
    await shop.look(session["payment_id"])
    payment = await shop.gateway.settled(session["payment_id"])
    assert (payment["status"], payment["captured"]) == ("success", outcome != "authorise"), payment
    return payment


async def held(shop: Shop) -> Any:
    """A payment whose money is only held."""
    if shop.provider == "paypal":
        pytest.skip("PayPal holds no money")
    return await paid(shop, "authorise")


async def refund(shop: Shop, payment_id: str, amount: int, status: str) -> Any:
    """A refund, once it has that status."""
    reply = await shop.gateway.post(f"/api/v1/payments/{payment_id}/refunds", {"amount": amount})
    assert reply.status == 201, reply.text
    return await refund_is(shop, reply.json["id"], status)


async def refund_is(shop: Shop, refund_id: str, status: str) -> Any:
    """The refund, once it has that status."""

    async def found() -> Any:
        one = (await shop.gateway.get(f"/api/v1/refunds/{refund_id}")).json
        return one if one["status"] == status else None

    return await until(found, f"{refund_id} is {status}")


async def refunded(shop: Shop, payment_id: str, amount: int) -> list[Any]:
    """The payment's refunds, once `amount` of it counts as refunded."""

    async def found() -> bool:
        return bool((await shop.payment(payment_id))["refunded_amount"] == amount)

    await until(found, f"{amount} of {payment_id} are refunded")
    rows: list[Any] = (await shop.gateway.get(f"/api/v1/refunds?payment_id={payment_id}")).json["data"]
    return rows


async def happened(shop: Shop, payment_id: str) -> list[tuple[str, str]]:
    """Event and cause of all that happened to a payment after it succeeded; numbered without a gap."""
    rows = (await shop.gateway.get(f"/api/v1/payments/{payment_id}/timeline")).json["data"]
    assert [row["sequence"] for row in rows] == list(range(1, len(rows) + 1))
    after = next(n for n, row in enumerate(rows) if row["event"] == "payment.success")
    return [(row["event"], row["cause"]) for row in rows[after + 1 :]]


async def differences(shop: Shop) -> list[str]:
    """What `kassa reconcile` says of today's books at the provider."""
    code, lines = await reconcile(shop.gateway, "--provider", shop.provider)
    found = [line for line in lines if f"  {shop.provider}: " in line]
    assert code == (1 if found else 0), lines
    return found


async def applied(shop: Shop, refund_ref: str, note: str) -> None:
    """Wait until that has come of a notification about what the provider calls so."""

    async def found() -> bool:
        rows = await shop.gateway.sql(
            "SELECT note FROM provider_events WHERE provider = $1 AND payload::text LIKE '%' || $2 || '%'",
            shop.provider,
            refund_ref,
        )
        return any(row[0] == note for row in rows)

    await until(found, f"{note!r} came of a notification about {refund_ref}")


async def test_a_refund_that_fails_after_all_is_told_of_and_can_be_made_again(shop: Shop) -> None:
    async with Receiver() as receiver:
        payment = await paid(shop)
        await shop.gateway.use_webhooks(receiver.url)
        first = await refund(shop, payment["id"], 30_000, "processed")
        assert (await shop.payment(payment["id"]))["refunded_amount"] == 30_000

        await shop.control("refund", refund_id=first["id"], state="failed")

        failed = await refund_is(shop, first["id"], "failed")
        events = await receiver.events(payment["id"], 3)
        await shop.gateway.use_webhooks(None)
    assert failed["processed_at"] == first["processed_at"]
    assert failed.get("provider_code") == ("expired_or_canceled_card" if shop.provider == "stripe" else None)
    assert events == ["refund.created", "refund.processed", "refund.failed"]
    assert [event for event, _ in await happened(shop, payment["id"])] == events
    assert (await shop.payment(payment["id"]))["refunded_amount"] == 0
    # The provider has the money again: all of it can be asked for, and no more.
    await refund(shop, payment["id"], 50_000, "processed")
    reply = await shop.gateway.post(f"/api/v1/payments/{payment['id']}/refunds", {"amount": 1})
    assert reply.refusal == (400, "BAD_REQUEST_ERROR", "Refund amount exceeds available amount")
    logged = [line for line in shop.gateway.logs().splitlines() if "refund.failed_after_all" in line]
    assert [first["id"] in line for line in logged].count(True) == 1


async def test_a_refund_that_fails_after_all_is_found_by_reconciling(shop: Shop) -> None:
    await shop.control("notifications", drop=True)
    payment = await paid(shop)
    first = await refund(shop, payment["id"], 30_000, "processed")
    assert await differences(shop) == []

    await shop.control("refund", refund_id=first["id"], state="failed")

    [difference] = await differences(shop)
    assert difference == f"{first['id']}  {shop.provider}: refund failed, 30000 USD; here: failed"
    await refund_is(shop, first["id"], "failed")
    assert ("refund.failed", "reconciler") in await happened(shop, payment["id"])
    assert await differences(shop) == []


async def test_a_refund_that_waits_is_not_processed_until_its_provider_says_so(shop: Shop) -> None:
    payment = await paid(shop)
    await shop.control("refunds", begin="pending")
    reply = await shop.gateway.post(f"/api/v1/payments/{payment['id']}/refunds", {"amount": 30_000})
    refund_id = reply.json["id"]

    async def looked_at() -> bool:
        return bool((await shop.gateway.sql("SELECT looks FROM refunds WHERE id = $1", refund_id))[0][0])

    await until(looked_at, "the provider has it")
    assert (await shop.gateway.get(f"/api/v1/refunds/{refund_id}")).json["status"] == "pending"

    await shop.control("refund", refund_id=refund_id, state="failed")

    failed = await refund_is(shop, refund_id, "failed")
    assert failed["processed_at"] is None
    assert (await shop.payment(payment["id"]))["refunded_amount"] == 0


async def test_a_refund_made_at_the_provider_is_counted_once(shop: Shop) -> None:
    payment = await paid(shop)
    await shop.control("notifications", copies=3, hold=True)

    ref = (await shop.control("refund_outside", session=payment["id"], amount=20_000))["refund"]
    await shop.control("refund", refund_id=ref, state="processed")
    # All that tells of it is there when a worker comes, who takes it side by side.
    shop.gateway.kill("worker-1")
    await shop.control("release")
    await shop.control("notifications")

    [outside] = await refunded(shop, payment["id"], 20_000)
    assert (outside["status"], outside["amount"]) == ("processed", 20_000)
    assert outside["reason"] == f"Refunded at {shop.provider}, not through Kassa"
    reply = await shop.gateway.post(f"/api/v1/payments/{payment['id']}/refunds", {"amount": 30_001})
    assert reply.refusal == (400, "BAD_REQUEST_ERROR", "Refund amount exceeds available amount")
    await refund(shop, payment["id"], 30_000, "processed")
    assert sorted(row["amount"] for row in await refunded(shop, payment["id"], 50_000)) == [20_000, 30_000]
    assert [row["amount"] for row in await shop.books("refunds", payment["id"])] == [20_000, 30_000]
    events = [event for event, _ in await happened(shop, payment["id"])]
    assert events == ["refund.created", "refund.processed"] * 2

    await shop.control("refund", refund_id=ref, state="failed")

    await refund_is(shop, outside["id"], "failed")
    assert (await shop.payment(payment["id"]))["refunded_amount"] == 30_000


async def test_a_refund_made_at_the_provider_is_found_by_reconciling(shop: Shop) -> None:
    await shop.control("notifications", drop=True)
    payment = await paid(shop)
    ref = (await shop.control("refund_outside", session=payment["id"], amount=30_000))["refund"]

    [difference] = await differences(shop)

    assert difference == f"{ref}  {shop.provider}: refund processed, 30000 USD; here: made outside, counted"
    assert len(await refunded(shop, payment["id"], 30_000)) == 1
    assert await differences(shop) == []


async def test_what_went_back_outside_unseen_is_not_paid_out_once_more(shop: Shop) -> None:
    await shop.control("notifications", drop=True)
    payment = await paid(shop)
    await shop.control("refund_outside", session=payment["id"], amount=50_000)

    refused = await refund(shop, payment["id"], 50_000, "failed")

    assert refused["provider_code"] in ("charge_already_refunded", "CAPTURE_FULLY_REFUNDED", "BAD_REQUEST_ERROR")
    assert refused["processed_at"] is None
    assert (await shop.payment(payment["id"]))["refunded_amount"] == 0
    assert len(await shop.books("refunds", payment["id"])) == 1
    assert len(await differences(shop)) == 1
    assert len(await refunded(shop, payment["id"], 50_000)) == 2


async def test_a_refund_made_outside_waits_for_one_of_ours_that_is_on_its_way(shop: Shop) -> None:
    payment = await paid(shop)
    await shop.control("faults", operation="refund", kind="http_500", times=1)
    reply = await shop.gateway.post(f"/api/v1/payments/{payment['id']}/refunds", {"amount": 30_000})

    ref = (await shop.control("refund_outside", session=payment["id"], amount=30_000))["refund"]

    await applied(shop, ref, "not yet: exceeds what is left here")
    assert (await shop.payment(payment["id"]))["refunded_amount"] == 30_000
    # Ours is asked for again, in a minute or now: the provider has not so much any more, and then there is room.
    await shop.gateway.sql("UPDATE refunds SET due_at = now() WHERE id = $1", reply.json["id"])
    async with Redis.from_url(shop.gateway.urls()[1]) as redis:
        await redis.flushdb()
    await refund_is(shop, reply.json["id"], "failed")
    await shop.gateway.sql("UPDATE provider_events SET due_at = now() WHERE note LIKE 'not yet: exceeds%'")
    await refunded(shop, payment["id"], 30_000)
    assert len(await shop.books("refunds", payment["id"])) == 1


async def test_held_money_that_lapses_is_told_of_and_cannot_be_captured(shop: Shop) -> None:
    await shop.control("notifications", drop=True)
    payment = await held(shop)
    await shop.control("notifications")

    await shop.control("clock", advance_s=EIGHT_DAYS_S)

    async def released() -> Any:
        found = await shop.payment(payment["id"])
        return found if "released_at" in found else None

    found = await until(released, "the money is let go")
    assert (found["status"], found["captured"], found["refunded_amount"]) == ("success", False, 0)
    assert await happened(shop, payment["id"]) == [("payment.released", "reconciler")]
    capture = await shop.gateway.post(f"/api/v1/payments/{payment['id']}/capture", {"amount": 50_000})
    back = await shop.gateway.post(f"/api/v1/payments/{payment['id']}/refunds", {"amount": 50_000})
    assert capture.refusal == (400, "BAD_REQUEST_ERROR", f"Payment not in capturable state: {LET_GO}")
    assert back.refusal == (400, "BAD_REQUEST_ERROR", f"Payment not in refundable state: {LET_GO}")
    assert (await shop.gateway.get(f"/api/v1/refunds?payment_id={payment['id']}")).json["data"] == []
    assert await differences(shop) == []


async def test_capturing_what_has_lapsed_unseen_says_so(shop: Shop) -> None:
    await shop.control("notifications", drop=True)
    payment = await held(shop)
    await shop.control("clock", advance_s=EIGHT_DAYS_S)

    reply = await shop.gateway.post(f"/api/v1/payments/{payment['id']}/capture", {"amount": 50_000})

    assert reply.refusal == (400, "BAD_REQUEST_ERROR", f"Payment not in capturable state: {LET_GO}")
    assert (await shop.payment(payment["id"]))["released_at"]


async def test_held_money_is_asked_about_daily_until_it_is_not_held(shop: Shop) -> None:
    await shop.control("notifications", drop=True)
    payment = await held(shop)
    due = "SELECT held_due_at - now() FROM payments WHERE id = $1"
    one_day, moment = datetime.timedelta(days=1), datetime.timedelta(minutes=5)
    assert one_day - moment < (await shop.gateway.sql(due, payment["id"]))[0][0] <= one_day
    _, lines = await reconcile(shop.gateway)
    assert [line.split()[1] for line in lines if payment["id"] in line] == ["held:"]

    await shop.control("clock", advance_s=EIGHT_DAYS_S)
    await shop.gateway.sql("UPDATE payments SET held_due_at = now() - interval '1 minute' WHERE id = $1", payment["id"])

    async def released() -> bool:
        return "released_at" in await shop.payment(payment["id"])

    # A worker finds it due, with nobody asking.
    await until(released, "the money is let go")
    assert (await shop.gateway.sql(due, payment["id"]))[0][0] is None
    _, lines = await reconcile(shop.gateway)
    assert not any(payment["id"] in line for line in lines)


async def test_money_that_is_captured_at_the_provider_is_captured_here(shop: Shop) -> None:
    payment = await held(shop)
    [(charge_ref, provider_ref)] = await shop.gateway.sql(
        "SELECT charge_ref, provider_ref FROM payments WHERE id = $1", payment["id"]
    )
    async with aiohttp.ClientSession() as session, session.get(shop.sandbox_url) as response:
        known = (await response.json())[shop.provider]
    provider = next(one for one in PROVIDERS if one.name == shop.provider).make(known["api_url"], 20)
    charge = Charge(
        payment_id=payment["id"], provider_ref=provider_ref, charge_ref=charge_ref, amount=50_000, currency="USD"
    )

    await provider.capture(charge, Credentials(**known["credentials"], live=False))

    async def captured() -> bool:
        return bool((await shop.payment(payment["id"]))["captured"])

    await until(captured, "it is captured here")
    await provider.aclose()
    assert [event for event, _ in await happened(shop, payment["id"])] == ["payment.captured"]
    reply = await shop.gateway.post(f"/api/v1/payments/{payment['id']}/capture", {"amount": 50_000})
    assert (reply.status, reply.json["captured"]) == (200, True)
    assert [event for event, _ in await happened(shop, payment["id"])] == ["payment.captured"]


async def test_a_capture_whose_answer_was_lost_can_be_asked_for_again(shop: Shop) -> None:
    payment = await held(shop)
    path, body = f"/api/v1/payments/{payment['id']}/capture", {"amount": 50_000}
    await shop.control("faults", operation="capture", kind="http_500_after_charging")
    lost = await shop.gateway.post(path, body)

    async def captured() -> bool:
        return bool((await shop.payment(payment["id"]))["captured"])

    await until(captured, "the notification says so")
    headers = {"Idempotency-Key": f"capture-{payment['id']}"}
    again = [await shop.gateway.post(path, body, headers=headers) for _ in range(2)]

    assert lost.status == 503
    assert [(reply.status, reply.json["captured"]) for reply in again] == [(200, True)] * 2
    assert [event for event, _ in await happened(shop, payment["id"])] == ["payment.captured"]


async def test_a_capture_whose_notification_is_quicker_is_answered_all_the_same(shop: Shop) -> None:
    await shop.control("notifications", drop=True)
    payment = await held(shop)
    path, body = f"/api/v1/payments/{payment['id']}/capture", {"amount": 50_000}
    connection = await asyncpg.connect(shop.gateway.urls()[0])
    try:
        async with connection.transaction():
            # What a notification does, while the request is at the provider.
            await connection.execute("UPDATE payments SET captured = true WHERE id = $1", payment["id"])
            asked = asyncio.create_task(shop.gateway.post(path, body))

            async def waits() -> bool:
                held_up = "SELECT count(*) FROM pg_stat_activity WHERE $1 = ANY(pg_blocking_pids(pid))"
                return bool((await connection.fetchrow(held_up, connection.get_server_pid()))[0])

            await until(waits, "the provider has captured it, and our row is locked")
    finally:
        await connection.close()

    reply = await asked
    assert (reply.status, reply.json["captured"]) == (200, True), reply.text


@pytest.mark.parametrize("shop", ["stripe"], indirect=True)
async def test_an_old_word_that_a_session_ended_does_not_let_go_of_held_money(shop: Shop) -> None:
    await shop.control("notifications", drop=True)
    payment = await held(shop)
    session = {
        "id": "cs_test_old", "object": "checkout.session", "status": "expired", "payment_status": "unpaid",
        "metadata": {"kassa_payment_id": payment["id"]},
    }  # fmt: skip

    came = await told(shop, "checkout.session.expired", session, f"evt_{payment['id']}", by_gateway=True)

    assert came.startswith("held: ")
    assert "released_at" not in await shop.payment(payment["id"])
