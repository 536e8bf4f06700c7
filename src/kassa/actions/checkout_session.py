"""A hosted session after it was opened: how its merchant sees it, and how it is ended early."""

from kassa.actions.apply_standing import apply_standing, charge_of
from kassa.actions.gateway import Gateway
from kassa.actions.provider_account import account_of
from kassa.domain.errors import bad_request, not_found
from kassa.domain.payment import PENDING, SIMULATOR, Payment
from kassa.domain.views import SessionView, iso, session_status
from kassa.store import payments, provider_payments
from kassa.store.provider_payments import CheckoutSession


async def view_of(gateway: Gateway, merchant_id: str, session_id: str) -> SessionView:
    """The session as its merchant sees it; raises NOT_FOUND_ERROR for another merchant's."""
    return await _view(gateway, *await _found(gateway, merchant_id, session_id))


async def expire_session(gateway: Gateway, merchant_id: str, session_id: str) -> SessionView:
    """End a session at its provider, so that nobody can pay it; raises BAD_REQUEST_ERROR when it is not open."""
    session, payment = await _found(gateway, merchant_id, session_id)
    view = await _view(gateway, session, payment)
    if view.status != "open" or payment.status != PENDING:
        raise bad_request("Session is not open")
    account = await account_of(gateway, session)
    standing = await gateway.providers[session.provider].expire(charge_of(payment), account)
    await apply_standing(gateway, payment, standing, cause="request")
    return await view_of(gateway, merchant_id, session_id)


async def _found(gateway: Gateway, merchant_id: str, session_id: str) -> tuple[CheckoutSession, Payment]:
    session = await provider_payments.find_session(gateway.database, session_id)
    if session is None or session.merchant_id != merchant_id:
        raise not_found("Session")
    payment = await payments.by_id(gateway.database, session.payment_id)
    assert payment is not None  # the foreign key says so
    return session, payment


async def _view(gateway: Gateway, session: CheckoutSession, payment: Payment) -> SessionView:
    if session.provider == SIMULATOR:
        # Kassa's own page pays with a payment of its own.
        payment = await payments.successful_of(gateway.database, session.order_id) or payment
    return SessionView(
        id=session.id,
        order_id=session.order_id,
        payment_id=payment.id,
        provider=session.provider,
        status=session_status(payment),
        amount=payment.amount,
        currency=payment.currency,
        url=session.url,
        success_url=session.success_url,
        cancel_url=session.cancel_url,
        customer_email=session.customer_email,
        created_at=iso(session.created_at),
        expires_at=iso(session.expires_at),
    )
