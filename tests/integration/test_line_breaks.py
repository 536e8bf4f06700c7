"""A line break behind what a field takes is no part of it: it is refused, and never reaches the database."""

import re
from typing import Any
from urllib.parse import quote

from tests.live import Live

NOBODY = "00000000-0000-0000-0000-000000000000"
OTHERS = {"boolean": False, "array": [], "number": 1}


def sound(schema: dict[str, Any], schemas: dict[str, Any]) -> Any:
    """A value that a field of this schema takes."""
    schema = schema.get("anyOf", [schema])[0]
    if "$ref" in schema:
        return sound(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if found := schema.get("enum") or schema.get("examples"):
        return found[0]
    if schema.get("type") == "object":
        required = schema.get("required", ())
        return {name: sound(one, schemas) for name, one in schema.get("properties", {}).items() if name in required}
    if schema.get("type") == "integer":
        return max(1, schema.get("minimum", 1))
    return OTHERS.get(schema.get("type", "")) if schema.get("type") in OTHERS else text(schema)


def text(schema: dict[str, Any]) -> str:
    """A text that a field of this schema takes."""
    pattern = schema.get("pattern", "")
    if of_a_kind := re.match(r"\^([a-z]+_)\[", pattern):
        return of_a_kind[1] + "0" * 16
    if "{8}" in pattern:
        return NOBODY
    return {"date-time": "2099-01-15T10:30:00Z", "date": "2024-01-15"}.get(schema.get("format", ""), "x")


def broken_off(schema: dict[str, Any], schemas: dict[str, Any]) -> str | None:
    """What a field of this schema would take, but for a line break behind it; None where it takes no text."""
    value = sound(schema, schemas)
    return f"{value}\n" if isinstance(value, str) else None


def takes_no_line_break(schema: dict[str, Any]) -> bool:
    """Whether the field's text has a form, and is not just any."""
    return "pattern" in (one := schema.get("anyOf", [schema])[0]) and not one["pattern"].startswith("^[^\\x00]")


async def test_a_line_break_behind_what_is_right(gateway: Live) -> None:
    async with await gateway.beside() as other:
        document = (await other.get("/openapi.json")).json
        schemas = document["components"]["schemas"]
        tried, refused = 0, set()
        for path, methods in document["paths"].items():
            for method, described in methods.items():
                asked: list[tuple[str, dict[str, Any], str, Any]] = []
                where = re.sub(r"{\w+}", NOBODY, path)
                for one in described["parameters"]:
                    if one["in"] == "query" and (value := broken_off(one["schema"], schemas)):
                        asked.append((one["name"], one["schema"], f"{where}?{one['name']}={quote(value)}", None))
                content = described.get("requestBody", {}).get("content", {}).get("application/json", {})
                if "$ref" in content.get("schema", {}):
                    body = sound(content["schema"], schemas)
                    model = schemas[content["schema"]["$ref"].rpartition("/")[2]]
                    for name, schema in model["properties"].items():
                        if value := broken_off(schema, schemas):
                            asked.append((name, schema, where, {**body, name: value}))
                for name, schema, address, sent in asked:
                    reply = await other.request(method.upper(), address, sent)
                    assert reply.status < 500, (method, address, sent, reply.text)
                    tried += 1
                    if takes_no_line_break(schema):
                        assert reply.status == 400, (method, address, sent, reply.text)
                        refused.add(name)
        assert tried > 40
        assert refused == {"currency", "customer_email", "after"}
