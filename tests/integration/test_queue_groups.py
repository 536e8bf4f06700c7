"""The lease queue's fairness and order in groups, and all of it against a simple model, on real Redis servers."""

from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from kassa.queue import LEASE_MS, Ended, QueueCounts
from kassa.queue.leases import HOLD_MS
from tests.integration.queues import SOON_S, Queue
from tests.live import until


async def test_of_a_group_only_so_many_are_leased(redis: "Redis") -> None:
    queue = Queue(redis, most_per_group=2)
    await queue.add_due("g/1/x", "g/2/x", "g/3/x", "g/4/x")
    lease = await queue.claim(10)
    assert lease.members == ["g/1/x", "g/2/x"]
    assert await queue.claimed() == []
    await queue.done([Ended("g/1/x", lease.ends)])
    assert await queue.claimed() == ["g/3/x"]
    assert await queue.counts() == QueueCounts(1, 2, 1, 0)


async def test_of_a_quick_group_more_are_leased(redis: "Redis") -> None:
    queue = Queue(redis, most_per_group=2)
    await queue.add_due(*(f"{group}/{number}/x" for group in ("g", "quick") for number in range(1, 5)))
    lease = await queue.claim(10, ["quick"], 3)
    assert sorted(lease.members) == ["g/1/x", "g/2/x", "quick/1/x", "quick/2/x", "quick/3/x"]
    assert (await queue.claim(10, ["quick"], 3)).members == []


async def test_of_a_lane_one_at_a_time_in_order(redis: "Redis") -> None:
    queue = Queue(redis, most_per_group=10)
    now = await queue.now_ms()
    await queue.add([("g/pay/000003/z", now - 2), ("g/pay/000001/y", now - 2), ("g/pay/000002/x", now - 2)])
    await queue.add([("g/other/000001/w", now - 1)])
    first = await queue.claim(10)
    assert first.members == ["g/pay/000001/y", "g/other/000001/w"]
    for expected in ("g/pay/000002/x", "g/pay/000003/z"):
        assert await queue.claimed() == []
        await queue.done([Ended(member, first.ends) for member in first.members])
        first = await queue.claim(10)
        assert first.members == [expected]


async def test_one_that_is_put_back_keeps_its_place_in_the_lane(redis: "Redis") -> None:
    queue = Queue(redis, most_per_group=10)
    await queue.add_due("g/pay/1/a", "g/pay/2/b")
    lease = await queue.claim(10)
    await queue.done([Ended("g/pay/1/a", lease.ends, 1)])
    assert await queue.claimed() == ["g/pay/1/a"]


async def test_a_slow_group_does_not_hold_up_another(redis: "Redis") -> None:
    queue = Queue(redis, most_per_group=50)
    await queue.add_due(*(f"slow/{number}/x" for number in range(10_000)))
    assert len(await queue.claimed(400)) == 50
    await queue.add_due("quick/1/x")
    assert await queue.claimed(400) == ["quick/1/x"]
    assert await queue.counts() == QueueCounts(9_950, 51, 0, 0)


async def test_many_blocked_groups_do_not_hold_up_another(redis: "Redis") -> None:
    queue = Queue(redis, most_per_group=1)
    await queue.add_due(*(f"slow{number:03d}/{part}/x" for number in range(300) for part in range(2)))
    assert len(await queue.claimed(1_000)) == 300
    await queue.add_due("quick/1/x")

    async def claimed() -> list[str]:
        return await queue.claimed(10)

    assert await until(claimed, "the quick one's turn", SOON_S) == ["quick/1/x"]


@pytest.mark.parametrize("swept", [False, True])
async def test_a_group_that_had_its_turn_goes_behind_one_that_waits(redis: "Redis", swept: bool) -> None:
    queue = Queue(redis, most_per_group=1)
    long_ago = await queue.now_ms() - 60_000
    await queue.add([(f"{group}/{number}/x", long_ago) for group in "ab" for number in (1, 2)])
    lease = await queue.claim(10)
    assert lease.members == ["a/1/x", "b/1/x"]

    await queue.add_due("new/1/x")
    await queue.finish(lease)
    if swept:
        await queue.add([("a/2/x", long_ago)])

    assert await queue.claimed(1) == ["new/1/x"]
    assert sorted(await queue.claimed()) == ["a/2/x", "b/2/x"]


async def test_a_group_that_fills_a_claim_has_had_its_turn(redis: "Redis") -> None:
    queue = Queue(redis, most_per_group=5)
    long_ago = await queue.now_ms() - 60_000
    await queue.add([(f"a/{number}/x", long_ago) for number in range(3)])
    await queue.add([("new/1/x", long_ago + 1)])
    assert await queue.claimed(1) == ["a/0/x"]
    assert await queue.claimed(1) == ["new/1/x"]
    assert await queue.claimed(1) == ["a/1/x"]


async def test_a_group_that_was_full_goes_on_when_a_lease_of_it_runs_out(redis: "Redis") -> None:
    queue = Queue(redis, most_per_group=1)
    await queue.add_due("g/1/x", "g/2/x")
    assert await queue.claimed() == ["g/1/x"]
    assert (await queue.claim(10)).wait_ms in range(HOLD_MS + 1)
    await queue.run_out("g/1/x")

    async def claimed() -> list[str]:
        return await queue.claimed()

    assert (await until(claimed, "its turn", SOON_S))[0] in ("g/1/x", "g/2/x")


