"""Hostile input: whatever is sent, the answer is a success or a refusal in our own words, and the gateway lives on."""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from redis.asyncio import Redis

from kassa.local import running
from tests.live import Live

MEGABYTE = 2**20
JSON = b"Content-Type: application/json"


class Target(NamedTuple):
    """One operation of the API, as its own description has it."""

    method: str
    path: str
    described: dict[str, Any]


@pytest.fixture(scope="module")
async def target_gateway(gateway: Live) -> AsyncIterator[Live]:
    """A gateway of its own, whose processes are the same before and after."""
    async with await gateway.beside() as other:
        found = running(other.home)
        assert found is not None
        yield other
        after = running(other.home)
        assert after is not None
        assert after.pids == found.pids
        assert (await other.get("/health")).json["status"] == "healthy"
        assert (await other.paid())["status"] == "success"
        assert "request.crashed" not in other.logs()
        assert "worker.crashed" not in other.logs()
        redis = Redis.from_url(other.urls()[1])
        assert await redis.ping()
        await redis.aclose()


@pytest.fixture(scope="module")
async def targets(target_gateway: Live) -> list[Target]:
    """Every operation, except for the one that would lock out whoever tries the others."""
    document = (await target_gateway.get("/openapi.json")).json
    return [
        Target(method.upper(), path, described)
        for path, methods in document["paths"].items()
        for method, described in methods.items()
        if not path.endswith("/rotate")
    ]


class Answer(NamedTuple):
    """What came back: a status, the head and the body."""

    status: int
    head: bytes
    body: bytes


