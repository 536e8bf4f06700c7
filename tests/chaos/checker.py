"""The judge: says everything in which the journals and the tables break a promise of the gateway."""

import hashlib
import hmac
import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from tests.chaos.evidence import Evidence
from tests.chaos.journal import Exchange

WEBHOOK_SECRET = b"whsec_test_abc123"
SILENT_EVENTS = ("payment.captured",)
# What a test value of the simulated bank leads to; any other payment in test mode succeeds.
DECLINES = {"failure@kassa": "PAYMENT_FAILED", "4000000000000002": "card_declined"}
# A whole life, in the order of its sequence numbers.
LIFE = re.compile(
    r"payment\.created payment\.pending"
    r"( payment\.failed| payment\.success( payment\.captured| refund\.created| refund\.processed)*)"
)


def violations(evidence: Evidence) -> list[str]:
    """Every broken promise, in words; empty when all were kept."""
    return [f"{check.__name__}: {found}" for check in CHECKS for found in check(evidence)]


def answers_are_clear(evidence: Evidence) -> Iterator[str]:
    """No answer but a success, a refusal that says why, or 503 SERVICE_UNAVAILABLE."""
    for told in evidence.told:
        if told.status is None or told.status in (200, 201):
            continue
        code = told.json["error"]["code"]
        if (told.status, code) not in ((400, "BAD_REQUEST_ERROR"), (503, "SERVICE_UNAVAILABLE")):
            yield f"{told}"


def acknowledged_exists(evidence: Evidence) -> Iterator[str]:
    """Whatever was answered is in the tables with the very fields that were answered."""
    rows = {table: evidence.by_id(table) for table in ("orders", "payments", "refunds")}
    for told in evidence.told:
        if told.body is None or told.status not in (200, 201):
            continue
        table, fixed = _object_of(told)
        row = rows[table].get(told.json["id"])
        if row is None:
            yield f"{told.json['id']} was acknowledged and is not there"
            continue
        for name in fixed & told.json.keys():
            said, stored = told.json[name], _shown(row[name])
            if said != stored:
                yield f"{told.json['id']} was acknowledged with {name} {said!r} and has {stored!r}"


def nothing_is_there_twice(evidence: Evidence) -> Iterator[str]:
    """There is no payment or refund but the acknowledged ones, and each attempt at an order made at most one."""
    for table in ("payments", "refunds"):
        answered = {t.json["id"] for t in _made(evidence) if _object_of(t)[0] == table}
        if extra := set(evidence.by_id(table)) - answered:
            yield f"{table} that nobody was told of: {sorted(extra)}"
    for receipt, rows in evidence.by("orders", "receipt").items():
        if len(rows) > 1:
            yield f"{len(rows)} orders with the receipt {receipt}, which was sent once"


def keys_give_one_answer(evidence: Evidence) -> Iterator[str]:
    """All who asked with a key got the same bytes, which are those that are stored."""
    by_key: dict[str, list[Exchange]] = defaultdict(list)
    for told in evidence.told:
        if told.key and told.status is not None and told.status < 500:
            by_key[told.key].append(told)
    good = Counter[str]()
    for key, answers in by_key.items():
        won = [told for told in answers if told.status in (200, 201)]
        good.update({told.text for told in won})
        different = {told.text for told in answers if not (won and _was_overtaken(told, won))}
        if len(different) > 1:
            yield f"{key} got {len(different)} answers: {sorted(different)}"
    stored = Counter(row["response"] for row in evidence.tables["keys"])
    if good != stored:
        yield f"answers that are not stored: {good - stored}; stored that nobody got: {stored - good}"


def everything_is_final(evidence: Evidence) -> Iterator[str]:
    """No payment, refund, delivery or job is left open, and what a client saw final stayed so."""
    final = {"payments": ("success", "failed"), "refunds": ("processed",), "deliveries": ("success",)}
    for table, statuses in final.items():
        for row in evidence.tables[table]:
            if row["status"] not in statuses:
                yield f"{table} {row['id']} is {row['status']}"
    payments = evidence.by_id("payments")
    for told in evidence.told:
        if told.body is None and told.status == 200 and told.json["status"] in final["payments"]:
            seen, stored = told.json["status"], payments.get(told.json["id"])
            if stored is None or stored["status"] != seen:
                yield f"{told.json['id']} was seen as {seen} and is {stored and stored['status']}"
    if evidence.jobs["pending"] or evidence.jobs["processing"]:
        yield f"the queue still holds {evidence.jobs}"


