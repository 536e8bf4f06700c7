"""The only reader of the environment: every setting, its type and its default, validated once at start.

What the environment leaves open can come from AWS Secrets Manager.
"""

import ipaddress
import itertools
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec

from kassa import aws

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Rate = Annotated[float, msgspec.Meta(ge=0, le=1)]
Millis = Annotated[int, msgspec.Meta(ge=0, le=86_400_000)]
MAX_PORT = 65_535
Port = Annotated[int, msgspec.Meta(ge=1, le=MAX_PORT)]
Count = Annotated[int, msgspec.Meta(ge=1)]
ProviderName = Literal["simulator", "stripe", "razorpay", "paypal"]

# Which variable holds which part of the gateway's own account at a provider; the simulated bank needs none.
ACCOUNT_VARIABLES = {
    "stripe": {"key": "STRIPE_SECRET_KEY", "webhook_secret": "STRIPE_WEBHOOK_SECRET"},
    "razorpay": {
        "key": "RAZORPAY_KEY_ID",
        "secret": "RAZORPAY_KEY_SECRET",
        "webhook_secret": "RAZORPAY_WEBHOOK_SECRET",
    },
    "paypal": {"key": "PAYPAL_CLIENT_ID", "secret": "PAYPAL_CLIENT_SECRET", "webhook_secret": "PAYPAL_WEBHOOK_ID"},
}
BROKER_SCHEMES = ("amqp", "amqps", "stomp", "stomp+ssl")
SCHEMES = {
    "DATABASE_URL": ("postgresql", "postgres"),
    "REDIS_URL": ("redis", "rediss", "unix"),
    "PUBLIC_API_URL": ("https", "http"),
    "PUBLIC_CHECKOUT_URL": ("https", "http"),
    "PUBLIC_DASHBOARD_URL": ("https", "http"),
    "AI_BASE_URL": ("https", "http"),
    **{f"{name.upper()}_API_URL": ("https", "http") for name in ACCOUNT_VARIABLES},
}
SWITCHES = ("TEST_MODE", "TEST_PAYMENT_SUCCESS", "WEBHOOK_RETRY_INTERVALS_TEST", "KASSA_PROVIDER_SANDBOX")
EVERYWHERE: tuple[Network, ...] = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))


