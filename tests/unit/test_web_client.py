"""What the pages know of the gateway is what the gateway does: its API, and how many decimals a currency has."""

import itertools
import json
import re
import string
from pathlib import Path

from kassa.api.application import OPERATIONS
from kassa.api.openapi import document
from kassa.domain.money import exponent

API = Path(__file__).parents[2] / "web" / "api"
WRITTEN = API / "openapi.json"


def test_the_client_is_generated_from_the_api_as_it_is() -> None:
    assert json.loads(WRITTEN.read_text()) == json.loads(json.dumps(document(OPERATIONS))), "run `make client`"


def test_the_pages_write_amounts_with_the_same_decimals() -> None:
    lines = re.findall(r'^  (\d): "([A-Z ]+)",$', (API / "src" / "currency.ts").read_text(), re.MULTILINE)
    written = {currency: int(decimals) for decimals, currencies in lines for currency in currencies.split()}

    every = map("".join, itertools.product(string.ascii_uppercase, repeat=3))
    assert written == {currency: exponent(currency) for currency in every if exponent(currency) != 2}
