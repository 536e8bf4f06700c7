"""Deliveries to a receiver that fails: sent, attempted, and when they are due again."""

from typing import Any

from tests.live import Live, until


async def send(merchant: Live, url: str) -> str:
    """The id of a new delivery to `url`."""
    await merchant.use_webhooks(url)
    reply = await merchant.post("/api/v1/webhooks/test", {"event": "payment.success"})
    assert reply.status == 202, reply.text
    return str(reply.json["id"])


async def attempted(merchant: Live, delivery_id: str, times: int = 1) -> Any:
    """The delivery, once so many attempts are recorded."""

    async def recorded() -> Any:
        seen = (await merchant.get(f"/api/v1/webhooks/{delivery_id}")).json
        return seen if seen["attempts"] >= times else None

    return await until(recorded, f"{times} attempts of {delivery_id}")


async def waits_s(merchant: Live, delivery_id: str) -> float:
    """Seconds from the end of the last attempt to the next one, as the database has them."""
    rows = await merchant.sql(
        """SELECT extract(epoch FROM d.next_retry_at - d.last_attempt_at)::float8 - a.duration_ms / 1000.0
           FROM webhook_logs d JOIN webhook_attempts a ON a.delivery_id = d.id AND a.attempt = d.attempts
           WHERE d.id = $1::uuid""",
        delivery_id,
    )
    return float(rows[0][0])


async def walk_through_the_schedule(merchant: Live, delivery_id: str) -> list[float]:
    """Let each attempt be due as soon as the one before has failed; returns the waits that there would have been."""
    waits = []
    for times in range(1, 5):
        seen = await attempted(merchant, delivery_id, times)
        assert (seen["status"], seen["attempts"]) == ("pending", times)
        waits.append(await waits_s(merchant, delivery_id))
        await merchant.sql(
            "UPDATE webhook_logs SET next_retry_at = now() - interval '1 minute' WHERE id = $1::uuid", delivery_id
        )
    return waits


def assert_schedule(waits: list[float], schedule: list[int]) -> None:
    """Each wait is the schedule's, plus up to a tenth (and what a busy machine takes between two clock readings)."""
    for wait_s, planned_s in zip(waits, schedule, strict=True):
        assert planned_s <= wait_s <= 1.1 * planned_s + 0.5, (waits, schedule)
