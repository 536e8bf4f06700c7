"""The folder that one `kassa up` owns: its lock, its logs, and a short place for sockets."""

import fcntl
import hashlib
import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

CLAIM_WITHIN_S = 1.0


class CannotStartError(Exception):
    """`kassa up` cannot go on; the message says why and what to do."""


class HomeTakenError(CannotStartError):
    """Another `kassa up` holds this home."""


class Home:
    """Where one gateway keeps everything that lasts, and where its sockets live while it runs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.logs = root / "logs"
        self.metrics = root / "metrics"
        # The digest tells homes, and users of the same home, apart in process lists and below /tmp.
        self.digest = hashlib.sha256(f"{os.geteuid()}:{root}".encode()).hexdigest()[:12]
        # A Unix socket's path ends at 107 bytes, and a home may lie deeper than that.
        self.sockets = Path(f"/tmp/kassa-{self.digest}")  # noqa: S108 - ownership is checked before use

    def prepare(self) -> None:
        """Make the folders, empty the metrics of an earlier run. Raises CannotStartError on a foreign socket folder."""
        self.logs.mkdir(mode=0o700, exist_ok=True)
        shutil.rmtree(self.metrics, ignore_errors=True)
        self.metrics.mkdir(mode=0o700)
        self.sockets.mkdir(mode=0o700, exist_ok=True)
        found = self.sockets.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
            raise CannotStartError(f"{self.sockets} belongs to someone else; remove it, or set KASSA_HOME elsewhere")
        self.sockets.chmod(_folder_mode())

    def release_sockets(self) -> None:
        """Remove the socket folder once nothing listens in it any more."""
        shutil.rmtree(self.sockets, ignore_errors=True)


@contextmanager
def claim(root: Path) -> Iterator[Home]:
    """Make `root` and hold its lock, which the system releases however this process ends.

    Raises HomeTakenError when another `kassa up` holds it, CannotStartError when the folder is another user's.
    """
    try:
        if not root.exists():
            root.mkdir(parents=True)
            root.chmod(_folder_mode())
        owner = root.stat().st_uid
        if owner != os.geteuid():
            raise CannotStartError(
                f"{root} belongs to user id {owner}; start as that user, or set KASSA_HOME elsewhere"
            )
        lock = (root / "up.lock").open("w")
    except OSError as error:
        raise CannotStartError(f"Cannot use {root}: {error.strerror}; set KASSA_HOME to a folder of yours") from error
    with lock:
        _lock(lock, root)
        yield Home(root)


def is_claimed(root: Path) -> bool:
    """Whether some `kassa up` holds the lock of `root` right now."""
    try:
        with (root / "up.lock").open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _lock(lock: IO[str], root: Path) -> None:
    # Tried for a moment, because `is_claimed` holds the lock too for as long as it looks.
    give_up_at = time.monotonic() + CLAIM_WITHIN_S
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > give_up_at:
                raise HomeTakenError(f"Kassa already runs in {root}") from None
            time.sleep(0.05)


def _folder_mode() -> int:
    # Under root, PostgreSQL runs as another user, who must be able to pass through to what is its own.
    return 0o711 if os.geteuid() == 0 else 0o700
