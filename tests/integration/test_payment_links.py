"""Payment links: made by a merchant, paid by whoever has them; once or again and again, and not for ever."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from tests.integration.shop import LINKS, link_of, visit
from tests.live import Live


async def turned_away(gateway: Live, link: Any) -> tuple[int, str, str]:
    """The refusal that a payer meets."""
    return (await gateway.post(f"{LINKS}/{link['id']}/order", {}, anonymous=True)).refusal


async def test_a_link_has_an_address_and_is_what_was_asked_for(gateway: Live) -> None:
    expires_at = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    asked = {
        "amount": 100, "currency": "EUR", "description": "Überraschung 🎁", "reusable": True,
        "expires_at": expires_at.isoformat(), "success_message": "Danke!", "redirect_url": "https://shop.example/thanks",
    }  # fmt: skip

    link = (await gateway.post(LINKS, asked)).json

    assert link["url"] == f"{gateway_checkout(gateway)}/pay/{link['id']}"
    assert {**asked, "expires_at": expires_at.isoformat().replace("+00:00", "Z")}.items() <= link.items()
    assert link["active"] is True
    assert (await gateway.get(f"{LINKS}/{link['id']}")).json == link


def gateway_checkout(gateway: Live) -> str:
    """Where this gateway's payers go."""
    return f"http://localhost:{gateway.environment['CHECKOUT_PORT']}"


async def test_an_end_in_any_time_zone_is_the_same_moment_in_utc(gateway: Live) -> None:
    link = await link_of(gateway, expires_at="2099-01-01T00:00:00+05:30")

    assert link["expires_at"] == "2098-12-31T18:30:00Z"
    assert (await gateway.get(f"{LINKS}/{link['id']}")).json == link


async def test_what_is_left_out_has_its_default(gateway: Live) -> None:
    link = await link_of(gateway)
    assert (link["currency"], link["reusable"], link["expires_at"]) == ("INR", False, None)
    assert (link["success_message"], link["redirect_url"]) == (None, None)


async def test_links_are_listed_newest_first_and_by_page(gateway: Live) -> None:
    merchant = await gateway.merchant()
    made = [(await link_of(merchant, description=f"No. {n}"))["id"] for n in range(5)][::-1]
    ended = await merchant.post(f"{LINKS}/{made[1]}/deactivate", {})
    assert ended.json["active"] is False

    first = (await merchant.get(f"{LINKS}?limit=3")).json
    second = (await merchant.get(f"{LINKS}?limit=3&after={made[2]}")).json
    active = (await merchant.get(f"{LINKS}?active=true")).json

    assert [link["id"] for link in first["data"]] == made[:3]
    assert [link["id"] for link in second["data"]] == made[3:]
    assert [link["id"] for link in active["data"]] == [made[0], *made[2:]]


async def test_a_link_is_its_merchants_alone(gateway: Live) -> None:
    link, stranger = await link_of(gateway), await gateway.merchant()
    assert (await stranger.get(f"{LINKS}/{link['id']}")).status == 404
    assert (await stranger.post(f"{LINKS}/{link['id']}/deactivate", {})).status == 404
    assert (await stranger.get(LINKS)).json["data"] == []
    for method, path in (("POST", LINKS), ("GET", LINKS), ("GET", f"{LINKS}/{link['id']}")):
        body = {"amount": 100, "description": "x"} if method == "POST" else None
        assert (await gateway.request(method, path, body, anonymous=True)).status == 401
    assert (await gateway.get(f"{LINKS}/{link['id']}")).json["active"] is True


async def test_visits_at_once_of_a_link_to_pay_once_share_one_order(gateway: Live) -> None:
    link = await link_of(gateway)

    orders = await asyncio.gather(*(visit(gateway, link) for _ in range(20)))

    assert len({order["id"] for order in orders}) == 1
    assert (orders[0]["amount"], orders[0]["currency"]) == (25_000, "INR")
    rows = await gateway.sql("SELECT merchant_id::text FROM orders WHERE payment_link_id = $1", link["id"])
    assert [row[0] for row in rows] == [gateway.merchant_id]
    assert (await visit(gateway, link))["id"] == orders[0]["id"]


async def test_a_link_to_pay_once_is_paid_once(gateway: Live) -> None:
    link = await link_of(gateway)
    order = await visit(gateway, link)
    paid = await gateway.settled((await gateway.pay(order["id"]))["id"])
    assert paid["status"] == "success"

    assert await turned_away(gateway, link) == (400, "BAD_REQUEST_ERROR", "This payment link has been paid")
    rows = await gateway.sql("SELECT count(*) FROM orders WHERE payment_link_id = $1", link["id"])
    assert rows[0][0] == 1


@pytest.mark.parametrize("reusable", [False, True])
async def test_what_a_link_says_after_success_is_for_those_who_have_paid(gateway: Live, reusable: bool) -> None:
    after = {"success_message": "Your code: 4711", "redirect_url": "https://shop.example/download"}
    link = await link_of(gateway, reusable=reusable, **after)
    order = await visit(gateway, link)
    path = f"/api/v1/orders/{order['id']}/public"
    before = (await gateway.get(path, anonymous=True)).json

    await gateway.settled((await gateway.pay(order["id"]))["id"])

    told = (await gateway.get(path, anonymous=True)).json
    assert told == {
        **before,
        "status": "paid",
        "success_message": "Your code: 4711",
        "success_url": link["redirect_url"],
    }
    for unpaid in (order, before):
        assert unpaid.keys().isdisjoint({"success_message", "success_url"})


