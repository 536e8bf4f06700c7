"""Open the session in which an order's payer pays at the merchant's provider: one at a time, whoever asks for it."""

from datetime import timedelta

import msgspec
import structlog

from kassa.actions.gateway import Gateway
from kassa.actions.look_at_payment import OPENING_TTL
from kassa.actions.open_session import Asked, intend, open_at_provider, page_of, plan
from kassa.actions.payable import LINK_ENDED, check_payable
from kassa.actions.provider_account import account_for, provider_of
from kassa.domain.errors import KassaError, bad_request, not_found
from kassa.domain.payment import SIMULATOR, Order, Payment
from kassa.domain.views import PayersSession
from kassa.domain.webhook import Delivery
from kassa.providers.base import Capability, ProviderError
from kassa.store import orders, payment_links, provider_payments
from kassa.store.database import retried
from kassa.store.provider_payments import CheckoutSession

# Who is sent to a page that closes in a moment cannot pay there.
ENDS_SOON = timedelta(minutes=5)
log = structlog.get_logger()


async def open_payers_session(gateway: Gateway, order: Order, email: str | None) -> tuple[PayersSession, bool]:
    """Where the payer of an order goes to pay, and whether the provider was asked for it just now.

    Whoever knows the order's id may ask, so a session that is open is answered again; `email` is filled in on the
    provider's page, but nobody is shown the one that somebody else gave. Raises NOT_FOUND_ERROR for an order whose
    merchant is not active, BAD_REQUEST_ERROR for one that cannot be paid any more, PROVIDER_CANNOT for one that is paid
    here or nowhere, and of a provider's refusals only that it has refused or is away: what is wrong is for the merchant
    alone.
    """
    if not order.merchant_active:
        raise not_found("Order")
    name = provider_of(gateway.settings, order)
    if name == SIMULATOR:
        raise KassaError("PROVIDER_CANNOT", "This order is not paid on a provider's page")
    try:
        gateway.providers[name].require(Capability.HOSTED_SESSION)
        account, own = await account_for(gateway, order.merchant_id, name)
        asked = Asked(order_id=order.id, customer_email=email)
        planned = plan(gateway, order, asked, name, live=account.live, own=own)
        session = await _begun(gateway, order, *planned)
        url = await open_at_provider(gateway, order, session)
    except ProviderError as error:
        log.warning("payers_session.refused", provider=name, order_id=order.id, error=error.code)
        if error.status == 503:
            raise KassaError(error.code) from error
        if error.status == 502:
            raise KassaError("PROVIDER_REJECTED") from error
        raise KassaError("PROVIDER_CANNOT", "This order cannot be paid at the moment") from error
    return PayersSession(name, session.payment_id, url), session.url is None


async def _begun(gateway: Gateway, order: Order, planned: CheckoutSession, payment: Payment) -> CheckoutSession:
    """The order's open session, else `planned`, which is committed; the order's lock lets one ask at a time."""

    async def begin() -> tuple[CheckoutSession, list[Delivery]]:
        async with gateway.database.transaction() as tx:
            link_id = order.payment_link_id
            if link_id is not None and await payment_links.ended(tx, {link_id}):
                raise bad_request(LINK_ENDED)
            status = await orders.lock(tx, order.id)
            now = gateway.now()
            check_payable(msgspec.structs.replace(order, status=status), now)
            found = await provider_payments.open_for_payers(
                tx, planned, now + ENDS_SOON, order.expires_at, now - OPENING_TTL
            )
            known = {session.customer_email: session for session in found}
            email = planned.customer_email
            if known and email not in known:
                # One with an address, one without: so many are open at most, whatever strangers ask.
                email = None
            if email in known:
                return known[email], []
            session = msgspec.structs.replace(
                planned,
                success_url=page_of(gateway, order, payment.id, email),
                cancel_url=page_of(gateway, order, email=email),
                customer_email=email,
                by_payer=True,
            )
            return session, await intend(gateway, tx, order, session, payment)

    session, deliveries = await retried(begin)
    gateway.enqueue_deliveries(deliveries)
    return session
