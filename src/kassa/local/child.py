"""One supervised process: how it starts, how it ends with its supervisor, what it said last."""

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kassa.local.account import Account
from kassa.local.console import shown

LARGE_LOG_BYTES = 10_000_000
TAIL_BYTES = 4_000
TAIL_LINES = 15

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1

Probe = Callable[[], Awaitable[str | None]]
"""Answers None once the process does its work, before that the reason why not."""


@dataclass(kw_only=True, eq=False)
class Child:
    """A command with everything needed to start it again; `log` takes what it prints."""

    name: str
    command: Sequence[str]
    log: Path
    env: Mapping[str, str]
    cwd: Path | None = None
    account: Account | None = None
    pass_fds: Sequence[int] = ()
    stop_signal: signal.Signals = signal.SIGTERM
    stop_within_s: float = 10
    probe: Probe | None = None
    before_start: Callable[[], Awaitable[None]] | None = None
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _exited: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _said_from: int = field(default=0, init=False)

    @property
    def kind(self) -> str:
        """`api` of `api-2`."""
        return self.name.partition("-")[0]

    @property
    def pid(self) -> int:
        """Of the present process, or of the last one when it has ended; 0 before the first start."""
        return self._process.pid if self._process else 0

    @property
    def is_alive(self) -> bool:
        """Whether the process was started and has not been seen to end."""
        return self._process is not None and not self._exited.is_set()

    async def start(self) -> None:
        """Start the process. Raises OSError when the command cannot be run."""
        if self.before_start:
            await self.before_start()
        if self.log.exists() and self.log.stat().st_size > LARGE_LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        self._spawn()
        self._exited.clear()
        self.reap()

    def _spawn(self) -> None:
        account = self.account
        with self.log.open("ab") as log:
            self._said_from = log.tell()
            self._process = subprocess.Popen(  # noqa: S603 - the supervisor's own commands
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.env,
                cwd=self.cwd,
                pass_fds=self.pass_fds,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
                # Ctrl-C goes to a terminal's whole group at once; in sessions of their own they stop in our order.
                start_new_session=True,
                # Safe although it runs between fork and exec: the supervisor has a single thread.
                preexec_fn=_tie_to_parent(self.stop_signal),
            )

    def reap(self) -> None:
        """Notice the end of the process; called on every SIGCHLD."""
        if self._process and self._process.poll() is not None:
            self._exited.set()

    async def wait(self) -> int:
        """Wait for the process to end; returns its exit code, negative for a signal."""
        await self._exited.wait()
        return self._process.returncode if self._process else 0

    async def stop(self, hurry: asyncio.Event) -> None:
        """Ask the process to end and kill it after `stop_within_s`, or at once when `hurry` is set."""
        if not self.is_alive or not self._process:
            return
        self._process.send_signal(self.stop_signal)
        ended, hurried = asyncio.ensure_future(self._exited.wait()), asyncio.ensure_future(hurry.wait())
        await asyncio.wait({ended, hurried}, timeout=self.stop_within_s, return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        if not ended.done():
            self._process.kill()
        await ended

    def ending(self) -> str:
        """How the process ended, as the rest of a sentence."""
        code = self._process.returncode if self._process else 0
        if code >= 0:
            return f"ended with exit code {code}"
        return f"was ended by {signal.Signals(-code).name}"

    def last_words(self) -> str:
        """How the process ended, the last lines of its log, and where the log is."""
        with self.log.open("rb") as log:
            log.seek(max(self._said_from, log.seek(0, os.SEEK_END) - TAIL_BYTES))
            lines = log.read().decode(errors="replace").splitlines()[-TAIL_LINES:]
        return "\n".join(
            [f"{self.name} {self.ending()}. The end of {shown(self.log)}:", *(f"  {line}" for line in lines)]
        )


def _tie_to_parent(death_signal: signal.Signals) -> Callable[[], None] | None:
    """What makes a new process end when its supervisor is killed; Linux only, elsewhere the next start clears up."""
    if _libc is None:
        return None
    libc, parent = _libc, os.getpid()

    def tie() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, death_signal)
        if os.getppid() != parent:
            os._exit(1)  # the supervisor was killed before the line above

    return tie
