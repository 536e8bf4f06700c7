"""The stacks fit together: made one after the other on a stand-in of AWS, they hand Kassa settings it starts with."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import yaml

from kassa.settings import Settings, load
from tests.aws.cloud import REGION, Cloud
from tests.aws.templates import Stacks


@pytest.fixture(scope="module")
async def stacks() -> AsyncIterator[Stacks]:
    """All four, on an account of their own."""
    async with Cloud() as cloud:
        one = Stacks(cloud)
        await one.make()
        yield one


async def containers(stacks: Stacks, task: str) -> dict[str, dict[str, Any]]:
    """The containers of a task as ECS knows them."""
    found = await stacks.cloud.call("ecs", "describe_task_definition", taskDefinition=f"kassa-{task}")
    return {one["name"]: one for one in found["taskDefinition"]["containerDefinitions"]}


async def settings(stacks: Stacks, container: dict[str, Any]) -> Settings:
    """What Kassa reads in a container: its environment, and the secrets that this names."""
    environment = {one["name"]: one["value"] for one in container["environment"]}
    return await asyncio.to_thread(load, {**stacks.cloud.environment, **environment})


@pytest.mark.parametrize(("task", "name"), [(t, n) for t in ("api", "worker") for n in ("migrate", "kassa")])
async def test_every_container_finds_its_servers_over_tls(stacks: Stacks, task: str, name: str) -> None:
    found = await settings(stacks, (await containers(stacks, task))[name])
    secrets, host = stacks.secrets, stacks.values["Database.Endpoint.Address"]
    assert found.production
    assert found.database_url == (
        f"postgresql://gateway_user:{secrets['DatabasePassword']}@{host}:5432/payment_gateway?sslmode=require"
    )
    assert found.redis_url == f"rediss://:{secrets['QueuePassword']}@queue.test:6379"
    assert found.broker_url == f"amqps://kassa:{secrets['BrokerPassword']}@broker.test:5671"
    assert found.kassa_encryption_key == secrets["EncryptionKey"]
    assert len(secrets["EncryptionKey"]) == 64
    assert all(secrets[one].isalnum() for one in ("DatabasePassword", "QueuePassword", "BrokerPassword"))


async def test_what_the_operator_sets_comes_before_what_the_stack_made(stacks: Stacks) -> None:
    key = f"new,{stacks.secrets['EncryptionKey']}"
    mine = json.dumps({"STRIPE_SECRET_KEY": "sk_live_1", "KASSA_ENCRYPTION_KEY": key})
    operator = stacks.values["OperatorSettings"]
    await stacks.cloud.call("secretsmanager", "put_secret_value", SecretId=operator, SecretString=mine)
    try:
        found = await settings(stacks, (await containers(stacks, "api"))["kassa"])
    finally:
        await stacks.cloud.call("secretsmanager", "put_secret_value", SecretId=operator, SecretString="{}")
    assert (found.stripe_secret_key, found.kassa_encryption_key) == ("sk_live_1", key)


async def test_people_and_the_load_balancer_find_the_api_where_it_says(stacks: Stacks) -> None:
    container = (await containers(stacks, "api"))["kassa"]
    found = await settings(stacks, container)
    assert (found.api_url, found.dashboard_url, found.checkout_url) == (
        "https://api.example.com", "https://shop.example.com", "https://pay.example.com",
    )  # fmt: skip
    balancers = (await stacks.cloud.call("elbv2", "describe_load_balancers"))["LoadBalancers"]
    zones = [zone["SubnetId"] for zone in balancers[0]["AvailabilityZones"]]
    public = (await stacks.cloud.call("ec2", "describe_subnets", SubnetIds=zones))["Subnets"]
    assert {subnet["CidrBlock"] for subnet in public} == set(found.trusted_proxies.split(","))
    assert len({subnet["AvailabilityZone"] for subnet in public}) == 2

    rules = await forwards(stacks)
    ports = {
        found.api_url: found.port,
        found.dashboard_url: found.dashboard_port,
        found.checkout_url: found.checkout_port,
    }
    assert rules == {url.removeprefix("https://"): port for url, port in ports.items()}
    assert {one["containerPort"] for one in container["portMappings"]} == set(ports.values())


async def forwards(stacks: Stacks) -> dict[str, int]:
    """The port that the load balancer forwards a host name to."""
    [balancer] = (await stacks.cloud.call("elbv2", "describe_load_balancers"))["LoadBalancers"]
    listeners = await stacks.cloud.call("elbv2", "describe_listeners", LoadBalancerArn=balancer["LoadBalancerArn"])
    [https] = [one["ListenerArn"] for one in listeners["Listeners"] if one["Port"] == 443]
    rules = (await stacks.cloud.call("elbv2", "describe_rules", ListenerArn=https))["Rules"]
    groups = (await stacks.cloud.call("elbv2", "describe_target_groups"))["TargetGroups"]
    ports = {group["TargetGroupArn"]: group["Port"] for group in groups}
    return {
        rule["Conditions"][0]["HostHeaderConfig"]["Values"][0]: ports[rule["Actions"][0]["TargetGroupArn"]]
        for rule in rules
        if rule["Actions"][0]["Type"] == "forward"
    }


async def test_kassa_may_read_its_two_secrets_and_nothing_else(stacks: Stacks) -> None:
    roles = (await stacks.cloud.call("iam", "list_roles"))["Roles"]
    [role] = [one["RoleName"] for one in roles if "KassaRole" in one["RoleName"]]
    names = (await stacks.cloud.call("iam", "list_role_policies", RoleName=role))["PolicyNames"]
    policies = [await stacks.cloud.call("iam", "get_role_policy", RoleName=role, PolicyName=name) for name in names]
    documents = [yaml.safe_load(policy["PolicyDocument"]) for policy in policies]
    statements = [statement for document in documents for statement in document["Statement"]]
    assert statements == [
        {
            "Effect": "Allow",
            "Action": "secretsmanager:GetSecretValue",
            "Resource": [stacks.values["OperatorSettings"], stacks.values["ConnectionSettings"]],
        }
    ]
    assert (await stacks.cloud.call("iam", "list_attached_role_policies", RoleName=role))["AttachedPolicies"] == []
    assert all(f":{REGION}:" in arn for arn in statements[0]["Resource"])
