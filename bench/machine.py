"""What the figures were measured on."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

import psutil

from bench.stand import Stand


def _processor() -> str:
    """The processor's name, as Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _commit() -> str:
    """The commit that is measured, with a mark when it was changed since; empty outside a checkout."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=10"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip()


async def described(stand: Stand) -> list[tuple[str, str]]:
    """Name and value of everything that the figures depend on."""
    cores, memory = os.cpu_count() or 1, psutil.virtual_memory().total / 2**30
    durable = await stand.value("SELECT concat(current_setting('fsync'), '/', current_setting('synchronous_commit'))")
    redis = (await stand.redis.info("server"))["redis_version"]
    return [
        ("Machine", f"{_processor()}, {cores} cores, {memory:.0f} GB, {platform.system()} {platform.machine()}"),
        ("PostgreSQL", f"{await stand.value('SHOW server_version')} as `kassa up` starts it, fsync/commit {durable}"),
        ("Redis", f"{redis} as `kassa up` starts it"),
        ("Python", f"{platform.python_version()}, uvicorn {version('uvicorn')}, uvloop {version('uvloop')}, "
                   f"asyncpg {version('asyncpg')}, aiohttp {version('aiohttp')}"),
        ("Kassa", _commit()),
    ]  # fmt: skip
