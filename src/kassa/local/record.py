"""What a running `kassa up` tells other commands, and what it leaves to the next start should it be killed."""

import os
from pathlib import Path

import msgspec

from kassa.local.home import is_claimed


class ProcessRecord(msgspec.Struct, frozen=True):
    """One process; `started_at` (seconds since the epoch) tells it apart from a later one with the same pid."""

    pid: int
    started_at: float


class RunningGateway(msgspec.Struct, frozen=True):
    """A gateway on this machine: its processes by name, its ports by service, where its database and queue are."""

    pid: int
    ports: dict[str, int]
    database_url: str
    redis_url: str
    processes: dict[str, ProcessRecord]

    @property
    def pids(self) -> dict[str, int]:
        """Every process of the gateway, the supervisor first."""
        return {"supervisor": self.pid} | {name: process.pid for name, process in self.processes.items()}


def running(home: Path) -> RunningGateway | None:
    """The gateway that runs in `home`, or None when none does (or it has only just begun to start)."""
    return read(home) if is_claimed(home) else None


def read(home: Path) -> RunningGateway | None:
    """The record in `home`, whether or not its writer still runs; None without a readable one."""
    try:
        return msgspec.json.decode(_path(home).read_bytes(), type=RunningGateway)
    except (OSError, msgspec.DecodeError):
        return None


def write(home: Path, gateway: RunningGateway) -> None:
    """Replace the record in `home`; readers see the old or the new one, never half of it."""
    fresh = _path(home).with_suffix(".new")
    # The URLs may carry passwords.
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(gateway))
    fresh.replace(_path(home))


def remove(home: Path) -> None:
    """Forget the record after a clean stop."""
    _path(home).unlink(missing_ok=True)


def _path(home: Path) -> Path:
    return home / "running.json"
