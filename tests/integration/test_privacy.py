"""Cards and secrets: whatever happens, a card is nowhere but in the memory of the request that brought it."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from redis.asyncio import Redis

from tests.integration.shop import with_check_digit
from tests.live import CARD, Live, Receiver, Reply

# Numbers that occur nowhere else, so that a find is a leak.
NUMBERS = [with_check_digit(n) for n in ("492917438016522", "543603103060637", "34000058371295", "601149382716504")]
CVVS = ["9071", "9073"]
HOLDER = "Thaddeus Quackenbush"
YEAR = "2083"
PASSWORD = "a password nobody guesses 417"


def spellings(number: str) -> list[bytes]:
    """A number as it may have been written: plain, as it was typed, packed and encoded."""
    typed = [number, " ".join(re.findall("....?", number)), "-".join(re.findall("....?", number)), number[:-4]]
    return [one.encode() for one in typed] + [number.encode("utf-16-le"), number.encode().hex().encode()]


NEEDLES = [spelling for number in NUMBERS for spelling in spellings(number)] + [
    *(f'"{cvv}"'.encode() for cvv in CVVS),
    HOLDER.encode(),
    f'"{YEAR}"'.encode(),
    PASSWORD.encode(),
]


def leaks(haystack: bytes) -> list[bytes]:
    """The secrets that are in some bytes."""
    return [needle for needle in NEEDLES if needle in haystack]


def bodies() -> list[dict[str, Any]]:
    """Card payments of all kinds, good ones and wrong ones."""
    good = [{**CARD, "number": n, "cvv": c, "holder_name": HOLDER, "expiry_year": YEAR} for n in NUMBERS for c in CVVS]
    cards: list[Any] = [
        *good,
        *({**card, "number": f" {card['number'][:4]} {card['number'][4:]}-"} for card in good),
        *({**card, "number": card["number"][:-1] + "x"} for card in good),
        *({**card, "number": int(card["number"])} for card in good),
        *({**card, "expiry_month": "13"} for card in good),
        *({**card, "expiry_year": "2020"} for card in good),
        *({**card, "cvv": card["cvv"] + "99"} for card in good),
        *({**card, "cvv": int(card["cvv"])} for card in good),
        *({**card, "holder_name": None} for card in good),
        *([card] for card in good),
        *(str(card) for card in good),
    ]
    wrong: list[dict[str, Any]] = [
        body
        for card in good
        for body in (
            {"method": "upi", "vpa": card["number"] + " " + card["cvv"]},
            {"method": card["number"], "card": card},
            {"order_id": card["number"] + "😀", "method": "card", "card": card},
            {"amount": card["number"], "method": "card", card["number"]: 1},
        )
    ]
    return [*({"method": "card", "card": card} for card in cards), *wrong]


async def flood(gateway: Live, kill: str | None = None) -> list[Reply]:
    """All of them at once, by both doors, while one process is killed; what was answered."""
    asked = bodies()
    orders = await asyncio.gather(*(gateway.order() for _ in asked))

    async def send(number: int, order: Any, body: dict[str, Any]) -> Reply | None:
        path = "/api/v1/payments/public" if number % 3 == 0 else "/api/v1/payments"
        whole = json.dumps({"order_id": order["id"], **body}).encode()
        headers = {"Idempotency-Key": order["id"]} if number % 2 else {}
        try:
            return await gateway.post(path, raw=whole[:-1] if number % 10 == 0 else whole, headers=headers)
        except aiohttp.ClientError:
            return None  # the process that was to answer is gone

    under_way = [asyncio.create_task(send(n, *pair)) for n, pair in enumerate(zip(orders, asked, strict=True))]
    if kill is not None:
        await asyncio.sleep(0)
        gateway.kill(kill)
    return [reply for reply in await asyncio.gather(*under_way) if reply is not None]


@pytest.fixture(scope="module")
async def used(receiver_url: str) -> AsyncIterator[tuple[Live, list[Reply]]]:
    """A gateway that has seen cards, errors and crashes, and is still there; with all that it answered."""
    async with Live(LOG_LEVEL="debug") as gateway:
        await gateway.use_webhooks(receiver_url)
        replies = await flood(gateway)
        for name in ("redis", "postgres", "worker-1", "api-1"):
            replies += await flood(gateway, kill=name)
            await gateway.healthy()
        await gateway.post("/api/v1/session", {"email": "test@example.com", "password": PASSWORD}, anonymous=True)
        await gateway.post("/api/v1/session", {"email": PASSWORD, "password": PASSWORD}, anonymous=True)
        await gateway.paid()
        yield gateway, replies


@pytest.fixture(scope="module")
async def journal() -> AsyncIterator[Receiver]:
    """A receiver of everything that is told about those cards."""
    async with Receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def receiver_url(journal: Receiver) -> str:
    """Where it listens."""
    return journal.url


Used = tuple[Live, list[Reply]]


async def test_cards_were_really_taken_and_refused(used: Used) -> None:
    gateway, replies = used

    statuses = [reply.status for reply in replies]
    assert statuses.count(201) >= 16
    assert statuses.count(400) >= 80
    assert 500 not in statuses
    rows = await gateway.sql("SELECT DISTINCT card_last4 FROM payments WHERE card_last4 IS NOT NULL")
    assert {row[0] for row in rows} >= {number[-4:] for number in NUMBERS}


async def test_no_answer_shows_a_card(used: Used) -> None:
    _, replies = used

    for reply in replies:
        assert leaks(reply.text.encode() + str(reply.headers).encode()) == []


async def test_no_table_holds_a_card(used: Used) -> None:
    gateway, _ = used
    tables = await gateway.sql("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
    assert {"payments", "idempotency_keys", "webhook_logs"} <= {row[0] for row in tables}

    for (table,) in tables:
        rows = await gateway.sql(f'SELECT t::text FROM "{table}" t')
        assert leaks("\n".join(row[0] for row in rows).encode()) == [], table


async def test_no_key_of_the_queue_holds_a_card(used: Used) -> None:
    gateway, _ = used
    await gateway.pay_by_card((await gateway.order())["id"], number=NUMBERS[0], cvv=CVVS[0], holder_name=HOLDER)
    redis = Redis.from_url(gateway.urls()[1])
    keys = [key async for key in redis.scan_iter()]
    dumps = [await redis.dump(key) for key in keys]
    await redis.aclose()

    assert keys
    assert leaks(b"\n".join([*keys, *(dump for dump in dumps if dump)])) == []


async def test_no_webhook_tells_of_a_card(used: Used, journal: Receiver) -> None:
    assert journal.received
    for one in journal.received:
        assert leaks(one.body + str(one.headers).encode()) == []


def files_of(gateway: Live) -> list[Path]:
    """Every file of a gateway: logs, console, database with its write-ahead log."""
    roots = [gateway.folder, (gateway.home / "postgres").resolve()]
    return [file for root in roots for file in root.rglob("*") if file.is_file()]


def test_no_file_holds_a_card(used: Used) -> None:
    gateway, _ = used
    files = files_of(gateway)
    assert {"api-1.log", "worker-1.log", "postgres.log", "console"} <= {file.name for file in files}
    assert any("pg_wal" in file.parts for file in files)

    found = {str(file): leak for file in files if (leak := leaks(file.read_bytes()))}

    assert found == {}


def test_log_names_no_credentials(used: Used) -> None:
    gateway, _ = used
    logs = gateway.logs()

    assert '"event":"request"' in logs
    for secret in ("secret_test_xyz789", "whsec_test_abc123"):
        assert secret not in logs
    assert HOLDER not in logs
    assert not re.search(r"\bpayer@|success@kassa", logs)


async def test_no_answer_shows_a_secret(used: Used) -> None:
    _, replies = used

    for reply in replies:
        assert "secret_test_xyz789" not in reply.text
        assert "whsec_test_abc123" not in reply.text
        assert "Traceback" not in reply.text
