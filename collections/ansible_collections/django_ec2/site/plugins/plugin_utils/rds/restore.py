# SPDX-License-Identifier: MIT
"""A restore of an instance of RDS: what is asked for, and what is left to do of it. Pure.

RDS restores into a new instance. It takes the live one's place by its name, and with it the endpoint: the live one becomes
``<name>-before``, the restored one ``<name>``. Each step is seen in the names, so a run that was cut is gone on with.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore.targets import (
    TargetRefused,
    parse,
)
from ansible_collections.django_ec2.site.plugins.module_utils.rds_state import kin
from ansible_collections.django_ec2.site.plugins.plugin_utils.backups.judgement import moment

# The tag with what an instance was restored to.
TAG = "RestoredTo"
LONGEST = 63
FORMS = "a time with its zone ('2026-11-22 10:31:07+00') or latest, or a snapshot: -e restore_backup=<name>"
# Names of steps.
CREATE, SETTLE, SET_ASIDE, TAKE_PLACE = "create", "settle", "set_aside", "take_place"


def restore_refusal(given: Mapping[str, Any], now: float) -> str:
    """Why nothing can be restored, with what to do instead; empty when it can.

    Args:
        given: the inputs of the playbook, by name.
        now: seconds since 1970.
    """
    if given.get("remove"):
        return ""
    if given.get("timeline"):
        return "restore_timeline is for a self-hosted cluster: RDS knows moments alone. Leave it out."
    if given.get("media"):
        return (
            "restore_media=true takes the moment of a self-hosted restore. With database_mode: rds restore the database first, and then "
            "the files: -e restore_media=only -e restore_to=<the same time>."
        )
    wanted, backup = str(given.get("to") or ""), str(given.get("backup") or "")
    if wanted and backup:
        return "restore_to and restore_backup exclude each other with database_mode: rds: a snapshot is restored as it is. Give one."
    if not wanted and not backup:
        return f"Say what to restore to: -e restore_to= {FORMS}."
    if backup:
        return ""
    try:
        target = parse(wanted, now)
    except TargetRefused as error:
        return str(error)
    if target.kind not in ("time", "latest"):
        return f"restore_to '{wanted}' is a moment of a self-hosted cluster, and RDS knows times alone: give {FORMS}."
    return ""


def restore_target(given: Mapping[str, Any], now: float) -> dict[str, Any]:
    """``kind`` (time, latest or snapshot), ``value`` as AWS takes it, ``moment`` in seconds, and the ``tag`` of what is restored to it."""
    if given.get("backup"):
        return {"kind": "snapshot", "value": given["backup"], "moment": None, "tag": f"snapshot {given['backup']}"}
    target = parse(str(given["to"]), now)
    value = moment(target.moment).replace(" ", "T").replace("+00", "Z") if target.moment else ""
    return {"kind": target.kind, "value": value, "moment": target.moment, "tag": target.value or "latest"}


def restore_plan(state: Mapping[str, Any], target: Mapping[str, Any], scratch: bool, confirm: str) -> dict[str, Any]:
    """``steps`` that are left, ``lines`` that say them, ``new``, the name of the instance, and ``problems``.

    Args:
        state: what the module ``rds_state`` returned, with snapshots and window.
        target: of ``restore_target``.
        scratch: whether the instance stays beside the live one.
        confirm: the name of the instance, as the operator repeated it.
    """
    name = state["name"]
    beside = kin(name)
    new = beside["scratch" if scratch else "restored"]
    problems = list(_problems(state, target, new, scratch))
    steps = [] if problems else list(_steps(state, target, new, scratch))
    if not problems and not scratch and steps and confirm != name:
        problems = [
            f"This puts a restored instance in the place of {name}, which is kept as {beside['before']}: repeat its name, "
            f"-e confirm={name}. For a look give -e restore_as=scratch."
        ]
    words = {
        CREATE: f"restore {target['tag']} of {name} into the new instance {new}",
        SETTLE: f"give {new} the settings of {name}, and look at it",
        SET_ASIDE: f"rename {name} to {beside['before']}, from when on nobody reaches it",
        TAKE_PLACE: f"rename {new} to {name}, whose endpoint leads to it from then on",
    }
    return {
        "new": new,
        "before": beside["before"],
        "steps": steps,
        "lines": [words[one] for one in steps],
        "problems": problems,
        "tags": {TAG: target["tag"]},
    }


def _steps(state: Mapping[str, Any], target: Mapping[str, Any], new: str, scratch: bool) -> Iterator[str]:
    there, name = state["instances"], state["name"]
    if name in there and new not in there and there[name]["tags"].get(TAG) == target["tag"] and _kept(state):
        # It has taken the place already; what is left is on the hosts.
        return
    if new not in there:
        yield CREATE
    yield SETTLE
    if scratch:
        return
    if name in there:
        yield SET_ASIDE
    yield TAKE_PLACE


def _kept(state: Mapping[str, Any]) -> bool:
    return kin(state["name"])["before"] in state["instances"]


def _problems(state: Mapping[str, Any], target: Mapping[str, Any], new: str, scratch: bool) -> Iterator[str]:
    there, name = state["instances"], state["name"]
    live, made = there.get(name), there.get(new)
    what = "scratch" if scratch else "restored"
    if len(new) > LONGEST:
        yield f"The identifier {new} is longer than the {LONGEST} characters that RDS takes."
    if made and made["tags"].get(TAG) != target["tag"]:
        yield (
            f"{new} is there, of {made['tags'].get(TAG, 'somebody else')}: give that target to go on with it, or remove it by "
            f"-e restore_remove={what}."
        )
        return
    if scratch:
        if not live:
            yield f"RDS has no instance {name}: playbooks/database_status.yml says more."
            return
    elif not live and not (made and _kept(state)):
        yield f"RDS has no instance {name} whose settings a restored one could get: playbooks/database_status.yml says more."
        return
    elif live and _kept(state) and not (not made and live["tags"].get(TAG) == target["tag"]):
        yield (
            f"{name}-before is there, kept from an earlier restore or promotion: remove it by -e restore_remove=before, or rename it, "
            "so that this one has a name to set the live instance aside."
        )
        return
    if live and live["cluster"]:
        yield f"{name} is one of the cluster {live['cluster']} (Aurora, or with two standbys), which this playbook does not restore."
    if live and not made and not _kept(state):
        yield from _target_problems(state, target, live)


def _target_problems(state: Mapping[str, Any], target: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[str]:
    name, window = state["name"], state["window"]
    if target["kind"] == "snapshot":
        found = next((one for one in state["snapshots"] if one["name"] == target["value"]), None)
        if not found:
            known = [one["name"] for one in state["snapshots"] if one["status"] == "available"][-3:]
            yield f"There is no snapshot {target['value']} of {name}. The newest are {', '.join(known) or 'none'}."
        elif found["status"] != "available":
            yield f"The snapshot {target['value']} is {found['status']}: run it again when it is there."
    elif not live["retention_days"]:
        yield f"{name} keeps no backups (aws_database_retention_days is 0): only a snapshot can be restored, -e restore_backup=<name>."
    elif target["kind"] == "time" and window["latest"] and target["moment"] > window["latest"]:
        yield f"One can go back to {moment(window['latest'])} at the latest: RDS keeps the log every five minutes. Wait, or give latest."
    elif target["kind"] == "time" and window["earliest"] and target["moment"] < window["earliest"]:
        yield f"One can go back to {moment(window['earliest'])}, no further ({live['retention_days']} days are kept)."


def restored_problems(state: Mapping[str, Any], new: str, like: str) -> list[str]:
    """What keeps a restored instance from taking the place of the live one.

    Args:
        state: asked again, after it became available.
        new: its name.
        like: the name of the instance whose settings it is to have.
    """
    made, other = state["instances"].get(new), state["instances"].get(like)
    if not made:
        return [f"{new} is gone."]
    problems = [] if made["status"] == "available" else [f"{new} is {made['status']}."]
    if not made["endpoint"]:
        problems.append(f"{new} has no endpoint.")
    for key, words in (
        ("encrypted", "encryption"),
        ("security_groups", "security groups"),
        ("subnet_group", "subnet group"),
        ("master_user", "master user"),
    ):
        if other and made[key] != other[key]:
            problems.append(f"{new} has another {words} than {like} ({made[key]}, {other[key]}).")
    if other and set(made["parameter_groups"]) != set(other["parameter_groups"]):
        problems.append(f"{new} has another parameter group than {like}.")
    return problems


def scratch_lines(instance: Mapping[str, Any], live: Mapping[str, Any]) -> list[str]:
    """How to look at an instance beside the live one, and how to end it."""
    password = (
        f"RDS keeps it in the secret {instance['secret']}" if instance["secret"] else "it is that of the live one"
    )
    return [
        f"It is at {instance['endpoint']}:{instance['port']}, and lets in whom {live['name']} lets in. The password of "
        f"{instance['master_user']}: {password}.",
        f"To look at it, on a web host: psql 'host={instance['endpoint']} port={instance['port']} user={instance['master_user']} "
        "dbname=<database> sslmode=verify-full sslrootcert=/etc/ssl/rds/ca.pem'",
        f"One table as a file: pg_dump -h {instance['endpoint']} -U {instance['master_user']} --table=<table> <database> > table.sql",
        "It costs by the hour. When you are done: playbooks/database_restore.yml -e restore_remove=scratch",
    ]


def remove_plan(state: Mapping[str, Any], what: str) -> dict[str, Any]:
    """``name`` of the instance that goes, whether it is ``there``, its last ``snapshot`` (empty for a copy), and ``problems``.

    Args:
        state: what the module ``rds_state`` returned.
        what: restore_remove.
    """
    name = state["name"]
    gone = kin(name)[what]
    found = state["instances"].get(gone)
    problems = []
    if found and what in ("before", "restored") and name not in state["instances"]:
        problems = [f"There is no {name} now: a restore was cut while it renamed the instances. Run that again first."]
    elif found and what == "restored" and TAG not in found["tags"]:
        problems = [f"{gone} has no tag {TAG}, so no restore made it: remove it by hand."]
    # Of data that nobody else has a last copy is kept; its name is the same after a cut.
    last = f"{gone}-final-{int(found['created'] or 0)}" if found and what == "before" else ""
    busy = found and found["status"] not in ("available", "storage-optimization", "deleting", "stopped", "failed")
    if busy and not problems:
        problems = [f"{gone} is {found['status']}: run it again when it is available."]
    return {
        "name": gone,
        "there": bool(found),
        "deleting": bool(found and found["status"] == "deleting"),
        "protected": bool(found and found["protected"]),
        "snapshot": last,
        "problems": problems,
    }
