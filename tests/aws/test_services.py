"""What the templates rely on: one API process on three ports, and servers that are reached by TLS alone."""

import asyncio
import datetime
import gc
import ipaddress
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kassa.broker.base import BrokerError, Message
from kassa.broker.rabbitmq import RabbitMQ
from tests.aws.templates import containers, resources
from tests.broker.brokers import RabbitMQServer
from tests.live import Live, free_port, until
from tests.servers import SYSTEM_REDIS, PostgresServer, RedisServer, postgres_programs
from tests.shell import kassa


@pytest.fixture
async def api(gateway: Live) -> AsyncIterator[Live]:
    """The command of the API's task, on the servers of the shared gateway."""
    other = Live(**dict(zip(("DATABASE_URL", "REDIS_URL"), gateway.urls(), strict=True)))
    command = containers()["ApiTask/kassa"]["Command"]
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", *command, env=other.environment)
    yield other
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0


async def test_one_process_answers_on_the_ports_of_api_and_pages(api: Live) -> None:
    [path] = {one["HealthCheckPath"] for one in resources("AWS::ElasticLoadBalancingV2::TargetGroup").values()}

    async def status(port: int, path: str) -> int | None:
        try:
            async with aiohttp.request("GET", f"http://127.0.0.1:{port}{path}") as answer:
                return answer.status
        except aiohttp.ClientError:
            return None

    for port in (api.port, api.dashboard_port, api.checkout_port):
        assert await until(lambda port=port: status(port, path), "an answer of the API") == 200  # type: ignore[misc]
    # Each port has its own pages.
    assert await status(api.dashboard_port, "/login") == await status(api.checkout_port, "/checkout") == 200
    assert await status(api.checkout_port, "/login") == await status(api.port, "/checkout") == 404


def certify(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 by itself, and its key, as files that only the folder's owner may read."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    built = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), now, now + datetime.timedelta(1)
    )
    built = built.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
    built = built.add_extension(x509.BasicConstraints(True, None), True)
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8
    files[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()))
    for file in files:
        file.chmod(0o600)
        os.chown(file, folder.stat().st_uid, folder.stat().st_gid)
    return files


async def doctor(gateway: Live, **urls: str) -> str:
    """What `kassa doctor` says of other servers."""
    return (await kassa({**gateway.environment, "KASSA_HOME": "/nonexistent", **urls}, "doctor")).out


async def test_redis_is_reached_by_tls_with_a_password(gateway: Live) -> None:
    if not SYSTEM_REDIS.exists():
        pytest.skip("no redis-server with TLS")
    database_url, _ = gateway.urls()
    password, port = "p4ssw0rd" * 6, free_port()
    server = RedisServer(str(SYSTEM_REDIS))
    certificate, key = certify(server.folder)
    server.url = server.url.replace("unix://", f"unix://:{password}@")
    server.options = ["--requirepass", password, "--tls-port", str(port), "--tls-auth-clients", "no"]
    server.options += ["--tls-cert-file", str(certificate), "--tls-key-file", str(key)]
    async with server:
        url = f"rediss://:{password}@127.0.0.1:{port}"
        said = await doctor(gateway, DATABASE_URL=database_url, REDIS_URL=f"{url}?ssl_ca_certs={certificate}")
        assert "ok  clock of Redis" in said, said
        # A certificate that nobody vouches for is refused.
        unvouched = await doctor(gateway, DATABASE_URL=database_url, REDIS_URL=url)
        assert "bad queue" in unvouched and "certificate verify failed" in unvouched, unvouched


async def refusal(broker: RabbitMQ, message: Message) -> str:
    """Why a message cannot be published."""
    with pytest.raises(BrokerError) as refused:
        await broker.publish([message])
    return str(refused.value.__cause__)


async def test_rabbitmq_is_reached_by_tls_if_somebody_vouches_for_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    if not RabbitMQServer.is_installed():
        pytest.skip(f"needs the broker itself: apt-get install {RabbitMQServer.package}")
    # A connection that failed closes itself when it is collected. Were it kept in the log and collected later, that
    # might be in a thread, where there is no loop to close it in.
    caplog.set_level(logging.CRITICAL, "aiormq.connection")
    server, port = RabbitMQServer(), free_port()
    certificate, key = certify(server.folder)
    with (server.folder / "rabbitmq.conf").open("a") as conf:
        conf.write(f"listeners.ssl.1 = 127.0.0.1:{port}\n")
        conf.write(f"ssl_options.certfile = {certificate}\nssl_options.keyfile = {key}\n")
    async with server:
        kassa_side = RabbitMQ(f"amqps://guest:guest@127.0.0.1:{port}")
        message = Message("msg_1", "pay_1", "payment.success", "{}")
        assert "CERTIFICATE_VERIFY_FAILED" in await refusal(kassa_side, message)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        await kassa_side.publish([message])
        await kassa_side.close()
        assert [one.event for one in await server.told_of("pay_1", 1)] == ["payment.success"]
    gc.collect()


async def test_postgresql_is_reached_by_tls(gateway: Live) -> None:
    programs = postgres_programs()["15"]
    if programs is None:
        pytest.skip("no PostgreSQL with TLS")
    _, redis_url = gateway.urls()
    server, port = PostgresServer(programs), free_port()
    certificate, key = certify(server.folder)
    rules = server.folder / "rules"
    rules.write_text("local all all trust\nhostssl all all 127.0.0.1/32 trust\n")
    server.options = {"listen_addresses": "127.0.0.1", "port": str(port), "hba_file": str(rules)}
    server.options |= {"ssl": "on", "ssl_cert_file": str(certificate), "ssl_key_file": str(key)}
    server.url += f"&port={port}"
    async with server:
        url = f"postgresql://postgres@127.0.0.1:{port}/postgres?sslmode="
        said = await doctor(gateway, DATABASE_URL=url + "require", REDIS_URL=redis_url)
        assert "ok  clock of database" in said, said
        plain = await doctor(gateway, DATABASE_URL=url + "disable", REDIS_URL=redis_url)
        assert 'bad database: no pg_hba.conf entry for host "127.0.0.1"' in plain and "no encryption" in plain, plain
