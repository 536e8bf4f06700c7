"""The catalogue of errors: every code that the code uses is in it, with a status and sentences for people."""

import ast
from pathlib import Path

import pytest

from kassa.domain.errors import CATALOGUE, KassaError, bad_request, not_found
from kassa.providers.simulator import SUCCESS, TEST_CARDS, TEST_VPAS

SOURCE = Path(__file__).parents[2] / "src" / "kassa"


def codes_raised() -> set[str]:
    """The codes that KassaError is made with anywhere, as far as they are written out there."""
    trees = [ast.parse(file.read_text(encoding="utf-8")) for file in SOURCE.rglob("*.py")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args]
    made = [call.args[0] for call in calls if ast.unparse(call.func).split(".")[-1] == "KassaError"]
    literals = [node for first in made for node in ast.walk(first) if isinstance(node, ast.Constant)]
    return {str(literal.value) for literal in literals if isinstance(literal.value, str)}


def test_every_code_in_use_is_in_the_catalogue() -> None:
    used = codes_raised()
    assert len(used) >= 6
    assert used - CATALOGUE.keys() == set()


def test_every_verdict_of_the_simulated_bank_is_too() -> None:
    assert {*TEST_CARDS.values(), *TEST_VPAS.values()} - {SUCCESS} - CATALOGUE.keys() == set()


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("AUTHENTICATION_ERROR", 401),
        ("BAD_REQUEST_ERROR", 400),
        ("NOT_FOUND_ERROR", 404),
        ("INVALID_VPA", 400),
        ("INVALID_CARD", 400),
        ("EXPIRED_CARD", 400),
        ("INSUFFICIENT_REFUND_AMOUNT", 400),
        ("SERVICE_UNAVAILABLE", 503),
        ("INTERNAL_ERROR", 500),
    ],
)
def test_the_promised_codes_and_statuses(code: str, status: int) -> None:
    assert (KassaError(code).code, KassaError(code).status) == (code, status)
    assert KassaError(code).description == CATALOGUE[code].sentence


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_entry_says_what_happened_and_what_to_do(code: str) -> None:
    entry = CATALOGUE[code]
    assert len(code) <= 50, "payments.error_code holds 50 characters"
    assert entry.sentence
    assert not entry.sentence.endswith(".")
    assert entry.next_step.endswith(".")
    assert entry.status in (200, 400, 401, 404, 500, 502, 503)


def test_wrong_credentials_are_told_in_the_promised_words() -> None:
    assert KassaError("AUTHENTICATION_ERROR").description == "Invalid API credentials"


def test_an_unknown_code_cannot_be_raised() -> None:
    with pytest.raises(KeyError):
        KassaError("NO_SUCH_CODE")


def test_short_forms() -> None:
    refused, missing = bad_request("amount is wrong", 415), not_found("Order")
    assert (refused.code, refused.status, refused.description) == ("BAD_REQUEST_ERROR", 415, "amount is wrong")
    assert (missing.code, missing.status, missing.description) == ("NOT_FOUND_ERROR", 404, "Order not found")
    assert bad_request("x").status == 400
    assert str(missing) == "NOT_FOUND_ERROR: Order not found"
