"""A thousand random courses of payments per provider, told of in any order and more than once, all end as they must."""

import asyncio
import json
import os
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

import pytest
from tests.providers.cases import Case
from tests.providers.inside import AMOUNT, Inside, inside_of

from kassa.actions.create_order import create_order
from kassa.actions.look_at_payment import look_at_payment
from kassa.actions.open_session import Asked, open_session
from kassa.actions.take_notification import take_notification
from kassa.providers.base import Credentials

SEQUENCES = 1_000
AT_ONCE = 8
# What the payer and the bank may do from where a session is, as weights; money that comes late needs an end before.
STEPS: dict[str, dict[str, int]] = {
    "open": {"pay": 4, "decline": 2, "pay_async": 3, "expire": 2, "nothing": 1},
    "processing": {"async_succeed": 3, "async_fail": 2, "nothing": 1},
    "ended": {"pay_late": 1, "nothing": 3},
    "paid": {},
}
LEADS_TO = {
    "pay": "paid", "decline": "open", "pay_async": "processing", "expire": "ended", "async_succeed": "paid",
    "async_fail": "ended", "pay_late": "paid",
}  # fmt: skip


class Told(NamedTuple):
    """A notification as it goes over the wire, and the id under which it is kept."""

    headers: dict[str, str]
    body: bytes
    event_id: str


@dataclass
class Sequence:
    """One order, the payments that were begun for it, how each went, and what there is to tell of it."""

    order_id: str
    ends: dict[str, str] = field(default_factory=dict)
    told: list[Told] = field(default_factory=list)

    @property
    def paid(self) -> list[str]:
        """The payments for which there is money."""
        return [payment_id for payment_id, end in self.ends.items() if end == "paid"]


@pytest.fixture(scope="module")
async def stand(case: Case) -> AsyncIterator[Inside]:
    """A gateway in this process: the test says what is applied when."""
    async with inside_of(case) as one:
        yield one


async def begun(case: Case, stand: Inside, seed: int) -> Sequence:
    """An order with one payment, sometimes two, each gone a random course at the provider."""
    chance = random.Random(seed)
    made = await create_order(stand.gateway, stand.merchant.id, amount=AMOUNT, currency="USD", receipt=None, notes=None)
    sequence = Sequence(json.loads(made.body)["id"])
    for _ in range(2 if chance.random() < 0.3 else 1):
        answer = await open_session(
            stand.gateway, stand.merchant, Asked(order_id=sequence.order_id, provider=case.under.name), None
        )
        payment_id = json.loads(answer.body)["payment_id"]
        sequence.ends[payment_id] = await course(case, payment_id, chance)
    return sequence


async def course(case: Case, payment_id: str, chance: random.Random) -> str:
    """Let a payment go a random way at its provider; returns where it is then."""
    at = "open"
    while choices := STEPS[at]:
        [outcome] = chance.choices(list(choices), list(choices.values()))
        if outcome == "nothing":
            break
        status, _, text = await case.sandbox.request(
            "POST", "/control/outcome",
            json={"provider": case.under.name, "session": payment_id, "outcome": outcome},
        )  # fmt: skip
        # Not every provider knows every way.
        if status == 409:
            break
        assert status == 200, text
        at = LEADS_TO[outcome]
    return at


