"""Group commit: alone at once, together under load, and nobody pays for a neighbour's mistake."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kassa.domain.errors import KassaError
from kassa.store.batch import Batch

Flush = Callable[[list[int]], Awaitable[list[int | Exception]]]
WITHIN_S = 10.0


class Recorder:
    """A flush that doubles numbers, keeps what it was given, and can be held up; odd habits by `failure`."""

    def __init__(self, failure: Callable[[list[int]], Exception | None] = lambda _: None) -> None:
        self.groups: list[list[int]] = []
        self.gate = asyncio.Event()
        self.started = asyncio.Event()
        self._failure = failure

    async def __call__(self, items: list[int]) -> list[int | Exception]:
        self.groups.append(items)
        self.started.set()
        await self.gate.wait()
        failure = self._failure(items)
        if failure is not None:
            raise failure
        return [item * 2 for item in items]


async def results(*futures: asyncio.Future[int]) -> list[int | BaseException]:
    """What became of each, within a deadline."""
    async with asyncio.timeout(WITHIN_S):
        return await asyncio.gather(*futures, return_exceptions=True)


async def test_alone_it_goes_at_once() -> None:
    flush = Recorder()
    flush.gate.set()
    batch = Batch(flush)
    for item in (1, 2, 3):
        assert await results(batch.submit(item)) == [item * 2]
    assert flush.groups == [[1], [2], [3]]


async def test_what_arrives_in_one_breath_leaves_together() -> None:
    flush = Recorder()
    flush.gate.set()
    batch = Batch(flush)
    assert await results(*(batch.submit(item) for item in range(5))) == [0, 2, 4, 6, 8]
    assert flush.groups == [[0, 1, 2, 3, 4]]


async def test_what_arrives_during_a_flush_leaves_with_the_next() -> None:
    flush = Recorder()
    batch = Batch(flush)
    first = batch.submit(0)
    await flush.started.wait()
    later = [batch.submit(item) for item in range(1, 6)]
    assert flush.groups == [[0]]
    flush.gate.set()
    assert await results(first, *later) == [0, 2, 4, 6, 8, 10]
    assert flush.groups == [[0], [1, 2, 3, 4, 5]]


async def test_a_flush_takes_at_most_the_limit() -> None:
    flush = Recorder()
    flush.gate.set()
    batch = Batch(flush, limit=2)
    assert await results(*(batch.submit(item) for item in range(5))) == [0, 2, 4, 6, 8]
    assert flush.groups == [[0, 1], [2, 3], [4]]


async def test_one_bad_item_does_not_fail_its_neighbours() -> None:
    flush = Recorder(lambda items: ValueError("three") if 3 in items else None)
    flush.gate.set()
    batch = Batch(flush)
    found = await results(*(batch.submit(item) for item in range(1, 6)))
    assert [str(one) for one in found] == ["2", "4", "three", "8", "10"]
    assert isinstance(found[2], ValueError)
    assert flush.groups == [[1, 2, 3, 4, 5], [1, 2], [3, 4, 5], [3], [4, 5]]


async def test_a_bad_item_that_comes_alone_is_not_tried_twice() -> None:
    flush = Recorder(lambda _: ValueError("bad"))
    flush.gate.set()
    found = await results(Batch(flush).submit(1))
    assert [type(one) for one in found] == [ValueError]
    assert flush.groups == [[1]]


async def test_an_exception_among_the_results_is_that_items_alone() -> None:
    async def flush(items: list[int]) -> list[int | Exception]:
        return [KeyError(item) if item == 2 else item for item in items]

    batch = Batch(flush)
    found = await results(*(batch.submit(item) for item in (1, 2, 3)))
    assert (found[0], type(found[1]), found[2]) == (1, KeyError, 3)


async def test_an_error_of_the_catalogue_goes_to_all_and_nothing_is_tried_again() -> None:
    flush = Recorder(lambda _: KassaError("SERVICE_UNAVAILABLE"))
    flush.gate.set()
    batch = Batch(flush)
    found = await results(*(batch.submit(item) for item in (1, 2, 3)))
    assert [one.code for one in found if isinstance(one, KassaError)] == ["SERVICE_UNAVAILABLE"] * 3
    assert flush.groups == [[1, 2, 3]]


async def test_it_goes_on_after_a_failure() -> None:
    flush = Recorder(lambda items: KassaError("INTERNAL_ERROR") if items == [1] else None)
    flush.gate.set()
    batch = Batch(flush)
    await results(batch.submit(1))
    assert await results(batch.submit(2)) == [4]


@pytest.mark.parametrize("when", ["waiting", "in flight"])
async def test_a_submitter_that_goes_away_takes_nobody_along(when: str) -> None:
    flush = Recorder()
    batch = Batch(flush)
    first = batch.submit(1)
    await flush.started.wait()
    second, third = batch.submit(2), batch.submit(3)
    (first if when == "in flight" else second).cancel()
    flush.gate.set()
    found = await results(first, second, third)
    gone = 0 if when == "in flight" else 1
    assert isinstance(found.pop(gone), asyncio.CancelledError)
    assert found == ([4, 6] if when == "in flight" else [2, 6])
    assert flush.groups == [[1], [2, 3]], "what was submitted is done, whoever still waits for it"


async def test_drain_waits_for_all_of_it() -> None:
    flush = Recorder()
    batch = Batch(flush, limit=1)
    futures = [batch.submit(item) for item in range(3)]
    draining = asyncio.create_task(batch.drain())
    await flush.started.wait()
    assert not draining.done()
    flush.gate.set()
    await asyncio.wait_for(draining, WITHIN_S)
    assert [future.result() for future in futures] == [0, 2, 4]
    await asyncio.wait_for(batch.drain(), WITHIN_S)


@given(st.lists(st.lists(st.integers(-9, 9), max_size=6), max_size=8), st.integers(1, 4))
async def test_every_item_is_flushed_once_in_order_and_gets_its_own_result(
    breaths: list[list[int]], limit: int
) -> None:
    flushed: list[int] = []

    async def flush(items: list[int]) -> list[int | Exception]:
        assert 1 <= len(items) <= limit
        if min(items) < 0 and len(items) > 1:
            raise ValueError
        flushed.extend(items)
        await asyncio.sleep(0)
        return [ValueError(item) if item < 0 else item for item in items]

    batch = Batch(flush, limit)
    futures = []
    for breath in breaths:
        futures += [batch.submit(item) for item in breath]
        await asyncio.sleep(0)
    found = await results(*futures)
    submitted = [item for breath in breaths for item in breath]
    assert flushed == submitted
    assert [one.args[0] if isinstance(one, ValueError) else one for one in found] == submitted
    assert [isinstance(one, ValueError) for one in found] == [item < 0 for item in submitted]
