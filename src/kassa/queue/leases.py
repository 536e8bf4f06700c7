"""A lease queue in sorted sets: what is due when, by group, and what is leased until when.

An id is either due or leased, never both, so a sweeper may add the same id again and again. A worker that dies leaves
a lease that runs out, and the next claim takes it back. Times are Redis's own, so that no worker's clock matters.

A member is `group/lane/rest`, or a bare id where groups do not matter. At most so many of a group are leased at once,
so that one slow receiver does not hold up others; and one of a lane, so that what happened first leaves first. A group
that has had its turn goes behind those that wait for theirs, so that many slow receivers do not hold up others either.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from redis.asyncio import Redis

LEASE_MS = 10_000
# A group whose members must all wait is looked at again after this time, or as soon as one of them is done.
HOLD_MS = 250

# Keys, in every script: 1 the groups by when their next turn is, 2 the leases by their end, 3 the wake list,
# 4 the counts. A group's members are a sorted set at key 1 .. ':' .. group, and its leases are, once more, one at key
# 2 .. ':' .. group: a claim reads those of the groups that it looks at, not all that all workers hold.
_SHARED = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function group_of(member)
  return string.match(member, '^([^/]*)/') or ''
end
-- Takes {due, member, due, member, ...}. An earlier time wins.
local function add(list)
  local groups = {}
  for i = 1, #list, 2 do
    local group = group_of(list[i + 1])
    local members = groups[group] or {}
    groups[group] = members
    members[#members + 1] = list[i]
    members[#members + 1] = list[i + 1]
  end
  for group, members in pairs(groups) do
    -- What was there already moves its group to no other place.
    if redis.call('ZADD', KEYS[1] .. ':' .. group, 'LT', 'CH', unpack(members)) > 0 then
      local first = members[1]
      for i = 3, #members, 2 do if tonumber(members[i]) < tonumber(first) then first = members[i] end end
      redis.call('ZADD', KEYS[1], 'LT', first, group)
    end
  end
end
-- Of bare ids there are no groups to keep apart.
local function release(members)
  redis.call('ZREM', KEYS[2], unpack(members))
  local groups = {}
  for _, member in ipairs(members) do
    local group = group_of(member)
    groups[group] = groups[group] or {}
    table.insert(groups[group], member)
  end
  for group, members in pairs(groups) do
    if group ~= '' then redis.call('ZREM', KEYS[2] .. ':' .. group, unpack(members)) end
  end
end
local function earliest()
  return tonumber(redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2])
end
local function wake()
  if redis.call('LLEN', KEYS[3]) == 0 then redis.call('RPUSH', KEYS[3], 1) end
end
"""

# ARGV: due, member, due, member, ... What is leased stays so.
_ADD = (
    _SHARED
    + """
local before = earliest()
local members, list = {}, {}
for i = 2, #ARGV, 2 do members[#members + 1] = ARGV[i] end
for i, leased in ipairs(redis.call('ZMSCORE', KEYS[2], unpack(members))) do
  if not leased then
    list[#list + 1] = ARGV[i * 2 - 1]
    list[#list + 1] = members[i]
  end
end
add(list)
local after = earliest()
if after and (not before or after < before) then wake() end
"""
)

# ARGV: limit, lease_ms, most per group (0: no bound), hold_ms, most per quick group, quick group, quick group, ...
_CLAIM = (
    _SHARED
    + """
local limit, lease_ms, most, hold_ms = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local overdue = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 1000)
if #overdue > 0 then
  release(overdue)
  local list = {}
  for _, member in ipairs(overdue) do
    list[#list + 1] = now
    list[#list + 1] = member
  end
  add(list)
end
-- A lease that is long over stands in no group's way, should it have been left there.
local kept_ms = 6 * lease_ms
local bound, busy = {}, {}
for i = 6, #ARGV do bound[ARGV[i]] = tonumber(ARGV[5]) end
local taken, leases = {}, {}
for _, group in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, limit)) do
  local members = KEYS[1] .. ':' .. group
  local room = limit - #taken
  if room == 0 then break end
  if most > 0 then
    local leased = redis.call('ZRANGEBYSCORE', KEYS[2] .. ':' .. group, now - kept_ms, '+inf')
    for _, member in ipairs(leased) do busy[string.match(member, '^[^/]*/[^/]*')] = true end
    room = math.min(room, (bound[group] or most) - #leased)
  end
  if room > 0 then
    local from = #taken + 1
    local seen = redis.call('ZRANGEBYSCORE', members, '-inf', now, 'LIMIT', 0, most > 0 and room * 4 or room)
    for _, member in ipairs(seen) do
      if room == 0 then break end
      local lane = most > 0 and string.match(member, '^[^/]*/[^/]*') or member
      if not busy[lane] then
        busy[lane] = true
        room = room - 1
        taken[#taken + 1] = member
        leases[#leases + 1] = now + lease_ms
        leases[#leases + 1] = member
      end
    end
    if #taken >= from then
      redis.call('ZREM', members, unpack(taken, from))
      if most > 0 then redis.call('ZADD', KEYS[2] .. ':' .. group, unpack(leases, 2 * from - 1)) end
    end
  end
  local first = redis.call('ZRANGE', members, 0, 0, 'WITHSCORES')[2]
  if not first then
    redis.call('ZREM', KEYS[1], group)
  elseif tonumber(first) > now then
    redis.call('ZADD', KEYS[1], first, group)
  else
    redis.call('ZADD', KEYS[1], #taken < limit and now + hold_ms or now, group)
  end
end
if #leases > 0 then redis.call('ZADD', KEYS[2], unpack(leases)) end
local first = earliest()
local wait = first and math.max(0, first - now) or -1
if wait == 0 then wake() end
return {now + lease_ms, wait, taken}
"""
)

