# SPDX-License-Identifier: MIT
"""What AWS would refuse of an environment's settings, or what would hurt, each with what to write instead. No call to AWS."""

from __future__ import annotations

import ipaddress
import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

ENTRANCES = ("elastic_ip", "balancer")
FILES = ("efs", "none")
ACCESS = ("operators", "endpoint", "none")
# Connections that an EC2 Instance Connect Endpoint takes at once, less some for people.
MOST_TUNNELLED = 18
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
# A bucket's name has to hold <name>-releases-<account of 12 digits> in 63 characters, that of a target group <name>-web in 32.
LONGEST_NAME = 28
HOST_GROUPS = ("web", "database", "redis", "backup")
DAY = r"(mon|tue|wed|thu|fri|sat|sun)"
TIME = r"([01]\d|2[0-3]):[0-5]\d"
BACKUP_WINDOW = re.compile(f"{TIME}-{TIME}")
MAINTENANCE_WINDOW = re.compile(f"{DAY}:{TIME}-{DAY}:{TIME}")
# gp3 of RDS for PostgreSQL: below this size AWS gives its baseline alone; from it on both have to be in the same call.
GP3_STRIPED_GB, GP3_IOPS, GP3_THROUGHPUT = 400, 12000, 500
GP3_MOST_IOPS, GP3_MOST_THROUGHPUT, MOST_GB, LEAST_GB = 64000, 4000, 65536, 20
GP3_IOPS_A_GB, GP3_IOPS_A_MB = 500, 4
MOST_DISK_GB, MOST_RETENTION_DAYS = 16384, 35
# What a quota counts, and its service and code in Service Quotas.
QUOTAS = {
    "vcpus": ("vCPUs of standard instances", "ec2", "L-1216C47A"),
    "addresses": ("Elastic IP addresses", "ec2", "L-0263D0A3"),
    "networks": ("VPCs of a region", "vpc", "L-F678F1CE"),
    "balancers": ("Application Load Balancers of a region", "elasticloadbalancing", "L-53DA6B97"),
    "databases": ("instances of RDS", "rds", "L-7B6409FD"),
}
# What nginx, workers and a server of PostgreSQL need at least, by the groups of a host; the system is in them.
LEAST_MEMORY_MB = {"web": 900, "database": 900, "redis": 450, "backup": 450}
LOOPBACK = ("127.0.0.1", "localhost", "::1")
ENDPOINT = re.compile(r"AWS_ENDPOINT_URL(_[A-Z0-9_]+)?|AWS_URL|(EC2|S3|RDS)_URL")


def endpoint_problems(environment: Mapping[str, str], rehearsal: bool, is_a_test: bool) -> list[str]:
    """Why this run may not speak to the AWS that its environment leads to.

    Args:
        environment: of the process, whose ``AWS_ENDPOINT_URL`` decides where calls go.
        rehearsal: whether the inventory is one of a rehearsal.
        is_a_test: whether any other inventory may speak to such an endpoint.
    """
    given = {name: value for name, value in environment.items() if ENDPOINT.fullmatch(name) and value}
    away = sorted(name for name, value in given.items() if urlsplit(value).hostname not in LOOPBACK)
    if rehearsal or is_a_test:
        why = "aws_rehearsal is true" if rehearsal else "aws_endpoint_is_a_test is true"
        if away:
            return [
                f"{why} and {away[0]} is {given[away[0]]}: it has to be of this machine, as in http://127.0.0.1:5000."
            ]
        if not any(name in given for name in ("AWS_ENDPOINT_URL", "AWS_URL")):
            return [
                f"{why} and AWS_ENDPOINT_URL is not set: this run would reach the real AWS. Set it to the rehearsal's."
            ]
        return []
    return [
        f"{name} is set to {value}: this inventory is no rehearsal's, and its calls belong to AWS itself. Unset it, or use the "
        "inventory of the rehearsal."
        for name, value in sorted(given.items())
    ]


