"""Capture a successful payment, once."""

import msgspec

from kassa.actions.announce import announce
from kassa.actions.apply_standing import CAPTURED, charge_of
from kassa.actions.gateway import Gateway
from kassa.actions.look_at_payment import look_at_payment
from kassa.actions.once import Answer, KeyTaken, key_of, once
from kassa.actions.provider_account import account_of_payment
from kassa.domain.errors import KassaError, bad_request, not_found
from kassa.domain.payment import SIMULATOR, SUCCESS, Payment
from kassa.domain.views import payment_view
from kassa.providers.base import ProviderError
from kassa.store import idempotency, outbox, payments
from kassa.store.database import LOST, Connection

_LET_GO = "Payment not in capturable state: the provider has let go of the money that it held"


async def capture_payment(
    gateway: Gateway, merchant_id: str, payment_id: str, amount: int, idempotency_key: str | None = None
) -> Answer:
    """Capture the payment; `amount` must be its own. Raises NOT_FOUND_ERROR or BAD_REQUEST_ERROR."""
    key = key_of(merchant_id, idempotency_key, "capture", payment_id, amount)

    async def work() -> Answer:
        payment = await payments.by_id(gateway.database, payment_id)
        if payment is None or payment.merchant_id != merchant_id:
            raise not_found("Payment")
        if payment.status != SUCCESS or (payment.captured and not await _said_by_provider(gateway, payment)):
            raise bad_request("Payment not in capturable state")
        if payment.released_at is not None:
            raise bad_request(_LET_GO)
        if amount != payment.amount:
            raise bad_request(f"amount must be the payment's own, {payment.amount}")
        if payment.provider != SIMULATOR and not payment.captured:
            await _capture_at_provider(gateway, payment)
        now = gateway.now()
        # Not retried on a lost connection: whether the first try was committed would be unknown.
        try:
            async with gateway.database.transaction() as tx:
                captured = await _captured(gateway, tx, payment)
                answer = Answer(200, msgspec.json.encode(payment_view(captured)))
                if key and not await idempotency.claim(tx, [key.claim(answer, now)]):
                    raise KeyTaken
        except LOST as error:
            raise KassaError("SERVICE_UNAVAILABLE") from error
        return answer

    return await once(gateway, key, work)


async def _said_by_provider(gateway: Gateway, payment: Payment) -> bool:
    """Whether it was captured by the provider's word, and no request was answered yet.

    One whose answer was lost is sent again, and must not hear that there is nothing to capture.
    """
    if payment.provider == SIMULATOR:
        return False
    rows = await outbox.timeline(gateway.database, payment.id)
    return any(event == CAPTURED and cause != "request" for _, event, _, cause, *_ in rows)


async def _captured(gateway: Gateway, tx: Connection, payment: Payment) -> Payment:
    """Mark the payment as captured; raises BAD_REQUEST_ERROR for one that is so already."""
    now = gateway.now()
    changed = await payments.capture(tx, payment.id, now)
    if changed is None:
        found = await payments.lock(tx, payment.id)
        # The provider has captured it as we asked, and its notification was quicker than we are.
        if found is None or not found.captured or payment.provider == SIMULATOR:
            raise bad_request("Payment not in capturable state")
        return found
    await announce(gateway, tx, CAPTURED, changed, "request", now)
    return changed.payment


async def _capture_at_provider(gateway: Gateway, payment: Payment) -> None:
    """Capture at the provider, which does it once however often it is asked; raises ProviderError."""
    account = await account_of_payment(gateway, payment)
    try:
        standing = await gateway.providers[payment.provider].capture(charge_of(payment), account)
    except ProviderError as error:
        if error.code == "PROVIDER_REJECTED":
            # Why, its standing tells: a hold lapses by itself.
            await look_at_payment(gateway, payment.id)
            found = await payments.by_id(gateway.database, payment.id)
            if found is not None and found.released_at is not None:
                raise bad_request(_LET_GO) from error
        raise
    if standing.captured and (standing.amount, standing.currency) != (payment.amount, payment.currency):
        # Somebody captured a part in the provider's dashboard. It is not captured here, and people are told to look.
        await look_at_payment(gateway, payment.id)
        taken = f"{standing.amount} {standing.currency}, not {payment.amount} {payment.currency}"
        raise bad_request(f"The provider has captured {taken}: settle the rest there")
    if not standing.captured:
        raise bad_request(f"The provider did not capture it: {standing.answer}")
