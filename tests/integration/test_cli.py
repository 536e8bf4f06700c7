"""The `kassa` command beside a running gateway: it finds it, does what it is asked, and says plainly when it cannot."""

import asyncio
import hashlib
import hmac
import re
import secrets
from pathlib import Path

import pytest
from standardwebhooks import Webhook
from typer.testing import CliRunner

from kassa.cli import app
from tests.live import CREDENTIALS, Live, Receiver, free_port, until
from tests.shell import Done, kassa

SECRET = "whsec_test_abc123"


def shown(done: Done) -> dict[str, str]:
    """The fields that a command printed, one a line."""
    return dict(line.split(maxsplit=1) for line in done.out.splitlines())


@pytest.fixture
def nowhere(gateway: Live, tmp_path: Path) -> dict[str, str]:
    """The environment of a folder in which no gateway runs."""
    return {**gateway.environment, "KASSA_HOME": str(tmp_path)}


async def test_new_merchant_can_take_money_at_once(gateway: Live) -> None:
    address = f"{gateway.port}@create.example"
    url = "https://example.com/hook"

    done = await kassa(gateway.environment, "merchant", "create", "A Shop", address, "--webhook-url", url)

    assert (done.code, done.err) == (0, "")
    made = shown(done)
    assert (made["name"], made["email"], made["webhook_url"]) == ("A Shop", address, url)
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{32}", made["webhook_secret"])
    headers = {"X-Api-Key": made["api_key"], "X-Api-Secret": made["api_secret"]}
    order = await gateway.post("/api/v1/orders", {"amount": 100}, headers=headers)
    assert (order.status, order.json["merchant_id"]) == (201, made["id"])

    again = await kassa(gateway.environment, "merchant", "create", "Another", address)

    assert (again.code, again.out) == (2, "")
    assert again.err == f"kassa: There is a merchant with the e-mail address {address} already\n"
    rows = await gateway.sql("SELECT name FROM merchants WHERE email = $1", address)
    assert [row[0] for row in rows] == ["A Shop"]


async def test_list_shows_every_merchant_and_no_secret(gateway: Live, merchant: Live) -> None:
    done = await kassa(gateway.environment, "merchant", "list")

    assert done.code == 0
    for key, secret in (CREDENTIALS.values(), merchant.credentials.values()):
        assert key in done.out
        assert secret not in done.out
    assert SECRET not in done.out
    assert merchant.webhook_secret not in done.out


async def test_rotated_keys_end_at_once(gateway: Live, merchant: Live) -> None:
    rows = await gateway.sql("SELECT email FROM merchants WHERE id = $1::uuid", merchant.merchant_id)
    # The API knows the old pair well by now, and would for seconds.
    assert (await merchant.get("/api/v1/merchant")).status == 200

    done = await kassa(gateway.environment, "merchant", "rotate-keys", rows[0][0])

    assert done.code == 0
    fresh = {"X-Api-Key": shown(done)["api_key"], "X-Api-Secret": shown(done)["api_secret"]}
    assert (await gateway.get("/api/v1/merchant", headers=fresh)).json["id"] == merchant.merchant_id

    async def refused() -> bool:
        return (await merchant.get("/api/v1/merchant")).status == 401

    await until(refused, "the old pair is refused", deadline_s=3)
    mixed = {**fresh, "X-Api-Secret": merchant.credentials["X-Api-Secret"]}
    assert (await gateway.get("/api/v1/merchant", headers=mixed)).status == 401


async def test_merchant_that_is_not_there(gateway: Live) -> None:
    done = await kassa(gateway.environment, "merchant", "rotate-keys", "nobody@example.com")

    assert done == (2, "", "kassa: Merchant nobody@example.com not found\n")


async def test_send_shows_and_sends_a_signed_example(gateway: Live) -> None:
    secret = "whsec_" + "QUJD" * 8
    async with Receiver() as receiver:
        done = await kassa(gateway.environment, "send", "refund.processed", "--to", receiver.url, "--secret", secret)

    assert (done.code, done.err) == (0, "")
    (one,) = receiver.received
    assert one.json["event"] == "refund.processed"
    assert one.headers["Content-Type"] == "application/json"
    assert one.headers["X-Webhook-Signature"] == hmac.new(secret.encode(), one.body, hashlib.sha256).hexdigest()
    Webhook(secret).verify(one.body, dict(one.headers))
    assert one.body.decode() in done.out
    assert done.out.endswith(f"{receiver.url} answered 200: ok\n")