async def test_a_claim_reads_no_leases_of_groups_that_it_does_not_look_at(redis: "Redis") -> None:
    queue = Queue(redis, most_per_group=2)
    await queue.add_due(*(f"g{number}/1/x" for number in range(100)))
    assert len(await queue.claimed()) == 100
    await queue.add_due("g/1/x", "g/2/x", "g/3/x")

    async with redis.monitor() as monitor:
        assert await queue.claimed() == ["g/1/x", "g/2/x"]
        await redis.echo("over")
        commands = []
        while (command := (await monitor.next_command())["command"]) != "ECHO over":
            commands.append(command.split())

    of_all_leases = [command[0] for command in commands if command[1:2] == [queue.leased_key]]
    assert of_all_leases == ["ZRANGEBYSCORE", "ZADD"], "what has run out, and what was claimed"


async def test_a_lease_that_was_left_behind_blocks_its_group_for_no_more_than_a_minute(redis: "Redis") -> None:
    queue = Queue(redis, most_per_group=1)
    await queue.add_due("g/1/x", "g/2/x")
    lease = await queue.claim(10)
    await redis.zrem(queue.leased_key, *lease.members)
    assert await queue.claimed() == []

    await redis.zadd(f"{queue.leased_key}:g", {"g/1/x": lease.ends - 70_001})
    await queue.add_due("g/0/x")

    async def claimed() -> list[str]:
        return await queue.claimed()

    assert (await until(claimed, "the next one's turn", SOON_S)) in (["g/0/x"], ["g/2/x"])


class Model:
    """What the queue should be, in a few lines of Python: when each member is due, and until when it is leased."""

    def __init__(self) -> None:
        self.due: dict[str, int] = {}
        self.leased: dict[str, int] = {}
        self.completed = self.failed = 0

    def add(self, member: str, due: int) -> None:
        """Unless leased; the earlier time wins."""
        if member not in self.leased:
            self.due[member] = min(due, self.due.get(member, due))

    def claim(self, limit: int, ends: int) -> list[str]:
        """What ran out is due now; the earliest are leased."""
        now = ends - LEASE_MS
        for member in [member for member, until_ms in self.leased.items() if until_ms <= now]:
            del self.leased[member]
            self.add(member, now)
        ready = sorted((due, member) for member, due in self.due.items() if due <= now)[:limit]
        for _, member in ready:
            del self.due[member]
            self.leased[member] = ends
        return [member for _, member in ready]

    def done(self, one: Ended) -> None:
        """Only who holds the lease can end it."""
        if self.leased.get(one.member) != one.lease_ends:
            return
        del self.leased[one.member]
        if one.due_ms is not None:
            self.add(one.member, one.due_ms)
        elif one.failed:
            self.failed += 1
        else:
            self.completed += 1


members = st.sampled_from("abcdef")
# Long ago, in an order of its own, or long from now.
dues = st.integers(1_000, 1_020) | st.integers(10**14, 10**14 + 20)
operations = st.one_of(
    st.tuples(st.just("add"), members, dues),
    st.tuples(st.just("claim"), st.integers(1, 4)),
    st.tuples(st.just("done"), st.integers(0), st.none() | dues, st.booleans()),
    st.tuples(st.just("run out"), members),
)


@settings(max_examples=200)
@given(st.lists(operations, max_size=25))
async def test_it_does_what_a_simple_model_does(redis: "Redis", steps: list[tuple[Any, ...]]) -> None:
    queue, model = Queue(redis), Model()
    held: list[Ended] = []  # also of leases that are long over
    for kind, *arguments in steps:
        if kind == "add":
            await queue.add([(arguments[0], arguments[1])])
            model.add(*arguments)
        elif kind == "claim":
            lease = await queue.claim(arguments[0])
            assert lease.members == model.claim(arguments[0], lease.ends)
            held += [Ended(member, lease.ends) for member in lease.members]
            waits = min(model.due.values(), default=None)
            assert lease.wait_ms == (-1 if waits is None else max(0, waits - (lease.ends - LEASE_MS)))
        elif kind == "done" and held:
            one = held[arguments[0] % len(held)]._replace(due_ms=arguments[1], failed=arguments[2])
            await queue.done([one])
            model.done(one)
        elif kind == "run out" and arguments[0] in model.leased:
            await queue.run_out(*arguments)
            model.leased[arguments[0]] = 1
        assert await queue.counts() == (len(model.due), len(model.leased), model.completed, model.failed)
        assert await queue.leases() == model.leased


lanes = st.lists(st.tuples(st.sampled_from("gh"), st.sampled_from("pq"), st.integers(0, 9)), unique=True, max_size=20)


@settings(max_examples=200)
@given(lanes, st.integers(1, 3), st.integers(1, 5), st.randoms(use_true_random=True))
async def test_in_groups_everything_is_done_once_in_order_and_never_too_much_at_once(
    redis: "Redis", added: list[tuple[str, str, int]], most: int, limit: int, chance: Random
) -> None:
    queue = Queue(redis, most)
    await queue.add([("/".join(map(str, one)), 1_000) for one in added])
    held: list[Ended] = []
    finished: list[str] = []
    while len(finished) < len(added):
        lease = await queue.claim(limit)
        held += [Ended(member, lease.ends) for member in lease.members]
        assert held, "stuck"
        assert max(Counter(one.member[:1] for one in held).values()) <= most
        assert max(Counter(one.member[:3] for one in held).values()) == 1
        chance.shuffle(held)
        ended = [held.pop() for _ in range(chance.randint(1, len(held)))]
        await queue.done(ended)
        finished += [one.member for one in ended]
    assert sorted(finished) == sorted("/".join(map(str, one)) for one in added)
    for lane in {member[:3] for member in finished}:
        in_lane = [member for member in finished if member[:3] == lane]
        assert in_lane == sorted(in_lane)
    assert await queue.counts() == QueueCounts(0, 0, len(added), 0)
