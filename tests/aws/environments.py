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
