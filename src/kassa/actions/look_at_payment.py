"""Look after what stays open at a provider: ask on a schedule, finish it, and give back what came for nothing."""

from datetime import datetime, timedelta
from itertools import accumulate

import structlog

from kassa.actions.apply_standing import apply_standing, charge_of, fail_payment
from kassa.actions.gateway import Gateway, epoch_ms
from kassa.actions.provider_account import account_of
from kassa.domain.payment import CREATED, FAILED, OPEN, PAID, SIMULATOR, Payment
from kassa.providers.base import Capability, Credentials, ProviderError, Standing
from kassa.providers.guarded import Guarded
from kassa.store import orders, payments, provider_payments
from kassa.store.provider_payments import CheckoutSession

LOOKS_S = (60, 300, 1_800, 7_200)
DAILY_S = 86_400
FIRST_LOOK_S = LOOKS_S[0]
# For how long the merchant may come back for a session whose opening was not answered.
OPENING_TTL = timedelta(minutes=30)
AFTER_EXPIRY = timedelta(minutes=1)
# Debits by way of a bank take up to two weeks, and what a shop must agree to at its provider goes back after a month.
IN_FLIGHT_TTL = timedelta(days=30)
# A page that waits has its payment asked about no more often than this, and ever less often as the payment ages.
WAITING_LEAST_S = 5
WAITING_SHARE_OF_AGE = 20
log = structlog.get_logger()


def next_look(begun_at: datetime, now: datetime, expires_at: datetime) -> datetime:
    """When to ask next: ever less often, but soon after the session has ended.

    It goes by the session's age, so that a merchant who asks often does not put off what nobody would ask for.
    """
    planned = (begun_at + timedelta(seconds=seconds) for seconds in accumulate(LOOKS_S))
    later = next((at for at in planned if at > now), now + timedelta(seconds=DAILY_S))
    after_expiry = expires_at + AFTER_EXPIRY
    return min(later, after_expiry) if now < after_expiry else later


def is_worth_asking(payment: Payment, now: datetime) -> bool:
    """Whether the provider may be asked because a payer's page asks, who may have just come back from paying.

    Anybody may ask there: so a payment costs the provider some hundred questions in a day, however often that is.
    """
    if payment.provider == SIMULATOR or payment.status not in OPEN or payment.status == CREATED:
        return False
    wait = max(timedelta(seconds=WAITING_LEAST_S), (now - payment.created_at) / WAITING_SHARE_OF_AGE)
    return payment.looked_at is None or now - payment.looked_at >= wait


async def look_at_payment(gateway: Gateway, payment_id: str, *, also_failed: bool = False) -> str | None:
    """Ask the provider about a payment and do what it says; returns in words what came of it, None for nothing open.

    Held money is asked about as well: it may lapse. With `also_failed` a failed payment is, too: its money may have
    come late. As nothing else asks about that one again, it raises ProviderError when there is no answer.
    """
    payment = await payments.by_id(gateway.database, payment_id)
    if payment is None or payment.session_id is None:
        return None
    session = await provider_payments.find_session(gateway.database, payment.session_id)
    if session is None:
        return None
    if payment.return_due_at is not None and payment.returned_at is None:
        return await _give_back(gateway, payment, session)
    if payment.is_held:
        return await _look_at_held(gateway, payment, session)
    if payment.status not in OPEN and not (also_failed and payment.status == FAILED):
        return None
    now = gateway.now()
    # Whoever came back for it at the last moment has had an answer by now.
    given_up_at = session.created_at + OPENING_TTL + timedelta(seconds=FIRST_LOOK_S)
    if payment.status == CREATED and session.provider_ref is None and now > given_up_at:
        await fail_payment(gateway, payment.id, "PAYMENT_EXPIRED", "The session was never opened", None, "reconciler")
        return "failed: the session was never opened"
    try:
        standing = await _ask(gateway, payment, session, now)
    except ProviderError as error:
        if payment.status not in OPEN:
            raise
        standing = Standing(state="open", answer=f"no answer: {error.code} {error.provider_code or ''}".strip())
    said = await apply_standing(gateway, payment, standing, cause="reconciler")
    if standing.state in ("open", "unknown") or said.startswith("refused"):
        due_at = next_look(session.created_at, now, session.expires_at)
        answer = standing.answer if not said.startswith("refused") else said
        await provider_payments.note_look(gateway.database, payment.id, answer, now, due_at, standing.charge_ref)
        gateway.enqueue(gateway.looks, [(payment.id, epoch_ms(due_at))])
    return f"{said}: {standing.answer}"