async def test_a_failed_payment_leaves_the_link_to_be_paid(gateway: Live) -> None:
    link = await link_of(gateway)
    order = await visit(gateway, link)
    await gateway.settled((await gateway.pay(order["id"], vpa="failure@kassa"))["id"])
    assert (await visit(gateway, link))["id"] == order["id"]


async def test_a_reusable_link_makes_an_order_for_each_visit(gateway: Live) -> None:
    link = await link_of(gateway, reusable=True)
    orders = [await visit(gateway, link) for _ in range(3)]
    assert len({order["id"] for order in orders}) == 3
    for order in orders[:2]:
        assert (await gateway.settled((await gateway.pay(order["id"]))["id"]))["status"] == "success"
    assert (await visit(gateway, link))["status"] == "created"


@pytest.mark.parametrize("reusable", [False, True])
async def test_a_link_that_is_over_is_refused(gateway: Live, reusable: bool) -> None:
    link = await link_of(gateway, reusable=reusable)
    await visit(gateway, link)
    soon = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    expired = await link_of(gateway, reusable=reusable, expires_at=soon)
    await visit(gateway, expired)

    for _ in range(2):
        assert (await gateway.post(f"{LINKS}/{link['id']}/deactivate", {})).json["active"] is False
    await gateway.sql("UPDATE payment_links SET expires_at = now() WHERE id = $1", expired["id"])

    assert (await turned_away(gateway, link))[2] == "This payment link is not active any more"
    assert (await turned_away(gateway, expired))[2] == "This payment link has expired"


async def test_an_order_of_a_link_ends_with_it_and_leads_back_to_the_shop(gateway: Live) -> None:
    expires_at = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0).isoformat().replace("+00:00", "Z")
    link = await link_of(gateway, redirect_url="https://shop.example/thanks?a=1", expires_at=expires_at)

    order = await visit(gateway, link)

    own = (await gateway.get(f"/api/v1/orders/{order['id']}")).json
    assert own["notes"] == {"payment_link": link["id"]} and own["receipt"] == link["description"]
    rows = await gateway.sql("SELECT expires_at, success_url FROM orders WHERE id = $1", order["id"])
    assert rows[0][0].isoformat().replace("+00:00", "Z") == expires_at and rows[0][1] == link["redirect_url"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"amount": 99},
        {"amount": -1},
        {"amount": 2**31},
        {"amount": 100.5},
        {"amount": "100"},
        {"amount": None},
        {"description": ""},
        {"description": "x" * 256},
        {"description": "a\x00b"},
        {"description": None},
        {"currency": "inr"},
        {"currency": "RUPEE"},
        {"reusable": "yes"},
        {"expires_at": "tomorrow"},
        {"expires_at": "2099-01-01T00:00:00"},
        {"expires_at": "2020-01-01T00:00:00Z"},
        {"expires_at": "9999-12-31T23:59:59-14:00"},
        {"success_message": "x" * 501},
        {"success_message": "\x00"},
        {"redirect_url": "javascript:alert(1)"},
        {"redirect_url": "//evil.example"},
        {"redirect_url": "data:text/html,x"},
        {"redirect_url": "https://user:pass@shop.example/"},
        {"redirect_url": "https://shop.example/ with spaces"},
        {"redirect_url": "https://shop.example/" + "x" * 2_048},
    ],
)
async def test_what_makes_no_sense_is_refused(gateway: Live, wrong: dict[str, Any]) -> None:
    reply = await gateway.post(LINKS, {"amount": 25_000, "description": "A jar of honey", **wrong})
    assert reply.refusal[:2] == (400, "BAD_REQUEST_ERROR")


@pytest.mark.parametrize("raw", [b"", b"[]", b"null", b"{", b'"x"', b"\xff", b'{"amount":' + b"9" * 400 + b"}"])
async def test_what_is_no_link_at_all_is_refused(gateway: Live, raw: bytes) -> None:
    assert (await gateway.post(LINKS, raw=raw)).refusal[:2] == (400, "BAD_REQUEST_ERROR")


@pytest.mark.parametrize(
    "link_id", ["plink_0000000000000000", "x", "%00", "..%2f..%2fhealth", "'%20OR%201=1--", "é" * 80]
)
async def test_unknown_links_are_not_found(gateway: Live, link_id: str) -> None:
    for method, path in (("GET", ""), ("POST", "/deactivate"), ("POST", "/order")):
        reply = await gateway.request(method, f"{LINKS}/{link_id}{path}", {} if method == "POST" else None)
        assert reply.status == 404, reply.text


async def test_a_link_opens_the_checkout_page(gateway: Live) -> None:
    link = await link_of(gateway)
    async with aiohttp.ClientSession() as session, session.get(f"{link['url']}?prefilled_email=a@b.example") as reply:
        text = await reply.text()
        if reply.status == 503:
            pytest.skip(text.strip())
        assert (reply.status, reply.content_type) == (200, "text/html")
        assert "<!doctype html>" in text.lower()


async def test_a_link_of_a_merchant_who_has_left_cannot_be_paid(gateway: Live) -> None:
    merchant = await gateway.merchant()
    link = await link_of(merchant)
    await gateway.sql("UPDATE merchants SET is_active = false WHERE id = $1::uuid", merchant.merchant_id)
    assert (await turned_away(gateway, link))[0] == 404
