"""Capture a successful payment, once."""

import msgspec

from kassa.actions.announce import event_of
from kassa.actions.apply_standing import charge_of
from kassa.actions.gateway import Gateway
from kassa.actions.once import Answer, KeyTaken, key_of, once
from kassa.actions.provider_account import account_of_payment
from kassa.domain.errors import KassaError, bad_request, not_found
from kassa.domain.payment import SIMULATOR, SUCCESS, Payment
from kassa.domain.views import payment_view
from kassa.store import idempotency, outbox, payments
from kassa.store.database import LOST


async def capture_payment(
    gateway: Gateway, merchant_id: str, payment_id: str, amount: int, idempotency_key: str | None = None
) -> Answer:
    """Capture the payment; `amount` must be its own. Raises NOT_FOUND_ERROR or BAD_REQUEST_ERROR."""
    key = key_of(merchant_id, idempotency_key, "capture", payment_id, amount)

    async def work() -> Answer:
        payment = (await payments.find(gateway.database, [payment_id]))[0]
        if payment is None or payment.merchant_id != merchant_id:
            raise not_found("Payment")
        if payment.status != SUCCESS or payment.captured:
            raise bad_request("Payment not in capturable state")
        if amount != payment.amount:
            raise bad_request(f"amount must be the payment's own, {payment.amount}")
        if payment.provider != SIMULATOR:
            await _capture_at_provider(gateway, payment)
        now = gateway.now()
        # Not retried on a lost connection: whether the first try was committed would be unknown.
        try:
            async with gateway.database.transaction() as tx:
                changed = await payments.capture(tx, payment_id, now)
                if changed is None:
                    raise bad_request("Payment not in capturable state")
                event = event_of(
                    gateway, "payment.captured", changed.payment, changed.sequence, cause="request", now=now,
                    wants_webhooks=False,
                )  # fmt: skip
                await outbox.announce(tx, [event])
                answer = Answer(200, msgspec.json.encode(payment_view(changed.payment)))
                if key and not await idempotency.claim(tx, [key.claim(answer, now)]):
                    raise KeyTaken
        except LOST as error:
            raise KassaError("SERVICE_UNAVAILABLE") from error
        return answer

    return await once(gateway, key, work)


async def _capture_at_provider(gateway: Gateway, payment: Payment) -> None:
    """Capture at the provider, which does it once however often it is asked; raises ProviderError."""
    account = await account_of_payment(gateway, payment)
    standing = await gateway.providers[payment.provider].capture(charge_of(payment), account)
    if not standing.captured:
        raise bad_request(f"The provider did not capture it: {standing.answer}")
