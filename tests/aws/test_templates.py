"""The templates name what Kassa has (variables, commands, ports, paths), and leave nothing open, readable or lost."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import typer
import yaml

from kassa import cli
from kassa.api.application import OPERATIONS
from kassa.settings import Settings, load
from tests.aws.templates import FOLDER, STACKS, TEMPLATES, containers, resources

SETTINGS = {field.encode_name for field in msgspec.structs.fields(Settings)}
COMMANDS = typer.main.get_command(cli.app).commands  # type: ignore[attr-defined]
# What CloudFormation takes from a file; more would need a bucket.
MAX_BYTES = 51_200
WORLD = "0.0.0.0/0"


def known(command: list[str]) -> bool:
    """Whether `kassa` has a command with these options."""
    program, name, *options = command
    allowed = {option for parameter in COMMANDS[name].params for option in parameter.opts}
    return program == "kassa" and set(options) <= allowed


def fields(node: Any) -> Iterator[tuple[str, Any]]:
    """Every name and value within a part of a template."""
    if isinstance(node, list):
        for one in node:
            yield from fields(one)
    elif isinstance(node, dict):
        yield from node.items()
        for one in node.values():
            yield from fields(one)


def test_there_is_nothing_else() -> None:
    assert {file.name for file in FOLDER.iterdir()} == {f"{name}.yaml" for name in STACKS}


@pytest.mark.parametrize("name", STACKS)
def test_a_template_can_be_handed_over_as_it_is(name: str) -> None:
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    assert len(text.encode()) <= MAX_BYTES
    assert len(text.splitlines()) <= 400
    assert not any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text))


@pytest.mark.parametrize("container", containers())
def test_containers_name_settings_and_commands_that_exist(container: str) -> None:
    found = containers()[container]
    variables = {one["Name"]: one["Value"] for one in found["Environment"]}
    assert variables.keys() - SETTINGS == set()
    assert known(found["Command"])
    # Those that need no other stack are such as Kassa takes.
    plain = {name: value for name, value in variables.items() if isinstance(value, str)}
    assert load({**plain, "DATABASE_URL": "postgresql://db", "REDIS_URL": "redis://queue"}).production


def test_the_check_of_the_worker_exists() -> None:
    command, *check = containers()["WorkerTask/kassa"]["HealthCheck"]["Command"]
    assert (command, check) == ("CMD", ["kassa", "worker", "--check"])
    assert known(check)


def test_the_secret_names_settings_that_exist() -> None:
    text, _ = resources("AWS::SecretsManager::Secret")["ConnectionSettings"]["SecretString"]["Fn::Sub"]
    names = msgspec.json.decode(text, type=dict[str, str]).keys()
    assert names == {"DATABASE_URL", "REDIS_URL", "BROKER_URL", "KASSA_ENCRYPTION_KEY"}
    assert names - SETTINGS == set()
    # The environment comes before secrets: what it names could not be replaced there.
    assert {one["Name"] for found in containers().values() for one in found["Environment"]} & names == set()


@pytest.mark.parametrize("task", ["ApiTask", "WorkerTask"])
def test_nothing_starts_on_a_database_of_before(task: str) -> None:
    assert containers()[f"{task}/migrate"]["Command"] == ["kassa", "migrate"]
    assert containers()[f"{task}/migrate"]["Essential"] is False
    assert containers()[f"{task}/kassa"]["DependsOn"] == [{"ContainerName": "migrate", "Condition": "SUCCESS"}]


def test_the_ports_are_those_of_the_settings() -> None:
    container = containers()["ApiTask/kassa"]
    given = {one["Name"]: one["Value"] for one in container["Environment"]}
    ports = {int(given[name]) for name in ("PORT", "DASHBOARD_PORT", "CHECKOUT_PORT")}
    service = resources("AWS::ECS::Service")["ApiService"]
    groups = resources("AWS::EC2::SecurityGroup")
    assert {one["ContainerPort"] for one in container["PortMappings"]} == ports
    assert {one["ContainerPort"] for one in service["LoadBalancers"]} == ports
    assert {one["Port"] for one in resources("AWS::ElasticLoadBalancingV2::TargetGroup").values()} == ports
    assert opened(groups["LoadBalancerGroup"]["SecurityGroupEgress"]) == ports
    assert opened(groups["ApiGroup"]["SecurityGroupIngress"]) == ports


def opened(rules: list[dict[str, Any]]) -> set[int]:
    """The ports that rules of a security group open."""
    return {port for rule in rules for port in range(rule["FromPort"], rule["ToPort"] + 1)}


def test_targets_are_asked_for_a_path_that_exists() -> None:
    paths = {one["HealthCheckPath"] for one in resources("AWS::ElasticLoadBalancingV2::TargetGroup").values()}
    assert paths == {"/ready"}
    assert [one.method for one in OPERATIONS if one.path == "/ready"] == ["GET"]


def test_only_the_load_balancer_is_open_to_the_world() -> None:
    groups = resources("AWS::EC2::SecurityGroup")
    incoming = {name: group.get("SecurityGroupIngress", []) for name, group in groups.items()}
    assert {name: opened(rules) for name, rules in incoming.items()} == {
        "LoadBalancerGroup": {80, 443},
        "ApiGroup": {8_000, 3_000, 3_001},
        "KassaGroup": set(),
        "ServersGroup": {5_432, 6_379, 5_671},
    }
    sources = {
        (name, rule.get("CidrIp") or rule["SourceSecurityGroupId"]["Ref"])
        for name, rules in incoming.items()
        for rule in rules
    }
    assert sources == {
        ("LoadBalancerGroup", WORLD),
        ("ApiGroup", "LoadBalancerGroup"),
        ("ServersGroup", "KassaGroup"),
    }
    outgoing = [(name, rule) for name, group in groups.items() for rule in group["SecurityGroupEgress"]]
    assert [(name, rule["ToPort"]) for name, rule in outgoing if rule["CidrIp"] == WORLD] == [("KassaGroup", 443)]


def test_no_password_is_written_down() -> None:
    resolved = re.compile(r"\{\{resolve:secretsmanager:\$\{\w+\}:SecretString\}\}")
    found = [value for name, value in fields(TEMPLATES) if re.search(r"(?i)password$|authtoken$|secretkey$", name)]
    texts = [value["Fn::Sub"] for value in found if isinstance(value, dict) and "Fn::Sub" in value]
    assert len(texts) == 3
    assert all(resolved.fullmatch(text) for text in texts)
    assert [value for value in found if isinstance(value, str)] == []


def test_what_must_not_be_lost_is_kept() -> None:
    policies = {
        name: one["DeletionPolicy"]
        for template in TEMPLATES.values()
        for name, one in template["Resources"].items()
        if "DeletionPolicy" in one and one["DeletionPolicy"] == one["UpdateReplacePolicy"]
    }
    assert policies == {
        "Database": "Snapshot", "DatabasePassword": "Retain", "EncryptionKey": "Retain", "Images": "Retain",
        "Logs": "Retain", "OperatorSettings": "Retain",
    }  # fmt: skip
    database = resources("AWS::RDS::DBInstance")["Database"]
    assert database["DeletionProtection"] is database["MultiAZ"] is database["StorageEncrypted"] is True
    assert database["PubliclyAccessible"] is False
    assert database["BackupRetentionPeriod"] >= 7


def test_the_servers_take_no_connection_without_tls() -> None:
    assert resources("AWS::RDS::DBParameterGroup")["DatabaseParameters"]["Parameters"] == {"rds.force_ssl": "1"}
    queue = resources("AWS::ElastiCache::ReplicationGroup")["Queue"]
    assert queue["TransitEncryptionEnabled"] is queue["AtRestEncryptionEnabled"] is True
    assert resources("AWS::AmazonMQ::Broker")["Broker"]["PubliclyAccessible"] is False


def test_the_queue_throws_nothing_out() -> None:
    parameters = resources("AWS::ElastiCache::ParameterGroup")["QueueParameters"]["Properties"]
    assert parameters == {"maxmemory-policy": "noeviction"}


def test_people_come_in_by_https_and_through_the_firewall() -> None:
    listeners = resources("AWS::ElasticLoadBalancingV2::Listener")
    assert {one["Port"]: one["DefaultActions"][0]["Type"] for one in listeners.values()} == {
        80: "redirect",
        443: "fixed-response",
    }
    rules = {one["Name"]: one["Statement"] for one in resources("AWS::WAFv2::WebACL")["Firewall"]["Rules"]}
    managed = {one["ManagedRuleGroupStatement"]["Name"] for one in rules.values() if "ManagedRuleGroupStatement" in one}
    assert managed == {"AWSManagedRulesCommonRuleSet", "AWSManagedRulesKnownBadInputsRuleSet"}
    assert rules["requests-per-address"]["RateBasedStatement"]["AggregateKeyType"] == "IP"
    [in_front] = resources("AWS::WAFv2::WebACLAssociation").values()
    assert in_front["ResourceArn"] == {"Ref": "LoadBalancer"}


def test_tasks_get_the_role_that_is_theirs() -> None:
    for task in resources("AWS::ECS::TaskDefinition").values():
        assert task["TaskRoleArn"] == {"Fn::GetAtt": ["KassaRole", "Arn"]}
        assert task["ExecutionRoleArn"] == {"Fn::GetAtt": ["StartRole", "Arn"]}
        assert all(container["ReadonlyRootFilesystem"] is True for container in task["ContainerDefinitions"])


def test_metrics_stay_inside() -> None:
    rules = resources("AWS::ElasticLoadBalancingV2::ListenerRule")
    first = min(rules.values(), key=lambda rule: int(rule["Priority"]))
    assert first["Conditions"] == [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/metrics"]}}]
    assert first["Actions"][0]["Type"] == "fixed-response"


def test_services_grow_and_shrink_by_what_they_have_to_do() -> None:
    policies = resources("AWS::ApplicationAutoScaling::ScalingPolicy")
    metrics: dict[str, set[str]] = {}
    for one in policies.values():
        metric = one["TargetTrackingScalingPolicyConfiguration"]["PredefinedMetricSpecification"][
            "PredefinedMetricType"
        ]
        metrics.setdefault(one["ScalingTargetId"]["Ref"], set()).add(metric)
    assert metrics == {
        "ApiScale": {"ECSServiceAverageCPUUtilization", "ALBRequestCountPerTarget"},
        "WorkerScale": {"ECSServiceAverageCPUUtilization"},
    }
    # A number here would be gone back to with every update.
    assert [name for name, one in resources("AWS::ECS::Service").items() if "DesiredCount" in one] == []
