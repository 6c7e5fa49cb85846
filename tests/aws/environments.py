"""An environment of production on an account of the rehearsal's endpoint, for tests."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from tests.aws.rehearsal import PUBLIC_KEY, ROOT, Endpoint

NAME = "django-production"
OWN = {
    "aws_endpoint_is_a_test": True,
    "aws_fleet_public_key": PUBLIC_KEY,
    "aws_fleet_zone": "example.org",
    "network_operators": ["203.0.113.0/24"],
}
BALANCED = {
    "nginx_tls_mode": "none",
    "nginx_trusted_proxies": "{{ aws_network_subnets | selectattr('public') | map(attribute='cidr') }}",
}


def prepare(account: Endpoint) -> dict[str, Any]:
    """Make what an account has before: a hosted zone and a certificate. The settings of an environment with a balancer there."""
    account.client("route53").create_hosted_zone(Name="example.org", CallerReference="test")
    asked = account.client("acm").request_certificate(DomainName="board.example.org", ValidationMethod="DNS")
    return {**OWN, **BALANCED, "aws_fleet_certificate": asked["CertificateArn"]}


def inventory(place: Path, settings: dict[str, Any]) -> Path:
    """inventory/production without its hosts, with these settings."""
    shutil.copytree(ROOT / "group_vars", place / "group_vars")
    shutil.copy(ROOT / "inventory/production/environment.yml", place)
    (place / "group_vars/env_production/own.yml").write_text(yaml.safe_dump(settings))
    return place


def changed(done: subprocess.CompletedProcess[str]) -> int:
    """The number of changes that a run counts; it has to have ended well."""
    assert done.returncode == 0, done.stdout + done.stderr
    return int(re.findall(r"aws_account .*changed=(\d+)", done.stdout)[0])


def twins(account: Endpoint) -> list[str]:
    """What there is more than once, or that belongs to nobody: names of things of one kind, addresses that nothing uses."""
    ec2, found = account.client("ec2"), []

    def named(kind: str, things: list[dict[str, Any]]) -> None:
        own = [
            tags["Name"]
            for one in things
            if "Name" in (tags := {tag["Key"]: tag["Value"] for tag in one.get("Tags", [])})
            and one.get("State") not in ("deleted", "failed")
        ]
        found.extend(f"{kind} {name}, {number} times" for name, number in Counter(own).items() if number > 1)

    named("VPC", ec2.describe_vpcs()["Vpcs"])
    named("subnet", ec2.describe_subnets()["Subnets"])
    named("route table", ec2.describe_route_tables()["RouteTables"])
    named("internet gateway", ec2.describe_internet_gateways()["InternetGateways"])
    named("NAT gateway", ec2.describe_nat_gateways()["NatGateways"])
    alive = [{"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}]
    named(
        "instance", [one for each in ec2.describe_instances(Filters=alive)["Reservations"] for one in each["Instances"]]
    )
    own = {tag["ResourceId"] for tag in ec2.describe_tags(Filters=[{"Name": "key", "Values": ["Environment"]}])["Tags"]}
    # A VPC has one gateway to the internet and one subnet of a range: AWS refuses a second.
    found += [
        f"internet gateway {one['InternetGatewayId']} without a VPC"
        for one in ec2.describe_internet_gateways()["InternetGateways"]
        if not one["Attachments"]
    ]
    found += [
        f"address {one['PublicIp']} that nothing uses"
        for one in ec2.describe_addresses()["Addresses"]
        if "AssociationId" not in one and "NetworkInterfaceId" not in one
    ]
    found += [
        f"route table {one['RouteTableId']} without a subnet"
        for one in ec2.describe_route_tables()["RouteTables"]
        if one["RouteTableId"] in own and not one["Associations"]
    ]
    return found


def tagged(kind: str, **more: str) -> list[dict[str, Any]]:
    """The tags of a thing of the environment, in the words of a call that makes one."""
    tags = {"Project": "django", "Environment": "production", **more}
    return [{"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}]


def make_small(account: Endpoint) -> dict[str, Any]:
    """What aws_provision.yml makes of the preset small with RDS, as far as playbooks for its later life ask for it; and its settings."""
    ec2, elb, iam, rds = (account.client(one) for one in ("ec2", "elbv2", "iam", "rds"))
    settings = {**prepare(account), "aws_preset": "small", "aws_fleet_zone": "", "database_mode": "rds"}
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16", TagSpecifications=tagged("vpc", Name=NAME))["Vpc"]["VpcId"]
    subnets = {}
    for number, name in ((0, "public-a"), (1, "public-b"), (8, "private-a"), (9, "private-b")):
        made = ec2.create_subnet(
            VpcId=vpc, CidrBlock=f"10.20.{16 * number}.0/20", AvailabilityZone=f"eu-central-1{name[-1]}",
            TagSpecifications=tagged("subnet", Name=f"{NAME}-{name}"),
        )  # fmt: skip
        subnets[name] = made["Subnet"]["SubnetId"]
    groups = {
        name: ec2.create_security_group(
            GroupName=f"{NAME}-{name}", Description=name, VpcId=vpc, TagSpecifications=tagged("security-group")
        )["GroupId"]
        for name in ("balancer", "web", "database", "files")
    }
    account.client("efs").create_file_system(CreationToken=NAME, Encrypted=True, Tags=tagged("", Name=NAME)[0]["Tags"])
    iam.create_role(RoleName=f"{NAME}-web", AssumeRolePolicyDocument="{}")
    iam.create_instance_profile(InstanceProfileName=f"{NAME}-web")
    iam.add_role_to_instance_profile(InstanceProfileName=f"{NAME}-web", RoleName=f"{NAME}-web")
    ec2.import_key_pair(
        KeyName=NAME, PublicKeyMaterial=PUBLIC_KEY.encode(), TagSpecifications=tagged("key-pair")
    )  # fmt: skip
    disk = {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 30, "VolumeType": "gp3", "Encrypted": True}}
    hosts = {
        host: ec2.run_instances(
            ImageId="ami-12c6146b", MinCount=1, MaxCount=1, SubnetId=subnets[f"public-{zone}"], KeyName=NAME,
            SecurityGroupIds=[groups["web"]], InstanceType="t3.small", BlockDeviceMappings=[disk],
            DisableApiTermination=True, IamInstanceProfile={"Name": f"{NAME}-web"},
            TagSpecifications=tagged("instance", Name=host, Role="web", HostKey="ssh-ed25519 AAAA"),
        )["Instances"][0]["InstanceId"]
        for host, zone in (("web1", "a"), ("web2", "b"))
    }  # fmt: skip
    group = elb.create_target_group(Name=f"{NAME}-web", Protocol="HTTP", Port=80, VpcId=vpc)["TargetGroups"][0]
    targets = [{"Id": one, "Port": 80} for one in hosts.values()]
    elb.register_targets(TargetGroupArn=group["TargetGroupArn"], Targets=targets)
    inside = [subnets["private-a"], subnets["private-b"]]
    rds.create_db_subnet_group(DBSubnetGroupName=NAME, DBSubnetGroupDescription=NAME, SubnetIds=inside)
    rds.create_db_instance(
        DBInstanceIdentifier=NAME, DBSubnetGroupName=NAME, DBInstanceClass="db.t4g.small", Engine="postgres", EngineVersion="17.4",
        AllocatedStorage=50, StorageType="gp3", MasterUsername="postgres", MasterUserPassword="long-enough-1",
    )  # fmt: skip
    return settings


def host_instances(account: Endpoint) -> dict[str, dict[str, Any]]:
    """The instances that are not terminated, by name."""
    listed = account.client("ec2").describe_instances()["Reservations"]
    found = [one for each in listed for one in each["Instances"] if one["State"]["Name"] != "terminated"]
    return {tag["Value"]: one for one in found for tag in one["Tags"] if tag["Key"] == "Name"}
