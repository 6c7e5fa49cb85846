# SPDX-License-Identifier: MIT
"""What a promotion does, decided by what the database hosts say: which way, what is proved before, what is refused.

``kind`` of a plan
    ``planned``: the primary is shut down, then the standby has everything and is promoted. ``continued``: such a promotion was cut
    after the shutdown. ``unplanned``: the primary is away, so it is fenced first. ``ended``: the host is the primary already, and what is
    left is to bring the others back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils.database_hosts import (
    States,
    primaries,
    several_primaries,
    successor,
)

PLAYBOOK = "playbooks/database_promote.yml"
CRASHED = "in production"


@dataclass
class Plan:
    """What is done. With ``problems`` nothing is."""

    to: str
    kind: str = ""
    # The primary that is replaced, and how it is kept from taking writes: `host`, `aws`, `clients` or `confirmed`.
    old: str = ""
    fence: str = ""
    # Hosts that give up rows of their own.
    rewind: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Asked:
    """What the operator gave, and what is known of the hosts beside their databases."""

    to: str
    away: Sequence[str] = ()
    confirm_fenced: str = ""
    confirm_rewind: str = ""
    # Instances that AWS can be asked about, by host; whether all clients of the database can be reached, and which can't be.
    instances: Mapping[str, str] = field(default_factory=dict)
    clients_away: Sequence[str] = ()
    other_clients: Sequence[str] = ()


def promotion_plan(hosts: Sequence[str], states: States, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The plan, as a mapping with the fields of Plan.

    Args:
        hosts: of the group database.
        states: what those said that could be reached.
        asked: the fields of Asked.
    """
    return asdict(_decide(hosts, states, Asked(**asked)))


def _decide(hosts: Sequence[str], states: States, asked: Asked) -> Plan:
    plan = Plan(asked.to)
    if problem := _cannot_be_primary(hosts, states, asked):
        plan.problems.append(problem)
        return plan
    others = [host for host in hosts if host != asked.to]
    if states[asked.to]["role"] == "primary":
        return _ended(plan, others, states, asked)
    if not others:
        return _last_left(plan, states, asked)
    current = primaries(others, states)
    given_up = [host for host in others if host in asked.away]
    if len(current) > 1:
        plan.problems.append(
            f"{' and '.join(current)} both take writes. Decide between them first: {PLAYBOOK} -e to={current[0]}."
        )
    elif current and current[0] not in given_up:
        _planned(plan, current[0], states)
    elif given_up:
        _unplanned(plan, given_up, current, states, asked)
    elif away := [host for host in others if host not in states]:
        plan.problems.append(
            f"{', '.join(away)} could not be reached. Bring it back; or, when it will not come back in time, give it up with "
            f"-e away={away[0]}: rows that it took and {asked.to} does not have are lost."
        )
    else:
        _continued(plan, others, states)
    return plan


def _cannot_be_primary(hosts: Sequence[str], states: States, asked: Asked) -> str:
    to = asked.to
    last_left = list(hosts) == [to] and states.get(to, {}).get("role") == "standby"
    if len(hosts) < 2 and not last_left:
        return "There is one database host, so nothing can be promoted. A second one in the group database becomes a standby with site.yml."
    if to not in hosts:
        return f"'{to}' is no host of the group database: give -e to= one of {', '.join(hosts)}."
    unknown = [host for host in (asked.confirm_fenced, asked.confirm_rewind) if host and host not in hosts]
    if unknown and not last_left:
        return f"'{unknown[0]}' is no host of the group database: confirm one of {', '.join(hosts)}."
    if to in asked.away:
        return f"{to} is to be the primary, so it can't be away."
    if to not in states:
        return f"{to} could not be reached, so it can't be promoted."
    role = states[to]["role"]
    if role in ("none", "copying"):
        return f"{to} has no complete copy of the data. Run site.yml, which makes it a standby."
    if not states[to].get("running"):
        return f"PostgreSQL of {to} does not run ({states[to].get('reason', 'no reason')}). Start it first."
    return ""


def _planned(plan: Plan, old: str, states: States) -> None:
    plan.kind, plan.old = "planned", old
    if states[old].get("damaged"):
        plan.problems.append(
            f"{old} runs without its control file, so it can't be shut down and be a standby then. Give it up: -e away={old}. Rows that "
            f"it took and {plan.to} does not have are lost."
        )
    elif not states[old].get("running"):
        plan.problems.append(
            f"PostgreSQL of {old}, the primary, does not run ({states[old].get('reason', 'no reason')}). Start it, and run again. When "
            f"it can't be started, give it up with -e away={old}: rows that it took and {plan.to} does not have are lost."
        )
    elif not states[plan.to].get("streaming"):
        plan.problems.append(
            f"{plan.to} does not receive the log of {old}, so rows would be lost. Run site.yml, which brings it back."
        )
    plan.steps += [
        f"Shut down {old}, which sends the rest of its log",
        f"Promote {plan.to}, once it has all of it",
        f"Start {old} as a standby of {plan.to}",
    ]


def _continued(plan: Plan, others: Sequence[str], states: States) -> None:
    """No primary is left: a promotion was cut between its two halves."""
    plan.kind = "continued"
    plan.old = next((host for host in others if states[host].get("upstream") != plan.to), others[0])
    own = int(states[plan.to].get("lsn") or 0)
    for host in others:
        state = states[host]
        if state["role"] in ("none", "copying"):
            continue
        if not state.get("running") and not state.get("clean"):
            plan.problems.append(
                f"PostgreSQL of {host} did not end as it should, so nobody knows which rows it has. Start it (it starts as a standby), "
                "and run again."
            )
        elif int(state.get("lsn") or 0) > own:
            plan.problems.append(
                f"{host} has rows that {plan.to} does not have. Make {host} the primary: {PLAYBOOK} -e to={host}."
            )
    plan.steps += [f"Promote {plan.to}, which has all that the others have"]


