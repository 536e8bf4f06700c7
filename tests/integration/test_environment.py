"""Settings that cannot be right stop a process before it does anything, with a sentence that names them."""

import asyncio

import pytest

from tests.live import Live
from tests.shell import kassa

# One of each kind; every single setting is tried without a process.
WRONG = [
    ("PORT", "eighty"),
    ("UPI_SUCCESS_RATE", "1.5"),
    ("PROCESSING_DELAY_MIN", "10001"),
    ("TEST_MODE", "perhaps"),
    ("WEBHOOK_ALLOW_PRIVATE", "10.0.0.0/33"),
]


@pytest.fixture(scope="module")
async def refusals(gateway: Live) -> dict[tuple[str, str], tuple[int, str, str]]:
    """What `kassa env` leaves behind with each of the wrong settings."""
    run = await asyncio.gather(*(kassa({**gateway.environment, name: value}, "env") for name, value in WRONG))
    return dict(zip(WRONG, run, strict=True))


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_wrong_setting_is_named(refusals: dict[tuple[str, str], tuple[int, str, str]], name: str, value: str) -> None:
    code, out, err = refusals[name, value]

    assert (code, out) == (2, "")
    assert err.startswith("kassa: Unusable environment: ")
    assert name in err
    assert len(err.splitlines()) == 1