async def _look_at_held(gateway: Gateway, payment: Payment, session: CheckoutSession) -> str:
    """Ask whether held money is held still: it may be captured there, or let go, without a word to us."""
    now = gateway.now()
    due_at: datetime | None = now + timedelta(seconds=DAILY_S)
    try:
        account = await account_of(gateway, session)
        standing = await gateway.providers[session.provider].retrieve(charge_of(payment, may_take=False), account)
    except ProviderError as error:
        said = f"held, no answer: {error.code}"
    else:
        said = f"{await apply_standing(gateway, payment, standing, cause='reconciler')}: {standing.answer}"
        if standing.captured:
            # In part, perhaps, which is for people to look at; but it is not held any more.
            due_at = None
    await provider_payments.note_held(gateway.database, payment.id, said, now, due_at)
    if due_at is not None:
        gateway.enqueue(gateway.looks, [(payment.id, epoch_ms(due_at))])
    return said


async def _ask(gateway: Gateway, payment: Payment, session: CheckoutSession, now: datetime) -> Standing:
    if session.provider_ref is None:
        return Standing(state="open", answer="the session is not open at the provider yet")
    provider = gateway.providers[session.provider]
    account = await account_of(gateway, session)
    [order] = await orders.find(gateway.database, [payment.order_id])
    paid = order is not None and order.status == PAID
    may_take = payment.status in OPEN and not paid
    standing = await provider.retrieve(charge_of(payment, may_take=may_take), account)
    if not (paid or now >= session.expires_at) or standing.state not in ("open", "unknown"):
        return standing
    # Its time is over. First nobody may be able to pay it any more, then it is failed.
    if standing.state == "open" and Capability.EXPIRE in provider.capabilities:
        standing = await provider.expire(charge_of(payment), account)
    waits = standing.in_flight and now < session.expires_at + IN_FLIGHT_TTL
    if standing.state in ("open", "unknown") and not waits:
        code = "ORDER_ALREADY_PAID" if paid else "PAYMENT_EXPIRED"
        return Standing(state="failed", answer=standing.answer, error_code=code)
    return standing


async def _give_back(gateway: Gateway, payment: Payment, session: CheckoutSession) -> str:
    """Give back what came for an order that another payment had settled, and ask ever less often until it has gone."""
    now = gateway.now()
    done = False
    try:
        account = await account_of(gateway, session)
        state = await _return_rest(gateway.providers[session.provider], payment, account)
        done, said = state == "processed", f"return {state}"
        trouble = state == "failed"
    except ProviderError as error:
        said = f"return postponed: {error.code} {error.provider_code or ''}".strip()
        trouble = error.code in ("PROVIDER_REJECTED", "PROVIDER_CANNOT")
    if trouble:
        # It is asked again all the same; but the payer waits for money that may never come by itself.
        log.error("return.failed", payment_id=payment.id, said=said)
    # It failed when it was last updated: so this waits about as long again as it has waited.
    due_at = now + min(max(now - payment.updated_at, timedelta(seconds=FIRST_LOOK_S)), timedelta(seconds=DAILY_S))
    await provider_payments.note_return(gateway.database, payment.id, said, now, due_at, done=done)
    if not done:
        gateway.enqueue(gateway.looks, [(payment.id, epoch_ms(due_at))])
    return said


async def _return_rest(provider: Guarded, payment: Payment, account: Credentials) -> str:
    """Ask for what has not gone back yet, by us or in the provider's dashboard; returns how the return stands.

    Each try after a refund that failed, or was made outside, has an id of its own: an old one repeats its old answer.
    """
    charge = charge_of(payment)
    known = await provider.refunds_of(charge, account)
    on_the_way = [one for one in known if one.state != "failed"]
    rest = payment.amount - sum(one.amount or 0 for one in on_the_way)
    if rest > 0:
        number = 2 * len(known) - len(on_the_way)
        return_id = f"return_{payment.id}_{number}" if number else f"return_{payment.id}"
        asked = await provider.refund(charge, return_id, rest, account)
        if asked.state == "failed":
            return asked.state
        on_the_way.append(asked)
    return "processed" if all(one.state == "processed" for one in on_the_way) else "pending"
