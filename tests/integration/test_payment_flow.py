"""A payment from order to refund, with the webhooks that tell of it."""

import hashlib
import hmac

from tests.live import Live, Receiver


async def test_order_is_paid_captured_and_refunded_and_told_of(gateway: Live, receiver: Receiver) -> None:
    order = await gateway.order(50_000)
    payment = await gateway.settled((await gateway.pay(order["id"]))["id"])
    assert payment["status"] == "success"

    captured = await gateway.post(f"/api/v1/payments/{payment['id']}/capture", {"amount": 50_000})
    assert (captured.status, captured.json["captured"]) == (200, True)
    refund = await gateway.post(f"/api/v1/payments/{payment['id']}/refunds", {"amount": 20_000, "reason": "late"})
    assert (refund.status, refund.json["status"]) == (201, "pending")

    events = await receiver.events(payment["id"], 5)
    assert events == ["payment.created", "payment.pending", "payment.success", "refund.created", "refund.processed"]
    for one in receiver.of(payment["id"]):
        expected = hmac.new(b"whsec_test_abc123", one.body, hashlib.sha256).hexdigest()
        assert one.headers["X-Webhook-Signature"] == expected
    assert (await gateway.get(f"/api/v1/orders/{order['id']}")).json["status"] == "paid"
    assert (await gateway.get(f"/api/v1/refunds/{refund.json['id']}")).json["status"] == "processed"
