# SPDX-License-Identifier: MIT
"""A promotion on RDS: the failover of an instance to its standby, or a read replica in the place of an instance that is lost. Pure.

A replica takes the live one's place by its name, as a restored instance does. Before, the live one is set aside, so that nobody writes
there any more who finds it by its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.rds_state import kin

FAILOVER, SET_ASIDE, PROMOTE, TAKE_PLACE = "failover", "set_aside", "promote", "take_place"
# In these AWS renames an instance, and serves nobody in the others.
RENAMED_IN = ("available", "storage-optimization")
TAKES_NO_WRITES = ("stopped", "failed", "inaccessible-encryption-credentials", "restore-error", "deleting")
# The tag with its name of a replica that takes the place of its source.
TAG = "PromotedFrom"


def promote_plan(state: Mapping[str, Any], to: str, away: Iterable[str], confirm_fenced: str) -> dict[str, Any]:
    """``kind`` (failover or replica), ``steps`` that are left, ``lines`` that say them, and ``problems``.

    Args:
        state: what the module ``rds_state`` returned, of the instance and of ``to``.
        to: the instance itself, or one of its replicas.
        away: what the run does without.
        confirm_fenced: the instance, where the operator knows that it takes no more writes.
    """
    name = state["name"]
    kind = "failover" if to == name and not _half_done(state) else "replica"
    source = to if to != name else _half_done(state)
    problems = list(
        _failover_problems(state) if kind == "failover" else _replica_problems(state, source, away, confirm_fenced)
    )
    left = _failover(state) if kind == "failover" else _replica(state, source)
    steps = [] if problems or _done(state, to) else list(left)
    live = state["instances"].get(name, {})
    words = {
        FAILOVER: f"fail {name} over from {live.get('zone')} to its standby in {live.get('standby_zone') or 'another zone'}; connections "
        "end, and new ones work in a minute or two",
        SET_ASIDE: f"rename {name} to {name}-before, from when on nobody reaches it",
        PROMOTE: f"promote the replica {source}; rows that {name} has not sent by then are lost",
        TAKE_PLACE: f"rename {source} to {name}, whose endpoint leads to it from then on",
    }
    return {
        "kind": kind,
        "source": source,
        "steps": steps,
        "lines": [words[one] for one in steps],
        "problems": problems,
    }


def _half_done(state: Mapping[str, Any]) -> str:
    """The replica of a promotion that was cut after the live one had been set aside; empty where there is none."""
    name = state["name"]
    if name in state["instances"]:
        return ""
    own = (one for one in state["instances"].values() if one["tags"].get(TAG) == one["name"])
    return next((str(one["name"]) for one in own), "")


def _done(state: Mapping[str, Any], to: str) -> bool:
    """Whether a replica has taken the place of the live one already."""
    live = state["instances"].get(state["name"])
    return to not in state["instances"] and bool(live) and live["tags"].get(TAG) == to


def _failover_problems(state: Mapping[str, Any]) -> Iterator[str]:
    name = state["name"]
    live = state["instances"].get(name)
    if not live:
        yield f"RDS has no instance {name}: playbooks/database_status.yml says more."
    elif not live["multi_az"]:
        replicas = ", ".join(live["replicas"])
        yield (
            f"{name} has no standby to fail over to: set aws_database_multi_az: true and run playbooks/aws_provision.yml"
            f"{f', or promote a replica ({replicas})' if replicas else ''}."
        )
    elif live["status"] not in ("available", "rebooting", "storage-optimization"):
        yield f"{name} is {live['status']}: AWS fails one over that is available."


def _failover(state: Mapping[str, Any]) -> Iterator[str]:
    # One that a run which was cut has begun is waited for.
    if state["instances"][state["name"]]["status"] != "rebooting":
        yield FAILOVER


def _replica_problems(state: Mapping[str, Any], to: str, away: Iterable[str], confirm_fenced: str) -> Iterator[str]:
    name, there = state["name"], state["instances"]
    live, replica = there.get(name), there.get(to)
    if not replica and _done(state, to):
        return
    if not replica:
        known = ", ".join([name, *(live["replicas"] if live else [])])
        yield f"RDS has no instance {to} here: -e to= takes {known}."
        return
    begun = replica["tags"].get(TAG) == to
    if not begun and replica["replica_of"] not in (name, kin(name)["before"]):
        yield f"{to} is no replica of {name}."
        return
    if not begun and name not in away:
        yield (
            f"A replica of RDS is promoted without the certainty that it has every row: for a planned change fail over to the standby "
            f"(-e to={name}). Where {name} is lost, or its last rows may be, give -e away={name}."
        )
    if replica["status"] not in RENAMED_IN:
        yield f"{to} is {replica['status']}: AWS promotes one that is available."
    if live and kin(name)["before"] in there:
        yield f"{name}-before is there, so that {name} can't be set aside: playbooks/database_restore.yml -e restore_remove=before."
    if live and live["status"] not in RENAMED_IN and confirm_fenced != name and live["status"] not in TAKES_NO_WRITES:
        yield (
            f"{name} is {live['status']}, in which AWS does not rename it, and whether it takes writes nobody can tell: wait, or give "
            f"-e confirm_fenced={name} when you know that it takes none."
        )


def _replica(state: Mapping[str, Any], to: str) -> Iterator[str]:
    name, there = state["name"], state["instances"]
    live = there.get(name)
    renamed = live is None or live["status"] in RENAMED_IN
    if live and renamed:
        yield SET_ASIDE
    if there[to]["replica_of"]:
        yield PROMOTE
    if renamed:
        yield TAKE_PLACE
