"""Stripe's errors, as its library raises them, in our words."""

from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
import msgspec
import stripe

from kassa.domain.errors import CATALOGUE
from kassa.providers.base import UNCLEAR, ProviderError
from kassa.providers.declines import STRIPE, in_our_words

NAME = "stripe"


@contextmanager
def our_errors() -> Iterator[None]:
    """Whatever goes wrong within comes out as ProviderError."""
    try:
        yield
    except stripe.StripeError as error:
        raise _in_our_error(error) from error
    except TimeoutError as error:
        raise ProviderError("PROVIDER_TIMEOUT", NAME, unknown=True) from error
    except (aiohttp.ClientError, OSError, msgspec.ValidationError) as error:
        raise ProviderError("PROVIDER_UNAVAILABLE", NAME, unknown=True) from error


def _in_our_error(error: stripe.StripeError) -> ProviderError:
    """The library's error as ours. Stripe's message stays behind: it may repeat what the payer typed."""
    body = error.json_body if isinstance(error.json_body, dict) else {}
    detail = body.get("error")
    detail = detail if isinstance(detail, dict) else {}
    theirs = detail.get("decline_code") or detail.get("code") or detail.get("type")
    status = error.http_status or 0
    match error:
        case stripe.APIConnectionError():
            timed_out = isinstance(error.__cause__, TimeoutError)
            return ProviderError("PROVIDER_TIMEOUT" if timed_out else "PROVIDER_UNAVAILABLE", NAME, unknown=True)
        case stripe.RateLimitError():
            return ProviderError("PROVIDER_RATE_LIMITED", NAME, provider_code=theirs)
        case stripe.AuthenticationError() | stripe.PermissionError():
            return ProviderError("PROVIDER_AUTHENTICATION", NAME, provider_code=theirs)
        case stripe.CardError():
            code = in_our_words(STRIPE, detail.get("decline_code"), detail.get("code"))
            return ProviderError(code, NAME, provider_code=theirs)
    if 400 <= status < 500 and status not in UNCLEAR:
        description = f"{CATALOGUE['PROVIDER_REJECTED'].sentence}: {theirs}"
        if param := detail.get("param"):
            description += f" ({param})"
        return ProviderError("PROVIDER_REJECTED", NAME, provider_code=theirs, description=description)
    return ProviderError("PROVIDER_UNAVAILABLE", NAME, provider_code=theirs, unknown=True)
