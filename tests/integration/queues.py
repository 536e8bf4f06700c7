"""A lease queue of a test's own."""

from itertools import count
from typing import Any

from redis.asyncio import Redis

from kassa.queue import Ended, Lease, LeaseQueue

SOON_S = 10.0
NAMES = (f"test-{number}" for number in count())


class Queue(LeaseQueue):
    """A new queue, with what only a test may do to it."""

    def __init__(self, client: "Redis", most_per_group: int = 0) -> None:
        super().__init__(client, next(NAMES), most_per_group)
        self.client = client
        self.leased_key, self.wake_key = f"kassa:{self.name}:leased", f"kassa:{self.name}:wake"

    async def now_ms(self) -> int:
        """The time by Redis's clock."""
        seconds, micros = await self.client.time()
        return int(seconds) * 1000 + int(micros) // 1000

    async def add_due(self, *members: str) -> None:
        """Add members that are due already, in this order."""
        now = await self.now_ms()
        await self.add([(member, now - len(members) + place) for place, member in enumerate(members)])

    async def claimed(self, limit: int = 100) -> list[str]:
        """The members of a claim."""
        return (await self.claim(limit)).members

    async def finish(self, lease: Lease) -> None:
        """End a whole lease well."""
        await self.done([Ended(member, lease.ends) for member in lease.members])

    async def run_out(self, *members: str) -> None:
        """Let leases end now, as if LEASE_MS had passed."""
        await self.client.zadd(self.leased_key, dict.fromkeys(members, 1), xx=True)

    async def leases(self) -> dict[str, int]:
        """Which members are leased, and until when."""
        found: list[Any] = await self.client.zrange(self.leased_key, 0, -1, withscores=True)
        return {member.decode(): int(ends) for member, ends in found}

    async def wakes_up(self) -> bool:
        """Whether somebody who waits would be woken; takes the wake-up."""
        return await self.client.lpop(self.wake_key) is not None
