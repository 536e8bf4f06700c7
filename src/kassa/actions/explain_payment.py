"""Explain why a payment failed: at once from the built-in catalogue, and refined by a model where one is configured."""

import re
from contextlib import aclosing, suppress

import msgspec
import structlog

from kassa.actions.gateway import Gateway
from kassa.domain.errors import CATALOGUE, bad_request
from kassa.domain.explanations import Explanation, amount_band, built_in
from kassa.domain.money import exponent
from kassa.domain.payment import FAILED, Payment
from kassa.net import Outbound
from kassa.providers import declines
from kassa.settings import EVERYWHERE
from kassa.store import explanations
from kassa.store.database import LOST

TIMEOUT_S = 5.0
ANSWER_LIMIT_BYTES = 16_384
MAX_SENTENCES_LENGTH = 600
# Of a provider's words only those leave that our own catalogue or the providers' published codes use too: whatever is
# anybody's name, handle, address, amount or number is none of them.
_KNOWN = frozenset(
    word
    for text in (
        *(code for table in declines.TABLES for code in table),
        *CATALOGUE,
        *(f"{e.sentence} {e.next_step}" for e in CATALOGUE.values()),
    )
    for word in re.findall(r"[a-z]+", text.lower())
)
# What the model's own answer must not hold: addresses, handles, and whatever has more than three digits in a row.
_PERSONAL = re.compile(r"\S+@\S+|https?://\S+|\+?\d[\d\s().-]{3,}\d|\d{4,}")
log = structlog.get_logger()

_TASK = (
    "You help a payment gateway explain failed payments. You are given codes, a method and an order of magnitude."
    " Answer in plain, friendly English, without jargon, promises, links, or asking for card data. Answer with"
    " JSON only: what_happened (for the merchant), tell_payer (for the payer), merchant_should (next step for the"
    " merchant), retry (one of: no, now, later, other_method)."
)


class _Refined(msgspec.Struct, forbid_unknown_fields=True):
    what_happened: str
    tell_payer: str
    merchant_should: str
    retry: str


async def explain_payment(gateway: Gateway, payment: Payment) -> Explanation:
    """The explanation of a failed payment; with a model configured its words follow as soon as it has answered.

    Raises BAD_REQUEST_ERROR for a payment that has not failed.
    """
    if payment.status != FAILED:
        raise bad_request("The payment has not failed; there is nothing to explain")
    code = payment.error_code or "PAYMENT_FAILED"
    plain = built_in(code)
    s = gateway.settings
    if not (s.ai_base_url and s.ai_model):
        return plain
    cache_key = f"{code}/{payment.provider_code or ''}/{payment.method}"[:200]
    kept = await explanations.find(gateway.database, cache_key)
    if kept is not None:
        return msgspec.json.decode(kept, type=Explanation)
    gateway.in_background(cache_key, lambda: _refine(gateway, payment, plain, cache_key))
    return plain


async def _refine(gateway: Gateway, payment: Payment, plain: Explanation, cache_key: str) -> None:
    """Ask the model and keep its answer; on any doubt the built-in explanation stays."""
    s = gateway.settings
    facts = {
        "error_code": plain.code,
        "provider_code": scrubbed(payment.provider_code or ""),
        "provider_message": scrubbed(payment.error_description or ""),
        "method": payment.method,
        "amount": f"{amount_band(payment.amount, exponent(payment.currency))} {payment.currency}",
        "built_in": {
            "what_happened": plain.what_happened,
            "merchant_should": plain.merchant_should,
            "retry": plain.retry,
        },
    }
    request = {
        "model": s.ai_model,
        "temperature": 0,
        "response_format": {"type": "json_object"},
        "messages": [
            {"role": "system", "content": _TASK},
            {"role": "user", "content": msgspec.json.encode(facts).decode()},
        ],
    }
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {s.ai_api_key or ''}"}
    # The operator names this address, so it may be a private one.
    async with aclosing(Outbound(EVERYWHERE)) as outbound:
        url = f"{(s.ai_base_url or '').rstrip('/')}/chat/completions"
        body = msgspec.json.encode(request)
        reply = await outbound.post(url, body, headers, timeout_s=TIMEOUT_S, body_limit_bytes=ANSWER_LIMIT_BYTES)
    body_read = reply.body or ""
    whole = len(body_read.encode()) < ANSWER_LIMIT_BYTES
    refined = checked(body_read, plain) if reply.status == 200 and whole else None
    if refined is None:
        log.warning("explanation.not_refined", code=plain.code, status=reply.status, error=reply.error)
        return
    with suppress(*LOST):  # the next request asks again
        await explanations.keep(gateway.database, cache_key, msgspec.json.encode(refined).decode())


def scrubbed(message: str) -> str:
    """A provider's code or message without what might be anybody's: unknown words become `…`."""
    words = [word.strip(".,;:!?()'\"") for word in message.split()]
    kept = [word if _KNOWN.issuperset(word.lower().split("_")) else "…" for word in words if word]
    return re.sub("…(?: …)+", "…", " ".join(kept))[:300]


def checked(answer: str, plain: Explanation) -> Explanation | None:
    """The model's explanation, if it is one: complete, short, with nothing in it that we did not ask for."""
    try:
        content = msgspec.json.decode(answer)["choices"][0]["message"]["content"]
        refined = msgspec.json.decode(content, type=_Refined)
    except (msgspec.MsgspecError, KeyError, IndexError, TypeError):
        return None
    texts = (refined.what_happened, refined.tell_payer, refined.merchant_should)
    if any(
        not text.strip() or len(text) > MAX_SENTENCES_LENGTH or _PERSONAL.search(text) or "<" in text for text in texts
    ):
        return None
    # Whether a retry helps is a matter of money, not of words: there the catalogue stands.
    if refined.retry != plain.retry:
        return None
    return Explanation(
        code=plain.code,
        what_happened=refined.what_happened,
        tell_payer=refined.tell_payer,
        merchant_should=refined.merchant_should,
        retry=plain.retry,
        generated=True,
    )