def outcomes_are_the_banks(evidence: Evidence) -> Iterator[str]:
    """Each payment ended as the simulated bank decides for what was asked; only another success overrules it."""
    payments, by_order = evidence.by_id("payments"), evidence.by("payments", "order_id")
    for told in _made(evidence):
        payment = payments.get(told.json["id"])
        if payment is None:
            continue  # an order or a refund
        asked = told.body.get("vpa") or told.body["card"]["number"]
        decline = DECLINES.get(asked)
        if payment["status"] == "success":
            right = decline is None and payment["error_code"] is None
        elif payment["error_code"] == "ORDER_ALREADY_PAID":
            right = decline is None and any(p["status"] == "success" for p in by_order[payment["order_id"]])
        else:
            right = decline is not None and payment["error_code"] == decline and bool(payment["error_description"])
        if not right:
            yield f"{payment['id']} by {asked} ended as {payment['status']} {payment['error_code']}"


def orders_are_paid_once(evidence: Evidence) -> Iterator[str]:
    """An order has at most one successful payment, and is `paid` exactly when it has one."""
    by_order = evidence.by("payments", "order_id")
    for order in evidence.tables["orders"]:
        won = [p["id"] for p in by_order.get(order["id"], []) if p["status"] == "success"]
        if len(won) > 1 or (order["status"] == "paid") != bool(won):
            yield f"{order['id']} is {order['status']} with the successes {won}"


def refunds_add_up(evidence: Evidence) -> Iterator[str]:
    """A payment's refunds never exceed it, and it knows their sum; only a successful one has any."""
    by_payment = evidence.by("refunds", "payment_id")
    for payment in evidence.tables["payments"]:
        total = sum(r["amount"] for r in by_payment.get(payment["id"], []))
        if total != payment["refunded_amount"] or total > payment["amount"]:
            yield f"{payment['id']} of {payment['amount']} has refunds of {total}, says {payment['refunded_amount']}"
        if payment["status"] != "success" and (total or payment["captured"]):
            yield f"{payment['id']} is {payment['status']} and has refunds or a capture"


def each_change_is_one_event(evidence: Evidence) -> Iterator[str]:
    """Sequences count from 1 without a gap, along allowed transitions, with one event for each thing that happened."""
    events, refunds = evidence.by("events", "payment_id"), evidence.by("refunds", "payment_id")
    for payment in evidence.tables["payments"]:
        rows = events.get(payment["id"], [])
        names = [row["event"] for row in rows]
        expected = Counter(["payment.created", "payment.pending", f"payment.{payment['status']}"])
        if payment["captured"]:
            expected["payment.captured"] = 1
        for refund in refunds.get(payment["id"], []):
            own = [row["event"] for row in rows if row["refund_id"] == refund["id"]]
            if own != ["refund.created", "refund.processed"]:
                yield f"refund {refund['id']} has the events {own}"
            expected += Counter(["refund.created", "refund.processed"])
        if Counter(names) != expected or not LIFE.fullmatch(" ".join(names)):
            yield f"{payment['id']} has the events {names}, not {sorted(expected.elements())}"
        if [row["sequence"] for row in rows] != list(range(1, payment["last_sequence"] + 1)):
            yield f"{payment['id']} has the sequence {[row['sequence'] for row in rows]}"


def each_event_has_one_delivery(evidence: Evidence) -> Iterator[str]:
    """Each event that merchants are told of has one delivery, whose payload tells of that event."""
    told = Counter((e["payment_id"], e["sequence"], e["event"]) for e in evidence.tables["events"])
    told -= Counter({key: 1 for key in told if key[2] in SILENT_EVENTS})
    logged = Counter((d["payment_id"], d["sequence"], d["event"]) for d in evidence.tables["deliveries"])
    if told != logged:
        yield f"events without a delivery: {told - logged}; deliveries without an event: {logged - told}"
    for delivery in evidence.tables["deliveries"]:
        payload = json.loads(delivery["payload"])
        said = payload["event"], payload["data"]["payment"]["id"], payload["sequence"]
        if said != (delivery["event"], delivery["payment_id"], delivery["sequence"]):
            yield f"delivery {delivery['id']} says {said}"


