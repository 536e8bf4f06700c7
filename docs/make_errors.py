"""Writes docs/errors.md from the catalogue of errors: python docs/make_errors.py."""

from pathlib import Path

from kassa.domain.errors import CATALOGUE
from kassa.domain.explanations import built_in

PAGE = Path(__file__).with_name("errors.md")
_HEAD = """# Errors

Every refusal is `{"error": {"code": …, "description": …}}`. The description is a sentence for people, and may be
more exact than the one below. This page is generated from the code; `make check` keeps it so.

| code | HTTP | what it means | what to do |
|---|---|---|---|
"""
_FAILURES = """
## Why a payment failed

These stand in a payment's `error_code`; the provider's own word is kept in `provider_code`.
`GET /api/v1/payments/{id}/explanation` says the same for one payment.

| error_code | what happened | tell the payer | retry |
|---|---|---|---|
"""


def page() -> str:
    """The page as it should be."""
    answers = [
        f"| `{code}` | {entry.status} | {entry.sentence} | {entry.next_step} |"
        for code, entry in CATALOGUE.items()
        if entry.status != 200
    ]
    failures = []
    for code, entry in CATALOGUE.items():
        if entry.status == 200:
            one = built_in(code)
            failures.append(f"| `{code}` | {one.what_happened} | {one.tell_payer} | {one.retry.replace('_', ' ')} |")
    return _HEAD + "\n".join(answers) + "\n" + _FAILURES + "\n".join(failures) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
