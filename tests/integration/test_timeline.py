"""The timeline of a payment: everything that happened, in order, and what caused it."""

from typing import Any

from tests.integration.shop import processed
from tests.live import Live


async def timeline(merchant: Live, payment_id: str) -> list[dict[str, Any]]:
    """What happened to a payment."""
    reply = await merchant.get(f"/api/v1/payments/{payment_id}/timeline")
    assert (reply.status, reply.json["payment_id"]) == (200, payment_id)
    found: list[dict[str, Any]] = reply.json["data"]
    assert [entry["sequence"] for entry in found] == list(range(1, len(found) + 1))
    return found


def told(entries: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """Event, status and cause of each entry."""
    return [(entry["event"], entry["status"], entry["cause"]) for entry in entries]


async def test_whole_life_of_a_payment(merchant: Live) -> None:
    payment = await merchant.paid()
    path = f"/api/v1/payments/{payment['id']}"
    await merchant.post(f"{path}/capture", {"amount": 50_000})
    refund = (await merchant.post(f"{path}/refunds", {"amount": 100})).json
    await processed(merchant, refund["id"])

    entries = await timeline(merchant, payment["id"])

    assert told(entries) == [
        ("payment.created", "pending", "request"),
        ("payment.pending", "pending", "request"),
        ("payment.success", "success", "bank"),
        ("payment.captured", "success", "request"),
        ("refund.created", "pending", "request"),
        ("refund.processed", "processed", "bank"),
    ]
    assert [entry["refund_id"] for entry in entries] == [None, None, None, None, refund["id"], refund["id"]]
    assert entries == sorted(entries, key=lambda entry: str(entry["created_at"]))
    assert entries[0]["created_at"] == payment["created_at"]


async def test_failed_payment(merchant: Live) -> None:
    payment = await merchant.pay((await merchant.order())["id"], "failure@kassa")
    await merchant.settled(payment["id"])

    assert told(await timeline(merchant, payment["id"]))[2:] == [("payment.failed", "failed", "bank")]


async def test_refused_requests_leave_no_trace(merchant: Live) -> None:
    payment = await merchant.paid()
    before = await timeline(merchant, payment["id"])

    await merchant.post(f"/api/v1/payments/{payment['id']}/refunds", {"amount": 50_001})
    await merchant.post(f"/api/v1/payments/{payment['id']}/capture", {"amount": 1})

    assert await timeline(merchant, payment["id"]) == before


async def test_timeline_is_its_merchants_own(gateway: Live, merchant: Live) -> None:
    payment = await merchant.paid()

    for payment_id in (payment["id"], "pay_0000000000000000", "%00"):
        reply = await gateway.get(f"/api/v1/payments/{payment_id}/timeline")
        assert reply.refusal == (404, "NOT_FOUND_ERROR", "Payment not found")
