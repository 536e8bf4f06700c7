"""Group commit: concurrent requests leave together as one statement in one transaction."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from kassa.domain.errors import KassaError

T = TypeVar("T")
R = TypeVar("R")


class Batch(Generic[T, R]):
    """While one flush is under way, submissions queue up and leave with the next one.

    Without load a submission goes alone at once; under load the batch grows by itself, with no timer to tune.
    `flush` takes the items and returns a result for each, in order; a result that is an exception is raised
    to that item's submitter alone. A KassaError from the flush itself goes to all of them. When a flush of several
    items fails in any other way, its halves are tried again, so one bad item can neither fail its neighbours nor make
    each of them a transaction of its own.
    """

    def __init__(self, flush: Callable[[list[T]], Awaitable[list[R | Exception]]], limit: int = 500) -> None:
        self._flush = flush
        self._limit = limit
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._running: asyncio.Task[None] | None = None

    def submit(self, item: T) -> asyncio.Future[R]:
        """Queue `item`; the future is done when it is committed."""
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return future

    async def drain(self) -> None:
        """Wait until everything submitted so far is done."""
        if self._running is not None:
            await self._running

    async def _run(self) -> None:
        while self._waiting:
            taken, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
            results = await self._results([item for item, _ in taken])
            for (_, future), result in zip(taken, results, strict=True):
                if future.done():  # its submitter has gone away
                    continue
                if isinstance(result, Exception):
                    future.set_exception(result)
                else:
                    future.set_result(result)
        self._running = None

    async def _results(self, items: list[T]) -> list[R | Exception]:
        try:
            return await self._flush(items)
        except Exception as error:
            if len(items) == 1 or isinstance(error, KassaError):
                return [error] * len(items)
        middle = len(items) // 2
        return [*await self._results(items[:middle]), *await self._results(items[middle:])]
