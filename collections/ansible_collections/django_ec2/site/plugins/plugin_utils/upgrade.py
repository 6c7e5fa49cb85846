# SPDX-License-Identifier: MIT
"""A major upgrade, as the controller decides on it: from which host to which, and what is in the way.

What the hosts said of themselves is all there is to go by (module ``postgres_state``): the two hosts of an upgrade name each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils import database_hosts
from ansible_collections.django_ec2.site.plugins.plugin_utils.backups.problems import version_problems

PLAYBOOK = "playbooks/database_upgrade.yml"
States = Mapping[str, Mapping[str, Any]]


def _mark(states: States, host: str) -> Mapping[str, str]:
    return states.get(host, {}).get("upgrade") or {}


def _source(hosts: Sequence[str], states: States, to: str) -> tuple[str, str]:
    """The other host, and why there is none."""
    mine = states[to]
    role, mark = mine.get("role"), _mark(states, to)
    others = [host for host in database_hosts.primaries(hosts, states) if host != to]
    if role in ("standby", "copying") and others:
        return "", (
            f"{to} is a standby of {others[0]}, and has its major version. A major upgrade goes to a host of the group database that has "
            "no databases yet."
        )
    if role == "primary" and mark.get("state") in ("source", "closing"):
        return "", (
            f"The applications write to {to} already, and an upgrade to {mark['peer']} was begun. Go on with it: {PLAYBOOK} "
            f"-e to={mark['peer']}; or give it up with -e to={mark['peer']} -e cancel=true."
        )
    if role in ("target", "left") or mark:
        return mark["peer"], ""
    if role == "primary" and (not others or mine.get("databases", 1)):
        # Of an upgrade that was finished the host that was left says it alone.
        left = [host for host in hosts if _mark(states, host) == {"state": "closed", "peer": to}]
        if left:
            return left[0], ""
        return "", (
            database_hosts.several_primaries([others[0], to], states)
            if others
            else f"{to} takes writes already. A major upgrade goes to another host of the group database, of a newer system, that has no "
            "databases yet."
        )
    if not others:
        return (
            "",
            "No database host takes writes, so there is nothing to upgrade: run site.yml, which says what is wrong.",
        )
    return others[0], ""


def upgrade_plan(hosts: Sequence[str], states: States, to: str) -> dict[str, Any]:
    """What a run of the upgrade to a host is about.

    Args:
        hosts: of the group database.
        states: of those that answered.
        to: the host that is asked for.

    Returns:
        ``old``, the other host; ``first``, whether nothing has been copied to ``to`` yet; ``live``, who has the applications;
        ``states``, as they will be while it runs; ``line``, for people; ``problems``.
    """
    if to not in hosts:
        return _refused(
            f"{to} is not in the group database ({', '.join(hosts)}): add it there, beside the host that it replaces."
        )
    if len(hosts) < 2:
        return _refused(
            f"{to} is alone in the group database. A major upgrade goes from one host to another: add the one of the newer system to the "
            "group, beside this one, and name it with -e to=."
        )
    if to not in states:
        return _refused(f"{to} could not be reached. Nothing was changed.")
    old, problem = _source(hosts, states, to)
    if problem:
        return _refused(problem)
    if old not in hosts or old not in states:
        where = "is not in the group database any more" if old not in hosts else "could not be reached"
        return _refused(
            f"{old}, the other host of the upgrade, {where}. Bring it back, and run the same command again."
        )
    closed = {host for host in (old, to) if _mark(states, host).get("state") == "closed"}
    live_marks = [host for host in (old, to) if _mark(states, host).get("state") == "live"]
    live = live_marks[0] if live_marks else to if old in closed else old
    predicted = {host: dict(state) for host, state in states.items()}
    if live == old and states[to].get("role") in ("none", "primary"):
        predicted[to] |= {"role": "target", "upgrade": {"state": "target", "peer": old}}
    predicted[old]["upgrade"] = {"state": "source", **_mark(states, old), "peer": to}
    return {
        "old": old, "live": live, "states": predicted, "problems": [],
        "first": live == old and not _mark(states, to).get("state"),
        "line": (
            f"{to} has the applications since the upgrade from {old}." if live == to
            else f"The databases go back from {old} to {to}." if to in closed
            else f"The databases go from {old} to {to}."
        ),
    }  # fmt: skip


def _refused(problem: str) -> dict[str, Any]:
    return {"old": "", "live": "", "states": {}, "problems": [problem], "first": False, "line": ""}


def backup_problems(
    to: Mapping[str, Any],
    old: Mapping[str, Any],
    repository: Mapping[str, Any],
    keeper: Mapping[str, Any] | None,
    first: bool = True,
) -> list[str]:
    """Why backups of the host that the databases go to could not be made as the inventory says.

    Args:
        to: variables of that host.
        old: of the other one.
        repository: pgbackrest_repository.
        keeper: variables of the host that keeps the repository; None with S3.
        first: whether the upgrade begins, or goes back, or on.
    """
    name, old_name = to["inventory_hostname"], old["inventory_hostname"]
    if repository.get("type", "host") == "s3":
        if str(to["pgbackrest_stanza"]) != str(old["pgbackrest_stanza"]):
            return []
        return [
            f"{name} and {old_name} would keep their backups under one name, and each has a major version of its own. Give the new one "
            f"another, in host_vars/{name}: pgbackrest_stanza: {old['pgbackrest_stanza']}-{name}. Those of {old_name} stay where they are."
        ]
    if keeper is None or not version_problems([to, keeper], {name, keeper["inventory_hostname"]}):
        return []
    said = version_problems([to, keeper], {name, keeper["inventory_hostname"]})[0]
    if not first:
        return [
            f"{said.split('. ')[0]}. Put the host that keeps the backups of {name} into the group backup, in the place of "
            f"{keeper['inventory_hostname']}; where it is gone, a new one of {name}'s system. Nothing was changed."
        ]
    return [
        f"{said.split('. ')[0]}. Make a last backup (playbooks/database_backup.yml). Then put a new host of {name}'s system into the group "
        f"backup, in the place of {keeper['inventory_hostname']}: that one stays as it is, and {old_name} goes on sending its log there."
    ]
