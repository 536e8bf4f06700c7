"""What providers publish of their own formats, where it is at hand; it is not part of this repository."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(os.environ.get("KASSA_PROVIDER_SPECS") or Path(__file__).parents[3] / "shared" / "specs")


def published(name: str) -> Any:
    """A published JSON file; skips the test where it is missing."""
    file = FOLDER / name
    if not file.exists():
        pytest.skip(f"{name} is not at hand; KASSA_PROVIDER_SPECS names the folder that has it")
    return json.loads(file.read_bytes())