def deliveries_arrived(evidence: Evidence) -> Iterator[str]:
    """Each delivery arrived at least once, always with its own bytes and a right signature over them."""
    deliveries, attempts = evidence.by_id("deliveries"), evidence.by("attempts", "delivery_id")
    arrived = Counter[str]()
    for one in evidence.received:
        name = one.headers["webhook-id"]
        arrived[name] += 1
        if name not in deliveries:
            yield f"webhook {name} arrived and was never committed"
        elif one.body != deliveries[name]["payload"].encode():
            yield f"webhook {name} arrived with other bytes than are stored: {one.body!r}"
        expected = hmac.new(WEBHOOK_SECRET, one.body, hashlib.sha256).hexdigest()
        if one.headers["X-Webhook-Signature"] != expected:
            yield f"webhook {name} arrived with a wrong signature"
    for name, delivery in deliveries.items():
        recorded = [row["attempt"] for row in attempts.get(name, [])]
        if not arrived[name]:
            yield f"webhook {name} never arrived"
        if sorted(recorded) != list(range(1, delivery["attempts"] + 1)):
            yield f"webhook {name} has the attempts {recorded} and says {delivery['attempts']}"


def statistics_are_a_recount(evidence: Evidence) -> Iterator[str]:
    """The counters say what counting would."""
    payments = evidence.tables["payments"]
    won = [p for p in payments if p["status"] == "success"]
    recount = {
        "payments": len(payments),
        "succeeded": len(won),
        "failed": sum(p["status"] == "failed" for p in payments),
        "volume": sum(p["amount"] for p in won),
        "refunded": sum(r["amount"] for r in evidence.tables["refunds"] if r["status"] == "processed"),
    }
    said = {name: evidence.statistics[name] for name in recount}
    if said != recount:
        yield f"the statistics say {said}, the tables {recount}"


CHECKS: list[Callable[[Evidence], Iterator[str]]] = [
    answers_are_clear,
    acknowledged_exists,
    nothing_is_there_twice,
    keys_give_one_answer,
    everything_is_final,
    outcomes_are_the_banks,
    orders_are_paid_once,
    refunds_add_up,
    each_change_is_one_event,
    each_event_has_one_delivery,
    deliveries_arrived,
    statistics_are_a_recount,
]


def _was_overtaken(told: Exchange, won: list[Exchange]) -> bool:
    """Whether another payment had just paid the order, so that of two who asked at once one came too late.

    A refusal does not use up its key; but once the other one was told of its payment, this answer would be wrong.
    """
    overtaken = told.status == 400 and told.json["error"].get("description") == "Order is already paid"
    return overtaken and all(told.asked_at < other.told_at for other in won)


def _made(evidence: Evidence) -> Iterator[Exchange]:
    return (told for told in evidence.told if told.body is not None and told.status == 201)


def _object_of(told: Exchange) -> tuple[str, set[str]]:
    """The table that a successful POST's object is in, and the fields of its answer that may not change any more."""
    created = {"id", "amount", "currency", "created_at"}
    if told.path.endswith("/capture"):
        return "payments", created | {
            "order_id",
            "status",
            "captured",
            "vpa",
            "card_network",
            "card_last4",
            "updated_at",
        }
    if told.path.endswith("/refunds"):
        return "refunds", created | {"payment_id", "reason"}
    if told.path.endswith("/orders"):
        return "orders", created | {"merchant_id", "receipt", "notes"}
    return "payments", created | {"order_id", "method", "vpa", "card_network", "card_last4"}


def _shown(value: Any) -> Any:
    """A column's value as an answer shows it."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds").removesuffix("+00:00") + "Z"
    return json.loads(value) if isinstance(value, str) and value.startswith("{") else value