class SettingsError(Exception):
    """Kassa cannot start with a value, or cannot get at one; the message names the variable and the mend."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, rename=str.upper, forbid_unknown_fields=True):
    """One field per environment variable, in upper case; `.env.example` explains each."""

    kassa_env: Literal["development", "production"] = "development"
    kassa_home: str = ".kassa"
    kassa_aws_secret: str | None = None
    database_url: str | None = None
    redis_url: str | None = None
    port: Port = 8000
    dashboard_port: Port = 3000
    checkout_port: Port = 3001
    public_api_url: str | None = None
    public_checkout_url: str | None = None
    public_dashboard_url: str | None = None

    test_merchant_email: str = "test@example.com"
    test_api_key: str = "key_test_abc123"
    test_api_secret: str = "secret_test_xyz789"  # noqa: S105 - the documented seed

    upi_success_rate: Rate = 0.90
    card_success_rate: Rate = 0.95
    processing_delay_min: Millis = 5_000
    processing_delay_max: Millis = 10_000
    test_mode: bool = False
    test_payment_success: bool = True
    test_processing_delay: Millis = 1_000
    refund_delay_min: Millis = 3_000
    refund_delay_max: Millis = 5_000

    webhook_retry_intervals_test: bool = False
    webhook_allow_private: str | None = None

    kassa_provider: ProviderName = "simulator"
    kassa_provider_sandbox: bool = False
    sandbox_port: Port = 3010
    kassa_encryption_key: str | None = None
    stripe_secret_key: str | None = None
    stripe_webhook_secret: str | None = None
    stripe_api_url: str | None = None
    razorpay_key_id: str | None = None
    razorpay_key_secret: str | None = None
    razorpay_webhook_secret: str | None = None
    razorpay_api_url: str | None = None
    paypal_client_id: str | None = None
    paypal_client_secret: str | None = None
    paypal_webhook_id: str | None = None
    paypal_api_url: str | None = None

    broker_url: str | None = None
    ai_base_url: str | None = None
    ai_api_key: str | None = None
    ai_model: str | None = None

    trusted_proxies: str = "127.0.0.1,::1"
    rate_limit_per_key: Count = 3_000_000
    rate_limit_per_address: Count = 12_000
    metrics_token: str | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    def __post_init__(self) -> None:
        for low, high in (("processing_delay_min", "processing_delay_max"), ("refund_delay_min", "refund_delay_max")):
            if getattr(self, low) > getattr(self, high):
                raise ValueError(f"{low.upper()} must not exceed {high.upper()}")
        _networks("WEBHOOK_ALLOW_PRIVATE", self.webhook_allow_private or "")
        _networks("TRUSTED_PROXIES", self.trusted_proxies)
        _check_ports(self)
        for name, schemes in SCHEMES.items():
            url = getattr(self, name.lower())
            if url is not None and not url.startswith(tuple(f"{scheme}://" for scheme in schemes)):
                # What was given may hold a password, so it is not repeated.
                raise ValueError(f"{name} must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        if self.broker_url is not None:
            _check_broker_url(self.broker_url)

    @property
    def production(self) -> bool:
        """True when real money may move: test endpoints are hidden and the seeded credentials refused."""
        return self.kassa_env == "production"

    @property
    def api_url(self) -> str:
        """Where merchants reach the API."""
        return (self.public_api_url or f"http://localhost:{self.port}").rstrip("/")

    @property
    def checkout_url(self) -> str:
        """Where payers reach the checkout page."""
        return (self.public_checkout_url or f"http://localhost:{self.checkout_port}").rstrip("/")

    @property
    def dashboard_url(self) -> str:
        """Where merchants reach the dashboard."""
        return (self.public_dashboard_url or f"http://localhost:{self.dashboard_port}").rstrip("/")

    @property
    def dashboard_ports(self) -> tuple[int, int]:
        """The dashboard's port, and the second one that it answers on: 3000 and 3002."""
        return self.dashboard_port, self.dashboard_port + 2

    @property
    def aws_secrets(self) -> list[str]:
        """Names or ARNs of the secrets in AWS Secrets Manager that fill in what the environment leaves open."""
        return _names(self.kassa_aws_secret)

    @property
    def home(self) -> Path:
        """Where `kassa up` keeps the embedded servers' data and the logs; absolute."""
        return Path(self.kassa_home).expanduser().resolve()

    @property
    def webhook_private_networks(self) -> tuple[Network, ...]:
        """The non-public networks that webhooks may be sent to: all of them by default outside production."""
        if self.webhook_allow_private is None and not self.production:
            return EVERYWHERE
        return _networks("WEBHOOK_ALLOW_PRIVATE", self.webhook_allow_private or "")

    @property
    def proxy_networks(self) -> list[str]:
        """The networks whose X-Forwarded-For is believed; an IPv4 one also as a socket for both families shows it."""
        found = _networks("TRUSTED_PROXIES", self.trusted_proxies)
        mapped = [f"::ffff:{n.network_address}/{n.prefixlen + 96}" for n in found if n.version == 4]
        return [*map(str, found), *mapped]


