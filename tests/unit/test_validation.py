"""Requests that cannot be understood are refused in a sentence that names the field and says what it must be."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kassa.api import requests
from kassa.api.validation import in_utc, is_id, is_uuid, parse_body, parse_query
from kassa.domain.errors import KassaError


def refusal(model: type[msgspec.Struct], body: bytes | dict[str, Any]) -> tuple[str, str]:
    """Code and sentence that a body is refused with."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(KassaError) as caught:
        parse_body(sent, model, msgspec.json.Decoder(model))
    assert caught.value.status == 400
    return caught.value.code, caught.value.description


def sentence(model: type[msgspec.Struct], body: bytes | dict[str, Any]) -> str:
    """The sentence of a BAD_REQUEST_ERROR."""
    code, description = refusal(model, body)
    assert code == "BAD_REQUEST_ERROR"
    return description


def query_sentence(model: type[msgspec.Struct], query: bytes) -> str:
    """The sentence that a query string is refused with."""
    with pytest.raises(KassaError) as caught:
        parse_query(query, model)
    assert (caught.value.code, caught.value.status) == ("BAD_REQUEST_ERROR", 400)
    return caught.value.description


@pytest.mark.parametrize(
    "body",
    [b"{", b"{'amount':500}", b'{"amount":500} x', b'{"amount":NaN}', b'{"receipt":"\xff"}',
     b'\xef\xbb\xbf{"amount":500}', b'{"receipt":"\\ud800"}', b'{"notes":' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001],
)  # fmt: skip
def test_what_is_not_json(body: bytes) -> None:
    assert sentence(requests.NewOrder, body) == "The body is not valid JSON"


@pytest.mark.parametrize("body", [b"", b" \n"])
def test_no_body(body: bytes) -> None:
    assert sentence(requests.NewOrder, body) == "The body is empty; send a JSON object"


@pytest.mark.parametrize("model", [requests.NewSecret, requests.NewTestWebhook, requests.NewPayersSession])
def test_no_body_where_nothing_has_to_be_said(model: type[msgspec.Struct]) -> None:
    assert parse_body(b"", model, msgspec.json.Decoder(model)) == model()


@pytest.mark.parametrize("body", [b"[]", b"null", b"1", b'"text"', b"true", b'[{"amount":500}]'])
def test_what_is_not_an_object(body: bytes) -> None:
    assert sentence(requests.NewOrder, body) == "The body must be a JSON object"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "amount is required"),
        ({"amount": 99}, "amount must be at least 100"),
        ({"amount": -5}, "amount must be at least 100"),
        ({"amount": 2**31}, "amount must be at most 2147483647"),
        ({"amount": 10**30}, "amount must be at most 2147483647"),
        ({"amount": "500"}, "amount must be an integer"),
        ({"amount": 500.5}, "amount must be an integer"),
        ({"amount": 500.0}, "amount must be an integer"),
        ({"amount": True}, "amount must be an integer"),
        ({"amount": None}, "amount must be an integer"),
        ({"amount": 500, "currency": "inr"}, "currency must be three capital letters, such as INR"),
        ({"amount": 500, "currency": "RUPEE"}, "currency must be three capital letters, such as INR"),
        ({"amount": 500, "currency": ""}, "currency must be three capital letters, such as INR"),
        ({"amount": 500, "currency": 356}, "currency must be a string"),
        ({"amount": 500, "receipt": 17}, "receipt must be a string"),
        ({"amount": 500, "receipt": "x" * 256}, "receipt must have at most 255 characters"),
        ({"amount": 500, "receipt": "a\0b"}, "receipt must not contain NUL characters"),
        ({"amount": 500, "notes": []}, "notes must be an object"),
        ({"amount": 500, "notes": "text"}, "notes must be an object"),
    ],
)
def test_orders(fields: dict[str, Any], expected: str) -> None:
    assert sentence(requests.NewOrder, fields) == expected


