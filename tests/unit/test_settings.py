"""Settings: each variable is read, a bad value is refused by its name, production refuses what is for development."""

import ipaddress
import re
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from kassa.actions.provider_account import gateway_account, has_gateway_account
from kassa.domain.payment import SIMULATOR
from kassa.settings import ACCOUNT_VARIABLES, SCHEMES, ProviderName, Settings, SettingsError, load

FIELDS = {field.encode_name: field for field in msgspec.structs.fields(Settings)}
# Where "another valid value" needs more than the type says.
SPECIAL = {
    "BROKER_URL": "amqp://localhost",
    "AI_BASE_URL": "http://localhost:11434/v1",
    "CHECKOUT_PORT": "4001",
    "DATABASE_URL": "postgresql:///another?host=/tmp",
    "DASHBOARD_PORT": "4000",
    "PAYPAL_API_URL": "https://paypal.example",
    "PROCESSING_DELAY_MIN": "4999",
    "PUBLIC_API_URL": "https://api.example",
    "PUBLIC_CHECKOUT_URL": "https://pay.example",
    "PUBLIC_DASHBOARD_URL": "https://dashboard.example",
    "RAZORPAY_API_URL": "https://razorpay.example",
    "REDIS_URL": "unix:///run/redis.sock",
    "REFUND_DELAY_MIN": "2999",
    "STRIPE_API_URL": "https://stripe.example",
    "TRUSTED_PROXIES": "10.0.0.0/8",
    "WEBHOOK_ALLOW_PRIVATE": "10.0.0.0/8,fd00::/8",
}
PRODUCTION = {
    "KASSA_ENV": "production",
    "DATABASE_URL": "postgresql://gateway_user:a-real-one@db/payment_gateway",
    "REDIS_URL": "redis://redis:6379",
}


def another(name: str) -> tuple[str, Any]:
    """A valid value that is not the default: as text in the environment, and as it should arrive."""
    field = FIELDS[name]
    kind: Any = msgspec.inspect.type_info(field.type)
    if isinstance(kind, msgspec.inspect.BoolType):
        return str(not field.default).lower(), not field.default
    if isinstance(kind, msgspec.inspect.FloatType):
        return "0.25", 0.25
    if isinstance(kind, msgspec.inspect.IntType):
        value = int(SPECIAL.get(name, field.default + 1))
        return str(value), value
    if isinstance(kind, msgspec.inspect.LiteralType):
        choice = next(str(one) for one in kind.values if one not in (field.default, "production"))
        return choice, choice
    text = SPECIAL.get(name, "another")
    return text, text


# KASSA_AWS_SECRET leads to AWS; tests/aws follows it there.
@pytest.mark.parametrize("name", sorted(FIELDS.keys() - {"KASSA_ENV", "KASSA_AWS_SECRET"}))
def test_every_variable_is_read(name: str) -> None:
    text, value = another(name)
    settings = load({name: text})
    assert getattr(settings, FIELDS[name].name) == value
    assert value != FIELDS[name].default
    others = {one.name for one in FIELDS.values()} - {FIELDS[name].name}
    assert {one: getattr(settings, one) for one in others} == {one: getattr(Settings(), one) for one in others}


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_empty_counts_as_unset(name: str) -> None:
    assert load({name: ""}) == Settings()


def test_what_is_not_a_setting_is_passed_over() -> None:
    assert load({"PATH": "/bin", "port": "1", "KASSA_NONSENSE": "x"}) == Settings()


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"PORT": "3000"}, "PORT and DASHBOARD_PORT are both 3000"),
        ({"PORT": "3001"}, "PORT and CHECKOUT_PORT are both 3001"),
        ({"PORT": "3002"}, "PORT and DASHBOARD_PORT + 2 are both 3002"),
        ({"DASHBOARD_PORT": "3001"}, "DASHBOARD_PORT and CHECKOUT_PORT are both 3001"),
        ({"DASHBOARD_PORT": "2999"}, "DASHBOARD_PORT + 2 and CHECKOUT_PORT are both 3001"),
        (
            {"SANDBOX_PORT": "3002", "KASSA_PROVIDER_SANDBOX": "1"},
            "DASHBOARD_PORT + 2 and SANDBOX_PORT are both 3002",
        ),
        ({"SANDBOX_PORT": "8000", "KASSA_PROVIDER_SANDBOX": "1"}, "PORT and SANDBOX_PORT are both 8000"),
    ],
)
def test_two_ports_that_are_the_same_are_refused_by_both_names(given: dict[str, str], named: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(named)):
        load(given)