def _names(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def _networks(variable: str, text: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise ValueError(f"{variable} must be networks such as 10.0.0.0/8,fd00::/8: {error}") from error


def _check_ports(settings: Settings) -> None:
    """Raise ValueError with the names of two ports that are the same; one that nothing listens on does not count."""
    first, second = settings.dashboard_ports
    if second > MAX_PORT:
        raise ValueError(f"DASHBOARD_PORT must be at most {MAX_PORT - 2}: the dashboard answers two ports above it too")
    ports = {"PORT": settings.port, "DASHBOARD_PORT": first, "DASHBOARD_PORT + 2": second}
    ports["CHECKOUT_PORT"] = settings.checkout_port
    if settings.kassa_provider_sandbox:
        ports["SANDBOX_PORT"] = settings.sandbox_port
    for (one, port), (other, same) in itertools.combinations(ports.items(), 2):
        if port == same:
            raise ValueError(f"{one} and {other} are both {port}: give one of them another port")


def _check_broker_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        good = parts.scheme in BROKER_SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        good = False
    if not good:
        # What was given may hold a password, so it is not repeated.
        raise ValueError(
            "BROKER_URL must be such as amqp://user:password@host:5672/ (RabbitMQ; amqps:// with TLS)"
            " or stomp://user:password@host:61613 (ActiveMQ; stomp+ssl:// with TLS)"
        )


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `environ` (the process's own by default); empty values count as unset.

    KASSA_AWS_SECRET is followed. Raises SettingsError with a sentence that names the variable.
    """
    source = os.environ if environ is None else environ
    known = {field.encode_name for field in msgspec.structs.fields(Settings)}
    given = {name: value for name, value in source.items() if name in known and value != ""}
    if secrets := _names(given.get("KASSA_AWS_SECRET")):
        given = _from_aws(secrets, source, known) | given
    for name in (*SWITCHES, "LOG_LEVEL"):
        if name in given:
            given[name] = given[name].lower()
    try:
        settings = msgspec.convert(given, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"Unusable environment: {_complaint(str(error), source)}") from error
    if settings.production:
        _check_production(settings, given)
    return settings


def _complaint(said: str, source: Mapping[str, str]) -> str:
    """What is wrong, in plain words; `said` is the decoder's sentence, or already one of ours."""
    found = re.fullmatch(r".* - at `\$\.(\w+)`", said)
    if found is None:
        return said
    name = found[1]
    kind = next(one.type for one in msgspec.structs.fields(Settings) if one.encode_name == name)
    # What came out of a secret of AWS is not repeated.
    given = f", not {source[name]!r}" if source.get(name) else ""
    return f"{name} must be {_expected(msgspec.inspect.type_info(kind))}{given}"


def _expected(kind: msgspec.inspect.Type) -> str:
    if isinstance(kind, msgspec.inspect.BoolType):
        return "true or false"
    if isinstance(kind, msgspec.inspect.LiteralType):
        *others, last = map(str, kind.values)
        return f"{', '.join(others)} or {last}"
    if isinstance(kind, msgspec.inspect.IntType | msgspec.inspect.FloatType):
        what = "a whole number" if isinstance(kind, msgspec.inspect.IntType) else "a number"
        return f"{what} from {kind.ge:g} to {kind.le}" if kind.le is not None else f"{what}, at least {kind.ge}"
    return "text"


def _from_aws(secrets: list[str], source: Mapping[str, str], known: set[str]) -> dict[str, str]:
    """The settings that the secrets hold; where two hold the same, the first. Raises SettingsError."""
    found: dict[str, str] = {}
    try:
        texts = aws.fetch(secrets, source)
    except aws.SecretsError as error:
        raise SettingsError(f"KASSA_AWS_SECRET: {error}") from error
    for secret, text in zip(secrets, texts, strict=True):
        try:
            entries = msgspec.json.decode(text, type=dict[str, str])
        except msgspec.DecodeError:
            # Not even the reason is repeated, nor kept as a cause: it might show a piece of the secret.
            raise SettingsError(f"KASSA_AWS_SECRET: {secret} must hold a JSON object of texts") from None
        # A name that nobody reads is a slip of the pen, and the setting that was meant would be missing.
        for name in sorted(entries.keys() - (known - {"KASSA_AWS_SECRET"})):
            raise SettingsError(f"KASSA_AWS_SECRET: {secret} holds {name}, which is not a setting of Kassa")
        found = {name: value for name, value in entries.items() if value != ""} | found
    return found


def _check_production(settings: Settings, given: Mapping[str, str]) -> None:
    """Refuse the well-known passwords and credentials where real money may move."""
    for name in ("DATABASE_URL", "REDIS_URL"):
        if name not in given:
            raise SettingsError(f"KASSA_ENV=production needs {name}; the embedded servers are for development")
    if "gateway_pass" in (settings.database_url or ""):
        raise SettingsError("KASSA_ENV=production refuses the default database password; change it in DATABASE_URL")
    for name in ("TEST_API_KEY", "TEST_API_SECRET", "TEST_MODE", "KASSA_PROVIDER_SANDBOX"):
        if name in given and given[name] != "false":
            raise SettingsError(f"KASSA_ENV=production refuses {name}; test credentials are for development, unset it")
