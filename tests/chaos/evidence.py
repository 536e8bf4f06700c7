"""What is known after a storm: the clients' journal, the receiver's journal, and what the tables say."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.chaos.journal import Journal
from tests.live import Live, Received, until

Rows = list[dict[str, Any]]

TABLES = {
    "orders": "SELECT *, merchant_id::text AS merchant_id, notes::text AS notes FROM orders",
    "payments": "SELECT * FROM payments",
    "refunds": "SELECT r.*, p.currency FROM refunds r JOIN payments p ON p.id = r.payment_id",
    "events": "SELECT * FROM payment_events ORDER BY payment_id, sequence",
    "deliveries": "SELECT *, id::text AS id, payload::text AS payload FROM webhook_logs",
    "attempts": "SELECT *, delivery_id::text AS delivery_id FROM webhook_attempts",
    "keys": "SELECT key, response::text AS response FROM idempotency_keys",
}
STILL_OPEN = """
    SELECT (SELECT count(*) FROM payments WHERE status NOT IN ('success', 'failed')) AS payments,
           (SELECT count(*) FROM refunds WHERE status <> 'processed') AS refunds,
           (SELECT count(*) FROM webhook_logs WHERE status = 'pending') AS deliveries"""


@dataclass
class Evidence:
    """Everything that the checker judges by."""

    told: Journal
    received: list[Received]
    tables: dict[str, Rows]
    statistics: dict[str, Any]
    jobs: dict[str, Any]

    def copy(self) -> "Evidence":
        """The same evidence, to be tampered with."""
        tables = {name: [dict(row) for row in rows] for name, rows in self.tables.items()}
        return Evidence(list(self.told), list(self.received), tables, dict(self.statistics), dict(self.jobs))

    def by_id(self, table: str) -> dict[str, dict[str, Any]]:
        """A table's rows by their id."""
        return {row["id"]: row for row in self.tables[table]}

    def by(self, table: str, column: str) -> dict[Any, Rows]:
        """A table's rows by one of their columns, in the order in which they were read."""
        found: dict[Any, Rows] = {}
        for row in self.tables[table]:
            found.setdefault(row[column], []).append(row)
        return found


async def calm(gateway: Live) -> None:
    """Wait until every payment, refund and delivery is final, and the queue has nothing left to do."""
    left: Sequence[Any] = []

    async def finished() -> bool:
        nonlocal left
        left = (await gateway.sql(STILL_OPEN))[0]
        jobs = (await gateway.get("/api/v1/test/jobs/status")).json
        return not any(left) and jobs["pending"] == jobs["processing"] == 0

    try:
        await until(finished, "everything is final and the queue is empty")
    except AssertionError as error:
        raise AssertionError(f"{error}; still open: {left}") from None


async def gather(gateway: Live, told: Journal, received: list[Received]) -> Evidence:
    """The evidence as it stands now."""
    rows = await asyncio.gather(*(gateway.sql(statement) for statement in TABLES.values()))
    return Evidence(
        told=list(told),
        received=list(received),
        tables={name: [dict(row) for row in found] for name, found in zip(TABLES, rows, strict=True)},
        statistics=(await gateway.get("/api/v1/statistics")).json,
        jobs=(await gateway.get("/api/v1/test/jobs/status")).json,
    )
