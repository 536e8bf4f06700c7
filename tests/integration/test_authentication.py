"""Credentials: which pairs open the door, and how soon a pair that was taken away no longer does."""

import base64
from typing import Any

import pytest

from tests.live import CREDENTIALS, Live, until

REFUSED = (401, "AUTHENTICATION_ERROR", "Invalid API credentials")
# Less than a process would keep a merchant in its cache: sooner than this it can only have been told.
AT_ONCE_S = 3.0


def basic(key: str, secret: str) -> dict[str, str]:
    """The Authorization header of HTTP Basic."""
    return {"Authorization": "Basic " + base64.b64encode(f"{key}:{secret}".encode()).decode()}


async def test_credentials_open_the_door(merchant: Live) -> None:
    reply = await merchant.get("/api/v1/merchant")

    assert (reply.status, reply.json["id"]) == (200, merchant.merchant_id)


@pytest.mark.parametrize("names", [("x-api-key", "x-api-secret"), ("X-API-KEY", "X-API-SECRET")])
async def test_header_names_have_no_case(gateway: Live, names: tuple[str, str]) -> None:
    headers = dict(zip(names, CREDENTIALS.values(), strict=True))

    assert (await gateway.get("/api/v1/merchant", headers=headers, anonymous=True)).status == 200


async def test_basic_authentication_opens_the_door(gateway: Live, merchant: Live) -> None:
    headers = basic(*merchant.credentials.values())

    reply = await gateway.get("/api/v1/merchant", headers=headers, anonymous=True)
    lower = {"Authorization": headers["Authorization"].replace("Basic", "basic")}

    assert (reply.status, reply.json["id"]) == (200, merchant.merchant_id)
    assert (await gateway.get("/api/v1/merchant", headers=lower, anonymous=True)).status == 200


WRONG: list[dict[str, str]] = [
    {},
    {"X-Api-Key": "key_test_abc123"},
    {"X-Api-Secret": "secret_test_xyz789"},
    {"X-Api-Key": "", "X-Api-Secret": ""},
    {"X-Api-Key": "key_test_abc123", "X-Api-Secret": ""},
    {"X-Api-Key": "key_test_abc123", "X-Api-Secret": "secret_test_xyz78"},
    {"X-Api-Key": "key_test_abc123", "X-Api-Secret": "secret_test_xyz7890"},
    {"X-Api-Key": "key_test_abc123", "X-Api-Secret": "SECRET_TEST_XYZ789"},
    {"X-Api-Key": "key_test_abc124", "X-Api-Secret": "secret_test_xyz789"},
    {"X-Api-Key": "secret_test_xyz789", "X-Api-Secret": "key_test_abc123"},
    {"X-Api-Key": "' OR 1=1 --", "X-Api-Secret": "' OR 1=1 --"},
    {"X-Api-Key": "x" * 5_000, "X-Api-Secret": "x"},
    {"X-Api-Key": "ключ", "X-Api-Secret": "секрет"},
    basic("key_test_abc123", "wrong"),
    basic("", "secret_test_xyz789"),
    basic("", ""),
    basic("nul\0", "nul\0"),
    {"Authorization": "Basic"},
    {"Authorization": "Basic !!!"},
    {"Authorization": "Basic " + base64.b64encode(b"key_test_abc123").decode()},
    {"Authorization": "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode()},
    {"Authorization": "Bearer key_test_abc123:secret_test_xyz789"},
]


@pytest.mark.parametrize("headers", WRONG, ids=lambda value: str(value)[:60])
async def test_wrong_credentials_are_refused(gateway: Live, headers: dict[str, str]) -> None:
    reply = await gateway.get("/api/v1/merchant", headers=headers, anonymous=True)

    assert reply.refusal == REFUSED


async def test_key_and_secret_must_belong_together(gateway: Live, merchant: Live) -> None:
    mixed = {**CREDENTIALS, "X-Api-Secret": merchant.credentials["X-Api-Secret"]}

    assert (await gateway.get("/api/v1/merchant", headers=mixed, anonymous=True)).refusal == REFUSED


async def operations(gateway: Live, *, protected: bool) -> list[tuple[str, str]]:
    """Method and path of the operations that want credentials, or of those that do not."""
    document = (await gateway.get("/openapi.json", anonymous=True)).json
    return [
        (method.upper(), path.replace("{", "").replace("}", ""))
        for path, methods in document["paths"].items()
        for method, described in methods.items()
        if bool(described.get("security")) == protected
    ]


async def test_every_protected_endpoint_wants_credentials_before_anything_else(gateway: Live) -> None:
    found = await operations(gateway, protected=True)
    assert {("POST", "/api/v1/orders"), ("POST", "/api/v1/payments/payment_id/capture")} <= set(found)

    for method, path in found:
        reply = await gateway.request(method, path, raw=b"not even JSON", anonymous=True)
        assert reply.refusal == REFUSED, (method, path)


async def test_open_endpoints_are_these_and_no_others(gateway: Live) -> None:
    found = {path for _, path in await operations(gateway, protected=False)}

    assert {
        "/health",
        "/api/v1/orders/order_id/public",
        "/api/v1/payments/public",
        "/api/v1/payments/payment_id/public",
        "/api/v1/test/merchant",
        "/api/v1/test/jobs/status",
    } <= found
    # What is open besides tells nothing about merchants and moves no money.
    assert found - {path for path in found if "public" in path or "/test/" in path} <= {
        "/health",
        "/ready",
        "/metrics",
        "/api/v1/config",
        "/api/v1/session",
        "/api/v1/payment_links/link_id/order",
        # Open, but only to whom the provider's signature tells.
        "/api/v1/providers/provider/notifications",
        "/api/v1/providers/provider/notifications/merchant_id",
    }


async def refused(merchant: Live, headers: dict[str, str] | None = None) -> Any:
    """Whether the merchant's credentials are refused by now."""
    reply = await merchant.get("/api/v1/merchant", headers=headers)
    return reply.status == 401 and reply.refusal == REFUSED


async def test_inactive_merchant_is_refused_at_once(merchant: Live) -> None:
    assert (await merchant.get("/api/v1/merchant")).status == 200

    await merchant.sql("UPDATE merchants SET is_active = false WHERE id = $1::uuid", merchant.merchant_id)

    await until(lambda: refused(merchant), "an inactive merchant is refused", AT_ONCE_S)
    assert (await merchant.post("/api/v1/orders", {"amount": 100})).refusal == REFUSED
    await merchant.sql("UPDATE merchants SET is_active = true WHERE id = $1::uuid", merchant.merchant_id)

    async def let_in() -> bool:
        return (await merchant.get("/api/v1/merchant")).status == 200

    await until(let_in, "an active merchant is let in", AT_ONCE_S)


async def test_changed_secret_ends_at_once(merchant: Live) -> None:
    assert (await merchant.get("/api/v1/merchant")).status == 200

    await merchant.sql("UPDATE merchants SET api_secret = 'fresh' WHERE id = $1::uuid", merchant.merchant_id)

    await until(lambda: refused(merchant), "the old secret is refused", AT_ONCE_S)
    assert (await merchant.get("/api/v1/merchant", headers={"X-Api-Secret": "fresh"})).status == 200


async def test_secret_is_in_no_answer(merchant: Live) -> None:
    order = await merchant.order()
    payment = await merchant.paid()

    for path in (
        "/api/v1/merchant",
        f"/api/v1/orders/{order['id']}",
        f"/api/v1/payments/{payment['id']}",
        "/api/v1/payments",
        "/api/v1/orders",
    ):
        assert merchant.credentials["X-Api-Secret"] not in (await merchant.get(path)).text