def test_a_number_that_json_cannot_hold() -> None:
    assert sentence(requests.NewOrder, b'{"amount":1e999}') == "amount has a number that is out of range"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ("BAD_REQUEST_ERROR", "order_id is required")),
        ({"order_id": 1}, ("BAD_REQUEST_ERROR", "order_id must be a string")),
        ({"order_id": "o"}, ("BAD_REQUEST_ERROR", "method is required")),
        ({"order_id": "o", "method": "cash"}, ("BAD_REQUEST_ERROR", "method must be card or upi")),
        ({"order_id": "o", "method": "upi", "vpa": 5}, ("INVALID_VPA", "vpa must be a string")),
        ({"order_id": "o", "method": "card", "card": "4242"}, ("INVALID_CARD", "card must be an object")),
        ({"order_id": "o", "method": "card", "card": {}}, ("INVALID_CARD", "card.number is required")),
        ({"order_id": "o", "method": "card", "card": {"number": 4}}, ("INVALID_CARD", "card.number must be a string")),
    ],
)
def test_payments_name_their_own_codes(fields: dict[str, Any], expected: tuple[str, str]) -> None:
    assert refusal(requests.NewPayment, fields) == expected


@pytest.mark.parametrize("missing", ["number", "expiry_month", "expiry_year", "cvv", "holder_name"])
def test_every_field_of_a_card_is_required(missing: str) -> None:
    card = {"number": "4", "expiry_month": 1, "expiry_year": 30, "cvv": "123", "holder_name": "A"}
    del card[missing]
    body = {"order_id": "o", "method": "card", "card": card}
    assert refusal(requests.NewPayment, body) == ("INVALID_CARD", f"card.{missing} is required")


_NO_EMAIL = "customer_email must be an e-mail address"


@pytest.mark.parametrize(
    ("model", "fields", "expected"),
    [
        (requests.NewRefund, {"amount": 0}, "amount must be at least 1"),
        (requests.NewRefund, {"amount": 1, "reason": "x" * 1_001}, "reason must have at most 1000 characters"),
        (requests.NewRefund, {"amount": 1, "reason": "\0"}, "reason must not contain NUL characters"),
        (requests.NewCapture, {"amount": "1"}, "amount must be an integer"),
        (requests.NewCheckoutSession, {"order_id": "o", "customer_email": "asha"}, _NO_EMAIL),
        (requests.NewCheckoutSession, {"order_id": "o", "customer_email": "a b@c"}, _NO_EMAIL),
        (requests.NewCheckoutSession, {"order_id": "o", "line_items": "mug"}, "line_items must be a list"),
        (requests.NewLink, {"amount": 100, "description": ""}, "description must not be empty"),
        (requests.NewWebhookConfig, {}, "url is required"),
        (requests.NewWebhookConfig, {"url": 5}, "url must be a string"),
        (requests.NewSecret, {"overlap_s": -1}, "overlap_s must be at least 0"),
        (requests.NewSecret, {"overlap_s": 604_801}, "overlap_s must be at most 604800"),
    ],
)
def test_other_bodies(model: type[msgspec.Struct], fields: dict[str, Any], expected: str) -> None:
    assert sentence(model, fields) == expected


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"limit=0", "limit must be at least 1"),
        (b"limit=101", "limit must be at most 100"),
        (b"limit=ten", "limit must be an integer"),
        (b"limit=" + b"9" * 30, "limit must be at most 100"),
        (b"amount_min=1.5", "amount_min must be an integer"),
        (b"amount_min=-1", "amount_min must be at least 0"),
        (b"amount_max=2147483648", "amount_max must be at most 2147483647"),
        (b"captured=maybe", "captured must be true or false"),
        (b"status=open", "status must be created, failed, pending, processing or success"),
        (b"created_from=yesterday", "created_from must be a time such as 2024-01-15T10:30:00Z"),
        (b"created_from=2024-01-15T10:30:00", "created_from must be a time such as 2024-01-15T10:30:00Z"),
        (b"created_to=9999-12-31T23:00:00-05:00", "created_to must be a time such as 2024-01-15T10:30:00Z"),
        (b"created_from=0001-01-01T00:00:00%2B05:00", "created_from must be a time such as 2024-01-15T10:30:00Z"),
        (b"after=order_0000000000000000", "after must be the `next` of an earlier page"),
        (b"amount_min=2&amount_max=1", "amount_min must not be greater than amount_max"),
        (b"order_id=%00", "The query string is not valid text"),
        (b"order_id=%ff", "The query string is not valid text"),
        (b"order_id=\xff", "The query string is not valid"),
        (b"&".join([b"x=1"] * 51), "The query string is not valid"),
    ],
)
def test_queries(query: bytes, expected: str) -> None:
    assert query_sentence(requests.PaymentsQuery, query) == expected


