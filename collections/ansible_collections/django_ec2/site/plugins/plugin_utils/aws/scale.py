# SPDX-License-Identifier: MIT
"""Which hosts an environment on AWS gets and loses, from the hosts that its settings name and the instances that there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def scale_plan(
    instances: Sequence[Mapping[str, Any]],
    hosts: Mapping[str, Mapping[str, Any]],
    entrance: str,
    wanted: int,
    environment: str,
) -> dict[str, Any]:
    """What has to come and go.

    Args:
        instances: those of the environment, as ``ec2_instance_info`` lists them, without those that were terminated.
        hosts: the variable ``aws_fleet_hosts``.
        entrance: how visitors come in.
        wanted: the number of web hosts that the operator named; 0 is that of the settings.
        environment: its name, for messages.

    Returns:
        ``joining``, the settings of each host by its name; ``leaving``, the id of each instance by its name; ``lines`` that say it;
        ``problems``.
    """
    there = {one["tags"]["Name"]: one for one in instances if "Name" in (one.get("tags") or {})}
    web = sorted(name for name, host in hosts.items() if "web" in host["groups"])
    # One without the key of its SSH server is of a run that was cut: what is left to do for it is done by what starts a host.
    joining = {
        name: host for name, host in hosts.items() if name not in there or not there[name]["tags"].get("HostKey")
    }
    leaving = {
        name: one["instance_id"]
        for name, one in sorted(there.items())
        # Whatever has data of its own is taken away by a person.
        if name not in hosts and _role(one) == ["web"]
    }
    problems = []
    if wanted and wanted != len(web):
        problems.append(
            f"web is {wanted}, and the inventory asks for {len(web)} ({', '.join(web)}). Write aws_web_count: {wanted} into "
            f"group_vars/env_{environment.replace('-', '_')}/, or list the hosts in aws_fleet_hosts: the next run of "
            "aws_provision.yml goes by that, too. Then run this again."
        )
    if entrance != "balancer" and len(web) > 1:
        problems.append(
            f"aws_fleet_entrance is {entrance}, which leads to {web[0]} alone: write aws_fleet_entrance: balancer, and run "
            "aws_provision.yml, before there are more web hosts."
        )
    known = [_role(one) for one in there.values()]
    if strange := [name for name, host in joining.items() if sorted(host["groups"]) not in known]:
        problems.append(
            f"{', '.join(strange)}: no host with the same groups is there yet, so that rights and security groups may be missing, too. "
            "Run playbooks/aws_provision.yml, which makes all of it, and site.yml."
        )
    lines = [f"{name} is started, configured, and put into the balancer when it serves" for name in joining]
    lines += [f"{name} ({one}) leaves the balancer, and is terminated" for name, one in leaving.items()]
    return {"joining": joining, "leaving": leaving, "lines": lines, "problems": problems}


def database_resize(
    instances: Sequence[Mapping[str, Any]], name: str, size: str, storage_gb: int, iops: int, throughput: int
) -> dict[str, Any]:
    """What changes of an instance of RDS.

    Args:
        instances: what ``rds_instance_info`` found under its name.
        name: its identifier.
        size: the class that the settings ask for.
        storage_gb: their GiB.
        iops: their IOPS; 0 leaves what it has.
        throughput: their MiB/s; 0 leaves what it has.

    Returns:
        ``lines`` that say it, none where nothing changes; ``problem``, why RDS would not do it now.
    """
    if not instances:
        return {
            "lines": [],
            "problem": f"RDS has no instance {name}: playbooks/aws_provision.yml makes what is missing.",
        }
    (found,) = instances
    pairs = [
        ("class", "db_instance_class", size, ""),
        ("storage", "allocated_storage", storage_gb, " GiB"),
        ("IOPS", "iops", iops, ""),
        ("throughput", "storage_throughput", throughput, " MiB/s"),
    ]
    changes = [(what, key, to, unit) for what, key, to, unit in pairs if to and to != found.get(key)]
    state, pending = found["db_instance_status"], found.get("pending_modified_values") or {}
    problem = ""
    if changes and state != "available":
        problem = (
            f"{name} is {state}: RDS changes an instance that is available. Wait, or start it, and run this again."
        )
    elif waiting := [what for what, key, to, _unit in changes if pending.get(key) == to]:
        problem = (
            f"{' and '.join(waiting)} of {name} wait for its maintenance window, as an earlier run asked for. To change it now: "
            f"aws rds modify-db-instance --db-instance-identifier {name} --apply-immediately"
        )
    lines = [f"{name}: {what} {found.get(key, '?')} becomes {to}{unit}" for what, key, to, unit in changes]
    if size != found["db_instance_class"]:
        lines.append(
            f"{name} restarts for its new class: requests fail "
            + ("for the time of a failover, about a minute." if found.get("multi_az") else "for some minutes.")
        )
    return {"lines": lines, "problem": problem}


def _role(instance: Mapping[str, Any]) -> list[str]:
    """The groups of an instance."""
    return sorted(str((instance.get("tags") or {}).get("Role", "")).split())
