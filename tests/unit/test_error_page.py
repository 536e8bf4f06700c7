"""The page of errors in the docs says what the code says."""

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_the_page_is_generated_from_the_catalogue_as_it_is() -> None:
    page = runpy.run_path(str(DOCS / "make_errors.py"))["page"]
    assert (DOCS / "errors.md").read_text(encoding="utf-8") == page(), "run: python docs/make_errors.py"