async def test_send_fails_when_the_receiver_does(gateway: Live) -> None:
    url = f"http://127.0.0.1:{free_port()}/webhook"

    refused, unknown = await asyncio.gather(
        kassa(gateway.environment, "send", "payment.success", "--to", url),
        kassa(gateway.environment, "send", "payment.captured", "--to", url),
    )

    assert (refused.code, refused.err.startswith(f"{url}: Could not connect")) == (1, True)
    assert unknown.code == 2
    assert "payment.created, payment.pending, payment.success" in unknown.err


async def test_verify_signature_tells_right_from_wrong(gateway: Live, tmp_path: Path) -> None:
    body = '{"event":"payment.success","name":"Zoë"}'.encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    file = tmp_path / "body.json"
    file.write_bytes(body)

    right, from_file, wrong, broken = await asyncio.gather(
        kassa(gateway.environment, "verify-signature", signature, stdin=body),
        kassa(gateway.environment, "verify-signature", signature.upper(), "--body", str(file)),
        kassa(gateway.environment, "verify-signature", signature, "--secret", "another", stdin=body),
        kassa(gateway.environment, "verify-signature", signature, stdin=body + b"\n"),
    )

    assert (right.code, right.out) == (from_file.code, from_file.out) == (0, "The signature is right.\n")
    assert (wrong.code, wrong.out) == (1, "")
    assert hmac.new(b"another", body, hashlib.sha256).hexdigest() in wrong.err
    assert broken.code == 1
    assert "The body ends in a line break" in broken.err


async def test_env_prints_where_the_servers_are(gateway: Live, nowhere: dict[str, str]) -> None:
    found, lost = await asyncio.gather(kassa(gateway.environment, "env"), kassa(nowhere, "env"))

    database_url, redis_url = gateway.urls()
    assert found == (0, f"DATABASE_URL='{database_url}'\nREDIS_URL='{redis_url}'\n", "")
    assert (lost.code, lost.out) == (1, "")
    assert "no gateway runs here; start one with `kassa up`" in lost.err


async def test_doctor_finds_nothing_wrong_with_a_good_gateway(gateway: Live) -> None:
    async with Receiver() as receiver:
        await gateway.sql("UPDATE merchants SET webhook_url = NULL, provider = NULL")
        await gateway.use_webhooks(receiver.url)
        done = await kassa(gateway.environment, "doctor")
        await gateway.use_webhooks(None)

    assert done.code == 0, done.out
    for found in ("database: PostgreSQL", "queue: ", "workers: ", f"{receiver.url} is reachable"):
        assert re.search(rf"^ok +.*{re.escape(found)}", done.out, re.M), done.out
    assert "bad" not in done.out
    assert SECRET not in done.out


@pytest.mark.parametrize("address", ["", "asha", "@", "a b@example.com", "asha@"])
async def test_a_merchant_without_an_e_mail_address_is_refused(nowhere: dict[str, str], address: str) -> None:
    done = await kassa(nowhere, "merchant", "create", "A Shop", address)

    assert (done.code, done.out) == (2, "")
    assert f"'{address}' is no e-mail address" in done.err


async def test_a_port_in_use_is_named(gateway: Live) -> None:
    done = await kassa({**gateway.environment, "PORT": str(gateway.port)}, "api")

    assert (done.code, done.out) == (2, "")
    assert done.err == f"kassa: Port {gateway.port} is in use; stop what listens there, or choose another\n"


async def test_doctor_names_a_receiver_that_is_away(gateway: Live) -> None:
    url = f"http://127.0.0.1:{free_port()}/webhook"
    await gateway.use_webhooks(url)

    done = await kassa(gateway.environment, "doctor")
    await gateway.use_webhooks(None)

    assert done.code == 1
    assert re.search(rf"^bad +.*test@example.com: {re.escape(url)}: Could not connect", done.out, re.M), done.out
    assert "→ start the receiver, or correct the URL" in done.out


