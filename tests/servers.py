"""Bare PostgreSQL and Redis servers, for tests that need no gateway around them."""

import importlib.metadata
import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

import asyncpg
from redis.asyncio import Redis
from redis.exceptions import RedisError

from kassa.local import redis as embedded_redis
from kassa.local.account import Account, reachable_programs, unprivileged
from kassa.local.postgres import WHEEL
from kassa.store.migrate import migrate
from tests.live import until

SYSTEM_REDIS = Path("/usr/bin/redis-server")


def redis_programs() -> dict[str, str | None]:
    """The redis-servers to try: the one that `kassa up` runs, and the system's own where that is another."""
    embedded = embedded_redis.program()
    system = str(SYSTEM_REDIS) if SYSTEM_REDIS.exists() and str(SYSTEM_REDIS) != embedded else None
    return {"embedded": embedded, "system": system}


def postgres_programs() -> dict[str, Path | None]:
    """Where the programs of each major version of PostgreSQL are, None for one that is not here or cannot be run."""
    account = unprivileged()
    found = dict.fromkeys(("18", "16", "15"), Path("/nonexistent")) | {"15": Path("/usr/lib/postgresql/15/bin")}
    spec = importlib.util.find_spec(WHEEL)
    if spec and spec.origin:
        wheel = Path(spec.origin).parent
        found["18"] = reachable_programs(wheel, importlib.metadata.version(WHEEL), account)
        found["16"] = wheel / "pginstall" / "bin"
    return {version: folder if _runs(folder / "initdb", account) else None for version, folder in found.items()}


def _runs(program: Path, account: Account | None) -> bool:
    return os.access(program, os.X_OK) and (account is None or account.can(str(program), "--version"))


class Server:
    """A server process in a folder of its own, which goes with it."""

    def __init__(self, account: Account | None = None) -> None:
        # Below /tmp, as the path of a Unix socket must be short.
        self.folder = Path(tempfile.mkdtemp(prefix="kassa-test-", dir="/tmp"))
        self._account = account
        self._process: subprocess.Popen[bytes] | None = None
        if account is not None:
            os.chown(self.folder, account.uid, account.gid)

    def run(self, command: Sequence[str], env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a command as the server's user; what it prints goes to a log in its folder."""
        account = self._account
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd=self.folder, env=env,
                user=account.uid if account else None, group=account.gid if account else None,
                extra_groups=[] if account else None,
            )  # fmt: skip

    async def ended(self, process: subprocess.Popen[bytes]) -> int:
        """The exit code of a process, once it has ended."""

        async def polled() -> bool:
            return process.poll() is not None

        await until(polled, "the end of a process")
        return process.returncode

    async def ready(self, process: subprocess.Popen[bytes], answers: Callable[[], Awaitable[bool]]) -> None:
        """Wait until a server `answers`; fails with its log when it ends instead."""
        self._process = process

        async def probe() -> bool:
            assert process.poll() is None, (self.folder / "log").read_text(errors="replace")
            return await answers()

        await until(probe, "an answer of the server")

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            await self.ended(self._process)
        shutil.rmtree(self.folder)


class RedisServer(Server):
    """`async with RedisServer(program) as server`: a Redis on a Unix socket."""

    def __init__(self, program: str) -> None:
        super().__init__()
        self._program = program
        # Whatever else is to be set, such as `--tls-port`.
        self.options: list[str] = []
        self.url = f"unix://{self.folder}/redis.sock"

    async def __aenter__(self) -> "RedisServer":
        command = [self._program, "--port", "0", "--unixsocket", str(self.folder / "redis.sock"), *self.options]
        client = Redis.from_url(self.url)

        async def answers() -> bool:
            try:
                return bool(await client.ping())
            except (RedisError, OSError):
                return False

        await self.ready(self.run([*command, "--save", "", "--dir", str(self.folder)]), answers)
        await client.aclose()
        return self


class PostgresServer(Server):
    """`async with PostgresServer(programs) as server`: a PostgreSQL with a migrated database; nothing in it lasts."""

    def __init__(self, programs: Path) -> None:
        super().__init__(unprivileged())
        self._programs = programs
        # Whatever else is to be set, such as `ssl`.
        self.options: dict[str, str] = {}
        self.url = f"postgresql://postgres@/postgres?host={self.folder}"

    async def __aenter__(self) -> "PostgresServer":
        env = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
        data = str(self.folder / "data")
        initdb = [str(self._programs / "initdb"), "--pgdata", data, "--username=postgres", "--auth=trust"]
        made = await self.ended(self.run([*initdb, "--encoding=UTF8", "--no-sync", "--no-instructions"], env))
        assert made == 0, (self.folder / "log").read_text()
        options = {"listen_addresses": "", "unix_socket_directories": str(self.folder), "fsync": "off"} | self.options
        command = [str(self._programs / "postgres"), "-D", data]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]

        async def answers() -> bool:
            try:
                connection = await asyncpg.connect(self.url, timeout=5)
            except (OSError, asyncpg.PostgresError):
                return False
            await connection.close()
            return True

        await self.ready(self.run(command, env), answers)
        await migrate(self.url)
        return self