def test_a_port_of_a_sandbox_that_is_off_is_in_nobodys_way() -> None:
    assert load({"SANDBOX_PORT": "3002"}).sandbox_port == 3002


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DASHBOARD_PORT", "65534"),
        ("PORT", "0"), ("PORT", "65536"), ("PORT", "http"), ("PORT", "80.5"), ("DASHBOARD_PORT", "-1"),
        ("CHECKOUT_PORT", "x"), ("UPI_SUCCESS_RATE", "1.01"), ("UPI_SUCCESS_RATE", "-0.1"),
        ("UPI_SUCCESS_RATE", "nan"), ("CARD_SUCCESS_RATE", "90%"), ("PROCESSING_DELAY_MIN", "-1"),
        ("PROCESSING_DELAY_MAX", "86400001"), ("TEST_MODE", "maybe"), ("TEST_PAYMENT_SUCCESS", "2"),
        ("TEST_PROCESSING_DELAY", "1s"), ("REFUND_DELAY_MAX", "soon"), ("WEBHOOK_RETRY_INTERVALS_TEST", "-"),
        ("TRUSTED_PROXIES", "proxy.internal"),
        ("WEBHOOK_ALLOW_PRIVATE", "10.0.0.1/8"), ("WEBHOOK_ALLOW_PRIVATE", "localhost"), ("KASSA_ENV", "prod"),
        ("LOG_LEVEL", "loud"), ("RATE_LIMIT_PER_KEY", "0"), ("RATE_LIMIT_PER_ADDRESS", "many"),
    ],
)  # fmt: skip
def test_a_bad_value_is_refused_by_its_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load({name: value})
    assert name in str(caught.value)
    assert not re.search(r"[$`]|Expected|enum", str(caught.value))


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("PORT", "abc", "a whole number from 1 to 65535, not 'abc'"),
        ("PORT", "0", "a whole number from 1 to 65535, not '0'"),
        ("RATE_LIMIT_PER_KEY", "-1", "a whole number, at least 1, not '-1'"),
        ("UPI_SUCCESS_RATE", "90%", "a number from 0 to 1, not '90%'"),
        ("TEST_MODE", "Yes", "true or false, not 'Yes'"),
        ("KASSA_ENV", "prod", "development or production, not 'prod'"),
        ("KASSA_PROVIDER", "adyen", "paypal, razorpay, simulator or stripe, not 'adyen'"),
    ],
)
def test_a_bad_value_is_told_what_it_must_be(name: str, value: str, expected: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load({name: value})
    assert str(caught.value) == f"Unusable environment: {name} must be {expected}"


@pytest.mark.parametrize("name", sorted(SCHEMES))
def test_an_address_is_refused_by_its_scheme_and_not_repeated(name: str) -> None:
    with pytest.raises(SettingsError, match=f"^Unusable environment: {name} must begin with ") as caught:
        load({name: "user:password@host"})
    assert "password" not in str(caught.value)


def test_addresses_end_without_a_slash() -> None:
    names = ("PUBLIC_API_URL", "PUBLIC_CHECKOUT_URL", "PUBLIC_DASHBOARD_URL")
    settings = load(dict.fromkeys(names, "https://pay.example/"))
    assert {settings.api_url, settings.checkout_url, settings.dashboard_url} == {"https://pay.example"}


@pytest.mark.parametrize("provider", sorted({*get_args(ProviderName)} - {SIMULATOR}))
def test_every_provider_has_variables_for_the_gateways_own_account(provider: str) -> None:
    settings = load({variable: f"its {part}" for part, variable in ACCOUNT_VARIABLES[provider].items()})

    account = gateway_account(settings, provider)

    assert account is not None
    assert (account.key, account.webhook_secret, account.live) == ("its key", "its webhook_secret", False)
    assert has_gateway_account(settings)
    assert not has_gateway_account(load({}))


def test_the_log_level_is_read_as_people_write_it() -> None:
    assert load({"LOG_LEVEL": "INFO"}).log_level == "info"


@pytest.mark.parametrize("kind", ["PROCESSING", "REFUND"])
def test_a_least_delay_above_the_greatest_is_refused(kind: str) -> None:
    with pytest.raises(SettingsError, match=f"{kind}_DELAY_MIN must not exceed {kind}_DELAY_MAX"):
        load({f"{kind}_DELAY_MIN": "200", f"{kind}_DELAY_MAX": "100"})
    assert load({f"{kind}_DELAY_MIN": "100", f"{kind}_DELAY_MAX": "100"})


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("TRUE", True), ("True", True), ("1", True), ("false", False), ("FALSE", False)]
)
def test_switches_are_read_as_people_write_them(text: str, value: bool) -> None:
    assert load({"TEST_MODE": text}).test_mode is value


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL"])
def test_production_needs_its_own_servers(name: str) -> None:
    environ = {key: value for key, value in PRODUCTION.items() if key != name}
    with pytest.raises(SettingsError, match=name):
        load(environ)


