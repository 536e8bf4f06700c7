"""What the guide to providers shows is so: its commands run beside the sandbox, and answer as shown."""

import json
import os
import sys
from pathlib import Path

import pytest
from tests.integration import test_docs as pages
from tests.providers.shop import Shop

GUIDES = sorted((pages.DOCS / "providers").glob("*.md"))


@pytest.mark.parametrize("shop", ["stripe"], indirect=True)
async def test_commands_run_and_answer_as_shown(shop: Shop, tmp_path: Path) -> None:
    gateway = shop.gateway
    found = pages.blocks(pages.DOCS / "providers" / "README.md")
    script = "set -eo pipefail\n"
    script += "".join(f"{b.text}echo '{pages.END_OF_BLOCK}'\n" for b in found if pages.runs(b))
    kassa = tmp_path / "kassa"
    kassa.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m kassa "$@"\n')
    kassa.chmod(0o755)
    python_path = os.pathsep.join([str(pages.ROOT / "src"), os.environ.get("PYTHONPATH", "")])
    environment = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": python_path}

    code, output = await pages.run(
        ["bash", "-c", script.replace("localhost:8000", f"127.0.0.1:{gateway.port}")],
        tmp_path,
        gateway.environment | environment,
    )

    assert code == 0, output
    outputs = iter(output.split(pages.END_OF_BLOCK + "\n"))
    for block, following in zip(found, [*found[1:], None], strict=True):
        if not pages.runs(block):
            continue
        text = next(outputs)
        assert '{"error":' not in text, text
        if following is not None and following.language == "json":
            real = json.loads(text.strip().splitlines()[-1])
            assert pages.alike(pages.shape(json.loads(following.text)), pages.shape(real)), (following.text, real)


def test_links_lead_somewhere_and_guides_stay_short() -> None:
    assert len(GUIDES) == 5
    for page in GUIDES:
        pages.test_links_lead_somewhere(page)
        pages.test_pages_stay_short(page)
