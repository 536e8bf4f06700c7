"""The merchant's own account: its profile, its API keys, and where everything is."""

import re
from typing import Any

import pytest

from tests.live import Live, until

PATH = "/api/v1/merchant"


async def test_profile(merchant: Live) -> None:
    profile = (await merchant.get(PATH)).json

    assert {
        "id": merchant.merchant_id,
        "name": "A Merchant",
        "api_key": merchant.credentials["X-Api-Key"],
        "webhook_url": None,
        "allowed_origins": [],
    }.items() <= profile.items()
    assert profile["email"].endswith("@example.com")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", profile["created_at"])


async def test_profile_is_changed_in_part(merchant: Live) -> None:
    origins = ["https://shop.example.com", "http://localhost:4000"]

    named = await merchant.request("PATCH", PATH, {"name": "Zoë's Shop"})
    allowed = await merchant.request("PATCH", PATH, {"allowed_origins": origins})

    assert (named.status, named.json["name"], named.json["allowed_origins"]) == (200, "Zoë's Shop", [])
    assert (allowed.status, allowed.json["name"], allowed.json["allowed_origins"]) == (200, "Zoë's Shop", origins)
    assert (await merchant.get(PATH)).json == allowed.json
    order = await merchant.order()
    public = await merchant.get(f"/api/v1/orders/{order['id']}/public", anonymous=True)
    assert public.json["merchant_name"] == "Zoë's Shop"


async def test_provider_is_chosen_and_left_to_the_gateway_again(merchant: Live) -> None:
    chosen = await merchant.request("PATCH", PATH, {"provider": "simulator"})
    unchanged = await merchant.request("PATCH", PATH, {"name": "A Merchant"})
    left = await merchant.request("PATCH", PATH, {"provider": None})

    assert [reply.status for reply in (chosen, unchanged, left)] == [200] * 3
    assert [reply.json["provider"] for reply in (chosen, unchanged, left)] == ["simulator", "simulator", None]


async def test_provider_without_an_account_is_refused(merchant: Live) -> None:
    reply = await merchant.request("PATCH", PATH, {"provider": "stripe"})

    assert reply.refusal[:2] == (400, "PROVIDER_NOT_CONFIGURED")
    assert "PUT /api/v1/merchant/providers/stripe" in reply.refusal[2]
    assert (await merchant.get(PATH)).json["provider"] is None
    assert (await merchant.pay((await merchant.order())["id"], "success@kassa"))["status"] == "pending"


WRONG: list[dict[str, Any]] = [
    {"name": ""}, {"name": "x" * 256}, {"name": "nul\0"}, {"name": 7}, {"allowed_origins": "https://shop.example.com"},
    {"allowed_origins": ["https://shop.example.com/"]}, {"allowed_origins": ["https://shop.example.com/path"]},
    {"allowed_origins": ["shop.example.com"]}, {"allowed_origins": ["*"]}, {"allowed_origins": ["https://*.example.com"]},
    {"allowed_origins": ["https://a.example; script-src *"]}, {"allowed_origins": ["https://a.example 'self'"]},
    {"allowed_origins": ["javascript:alert(1)"]}, {"allowed_origins": ["https://user@a.example"]},
    {"allowed_origins": ["https://a.example\n"]}, {"allowed_origins": ["https://ä.example"]},
    {"allowed_origins": ["https://a.example"] * 51}, {"allowed_origins": [None]},
]  # fmt: skip


@pytest.mark.parametrize("asked", WRONG, ids=lambda value: str(value)[:60])
async def test_wrong_profile_is_refused(merchant: Live, asked: dict[str, Any]) -> None:
    before = (await merchant.get(PATH)).json

    reply = await merchant.request("PATCH", PATH, asked)

    assert reply.refusal[:2] == (400, "BAD_REQUEST_ERROR")
    assert next(iter(asked)) in reply.refusal[2]
    assert (await merchant.get(PATH)).json == before


async def test_api_keys_are_rotated_by_their_owner(merchant: Live) -> None:
    shown = (await merchant.get(f"{PATH}/api-keys")).json
    assert shown == dict(zip(("api_key", "api_secret"), merchant.credentials.values(), strict=True))

    rotated = await merchant.post(f"{PATH}/api-keys/rotate", {})

    assert rotated.status == 200
    fresh = {"X-Api-Key": rotated.json["api_key"], "X-Api-Secret": rotated.json["api_secret"]}
    assert not set(fresh.values()) & set(merchant.credentials.values())

    async def ended() -> bool:
        return (await merchant.get(PATH)).status == 401

    await until(ended, "the old pair is refused", deadline_s=3)
    assert (await merchant.get(PATH, headers=fresh)).json["id"] == merchant.merchant_id


async def test_anyone_may_know_where_everything_is(gateway: Live) -> None:
    config = (await gateway.get("/api/v1/config", anonymous=True)).json

    assert config == {
        "api_url": f"http://localhost:{gateway.port}",
        "checkout_url": f"http://localhost:{gateway.checkout_port}",
        "dashboard_url": f"http://localhost:{gateway.dashboard_port}",
        "production": False,
    }