async def test_doctor_names_servers_that_are_away(nowhere: dict[str, str]) -> None:
    urls = {
        "DATABASE_URL": f"postgresql://gateway_user:word@127.0.0.1:{free_port()}/payment_gateway",
        "REDIS_URL": f"redis://127.0.0.1:{free_port()}",
    }

    away, none = await asyncio.gather(kassa({**nowhere, **urls}, "doctor"), kassa(nowhere, "doctor"))

    assert away.code == 1
    assert "check DATABASE_URL and that PostgreSQL runs" in away.out
    assert "check REDIS_URL and that Redis runs" in away.out
    assert len(re.findall(r"^bad +(?:database|queue): .*connect", away.out, re.M | re.I)) == 2, away.out
    assert not re.search(r"\w+Error\b", away.out), away.out
    assert "word" not in away.out + away.err
    assert none.code == 2
    assert "no gateway runs here" in none.err


async def test_a_server_that_refuses_is_told_in_one_line(gateway: Live) -> None:
    database = gateway.urls()[0].replace("/payment_gateway", "/missing")
    redis = f"redis://127.0.0.1:{free_port()}"

    refused = await asyncio.gather(
        kassa({**gateway.environment, "DATABASE_URL": database}, "merchant", "list"),
        kassa({**gateway.environment, "DATABASE_URL": database}, "migrate"),
        kassa({**gateway.environment, "REDIS_URL": redis}, "worker", "--check"),
    )

    for done in refused:
        assert (done.code, done.out) == (1, "")
        assert re.fullmatch(r"kassa: .+ `kassa doctor` tells\.\n", done.err), done.err


async def test_a_merchants_webhook_url_is_checked_when_it_is_created(gateway: Live) -> None:
    email = f"{secrets.token_hex(8)}@example.com"

    done = await kassa(gateway.environment, "merchant", "create", "A Shop", email, "--webhook-url", "localhost:4000")

    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("kassa: webhook_url must be an http or https URL")
    assert await gateway.sql("SELECT 1 FROM merchants WHERE email = $1", email) == []


async def test_command_without_a_gateway_says_what_to_do(nowhere: dict[str, str]) -> None:
    done = await kassa(nowhere, "merchant", "list")

    assert (done.code, done.out) == (2, "")
    assert done.err == "kassa: DATABASE_URL and REDIS_URL are not set; `kassa up` brings both, or set them\n"


async def test_migrating_again_changes_nothing(gateway: Live) -> None:
    await gateway.sql("UPDATE merchants SET name = 'Renamed' WHERE email = 'test@example.com'")

    done = await kassa(gateway.environment, "migrate")

    assert done == (0, "The database is up to date.\n", "")
    rows = await gateway.sql(
        """UPDATE merchants SET name = 'Test Merchant' WHERE email = 'test@example.com'
           RETURNING (SELECT name FROM merchants WHERE email = 'test@example.com')"""
    )
    assert [row[0] for row in rows] == ["Renamed"]  # there already, so left as it is


def test_every_command_explains_itself() -> None:
    help_of = CliRunner(env={"COLUMNS": "200"})
    commands = re.findall(r"^[│|] ([a-z][a-z-]+) ", help_of.invoke(app, ["--help"]).output, re.M)
    assert {"up", "api", "worker", "migrate", "env", "doctor", "merchant", "send", "verify-signature"} <= set(commands)

    for names in [[name] for name in commands] + [["merchant", name] for name in ("create", "list", "rotate-keys")]:
        done = help_of.invoke(app, [*names, "--help"])
        assert done.exit_code == 0
        usage, _, explanation = done.output.strip().partition("\n")
        assert " ".join(names) in usage
        assert re.match(r"\s*[A-Z][^\n]+[.:]\s*\n", explanation), done.output


async def test_version_is_told_by_a_command_that_needs_nothing(nowhere: dict[str, str]) -> None:
    done = await kassa(nowhere, "--version")

    assert done.code == 0
    assert re.fullmatch(r"kassa \d+\.\d+\.\d+\n", done.out)


@pytest.mark.parametrize(
    "arguments", [["no-such-command"], ["merchant", "create", "Only A Name"], ["up", "--api", "0"]]
)
def test_wrong_usage_is_told(arguments: list[str]) -> None:
    done = CliRunner().invoke(app, arguments)

    assert (done.exit_code, done.stdout) == (2, "")
    assert "Usage:" in done.stderr
