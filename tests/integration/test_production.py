"""Production: nothing that all the world knows opens a door, and what is for development is not there."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.integration.deliveries import attempted, send
from tests.integration.shop import PRODUCTION
from tests.live import CREDENTIALS, Live, free_port
from tests.shell import kassa


@pytest.fixture(scope="module")
async def production(gateway: Live) -> AsyncIterator[Live]:
    """A gateway in production, with one merchant, whom `credentials` are of."""
    async with await gateway.beside(**PRODUCTION, METRICS_TOKEN="a token") as other:
        yield await other.merchant()


def is_empty(folder: Path) -> bool:
    """Whether nothing has been made in a folder."""
    return not any(folder.iterdir())


async def refusal(environment: dict[str, str], *command: str) -> str:
    """What a command says that does not even start."""
    done = await kassa(environment, *command)
    assert (done.code, done.out) == (2, ""), done
    assert len(done.err.splitlines()) == 1
    return done.err


async def test_production_does_not_start_half_set_up(gateway: Live, tmp_path: Path) -> None:
    bare = {**gateway.environment, **PRODUCTION, "KASSA_HOME": str(tmp_path)}
    database = {"DATABASE_URL": f"postgresql://gateway_user:word@127.0.0.1:{free_port()}/payment_gateway"}
    redis = {"REDIS_URL": f"redis://127.0.0.1:{free_port()}"}
    default = {"DATABASE_URL": database["DATABASE_URL"].replace("word", "gateway_pass")}

    both = {**bare, **database, **redis}

    attempts = {
        "needs DATABASE_URL": refusal({**bare, **redis}, "up"),
        "needs REDIS_URL": refusal({**bare, **database}, "worker"),
        "refuses the default database password": refusal({**both, **default}, "api"),
        "refuses TEST_API_KEY": refusal({**both, "TEST_API_KEY": "key_test_abc123"}, "api"),
        "refuses TEST_MODE": refusal({**both, "TEST_MODE": "true"}, "api"),
        "refuses KASSA_PROVIDER_SANDBOX": refusal({**both, "KASSA_PROVIDER_SANDBOX": "1"}, "api"),
    }

    for reason, said in zip(attempts, await asyncio.gather(*attempts.values()), strict=True):
        assert reason in said
    assert is_empty(tmp_path)


async def test_seeded_merchant_keeps_production_from_starting(gateway: Live) -> None:
    # On the database of a gateway that has run in development.
    urls = dict(zip(("DATABASE_URL", "REDIS_URL"), gateway.urls(), strict=True))
    environment = {**gateway.environment, **PRODUCTION, **urls, "PORT": str(free_port())}

    for said in await asyncio.gather(refusal(environment, "api"), refusal(environment, "worker")):
        assert "test@example.com has the seeded test credentials, which production refuses" in said
        assert "Run: kassa merchant rotate-keys test@example.com" in said


async def test_nobody_is_seeded(production: Live) -> None:
    rows = await production.sql("SELECT id::text FROM merchants")

    assert [row[0] for row in rows] == [production.merchant_id]
    assert (await production.get("/api/v1/merchant", headers=CREDENTIALS)).refusal[0] == 401


@pytest.mark.parametrize("path", ["/api/v1/test/merchant", "/api/v1/test/jobs/status"])
async def test_test_endpoints_are_not_there(production: Live, path: str) -> None:
    for anonymous in (True, False):
        reply = await production.get(path, anonymous=anonymous)
        assert reply.refusal == (404, "NOT_FOUND_ERROR", "Path not found")
    assert path not in (await production.get("/openapi.json", anonymous=True)).json["paths"]


async def test_money_is_taken(production: Live) -> None:
    order = await production.order()
    payment = await production.pay(order["id"])

    assert (payment["status"], payment["amount"]) == ("pending", 50_000)
    public = await production.get(f"/api/v1/orders/{order['id']}/public", anonymous=True)
    assert (public.status, "test_mode" in public.json) == (200, False)
    assert (await production.get("/health", anonymous=True)).json["status"] == "healthy"


async def test_only_the_merchants_own_pages_may_show_a_checkout_and_nobody_a_link(production: Live) -> None:
    merchant = await production.merchant()
    origin = "https://shop.example.com"
    assert (await merchant.request("PATCH", "/api/v1/merchant", {"allowed_origins": [origin]})).status == 200
    order, strangers = (await merchant.order())["id"], (await production.order())["id"]
    bill = {"amount": 50_000, "description": "A bill"}
    link = (await production.request("POST", "/api/v1/payment_links", bill)).json["id"]
    shown = {
        f"/checkout?order_id={order}": origin,
        f"/checkout?order_id={order}&embedded=true": origin,
        f"/checkout?order_id={strangers}": "'none'",
        f"/checkout?order_id={strangers}&order_id={order}": "'none'",
        f"/checkout?order_id=&order_id={order}": "'none'",
        "/checkout": "'none'",
        f"/pay/{link}": "'none'",
        # By its address a link's page is the link's, whichever order it names.
        f"/pay/{link}?order_id={order}": "'none'",
        f"/pay/{link}?order_id=&order_id={order}": "'none'",
    }
    async with aiohttp.ClientSession(f"http://127.0.0.1:{production.checkout_port}") as session:
        for address, who in shown.items():
            async with session.get(address) as response:
                policy = response.headers["Content-Security-Policy"]
            assert (response.status, policy.split("frame-ancestors ")[1].split(";")[0]) == (200, who), address


async def test_webhooks_go_by_https_alone(production: Live) -> None:
    path = "/api/v1/webhooks/config"

    refused = await production.request("PUT", path, {"url": "http://shop.example.com/hook"})
    taken = await production.request("PUT", path, {"url": "https://shop.example.com/hook"})

    assert refused.refusal == (400, "BAD_REQUEST_ERROR", "url must be https in production")
    assert (taken.status, taken.json["url"]) == (200, "https://shop.example.com/hook")
    await production.use_webhooks(None)


async def test_webhooks_go_to_no_private_address(production: Live) -> None:
    for host in ("127.0.0.1", "localhost", "10.0.0.1", "[::1]"):
        seen = await attempted(production, await send(production, f"https://{host}:{free_port()}/"))

        assert seen["attempt_log"][0]["error"] == (
            "The URL leads to a private address; allow its network with WEBHOOK_ALLOW_PRIVATE"
        )
    await production.use_webhooks(None)


async def test_metrics_want_their_token(production: Live) -> None:
    wrong = await production.get("/metrics", headers={"Authorization": "Bearer another"}, anonymous=True)
    right = await production.get("/metrics", headers={"Authorization": "Bearer a token"}, anonymous=True)

    problem = "Send Authorization: Bearer with METRICS_TOKEN"
    assert (await production.get("/metrics", anonymous=True)).refusal == (401, "AUTHENTICATION_ERROR", problem)
    assert wrong.refusal == (401, "AUTHENTICATION_ERROR", problem)
    assert right.status == 200


async def test_new_merchants_credentials_are_live_ones(production: Live) -> None:
    done = await kassa(production.environment, "merchant", "create", "A Shop", "new@shop.example")

    assert done.code == 0
    assert re.search(r"^api_key +key_live_\S{20,}$", done.out, re.M)
    assert re.search(r"^api_secret +secret_live_\S{30,}$", done.out, re.M)
    await production.sql("DELETE FROM merchants WHERE email = 'new@shop.example'")
