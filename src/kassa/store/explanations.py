"""What a model has said about an error, kept by code."""

from kassa.store.database import Database


async def find(database: Database, code: str) -> str | None:
    """The kept explanation (JSON text)."""
    row = await database.fetchrow("SELECT explanation::text FROM generated_explanations WHERE code = $1", code)
    return row[0] if row else None


async def keep(database: Database, code: str, explanation: str) -> None:
    """Keep an explanation (JSON text); the first one stays."""
    await database.fetch(
        "INSERT INTO generated_explanations (code, explanation) VALUES ($1, $2::json) ON CONFLICT DO NOTHING",
        code,
        explanation,
    )
