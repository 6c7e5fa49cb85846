# SPDX-License-Identifier: MIT
"""Hosts that a run does without, knowingly or not: what is refused, and what is said of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence


def inventory_problem(groups: Mapping[str, Sequence[str]], sources: Iterable[str], web: bool) -> str:
    """Why an inventory cannot be worked with; empty when it has hosts.

    Args:
        groups: the magic variable of that name.
        sources: the inventory's files or directories.
        web: whether hosts of the group web are needed.
    """
    if groups.get("web") or (not web and any(groups.values())):
        return ""
    lacks = "no host in the group web" if any(groups.values()) else "no host"
    return (
        f"The inventory {', '.join(sources)} has {lacks}. Add one, as in inventory/lab/hosts.yml. On AWS see whether the "
        "instances run, whether they have the tags that aws_ec2.yml filters by, and whether they are in its regions: "
        "ansible-inventory --graph shows what is found."
    )


def limit_problem(
    playbook: str, needed: Sequence[str], groups: Mapping[str, Sequence[str]], taken: Iterable[str]
) -> str:
    """Why a playbook refuses a limit; empty when it has every host that it needs.

    Args:
        playbook: its name.
        needed: the groups of which it needs every host.
        groups: the magic variable of that name, of the whole inventory.
        taken: the hosts that the limit left.
    """
    taken = set(taken)
    wanted = dict.fromkeys(host for group in needed for host in groups.get(group, []))
    missing = [host for host in wanted if host not in taken]
    if not missing:
        return ""
    return (
        f"{playbook} needs every host of {' and '.join(needed)}, and --limit leaves out {', '.join(missing)}. Run it without --limit. "
        "A host that will not come back has to be taken out of the inventory first."
    )


def last_lines(
    left_out: Sequence[str], unreachable: Sequence[str], changed: bool, limit: str, needed: Sequence[str]
) -> Iterator[str]:
    """The sentences about hosts that a run did without.

    Args:
        left_out: hosts that the limit left out.
        unreachable: hosts that could not be reached.
        changed: whether anything was changed on any host.
        limit: what ``--limit`` said; empty without one.
        needed: the groups of which the playbook needs every host.
    """
    if unreachable:
        names = ", ".join(unreachable)
        so_far = (
            "What was done before stays; the next run goes on from there."
            if changed
            else "Nothing was changed on any host."
        )
        without = ":".join([*([limit] if limit else []), *(f"!{name}" for name in unreachable)])
        way = (
            f"This playbook needs every host of {' and '.join(needed)}: run it again when the host is back, or take it out of the "
            "inventory."
            if needed
            else f"Run it again when the host is back, or leave it out with --limit '{without}'."
        )
        yield f"Not reached: {names}. {so_far} {way}"
    if left_out:
        yield f"Left out by --limit: {', '.join(left_out)}. Such a host stays as it is until a run without the limit."