async def talk(gateway: Live, request: bytes) -> Answer:
    """The answer to these bytes, which no client library has put in order."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    try:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        body = await reader.readexactly(int(length[1])) if length else await reader.read()
    finally:
        writer.close()
    return Answer(int(head.split(b" ")[1]), head, body)


def credentials(gateway: Live) -> list[bytes]:
    """The lines that let a request in."""
    return [f"{name}: {value}".encode() for name, value in gateway.credentials.items()]


def message(method: str, path: bytes, lines: list[bytes], body: bytes = b"", *, length: bool = True) -> bytes:
    """An HTTP request, byte by byte."""
    sized = [b"Content-Length: %d" % len(body)] if length else []
    head = [method.encode() + b" " + path + b" HTTP/1.1", b"Host: localhost", b"Connection: close", *sized, *lines]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def assert_in_our_own_words(answer: Answer, what: object) -> None:
    """A success, or a refusal that looks like all refusals."""
    assert answer.status < 500, (what, answer)
    if answer.status >= 400:
        error = json.loads(answer.body)["error"]
        assert error.keys() == {"code", "description"}, (what, answer)
        assert re.fullmatch(r"[A-Z_]+", error["code"]), (what, answer)
        assert error["description"], (what, answer)


def nested(opening: str, closing: str) -> str:
    """Something ten thousand levels deep."""
    return opening * 10_000 + closing * 10_000


VALUES = {
    "NUL": r'"\u0000"',
    "lone surrogate": r'"\ud800"',
    "surrogates in the wrong order": r'"\udc00\ud800"',
    "NaN": "NaN",
    "Infinity": "-Infinity",
    "number without end": "1" * 5_000,
    "64 bits and one": str(2**64),
    "less than 64 bits hold": str(-(2**63) - 1),
    "32 bits": str(2**31),
    "too large a float": "1e400",
    "small float": "1e-400",
    "minus zero": "-0",
    "leading zero": "0100",
    "hexadecimal": "0x64",
    "deep array": nested("[", "]"),
    "deep object": nested('{"a":', "}").replace(":}", ":0}", 1),
    "empty text": '""',
    "long text": '"' + "x" * 60_000 + '"',
    "right to left": '"\u202e\u2066abc"',
    "ends in a line break": r'"success@kassa\n"',
    "markup": '"<script>alert(1)</script>"',
    "SQL": '"\'; DROP TABLE payments; --"',
    "format": '"%s%n{0}${jndi:ldap://x}"',
    "true": "true",
    "null": "null",
    "array": "[]",
    "object": "{}",
    "object with odd keys": r'{"__proto__":1,"\u0000":2,"":3}',
}


@pytest.mark.parametrize("name", VALUES)
async def test_any_value_in_any_field(target_gateway: Live, targets: list[Target], name: str) -> None:
    schemas = (await target_gateway.get("/openapi.json")).json["components"]["schemas"]
    tried = 0
    for target in targets:
        if "requestBody" not in target.described:
            continue
        reference = target.described["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        fields = schemas[reference.rpartition("/")[2]]["properties"]
        for field in (*fields, None):
            # In this field alone, in all at once, or instead of the whole body.
            bodies = [f"{{{json.dumps(field)}:{VALUES[name]}}}" if field else VALUES[name]]
            bodies.append("{" + ",".join(f'"{one}":{VALUES[name]}' for one in fields) + "}")
            for body in bodies:
                path = re.sub(r"{\w+}", "00000000-0000-0000-0000-000000000000", target.path).encode()
                request = message(target.method, path, [JSON, *credentials(target_gateway)], body.encode())
                assert_in_our_own_words(await talk(target_gateway, request), (target[:2], field))
                tried += 1
    assert tried > 20


BODIES = {
    "nothing": b"",
    "white space": b" \n",
    "a brace": b"{",
    "two documents": b"{}{}",
    "the same key twice": b'{"amount":1,"amount":100,"amount":"x"}',
    "invalid UTF-8": b'{"amount":100,"receipt":"\xff\xfe"}',
    "UTF-16": '{"amount":100}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"amount":100}',
    "raw NUL": b'{"amount":100,"receipt":"\0"}',
    "raw line break": b'{"amount":100,"receipt":"\n"}',
    "comment": b'{"amount":100 /* much */}',
    "trailing comma": b'{"amount":100,}',
    "single quotes": b"{'amount':100}",
    "a form": b"amount=100&receipt=1",
    "XML": b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>',
    "pickle": b"\x80\x04\x95\x00",
    "binary": bytes(range(256)),
    "many keys": b"{" + b",".join(b'"k%d":0' % n for n in range(6_000)) + b"}",
    "long key": b'{"' + b"k" * 60_000 + b'":1}',
}


@pytest.mark.parametrize("name", BODIES)
async def test_any_body(target_gateway: Live, targets: list[Target], name: str) -> None:
    for target in targets:
        path = re.sub(r"{\w+}", "pay_0000000000000000", target.path).encode()
        request = message(target.method, path, [JSON, *credentials(target_gateway)], BODIES[name])
        assert_in_our_own_words(await talk(target_gateway, request), target[:2])


SEGMENTS = [
    b"%00", b"%", b"%zz", b"%f", b"%ff%fe", b"%ED%A0%80", b"%2e%2e", b"..", b"%2f", b"a%0d%0aX:%20y", b"%25%30%30",
    b"'%20OR%201=1", b"x" * 5_000, b"%F0%9F%92%A9", b"null", b"*", b"{payment_id}", b"-1", b"%20", b";a=b",
]  # fmt: skip


@pytest.mark.parametrize("segment", SEGMENTS)
async def test_anything_in_a_path(target_gateway: Live, targets: list[Target], segment: bytes) -> None:
    for target in targets:
        if "{" not in target.path:
            continue
        prefix, _, suffix = re.sub(r"{\w+}", "{}", target.path).encode().partition(b"{}")
        body = b'{"amount":100}' if target.method == "POST" else b""
        request = message(target.method, prefix + segment + suffix, [JSON, *credentials(target_gateway)], body)
        answer = await talk(target_gateway, request)
        assert_in_our_own_words(answer, target[:2])
        assert answer.status in (400, 404, 405), (target[:2], answer)


QUERIES = [
    b"%00", b"%", b"%zz", b"%ff", b"%ED%A0%80", b"NaN", b"1e9", b"99999999999999999999", b"-1", b"%F0%9F%92%A9",
    b"'--", b"0001-01-01T00:00:00Z", b"9999-12-31T23:59:59.999999Z", b"2024-02-30", b"-infinity", b"x" * 5_000, b"+",
    b"1&1", b"a=b=c", b"[]", b"0001-01-01", b"9999-12-31", b"00000000000000000000000000000000----",
]  # fmt: skip


@pytest.mark.parametrize("value", QUERIES)
async def test_anything_in_a_query(target_gateway: Live, targets: list[Target], value: bytes) -> None:
    tried = 0
    for target in targets:
        names = [one["name"].encode() for one in target.described["parameters"] if one["in"] == "query"]
        for name in names:
            request = message(
                target.method, target.path.encode() + b"?" + name + b"=" + value, credentials(target_gateway)
            )
            assert_in_our_own_words(await talk(target_gateway, request), (target[:2], name))
            tried += 1
    assert tried > 30
    many = b"&".join(b"limit=%d" % n for n in range(500))
    request = message("GET", b"/api/v1/orders?" + many, credentials(target_gateway))
    assert_in_our_own_words(await talk(target_gateway, request), "many parameters")


LINES = [
    "Idempotency-Key: {}", "X-Request-Id: {}", "X-Api-Key: {}", "X-Api-Secret: {}", "Authorization: {}",
    "Authorization: Basic {}", "Authorization: Bearer {}", "Cookie: kassa_session={}", "Cookie: {}", "X-CSRF-Token: {}",
    "Content-Type: {}", "Content-Type: application/json; charset={}", "Accept: {}", "X-Forwarded-For: {}",
    "X-Forwarded-Proto: {}", "Origin: {}", "Expect: {}", "Accept-Encoding: {}", "Content-Encoding: {}", "Range: {}",
]  # fmt: skip
HEADER_VALUES = [
    b"", b" ", b"\xff\xfe", "ключ 😀".encode(), b"x" * 5_000, b"\t", b"\"'`;", b"\x80", b"==", b"%00", b"gzip", b"Og==",
    b"100-continue", b"127.0.0.1, ::1, x", b"0", b"-1", b"A" * 255,
]  # fmt: skip


@pytest.mark.parametrize("value", HEADER_VALUES)
async def test_anything_in_a_header(target_gateway: Live, value: bytes) -> None:
    for line in LINES:
        name = line.partition(":")[0].lower()
        own = [one for one in [JSON, *credentials(target_gateway)] if not one.lower().startswith(name.encode())]
        sent = line.encode().replace(b"{}", value)
        for path, body in (
            (b"/api/v1/orders", b'{"amount":100}'),
            (b"/api/v1/payments", b"{}"),
            (b"/api/v1/session", b"{}"),
        ):
            answer = await talk(target_gateway, message("POST", path, [*own, sent], body))
            if answer.status == 100:  # asked for: the answer itself comes after it
                continue
            assert_in_our_own_words(answer, (sent, path))


@pytest.mark.parametrize("size", [65_537, MEGABYTE, 10 * MEGABYTE])
@pytest.mark.parametrize("chunked", [True, False])
async def test_body_that_is_too_large(target_gateway: Live, size: int, chunked: bool) -> None:
    body = b'{"amount":100,"receipt":"' + b"x" * size + b'"}'
    lines = [JSON, *credentials(target_gateway)]
    if chunked:
        pieces = [body[start : start + 10_000] for start in range(0, len(body), 10_000)]
        body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
        lines.append(b"Transfer-Encoding: chunked")

    answer = await talk(target_gateway, message("POST", b"/api/v1/orders", lines, body, length=not chunked))

    assert_in_our_own_words(answer, size)
    assert answer.status == 413


async def test_body_in_chunks_is_taken(target_gateway: Live) -> None:
    lines = [JSON, b"Transfer-Encoding: chunked", *credentials(target_gateway)]
    pieces = [b"1\r\n" + bytes([byte]) + b"\r\n" for byte in b'{"amount":100}']

    whole = message("POST", b"/api/v1/orders", lines, b"".join(pieces) + b"0\r\n\r\n", length=False)
    answer = await talk(target_gateway, whole)

    assert (answer.status, json.loads(answer.body)["amount"]) == (201, 100)


NOT_HTTP = [
    b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET /\xff?\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 40, b"X" * 100_000,
    b"GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /health HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\nzz\r\n",
    b"POST /api/v1/orders HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"GET /health HTTP/1.1\r\nNo colon\r\n\r\n", b"GET /" + b"x" * 200_000 + b" HTTP/1.1\r\n\r\n",
    b"GET /health HTTP/1.1\r\n" + b"X: y\r\n" * 50_000 + b"\r\n", b"GET /health HTTP/1.1\r\nX: \0\r\n\r\n",
]  # fmt: skip


@pytest.mark.parametrize("request_", NOT_HTTP, ids=lambda value: str(value[:40]))
async def test_what_is_not_http_harms_nobody(target_gateway: Live, request_: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", target_gateway.port)
    writer.write(request_)
    writer.write_eof()
    try:
        said = await asyncio.wait_for(reader.read(), 60)
    except ConnectionError:
        said = b""
    writer.close()

    assert not said.startswith(b"HTTP/1.1 5")
    assert (await target_gateway.get("/health")).json["status"] == "healthy"


ENDLESS = {
    "a head of many lines": (b"GET /health HTTP/1.1\r\n", b"X: " + b"y" * 8_000 + b"\r\n", 1),
    "a head of one line": (b"GET /health HTTP/1.1\r\nX: ", b"y" * 8_000, 1),
    "a path": (b"GET /", b"y" * 8_000, 1),
    "trailers": (
        b"POST /api/v1/orders HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: " + b"y" * 8_000 + b"\r\n", 8,
    ),
}  # fmt: skip


@pytest.mark.parametrize("endless", ENDLESS)
async def test_what_never_ends_is_cut_off(target_gateway: Live, endless: str) -> None:
    begin, more, megabytes = ENDLESS[endless]
    _, writer = await asyncio.open_connection("127.0.0.1", target_gateway.port)
    writer.write(begin)
    sent = 0
    with pytest.raises(ConnectionError):
        while sent < 50 * MEGABYTE:
            writer.write(more)
            await writer.drain()
            sent += len(more)
    writer.close()

    # What the kernels hold of it is counted here too.
    assert sent < (megabytes + 10) * MEGABYTE
    assert (await target_gateway.get("/health")).json["status"] == "healthy"


async def test_clients_that_go_away_in_the_middle_harm_nobody(target_gateway: Live) -> None:
    whole = message("POST", b"/api/v1/orders", [JSON, *credentials(target_gateway)], b'{"amount":100}')
    for end in range(0, len(whole), 7):
        _, writer = await asyncio.open_connection("127.0.0.1", target_gateway.port)
        writer.write(whole[:end])
        writer.transport.abort()

    assert (await target_gateway.order())["status"] == "created"


# Not asked of the API: rules that its schema cannot say (a check digit) refuse data that the schema lets through, and
# parameters that are empty count as absent, as browsers send them for empty fields of a form.
LEFT_OUT = "positive_data_acceptance,negative_data_rejection,allow_header_conformance"


async def test_api_keeps_what_its_description_promises(target_gateway: Live, tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("st")),
        "run",
        f"{target_gateway.url}/openapi.json",
        *(f"--header={name}: {value}" for name, value in target_gateway.credentials.items()),
        "--exclude-path=/api/v1/merchant/api-keys/rotate",
        "--checks=all",
        f"--exclude-checks={LEFT_OUT}",
        "--phases=examples,coverage,fuzzing,stateful",
        "--max-examples=40",
        "--seed=1",
        "--generation-deterministic",
        "--continue-on-failure",
        "--warnings=off",
        "--no-color",
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()

    assert process.returncode == 0, said.decode()
    tested = re.search(r"Tested: (\d+)", said.decode())
    assert tested is not None
    assert int(tested[1]) >= 30
