"""The templates below deploy/aws, read; and their stacks, made on the stand-in as far as it knows their resources."""

import json
import re
from pathlib import Path
from typing import Any

from cfnlint.decode import cfn_yaml

from tests.aws.cloud import Cloud

FOLDER = Path(__file__).parents[2] / "deploy" / "aws"
STACKS = ("network", "data", "edge", "services")
TEMPLATES: dict[str, dict[str, Any]] = {
    # The functions in their long form, as plain JSON.
    name: json.loads(json.dumps(cfn_yaml.load(str(FOLDER / f"{name}.yaml"))))
    for name in STACKS
}
# What the stand-in's CloudFormation cannot make; cfn-lint checks it against the schemas of AWS.
FOREIGN = re.compile(r"AWS::(SecretsManager|ElastiCache|AmazonMQ|WAFv2|ApplicationAutoScaling)::")
REFERENCE = re.compile(r"\$\{(\w+)((?:\.\w+)*)\}")


def resources(kind: str) -> dict[str, dict[str, Any]]:
    """The properties of all resources of a type, such as `AWS::RDS::DBInstance`, by their names."""
    return {
        name: one.get("Properties", {})
        for template in TEMPLATES.values()
        for name, one in template["Resources"].items()
        if one["Type"] == kind
    }


def containers() -> dict[str, dict[str, Any]]:
    """Every container of every task, such as `ApiTask/migrate`."""
    return {
        f"{task}/{container['Name']}": container
        for task, properties in resources("AWS::ECS::TaskDefinition").items()
        for container in properties["ContainerDefinitions"]
    }


def without(node: Any, values: dict[str, str]) -> Any:
    """A part of a template with the references that `values` has (`Name` and `Name.Attribute`) replaced."""
    if isinstance(node, list):
        return [without(one, values) for one in node]
    if not isinstance(node, dict):
        return node
    match node:
        case {"Ref": name} if name in values:
            return values[name]
        case {"Fn::GetAtt": [name, attribute]} if f"{name}.{attribute}" in values:
            return values[f"{name}.{attribute}"]
        case {"Fn::Sub": str(text)}:
            return {"Fn::Sub": REFERENCE.sub(lambda found: values.get(found[0][2:-1], found[0]), text)}
    return {name: without(one, values) for name, one in node.items()}


class Stacks:
    """The four stacks on a stand-in."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        # What stands for the resources that the stand-in does not make, or does not let others refer to.
        self.values: dict[str, str] = {
            "DatabaseParameters": "default.postgres17",
            "LoadBalancer.LoadBalancerFullName": "app/kassa/1",
            "ApiTargets.TargetGroupFullName": "targetgroup/api/1",
            "Queue.PrimaryEndPoint.Address": "queue.test",
            "BrokerAddress": "broker.test:5671",
        }
        self.secrets: dict[str, str] = {}

    async def make(self) -> None:
        """Make them, in the order of the guide."""
        certificate = await self.cloud.call("acm", "request_certificate", DomainName="example.com")
        for name, properties in resources("AWS::SecretsManager::Secret").items():
            await self._make_secret(name, properties)
        hosts = {"ApiHost": "api.example.com", "DashboardHost": "shop.example.com", "CheckoutHost": "pay.example.com"}
        await self._make("network")
        await self._make("data")
        await self._connect()
        await self._make("edge", CertificateArn=certificate["CertificateArn"], **hosts)
        await self._make("services", Image="registry.example.com/kassa:1")

    async def _make(self, name: str, **parameters: str) -> None:
        template = TEMPLATES[name]
        kept = {key: one for key, one in template["Resources"].items() if not FOREIGN.match(one["Type"])}
        await self.cloud.call(
            "cloudformation", "create_stack", StackName=f"kassa-{name}", Capabilities=["CAPABILITY_IAM"],
            TemplateBody=json.dumps(without({**template, "Resources": kept}, self.values)),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        )  # fmt: skip
        [stack] = (await self.cloud.call("cloudformation", "describe_stacks", StackName=f"kassa-{name}"))["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        made = await self.cloud.call("cloudformation", "list_stack_resources", StackName=f"kassa-{name}")
        assert {one["LogicalResourceId"] for one in made["StackResourceSummaries"]} == kept.keys()

    async def _make_secret(self, name: str, properties: dict[str, Any]) -> None:
        """What CloudFormation would do for a secret: invent its value, or take it from the template."""
        if asked := properties.get("GenerateSecretString"):
            text = (await self.cloud.call("secretsmanager", "get_random_password", **asked))["RandomPassword"]
        else:
            text = properties["SecretString"] if isinstance(properties["SecretString"], str) else "unknown as yet"
        self.secrets[name] = text
        self.values[name] = (
            await self.cloud.call("secretsmanager", "create_secret", Name=f"kassa-{name}", SecretString=text)
        )["ARN"]

    async def _connect(self) -> None:
        """Fill in the secret that tells where the servers are."""
        [database] = (await self.cloud.call("rds", "describe_db_instances"))["DBInstances"]
        self.values["Database.Endpoint.Address"] = database["Endpoint"]["Address"]
        text, _ = resources("AWS::SecretsManager::Secret")["ConnectionSettings"]["SecretString"]["Fn::Sub"]
        text = re.sub(
            r"\{\{resolve:secretsmanager:\$\{(\w+)\}:SecretString\}\}", lambda found: self.secrets[found[1]], text
        )
        text = REFERENCE.sub(lambda found: self.values[found[0][2:-1]], text)
        await self.cloud.call(
            "secretsmanager", "put_secret_value", SecretId=self.values["ConnectionSettings"], SecretString=text
        )
