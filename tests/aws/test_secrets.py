"""Settings come from AWS Secrets Manager where the environment leaves them open, and a start without them says why."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from kassa import aws
from kassa.settings import SettingsError, load
from tests.aws.cloud import REGION, Cloud
from tests.live import Live, free_port
from tests.shell import Done, kassa

DATABASE = "postgresql://gateway_user:from-aws@db/payment_gateway"
REDIS = "rediss://:from-aws@redis:6379"
URLS = {"DATABASE_URL": DATABASE, "REDIS_URL": REDIS}
PRINTED = f"DATABASE_URL='{DATABASE}'\nREDIS_URL='{REDIS}'\n"
CANARY = "do-not-tell-7319"


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """The environment of a machine on which nothing has been set up."""
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "KASSA_HOME": str(tmp_path)}


async def printed(bare: Mapping[str, str], cloud: Cloud, secret: str, **more: str) -> Done:
    """What `kassa env`, which prints two of the settings, leaves behind with a secret; an empty variable is unset."""
    environment = {**bare, **cloud.environment, "KASSA_AWS_SECRET": secret, **more}
    return await kassa({name: value for name, value in environment.items() if value}, "env")


async def refusal(bare: Mapping[str, str], cloud: Cloud, secret: str, **more: str) -> str:
    """The one line with which it does not start."""
    done = await printed(bare, cloud, secret, **more)
    assert (done.code, done.out) == (2, ""), done
    assert done.err.startswith("kassa: KASSA_AWS_SECRET: ")
    assert len(done.err.splitlines()) == 1
    return done.err


async def test_settings_come_from_a_secret(cloud: Cloud, bare: dict[str, str]) -> None:
    name = await cloud.secret(URLS)
    assert await printed(bare, cloud, name) == Done(0, PRINTED, "")


async def test_an_arn_names_its_region(cloud: Cloud, bare: dict[str, str]) -> None:
    name = await cloud.secret(URLS)
    arn = (await cloud.call("secretsmanager", "describe_secret", SecretId=name))["ARN"]
    assert await printed(bare, cloud, arn, AWS_DEFAULT_REGION="") == Done(0, PRINTED, "")
    assert arn.split(":")[3] == REGION


async def test_the_environment_comes_first_then_the_secrets_in_their_order(cloud: Cloud) -> None:
    first = await cloud.secret({"STRIPE_SECRET_KEY": "first", "AI_API_KEY": "first", "AI_MODEL": "", "PORT": "8001"})
    second = await cloud.secret({"STRIPE_SECRET_KEY": "second", "AI_MODEL": "second", "TEST_MODE": "True"})
    environ = {**cloud.environment, "KASSA_AWS_SECRET": f"{first}, {second}", "AI_API_KEY": "here", "PORT": ""}

    found = await asyncio.to_thread(load, environ)

    assert (found.ai_api_key, found.stripe_secret_key, found.ai_model) == ("here", "first", "second")
    assert (found.port, found.test_mode, found.aws_secrets) == (8_001, True, [first, second])


async def test_production_looks_at_what_a_secret_holds(cloud: Cloud) -> None:
    secret = await cloud.secret({**URLS, "TEST_API_KEY": "key_test_abc123"})
    environ = {**cloud.environment, "KASSA_ENV": "production", "KASSA_AWS_SECRET": secret}
    with pytest.raises(SettingsError, match="refuses TEST_API_KEY"):
        await asyncio.to_thread(load, environ)
    assert (await asyncio.to_thread(load, {**environ, "TEST_API_KEY": "false"})).redis_url == REDIS


async def test_a_gateway_runs_on_a_secret(gateway: Live, cloud: Cloud) -> None:
    """`kassa up` and its API and worker each find the servers by themselves, and payments get through."""
    other = await gateway.beside(**cloud.environment)
    urls = {name: other.environment.pop(name) for name in ("DATABASE_URL", "REDIS_URL")}
    secret = await cloud.secret({**urls, "METRICS_TOKEN": CANARY})
    other.environment["KASSA_AWS_SECRET"] = secret
    async with other:
        assert (await other.get("/metrics")).status == 401
        assert (await other.get("/metrics", headers={"Authorization": f"Bearer {CANARY}"})).status == 200
        done = await kassa(other.environment, "doctor")
        assert f"settings: from the environment, then AWS secret {secret}\n" in done.out, done
        assert CANARY not in other.logs() + done.out + (other.folder / "console").read_text()


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (CANARY, "must hold a JSON object of texts"),
        (f'{{"DATABASE_URL": "{CANARY}"', "must hold a JSON object of texts"),
        (f'["{CANARY}"]', "must hold a JSON object of texts"),
        ('{"PORT": 8000}', "must hold a JSON object of texts"),
        ('{"username": "postgres", "password": "do-not-tell-7319"}', "holds password, which is not a setting of Kassa"),
        ('{"KASSA_AWS_SECRET": "another"}', "holds KASSA_AWS_SECRET, which is not a setting of Kassa"),
    ],
)
async def test_a_secret_of_another_form_is_refused_and_not_shown(
    cloud: Cloud, bare: dict[str, str], value: str, said: str
) -> None:
    name = await cloud.secret(value)
    line = await refusal(bare, cloud, name)
    assert line == f"kassa: KASSA_AWS_SECRET: {name} {said}\n"


async def test_a_bad_value_in_a_secret_is_refused_by_its_name(cloud: Cloud, bare: dict[str, str]) -> None:
    done = await printed(bare, cloud, await cloud.secret({"BROKER_URL": f"amqp:{CANARY}"}))
    assert (done.code, done.out) == (2, "")
    assert "BROKER_URL must be such as" in done.err
    assert CANARY not in done.err


async def test_binary_data_are_refused(cloud: Cloud, bare: dict[str, str]) -> None:
    await cloud.call("secretsmanager", "create_secret", Name="kassa-binary", SecretBinary=CANARY.encode())
    line = await refusal(bare, cloud, "kassa-binary")
    assert line == "kassa: KASSA_AWS_SECRET: kassa-binary: holds binary data; it must be text\n"


async def test_a_secret_that_is_not_there_or_about_to_go_is_named(cloud: Cloud, bare: dict[str, str]) -> None:
    assert "kassa-nowhere: AWS answers ResourceNotFoundException: " in await refusal(bare, cloud, "kassa-nowhere")
    name = await cloud.secret(URLS)
    await cloud.call("secretsmanager", "delete_secret", SecretId=name)
    assert f"{name}: AWS answers InvalidRequestException: " in await refusal(bare, cloud, name)


async def test_without_region_or_credentials_a_start_says_what_to_set(cloud: Cloud, bare: dict[str, str]) -> None:
    said = await refusal(bare, cloud, "kassa", AWS_DEFAULT_REGION="")
    assert "kassa: no AWS region; set AWS_DEFAULT_REGION" in said
    said = await refusal(bare, cloud, "kassa", AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    assert "kassa: no AWS credentials; give the machine or task a role" in said


@pytest.fixture
async def guarded(cloud: Cloud) -> AsyncIterator[Cloud]:
    """The account, while it lets in only who has the right."""
    try:
        yield cloud
    finally:
        await cloud.ask_for_rights(False)


async def test_only_who_may_read_a_secret_gets_its_settings(guarded: Cloud, bare: dict[str, str]) -> None:
    name = await guarded.secret(URLS)
    right = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
    reader, stranger = await guarded.user(right), await guarded.user()
    await guarded.ask_for_rights(True)

    assert await printed(bare, guarded, name, **reader) == Done(0, PRINTED, "")
    assert "not authorized to perform: secretsmanager:GetSecretValue" in await refusal(bare, guarded, name, **stranger)


@pytest.mark.parametrize(
    ("code", "mend"),
    [
        (
            "AccessDeniedException",
            "; allow secretsmanager:GetSecretValue on it, and kms:Decrypt if its key is your own",
        ),
        ("DecryptionFailure", "; allow kms:Decrypt on its key"),
        ("ExpiredTokenException", f"; {aws.CREDENTIALS}"),
        ("UnrecognizedClientException", f"; {aws.CREDENTIALS}"),
        ("LimitExceededException", ""),
    ],
)
async def test_what_aws_answers_is_told_with_what_to_do(
    cloud: Cloud, bare: dict[str, str], code: str, mend: str
) -> None:
    """In the form of AWS itself, which the stand-in does not keep to in these cases."""

    async def answer(_request: web.Request) -> web.Response:
        return web.json_response({"__type": code, "Message": "No,\n\tnot now"}, status=400)

    application = web.Application()
    application.router.add_post("/", answer)
    async with TestServer(application) as server:
        said = await refusal(bare, cloud, "kassa", AWS_ENDPOINT_URL=str(server.make_url("/")))
    assert said == f"kassa: KASSA_AWS_SECRET: kassa: AWS answers {code}: No, not now{mend}\n"


async def test_a_start_says_that_aws_is_out_of_reach(cloud: Cloud, bare: dict[str, str]) -> None:
    endpoint = f"http://127.0.0.1:{free_port()}"
    said = await refusal(bare, cloud, "kassa", AWS_ENDPOINT_URL=endpoint)
    assert "kassa: Secrets Manager is out of reach: " in said
    assert endpoint in said
    assert "kassa: Invalid endpoint: nowhere" in await refusal(bare, cloud, "kassa", AWS_ENDPOINT_URL="nowhere")


async def test_a_silent_aws_does_not_hold_up_the_start_for_ever(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws, "TIMEOUT_S", 1.0)
    asked: list[asyncio.StreamWriter] = []

    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(writer)

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        environ = {**cloud.environment, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "KASSA_AWS_SECRET": "kassa"}
        with pytest.raises(SettingsError, match=r"KASSA_AWS_SECRET: kassa: no answer within 1 s"):
            await asyncio.to_thread(load, environ)
        assert len(asked) == 1
        asked[0].close()


async def test_without_the_package_a_start_names_it(cloud: Cloud, tmp_path: Path) -> None:
    (tmp_path / "botocore.py").write_text("raise ImportError")
    environ = {**cloud.environment, "PYTHONPATH": str(tmp_path), "KASSA_AWS_SECRET": "kassa"}
    with pytest.raises(SettingsError, match=r"needs a package that is not installed: pip install 'kassa\[aws\]'"):
        await asyncio.to_thread(load, environ)


async def test_nothing_of_aws_is_loaded_into_the_gateway(cloud: Cloud, bare: dict[str, str]) -> None:
    secret = await cloud.secret(URLS)
    program = "import sys, kassa.app, kassa.settings as s; s.load(); print('botocore' in sys.modules)"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE,
        env={**bare, **cloud.environment, "KASSA_AWS_SECRET": secret},
    )  # fmt: skip
    out, _ = await process.communicate()
    assert (process.returncode, out) == (0, b"False\n")
