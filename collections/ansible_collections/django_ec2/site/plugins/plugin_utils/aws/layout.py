# SPDX-License-Identifier: MIT
"""What an environment on AWS consists of, from its settings: hosts, subnets, security groups, buckets, alarms. No call to AWS."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils.network_flows import (
    ALL,
    BALANCER,
    EVERYWHERE,
    OPERATORS,
    WORLD,
    is_network,
    resolve_flows,
)

ENVIRONMENT_GROUP = "env_"
# A VPC of /16 becomes subnets of /20: public ones from its beginning, private ones from its middle.
SUBNET_BITS = 4
HTTP, HTTPS = 80, 443
# The security group of an EC2 Instance Connect Endpoint, and the access by which there is one.
ENDPOINT = "endpoint"


def environment(groups: Mapping[str, Any]) -> str:
    """The name of the environment that an inventory describes, from its groups ``env_<name>``; empty where it has none.

    Of several, as in a lab of a kind of its own, the most special one: ``env_lab_aws`` is ``lab-aws``.
    """
    names = sorted(name for name in groups if name.startswith(ENVIRONMENT_GROUP))
    return names[-1].removeprefix(ENVIRONMENT_GROUP).replace("_", "-") if names else ""


def subnets(cidr: str, zones: Sequence[str]) -> list[dict[str, Any]]:
    """A public and a private subnet for each zone.

    Raises:
        ValueError: the network is none, or too small to be divided.
    """
    parts = list(ipaddress.IPv4Network(cidr).subnets(prefixlen_diff=SUBNET_BITS))
    half = len(parts) // 2
    return [
        {"name": f"{kind}-{zone[-1]}", "cidr": str(parts[first + number]), "zone": zone, "public": kind == "public"}
        for kind, first in (("public", 0), ("private", half))
        for number, zone in enumerate(zones)
    ]


def hosts(preset: Mapping[str, Any], database_mode: str, web: int | None = None) -> dict[str, dict[str, Any]]:
    """The hosts of a preset by name, spread over the zones.

    Args:
        preset: one of ``aws_presets``.
        database_mode: with ``rds`` no host has the database.
        web: how many web hosts, where it is not the preset's number.
    """
    kind = "public" if preset["nat"] == "none" else "private"
    own_database = database_mode == "self_hosted" and preset["database"]["count"] > 0
    found = {}
    for group, prefix in (("web", "web"), ("database", "db")):
        if group == "database" and not own_database:
            continue
        given = preset[group]
        for number in range(int(web) if group == "web" and web is not None else given["count"]):
            groups = [group]
            if group == "web" and number == 0 and database_mode == "self_hosted" and not own_database:
                groups.append("database")
            found[f"{prefix}{number + 1}"] = {
                "groups": groups,
                "type": given["type"],
                "disk_gb": given["disk_gb"],
                "subnet": f"{kind}-{'ab'[number % 2]}",
            }
    return found


def host_groups(hosts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The groups that have hosts, each once."""
    return sorted({group for host in hosts.values() for group in host["groups"]})


