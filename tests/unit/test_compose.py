"""compose.yaml keeps the promised services, names, ports, checks, order and variables, and is valid Compose."""

import json
import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from kassa.settings import Settings

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "compose.yaml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text(encoding="utf-8")
HEALTHY = {"condition": "service_healthy"}
BUILT = {"api", "worker", "dashboard", "checkout", "test-merchant"}


def as_interpolated(text: str) -> str:
    """What Compose makes of `text` when nothing is set outside: every variable's default."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def pins(lock: str) -> dict[str, str]:
    """Package → version of a lock file in pip's format."""
    return dict(re.findall(r"^([\w.-]+)==([\w.+-]+)", (ROOT / lock).read_text(encoding="utf-8"), re.MULTILINE))


def test_it_is_valid_by_the_compose_specification() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    check_jsonschema = pytest.importorskip("check_jsonschema", reason="it brings the specification's schema")
    schema = resources.files(check_jsonschema).joinpath("builtin_schemas/vendor/compose-spec.json").read_text("utf-8")
    jsonschema.Draft202012Validator(json.loads(schema)).validate(COMPOSE)


def test_services_and_container_names() -> None:
    assert {name: service["container_name"] for name, service in SERVICES.items()} == {
        "postgres": "pg_gateway",
        "redis": "redis_gateway",
        "api": "gateway_api",
        "worker": "gateway_worker",
        "dashboard": "gateway_dashboard",
        "checkout": "gateway_checkout",
        "test-merchant": "gateway_test_merchant",
    }


def test_ports() -> None:
    published = {name: service.get("ports", []) for name, service in SERVICES.items()}
    assert {name: [as_interpolated(port) for port in ports] for name, ports in published.items()} == {
        "postgres": ["127.0.0.1:5432:5432"],
        "redis": ["127.0.0.1:6379:6379"],
        "api": ["8000:8000"],
        "worker": [],
        "dashboard": ["3000:3000", "3002:3000"],
        "checkout": ["3001:3001"],
        "test-merchant": ["4000:4000"],
    }


def test_every_published_port_can_be_changed() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert [port for port in ports if not re.fullmatch(r"(127\.0\.0\.1:)?\$\{(\w+_)?PORT:-\d+\}:\d+", port)] == []


def test_start_order() -> None:
    assert {name: service.get("depends_on", {}) for name, service in SERVICES.items()} == {
        "postgres": {},
        "redis": {},
        "api": {"postgres": HEALTHY, "redis": HEALTHY},
        "worker": {"postgres": HEALTHY, "redis": HEALTHY, "api": HEALTHY},
        "dashboard": {"api": HEALTHY},
        "checkout": {"api": HEALTHY},
        "test-merchant": {"api": HEALTHY},
    }


def test_whoever_is_waited_for_has_a_health_check() -> None:
    awaited = {name for service in SERVICES.values() for name in service.get("depends_on", {})}
    assert awaited == {"postgres", "redis", "api"}
    assert [name for name in awaited | {"worker"} if "healthcheck" not in SERVICES[name]] == []


def test_health_checks() -> None:
    checks = {name: service["healthcheck"]["test"] for name, service in SERVICES.items() if "healthcheck" in service}
    assert checks["postgres"][:2] == ["CMD", "pg_isready"]
    assert checks["redis"] == ["CMD", "redis-cli", "ping"]
    assert checks["worker"] == ["CMD", "kassa", "worker", "--check"]
    assert checks["api"][:3] == ["CMD", "python", "-c"]
    assert "http://127.0.0.1:8000/health" in checks["api"][3]


def test_only_the_sample_shop_is_optional() -> None:
    assert {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service} == {
        "test-merchant": ["demo"]
    }


def test_connection_strings() -> None:
    for name in ("api", "worker", "dashboard", "checkout"):
        environment = {key: as_interpolated(value) for key, value in SERVICES[name]["environment"].items() if value}
        assert environment == {
            "DATABASE_URL": "postgresql://gateway_user:gateway_pass@postgres:5432/payment_gateway",
            "REDIS_URL": "redis://redis:6379",
            "PORT": "8000",
            "DASHBOARD_PORT": "3000",
            "CHECKOUT_PORT": "3001",
        }
    database = {key: as_interpolated(value) for key, value in SERVICES["postgres"]["environment"].items()}
    assert database == {
        "POSTGRES_DB": "payment_gateway",
        "POSTGRES_USER": "gateway_user",
        "POSTGRES_PASSWORD": "gateway_pass",
    }


