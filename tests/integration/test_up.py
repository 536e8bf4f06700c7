"""`kassa up` as its user sees it: real processes in a home of their own, killed and started again."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from kassa.local import RunningGateway, running
from kassa.local.console import greet
from kassa.settings import Settings
from tests.live import free_port

DEADLINE_S = 60
SETTINGS = ("DATABASE_URL", "REDIS_URL", "KASSA_ENV", "KASSA_HOME", "PORT", "PROMETHEUS_MULTIPROC_DIR")
CREDENTIALS = {"X-Api-Key": "key_test_abc123", "X-Api-Secret": "secret_test_xyz789"}


class Gateway:
    """One home, and the `kassa up` that runs in it."""

    def __init__(self, folder: Path) -> None:
        # Deeper than a Unix socket's path may be, with a character that shells take apart.
        self.folder, self.home, self.port = folder, folder / "a home" / ("deep" * 25), free_port()
        self.dashboard_port, self.checkout_port = free_port(), free_port()
        self.api = f"http://127.0.0.1:{self.port}"
        self._console = folder / "console"
        self._process: subprocess.Popen[bytes] | None = None

    def command(self, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run `kassa up` to its end, which it is expected to find by itself."""
        return subprocess.run(
            [sys.executable, "-m", "kassa", "up"],
            env=self._environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )

    def start(self, **settings: str) -> None:
        """Run `kassa up` until its banner is complete."""
        with self._console.open("wb") as console:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "kassa", "up"],
                env=self._environment(settings),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
            )
        process = self._process
        until(lambda: "Ctrl-C stops" in self.said() or process.poll() is not None, self.said)
        assert process.poll() is None, self.said()

    def end(self, number: signal.Signals) -> int:
        """Send `number` to the supervisor and wait for it; returns its exit code."""
        assert self._process is not None
        self._process.send_signal(number)
        return self._process.wait(DEADLINE_S)

    def stop(self) -> None:
        """Leave nothing running and nothing behind."""
        if self._process and self._process.poll() is None:
            self.end(signal.SIGTERM)
        data = (self.home / "postgres").resolve()
        shutil.rmtree(self.folder)
        if data.exists():
            shutil.rmtree(data.parent)

    def said(self) -> str:
        """Everything on the console since the last start."""
        return self._console.read_text()

    def now(self) -> RunningGateway:
        """What other commands learn of it."""
        gateway = running(self.home)
        assert gateway is not None
        return gateway

    def is_healthy(self) -> bool:
        try:
            return request(f"{self.api}/health")[0] == 200
        except OSError:
            return False

    def create_order(self) -> dict[str, Any]:
        status, order = request(f"{self.api}/api/v1/orders", {"amount": 50_000, "receipt": "kept"})
        assert status == 201
        return order

    def _environment(self, settings: dict[str, str]) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if name not in SETTINGS}
        ports = {"PORT": self.port, "DASHBOARD_PORT": self.dashboard_port, "CHECKOUT_PORT": self.checkout_port}
        own = {"KASSA_HOME": str(self.home)} | {name: str(port) for name, port in ports.items()}
        return inherited | own | settings


