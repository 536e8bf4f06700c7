"""What the guide to providers shows is so: its commands run beside the sandbox, and answer as shown."""

from pathlib import Path

import pytest
from tests.pages import DOCS, assert_answers_as_shown, assert_links_lead_somewhere, assert_short
from tests.providers.shop import Shop

GUIDES = sorted((DOCS / "providers").glob("*.md"))


@pytest.mark.parametrize("shop", ["stripe"], indirect=True)
async def test_commands_run_and_answer_as_shown(shop: Shop, tmp_path: Path) -> None:
    gateway = shop.gateway
    instead = {"localhost:8000": f"127.0.0.1:{gateway.port}"}
    await assert_answers_as_shown(DOCS / "providers" / "README.md", instead, gateway.environment, tmp_path)


def test_links_lead_somewhere_and_guides_stay_short() -> None:
    assert len(GUIDES) == 5
    for page in GUIDES:
        assert_links_lead_somewhere(page)
        assert_short(page)