def hosts_of_groups(hosts: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """The names of the hosts of each group."""
    return {
        group: sorted(name for name, host in hosts.items() if group in host["groups"]) for group in host_groups(hosts)
    }


def security_groups(
    flows: Iterable[Mapping[str, Any]],
    hosts: Mapping[str, Mapping[str, Any]],
    database_mode: str,
    entrance: str,
    operators: Sequence[str],
    files: str = "none",
    access: str = "operators",
) -> list[dict[str, Any]]:
    """A security group for each group of hosts, the balancer, the database and the file system, with what ``network_flows`` lets in.

    Args:
        flows: the variable ``network_flows``.
        hosts: by name, with ``groups``.
        database_mode: with ``rds`` the group ``database`` is that of the instance of RDS.
        entrance: with ``balancer``, the world reaches the balancer, and it alone the web hosts by HTTP.
        operators: their networks. Where they are the whole world, nobody comes by SSH: no security group opens it to everybody.
        files: with ``efs`` the group ``files`` is that of the mount targets of EFS.
        access: with ``endpoint`` the group ``endpoint`` is that of an EC2 Instance Connect Endpoint, from which alone SSH is let in; with
            ``none`` it is from nowhere.

    Returns:
        Each with ``name``, ``description`` and ``rules``: mappings of ``proto``, ``port``, and ``network`` or ``group``.
    """
    members = host_groups(hosts)
    services = {"database": database_mode == "rds", "files": files == "efs"}
    names = [*members, *(name for name, is_one in services.items() if is_one and name not in members)]
    rules: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    if entrance == "balancer":
        rules = {
            "balancer": [
                {"proto": "tcp", "port": port, "network": network} for port in (HTTP, HTTPS) for network in EVERYWHERE
            ],
            **rules,
        }
    if access == ENDPOINT:
        rules[ENDPOINT] = []
    for flow in resolve_flows(flows, names):
        for target in names if flow["to"] == ALL else [flow["to"]]:
            # Nobody logs into a service of AWS, and it asks nobody.
            is_service = target not in members
            if is_service and flow["to"] == ALL:
                continue
            sources = [source for source in flow["from"] if not is_service or source in members]
            for source in _sources(sources, entrance, operators if access == OPERATORS else (), target):
                rules[target] += [{"proto": flow["protocol"], "port": port, **source} for port in flow["ports"]]
            if access == ENDPOINT and OPERATORS in sources:
                rules[target] += [
                    {"proto": flow["protocol"], "port": port, "group": ENDPOINT} for port in flow["ports"]
                ]
    return [{"name": name, "description": f"What may reach {name}", "rules": _once(own)} for name, own in rules.items()]


def _sources(sources: Iterable[str], entrance: str, operators: Sequence[str], target: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for source in sources:
        if source == OPERATORS:
            found += [{"network": one} for one in operators if one not in EVERYWHERE]
        elif source in (WORLD, BALANCER) and entrance == "balancer" and target == "web":
            found.append({"group": "balancer"})
        elif source == WORLD:
            found += [{"network": one} for one in EVERYWHERE]
        elif is_network(source):
            found.append({"network": source})
        elif source != BALANCER:
            found.append({"group": source})
    return found


def _once(rules: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each rule once, in an order that does not change."""
    return [
        dict(one) for one in sorted({tuple(sorted(rule.items(), key=lambda item: item[0])) for rule in rules}, key=str)
    ]


def module_rules(rules: Iterable[Mapping[str, Any]], group_ids: Mapping[str, str]) -> list[dict[str, Any]]:
    """Rules of a security group in the words of ``amazon.aws.ec2_security_group``.

    Args:
        rules: as ``security_groups`` gives them.
        group_ids: by name. In check mode one that does not exist yet is none; its rules are left out.
    """
    found = []
    for rule in rules:
        own = {"proto": rule["proto"], "from_port": rule["port"], "to_port": rule["port"]}
        if "group" in rule:
            if rule["group"] in group_ids:
                found.append({**own, "group_id": group_ids[rule["group"]]})
        else:
            found.append({**own, ("cidr_ipv6" if ":" in rule["network"] else "cidr_ip"): rule["network"]})
    return found


def profile(host: Mapping[str, Any]) -> str:
    """The name of a host's instance profile, without the environment's: its groups."""
    return "-".join(sorted(host["groups"]))


def profiles(hosts: Mapping[str, Mapping[str, Any]]) -> dict[str, list[str]]:
    """The instance profiles by name, each with its groups."""
    return {profile(host): sorted(host["groups"]) for host in hosts.values()}


def targets(instances: Iterable[str], port: int) -> list[dict[str, Any]]:
    """Instances as the targets of a target group."""
    return [{"Id": instance, "Port": port} for instance in instances]


def alarms(
    name: str, instances: Mapping[str, str], balancer: str, target_group: str, database: str
) -> list[dict[str, Any]]:
    """What somebody has to be told of, in the words of ``amazon.aws.cloudwatch_metric_alarm``.

    Args:
        name: of the environment.
        instances: their ids by host.
        balancer: what stands behind ``loadbalancer/`` in the ARN; empty without one.
        target_group: the last part of its ARN.
        database: the identifier of the instance of RDS; empty without one.
    """
    found = [
        _alarm(f"{name}-{host}-status", "AWS/EC2", "StatusCheckFailed", {"InstanceId": instance}, "Maximum", 1)
        for host, instance in sorted(instances.items())
    ]
    if balancer:
        own = {"LoadBalancer": balancer}
        both = {**own, "TargetGroup": target_group}
        found += [
            _alarm(f"{name}-unhealthy-hosts", "AWS/ApplicationELB", "UnHealthyHostCount", both, "Maximum", 1),
            _alarm(f"{name}-5xx", "AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", own, "Sum", 10),
        ]
    if database:
        own = {"DBInstanceIdentifier": database}
        space = _alarm(f"{name}-database-space", "AWS/RDS", "FreeStorageSpace", own, "Minimum", 5 * 1024**3)
        space["comparison"] = "LessThanOrEqualToThreshold"
        found += [space, _alarm(f"{name}-database-cpu", "AWS/RDS", "CPUUtilization", own, "Average", 90)]
    return found


def _alarm(
    name: str, namespace: str, metric: str, dimensions: dict[str, str], statistic: str, threshold: float
) -> dict[str, Any]:
    return {
        "name": name,
        "namespace": namespace,
        "metric": metric,
        "dimensions": dimensions,
        "statistic": statistic,
        "threshold": float(threshold),
        "comparison": "GreaterThanOrEqualToThreshold",
    }
