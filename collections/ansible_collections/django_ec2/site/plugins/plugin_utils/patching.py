# SPDX-License-Identifier: MIT
"""What patching a host means, decided from what the host says of itself: packages, restarts, a reboot, and in which order hosts come.

The hosts' half is the fact ``restarts`` (role base): units that run replaced files, packages that ask for a reboot, failed units.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

NEEDED, ALWAYS, NEVER = "needed", "always", "never"
# Inst libssl3 [3.0.15-1] (3.0.16-1 Debian-Security:12/stable [amd64]), and new ones without the brackets.
INSTALLED = re.compile(r"^Inst (\S+) (?:\[([^\]]+)\] )?\((\S+)", re.MULTILINE)
# Units that are not restarted under a system that runs: all else hangs on them, or somebody is logged in by them. A reboot does it.
LEFT = re.compile(
    r"(dbus.*|(serial-|console-|container-)?getty(@.*)?|user@.*|networking|NetworkManager|systemd-networkd)\.service"
)
POSTGRES = "postgresql@"
PLAYBOOK = "playbooks/patch.yml"
SHOWN = 6


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def _restarts(host: Mapping[str, Any]) -> Mapping[str, Any]:
    return ((host.get("ansible_facts") or {}).get("ansible_local") or host.get("ansible_local") or {}).get(
        "restarts"
    ) or {}


def units_to_restart(fact: Mapping[str, Any]) -> list[str]:
    """The services that run replaced files, and can be restarted by themselves."""
    return sorted(
        unit
        for unit in fact.get("units") or {}
        if unit.endswith(".service") and not unit.startswith(POSTGRES) and not LEFT.fullmatch(unit)
    )


def patch_plan(
    fact: Mapping[str, Any],
    simulated: str,
    reboot: str,
    primary: bool,
    standbys: int,
    registered: bool,
) -> dict[str, Any]:
    """What is to be done with a host.

    Args:
        fact: what it says of itself, the fact ``restarts``.
        simulated: what apt says of an upgrade that it only tries.
        reboot: ``needed``, ``always`` or ``never``.
        primary: whether it is the database's primary.
        standbys: how many standbys there are.
        registered: whether it is where its balancer wants it; true without one.

    Returns:
        ``packages``; ``reboot``, whether it is rebooted; ``reasons`` for that; ``restart``, the units that are restarted when it is not;
        ``later``, why a reboot that is due is not made; ``any``, whether there is anything to do.
    """
    packages = [
        {"name": name, "installed": old, "candidate": new} for name, old, new in INSTALLED.findall(simulated or "")
    ]
    reasons = ["reboot=always"] if reboot == ALWAYS else list(fact.get("reboot") or [])
    later = ""
    if reasons and primary and standbys:
        later = (
            "it is the database's primary: promote a standby (playbooks/database_promote.yml -e to=…), and run this again, which reboots "
            "it as a standby"
        )
    elif reasons and reboot == NEVER:
        later = "reboot is never"
    due = bool(reasons) and not later
    restart = [] if due else units_to_restart(fact)
    return {
        "packages": packages, "reboot": due, "reasons": reasons, "restart": restart, "later": later,
        "any": bool(packages or due or restart or not registered),
    }  # fmt: skip


def patch_lines(
    plan: Mapping[str, Any],
    fact: Mapping[str, Any],
    host: str,
    groups: Sequence[str],
    balanced: bool,
    web: int,
    primary: bool,
) -> list[str]:
    """The plan for a host in sentences, and what its visitors see of it.

    Args:
        plan: as ``patch_plan`` gives it.
        fact: the fact ``restarts``.
        host: its name.
        groups: of the host.
        balanced: whether it leaves a balancer before anything is done to it.
        web: how many web hosts there are.
        primary: whether it is the database's primary.
    """
    lines = []
    if plan["packages"]:
        names = [f"{one['name']} {one['candidate']}" for one in plan["packages"]]
        lines.append(f"{host}: upgraded: {_few(names)}")
    if plan["reboot"]:
        lines.append(f"{host}: it is rebooted ({_few(plan['reasons'])})")
    if plan["later"]:
        lines.append(f"{host}: a reboot is due ({_few(plan['reasons'])}) and not made: {plan['later']}")
    if plan["restart"]:
        lines.append(f"{host}: restarted, for they run replaced files: {_few(plan['restart'])}")
    left = sorted(name for name in fact.get("units") or {} if LEFT.fullmatch(name) or not name.endswith(".service"))
    if left and not plan["reboot"]:
        lines.append(f"{host}: these run replaced files until its next reboot: {_few(left)}")
    if not lines:
        return [f"{host}: it goes back into the balancer" if plan["any"] else f"{host}: nothing to do"]
    return lines + ([f"{host}: {_seen(plan, groups, balanced, web, primary)}"] if plan["any"] else [])


def _seen(plan: Mapping[str, Any], groups: Sequence[str], balanced: bool, web: int, primary: bool) -> str:
    """What visitors see."""
    if primary and plan["reboot"]:
        return "while it boots the database does not answer, and visitors of all hosts get errors"
    if "web" in groups:
        if balanced and web > 1:
            return "visitors see nothing of it, it leaves the balancer first"
        if plan["reboot"]:
            return "its visitors get no answer while it boots, for nothing takes them elsewhere"
        return "its visitors get no answer while a service is restarted, for nothing takes them elsewhere"
    if "redis" in groups and (plan["reboot"] or plan["restart"]):
        return "applications that need Redis get errors meanwhile"
    return "visitors see nothing of it"


def patch_order(hosts: Iterable[str], hostvars: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Hosts in the order in which they are patched: what others depend on comes last, the primary after all.

    A package that breaks something is then met first where it costs least. Of the web hosts those come first that a run which was cut has
    left out of the balancer: no other one can leave it before.
    """

    def rank(host: str) -> int:
        groups = hostvars[host].get("group_names") or []
        if "database" in groups:
            return 4 if hostvars[host].get("database_primary", host) == host else 1
        return 2 if "web" in groups else 3 if "redis" in groups else 0

    def balanced(host: str) -> bool:
        return bool((hostvars[host].get("aws_fleet_target") or {}).get("registered", True))

    return sorted(hosts, key=lambda host: (rank(host), balanced(host), host))


