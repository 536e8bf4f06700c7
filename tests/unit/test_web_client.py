"""The pages' API client is generated from the API that is served."""

import json
from pathlib import Path

from kassa.api.application import OPERATIONS
from kassa.api.openapi import document

WRITTEN = Path(__file__).parents[2] / "web" / "api" / "openapi.json"


def test_the_client_is_generated_from_the_api_as_it_is() -> None:
    assert json.loads(WRITTEN.read_text()) == json.loads(json.dumps(document(OPERATIONS))), "run `make client`"
