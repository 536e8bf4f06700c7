"""`.env.example` names every setting with its true default and a comment, and nothing that nobody reads."""

import re
from pathlib import Path

import msgspec
import yaml

from kassa.settings import Settings, load

ROOT = Path(__file__).parents[2]
LINES = (ROOT / ".env.example").read_text(encoding="utf-8").splitlines()
VALUES = dict(line.split("=", 1) for line in LINES if line and not line.startswith("#"))
SETTINGS = {field.encode_name: field.default for field in msgspec.structs.fields(Settings)}


def read_by_compose() -> set[str]:
    """The variables that compose.yaml takes from outside: interpolated ones, and those handed on without a value."""
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    environments = (service.get("environment", {}) for service in yaml.safe_load(text)["services"].values())
    handed_on = {name for environment in environments for name, value in environment.items() if value is None}
    return handed_on | set(re.findall(r"\$\{(\w+)", text))


def test_every_setting_is_listed() -> None:
    assert SETTINGS.keys() - VALUES.keys() == set()


def test_nothing_is_listed_that_nobody_reads() -> None:
    assert VALUES.keys() - SETTINGS.keys() - read_by_compose() == set()


def test_no_variable_is_listed_twice() -> None:
    assert len(VALUES) == sum(1 for line in LINES if line and not line.startswith("#"))


def test_the_listed_values_are_the_defaults() -> None:
    assert load(VALUES) == Settings()


def test_a_value_is_empty_only_where_the_default_is_nothing() -> None:
    assert {name for name in SETTINGS if VALUES[name] == ""} == {name for name in SETTINGS if not_set(SETTINGS[name])}


def not_set(default: object) -> bool:
    """Whether a default says "nothing": `0` and `False` do not."""
    return default is None or default == ""


def test_every_variable_has_a_comment_of_its_own() -> None:
    above = {line.split("=")[0]: LINES[number - 1] for number, line in enumerate(LINES) if re.match(r"[A-Z]", line)}
    assert [name for name, comment in above.items() if not re.match(r"# [\w`]", comment)] == []


def test_a_shell_can_read_the_file_as_it_is() -> None:
    """`. ./.env` must set exactly these values: no blanks, quotes or expansions hide in them."""
    assert [name for name, value in VALUES.items() if not re.fullmatch(r"[\w.@:/,-]*", value)] == []
