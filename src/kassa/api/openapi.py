"""OpenAPI 3.1 from the very operations and models that serve the requests, and a page to browse it."""

import re
from importlib import resources
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Mount, Route, Router
from starlette.staticfiles import StaticFiles

from kassa import __version__
from kassa.api.answers import SESSION_COOKIE, ErrorAnswer
from kassa.api.operation import Download, Operation, Text

_REASONS = {
    400: "The request cannot be done",
    401: "Invalid API credentials",
    404: "Not found",
    413: "The body is too large",
    415: "The body is not sent as JSON",
    429: "Too many requests; Retry-After says when to come back",
    502: "The payment provider refused",
    503: "The gateway cannot reach its database or its queue",
}
# Built with the pages; without them the page stays blank, as theirs do.
_FILES = str(resources.files("kassa") / "pages" / "reference")
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Kassa API</title><link rel="stylesheet" href="/docs/assets/swagger-ui.css"></head>
<body><div id="swagger-ui"></div><script src="/docs/assets/swagger-ui-bundle.js"></script>
<script>SwaggerUIBundle({url: "/openapi.json", dom_id: "#swagger-ui", deepLinking: true,
persistAuthorization: false, validatorUrl: null})</script></body></html>"""


def document(operations: list[Operation]) -> dict[str, Any]:
    """The OpenAPI document of `operations`."""
    models = {model for o in operations for model in (o.answer, o.body, o.query) if model not in (None, Text, Download)}
    ordered = sorted(models | {ErrorAnswer}, key=lambda model: str(model.__name__))
    schemas, components = msgspec.json.schema_components(ordered, ref_template="#/components/schemas/{name}")
    refs = dict(zip(ordered, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation, refs, components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Kassa",
            "version": __version__,
            "description": "A self-hosted payment gateway. Amounts are integers in the currency's smallest unit.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "ApiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
                "ApiSecret": {"type": "apiKey", "in": "header", "name": "X-Api-Secret"},
                "Session": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": SESSION_COOKIE,
                    "description": "The dashboard's log-in; changes need X-CSRF-Token besides",
                },
                "Basic": {"type": "http", "scheme": "basic", "description": "The key as user, the secret as password"},
            },
        },
    }


def _described(operation: Operation, refs: dict[Any, Any], components: dict[str, Any]) -> dict[str, Any]:
    name = operation.handler.__name__.strip("_")
    described: dict[str, Any] = {
        "summary": operation.summary,
        "operationId": f"{operation.tag.lower().replace(' ', '_')}_{name}",
        "tags": [operation.tag],
        "parameters": _parameters(operation, components),
        "responses": {str(status): _response(operation, status, refs) for status in operation.statuses},
    }
    if operation.access == "merchant":
        described["security"] = [{"ApiKey": [], "ApiSecret": []}, {"Basic": []}, {"Session": []}]
    if operation.body is not None:
        described["requestBody"] = {
            "required": any(field.required for field in msgspec.structs.fields(operation.body)),
            "content": {"application/json": {"schema": refs[operation.body]}},
        }
    return described


def _response(operation: Operation, status: int, refs: dict[Any, Any]) -> dict[str, Any]:
    if status != operation.status:
        content = {"application/json": {"schema": refs[ErrorAnswer]}}
        return {"description": _REASONS[status], "content": content}
    if operation.answer in (Text, Download):
        media_type = "text/plain" if operation.answer is Text else "text/csv"
        return {"description": operation.summary, "content": {media_type: {"schema": {"type": "string"}}}}
    return {"description": operation.summary, "content": {"application/json": {"schema": refs[operation.answer]}}}


def _parameters(operation: Operation, components: dict[str, Any]) -> list[dict[str, Any]]:
    found = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", operation.path)
    ]
    if operation.query is not None:
        properties = components[operation.query.__name__]["properties"]
        found += [
            {"name": name, "in": "query", "required": False, "schema": schema} for name, schema in properties.items()
        ]
    if operation.idempotent:
        about = "Makes the request safe to repeat: within 24 h a repeat gets the first one's answer"
        schema = {"type": "string", "minLength": 1, "maxLength": 255}
        found.append(
            {"name": "Idempotency-Key", "in": "header", "required": False, "schema": schema, "description": about}
        )
    return found


def pages(operations: list[Operation]) -> Router:
    """`/openapi.json`, and `/docs` with the files of Swagger UI, from this machine alone; `/` leads there."""
    encoded = msgspec.json.encode(document(operations))

    async def openapi(_: Request) -> Response:
        return Response(encoded, media_type="application/json")

    async def start(_: Request) -> Response:
        return RedirectResponse("/docs")

    async def docs(_: Request) -> Response:
        # Who tries a call types in keys: not into a page within another's.
        return HTMLResponse(_PAGE, headers={"content-security-policy": "frame-ancestors 'none'"})

    return Router(
        [
            Route("/", start),
            Route("/openapi.json", openapi),
            Route("/docs", docs),
            Mount("/docs/assets", StaticFiles(directory=_FILES, check_dir=False)),
        ]
    )
