"""Migrations: numbered SQL files, each run once, in order, by one process at a time."""

from importlib import resources

import asyncpg

LOCK = 0x6B61737361  # "kassa": one migrating process at a time


async def migrate(url: str) -> list[str]:
    """Bring the database at `url` up to date; returns the names of the migrations that ran."""
    connection = await asyncpg.connect(url, timeout=10)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK)
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY, applied_at timestamptz DEFAULT now())"
        )
        applied = {row[0] for row in await connection.fetch("SELECT name FROM migrations")}
        ran = []
        for file in sorted(_files(), key=lambda file: file.name):
            if file.name in applied:
                continue
            async with connection.transaction():
                await connection.execute(file.read_text(encoding="utf-8"))
                await connection.execute("INSERT INTO migrations (name) VALUES ($1)", file.name)
            ran.append(file.name)
        return ran
    finally:
        await connection.close()


async def pending(url: str) -> list[str]:
    """The migrations that the database at `url` has not had yet."""
    connection = await asyncpg.connect(url, timeout=10)
    try:
        if await connection.fetchval("SELECT to_regclass('migrations')") is None:
            return sorted(file.name for file in _files())
        applied = {row[0] for row in await connection.fetch("SELECT name FROM migrations")}
        return sorted(file.name for file in _files() if file.name not in applied)
    finally:
        await connection.close()


def _files() -> list[resources.abc.Traversable]:
    return [f for f in (resources.files("kassa.store") / "migrations").iterdir() if f.name.endswith(".sql")]
