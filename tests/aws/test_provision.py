"""playbooks/aws_provision.yml on an empty account: what it makes, that it makes nothing twice, and what it mends."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.kinds.aws import control
from tests.aws.policies import compare
from tests.aws.rehearsal import PUBLIC_KEY, ROOT, Endpoint

OWN = {
    "aws_endpoint_is_a_test": True,
    "aws_fleet_public_key": PUBLIC_KEY,
    "aws_fleet_zone": "example.org",
    "network_operators": ["203.0.113.0/24"],
}
# The playbook's own, and not those of a test.
CALLS: list[dict[str, Any]] = []
# Rights that AWS asks for beside those of a call, and those of another preset or another drift.
WITHOUT_CALL = {
    "ec2:AssociateAddress": "the Elastic IP of the preset single",
    "ec2:CreateNetworkInterface": "the interface of a mount target",
    "ec2:DeleteFlowLogs": "logs that the settings turned off",
    "ec2:DescribeNetworkInterfaces": "the interface of a mount target",
    "elasticloadbalancing:DeregisterTargets": "a host that is taken out of the settings",
    "iam:CreateServiceLinkedRole": "the first balancer and the first instance of RDS of an account",
    "iam:PassRole": "instances that are started with a profile",
    "kms:CreateGrant": "the secret that RDS keeps",
    "kms:DescribeKey": "the secret that RDS keeps",
    "logs:CreateLogDelivery": "flow logs into a bucket",
    "logs:DeleteLogDelivery": "flow logs into a bucket",
    "rds:AddTagsToResource": "a tag that somebody removed",
    "secretsmanager:CreateSecret": "the secret that RDS keeps",
    "secretsmanager:TagResource": "the secret that RDS keeps",
}
# Two web hosts behind a balancer, RDS, a NAT gateway, an endpoint for SSH, EFS: one of each kind of thing.
WHOLE = {
    "aws_preset": "small",
    "database_mode": "rds",
    "aws_network_nat": "one",
    "aws_network_access": "endpoint",
    "nginx_tls_mode": "none",
    "nginx_trusted_proxies": "{{ aws_network_subnets | selectattr('public') | map(attribute='cidr') }}",
}


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """An account without anything but a hosted zone and a certificate."""
    home = tmp_path_factory.mktemp("lab") / "aws"
    found = Endpoint(home, control.start_at(home))
    found.client("route53").create_hosted_zone(Name="example.org", CallerReference="test")
    OWN["aws_fleet_certificate"] = found.client("acm").request_certificate(
        DomainName="board.example.org", ValidationMethod="DNS"
    )["CertificateArn"]
    yield found
    control.stop(home)


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """inventory/production, without its hosts."""
    place = tmp_path_factory.mktemp("aws") / "inventory"
    shutil.copytree(ROOT / "group_vars", place / "group_vars")
    shutil.copy(ROOT / "inventory/production/environment.yml", place)
    return place


def run(account: Endpoint, inventory: Path, settings: dict[str, Any], *words: str) -> subprocess.CompletedProcess[str]:
    """Provision with these settings of the environment."""
    (inventory / "group_vars/env_production/own.yml").write_text(yaml.safe_dump({**OWN, **settings}))
    before = len(account.calls())
    done = account.playbook("aws_provision", inventory, *words)
    CALLS.extend(account.calls()[before:])
    return done


def changed(done: subprocess.CompletedProcess[str]) -> int:
    """The number of changes that a run counts; it has to have ended well."""
    assert done.returncode == 0, done.stdout + done.stderr
    return int(re.findall(r"aws_account .*changed=(\d+)", done.stdout)[0])


def what_changed(done: subprocess.CompletedProcess[str]) -> list[str]:
    """The names of the tasks that changed something."""
    tasks = re.split(r"^TASK \[", done.stdout, flags=re.MULTILINE)[1:]
    return [task.partition("]")[0] for task in tasks if re.search(r"^changed: ", task, re.MULTILINE)]


def test_an_environment_is_made_once_and_kept(account: Endpoint, inventory: Path) -> None:
    """One test, as the steps build on each other and tests are handed to several processes."""
    before = len(account.writes())
    checked = run(account, inventory, WHOLE, "--check")
    assert changed(checked) > 10
    assert account.writes()[before:] == []
    assert "A run would start web1 (t3.small in public-a)" in checked.stdout
    for one in ("instance django-production", "balancer django-production", "bucket django-production-media"):
        assert f"A run would make the {one}" in checked.stdout
    assert "file system django-production" in checked.stdout

    assert changed(run(account, inventory, WHOLE)) > 10
    is_as_the_settings_say(account)

    before = len(account.writes())
    again = run(account, inventory, WHOLE)
    assert changed(again) == 0, what_changed(again)
    assert account.writes()[before:] == []

    spoil(account)
    before = len(account.writes())
    drifted = run(account, inventory, WHOLE, "--check")
    assert what_changed(drifted) == DRIFT, drifted.stdout
    assert account.writes()[before:] == []
    mended = run(account, inventory, WHOLE)
    assert changed(mended) == len(DRIFT)
    is_as_the_settings_say(account)
    compare("aws_provision", CALLS, WITHOUT_CALL)


# The tasks that show what spoil() did, and mend it.
DRIFT = [
    "aws_network : Security groups | Let in what the flows say, and nothing else",
    "aws_network : Access | Make the Instance Connect Endpoint",
    "aws_database : Parameters | Set them",
    "aws_files : Make the file system",
    "aws_fleet : Logs | Log the requests to the buckets",
    "aws_fleet : Logs | Log the connections of the network",
    "aws_fleet : Instances | Make them what the settings say",
]


def is_as_the_settings_say(account: Endpoint) -> None:
    """Ask AWS's API for all that matters, and not the modules that made it."""
    ec2, rds, s3 = account.client("ec2"), account.client("rds"), account.client("s3")
    mine = [{"Name": "tag:Environment", "Values": ["production"]}, {"Name": "tag:Project", "Values": ["django"]}]
    assert len(ec2.describe_vpcs(Filters=mine)["Vpcs"]) == 1
    assert len(ec2.describe_subnets(Filters=mine)["Subnets"]) == 4
    assert len(ec2.describe_nat_gateways(Filters=mine)["NatGateways"]) == 1
    listed = ec2.describe_security_groups(Filters=mine)["SecurityGroups"]
    groups = {one["GroupName"].removeprefix("django-production-"): one for one in listed}
    assert set(groups) == {"balancer", "web", "database", "files", "endpoint"}
    assert ports(groups["balancer"]) == {(80, "0.0.0.0/0"), (80, "::/0"), (443, "0.0.0.0/0"), (443, "::/0")}
    assert ports(groups["web"]) == {(22, groups["endpoint"]["GroupId"]), (80, groups["balancer"]["GroupId"])}
    assert ports(groups["endpoint"]) == set()
    (way,) = ec2.describe_instance_connect_endpoints(Filters=mine)["InstanceConnectEndpoints"]
    assert (way["SecurityGroupIds"], way["PreserveClientIp"]) == ([groups["endpoint"]["GroupId"]], False)
    assert {tag["Value"] for tag in way["Tags"] if tag["Key"] == "Name"} == {"django-production"}
    assert not {one for one in ports(groups["web"]) if one[1] in ("0.0.0.0/0", "::/0")}
    assert ports(groups["database"]) == {(5432, groups["web"]["GroupId"])}
    assert ports(groups["files"]) == {(2049, groups["web"]["GroupId"])}

    running = [*mine, {"Name": "instance-state-name", "Values": ["running"]}]
    hosts = [one for each in ec2.describe_instances(Filters=running)["Reservations"] for one in each["Instances"]]
    tags = [{tag["Key"]: tag["Value"] for tag in one["Tags"]} for one in hosts]
    assert sorted((one["Name"], one["Role"], one["HostKey"].split()[0]) for one in tags) == [
        ("web1", "web", "ssh-ed25519"),
        ("web2", "web", "ssh-ed25519"),
    ]
    file_system = shared_as_the_settings_say(account, groups["files"]["GroupId"])
    assert {one["Files"] for one in tags} == {file_system}
    assert {one["MetadataOptions"]["HttpTokens"] for one in hosts} == {"required"}
    for one in hosts:
        asked = ec2.describe_instance_attribute(InstanceId=one["InstanceId"], Attribute="disableApiTermination")
        assert asked["DisableApiTermination"]["Value"] is True
        volume = ec2.describe_volumes(VolumeIds=[one["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]])["Volumes"][0]
        assert (volume["VolumeType"], volume["Encrypted"]) == ("gp3", True)

    database = rds.describe_db_instances(DBInstanceIdentifier="django-production")["DBInstances"][0]
    assert database["PubliclyAccessible"] is False
    assert database["StorageEncrypted"] is True
    assert database["DeletionProtection"] is True
    assert database["MasterUserSecret"]["SecretArn"]
    parameters = rds.describe_db_parameters(DBParameterGroupName="django-production-postgres17")["Parameters"]
    values = {one["ParameterName"]: one.get("ParameterValue") for one in parameters}
    assert (values["rds.force_ssl"], values["rds.logical_replication"]) == ("1", "1")

    balancers = account.client("elbv2").describe_load_balancers()["LoadBalancers"]
    assert [one["LoadBalancerName"] for one in balancers] == ["django-production"]
    target = account.client("elbv2").describe_target_groups()["TargetGroups"][0]
    assert target["HealthCheckPath"] == "/readyz"
    health = account.client("elbv2").describe_target_health(TargetGroupArn=target["TargetGroupArn"])[
        "TargetHealthDescriptions"
    ]
    assert {one["Target"]["Id"] for one in health} == {one["InstanceId"] for one in hosts}

    buckets = [one["Name"] for one in s3.list_buckets()["Buckets"]]
    assert buckets == [f"django-production-{what}-123456789012" for what in ("backups", "logs", "media", "releases")]
    for bucket in buckets:
        assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
        assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
        assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    logged_as_the_settings_say(account, balancers[0]["LoadBalancerArn"])
    alarms = {one["AlarmName"] for one in account.client("cloudwatch").describe_alarms()["MetricAlarms"]}
    assert {
        "django-production-unhealthy-hosts",
        "django-production-database-space",
        "django-production-web1-status",
    } <= alarms


def shared_as_the_settings_say(account: Endpoint, group: str) -> str:
    """The file system for uploads, encrypted, reached in both zones by web hosts alone and by TLS alone; its id."""
    efs, ec2 = account.client("efs"), account.client("ec2")
    (one,) = efs.describe_file_systems()["FileSystems"]
    name = one["FileSystemId"]
    assert (one["Encrypted"], one["CreationToken"], one["ThroughputMode"]) == (True, "django-production", "elastic")
    assert {tag["Key"]: tag["Value"] for tag in one["Tags"]} == {
        "Project": "django", "Environment": "production", "Name": "django-production",
    }  # fmt: skip
    targets = efs.describe_mount_targets(FileSystemId=name)["MountTargets"]
    subnets = ec2.describe_subnets(SubnetIds=[target["SubnetId"] for target in targets])["Subnets"]
    assert sorted(subnet["AvailabilityZone"] for subnet in subnets) == ["eu-central-1a", "eu-central-1b"]
    for target in targets:
        asked = efs.describe_mount_target_security_groups(MountTargetId=target["MountTargetId"])
        assert asked["SecurityGroups"] == [group]
    policies = efs.describe_lifecycle_configuration(FileSystemId=name)["LifecyclePolicies"]
    assert {"TransitionToIA": "AFTER_30_DAYS"} in policies
    assert efs.describe_backup_policy(FileSystemId=name)["BackupPolicy"]["Status"] == "ENABLED"
    said = json.loads(efs.describe_file_system_policy(FileSystemId=name)["Policy"])["Statement"]
    assert [(one["Effect"], one["Condition"]["Bool"]) for one in said] == [
        ("Allow", {"elasticfilesystem:AccessedViaMountTarget": "true"}),
        ("Deny", {"aws:SecureTransport": "false"}),
    ]
    return str(name)


def logged_as_the_settings_say(account: Endpoint, balancer: str) -> None:
    """Requests of visitors, requests to buckets and connections go into one bucket; nothing is there that is not encrypted."""
    ec2, s3, logs = account.client("ec2"), account.client("s3"), "django-production-logs-123456789012"
    network = ec2.describe_vpcs(Filters=[{"Name": "tag:Name", "Values": ["django-production"]}])["Vpcs"][0]["VpcId"]
    flows = ec2.describe_flow_logs()["FlowLogs"]
    assert [(one["ResourceId"], one["LogDestination"]) for one in flows] == [(network, f"arn:aws:s3:::{logs}/network/")]
    for bucket in ("backups", "media", "releases"):
        found = s3.get_bucket_logging(Bucket=f"django-production-{bucket}-123456789012")["LoggingEnabled"]
        assert (found["TargetBucket"], found["TargetPrefix"]) == (logs, "buckets/")
    attributes = account.client("elbv2").describe_load_balancer_attributes(LoadBalancerArn=balancer)["Attributes"]
    values = {one["Key"]: one["Value"] for one in attributes}
    assert (values["access_logs.s3.enabled"], values["access_logs.s3.bucket"]) == ("true", logs)
    assert s3.get_bucket_lifecycle_configuration(Bucket=logs)["Rules"][0]["Expiration"]["Days"] == 90
    assert ec2.get_ebs_encryption_by_default()["EbsEncryptionByDefault"] is True
    filters = [{"Name": "group-name", "Values": ["default"]}, {"Name": "vpc-id", "Values": [network]}]
    unused = ec2.describe_security_groups(Filters=filters)["SecurityGroups"][0]
    assert (unused["IpPermissions"], unused["IpPermissionsEgress"]) == ([], [])


def ports(group: dict[str, Any]) -> set[tuple[int, str]]:
    """Who may reach which port, from the rules of a security group."""
    found = set()
    for rule in group["IpPermissions"]:
        sources = [one["CidrIp"] for one in rule["IpRanges"]] + [one["CidrIpv6"] for one in rule.get("Ipv6Ranges", [])]
        found |= {
            (rule["FromPort"], one) for one in [*sources, *(pair["GroupId"] for pair in rule["UserIdGroupPairs"])]
        }
    return found


def spoil(account: Endpoint) -> None:
    """What people do by hand: a port opened to the world, a host stopped, a parameter changed, logs turned off."""
    ec2 = account.client("ec2")
    web = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["django-production-web"]}])[
        "SecurityGroups"
    ][0]
    ec2.authorize_security_group_ingress(
        GroupId=web["GroupId"], IpProtocol="tcp", FromPort=22, ToPort=22, CidrIp="0.0.0.0/0"
    )
    named = ec2.describe_instances(Filters=[{"Name": "tag:Name", "Values": ["web2"]}])["Reservations"][0]["Instances"][
        0
    ]
    ec2.stop_instances(InstanceIds=[named["InstanceId"]])
    account.client("s3").put_bucket_logging(Bucket="django-production-media-123456789012", BucketLoggingStatus={})
    ec2.delete_flow_logs(FlowLogIds=[one["FlowLogId"] for one in ec2.describe_flow_logs()["FlowLogs"]])
    open_the_files(account)
    (way,) = ec2.describe_instance_connect_endpoints()["InstanceConnectEndpoints"]
    ec2.modify_instance_connect_endpoint(
        InstanceConnectEndpointId=way["InstanceConnectEndpointId"], SecurityGroupIds=[web["GroupId"]]
    )
    account.client("rds").modify_db_parameter_group(
        DBParameterGroupName="django-production-postgres17",
        Parameters=[{"ParameterName": "rds.force_ssl", "ParameterValue": "0", "ApplyMethod": "immediate"}],
    )