def problems(settings: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """All that is wrong with the settings of an environment.

    Args:
        settings: ``name``, ``network``, ``fleet``, ``files``, ``database`` and ``database_mode``, with the options of the roles by
            their short names.
        found: what AWS says (module ``aws_account``). What could not be asked is missing there, and is not checked.
    """
    network, fleet, database = settings["network"], settings["fleet"], settings["database"]
    said = [
        *_name_problems(settings["name"]),
        *_network_problems(network, found),
        *_fleet_problems(fleet, network, found),
    ]
    if settings["files"] not in FILES:
        said.append(f"aws_files is '{settings['files']}': choose {' or '.join(FILES)}.")
    if settings["database_mode"] == "rds":
        said += _database_problems(database, found)
    return [*said, *_quota_problems(settings, found)]


def _name_problems(name: str) -> Iterator[str]:
    if not NAME.fullmatch(name):
        yield (
            f"aws_name is '{name}': write small letters, digits and single hyphens, as in shop-production (aws_project, aws_environment). "
            "An inventory has to have a group env_<environment>."
        )
    elif len(name) > LONGEST_NAME:
        yield f"aws_name '{name}' is longer than {LONGEST_NAME} characters, and names on AWS end: shorten aws_project."


def _network_problems(network: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    try:
        whole = ipaddress.IPv4Network(network["cidr"])
        parts = {one["name"]: ipaddress.IPv4Network(one["cidr"]) for one in network["subnets"]}
    except ValueError as error:
        yield f"aws_network_cidr or a subnet is no network ({error}): write one such as 10.20.0.0/16."
        return
    if not 16 <= whole.prefixlen <= 24 or not whole.is_private:
        yield f"aws_network_cidr is {whole}: give a private network from /16 to /24, as in 10.20.0.0/16."
    for name, part in parts.items():
        if not part.subnet_of(whole):
            yield f"aws_network_subnets: {name} ({part}) lies outside of aws_network_cidr {whole}."
        elif part.prefixlen > 28:
            yield f"aws_network_subnets: {name} ({part}) is too small: AWS makes none below /28."
    for (one, first), (other, second) in itertools.combinations(parts.items(), 2):
        if first.overlaps(second):
            yield f"aws_network_subnets: {one} ({first}) and {other} ({second}) overlap: give each a range of its own."
    for other in found.get("networks") or []:
        if not network["may_overlap"] and whole.overlaps(ipaddress.IPv4Network(other["cidr"])):
            yield (
                f"aws_network_cidr {whole} overlaps with {other['cidr']} of the VPC {other['name']} in this region, so that the two could "
                "never be connected: choose another range, or set aws_network_may_overlap: true."
            )
    kinds = {public: {one["zone"] for one in network["subnets"] if one["public"] is public} for public in (True, False)}
    if any(len(zones) < 2 for zones in kinds.values()):
        yield "aws_network_subnets needs public and private subnets in two zones each: balancers and databases ask for two."
    if found.get("zones"):
        for one in network["subnets"]:
            if one["zone"] not in found["zones"]:
                yield (
                    f"aws_network_subnets: {one['name']} is in {one['zone']}, which this account has not. Choose from "
                    f"{', '.join(found['zones'])}."
                )
    if network["access"] not in ACCESS:
        yield f"aws_network_access is '{network['access']}': choose {', '.join(ACCESS[:-1])} or {ACCESS[-1]}."
    if network["nat"] not in ("none", "one", "per_zone"):
        yield f"aws_network_nat is '{network['nat']}': choose none, one or per_zone."


def _fleet_problems(fleet: Mapping[str, Any], network: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    subnets = {one["name"]: one for one in network["subnets"]}
    types = found.get("instance_types")
    for name, host in fleet["hosts"].items():
        where = f"aws_fleet_hosts.{name}"
        if missing := [key for key in ("groups", "type", "disk_gb", "subnet") if key not in host]:
            yield f"{where} lacks {', '.join(missing)}: write {{groups: [web], type: t3.small, subnet: public-a, disk_gb: 30}}."
            continue
        if not host["groups"] or set(host["groups"]) - set(HOST_GROUPS):
            yield f"{where}.groups is {host['groups']}: choose from {', '.join(HOST_GROUPS)}."
        if host["subnet"] not in subnets:
            yield f"{where}.subnet is '{host['subnet']}': choose from {', '.join(subnets)}."
        elif network["nat"] == "none" and not subnets[host["subnet"]]["public"]:
            yield f"{where} is in {host['subnet']}, from where it reaches no package server: set aws_network_nat: one, or a public subnet."
        if types is not None and host["type"] not in types:
            yield f"{where}.type is '{host['type']}', which is no instance type of this region: write one such as t3.small."
        elif types and fleet["architecture"] not in types[host["type"]]["architectures"]:
            yield (
                f"{where}.type {host['type']} is of {' and '.join(types[host['type']]['architectures'])}, and "
                f"aws_fleet_architecture is {fleet['architecture']}: choose two that fit."
            )
        if types and 0 < (memory := types.get(host["type"], {}).get("memory_mb", 0)) < _least_memory(host):
            yield (
                f"{where}.type {host['type']} has {memory} MiB of memory, and a host of {' and '.join(host['groups'])} needs about "
                f"{_least_memory(host)}: take a larger one."
            )
        if not 8 <= int(host["disk_gb"]) <= MOST_DISK_GB:
            yield f"{where}.disk_gb is {host['disk_gb']}: a root volume of gp3 has from 8 to {MOST_DISK_GB} GiB."
        if (has := (found.get("disks") or {}).get(name, 0)) > int(host["disk_gb"]):
            yield f"{where}.disk_gb is {host['disk_gb']} and the volume has {has} GiB: AWS shrinks none. Write {has} or more."
    yield from _autoscaling_problems(fleet, found)
    if network["access"] == "endpoint" and len(fleet["hosts"]) > MOST_TUNNELLED:
        yield (
            f"aws_network_access is endpoint, which takes 20 connections at once, and aws_fleet_hosts has {len(fleet['hosts'])} hosts: run "
            "the controller in the VPC or over a VPN, and write aws_network_access: operators with its networks in network_operators."
        )
    if fleet["entrance"] not in ENTRANCES:
        yield f"aws_fleet_entrance is '{fleet['entrance']}': choose {' or '.join(ENTRANCES)}."
    if not any("web" in host.get("groups", []) for host in fleet["hosts"].values()):
        yield "aws_fleet_hosts has no host of the group web."
    own_database = any("database" in host.get("groups", []) for host in fleet["hosts"].values())
    if own_database == (fleet["database_mode"] == "rds"):
        yield (
            f"database_mode is {fleet['database_mode']} and aws_fleet_hosts has {'a' if own_database else 'no'} host of the group database."
        )
    if fleet["entrance"] == "balancer" and not fleet["certificate"]:
        yield (
            "aws_fleet_entrance is balancer and aws_fleet_certificate is empty: give the ARN of a certificate of ACM in this region "
            "for the domains of the applications (docs/aws.md)."
        )
    if fleet["entrance"] == "balancer" and (fleet["tls_mode"] != "none" or not fleet["trusted_proxies"]):
        yield (
            "aws_fleet_entrance is balancer, which ends TLS and asks the hosts by HTTP: write nginx_tls_mode: none and "
            "nginx_trusted_proxies: \"{{ aws_network_subnets | selectattr('public') | map(attribute='cidr') }}\"."
        )
    if not fleet["public_key"].startswith(("ssh-ed25519 ", "ssh-rsa ", "ecdsa-sha2-")):
        yield (
            "aws_fleet_public_key has to be the public SSH key by which the controller reaches the hosts: write "
            "\"{{ lookup('ansible.builtin.file', '~/.ssh/id_ed25519.pub') }}\"."
        )
    if (
        fleet["zone"]
        and found.get("hosted_zones") is not None
        and fleet["zone"].rstrip(".") not in found["hosted_zones"]
    ):
        yield f"aws_fleet_zone is '{fleet['zone']}', which is no public hosted zone of this account: make it there, or leave it empty."


def _autoscaling_problems(fleet: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    """What instances that nobody configures start from."""
    group, types = fleet.get("autoscaling"), found.get("instance_types")
    if not group:
        return
    bake = "run site.yml, which prepares the web hosts for it, then playbooks/aws_image.yml, and write the id that it says: aws_fleet_image"
    if not fleet["image"]:
        yield f"aws_web_autoscaling needs an image that its instances start from: {bake}."
    elif "image" in found and found["image"].get("Follows") != "bucket":
        known = "is no image of this account" if not found["image"] else "was baked before its host was prepared for it"
        yield f"aws_fleet_image is {fleet['image']}, which {known}, and instances of aws_web_autoscaling could not serve: {bake}."
    if types is not None and group["type"] not in types:
        yield (
            f"aws_web_autoscaling: its instances are {group['type']}, which is no type of this region: set "
            "aws_sizes: {web: {type: t3.small}}."
        )
    elif types and fleet["architecture"] not in types[group["type"]]["architectures"]:
        yield (
            f"aws_web_autoscaling: its instances are {group['type']} of {' and '.join(types[group['type']]['architectures'])}, and "
            f"aws_fleet_architecture is {fleet['architecture']}: choose two that fit."
        )


def _least_memory(host: Mapping[str, Any]) -> int:
    return sum(LEAST_MEMORY_MB.get(group, 0) for group in host["groups"])


def _database_problems(database: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    storage, iops, throughput = (int(database[key] or 0) for key in ("storage_gb", "iops", "throughput"))
    has = found.get("database") or {}
    versions, classes = found.get("engine_versions"), found.get("database_classes")
    version = str(database["engine_version"])
    if versions and not any(one == version or one.startswith(f"{version}.") for one in versions):
        yield f"aws_database_engine_version is '{version}': choose from {', '.join(sorted({v.partition('.')[0] for v in versions}))}."
    if not re.fullmatch(r"1[4-9](\.\d+)?", version):
        yield f"aws_database_engine_version is '{version}': write the major version of PostgreSQL as a string, as in \"17\"."
    if classes and database["class"] not in classes:
        yield f"aws_database_class is '{database['class']}', which is no class for this version and region: write one such as db.t4g.small."
    elif not re.fullmatch(r"db\.[a-z0-9-]+\.[a-z0-9]+", database["class"]):
        yield f"aws_database_class is '{database['class']}': write one such as db.t4g.small."
    if not LEAST_GB <= storage <= MOST_GB:
        yield f"aws_database_storage_gb is {storage}: gp3 has from {LEAST_GB} to {MOST_GB} GiB."
    if has and has["storage_gb"] > storage:
        yield (
            f"aws_database_storage_gb is {storage} and the instance has {has['storage_gb']} GiB: RDS shrinks no storage. Write "
            f"{has['storage_gb']} or more, or move to a smaller instance (docs/database-move.md)."
        )
    least = -(-has["storage_gb"] * 11 // 10) if has else 0
    if has and has["storage_gb"] < storage < least:
        yield (
            f"aws_database_storage_gb is {storage} and the instance has {has['storage_gb']} GiB: RDS grows it by at least a tenth, and "
            f"would make {least} of it. Write {least} or more."
        )
    if has and int(version.partition(".")[0]) < int(has["engine_version"].partition(".")[0]):
        yield f"aws_database_engine_version is '{version}' and the instance has {has['engine_version']}: no version goes back."
    yield from _gp3_problems(storage, iops, throughput)
    if database["public"]:
        yield "aws_database_public is true: a database is never reached from outside its network. Leave it out; a bastion leads there."
    if not 1 <= int(database["retention_days"]) <= MOST_RETENTION_DAYS:
        yield f"aws_database_retention_days is {database['retention_days']}: give 1 to {MOST_RETENTION_DAYS}."
    if not BACKUP_WINDOW.fullmatch(database["backup_window"]):
        yield f"aws_database_backup_window is '{database['backup_window']}': write it in UTC, as in 02:00-03:00."
    if not MAINTENANCE_WINDOW.fullmatch(database["maintenance_window"]):
        yield f"aws_database_maintenance_window is '{database['maintenance_window']}': write it in UTC, as in sun:03:30-sun:04:30."
    elif BACKUP_WINDOW.fullmatch(database["backup_window"]) and _windows_overlap(database):
        yield "aws_database_backup_window and aws_database_maintenance_window overlap, which RDS refuses: move one of them."
    known = found.get("parameters")
    for name in database["parameters"]:
        if known and name not in known:
            near = [one for one in known if one.startswith(name[:5])][:3]
            said = f": near are {', '.join(near)}" if near else ""
            yield f"aws_database_parameters has {name}, which PostgreSQL {version} on RDS does not know{said}."
    for name, value in {"rds.force_ssl": "1", "rds.logical_replication": "1"}.items():
        if name in database["parameters"] and str(database["parameters"][name]) != value:
            yield f"aws_database_parameters sets {name} to {database['parameters'][name]}: {value} is needed. Leave it out."


def _gp3_problems(storage: int, iops: int, throughput: int) -> Iterator[str]:
    if storage < GP3_STRIPED_GB:
        if iops or throughput:
            yield (
                f"aws_database_iops or aws_database_throughput is set and aws_database_storage_gb is {storage}: "
                f"below {GP3_STRIPED_GB} GiB gp3 has 3000 IOPS and 125 MiB/s, and takes no others. Leave both out."
            )
        return
    if (iops or throughput) and (iops < GP3_IOPS or throughput < GP3_THROUGHPUT):
        yield (
            f"aws_database_iops is {iops} and aws_database_throughput {throughput}: gp3 from {GP3_STRIPED_GB} GiB on "
            f"takes at least {GP3_IOPS} IOPS and {GP3_THROUGHPUT} MiB/s, both together. Write these, or leave both out."
        )
    if iops > min(GP3_MOST_IOPS, storage * GP3_IOPS_A_GB):
        yield f"aws_database_iops is {iops}: gp3 of {storage} GiB has at most {min(GP3_MOST_IOPS, storage * GP3_IOPS_A_GB)}."
    if throughput > min(GP3_MOST_THROUGHPUT, (iops or GP3_IOPS) // GP3_IOPS_A_MB):
        yield (
            f"aws_database_throughput is {throughput} MiB/s: gp3 gives at most {GP3_MOST_THROUGHPUT}, and 1 for {GP3_IOPS_A_MB} IOPS. "
            f"Give at least {throughput * GP3_IOPS_A_MB} IOPS."
        )


def _windows_overlap(database: Mapping[str, Any]) -> bool:
    """Whether the daily window of backups meets the weekly one of maintenance; both in minutes of a week."""
    days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    week = 7 * 24 * 60

    def minutes(text: str) -> int:
        hour, minute = text.split(":")
        return int(hour) * 60 + int(minute)

    first, last = database["maintenance_window"].split("-")
    begin = days.index(first[:3]) * 24 * 60 + minutes(first[4:])
    end = days.index(last[:3]) * 24 * 60 + minutes(last[4:])
    busy = {minute % week for minute in range(begin, end if end > begin else end + week)}
    begin, end = map(minutes, database["backup_window"].split("-"))
    daily = range(begin, end if end > begin else end + 24 * 60)
    return any((day * 24 * 60 + minute) % week in busy for day in range(7) for minute in daily)


def _quota_problems(settings: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    """What the account has left is enough for what is not there yet. Quotas that could not be asked are missing."""
    types, quotas, used = found.get("instance_types") or {}, found.get("quotas") or {}, found.get("used") or {}
    hosts = settings["fleet"]["hosts"]
    missing = [
        host for name, host in hosts.items() if name not in (found.get("disks") or {}) and host.get("type") in types
    ]
    # What is there and gets a larger type needs the difference.
    has = found.get("vcpus") or {}
    more = sum(
        max(0, types[host["type"]]["vcpus"] - has[name])
        for name, host in hosts.items()
        if name in has and host.get("type") in types
    )
    group = settings["fleet"].get("autoscaling") or {}
    if group.get("type") in types:
        more += max(0, types[group["type"]]["vcpus"] * group["most"] - found.get("autoscaled_vcpus", 0))
    network_is_there = found.get("network_is_there")
    wanted = {
        "vcpus": sum(types[host["type"]]["vcpus"] for host in missing) + more,
        "addresses": 0 if network_is_there else _addresses(settings),
        "networks": 0 if network_is_there else 1,
        "balancers": 1 if settings["fleet"]["entrance"] == "balancer" and not network_is_there else 0,
        "databases": 1 if settings["database_mode"] == "rds" and not found.get("database") else 0,
    }
    for name, number in wanted.items():
        words, service, code = QUOTAS[name]
        if name in quotas and number and (needed := used.get(name, 0) + number) > quotas[name]:
            yield (
                f"The account may have {quotas[name]:g} {words}, uses {used.get(name, 0)}, and this environment needs {number} more: "
                "take fewer or smaller ones, or ask for more: aws service-quotas request-service-quota-increase "
                f"--service-code {service} --quota-code {code} --desired-value {needed}"
            )


def _addresses(settings: Mapping[str, Any]) -> int:
    gateways = {"none": 0, "one": 1, "per_zone": len({one["zone"] for one in settings["network"]["subnets"]})}
    return gateways.get(settings["network"]["nat"], 0) + (settings["fleet"]["entrance"] == "elastic_ip")
