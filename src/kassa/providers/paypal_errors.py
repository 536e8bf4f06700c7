"""PayPal's errors, of its API and of its captures, in our words."""

import msgspec

from kassa.domain.errors import CATALOGUE
from kassa.providers.base import MALFORMED, UNCLEAR, ProviderError

NAME = "paypal"
# The same request is under way already, and how it ends is not known yet.
_UNDER_WAY = frozenset({"ORDER_COMPLETION_IN_PROGRESS", "PREVIOUS_REQUEST_IN_PROGRESS"})


class _Detail(msgspec.Struct):
    issue: str | None = None
    field: str | None = None


class _Problem(msgspec.Struct):
    name: str | None = None
    # How the token endpoint calls its own.
    error: str | None = None
    details: list[_Detail] = []


def refusal(status: int, body: bytes) -> ProviderError:
    """An answer that is no success, as our error. PayPal's sentence stays behind: it may repeat what was sent."""
    try:
        problem = msgspec.json.decode(body, type=_Problem)
    except MALFORMED:
        problem = _Problem()
    detail = problem.details[0] if problem.details else _Detail()
    theirs = detail.issue or problem.name or problem.error
    if status == 429:
        return ProviderError("PROVIDER_RATE_LIMITED", NAME, provider_code=theirs)
    if status in (401, 403):
        return ProviderError("PROVIDER_AUTHENTICATION", NAME, provider_code=theirs)
    if 400 <= status < 500 and status not in UNCLEAR and theirs not in _UNDER_WAY:
        description = f"{CATALOGUE['PROVIDER_REJECTED'].sentence}: {theirs or status}"
        if detail.field:
            description += f" ({detail.field})"
        return ProviderError("PROVIDER_REJECTED", NAME, provider_code=theirs, description=description)
    return ProviderError("PROVIDER_UNAVAILABLE", NAME, provider_code=theirs, unknown=True)
