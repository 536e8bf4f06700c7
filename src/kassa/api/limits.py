"""Rate limits that all API processes share through Redis, without a round trip for each request.

Each process counts for itself and settles with Redis a few times a second: so a limit is exact within a process, and
between processes it may be passed by what arrives within one such interval.
"""

import asyncio
import ipaddress
import time
from functools import lru_cache

from redis.asyncio import Redis
from redis.exceptions import RedisError

from kassa.domain.errors import KassaError, bad_request

WINDOW_S = 60
SETTLE_INTERVAL_S = 0.25
# Of the requests that an address may make without credentials, one in so many may have a provider asked: it counts all
# of a merchant's questions together.
PER_QUESTION = 100
# And for one merchant all strangers together may have so much asked a second: an account at Stripe takes 100 requests a
# second (25 in test mode), and most of those are for others who share it. Pages that are refused ask again a second
# later, so that payers who come all at once queue up.
SESSIONS_PER_S = 20
LOOKS_PER_S = 10
# An address that sends notifications may have so many certificates of their signers fetched in a window; a provider has
# one, and changes it in years.
CERTIFICATES = 10


@lru_cache(maxsize=10_000)
def counted_as(address: str) -> str:
    """Whom requests from an address count for: of IPv6 its /64, as whoever has one address there has them all."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    if ip.version == 4 or ip.ipv4_mapped:
        return address
    return str(ipaddress.ip_network((ip, 64), strict=False))


class RateLimited(Exception):
    """Too many requests; `retry_after_s` says when to come back, `error` what to answer."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__()
        self.retry_after_s = retry_after_s
        self.error: KassaError = bad_request(f"Too many requests; try again in {retry_after_s} s", 429)


class RateLimits:
    """Counts of requests by name in the current window."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis
        self._window = 0
        self._ours: dict[str, int] = {}
        self._known: dict[str, int] = {}

    def count(self, name: str, limit: int) -> None:
        """Count one request of `name`; raises RateLimited when it is one too many for this window."""
        self.check(name, limit)
        self._ours[name] = self._ours.get(name, 0) + 1

    def count_in_second(self, name: str, limit: int) -> str:
        """Count one request of `name` in this second, of `limit` a second; the name to forgive it by."""
        now = int(time.time())
        in_second = f"{name}:{now % WINDOW_S}"
        try:
            self.count(in_second, limit)
        except RateLimited as error:
            raise RateLimited(1) from error
        return in_second

    def forgive(self, *names: str) -> None:
        """Take back one request of each name that was counted before it was known to be harmless."""
        for name in names:
            if self._ours.get(name, 0) + self._known.get(name, 0) > 0:
                self._ours[name] = self._ours.get(name, 0) - 1

    def check(self, name: str, limit: int) -> None:
        """Raise RateLimited when `name` has been counted `limit` times in this window."""
        now = time.time()
        window = int(now) // WINDOW_S
        if window != self._window:
            self._window = window
            self._ours.clear()
            self._known.clear()
        if self._ours.get(name, 0) + self._known.get(name, 0) >= limit:
            raise RateLimited(max(1, int((window + 1) * WINDOW_S - now + 0.999)))

    async def settle(self) -> None:
        """Exchange counts with the other processes, for as long as this runs; without Redis each process is alone."""
        while True:
            await asyncio.sleep(SETTLE_INTERVAL_S)
            window, told = self._window, {name: count for name, count in self._ours.items() if count}
            if not told:
                continue
            try:
                async with self._redis.pipeline(transaction=False) as pipeline:
                    for name, count in told.items():
                        key = f"kassa:rate:{window}:{name}"
                        pipeline.incrby(key, count)
                        pipeline.expire(key, 2 * WINDOW_S)
                    answers = await pipeline.execute()
            except (RedisError, OSError):
                continue
            if window == self._window:
                for (name, count), total in zip(told.items(), answers[::2], strict=True):
                    self._ours[name] -= count
                    self._known[name] = total