@pytest.mark.parametrize("name", ["api", "worker"])
def test_every_setting_reaches_the_containers(name: str) -> None:
    """KASSA_HOME alone stays out: it is for the embedded servers, which no container has."""
    settings = {field.encode_name for field in msgspec.structs.fields(Settings)}
    assert SERVICES[name]["environment"].keys() == settings - {"KASSA_HOME"}


def test_every_variable_is_explained_with_the_same_default() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    listed = dict(re.findall(r"^(\w+)=(.*)$", example, re.MULTILINE))
    handed_on = {
        name for service in SERVICES.values() for name, value in service.get("environment", {}).items() if value is None
    }
    interpolated = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", TEXT))
    assert (handed_on | interpolated.keys()) - listed.keys() == set()
    # Empty means "embedded" to Kassa itself; what it means under compose stands in the comment.
    for url in (interpolated.pop("DATABASE_URL"), interpolated.pop("REDIS_URL")):
        assert f"# {url}\n" in example or f"under compose {url}\n" in example
    assert {name: listed[name] for name in interpolated} == interpolated


def test_every_variable_has_a_default() -> None:
    assert re.findall(r"\$\{?\w+\}|\$\w+|\$\{\w+[^:\w]", TEXT) == []


def test_images_are_pinned_to_a_version() -> None:
    images = [service["image"] for service in SERVICES.values() if "image" in service]
    images += re.findall(r"^ARG PYTHON=(.+)$", DOCKERFILE, re.MULTILINE)
    assert [name for name in images if re.fullmatch(r"[a-z]+:\d+\.\d+(\.\d+)?-[a-z-]+", name)] == images
    assert [name.split(":")[0] for name in images] == ["postgres", "redis", "python"]
    assert set(re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)) == {"${PYTHON}", "runtime"}


@pytest.mark.parametrize("name", sorted(BUILT))
def test_our_own_containers_can_do_little_harm(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["init"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "image" not in service
    assert {name: found["restart"] for name, found in SERVICES.items()} == dict.fromkeys(SERVICES, "unless-stopped")


def test_the_image_does_not_run_as_root() -> None:
    runtime = DOCKERFILE.split(" AS runtime")[1]
    assert re.findall(r"^USER (\S+)", runtime, re.MULTILINE) == ["10001"]


def test_every_build_target_exists_and_the_gateway_is_the_last() -> None:
    stages = re.findall(r"^FROM \S+ AS (\S+)$", DOCKERFILE, re.MULTILINE)
    assert {service["build"]["target"] for service in SERVICES.values() if "build" in service} <= set(stages)
    assert stages[-1] == "kassa"
    assert {name for name, service in SERVICES.items() if "build" in service} == BUILT


def test_the_image_gets_what_it_copies() -> None:
    """Whatever the Dockerfile copies from the tree is there, and .dockerignore lets it through."""
    allowed = re.findall(r"^!(\S+)$", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE)
    for line in re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE):
        for source in line.split():
            assert (ROOT / source).exists(), source
            assert any(Path(source).match(pattern) for pattern in allowed), source


def test_the_image_has_every_dependency_and_no_embedded_server() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = {re.split(r"[\[<>=;]", line)[0] for line in project["dependencies"] + extras["aws"]}
    embedded = {re.split(r"[\[<>=;]", line)[0] for line in extras["embedded"]}
    installed = pins("docker/runtime.lock").keys()
    assert wanted - installed == set()
    assert installed & embedded == set()


def test_the_image_has_the_versions_that_are_tested() -> None:
    everywhere = pins("requirements-dev.lock") | pins("requirements.lock")
    image = pins("docker/runtime.lock") | pins("docker/build.lock")
    assert {name: version for name, version in image.items() if everywhere.get(name) != version} == {}
