"""Sends a stand-in's notifications, as badly as a test asks for: twice, late, in another order, or not at all."""

import asyncio
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import msgspec

TIMEOUT_S = 10
# A gateway that restarts is told when it is back.
RETRY_AFTER_S = (1, 2, 4, 8)


class Policy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How notifications are sent from now on: how many copies, how late, not at all, or held until released."""

    copies: int = 1
    delay_ms: int = 0
    drop: bool = False
    hold: bool = False


@dataclass
class Notification:
    """One notification, and how its receiver answered each attempt."""

    id: str
    type: str
    body: bytes
    answers: list[int | str] = field(default_factory=list)


class Sender:
    """One provider's notifications to one URL, each attempt signed anew by `sign(body, at)`."""

    def __init__(self, url: str | None, sign: Callable[[bytes, int], dict[str, str]]) -> None:
        self._url = url
        self._sign = sign
        self._under_way: set[asyncio.Task[None]] = set()
        self.policy = Policy()
        self.journal: list[Notification] = []
        self.held: list[Notification] = []

    def send(self, one: Notification) -> None:
        """Send it as the policy says."""
        self.journal.append(one)
        if self.policy.drop or self._url is None:
            return
        if self.policy.hold:
            self.held.append(one)
            return
        for _ in range(self.policy.copies):
            self._start(self._deliver(one, self.policy.delay_ms / 1000))

    def release(self, order: str, seed: int) -> int:
        """Send what was held, one after the other: as `sent`, `reversed` or `shuffled`; returns how many."""
        waiting, self.held = self.held, []
        if order == "reversed":
            waiting.reverse()
        elif order == "shuffled":
            random.Random(seed).shuffle(waiting)  # noqa: S311 - repeatable by its seed
        self._start(self._deliver_all(waiting))
        return len(waiting)

    def rows(self) -> list[dict[str, Any]]:
        """All notifications so far, each with headers that are signed now."""
        now = int(time.time())
        return [
            {"id": one.id, "type": one.type, "body": one.body.decode(), "headers": self._sign(one.body, now),
             "answers": one.answers}
            for one in self.journal
        ]  # fmt: skip

    def reset(self) -> None:
        """Forget everything, and send nothing that is still to be sent."""
        for task in self._under_way:
            task.cancel()
        self.policy, self.journal, self.held = Policy(), [], []

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _deliver_all(self, waiting: list[Notification]) -> None:
        for one in waiting:
            await self._deliver(one, 0)

    async def _deliver(self, one: Notification, delay_s: float) -> None:
        assert self._url is not None
        for wait_s in (delay_s, *RETRY_AFTER_S):
            await asyncio.sleep(wait_s)
            headers = {"Content-Type": "application/json", **self._sign(one.body, int(time.time()))}
            try:
                async with (
                    aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as session,
                    session.post(self._url, data=one.body, headers=headers) as response,
                ):
                    one.answers.append(response.status)
                    if response.status < 300:
                        return
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                one.answers.append(type(error).__name__)
