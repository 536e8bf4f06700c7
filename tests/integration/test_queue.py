"""The lease queue on real Redis servers: nothing is lost, nothing is done twice, and nobody waits for another."""

import asyncio

import pytest
from redis.asyncio import Redis

from kassa.queue import LEASE_MS, Ended, Presence, QueueCounts
from kassa.queue.presence import ALIVE_MS
from tests.integration.queues import SOON_S, Queue

HOUR_MS = 3_600_000


async def test_what_is_added_is_claimed_and_done(redis: "Redis") -> None:
    queue = Queue(redis)
    assert await queue.counts() == QueueCounts(0, 0, 0, 0)
    await queue.add_due("a", "b")
    assert await queue.counts() == QueueCounts(2, 0, 0, 0)
    lease = await queue.claim(10)
    assert lease.members == ["a", "b"]
    assert await queue.counts() == QueueCounts(0, 2, 0, 0)
    await queue.done([Ended("a", lease.ends), Ended("b", lease.ends, failed=True)])
    assert await queue.counts() == QueueCounts(0, 0, 1, 1)
    assert await queue.claimed() == []


async def test_a_lease_lasts_as_long_as_promised_by_the_clock_of_redis(redis: "Redis") -> None:
    queue = Queue(redis)
    before = await queue.now_ms()
    lease = await queue.claim(1)
    assert before + LEASE_MS <= lease.ends <= await queue.now_ms() + LEASE_MS


async def test_nothing_is_claimed_before_it_is_due(redis: "Redis") -> None:
    queue = Queue(redis)
    due = await queue.now_ms() + HOUR_MS
    await queue.add([("later", due)])
    lease = await queue.claim(10)
    assert lease.members == []
    assert lease.wait_ms == due - (lease.ends - LEASE_MS)
    assert await queue.counts() == QueueCounts(1, 0, 0, 0)


async def test_an_empty_queue_has_nothing_to_wait_for(redis: "Redis") -> None:
    lease = await Queue(redis).claim(10)
    assert (lease.members, lease.wait_ms) == ([], -1)


async def test_a_claim_takes_the_earliest_up_to_its_limit(redis: "Redis") -> None:
    queue = Queue(redis)
    await queue.add_due("c", "a", "b", "d")
    assert await queue.claimed(3) == ["c", "a", "b"]
    assert await queue.claimed(3) == ["d"]


async def test_more_than_one_call_may_hold_are_added_all_the_same(redis: "Redis") -> None:
    queue = Queue(redis)
    await queue.add_due(*(f"{number:04d}" for number in range(2_500)))
    assert (await queue.counts()).pending == 2_500
    assert await queue.claimed(3_000) == [f"{number:04d}" for number in range(2_500)]


async def test_adding_what_waits_or_is_leased_changes_nothing(redis: "Redis") -> None:
    queue = Queue(redis)
    await queue.add_due("a")
    await queue.add_due("a")
    assert await queue.counts() == QueueCounts(1, 0, 0, 0)
    lease = await queue.claim(10)
    await queue.add_due("a")
    assert await queue.counts() == QueueCounts(0, 1, 0, 0)
    assert await queue.claimed() == []
    await queue.finish(lease)
    assert await queue.claimed() == []


async def test_the_earlier_of_two_times_wins(redis: "Redis") -> None:
    queue = Queue(redis)
    now = await queue.now_ms()
    await queue.add([("sooner", now + HOUR_MS), ("later", now - 5)])
    await queue.add([("sooner", now - 9), ("later", now + HOUR_MS)])
    assert await queue.claimed() == ["sooner", "later"]


async def test_a_lease_that_runs_out_brings_its_work_back(redis: "Redis") -> None:
    queue = Queue(redis)
    await queue.add_due("a", "b")
    assert await queue.claimed() == ["a", "b"]
    await queue.run_out("a")
    assert await queue.claimed() == ["a"]
    assert await queue.counts() == QueueCounts(0, 2, 0, 0)


@pytest.mark.parametrize("again", [False, True])
async def test_a_worker_that_comes_late_changes_nothing(redis: "Redis", again: bool) -> None:
    queue = Queue(redis)
    await queue.add_due("a")
    stalled = await queue.claim(1)
    await queue.run_out("a")
    fresh = await queue.claim(1)
    late = Ended("a", stalled.ends - 1, stalled.ends if again else None)
    await queue.done([late])
    assert await queue.counts() == QueueCounts(0, 1, 0, 0)
    await queue.finish(fresh)
    await queue.done([late])
    assert await queue.counts() == QueueCounts(0, 0, 1, 0)
    assert await queue.claimed() == []


