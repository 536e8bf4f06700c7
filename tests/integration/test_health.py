"""What those who run a gateway ask it: health, readiness, metrics and the description of its API."""

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from kassa.local.redis import program as redis_program
from tests.live import Live, free_port, until


@asynccontextmanager
async def lonely_api(gateway: Live, **settings: str) -> AsyncIterator[str]:
    """The URL of one more API process, on the gateway's servers or on those that the settings name instead."""
    port = free_port()
    urls = dict(zip(("DATABASE_URL", "REDIS_URL"), gateway.urls(), strict=True))
    process = subprocess.Popen(
        [sys.executable, "-m", "kassa", "api"],
        env={**gateway.environment, **urls, **settings, "PORT": str(port)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"

    async def answers() -> bool:
        assert process.poll() is None
        try:
            return (await ask(f"{url}/openapi.json"))[0] == 200
        except aiohttp.ClientError:
            return False

    try:
        await until(answers, "the API answers")
        yield url
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait)


async def ask(url: str) -> tuple[int, Any]:
    """Status and JSON of a GET."""
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return response.status, await response.json()


async def test_healthy_gateway(gateway: Live) -> None:
    reply = await gateway.get("/health", anonymous=True)

    assert reply.status == 200
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", reply.json["timestamp"])
    expected = {"status": "healthy", "database": "connected", "redis": "connected", "worker": "running"}
    assert reply.json == {**expected, "timestamp": reply.json["timestamp"]}
    assert (await gateway.get("/ready", anonymous=True)).json == {"ready": True}


async def test_api_without_redis_says_so_and_serves_on(gateway: Live) -> None:
    async with lonely_api(gateway, REDIS_URL=f"redis://127.0.0.1:{free_port()}") as url:
        status, health = await ask(f"{url}/health")

        assert status == 200
        assert {**health, "timestamp": ""} == {
            "status": "unhealthy",
            "database": "connected",
            "redis": "disconnected",
            "worker": "stopped",
            "timestamp": "",
        }
        assert await ask(f"{url}/ready") == (200, {"ready": True})
        status, refusal = await ask(f"{url}/api/v1/test/jobs/status")
        assert (status, refusal["error"]) == (
            503,
            {"code": "SERVICE_UNAVAILABLE", "description": "The gateway cannot reach its queue"},
        )
        # What is taken without Redis is found by the workers that have it.
        async with (
            aiohttp.ClientSession(headers=gateway.credentials) as session,
            session.post(f"{url}/api/v1/orders", json={"amount": 100}) as created,
        ):
            order = await created.json()
            assert created.status == 201
            body = {"order_id": order["id"], "method": "upi", "vpa": "success@kassa"}
            async with session.post(f"{url}/api/v1/payments", json=body) as taken:
                assert taken.status == 201
                payment = await taken.json()
    assert (await gateway.settled(payment["id"]))["status"] == "success"


async def test_api_without_database_says_so(gateway: Live) -> None:
    nowhere = f"postgresql://gateway_user@127.0.0.1:{free_port()}/payment_gateway"
    async with lonely_api(gateway, DATABASE_URL=nowhere) as url:
        status, health = await ask(f"{url}/health")

        assert status == 200
        assert (health["status"], health["database"], health["redis"]) == ("unhealthy", "disconnected", "connected")
        refusal = {"code": "SERVICE_UNAVAILABLE", "description": "The gateway cannot reach its database"}
        for path in ("/ready", "/api/v1/orders/order_0000000000000000/public"):
            assert await ask(url + path) == (503, {"error": refusal})


async def test_killed_redis_is_told_and_found_again(gateway: Live) -> None:
    port, program = free_port(), redis_program()
    assert program is not None

    def redis_server() -> subprocess.Popen[bytes]:
        command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL)

    async def reads(redis: str) -> bool:
        status, health = await ask(f"{url}/health")
        assert (status, health["database"]) == (200, "connected")
        return bool(health["redis"] == redis)

    server = redis_server()
    try:
        async with lonely_api(gateway, REDIS_URL=f"redis://127.0.0.1:{port}") as url:
            await until(lambda: reads("connected"), "Redis is there")
            server.kill()
            server.wait()
            await until(lambda: reads("disconnected"), "Redis is gone")
            server = redis_server()
            await until(lambda: reads("connected"), "Redis is back")
    finally:
        server.kill()
        server.wait()


