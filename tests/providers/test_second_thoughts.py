"""What a provider says of a refund, or of held money, comes late, twice, or at the same time as something else."""

from collections.abc import AsyncIterator

import pytest
from tests.providers.cases import PROVIDERS, Case
from tests.providers.inside import Inside, inside_of

from kassa.actions.process_refund import process_refund

PAYPAL = next(one for one in PROVIDERS if one.name == "paypal")


@pytest.fixture(scope="module")
async def inside(case: Case) -> AsyncIterator[Inside]:
    """A gateway in this process, at each provider in turn."""
    async with inside_of(case) as one:
        yield one


@pytest.mark.parametrize("case", [PAYPAL], ids=["paypal"], indirect=True)
async def test_a_refund_that_paypal_has_taken_is_asked_about_and_not_made_again(inside: Inside) -> None:
    payment_id = await inside.paid()
    capture = (await inside.payment(payment_id)).charge_ref
    refund_id = await inside.refund(payment_id, 20_000)
    made = {
        "id": "1JU08902781691411", "status": "PENDING", "invoice_id": refund_id,
        "amount": {"currency_code": "USD", "value": "200.00"},
    }  # fmt: skip
    async with inside.scripted() as paypal:
        paypal.answers["POST /v1/oauth2/token"] = [(200, {"access_token": "t", "expires_in": 3600})]
        paypal.answers[f"POST /v2/payments/captures/{capture}/refund"] = [(201, made)]
        # It does not find for a moment what it has just made.
        await process_refund(inside.gateway, refund_id)
        begun = await inside.found(refund_id)
        await process_refund(inside.gateway, refund_id)
        waiting = await inside.found(refund_id)
        paypal.answers[f"GET /v2/payments/refunds/{made['id']}"] = [(200, {**made, "status": "COMPLETED"})]
        await process_refund(inside.gateway, refund_id)

    assert (begun.status, begun.provider_ref, waiting.status) == ("pending", made["id"], "pending")
    assert (await inside.found(refund_id)).status == "processed"
    assert len([path for path in paypal.paths("POST") if path.endswith("/refund")]) == 1
    assert (await inside.payment(payment_id)).refunded_amount == 20_000