# ARGV: (member, its lease's end, when it is due next or how it ended: 'completed' or 'failed') triples.
# Only the holder of a lease can end it: a worker that stalled past its lease changes nothing.
_DONE = (
    _SHARED
    + """
local before = earliest()
local members = {}
for i = 1, #ARGV, 3 do members[#members + 1] = ARGV[i] end
local ended, over, again, groups = {completed = 0, failed = 0}, {}, {}, {}
for i, leased in ipairs(redis.call('ZMSCORE', KEYS[2], unpack(members))) do
  local member, lease_ends, next = ARGV[i * 3 - 2], ARGV[i * 3 - 1], ARGV[i * 3]
  if leased == lease_ends then
    over[#over + 1] = member
    groups[group_of(member)] = true
    if ended[next] then
      ended[next] = ended[next] + 1
    else
      again[#again + 1] = next
      again[#again + 1] = member
    end
  end
end
if #over > 0 then release(over) end
add(again)
for group in pairs(groups) do
  if redis.call('ZSCORE', KEYS[1], group) then
    local first = redis.call('ZRANGE', KEYS[1] .. ':' .. group, 0, 0, 'WITHSCORES')[2]
    if first then redis.call('ZADD', KEYS[1], math.max(tonumber(first), now), group) end
  end
end
local after = earliest()
if after and (not before or after < before) then wake() end
for how, count in pairs(ended) do
  if count > 0 then redis.call('HINCRBY', KEYS[4], how, count) end
end
"""
)

_COUNTS = (
    _SHARED
    + """
local pending = 0
for _, group in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  pending = pending + redis.call('ZCARD', KEYS[1] .. ':' .. group)
end
local counts = redis.call('HMGET', KEYS[4], 'completed', 'failed')
return {pending, redis.call('ZCARD', KEYS[2]), tonumber(counts[1] or 0), tonumber(counts[2] or 0)}
"""
)


class Lease(NamedTuple):
    """Members that are the caller's until `ends` (Redis's clock, ms); `wait_ms` until more is due, -1 for nothing."""

    members: list[str]
    ends: int
    wait_ms: int


class Ended(NamedTuple):
    """The end of one member's lease; `due_ms` is when it is due again, None for never."""

    member: str
    lease_ends: int
    due_ms: int | None = None
    failed: bool = False


class QueueCounts(NamedTuple):
    """How many jobs wait (due now or later), are leased, and have ended well or badly since the queue was made."""

    pending: int
    processing: int
    completed: int
    failed: int


class LeaseQueue:
    """Due members under `kassa:<name>`; with `most_per_group` they are claimed fairly and in order of their lanes."""

    def __init__(self, redis: "Redis", name: str, most_per_group: int = 0) -> None:
        self.name = name
        self._redis = redis
        self._most = most_per_group
        self._wake = f"kassa:{name}:wake"
        self._keys = [f"kassa:{name}:due", f"kassa:{name}:leased", self._wake, f"kassa:{name}:counts"]
        self._add = redis.register_script(_ADD)
        self._claim = redis.register_script(_CLAIM)
        self._done = redis.register_script(_DONE)
        self._counts = redis.register_script(_COUNTS)

    async def add(self, members: Sequence[tuple[str, int]]) -> None:
        """Add (member, due in ms since 1970) pairs; one that waits already keeps the earlier time."""
        for start in range(0, len(members), 1_000):
            args = [part for member, due_ms in members[start : start + 1_000] for part in (due_ms, member)]
            await self._add(keys=self._keys, args=args)

    async def claim(self, limit: int, quick: Collection[str] = (), most_per_quick: int = 0) -> Lease:
        """Lease up to `limit` due members for LEASE_MS; of a group in `quick`, up to `most_per_quick` at once."""
        args: list[str | int] = [limit, LEASE_MS, self._most, HOLD_MS, most_per_quick, *quick]
        ends, wait_ms, members = await self._claim(keys=self._keys, args=args)
        return Lease([member.decode() for member in members], ends, wait_ms)

    async def done(self, ended: Sequence[Ended]) -> None:
        """End leases: members with a `due_ms` are due again then, the others are gone and counted."""
        args: list[str | int] = []
        for one in ended:
            how = "failed" if one.failed else "completed"
            args += [one.member, one.lease_ends, one.due_ms if one.due_ms is not None else how]
        await self._done(keys=self._keys, args=args)

    async def wait(self, timeout_s: float) -> None:
        """Return when something may have become due sooner than expected, at the latest after `timeout_s`."""
        await self._redis.blpop([self._wake], timeout=max(timeout_s, 0.01))

    async def counts(self) -> QueueCounts:
        """The true counts, read from the queue."""
        return QueueCounts(*await self._counts(keys=self._keys))