async def test_metrics(gateway: Live) -> None:
    await gateway.order()

    reply = await gateway.get("/metrics", anonymous=True)

    assert reply.status == 200
    assert reply.headers["Content-Type"].startswith("text/plain")
    assert re.search(r'^kassa_http_requests_total{operation="POST /api/v1/orders",status="201"} \d', reply.text, re.M)
    assert re.search(r'^kassa_jobs{queue="payments",state="completed"} \d', reply.text, re.M)
    assert re.search(r"^kassa_workers 1", reply.text, re.M)


async def test_seeded_merchant_is_shown_without_its_secret(gateway: Live) -> None:
    reply = await gateway.get("/api/v1/test/merchant", anonymous=True)

    assert (reply.status, reply.json) == (
        200,
        {
            "id": "550e8400-e29b-41d4-a716-446655440000",
            "email": "test@example.com",
            "api_key": "key_test_abc123",
            "seeded": True,
        },
    )


async def test_documentation_comes_from_the_gateway_itself(gateway: Live) -> None:
    page = await gateway.get("/docs", anonymous=True)

    assert (page.status, page.headers["Content-Type"].partition(";")[0]) == (200, "text/html")
    for path in re.findall(r'(?:href|src|url)(?:=|: )"([^"]+)"', page.text):
        assert path.startswith("/")
        assert (await gateway.get(path, anonymous=True)).status == 200


async def test_whoever_opens_the_api_in_a_browser_gets_its_documentation(gateway: Live) -> None:
    start, docs = [await gateway.get(path, anonymous=True) for path in ("/", "/docs")]

    assert (start.status, start.text) == (200, docs.text)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
async def test_unknown_path(gateway: Live, method: str) -> None:
    for path in ("/api", "/api/v2/orders", "/api/v1/orders/", "/health/", "/..%2f..%2fetc/passwd"):
        reply = await gateway.request(method, path)
        assert reply.refusal == (404, "NOT_FOUND_ERROR", "Path not found"), path


@pytest.mark.parametrize(("method", "path", "allowed"), [
    ("DELETE", "/api/v1/orders", "GET, POST"), ("POST", "/health", "GET"),
    ("PUT", "/api/v1/payments/pay_0000000000000000/capture", "POST"),
])  # fmt: skip
async def test_wrong_method_names_the_right_ones(gateway: Live, method: str, path: str, allowed: str) -> None:
    reply = await gateway.request(method, path)

    assert reply.refusal[:2] == (405, "BAD_REQUEST_ERROR")
    assert set(allowed.split(", ")) <= set(reply.headers["Allow"].split(", "))
    assert method not in reply.headers["Allow"].split(", ")


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "*"])
async def test_body_must_be_sent_as_json(gateway: Live, media_type: str) -> None:
    reply = await gateway.post("/api/v1/orders", {"amount": 100}, headers={"Content-Type": media_type})

    problem = "Send the body as JSON, with Content-Type: application/json"
    assert reply.refusal == (415, "BAD_REQUEST_ERROR", problem)


async def test_body_has_a_limit(gateway: Live) -> None:
    reply = await gateway.post("/api/v1/orders", {"amount": 100, "notes": {"x": "y" * 65_536}})

    assert reply.refusal == (413, "BAD_REQUEST_ERROR", "The body must have at most 65536 bytes")


async def test_answers_are_not_kept_by_others_and_name_their_request(gateway: Live) -> None:
    named = await gateway.get("/health", headers={"X-Request-Id": "abc-123.x_y"})
    unnamed = await gateway.get("/health")
    misnamed = await gateway.get("/health", headers={"X-Request-Id": "<script>"})

    assert named.headers["X-Request-Id"] == "abc-123.x_y"
    assert re.fullmatch(r"req_[0-9a-f]{24}", unnamed.headers["X-Request-Id"])
    assert re.fullmatch(r"req_[0-9a-f]{24}", misnamed.headers["X-Request-Id"])
    for reply in (named, unnamed):
        assert reply.headers["Cache-Control"] == "no-store"
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        assert "Server" not in reply.headers
