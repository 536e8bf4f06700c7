"""Other processes of this machine: who holds a port, which of ours outlived their supervisor."""

import contextlib
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from kassa.local.record import ProcessRecord

if TYPE_CHECKING:
    import psutil

# psutil comes with the extra `embedded` only, so it is imported where it is used.


def started_at(pid: int) -> float:
    """When process `pid` began, in seconds since the epoch; 0.0 when it is gone already."""
    import psutil

    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return 0.0


def holder(port: int) -> str | None:
    """`pid 123: command line` of the process that listens on TCP `port`, or None when that is not ours to see."""
    import psutil

    def listens(connection: Any) -> bool:
        return connection.status == psutil.CONN_LISTEN and bool(connection.laddr) and connection.laddr.port == port

    try:
        found = next((one.pid for one in psutil.net_connections(kind="tcp") if listens(one) and one.pid), None)
        if found is None:
            return None
        process = psutil.Process(found)
        # The one to stop is the process that opened the socket, not a child that inherited it.
        with contextlib.suppress(psutil.Error):  # a parent may end, or not be ours to see, while we look
            while (parent := process.parent()) and any(map(listens, parent.net_connections(kind="tcp"))):
                process = parent
        return f"pid {process.pid}: {' '.join(process.cmdline())}"
    except psutil.Error:
        return None


def marked(marker: str, name: str) -> list["psutil.Process"]:
    """The live processes called `name` with `marker` in their command line or title."""
    import psutil

    found = psutil.process_iter(["name", "cmdline"])
    return [one for one in found if one.info["name"] == name and marker in " ".join(one.info["cmdline"] or ())]


def stop(records: Iterable[ProcessRecord], *, within_s: float) -> int:
    """Terminate those of `records` that still run, kill what is left after `within_s`; returns how many there were."""
    import psutil

    def is_alive(process: psutil.Process) -> bool:
        # An orphan may stay a zombie for good where process 1 reaps nobody.
        try:
            return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    orphans = []
    for record in records:
        if record.pid and psutil.pid_exists(record.pid) and abs(started_at(record.pid) - record.started_at) < 1:
            orphans.append(psutil.Process(record.pid))
    alive = found = [orphan for orphan in orphans if is_alive(orphan)]
    for process in alive:
        process.terminate()
    kill_at = time.monotonic() + within_s
    while alive := [process for process in alive if is_alive(process)]:
        if time.monotonic() > kill_at:
            for process in alive:
                process.kill()
        time.sleep(0.05)
    return len(found)
