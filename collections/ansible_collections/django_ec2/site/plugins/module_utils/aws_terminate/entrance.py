# SPDX-License-Identifier: MIT
"""The way in for visitors: records, alarms, balancers, target groups."""

from __future__ import annotations

from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.aws_terminate.hosts import find_instances
from ansible_collections.django_ec2.site.plugins.module_utils.aws_terminate.scope import Scope, Step, Thing

# AWS writes this before the name of a balancer in a record.
DUAL = "dualstack."
MOST_ALARMS = 100


def _plain(name: str) -> str:
    return name.lower().rstrip(".").removeprefix(DUAL)


def _balancers(scope: Scope) -> list[dict[str, Any]]:
    listed = list(scope.pages("elbv2", "describe_load_balancers", "LoadBalancers"))
    return [one for one in listed if _owns_arn(scope, one["LoadBalancerArn"])]


def _owns_arn(scope: Scope, arn: str) -> bool:
    described = scope.client("elbv2").describe_tags(ResourceArns=[arn])["TagDescriptions"]
    return bool(described) and scope.owns(described[0]["Tags"])


def _record_sets(scope: Scope) -> tuple[str, list[dict[str, Any]]]:
    """The zone, and those of its records that lead to this environment: one that was led elsewhere since is somebody's."""
    zones = scope.pages("route53", "list_hosted_zones", "HostedZones")
    zone = next((one["Id"] for one in zones if _plain(one["Name"]) == _plain(scope.zone)), "")
    if not scope.zone or not zone:
        return "", []
    addresses = scope.client("ec2").describe_addresses(Filters=scope.filters())["Addresses"]
    own = {one["PublicIp"] for one in addresses} | {_plain(one["DNSName"]) for one in _balancers(scope)}
    found = []
    for one in scope.pages("route53", "list_resource_record_sets", "ResourceRecordSets", HostedZoneId=zone):
        values = {_plain(record["Value"]) for record in one.get("ResourceRecords", [])}
        values |= {_plain(one["AliasTarget"]["DNSName"])} if "AliasTarget" in one else set()
        if _plain(one["Name"]) in {_plain(domain) for domain in scope.domains} and values & own:
            found.append(one)
    return zone, found


def find_records(scope: Scope) -> list[Thing]:
    """Records of the domains that lead here."""
    return [Thing("record", _plain(one["Name"]), _plain(one["Name"])) for one in _record_sets(scope)[1]]


def remove_records(scope: Scope, things: list[Thing]) -> None:
    """One that stayed would lead visitors to whoever gets the address next."""
    zone, found = _record_sets(scope)
    changes = [{"Action": "DELETE", "ResourceRecordSet": one} for one in found]
    if things and changes:
        scope.client("route53").change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})


def find_alarms(scope: Scope) -> list[Thing]:
    """Alarms of its hosts, balancer and database: another environment's name may begin as this one's."""
    watched = {one.id for one in find_instances(scope)} | {scope.name}
    watched |= {one["LoadBalancerArn"].partition("loadbalancer/")[2] for one in _balancers(scope)}
    listed = scope.pages("cloudwatch", "describe_alarms", "MetricAlarms", AlarmNamePrefix=f"{scope.name}-")
    return [
        Thing("alarm", one["AlarmName"], one["AlarmName"])
        for one in listed
        if {dimension["Value"] for dimension in one["Dimensions"]} & watched
    ]


def remove_alarms(scope: Scope, things: list[Thing]) -> None:
    """Nobody is to be told that a host is away."""
    for first in range(0, len(things), MOST_ALARMS):
        names = [one.name for one in things[first : first + MOST_ALARMS]]
        scope.client("cloudwatch").delete_alarms(AlarmNames=names)


def find_balancers(scope: Scope) -> list[Thing]:
    """Application Load Balancers."""
    return [Thing("balancer", one["LoadBalancerArn"], one["LoadBalancerName"]) for one in _balancers(scope)]


def remove_balancers(scope: Scope, things: list[Thing]) -> None:
    """Protected ones, too: the operator has repeated the name."""
    client, arns = scope.client("elbv2"), [one.id for one in things]
    for arn in arns:
        client.modify_load_balancer_attributes(
            LoadBalancerArn=arn, Attributes=[{"Key": "deletion_protection.enabled", "Value": "false"}]
        )
        client.delete_load_balancer(LoadBalancerArn=arn)
    scope.wait("elbv2", "load_balancers_deleted", LoadBalancerArns=arns)


def find_target_groups(scope: Scope) -> list[Thing]:
    """What balancers forward to."""
    listed = list(scope.pages("elbv2", "describe_target_groups", "TargetGroups"))
    return [
        Thing("target group", one["TargetGroupArn"], one["TargetGroupName"])
        for one in listed
        if _owns_arn(scope, one["TargetGroupArn"])
    ]


def remove_target_groups(scope: Scope, things: list[Thing]) -> None:
    """After the balancer, whose listeners use them."""
    for one in things:
        scope.client("elbv2").delete_target_group(TargetGroupArn=one.id)


STEPS = (
    Step(find_records, remove_records),
    Step(find_alarms, remove_alarms),
    Step(find_balancers, remove_balancers),
    Step(find_target_groups, remove_target_groups),
)