def patch_problems(hosts: Iterable[Mapping[str, Any]]) -> list[str]:
    """Hosts that do not say yet what they need, or that are not well before anything was done to them."""
    told = {host["inventory_hostname"]: _restarts(host) for host in hosts}
    without = [name for name, fact in told.items() if not fact]
    problems = []
    if without:
        problems.append(
            f"{', '.join(without)}: nothing there says yet what needs a restart. Run site.yml (--tags base) first, which places that."
        )
    problems += [
        f"{name}: {_few(fact['failed'])} failed: mend that first, or forget it where it does not matter (systemctl reset-failed)."
        for name, fact in told.items()
        if fact.get("failed")
    ]
    return [*problems, "Nothing was changed."] if problems else []


def patch_answers(answers: Iterable[Mapping[str, Any]]) -> list[str]:
    """The applications that do not serve, and what they say: from the results of ``release_health`` in a loop over their names."""
    return [f"{one['item']} ({one['said']})" for one in answers if not one.get("good")]


def restart_notes(hosts: Iterable[Mapping[str, Any]]) -> list[str]:
    """A line for each host on which an update waits for a restart or a reboot; one whose facts were not read has none."""
    notes = []
    for host in hosts:
        fact, name = _restarts(host), host.get("inventory_hostname", "")
        units = sorted(
            unit for unit in fact.get("units") or {} if unit.endswith(".service") and not LEFT.fullmatch(unit)
        )
        said = []
        if fact.get("reboot"):
            said.append(f"a reboot is due ({_few(fact['reboot'])})")
        if units:
            said.append(f"these run files that an update has replaced: {_few(units)}")
        if said:
            notes.append(
                f"{name}: {', and '.join(said)}. {PLAYBOOK} sees to it, host by host; with --check it says how."
            )
    return notes


def patch_later(hosts: Iterable[Mapping[str, Any]]) -> list[str]:
    """A line for each host whose reboot is due and was not made in this run."""
    plans = [(host["inventory_hostname"], host.get("base_patched") or host.get("base_patch") or {}) for host in hosts]
    return [f"{name} was not rebooted: {plan['later']}." for name, plan in plans if plan.get("later")]
