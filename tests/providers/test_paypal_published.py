"""What we send PayPal, and what its stand-in answers, held against PayPal's own OpenAPI descriptions."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from tests.providers.cases import PROVIDERS, Case, Sandbox
from tests.providers.published import published

from kassa.providers.base import Charge, Credentials, LineItem
from kassa.providers.declines import PAYPAL
from kassa.providers.paypal import PayPal
from kassa.providers.paypal_objects import order_request
from kassa.sandbox.paypal import PayPalStandIn

jsonschema = pytest.importorskip("jsonschema")
ORDERS, PAYMENTS = "paypal-checkout_orders_v2.json", "paypal-payments_payment_v2.json"
EVENTS = "paypal-notifications_webhooks_v1.json"


@pytest.fixture(scope="module")
async def paypal(sandbox: Sandbox) -> AsyncIterator[Case]:
    """PayPal alone."""
    provider = PayPal(f"{sandbox.url}/paypal")
    under = next(one for one in PROVIDERS if one.name == "paypal")
    account = Credentials(**PayPalStandIn.credentials, live=False)
    yield Case(under, sandbox, provider, provider, account)
    await provider.aclose()


def fits(value: Any, name: str, schema: str) -> None:
    """Raise unless `value` is one of what the description calls `schema`, with no field that it does not know."""
    described = published(name)
    whole = {"$ref": f"#/components/schemas/{schema}", "components": described["components"]}
    jsonschema.Draft7Validator(whole).validate(value)
    assert list(strangers(value, whole, described)) == []


def strangers(value: Any, schema: Any, described: Any) -> Iterator[str]:
    """Fields of `value` that the description does not know."""
    parts = list(flat(schema, described))
    known = {name: field for part in parts for name, field in part.get("properties", {}).items()}
    if isinstance(value, dict) and known:
        for name, inner in value.items():
            if name not in known:
                yield name
            else:
                yield from strangers(inner, known[name], described)
    if isinstance(value, list):
        for part in parts:
            for inner in value:
                yield from strangers(inner, part.get("items", {}), described)


def flat(schema: Any, described: Any) -> Iterator[Any]:
    """A schema with all that it refers to."""
    yield schema
    if (ref := schema.get("$ref")) is not None:
        yield from flat(described["components"]["schemas"][ref.rpartition("/")[2]], described)
    for part in schema.get("allOf", ()):
        yield from flat(part, described)


async def raw(paypal: Case, method: str, path: str, body: Any = None, token: str | None = None) -> tuple[int, Any]:
    """What the stand-in says to a plain request."""
    url = f"/paypal{path}"
    if token is None:
        basic = {"data": "grant_type=client_credentials",
                 "headers": {"Content-Type": "application/x-www-form-urlencoded",
                             "Authorization": "Basic a2Fzc2Etc2FuZGJveDprYXNzYS1zYW5kYm94LXNlY3JldA=="}}  # fmt: skip
        status, _, text = await paypal.sandbox.request("POST", "/paypal/v1/oauth2/token", **basic)
        assert status == 200, text
        token = json.loads(text)["access_token"]
    headers = {"Authorization": f"Bearer {token}", "PayPal-Request-Id": json.dumps([path, body])}
    status, _, text = await paypal.sandbox.request(method, url, json=body, headers=headers)
    return status, json.loads(text)


async def order(paypal: Case, charge: Charge) -> Any:
    """The order as the stand-in has it now."""
    status, found = await raw(paypal, "GET", f"/v2/checkout/orders/{charge.provider_ref}")
    assert status == 200
    fits(found, ORDERS, "order")
    return found


async def test_an_order_is_asked_for_as_described(paypal: Case) -> None:
    plain = order_request(paypal.asked(500, "JPY"))
    lines = (LineItem("Tea", 500, 2), LineItem("Tip", 500))
    full = order_request(paypal.asked(1_500, customer_email="payer@shop.example", line_items=lines))

    for asked in (plain, full):
        fits(asked, ORDERS, "order_request")
        status, made = await raw(paypal, "POST", "/v2/checkout/orders", asked)
        assert status == 200
        fits(made, ORDERS, "order")
    with pytest.raises(AssertionError):
        fits({**plain, "purchase_units": [{**plain["purchase_units"][0], "costum_id": ""}]}, ORDERS, "order_request")


async def test_orders_are_as_described_in_every_state(paypal: Case) -> None:
    statuses = []
    for outcomes in (
        [], ["pay"], ["decline"], ["pay", "look"], ["pay_async", "look"], ["pay_async", "look", "async_succeed"],
        ["pay_async", "look", "async_fail"], ["expire"],
    ):  # fmt: skip
        charge = await paypal.open()
        for outcome in outcomes:
            if outcome == "look":
                await paypal.standing(charge)
            else:
                await paypal.outcome(charge, outcome)
        statuses.append((await order(paypal, charge))["status"])

    assert statuses == ["PAYER_ACTION_REQUIRED", "APPROVED", "APPROVED", *["COMPLETED"] * 4, "VOIDED"]


@pytest.mark.parametrize("begins", ["processed", "pending", "failed"])
async def test_refunds_are_as_described(paypal: Case, begins: str) -> None:
    charge = await paypal.paid()
    asked = {
        "amount": {"currency_code": "USD", "value": "5.00"},
        "custom_id": charge.payment_id,
        "invoice_id": "rfnd_1",
    }
    fits(asked, PAYMENTS, "refund_request")
    await paypal.control("refunds", begin=begins)

    status, made = await raw(paypal, "POST", f"/v2/payments/captures/{charge.charge_ref}/refund", asked)
    await paypal.control("refunds", begin="processed")

    assert status == 200
    fits(made, PAYMENTS, "refund")
    found = (await order(paypal, charge))["purchase_units"][0]["payments"]
    fits(found["captures"][0], PAYMENTS, "capture")
    assert [one["id"] for one in found["refunds"]] == [made["id"]]


async def test_notifications_are_as_described(paypal: Case) -> None:
    since = len(await paypal.notifications())
    for outcomes in (["pay"], ["pay_async", "async_fail"], ["expire"]):
        charge = await paypal.open()
        for outcome in outcomes:
            await paypal.outcome(charge, outcome)
            await paypal.standing(charge)
    charge = await paypal.paid()
    await paypal.provider.refund(charge, f"{charge.payment_id}_1", 100, paypal.credentials)

    told = [json.loads(one["body"]) for one in await paypal.notifications(since)]

    schemas = {"checkout-order": (ORDERS, "order"), "capture": (PAYMENTS, "capture"), "refund": (PAYMENTS, "refund")}
    for one in told:
        fits(one, EVENTS, "event")
        if not one["event_type"].endswith("REVERSED"):
            fits(one["resource"], *schemas[one["resource_type"]])
    assert {one["resource_type"] for one in told} == set(schemas)


async def test_errors_are_as_described(paypal: Case) -> None:
    charge = await paypal.open()
    wrong = {"amount": {"currency_code": "USD", "value": "5.001"}}
    paid = await paypal.paid()
    seen = []
    for method, path, body, token in (
        ("GET", "/v2/checkout/orders/NONE", None, None),
        ("POST", f"/v2/checkout/orders/{charge.provider_ref}/capture", {}, None),
        ("POST", f"/v2/payments/captures/{paid.charge_ref}/refund", wrong, None),
        ("POST", "/v2/checkout/orders", {"intent": "NONE"}, None),
        ("POST", "/v2/checkout/orders", {}, "none"),
    ):
        status, answer = await raw(paypal, method, path, body, token)
        fits(answer, ORDERS, f"error_{status}")
        seen.append(status)
    assert seen == [404, 422, 422, 400, 401]
    for kind, status in (("http_500", 500), ("authentication", 403)):
        await paypal.control("faults", operation="retrieve", kind=kind)
        answered, answer = await raw(paypal, "GET", f"/v2/checkout/orders/{charge.provider_ref}")
        assert answered == status
        fits(answer, ORDERS, f"error_{status}")


def test_declines_are_called_what_paypal_calls_them() -> None:
    schemas = published(ORDERS)["components"]["schemas"]
    refusals = schemas["orders.capture-422"]["properties"]["details"]["items"]["anyOf"]
    codes = set(schemas["processor_response"]["properties"]["response_code"]["enum"])
    # These three are in PayPal's pages, not in its description.
    known = {one["title"] for one in refusals} | codes | {
        "CARD_EXPIRED", "PAYEE_ACCOUNT_LOCKED_OR_CLOSED", "PAYEE_ACCOUNT_RESTRICTED",
    }  # fmt: skip

    assert set(PAYPAL) - known == set()
