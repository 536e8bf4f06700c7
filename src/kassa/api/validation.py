"""Turn bytes into request models, and the decoder's complaints into sentences that help."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec

from kassa.domain.errors import KassaError, bad_request

T = TypeVar("T", bound=msgspec.Struct)

BODY_LIMIT_BYTES = 65_536
_PATH = re.compile(r" - at `\$\.?([^`]*)`$")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_RULES: list[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]] = [
    (re.compile(r"Object missing required field `(.+)`"), lambda m: "is required"),
    (re.compile(r"Expected `(int|float)` >= (\S+)"), lambda m: f"must be at least {m[2]}"),
    (re.compile(r"Expected `(int|float)` <= (\S+)"), lambda m: f"must be at most {m[2]}"),
    (re.compile(r"Expected `str` of length >= 1\b"), lambda m: "must not be empty"),
    (re.compile(r"Expected `str` of length <= (\d+)"), lambda m: f"must have at most {m[1]} characters"),
    (re.compile(r"Expected `str` matching regex '\^\[A-Z\]"), lambda m: "must be three capital letters, such as INR"),
    (re.compile(r"Expected `str` matching regex '.*[Za]-[zfF]"), lambda m: "must be the `next` of an earlier page"),
    (re.compile(r"Expected `str` matching regex '\^\[\^@"), lambda m: "must be an e-mail address"),
    (re.compile(r"Expected `str` matching regex '\^\[\^"), lambda m: "must not contain NUL characters"),
    (re.compile(r"Expected `int.*`, got"), lambda m: "must be an integer"),
    (re.compile(r"Expected `str.*`, got"), lambda m: "must be a string"),
    (re.compile(r"Expected `bool.*`, got"), lambda m: "must be true or false"),
    (re.compile(r"Expected `object.*`, got"), lambda m: "must be an object"),
    (re.compile(r"Expected `array.*`, got"), lambda m: "must be a list"),
    (re.compile(r"Invalid enum value"), lambda m: "is not one of the values it can have"),
    (re.compile(r"Number out of range"), lambda m: "has a number that is out of range"),
    (re.compile(r"(Expected `|Invalid \w+ encoded )datetime"), lambda m: "must be a time such as 2024-01-15T10:30:00Z"),
    (re.compile(r"(Expected `|Invalid \w+ encoded )date"), lambda m: "must be a date such as 2024-01-15"),
]
# Bounds of one thing: the first of each pair must not lie behind the second.
_RANGES = (("first", "last"), ("amount_min", "amount_max"), ("created_from", "created_to"))


def parse_body(body: bytes, model: type[T], decoder: msgspec.json.Decoder[T]) -> T:
    """The request model in a JSON body; raises BAD_REQUEST_ERROR, or INVALID_CARD or INVALID_VPA for those fields.

    Where nothing has to be said, no body says as much as `{}`.
    """
    if not body.strip() and not any(field.required for field in msgspec.structs.fields(model)):
        return model()
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        raise _refusal(str(error), model) from None
    except (msgspec.DecodeError, ValueError, RecursionError):
        empty = not body.strip()
        raise bad_request("The body is empty; send a JSON object" if empty else "The body is not valid JSON") from None


def parse_query(query: bytes, model: type[T]) -> T:
    """The request model in a query string; unknown and empty parameters are passed over."""
    try:
        pairs = parse_qsl(query.decode("ascii"), max_num_fields=50)
        values = {name: value for name, value in pairs if value}
        if any("\0" in value or "\ufffd" in value for value in values.values()):
            raise bad_request("The query string is not valid text")
        request = msgspec.convert(values, model, strict=False)
    except msgspec.ValidationError as error:
        raise _refusal(str(error), model) from None
    except ValueError:
        raise bad_request("The query string is not valid") from None
    for name, value in msgspec.structs.asdict(request).items():
        if isinstance(value, datetime):
            in_utc(name, value)
    for low, high in _RANGES:
        least, most = getattr(request, low, None), getattr(request, high, None)
        if least is not None and most is not None and least > most:
            raise bad_request(f"{low} must not be greater than {high}")
    return request


def in_utc(name: str, moment: datetime) -> datetime:
    """The same moment in UTC; raises BAD_REQUEST_ERROR for one that is in no year there, as `name` came with it."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise bad_request(f"{name} must be a time such as 2024-01-15T10:30:00Z") from None


def is_id(text: str) -> bool:
    """Whether `text` can be an id at all; what cannot is unknown without asking the database."""
    return _ID.fullmatch(text) is not None


def is_uuid(text: str) -> bool:
    """Whether `text` is a UUID."""
    return _UUID.fullmatch(text) is not None


def _refusal(message: str, model: type[msgspec.Struct]) -> KassaError:
    where = _PATH.search(message)
    path = re.sub(r"\[(\.\.\.|\d+)\]", "", where[1]) if where else ""
    if missing := re.search(r"missing required field `(.+?)`", message):
        path = f"{path}.{missing[1]}" if path else missing[1]
    top = path.split(".")[0]
    if not top:
        return bad_request("The body must be a JSON object")
    rule = next((say(found) for pattern, say in _RULES if (found := pattern.match(message))), "is not valid")
    if rule == "is not one of the values it can have":
        *choices, last = _choices(model, top)
        rule = f"must be {', '.join(choices)} or {last}"
    code = {"card": "INVALID_CARD", "vpa": "INVALID_VPA"}.get(top, "BAD_REQUEST_ERROR")
    return KassaError(code, f"{path} {rule}")


def _choices(model: type[msgspec.Struct], name: str) -> list[str]:
    for one in msgspec.structs.fields(model):
        if one.encode_name == name:
            kinds: Any = msgspec.inspect.type_info(one.type)
            kinds = kinds.types if isinstance(kinds, msgspec.inspect.UnionType) else [kinds]
            return [str(v) for kind in kinds if isinstance(kind, msgspec.inspect.LiteralType) for v in kind.values]
    return []