def open_the_files(account: Endpoint) -> None:
    """The file system without its policy and its backups, and a mount target that anybody with the default group reaches."""
    efs, ec2 = account.client("efs"), account.client("ec2")
    name = efs.describe_file_systems()["FileSystems"][0]["FileSystemId"]
    everybody = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "*"}]}
    efs.put_file_system_policy(FileSystemId=name, Policy=json.dumps(everybody))
    efs.put_backup_policy(FileSystemId=name, BackupPolicy={"Status": "DISABLED"})
    efs.put_lifecycle_configuration(FileSystemId=name, LifecyclePolicies=[])
    efs.update_file_system(FileSystemId=name, ThroughputMode="bursting")
    efs.tag_resource(ResourceId=name, Tags=[{"Key": "Project", "Value": "other"}])
    target = efs.describe_mount_targets(FileSystemId=name)["MountTargets"][0]
    groups = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["django-production-web"]}])
    efs.modify_mount_target_security_groups(
        MountTargetId=target["MountTargetId"], SecurityGroups=[groups["SecurityGroups"][0]["GroupId"]]
    )


HUGE = {"groups": ["web", "database"], "type": "t3.gigantic", "subnet": "public-a", "disk_gb": 30}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"aws_preset": "small"}, "write nginx_tls_mode: none"),
        ({"aws_endpoint_is_a_test": False}, "this inventory is no rehearsal's"),
        ({"aws_fleet_hosts": {"web1": HUGE}}, "aws_fleet_hosts.web1.type is 't3.gigantic'"),
    ],
)
def test_what_cannot_work_is_refused_before_the_first_call_that_writes(
    account: Endpoint, inventory: Path, settings: dict[str, Any], said: str
) -> None:
    before = len(account.writes())
    done = run(account, inventory, settings)
    assert done.returncode != 0
    assert said in " ".join(done.stdout.split())
    assert account.writes()[before:] == []
