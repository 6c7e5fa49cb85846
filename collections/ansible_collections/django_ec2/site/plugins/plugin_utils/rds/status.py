# SPDX-License-Identifier: MIT
"""The status of an instance of RDS, in the words and the form of the self-hosted one (backups/status.py). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.rds_state import kin
from ansible_collections.django_ec2.site.plugins.plugin_utils.backups.judgement import ago, moment

# RDS ships the log every five minutes.
LATEST_SECONDS = 900
# It works, and something is being done with it.
SERVING = (
    "available", "backing-up", "configuring-enhanced-monitoring", "configuring-iam-database-auth", "configuring-log-exports",
    "modifying", "storage-optimization", "storage-config-upgrade", "upgrading",
)  # fmt: skip


def status(state: Mapping[str, Any], now: float, hours: float, multi_az: bool) -> dict[str, Any]:
    """``lines`` to print, ``problems`` that end the run with an error, and ``data`` for a workflow.

    Args:
        state: what the module ``rds_state`` returned, with snapshots, window and maintenance.
        now: the time.
        hours: age from which on the newest backup is late.
        multi_az: whether there is to be a standby.
    """
    name = state["name"]
    live = state["instances"].get(name)
    problems = [f"{name}: {one}" for one in (_problems(state, live, now, hours, multi_az) if live else _gone(state))]
    automated = _automated(state, live) if live else []
    newest = automated[-1] if automated else None
    window = state["window"]
    return {
        "lines": list(_lines(state, live, newest, now)) if live else [],
        "problems": problems,
        "data": {
            "primary": name if live else "",
            "newest_backup": newest,
            "back_to": moment(window["earliest"]) if window["earliest"] else None,
            "archive_waiting": None,
            "archived_at": moment(window["latest"]) if window["latest"] else None,
            "replicas": [
                {"name": one, "state": state["instances"].get(one, {}).get("replication", "")}
                for one in (live["replicas"] if live else [])
            ],
            "drill": None,
            "problems": problems,
        },
    }


def _automated(state: Mapping[str, Any], live: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Those of the instance itself: one that had its name before it was restored has others."""
    return [
        one
        for one in state["snapshots"]
        if one["type"] == "automated" and one["status"] == "available" and one["resource"] in ("", live["resource"])
    ]


def _gone(state: Mapping[str, Any]) -> Iterator[str]:
    beside = kin(state["name"])
    there = [one for one in (beside["restored"], beside["before"]) if one in state["instances"]]
    yield (
        f"there is no such instance, but {' and '.join(there)}: a restore or a promotion was cut while it renamed them. Run the same "
        "playbook again."
        if there
        else "there is no such instance: playbooks/aws_provision.yml makes one."
    )


def _problems(
    state: Mapping[str, Any], live: Mapping[str, Any], now: float, hours: float, multi_az: bool
) -> Iterator[str]:
    yield from _instance_problems(state, live, multi_az)
    automated = _automated(state, live)
    if not live["retention_days"]:
        yield "It makes no backups (its retention is 0 days): set aws_database_retention_days, and run playbooks/aws_provision.yml."
        return
    if not automated and now - (live["created"] or 0) > hours * 3600:
        yield "There is no backup. RDS makes one each day, in its window of backups: see its events."
    elif automated and now - automated[-1]["time"] > hours * 3600:
        yield (
            f"The newest backup is {ago(now - automated[-1]['time'])} old, and one was due after {hours:g} h: see the events of the "
            "instance, or run playbooks/database_backup.yml."
        )
    latest = state["window"]["latest"]
    if latest and now - latest > LATEST_SECONDS and live["status"] in SERVING:
        yield f"One can go back to {ago(now - latest)} ago at the latest, and RDS keeps its log every five minutes: see its events."


def _instance_problems(state: Mapping[str, Any], live: Mapping[str, Any], multi_az: bool) -> Iterator[str]:
    if live["status"] not in SERVING:
        remedy = (
            "playbooks/aws_power.yml -e power=running starts it."
            if live["status"] in ("stopped", "stopping")
            else "AWS lists what its states mean, and its events say why."
        )
        yield f"It is {live['status']}. {remedy}"
    if multi_az and not live["multi_az"] and "MultiAZ" not in live["pending"]:
        yield "No standby waits in another zone (aws_database_multi_az): run playbooks/aws_provision.yml."
    for group, applied in live["parameter_groups"].items():
        if applied == "pending-reboot":
            yield (
                f"Parameters of {group} wait for a restart: aws rds reboot-db-instance --db-instance-identifier {live['name']}, which "
                "visitors see for a minute, or playbooks/database_promote.yml with a standby."
            )
    for name in live["replicas"]:
        one = state["instances"].get(name)
        # One of another region is asked there.
        if one and (one["status"] not in SERVING or one["replication"] not in ("", "replicating")):
            yield f"The replica {name} is {one['status']}, and its replication {one['replication'] or 'unknown'}."


def _lines(
    state: Mapping[str, Any], live: Mapping[str, Any], newest: Mapping[str, Any] | None, now: float
) -> Iterator[str]:
    window, manual = state["window"], [one for one in state["snapshots"] if one["type"] == "manual"]
    if newest:
        yield f"newest backup    {newest['name']}, automated, {ago(now - newest['time'])} ago, {newest['size_gb']} GB"
    if window["earliest"]:
        yield f"back to          {moment(window['earliest'])} ({live['retention_days']} days kept)"
    if window["latest"]:
        yield f"up to            {moment(window['latest'])} ({ago(now - window['latest'])} ago)"
    if manual:
        yield f"snapshots        {len(manual)} made by hand, the newest {manual[-1]['name']} ({manual[-1]['status']})"
    zones = f"{live['zone']}, standby in {live['standby_zone'] or 'another zone'}" if live["multi_az"] else live["zone"]
    yield (
        f"primary          {live['name']}, {live['status']}, PostgreSQL {live['version']}, {live['class']}, "
        f"{live['storage_gb']} GB, {zones}"
    )
    for name in live["replicas"]:
        one = state["instances"].get(name)
        yield f"replica          {name}: {one['replication'] or one['status'] if one else 'in another region'}"
    if live["pending"]:
        yield f"pending          {', '.join(sorted(live['pending']))}, from {live['maintenance_window']} (UTC) on"
    for one in state["maintenance"]:
        when = one["forced"] or one["by_itself"]
        yield f"maintenance      {one['action']}{f', AWS does it from {moment(when)} on' if when else ''}"
    for what, name in kin(live["name"]).items():
        if name in state["instances"]:
            yield f"beside it        {name}, which costs: -e restore_remove={what} of playbooks/database_restore.yml removes it"
    yield "drill            by hand: playbooks/database_restore.yml -e restore_to=latest -e restore_as=scratch"