def test_production_refuses_the_default_database_password() -> None:
    url = "postgresql://gateway_user:gateway_pass@postgres:5432/payment_gateway"
    with pytest.raises(SettingsError, match="DATABASE_URL"):
        load(PRODUCTION | {"DATABASE_URL": url})
    assert load({"DATABASE_URL": url}).database_url == url


@pytest.mark.parametrize(
    ("name", "value"), [("TEST_API_KEY", "key_test_abc123"), ("TEST_API_SECRET", "x"), ("TEST_MODE", "true")]
)
def test_production_refuses_what_is_for_tests(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        load(PRODUCTION | {name: value})


def test_production_starts_with_what_it_needs() -> None:
    settings = load(PRODUCTION | {"TEST_MODE": "false"})
    assert settings.production
    assert not Settings().production


def test_webhooks_may_go_to_private_networks_in_development_only() -> None:
    everything = tuple(map(ipaddress.ip_network, ("0.0.0.0/0", "::/0")))
    assert Settings().webhook_private_networks == everything
    assert load(PRODUCTION).webhook_private_networks == ()


def test_networks_that_are_named_are_the_only_ones() -> None:
    expected = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "fd00::/8")))
    allow = {"WEBHOOK_ALLOW_PRIVATE": " 10.0.0.0/8, fd00::/8 ,"}
    assert load(allow).webhook_private_networks == expected
    assert load(PRODUCTION | allow).webhook_private_networks == expected


def test_the_home_is_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    assert Settings().home == tmp_path / ".kassa"
    assert load({"KASSA_HOME": "~/kassa"}).home == tmp_path / "me" / "kassa"


def test_the_process_environment_is_read_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "8123")
    assert load().port == 8_123


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Settings().port = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    ("address", "trusted"),
    [
        ("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("fd00::7", True),
        ("11.1.2.3", False), ("::ffff:11.1.2.3", False), ("127.0.0.1", False), ("::a01:203", False),
    ],
)  # fmt: skip
def test_a_proxy_is_known_by_its_ipv4_address_also_on_a_socket_for_both_families(address: str, trusted: bool) -> None:
    networks = load({"TRUSTED_PROXIES": "10.0.0.0/8,fd00::/8"}).proxy_networks
    assert any(ipaddress.ip_address(address) in ipaddress.ip_network(one) for one in networks) is trusted
