"""Prometheus metrics, added up over the processes of one machine where they share a folder."""

import os

from prometheus_client import REGISTRY as OWN
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from kassa.actions.gateway import Gateway

REQUESTS = Counter("kassa_http_requests_total", "Requests answered", ["operation", "status"])
DURATION = Histogram(
    "kassa_http_request_duration_seconds",
    "Time from the request's head to its answer",
    ["operation"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5),
)


class Observed:
    """The metrics of one operation, with their label lookups done once."""

    def __init__(self, operation: str) -> None:
        self._operation = operation
        self._requests: dict[int, Counter] = {}
        self._duration = DURATION.labels(operation)

    def observe(self, status: int, duration_s: float) -> None:
        """Count one answer."""
        counter = self._requests.get(status)
        if counter is None:
            counter = self._requests[status] = REQUESTS.labels(self._operation, str(status))
        counter.inc()
        self._duration.observe(duration_s)


async def exposition(gateway: Gateway) -> str:
    """Everything in the Prometheus text format, with the queues' counts as they are now."""
    registry = CollectorRegistry()
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        text = generate_latest(registry)
    else:
        text = generate_latest(OWN)
    # Not a Gauge: where processes share a folder, that one leaves in it what it once said, and says it twice.
    jobs = GaugeMetricFamily("kassa_jobs", "Jobs in the queue", labels=["queue", "state"])
    for queue in gateway.queues:
        counts = await queue.counts()
        for state, value in counts._asdict().items():
            jobs.add_metric([queue.name, state], value)
    workers = GaugeMetricFamily("kassa_workers", "Workers that are alive", value=len(await gateway.presence.alive()))
    current = CollectorRegistry()
    current.register(_Now([jobs, workers]))
    return (text + generate_latest(current)).decode()


class _Now(Collector):
    """What holds at the moment of asking, and is kept nowhere."""

    def __init__(self, families: list[GaugeMetricFamily]) -> None:
        self._families = families

    def collect(self) -> list[GaugeMetricFamily]:
        """All of it."""
        return self._families
