"""What makes Kassa use the providers' sandbox: their addresses, and the accounts that the sandbox knows."""

from collections.abc import Mapping

from kassa.sandbox.server import STAND_INS
from kassa.settings import ACCOUNT_VARIABLES, Settings


def environment(settings: Settings, given: Mapping[str, str]) -> dict[str, str]:
    """The variables to add to those `given` for the gateway's processes; what is set there stays as it is."""
    if not settings.kassa_provider_sandbox:
        return {}
    wanted = {"KASSA_ENCRYPTION_KEY": "a key for the sandbox"}
    for stand_in in STAND_INS:
        wanted[f"{stand_in.name.upper()}_API_URL"] = f"http://127.0.0.1:{settings.sandbox_port}/{stand_in.name}"
        names = ACCOUNT_VARIABLES[stand_in.name]
        wanted |= {names[part]: value for part, value in stand_in.credentials.items() if part in names}
    return {name: value for name, value in wanted.items() if not given.get(name)}


def notification_urls(settings: Settings) -> dict[str, str]:
    """Where the sandbox sends each provider's notifications."""
    return {
        stand_in.name: f"http://127.0.0.1:{settings.port}/api/v1/providers/{stand_in.name}/notifications"
        for stand_in in STAND_INS
    }
