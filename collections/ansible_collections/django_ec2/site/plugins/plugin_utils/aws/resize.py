# SPDX-License-Identifier: MIT
"""Which hosts of an environment on AWS get another instance type or a larger volume, and what their visitors see of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

# On an instance from before it is stopped until it serves again, so that a run that was cut is gone on with.
MARK = "Resizing"


def resize_plan(
    instances: Sequence[Mapping[str, Any]],
    disks: Mapping[str, int],
    hosts: Mapping[str, Mapping[str, Any]],
    architecture: str,
    only: str,
) -> dict[str, Any]:
    """What has to be changed.

    Args:
        instances: those of the environment, as ``ec2_instance_info`` lists them, without those that were terminated.
        disks: GiB of each volume by its id.
        hosts: the variable ``aws_fleet_hosts``.
        architecture: of the image of new hosts, which the types of the settings fit to.
        only: the one host that the operator named; empty is all.

    Returns:
        ``hosts``, by name, each with ``instance``, ``type``, ``volume``, ``zone``, ``disk_gb``, ``changes`` (whether there is something to
        change), ``begun`` (whether a run that was cut has begun it), ``owed`` (whether that left it stopped) and ``lines``;
        ``lines`` of all; ``problems``.
    """
    there = {one["tags"]["Name"]: one for one in instances if "Name" in (one.get("tags") or {})}
    if only and (only not in hosts or only not in there):
        known = ", ".join(name for name in hosts if name in there) or "none: playbooks/aws_provision.yml makes them"
        return {
            "hosts": {},
            "lines": [],
            "problems": [f"host is {only}, which is no host of the environment: choose from {known}."],
        }
    found, problems = {}, []
    for name, wanted in hosts.items():
        if name not in there or (only and name != only):
            continue
        one = there[name]
        volume = _root(one)
        has, state = disks.get(volume, 0), one["state"]["name"]
        marked = MARK in one["tags"]
        lines = []
        if wanted["type"] != one["instance_type"]:
            lines.append(f"{name}: {one['instance_type']} becomes {wanted['type']}")
        if has and int(wanted["disk_gb"]) > has:
            lines.append(f"{name}: its disk of {has} GiB becomes {wanted['disk_gb']} GiB")
        if not lines and not marked:
            continue
        if one.get("architecture", architecture) != architecture:
            problems.append(
                f"{name} runs an image of {one['architecture']}, and {wanted['type']} is of {architecture}: no instance changes its "
                "architecture. Give it another name in aws_fleet_hosts, and make new hosts (docs/aws.md)."
            )
        if state != "running" and not marked:
            problems.append(f"{name} is {state}: start it first (aws_power.yml -e power=running -e host={name}).")
        found[name] = {
            "instance": one["instance_id"],
            "type": wanted["type"],
            "volume": volume,
            "zone": one["placement"]["availability_zone"],
            "disk_gb": max(has, int(wanted["disk_gb"])),
            "changes": bool(lines),
            "begun": marked,
            "owed": marked and state != "running",
            "lines": lines or [f"{name}: it is in its new size, and goes back to its visitors"],
        }
    return {"hosts": found, "lines": [line for one in found.values() for line in one["lines"]], "problems": problems}


def _root(instance: Mapping[str, Any]) -> str:
    """The id of the root volume; empty where it can't be told from others."""
    devices = instance.get("block_device_mappings") or []
    root = [one for one in devices if one["device_name"] == instance.get("root_device_name")] or devices
    return str(root[0]["ebs"]["volume_id"]) if len(root) == 1 else ""


def resize_outage(
    name: str, groups: Sequence[str], balanced: bool, web_hosts: int, primary: bool, database_hosts: int
) -> str:
    """What visitors see while a host is stopped; empty where they see nothing.

    Args:
        name: of the host.
        groups: that it is in.
        balanced: whether it leaves the balancer first.
        web_hosts: how many there are.
        primary: whether its PostgreSQL takes writes.
        database_hosts: how many there are.
    """
    if primary:
        way = (
            "Or let another host take over first: playbooks/database_promote.yml -e to=…, and then run this again."
            if database_hosts > 1
            else "A second database host would take over meanwhile (docs/replication.md)."
        )
        return f"{name} has the primary: every request that asks the database fails while it is stopped, some minutes. {way}"
    if "web" in groups and not (balanced and web_hosts > 1):
        what = "the only web host" if web_hosts == 1 else "not behind a balancer"
        return f"{name} is {what}: its visitors get no answer while it is stopped, some minutes."
    if "redis" in groups:
        return f"{name} has Redis: what asks it fails while it is stopped, some minutes."
    return ""


def resize_order(names: Sequence[str], primary: str, hosts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The hosts in the order in which they are resized.

    Args:
        names: of the hosts.
        primary: the host whose PostgreSQL takes writes, which is the last one.
        hosts: the plan's ``hosts``. What a run that was cut has begun comes first: until it is back, no other one can leave the balancer.
    """
    return sorted(names, key=lambda name: (not hosts[name]["begun"], name == primary, name))


def resize_memory_problem(name: str, primary_or_standby: bool, memory_mb: int, wanted: str, wanted_mb: int) -> str:
    """Why a database host can't get so small at once; empty where it can.

    Args:
        name: of the host.
        primary_or_standby: whether it has PostgreSQL.
        memory_mb: what it has.
        wanted: the type that it is to get.
        wanted_mb: its memory; 0 where AWS did not say.
    """
    if primary_or_standby and wanted_mb and wanted_mb * 2 < memory_mb * 0.9:
        return (
            f"{name} has {memory_mb} MiB of memory and {wanted} has {wanted_mb}: PostgreSQL keeps buffers for the present size, and would "
            f"not start with less than half of it. Go in two steps, or write postgres_memory_mb: {wanted_mb} and run site.yml first."
        )
    return ""