async def tell(stand: Inside, provider: str, sequence: Sequence, chance: random.Random) -> None:
    """Tell all of it in any order, some of it more than once, and some again when all is over.

    Now and then the reconciler comes in between, and learns from the provider what some notification will say too.
    """
    told = sequence.told
    again = [one for one in told for _ in range(chance.randint(1, 3))]
    chance.shuffle(again)
    again += chance.sample(told, len(told) // 3)
    for one in again:
        await take_notification(stand.gateway, provider, None, one.headers, one.body)
        for _ in range(chance.randint(0, 1)):
            await stand.apply(one.event_id)
        if chance.random() < 0.1:
            await look_at_payment(stand.gateway, chance.choice(list(sequence.ends)))
    # Whatever a job did not come to, another comes to.
    for one in told:
        await stand.apply(one.event_id)


End = tuple[str, bool, int, int]
NOTHING_CAME: End = ("failed", False, 0, 0)


def expected(provider: str, sequence: Sequence, statuses: dict[str, str]) -> dict[str, set[End]]:
    """Of each payment: its status, whether it goes back, how often it succeeded, and how often it was charged.

    Written from what happened at the provider alone. Of two payments with money for one order either may have won.
    What is still open then may have been ended, and who only agreed to pay, which is PayPal's way, not been charged.
    """
    found: dict[str, set[End]] = {}
    winner = next((one for one in sequence.paid if statuses[one] == "success"), None)
    for payment_id, end in sequence.ends.items():
        if end == "paid" and payment_id == winner:
            found[payment_id] = {("success", False, 1, 1)}
        elif end == "paid":
            found[payment_id] = {("failed", True, 0, 1)} | ({NOTHING_CAME} if provider == "paypal" else set())
        elif end == "ended":
            found[payment_id] = {NOTHING_CAME}
        else:
            found[payment_id] = {("pending", False, 0, 0)} | ({NOTHING_CAME} if winner else set())
    return found


async def test_a_second_payment_that_goes_back_fails_once_however_often_it_is_told_of(
    case: Case, stand: Inside
) -> None:
    since = len(await case.notifications())
    made = await create_order(stand.gateway, stand.merchant.id, amount=AMOUNT, currency="USD", receipt=None, notes=None)
    sequence = Sequence(json.loads(made.body)["id"])
    asked = Asked(order_id=sequence.order_id, provider=case.under.name)
    for _ in range(2):
        answer = await open_session(stand.gateway, stand.merchant, asked, None)
        sequence.ends[json.loads(answer.body)["payment_id"]] = "paid"
    for payment_id in sequence.ends:
        await case.control("outcome", session=payment_id, outcome="pay")
    await give(case, stand, [sequence], since)

    for one in sequence.told * 2:
        await take_notification(stand.gateway, case.under.name, None, one.headers, one.body)
        await stand.apply(one.event_id)

    rows = await stand.gateway.database.fetch(
        "SELECT event, count(*) FROM payment_events WHERE payment_id = ANY($1) GROUP BY 1", list(sequence.ends)
    )
    assert dict(rows) == {"payment.created": 2, "payment.pending": 2, "payment.success": 1, "payment.failed": 1}


async def test_any_course_told_in_any_way_ends_as_it_must(case: Case, stand: Inside) -> None:
    seed = int(os.environ.get("KASSA_SEQUENCES_SEED") or random.SystemRandom().randrange(10**9))
    print(f"KASSA_SEQUENCES_SEED={seed}")
    since = len(await case.notifications())
    provider, turns = case.under.name, asyncio.Semaphore(AT_ONCE)

    async def begin(number: int) -> Sequence:
        async with turns:
            return await begun(case, stand, seed + number)

    sequences = await asyncio.gather(*(begin(number) for number in range(SEQUENCES)))
    await give(case, stand, sequences, since)

    async def told(number: int) -> None:
        async with turns:
            await tell(stand, provider, sequences[number], random.Random(-seed - number))

    await asyncio.gather(*(told(number) for number in range(SEQUENCES)))

    await check(case, stand, sequences)


async def give(case: Case, stand: Inside, sequences: list[Sequence], since: int) -> None:
    """Put the provider's notifications to the sequences that they speak of."""
    refs = await stand.gateway.database.fetch("SELECT provider_ref, payment_id FROM checkout_sessions")
    by_ref = {row[0]: row[1] for row in refs}
    by_payment = {payment_id: one for one in sequences for payment_id in one.ends}
    account = Credentials(case.credentials.key, case.credentials.secret, case.credentials.webhook_secret, False)
    for row in await case.notifications(since):
        body = row["body"].encode()
        notice = await case.provider.verify(row["headers"], body, account, datetime.now(UTC))
        payment_id = notice.payment_id or by_ref.get(notice.provider_ref or "")
        if payment_id in by_payment:
            by_payment[payment_id].told.append(Told(row["headers"], body, notice.event_id))


async def check(case: Case, stand: Inside, sequences: list[Sequence]) -> None:
    """Hold our books and the provider's against what must be."""
    database = stand.gateway.database
    rows = await database.fetch("SELECT id, status, amount, return_due_at IS NOT NULL FROM payments")
    ours = {row[0]: row for row in rows}
    events: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for payment_id, number, event in await database.fetch(
        "SELECT payment_id, sequence, event FROM payment_events ORDER BY payment_id, sequence"
    ):
        events[payment_id].append((number, event))
    orders = dict(await database.fetch("SELECT id, status FROM orders"))
    books = await case.sandbox.get(f"/control/books/{case.under.name}")
    charges = Counter(row["payment_id"] for row in books["charges"])
    returned = Counter(row["payment_id"] for row in books["refunds"])
    assert {row["amount"] for row in books["charges"] if row["payment_id"] in ours} == {AMOUNT}
    courses: Counter[str] = Counter()
    for sequence in sequences:
        statuses = {payment_id: ours[payment_id][1] for payment_id in sequence.ends}
        for payment_id, possible in expected(case.under.name, sequence, statuses).items():
            numbers = [number for number, _ in events[payment_id]]
            named = Counter(event for _, event in events[payment_id])
            found = (statuses[payment_id], bool(ours[payment_id][3]), named["payment.success"], charges[payment_id])
            assert found in possible, (found, case.under.name, payment_id, sequence)
            assert returned[payment_id] <= found[1], "money goes back once, and only what came for nothing"
            assert numbers == list(range(1, len(numbers) + 1)), (payment_id, numbers)
            assert (named["payment.created"], named["payment.pending"]) == (1, 1), named
            # A late success may follow on a failure; and so may the word that its money goes back.
            failures = {"success": (0, 1), "failed": (1, 1 + found[1]), "pending": (0, 0)}[found[0]]
            assert named["payment.failed"] in failures, (payment_id, named)
            courses[sequence.ends[payment_id]] += 1
        won = [one for one in sequence.ends if statuses[one] == "success"]
        assert len(won) == min(len(sequence.paid), 1), sequence
        assert orders[sequence.order_id] == ("paid" if sequence.paid else "created"), sequence
    # The courses were worth the trouble: all ways to end are among them, and orders that were paid twice.
    assert min(courses[end] for end in ("open", "paid", "ended")) > SEQUENCES / 20, courses
    assert sum(len(one.paid) == 2 for one in sequences) > SEQUENCES / 50
