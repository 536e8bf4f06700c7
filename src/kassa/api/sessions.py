"""Endpoints of hosted sessions at providers, and of the notifications that providers send."""

from kassa.actions.checkout_session import expire_session, view_of
from kassa.actions.look_at_payment import look_at_payment
from kassa.actions.once import Answer
from kassa.actions.open_session import Asked, open_session
from kassa.actions.take_notification import take_notification
from kassa.api.answers import Empty, Received
from kassa.api.limits import CERTIFICATES
from kassa.api.operation import Call, Operation
from kassa.api.requests import NewCheckoutSession
from kassa.api.validation import is_id, is_uuid
from kassa.domain.errors import not_found
from kassa.domain.payment import SIMULATOR
from kassa.domain.views import SessionView
from kassa.providers.base import LineItem


async def _create(call: Call) -> Answer:
    body: NewCheckoutSession = call.body
    if not is_id(body.order_id):
        raise not_found("Order")
    asked = Asked(
        order_id=body.order_id,
        provider=body.provider,
        success_url=body.success_url,
        cancel_url=body.cancel_url,
        customer_email=body.customer_email,
        line_items=tuple(LineItem(item.name, item.amount, item.quantity) for item in body.line_items),
        manual_capture=body.manual_capture,
    )
    return await open_session(call.gateway, call.merchant, asked, call.idempotency_key)


def _session_id(call: Call) -> str:
    if not is_id(call.path["session_id"]):
        raise not_found("Session")
    return call.path["session_id"]


async def _get(call: Call) -> SessionView:
    """A merchant's success page asks this when the payer comes back: so the provider is asked, too, at once."""
    view = await view_of(call.gateway, call.merchant.id, _session_id(call))
    # The simulated bank has nothing to tell: it waits for the session's end, which a look would bring nearer.
    if view.status != "open" or view.provider == SIMULATOR:
        return view
    await look_at_payment(call.gateway, view.payment_id)
    return await view_of(call.gateway, call.merchant.id, view.id)


async def _expire(call: Call) -> SessionView:
    return await expire_session(call.gateway, call.merchant.id, _session_id(call))


async def _notified_for_merchant(call: Call) -> Received:
    return await _notified(call)


async def _notified(call: Call) -> Received:
    merchant_id = call.path.get("merchant_id")
    if merchant_id is not None and not is_uuid(merchant_id):
        raise not_found("Merchant")
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in call.headers.items()}
    provider = call.path["provider"]
    if call.gateway.providers[provider].must_fetch(headers):
        call.limits.count(f"certificate:{call.address}", CERTIFICATES)
    new = await take_notification(call.gateway, provider, merchant_id, headers, call.body)
    return Received(duplicate=not new)


_NOTIFICATIONS = "/api/v1/providers/{provider}/notifications"
OPERATIONS = [
    Operation(
        "POST", "/api/v1/checkout/sessions", "Open a hosted session at a provider", _create, SessionView, 201,
        body=NewCheckoutSession, refusals=(404, 502), idempotent=True, tag="Sessions",
    ),
    Operation(
        "GET", "/api/v1/checkout/sessions/{session_id}", "Get a session; an open one is asked after at its provider",
        _get, SessionView, refusals=(400, 502), tag="Sessions",
    ),
    Operation(
        "POST", "/api/v1/checkout/sessions/{session_id}/expire", "End a session", _expire, SessionView, body=Empty,
        refusals=(502,), tag="Sessions",
    ),
    Operation(
        "POST", _NOTIFICATIONS, "A provider's notification, for the gateway's own account", _notified, Received,
        access="open", raw_body=True, tag="Providers",
    ),
    Operation(
        "POST", _NOTIFICATIONS + "/{merchant_id}", "A provider's notification, for a merchant's own account",
        _notified_for_merchant, Received, access="open", raw_body=True, tag="Providers",
    ),
]  # fmt: skip
