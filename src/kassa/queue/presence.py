"""Which workers are alive, and whether the queue has been wiped."""

from redis.asyncio import Redis

ALIVE_MS = 5_000
# What a worker that dies while it fills the queue leaves behind is gone after this time.
FILLING_S = 3_600
_WORKERS = "kassa:workers"
_FILLED = "kassa:filled"
_FILLING = "kassa:filling:"

_BEAT = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - 60000)
return now
"""

_ALIVE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
return redis.call('ZRANGEBYSCORE', KEYS[1], now - tonumber(ARGV[1]), '+inf')
"""

_MARK = """
if redis.call('DEL', KEYS[2]) == 0 then return 0 end
redis.call('SET', KEYS[1], 1)
return 1
"""


class Presence:
    """Heartbeats of workers, and the mark that tells a filled queue from a wiped one."""

    def __init__(self, redis: "Redis") -> None:
        self._redis = redis
        self._beat = redis.register_script(_BEAT)
        self._alive = redis.register_script(_ALIVE)
        self._mark = redis.register_script(_MARK)

    async def beat(self, worker: str) -> int:
        """Say that `worker` lives; returns Redis's time in ms."""
        return int(await self._beat(keys=[_WORKERS], args=[worker]))

    async def leave(self, worker: str) -> None:
        """Say that `worker` stops."""
        await self._redis.zrem(_WORKERS, worker)

    async def alive(self) -> list[str]:
        """The workers that were heard of within ALIVE_MS."""
        return [name.decode() for name in await self._alive(keys=[_WORKERS], args=[ALIVE_MS])]

    async def filled(self) -> bool:
        """False when the queue is new or was wiped since `mark_filled`."""
        return bool(await self._redis.exists(_FILLED))

    async def begin_filling(self, worker: str) -> None:
        """Say that `worker` begins to put everything open in the database into the queue."""
        await self._redis.set(_FILLING + worker, 1, ex=FILLING_S)

    async def mark_filled(self, worker: str) -> bool:
        """Say that `worker` has done so; False when the queue was wiped since it began, so that some may be missing."""
        return bool(await self._mark(keys=[_FILLED, _FILLING + worker]))
