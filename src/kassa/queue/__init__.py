"""The queue: leases on ids that are due, in Redis, which may be wiped at any moment."""

from kassa.queue.leases import LEASE_MS, Ended, Lease, LeaseQueue, QueueCounts
from kassa.queue.presence import Presence

__all__ = ["LEASE_MS", "Ended", "Lease", "LeaseQueue", "Presence", "QueueCounts"]
