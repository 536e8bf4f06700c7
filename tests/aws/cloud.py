"""A stand-in of AWS that keeps its own books (moto's server, as a process), and its account's administrator."""

import asyncio
import json
import secrets
import sys
from typing import Any

import aiohttp
from botocore.session import Session

from tests.live import free_port
from tests.servers import Server

REGION = "eu-central-1"
ADMIN = {"AWS_ACCESS_KEY_ID": "admin", "AWS_SECRET_ACCESS_KEY": "admin"}


class Cloud(Server):
    """`async with Cloud() as cloud`: an AWS account at `url`, in one region."""

    def __init__(self) -> None:
        super().__init__()
        self._port = free_port()
        self.url = url = f"http://127.0.0.1:{self._port}"
        # What a process needs to find it; metadata are off, as no machine here has a role.
        self.environment = {
            **ADMIN,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": url,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    async def __aenter__(self) -> "Cloud":
        async def answers() -> bool:
            try:
                async with aiohttp.request("GET", f"{self.url}/moto-api/data.json") as answer:
                    return answer.status == 200
            except aiohttp.ClientError:
                return False

        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self._port)]
        await self.ready(self.run(command), answers)
        return self

    async def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """One call of AWS, such as `call("secretsmanager", "create_secret", Name="kassa")`."""

        def made() -> dict[str, Any]:
            client = Session().create_client(
                service, region_name=REGION, endpoint_url=self.url, aws_access_key_id="admin",
                aws_secret_access_key="admin",
            )  # fmt: skip
            answer: dict[str, Any] = getattr(client, operation)(**parameters)
            return answer

        return await asyncio.to_thread(made)

    async def secret(self, value: object, **more: Any) -> str:
        """Keep a new secret, a dict as JSON and text as it is; returns its name."""
        name = f"kassa-{secrets.token_hex(6)}"
        text = value if isinstance(value, str) else json.dumps(value)
        await self.call("secretsmanager", "create_secret", Name=name, SecretString=text, **more)
        return name

    async def ask_for_rights(self, asked: bool) -> None:
        """From now on, let in only who has the right, or everybody again."""
        async with aiohttp.request("POST", f"{self.url}/moto-api/reset-auth", data=b"0" if asked else b"inf") as answer:
            assert answer.status == 200

    async def user(self, *statements: dict[str, Any]) -> dict[str, str]:
        """A new user whose policy has these statements; returns the credentials as environment variables."""
        name = f"user-{secrets.token_hex(6)}"
        await self.call("iam", "create_user", UserName=name)
        if statements:
            policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
            await self.call("iam", "put_user_policy", UserName=name, PolicyName="kassa", PolicyDocument=policy)
        key = (await self.call("iam", "create_access_key", UserName=name))["AccessKey"]
        return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