async def test_what_is_put_back_is_due_again_and_not_counted(redis: "Redis") -> None:
    queue = Queue(redis)
    await queue.add_due("now", "later")
    lease = await queue.claim(10)
    now = lease.ends - LEASE_MS
    await queue.done([Ended("now", lease.ends, now), Ended("later", lease.ends, now + HOUR_MS, failed=True)])
    assert await queue.counts() == QueueCounts(2, 0, 0, 0)
    assert await queue.claimed() == ["now"]


async def test_who_waits_is_woken_by_earlier_work_only(redis: "Redis") -> None:
    queue = Queue(redis)
    now = await queue.now_ms()
    await queue.add([("a", now + HOUR_MS)])
    assert await queue.wakes_up()
    await queue.add([("b", now + 2 * HOUR_MS), ("a", now + HOUR_MS)])
    assert not await queue.wakes_up()
    waiting = asyncio.create_task(queue.wait(10 * SOON_S))
    await queue.add_due("c")
    await asyncio.wait_for(waiting, SOON_S)
    assert await queue.claimed() == ["c"]


async def test_a_claim_that_left_something_due_wakes_the_next(redis: "Redis") -> None:
    queue = Queue(redis)
    await queue.add_due("a", "b")
    assert await queue.wakes_up()
    lease = await queue.claim(1)
    assert lease.wait_ms == 0
    await asyncio.wait_for(queue.wait(10 * SOON_S), SOON_S)
    assert await queue.claimed(1) == ["b"]
    assert not await queue.wakes_up()


async def test_putting_back_what_is_due_at_once_wakes_somebody(redis: "Redis") -> None:
    queue = Queue(redis)
    await queue.add_due("a")
    lease = await queue.claim(1)
    await queue.wakes_up()
    await queue.done([Ended("a", lease.ends, 1)])
    assert await queue.wakes_up()


async def test_without_work_waiting_ends_by_itself(redis: "Redis") -> None:
    await asyncio.wait_for(Queue(redis).wait(0.01), SOON_S)


async def test_wake_ups_do_not_pile_up(redis: "Redis") -> None:
    queue = Queue(redis)
    for number in range(5):
        await queue.add([("a", 100 - number)])
    assert await queue.wakes_up()
    assert not await queue.wakes_up()


async def test_queues_are_apart(redis: "Redis") -> None:
    one, other = Queue(redis), Queue(redis)
    await one.add_due("a")
    assert await other.claimed() == []
    assert await one.claimed() == ["a"]


@pytest.mark.parametrize("command", ["FLUSHALL", "SCRIPT FLUSH"])
async def test_a_wiped_redis_is_as_good_as_a_new_one(redis: "Redis", command: str) -> None:
    queue = Queue(redis)
    await queue.add_due("a", "b")
    lease = await queue.claim(1)
    wiped = command == "FLUSHALL"
    await (redis.flushall() if wiped else redis.script_flush())
    await queue.done([Ended("a", lease.ends, 1)])
    assert (await queue.counts()).pending == (0 if wiped else 2)
    await queue.add_due("a", "b")
    assert sorted(await queue.claimed()) == ["a", "b"]


async def test_a_worker_is_alive_while_it_beats(redis: "Redis") -> None:
    await redis.flushall()
    presence = Presence(redis)
    assert await presence.alive() == []
    now = await presence.beat("host:1")
    await presence.beat("host:2")
    assert sorted(await presence.alive()) == ["host:1", "host:2"]
    await redis.zadd("kassa:workers", {"host:1": now - ALIVE_MS - 60_000})
    assert await presence.alive() == ["host:2"]
    await presence.beat("host:1")
    assert sorted(await presence.alive()) == ["host:1", "host:2"]
    await presence.leave("host:2")
    assert await presence.alive() == ["host:1"]


async def test_the_mark_of_a_filled_queue_goes_with_the_queue(redis: "Redis") -> None:
    presence = Presence(redis)
    await redis.flushall()
    assert not await presence.filled()
    await presence.begin_filling("host:1")
    assert not await presence.filled()
    assert await presence.mark_filled("host:1")
    assert await presence.filled()
    await redis.flushall()
    assert not await presence.filled()


async def test_a_queue_that_is_wiped_while_it_is_filled_is_not_marked(redis: "Redis") -> None:
    presence = Presence(redis)
    await redis.flushall()
    await presence.begin_filling("host:1")
    await redis.flushall()
    await presence.begin_filling("host:2")
    assert not await presence.mark_filled("host:1")
    assert not await presence.filled()
    assert await presence.mark_filled("host:2")
    assert await presence.filled()