def _unplanned(plan: Plan, given_up: Sequence[str], current: Sequence[str], states: States, asked: Asked) -> None:
    plan.kind = "unplanned"
    # Who is away and who takes writes is the same host, unless a standby is away, too.
    plan.old = next(iter(current), given_up[0])
    own = int(states[plan.to].get("lsn") or 0)
    for host, state in states.items():
        if host not in (plan.to, plan.old) and state["role"] == "standby" and int(state.get("lsn") or 0) > own:
            plan.problems.append(
                f"{host} has {int(state['lsn']) - own} bytes of the log that {plan.to} does not have. Promote {host} instead."
            )
    plan.fence = _fence(plan, states, asked)
    plan.steps += [
        {
            "host": f"Stop PostgreSQL of {plan.old}, which is a standby when it is started again",
            "aws": f"Stop the instance {asked.instances.get(plan.old, '')} of {plan.old}, and its way to the web hosts",
            "clients": f"Cut the way from each web host to {plan.old}",
            "confirmed": f"Take your word that {plan.old} takes no writes, and cut its way to the web hosts that are there",
        }.get(plan.fence, f"Keep {plan.old} from taking writes"),
        f"Promote {plan.to}; rows that {plan.old} took and did not send are lost",
    ]


def _last_left(plan: Plan, states: States, asked: Asked) -> Plan:
    """The primary has left the inventory: its instance was terminated, or somebody took it out."""
    plan.kind = "continued"
    upstream = str(states[plan.to].get("upstream") or "its primary")
    if asked.confirm_fenced != upstream:
        plan.problems.append(
            f"{plan.to} is a standby of {upstream}, which is no host of the group database any more. Rows that {upstream} took and did not "
            f"send are lost, and if it still runs there will be two that take writes. Put it back into the group; or, when it is gone for "
            f"good, say so: -e confirm_fenced={upstream}."
        )
    plan.steps.append(f"Promote {plan.to}, the last one that is left of the databases of {upstream}")
    return plan


def _fence(plan: Plan, states: States, asked: Asked) -> str:
    if plan.old in states:
        return "host"
    # Whoever says so need not have rights to stop the instance.
    if asked.confirm_fenced == plan.old:
        return "confirmed"
    if plan.old in asked.instances:
        return "aws"
    if not asked.clients_away and not asked.other_clients:
        return "clients"
    who = (
        f"{', '.join(asked.clients_away)} can't be reached and may still write there"
        if asked.clients_away
        else f"{', '.join(asked.other_clients)} may write there and is no web host of this inventory"
    )
    plan.problems.append(
        f"Nobody can prove that {plan.old} takes no more writes: it is away, AWS can't be asked to stop it, and {who}. Turn it off, or "
        f"cut it off, and say so: -e confirm_fenced={plan.old}."
    )
    return ""


def _ended(plan: Plan, others: Sequence[str], states: States, asked: Asked) -> Plan:
    """The host is the primary; others may have to give up rows of their own."""
    plan.kind = "ended"
    rivals = primaries(others, states)
    if rivals and successor([plan.to, *rivals], states) != plan.to:
        plan.problems.append(several_primaries([plan.to, *rivals], states))
        return plan
    for host in others:
        if host in states and host not in asked.away and (why := diverged(states[host], states[plan.to])):
            plan.rewind.append(host)
            if asked.confirm_rewind != host:
                plan.problems.append(
                    f"{host} has rows that {plan.to} never had ({why}). They are lost when it follows {plan.to}. Look there for what you "
                    f"need, then give -e confirm_rewind={host}."
                )
    plan.steps += [f"Rewind {host} to where {plan.to} went on, and make it a standby" for host in plan.rewind]
    return plan


def diverged(state: Mapping[str, Any], primary: Mapping[str, Any]) -> str:
    """Why a host can't simply follow a primary; empty where it can."""
    if state.get("role") not in ("primary", "standby"):
        return ""
    if state["role"] == "primary":
        return "it took writes of its own"
    left = {int(parent): int(lsn) for parent, lsn in primary.get("history") or []}
    timeline, lsn = int(state.get("timeline") or 0), int(state.get("lsn") or 0)
    if timeline in left and lsn > left[timeline]:
        return f"{lsn - left[timeline]} bytes of its log"
    if timeline in left and state.get("control") == CRASHED:
        return "it crashed while it took writes"
    return ""


def predicted_states(states: States, plan: Mapping[str, Any]) -> dict[str, Any]:
    """What the hosts would say after the plan, for a check."""
    found = {host: dict(state) for host, state in states.items()}
    if plan["kind"] in ("planned", "continued", "unplanned"):
        found[plan["to"]] |= {"role": "primary"}
        if plan["old"] in found:
            found[plan["old"]] |= {"role": "standby", "streaming": True}
    for host in plan["rewind"]:
        found[host] |= {"role": "standby", "streaming": True}
    return found


def names(text: str) -> list[str]:
    """The hosts of a list with commas."""
    return [word.strip() for word in str(text or "").split(",") if word.strip()]


def without(hosts: Iterable[str]) -> str:
    """What a pattern of hosts ends with to leave these out."""
    return "".join(f":!{host}" for host in hosts)
