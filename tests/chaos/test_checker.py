"""The checker itself: honest evidence satisfies it, and it sees every kind of broken promise."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.checker import violations
from tests.chaos.evidence import Evidence, gather
from tests.chaos.storm import Scene


@pytest.fixture(scope="module")
async def honest(shop: Scene) -> Evidence:
    """Evidence in which no promise is broken, with something of everything in it."""
    async with shop.load():
        await shop.answers(150)
    await shop.verify()
    return await gather(shop.gateway, shop.client.journal, shop.receiver.received)


PAID = "Order is already paid"
Tampering = Callable[[Evidence], None]


def first(evidence: Evidence, table: str, **fields: Any) -> dict[str, Any]:
    """The first row of a table that has these values."""
    return next(row for row in evidence.tables[table] if all(row[name] == value for name, value in fields.items()))


def lose(table: str, **fields: Any) -> Tampering:
    """The first row that has these values vanishes."""
    return lambda evidence: evidence.tables[table].remove(first(evidence, table, **fields))


def repeat(table: str, **fields: Any) -> Tampering:
    """The first row that has these values is there twice."""

    def tamper(evidence: Evidence) -> None:
        rows, row = evidence.tables[table], first(evidence, table, **fields)
        rows.insert(rows.index(row), dict(row))

    return tamper


def alter(table: str, change: dict[str, Any], **fields: Any) -> Tampering:
    """The first row that has these values changes behind everybody's back."""
    return lambda evidence: first(evidence, table, **fields).update(change)


def answer(status: int, **error: str) -> Tampering:
    """A request with a key is made once more, and answered differently."""

    def tamper(evidence: Evidence) -> None:
        made = next(told for told in evidence.told if told.key and told.status == 201)
        text = json.dumps({"error": error})
        evidence.told.append(replace(made, status=status, text=text, asked_at=made.told_at + 1))

    return tamper


def arrive(**change: Any) -> Tampering:
    """The first webhook arrives otherwise."""

    def tamper(evidence: Evidence) -> None:
        evidence.received[0] = replace(evidence.received[0], **change)

    return tamper


def misname(evidence: Evidence) -> None:
    """A webhook arrives under a signature that is not its own."""
    one = evidence.received[0]
    evidence.received[0] = replace(one, headers={**one.headers, "X-Webhook-Signature": "0"})


def never_arrive(evidence: Evidence) -> None:
    """A webhook that counts as delivered never was."""
    name = evidence.received[0].headers["webhook-id"]
    evidence.received = [one for one in evidence.received if one.headers["webhook-id"] != name]


def forget(evidence: Evidence) -> None:
    """A payment is there though nobody was told of it."""
    made = next(told for told in evidence.told if told.status == 201 and told.path == "/api/v1/payments")
    evidence.told = [told for told in evidence.told if told.key != made.key]


def pay_twice(evidence: Evidence) -> None:
    """An order has a second successful payment."""
    evidence.tables["payments"].append({**first(evidence, "payments", status="success"), "id": "pay_second"})


def count_too_much(evidence: Evidence) -> None:
    """A counter has counted something twice."""
    evidence.statistics["volume"] += 50_000


BROKEN: dict[str, tuple[str, Tampering]] = {
    "a crash": ("answers_are_clear", answer(500, code="INTERNAL_ERROR")),
    "a lost order": ("acknowledged_exists", lose("orders")),
    "a lost payment": ("acknowledged_exists", lose("payments", status="success")),
    "a lost refund": ("acknowledged_exists", lose("refunds")),
    "a lost capture": ("acknowledged_exists", alter("payments", {"captured": False}, captured=True)),
    "a changed card": ("acknowledged_exists", alter("payments", {"card_last4": "1111"}, method="card")),
    "a payment too many": ("nothing_is_there_twice", forget),
    "an order too many": ("nothing_is_there_twice", repeat("orders")),
    "two answers to one key": ("keys_give_one_answer", answer(400, code="BAD_REQUEST_ERROR", description=PAID)),
    "another answer stored": ("keys_give_one_answer", alter("keys", {"response": "{}"})),
    "a lost key": ("keys_give_one_answer", lose("keys")),
    "an open payment": ("everything_is_final", alter("payments", {"status": "pending"}, status="failed")),
    "a success taken back": ("everything_is_final", alter("payments", {"status": "failed"}, status="success")),
    "an open refund": ("everything_is_final", alter("refunds", {"status": "pending"})),
    "a webhook given up": ("everything_is_final", alter("deliveries", {"status": "failed"})),
    "a job left over": ("everything_is_final", lambda evidence: evidence.jobs.update(pending=1)),
    "an unexplained failure": ("outcomes_are_the_banks", alter("payments", {"error_code": None}, status="failed")),
    "an order paid twice": ("orders_are_paid_once", pay_twice),
    "an unpaid order with a success": ("orders_are_paid_once", alter("orders", {"status": "created"}, status="paid")),
    "refunds that nobody added up": ("refunds_add_up", alter("payments", {"refunded_amount": 0}, captured=True)),
    "refunds of more than was paid": ("refunds_add_up", alter("refunds", {"amount": 2_000_000})),
    "two successes of one payment": ("each_change_is_one_event", repeat("events", event="payment.success")),
    "a refund processed twice": ("each_change_is_one_event", repeat("events", event="refund.processed")),
    "a change without an event": ("each_change_is_one_event", lose("events", event="payment.captured")),
    "a gap in the sequence": ("each_change_is_one_event", alter("events", {"sequence": 99}, event="payment.failed")),
    "an event without a delivery": ("each_event_has_one_delivery", lose("deliveries", event="payment.failed")),
    "an event with two": ("each_event_has_one_delivery", repeat("deliveries", event="refund.created")),
    "a webhook that never arrived": ("deliveries_arrived", never_arrive),
    "other bytes": ("deliveries_arrived", arrive(body=b"{}")),
    "a wrong signature": ("deliveries_arrived", misname),
    "an attempt not recorded": ("deliveries_arrived", lose("attempts")),
    "a wrong counter": ("statistics_are_a_recount", count_too_much),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_promise_is_seen(honest: Evidence, name: str) -> None:
    evidence = honest.copy()
    check, tamper = BROKEN[name]
    assert violations(evidence) == []
    tamper(evidence)
    assert any(found.startswith(f"{check}: ") for found in violations(evidence))
