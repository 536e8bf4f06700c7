"""UPI addresses (VPA)."""

import re

from kassa.domain.errors import KassaError

_VPA = re.compile(r"[a-zA-Z0-9._-]+@[a-zA-Z0-9]+")
MAX_LENGTH = 255


def check_vpa(vpa: str | None) -> str:
    """Return `vpa` if it is one, else raise INVALID_VPA."""
    if vpa is None:
        raise KassaError("INVALID_VPA", "vpa is required for a UPI payment")
    if len(vpa) > MAX_LENGTH or not _VPA.fullmatch(vpa):
        raise KassaError("INVALID_VPA")
    return vpa
