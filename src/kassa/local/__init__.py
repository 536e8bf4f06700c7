"""The gateway on one machine: its own PostgreSQL and Redis, API and workers, kept alive by `kassa up`."""

from kassa.local.record import RunningGateway, running

__all__ = ["RunningGateway", "running"]