@pytest.mark.parametrize("query", [b"first=x", b"first=2024-02-30", b"first=2024-01-15T10:30:00Z", b"first=20240115"])
def test_days(query: bytes) -> None:
    assert query_sentence(requests.StatisticsQuery, query) == "first must be a date such as 2024-01-15"


def test_a_time_of_anywhere_is_taken_in_utc() -> None:
    query = parse_query(b"created_from=2024-01-15T16:00:00%2B05:30", requests.PaymentsQuery)
    assert query.created_from is not None
    assert in_utc("created_from", query.created_from).isoformat() == "2024-01-15T10:30:00+00:00"


def test_unknown_and_empty_parameters_are_passed_over() -> None:
    assert parse_query(b"limit=5&page=2&status=&after=", requests.PaymentsQuery) == requests.PaymentsQuery(limit=5)


def test_unknown_fields_are_passed_over() -> None:
    decoder = msgspec.json.Decoder(requests.NewCapture)
    assert parse_body(b'{"amount":5,"currency":"INR"}', requests.NewCapture, decoder) == requests.NewCapture(5)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
names = st.sampled_from(["amount", "currency", "receipt", "notes", "order_id", "method", "vpa", "card", "number", "x"])


@given(
    st.sampled_from([requests.NewOrder, requests.NewPayment, requests.NewRefund, requests.NewWebhookConfig]),
    st.dictionaries(names, values | st.dictionaries(names, values, max_size=3)),
)
def test_anything_is_either_understood_or_refused(model: type[msgspec.Struct], fields: dict[str, Any]) -> None:
    try:
        assert isinstance(parse_body(json.dumps(fields).encode(), model, msgspec.json.Decoder(model)), model)
    except KassaError as error:
        assert error.status == 400
        assert error.code in ("BAD_REQUEST_ERROR", "INVALID_CARD", "INVALID_VPA")
        assert "`" not in error.description, "the decoder's own words"


@given(st.binary() | st.text().map(str.encode))
@example(b"=&=;%&limit=%31")
def test_any_query_string_is_either_understood_or_refused(query: bytes) -> None:
    try:
        assert isinstance(parse_query(query, requests.PaymentsQuery), requests.PaymentsQuery)
    except KassaError as error:
        assert error.status == 400


@pytest.mark.parametrize("text", ["order_ABC123", "pay_0", "a-b", "x" * 64])
def test_ids(text: str) -> None:
    assert is_id(text)


@pytest.mark.parametrize("text", ["", "x" * 65, "a b", "a/b", "a\0", "a\n", "é", "a'"])
def test_what_cannot_be_an_id(text: str) -> None:
    assert not is_id(text)


@given(st.uuids(), st.text())
def test_uuids(known: object, text: str) -> None:
    assert is_uuid(str(known))
    assert is_uuid(str(known).upper())
    for wrong in (f"{known}\n", f" {known}", f"{{{known}}}", str(known)[:-1], str(known).replace("-", ""), text):
        assert not is_uuid(wrong)
