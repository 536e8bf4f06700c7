"""A merchant's webhook configuration: where they go, the secret that signs them, and a delivery to try it with."""

import base64
import secrets
from datetime import UTC, datetime, timedelta

from kassa.actions.gateway import Gateway
from kassa.domain import webhook
from kassa.domain.errors import bad_request, not_found
from kassa.domain.payment import Merchant, Payment, Refund
from kassa.domain.views import event_data
from kassa.domain.webhook import Delivery
from kassa.net import check_url
from kassa.store import merchants, outbox


def new_webhook_secret() -> str:
    """A secret in the form that Standard Webhooks libraries take: `whsec_` and 24 random bytes in base64."""
    return webhook.SECRET_PREFIX + base64.b64encode(secrets.token_bytes(24)).decode()


async def set_webhook_url(gateway: Gateway, merchant_id: str, url: str | None) -> Merchant:
    """Set where the merchant's webhooks go, None for nowhere; raises BAD_REQUEST_ERROR for what is no such URL."""
    if url is not None:
        check_url(url, https_only=gateway.settings.production)
    merchant = await merchants.set_webhook_url(gateway.database, merchant_id, url)
    if merchant is None:
        raise not_found("Merchant")
    if url is not None and merchant.webhook_secret is None:
        return await rotate_webhook_secret(gateway, merchant_id, overlap_s=0)
    return merchant


async def rotate_webhook_secret(gateway: Gateway, merchant_id: str, overlap_s: int) -> Merchant:
    """Give the merchant a new secret; for `overlap_s` seconds each delivery is signed with the old one too."""
    until = gateway.now() + timedelta(seconds=overlap_s) if overlap_s else None
    merchant = await merchants.rotate_webhook_secret(gateway.database, merchant_id, new_webhook_secret(), until)
    if merchant is None:
        raise not_found("Merchant")
    return merchant


def example_payload(event: str, merchant_id: str, timestamp_s: int) -> str:
    """The body of an event about a payment that does not exist, to try a receiver with."""
    now = datetime.fromtimestamp(timestamp_s, UTC)
    failed = event == webhook.PAYMENT_FAILED
    payment = Payment(
        id="pay_" + "0" * 16,
        order_id="order_" + "0" * 16,
        merchant_id=merchant_id,
        amount=50_000,
        currency="INR",
        method="upi",
        status={webhook.PAYMENT_CREATED: "pending", webhook.PAYMENT_PENDING: "pending"}.get(
            event, "failed" if failed else "success"
        ),
        created_at=now,
        updated_at=now,
        vpa="success@kassa",
        error_code="PAYMENT_FAILED" if failed else None,
        error_description="Payment was declined by the bank" if failed else None,
    )
    refund = None
    if event in (webhook.REFUND_CREATED, webhook.REFUND_PROCESSED, webhook.REFUND_FAILED):
        processed = event == webhook.REFUND_PROCESSED
        refund = Refund(
            id="rfnd_" + "0" * 16,
            payment_id=payment.id,
            merchant_id=merchant_id,
            amount=10_000,
            currency=payment.currency,
            reason="A test refund",
            status={webhook.REFUND_PROCESSED: "processed", webhook.REFUND_FAILED: "failed"}.get(event, "pending"),
            created_at=now,
            processed_at=now if processed else None,
        )
    return webhook.body(event, timestamp_s, event_data(payment, refund), None)


async def send_test_webhook(gateway: Gateway, merchant: Merchant, event: str) -> Delivery:
    """Queue a delivery of an example event to the merchant's URL; raises BAD_REQUEST_ERROR when there is none."""
    if merchant.webhook_url is None:
        raise bad_request("No webhook URL is set; set one with PUT /api/v1/webhooks/config")
    now = gateway.now()
    payload = example_payload(event, merchant.id, int(now.timestamp()))
    delivery = Delivery(gateway.uuid(now), merchant.id, event, payload, now)
    async with gateway.database.transaction() as tx:
        await outbox.insert_deliveries(tx, [delivery])
    gateway.enqueue_deliveries([delivery])
    return delivery
