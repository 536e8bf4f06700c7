"""Take a provider's notification: check its signature, keep it once, answer at once; a job applies it."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec
import structlog

from kassa.actions.apply_refund import NotYet, Unmatched, apply_refund
from kassa.actions.apply_standing import apply_standing
from kassa.actions.gateway import Gateway, epoch_ms
from kassa.actions.look_at_payment import look_at_payment
from kassa.actions.provider_account import account_for
from kassa.domain.errors import KassaError, bad_request
from kassa.providers.base import MALFORMED, Notice, ProviderError, Standing
from kassa.store import payments, provider_events, provider_payments
from kassa.store.database import LOST

# A notification may come before what it speaks of is committed, or for something that is not ours.
RETRIES_S = (2, 10, 60, 600, 3_600, 21_600, 86_400)
NAME_LENGTH = 255
# Of what is kept of a notification: nothing that tells of a person, and nothing of a card but what it is named by.
# These are parts of a field's name, between underscores or its ends.
_PRIVATE = re.compile(
    r"(?:^|_)(?:email|mail|phone|contact|address|shipping|billing|payer|customer_details|collected_information"
    r"|payment_source|birth|tax_id|tax_info|account_id|card|number|exp_month|exp_year|cvc|fingerprint|vpa|upi|iban"
    r"|bank_account)(?:_|$)|(?:^|_|sur)name$"
)
log = structlog.get_logger()


async def take_notification(
    gateway: Gateway, provider_name: str, merchant_id: str | None, headers: Mapping[str, str], body: bytes
) -> bool:
    """Keep a verified notification; False for one that the same account has sent before.

    Raises INVALID_SIGNATURE for any other, and BAD_REQUEST_ERROR for one whose names no provider would give.
    """
    provider = gateway.providers[provider_name]
    account, own = await account_for(gateway, merchant_id, provider_name)
    notice = await provider.verify(headers, body, account, gateway.now())
    if not _can_be_kept(notice):
        raise bad_request("The notification has too long a name, or text with NUL in it")
    status = "pending" if notice.standing is not None or notice.look or notice.refund else "kept"
    encoded = msgspec.json.encode(notice).decode()
    try:
        payload = msgspec.json.encode(scrubbed(msgspec.json.decode(body))).decode()
    except MALFORMED as error:
        raise bad_request("The notification is not JSON in UTF-8") from error
    kept = await provider_events.keep(
        gateway.database,
        provider_name,
        notice.event_id,
        merchant_id if own else None,
        notice.type,
        encoded,
        payload,
        status,
    )
    if kept is not None and status == "pending":
        gateway.enqueue(gateway.notifications, [(str(kept), epoch_ms(gateway.now()))])
    return kept is not None


def _can_be_kept(notice: Notice) -> bool:
    """Whether its texts are such as a provider gives; a merchant can sign anything with a secret of its own."""
    charge_ref = notice.standing.charge_ref if notice.standing else None
    names = [notice.event_id, notice.type, notice.provider_ref, notice.payment_id, charge_ref]
    if (refund := notice.refund) is not None:
        names += [refund.provider_ref, refund.refund_id, refund.charge_ref, refund.provider_code]
    return all(name is None or len(name) <= NAME_LENGTH for name in names) and not _has_nul(msgspec.to_builtins(notice))


def _has_nul(value: Any) -> bool:
    return any(map(_has_nul, value.values())) if isinstance(value, dict) else isinstance(value, str) and "\0" in value


def scrubbed(value: Any) -> Any:
    """`value` without what is personal, however deep it stands."""
    if isinstance(value, dict):
        return {name: scrubbed(one) for name, one in value.items() if not _PRIVATE.search(name)}
    if isinstance(value, list):
        return [scrubbed(one) for one in value]
    return value


async def apply_notification(gateway: Gateway, member: str) -> None:
    """Apply a kept notification; one that matches nothing yet, or breaks this, is tried again, for two days."""
    # A version before this one named it in another way; what waits in the queue by that name is swept in by its id.
    row = await provider_events.find(gateway.database, int(member)) if member.isdecimal() else None
    if row is None:
        return
    provider, encoded, attempts, merchant_id = row
    over, of_refund = attempts >= len(RETRIES_S), False
    try:
        notice = msgspec.json.decode(encoded, type=Notice)
        of_refund = notice.refund is not None
        said = await _apply(gateway, provider, notice, merchant_id)
        await provider_events.conclude(gateway.database, int(member), "applied", said, gateway.now())
    except Unmatched as error:
        await _again(gateway, member, attempts, str(error), over=over)
    except (NotYet, ProviderError) as error:
        note = f"not yet: {error}" if isinstance(error, NotYet) else f"no answer: {error.code}"
        # Of a payment that has failed nothing else asks again.
        await _again(gateway, member, attempts, note, over=over and of_refund)
        if over and of_refund:
            log.error("notification.given_up", provider=provider, id=member, note=note)
    except Exception as error:
        if isinstance(error, LOST) or (isinstance(error, KassaError) and error.code == "SERVICE_UNAVAILABLE"):
            raise
        await _again(gateway, member, attempts, f"crashed: {type(error).__name__}", over=over)
        log.error("notification.crashed", provider=provider, id=member, exc_info=True)


async def _apply(gateway: Gateway, provider: str, notice: Notice, merchant_id: str | None) -> str:
    """Let become so what a notification tells; returns in words what came of it. Raises as `apply_refund` does."""
    cause = f"{provider}: {notice.type}"[:50]
    if notice.refund is not None:
        return await apply_refund(gateway, provider, notice.refund, merchant_id, cause) or "nothing to do"
    payment_id = notice.payment_id
    if payment_id is None and notice.provider_ref is not None:
        payment_id = await provider_payments.payment_id_of(gateway.database, provider, notice.provider_ref)
    payment = await payments.by_id(gateway.database, payment_id) if payment_id else None
    if payment is None or payment.provider != provider:
        raise Unmatched("matches nothing yet")
    session = await provider_payments.find_session(gateway.database, payment.session_id or "")
    signer = session.merchant_id if session and session.own_account else None
    if session is None or merchant_id != signer:
        # Whoever has an account can sign with it what they like, but only of what was opened there.
        return "refused: signed by an account that it was not opened with"
    if notice.standing is None or notice.look or payment.is_held or _is_held(notice.standing):
        return await look_at_payment(gateway, payment.id, also_failed=True) or "nothing to do"
    return await apply_standing(gateway, payment, notice.standing, cause=cause)


def _is_held(standing: Standing) -> bool:
    """Whether money is said to be held; by the time that is heard it may have been let go."""
    return standing.state == "succeeded" and not standing.captured


async def _again(gateway: Gateway, member: str, attempts: int, note: str, *, over: bool) -> None:
    """Keep a notification that could not be applied, to be tried again unless that is `over`."""
    due_at = gateway.now() + timedelta(seconds=RETRIES_S[min(attempts, len(RETRIES_S) - 1)])
    status = "kept" if over else "pending"
    await provider_events.conclude(gateway.database, int(member), status, note, due_at)
    if not over:
        gateway.enqueue(gateway.notifications, [(member, epoch_ms(due_at))])
