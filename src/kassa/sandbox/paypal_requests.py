"""What the PayPal stand-in takes of a request, and what it says to the rest."""

from typing import Any

import msgspec
from starlette.responses import JSONResponse, Response

from kassa.domain.money import from_decimal
from kassa.sandbox.books import mint
from kassa.sandbox.paypal_objects import WHOLE, Json

_PROBLEMS = {
    400: ("INVALID_REQUEST", "Request is not well-formed, syntactically incorrect, or violates schema."),
    401: (
        "AUTHENTICATION_FAILURE",
        "Authentication failed due to missing authorization header, or invalid authentication credentials.",
    ),
    403: ("NOT_AUTHORIZED", "Authorization failed due to insufficient permissions."),
    404: ("RESOURCE_NOT_FOUND", "The specified resource does not exist."),
    422: (
        "UNPROCESSABLE_ENTITY",
        "The requested action could not be performed, semantically incorrect, or failed business validation.",
    ),
    429: ("RATE_LIMIT_REACHED", "Too many requests. Blocked due to rate limiting."),
    500: ("INTERNAL_SERVER_ERROR", "An internal server error occurred."),
}


class Wrong(Exception):
    """A refusal; `answer` is PayPal's."""

    def __init__(self, status: int, issue: str, field: str | None = None) -> None:
        self.answer = problem(status, issue, field)


def problem(status: int, issue: str | None = None, field: str | None = None) -> Response:
    """An error as PayPal answers it."""
    name, message = _PROBLEMS[status]
    body: Json = {"name": name, "message": message, "debug_id": mint("")[:13], "links": []}
    if issue is not None:
        body["details"] = [{"issue": issue} | ({"field": field} if field else {})]
    return JSONResponse(body, status)


def checked_order(asked: Json) -> tuple[int, str]:
    """An order's amount and currency, if it is one that PayPal would take."""
    if asked.get("intent") != "CAPTURE":
        raise Wrong(400, "INVALID_PARAMETER_VALUE", "/intent")
    units = asked.get("purchase_units")
    if not isinstance(units, list) or len(units) != 1:
        raise Wrong(400, "INVALID_ARRAY_LENGTH", "/purchase_units")
    page = asked.get("payment_source", {}).get("paypal", {}).get("experience_context", {})
    for name in ("return_url", "cancel_url"):
        if not str(page.get(name, "")).startswith("http"):
            raise Wrong(422, f"{name.upper()}_REQUIRED")
    where = "/purchase_units/0/amount"
    amount, currency = checked_money(units[0].get("amount"), where)
    items = units[0].get("items", [])
    lines = [checked_money(item.get("unit_amount"), "/items/unit_amount") for item in items]
    if items:
        breakdown = units[0]["amount"].get("breakdown", {}).get("item_total")
        if breakdown is None:
            raise Wrong(422, "ITEM_TOTAL_REQUIRED")
        total = sum(line[0] * int(item["quantity"]) for line, item in zip(lines, items, strict=True))
        if checked_money(breakdown, where) != (total, currency) or any(line[1] != currency for line in lines):
            raise Wrong(422, "ITEM_TOTAL_MISMATCH")
        if total != amount:
            raise Wrong(422, "AMOUNT_MISMATCH")
    return amount, currency


def checked_money(given: Any, field: str) -> tuple[int, str]:
    """An amount and its currency, if PayPal would take it."""
    try:
        currency, value = str(given["currency_code"]), str(given["value"])
        amount = from_decimal(value, currency)
    except (KeyError, TypeError) as error:
        raise Wrong(400, "MISSING_REQUIRED_PARAMETER", field) from error
    except ValueError as error:
        raise Wrong(422, "DECIMAL_PRECISION", field) from error
    if currency in ("INR", "KWD"):
        raise Wrong(422, "CURRENCY_NOT_SUPPORTED", field)
    if currency in WHOLE and "." in value:
        raise Wrong(422, "DECIMALS_NOT_SUPPORTED", field)
    if amount <= 0:
        raise Wrong(422, "CANNOT_BE_ZERO_OR_NEGATIVE", field)
    return amount, currency


def decoded(body: bytes) -> Json:
    """A request's body."""
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except msgspec.MsgspecError as error:
        raise Wrong(400, "MALFORMED_REQUEST_JSON") from error
