"""What tests of several things do: pay, link, give back, be in production, or ask within one minute."""

import time
from collections.abc import Awaitable, Callable
from typing import Any

from tests.live import Live, Reply, until

LINKS = "/api/v1/payment_links"
WINDOW_S = 60
# What is for development may not even be named.
UNSET = {"TEST_MODE": "", "TEST_API_KEY": "", "TEST_API_SECRET": "", "TEST_MERCHANT_EMAIL": ""}
PRODUCTION = {"KASSA_ENV": "production", **UNSET}


def with_check_digit(digits: str) -> str:
    """`digits` and the digit that makes the number pass the Luhn check."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = int(digit) * 2 if place % 2 == 0 else int(digit)
        total += doubled - 9 if doubled > 9 else doubled
    return digits + str(-total % 10)


async def undecided(merchant: Live, status: str = "pending") -> str:
    """The id of a payment whose bank never answers."""
    order = await merchant.order()
    rows = await merchant.sql(
        """INSERT INTO payments (id, order_id, merchant_id, amount, method, vpa, status)
           VALUES ('pay_' || right($1, 16), $1, $2::uuid, 50000, 'upi', 'a@b', $3) RETURNING id""",
        order["id"],
        merchant.merchant_id,
        status,
    )
    return str(rows[0][0])


async def processed(merchant: Live, refund_id: str) -> Any:
    """The refund, once it is processed."""

    async def final() -> Any:
        seen = (await merchant.get(f"/api/v1/refunds/{refund_id}")).json
        return seen if seen["status"] == "processed" else None

    return await until(final, f"{refund_id} is processed")


async def link_of(gateway: Live, **fields: Any) -> Any:
    """A new link."""
    reply = await gateway.post(LINKS, {"amount": 25_000, "description": "A jar of honey", **fields})
    assert reply.status == 201, reply.text
    return reply.json


async def visit(gateway: Live, link: Any) -> Any:
    """What the checkout page is told when a payer opens the link."""
    reply = await gateway.post(f"{LINKS}/{link['id']}/order", {}, anonymous=True)
    assert reply.status == 200, reply.text
    return reply.json


async def within_one_window(attempt: Callable[[], Awaitable[list[Reply]]]) -> list[Reply]:
    """What `attempt` gives when no new minute begins in the middle of it."""
    while True:
        began = time.time() // WINDOW_S
        replies = await attempt()
        if time.time() // WINDOW_S == began:
            return replies