def request(url: str, body: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
    """GET `url`, or POST `body` to it, as the seeded merchant; returns the status and the decoded answer."""
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(url, data, CREDENTIALS | {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(asked, timeout=DEADLINE_S) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def until(happened: Callable[[], bool], story: Callable[[], str]) -> None:
    """Wait for `happened`; fail with `story` when it does not in time."""
    give_up_at = time.monotonic() + DEADLINE_S
    while not happened():
        assert time.monotonic() < give_up_at, story()
        time.sleep(0.05)


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def make() -> Gateway:
    # Not pytest's tmp_path: under root that is private, and the data would go to a folder outside it.
    folder = Path(tempfile.mkdtemp(prefix="kassa-test-"))
    folder.chmod(0o755)
    return Gateway(folder)


@pytest.fixture(scope="module")
def up() -> Iterator[Gateway]:
    """A gateway that the tests of this module share; each leaves it healthy."""
    gateway = make()
    try:
        gateway.start()
        yield gateway
    finally:
        gateway.stop()


@pytest.fixture
def fresh() -> Iterator[Gateway]:
    """A gateway of the test's own, not yet started."""
    gateway = make()
    try:
        yield gateway
    finally:
        gateway.stop()


def test_start_ends_with_a_request_that_works(up: Gateway) -> None:
    assert up.is_healthy()
    shown = up.said().replace(f"localhost:{up.port}", f"127.0.0.1:{up.port}").replace("\\\n", "")
    curl = next(line.strip() for line in shown.splitlines() if line.strip().startswith("curl "))
    assert f"{up.api}/api/v1/orders" in curl
    # Run as it stands, and not found in what curl prints on failure.
    done = subprocess.run(["sh", "-c", f"{curl} --silent --fail"], capture_output=True, text=True, check=False)
    assert json.loads(done.stdout)["id"].startswith("order_"), done.stderr


def test_start_says_how_to_log_in(up: Gateway) -> None:
    log_in = f"http://localhost:{up.dashboard_port}   log in as test@example.com, with any password"
    assert log_in in up.said()


def test_start_says_where_the_stand_ins_are(capsys: pytest.CaptureFixture[str]) -> None:
    ports = {"api": 1, "dashboard": 2, "checkout": 3}
    greet(Settings(kassa_provider_sandbox=True, sandbox_port=4), RunningGateway(0, ports, "", "", {}), None)
    assert "Stripe, Razorpay and PayPal, at http://localhost:4" in capsys.readouterr().out


def test_the_addresses_it_gives_away_work_elsewhere(up: Gateway) -> None:
    gateway = up.now()
    assert gateway.ports["api"] == up.port
    assert set(gateway.pids) == {"supervisor", "postgres", "redis", "worker-1", "api-1"}
    # Both are Unix sockets, short enough wherever the home lies.
    assert "host=/tmp/kassa-" in gateway.database_url
    assert gateway.redis_url.startswith("unix:///tmp/kassa-")


def test_only_the_ports_it_names_are_open_and_only_to_this_machine(up: Gateway) -> None:
    named = {up.port, up.dashboard_port, up.dashboard_port + 2, up.checkout_port}
    addresses, ports = set(), set()
    for pid in up.now().pids.values():
        for connection in psutil.Process(pid).net_connections(kind="inet"):
            if connection.status == psutil.CONN_LISTEN:
                addresses.add(connection.laddr.ip)
                ports.add(connection.laddr.port)
    assert addresses == {"127.0.0.1"}
    assert up.port in ports
    assert ports <= named


def test_second_start_in_the_same_home_tells_what_runs(up: Gateway) -> None:
    before = up.now()
    second = up.command(PORT=str(free_port()))
    assert second.returncode == 1
    for pid in before.pids.values():
        assert str(pid) in second.stdout
    assert f"http://localhost:{up.port}" in second.stdout
    assert up.now() == before
    assert up.is_healthy()


@pytest.mark.parametrize("name", ["postgres", "redis", "api-1", "worker-1"])
def test_killed_process_is_replaced(up: Gateway, name: str) -> None:
    killed = up.now().pids[name]
    os.kill(killed, signal.SIGKILL)
    until(lambda: f"{name} is back" in up.said(), up.said)
    assert f"{name} (pid {killed}) was ended by SIGKILL" in up.said()
    assert up.now().pids[name] != killed
    until(up.is_healthy, up.said)
    order = up.create_order()
    assert request(f"{up.api}/api/v1/orders/{order['id']}")[0] == 200


def test_port_in_use_names_its_holder_before_anything_starts(fresh: Gateway) -> None:
    with socket.create_server(("127.0.0.1", fresh.port)):
        refused = fresh.command()
    assert refused.returncode == 1
    assert f"Port {fresh.port} is in use by pid {os.getpid()}:" in refused.stdout
    assert not (fresh.home / "postgres").exists()
    assert not (fresh.home / "logs").exists()


def test_port_of_the_sandbox_in_use_is_told_before_anything_starts(fresh: Gateway) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = fresh.command(KASSA_PROVIDER_SANDBOX="1", SANDBOX_PORT=str(port))
    assert refused.returncode == 1
    assert f"Port {port} is in use by pid {os.getpid()}:" in refused.stdout
    assert "SANDBOX_PORT=" in refused.stdout
    assert not (fresh.home / "logs").exists()


def test_failing_start_shows_the_log_and_leaves_nothing_running(fresh: Gateway) -> None:
    failed = fresh.command(DATABASE_URL=f"postgresql://nobody@127.0.0.1:{free_port()}/nothing")
    assert failed.returncode == 1
    assert "migrate ended with exit code" in failed.stdout
    log = fresh.home / "logs" / "migrate.log"
    assert str(log) in failed.stdout
    assert log.read_text().splitlines()[-1].strip() in failed.stdout
    assert not (fresh.home / "postgres").exists()
    assert running(fresh.home) is None
    assert not [
        one
        for one in psutil.process_iter(["environ"])
        if one.info["environ"] and str(fresh.home) in (one.info["environ"].get("KASSA_HOME", ""))
    ]


def test_start_without_the_redis_of_its_settings_says_what_does_not_work(fresh: Gateway) -> None:
    fresh.start(REDIS_URL=f"redis://127.0.0.1:{free_port()}")

    until(lambda: "Redis does not answer: check REDIS_URL" in fresh.said(), fresh.said)
    assert fresh.create_order()["status"] == "created"


def test_terminating_it_stops_everything_and_keeps_the_data(fresh: Gateway) -> None:
    fresh.start()
    order, pids = fresh.create_order(), fresh.now().pids
    assert fresh.end(signal.SIGTERM) == 0
    assert [name for name, pid in pids.items() if is_alive(pid)] == []
    assert running(fresh.home) is None
    fresh.start()
    assert request(f"{fresh.api}/api/v1/orders/{order['id']}")[1]["receipt"] == "kept"


def test_start_after_the_supervisor_was_killed(fresh: Gateway) -> None:
    fresh.start()
    order, pids = fresh.create_order(), fresh.now().pids
    fresh.end(signal.SIGKILL)
    fresh.start()
    assert [name for name, pid in pids.items() if is_alive(pid)] == []
    assert not set(pids.values()) & set(fresh.now().pids.values())
    assert request(f"{fresh.api}/api/v1/orders/{order['id']}")[0] == 200


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's PostgreSQL runs as another user")
def test_root_keeps_its_private_folders_private(fresh: Gateway) -> None:
    fresh.folder.chmod(0o700)
    fresh.start()
    assert fresh.is_healthy()
    assert fresh.folder.stat().st_mode & 0o777 == 0o700
    data = (fresh.home / "postgres").resolve()
    assert not data.is_relative_to(fresh.folder)
    assert data.stat().st_mode & 0o777 == 0o700
