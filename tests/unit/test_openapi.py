"""The OpenAPI document is valid, whole, and says of each endpoint what it takes and what it can answer."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, get_args

import msgspec
import pytest
import schemathesis

from kassa.api.application import OPERATIONS
from kassa.api.openapi import document
from kassa.api.operation import Operation
from kassa.api.requests import WebhookEvent
from kassa.domain.webhook import EVENTS

DOCUMENT: dict[str, Any] = json.loads(msgspec.json.encode(document(OPERATIONS)))
DESCRIBED = {
    (method.upper(), path): operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
}
PROMISED = {
    ("GET", "/health"),
    ("POST", "/api/v1/orders"),
    ("GET", "/api/v1/orders/{id}"),
    ("GET", "/api/v1/orders/{id}/public"),
    ("POST", "/api/v1/payments"),
    ("POST", "/api/v1/payments/public"),
    ("GET", "/api/v1/payments/{id}"),
    ("POST", "/api/v1/payments/{id}/capture"),
    ("POST", "/api/v1/payments/{id}/refunds"),
    ("GET", "/api/v1/refunds/{id}"),
    ("GET", "/api/v1/webhooks"),
    ("POST", "/api/v1/webhooks/{id}/retry"),
    ("GET", "/api/v1/test/merchant"),
    ("GET", "/api/v1/test/jobs/status"),
}


def references(node: Any) -> Iterator[str]:
    """Every $ref in a part of the document."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def named(operation: Operation) -> str:
    """An operation as a test's name."""
    return f"{operation.method} {operation.path}"


def patterns(node: Any) -> Iterator[str]:
    """Every regular expression in a part of the document."""
    if isinstance(node, dict):
        if isinstance(node.get("pattern"), str):
            yield node["pattern"]
        for value in node.values():
            yield from patterns(value)
    elif isinstance(node, list):
        for value in node:
            yield from patterns(value)


def test_patterns_mean_the_same_to_whoever_reads_the_document_and_to_the_api() -> None:
    found = set(patterns(DOCUMENT))

    assert len(found) == 8
    # What JSON Schema takes to be the end of a text is one line break early to Python, unless none may follow.
    assert [one for one in found if not (one.startswith("^") and one.endswith(r"(?!\n)$"))] == []


def test_it_is_valid_openapi() -> None:
    schemathesis.openapi.from_dict(DOCUMENT).validate()
    assert DOCUMENT["openapi"].startswith("3.1")


def test_the_check_can_fail() -> None:
    broken = json.loads(json.dumps(DOCUMENT))
    del broken["paths"]["/health"]["get"]["responses"]["200"]["description"]
    with pytest.raises(ValueError, match="description"):
        schemathesis.openapi.from_dict(broken).validate()


def test_every_reference_leads_somewhere() -> None:
    found = set(references(DOCUMENT))
    assert found
    schemas = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}
    assert found - schemas == set()


def test_every_operation_has_an_id_of_its_own() -> None:
    ids = Counter(operation.get("operationId") for operation in DESCRIBED.values())
    assert None not in ids
    assert [name for name, count in ids.items() if count > 1] == []
    assert [name for name in ids if not re.fullmatch(r"[a-z][a-z0-9_]+", str(name))] == []


def test_every_operation_is_described_once() -> None:
    served = Counter((operation.method, re.sub(r"{\w+}", "{}", operation.path)) for operation in OPERATIONS)
    assert [one for one, count in served.items() if count > 1] == []
    assert {(operation.method, operation.path) for operation in OPERATIONS} == set(DESCRIBED)


def test_what_is_promised_is_there() -> None:
    described = {(method, re.sub(r"{\w+}", "{id}", path)) for method, path in DESCRIBED}
    assert PROMISED - described == set()


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_an_operation_describes_its_parameters_and_body(operation: Operation) -> None:
    described = DESCRIBED[operation.method, operation.path]
    parameters = {(one["in"], one["name"]): one for one in described["parameters"]}
    in_path = {name for place, name in parameters if place == "path"}
    assert in_path == set(re.findall(r"{(\w+)}", operation.path))
    assert all(parameters["path", name]["required"] for name in in_path)
    fields = {field.encode_name for field in msgspec.structs.fields(operation.query)} if operation.query else set()
    assert {name for place, name in parameters if place == "query"} == fields
    assert (("header", "Idempotency-Key") in parameters) is operation.idempotent
    assert ("requestBody" in described) is (operation.body is not None)
    assert described["summary"]
    assert described["tags"] == [operation.tag]
    assert operation.tag


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_an_operation_describes_its_answers_and_who_may_ask(operation: Operation) -> None:
    described = DESCRIBED[operation.method, operation.path]
    assert {int(status) for status in described["responses"]} == set(operation.statuses)
    assert ("security" in described) is (operation.access == "merchant")
    for status, response in described["responses"].items():
        if int(status) != operation.status:
            schema = response["content"]["application/json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/ErrorAnswer"}


def test_errors_look_as_promised() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    assert schemas["ErrorAnswer"]["required"] == ["error"]
    assert sorted(schemas["ErrorBody"]["required"]) == ["code", "description"]


def test_no_answer_describes_a_card() -> None:
    schemas = {f"#/components/schemas/{name}": schema for name, schema in DOCUMENT["components"]["schemas"].items()}
    reached = set(references([described["responses"] for described in DESCRIBED.values()]))
    while (further := reached | set(references([schemas[name] for name in reached]))) != reached:
        reached = further
    fields = {field for name in reached for field in schemas[name].get("properties", {})}
    assert {"card_last4", "card_network"} <= fields
    assert {"card", "number", "cvv", "expiry_month", "expiry_year", "holder_name"} & fields == set()


def test_webhooks_can_be_asked_for_by_every_event_that_is_sent() -> None:
    assert get_args(WebhookEvent) == EVENTS
