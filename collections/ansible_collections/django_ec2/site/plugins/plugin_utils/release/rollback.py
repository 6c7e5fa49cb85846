# SPDX-License-Identifier: MIT
"""One release for all hosts of a rollback, decided once: each host has a history of its own, and a deploy may have been cut."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import permutations
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.choice import (
    States,
    last_moved,
    live_release,
    states_of,
)
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.releases import previous


def of_hosts(hosts: Iterable[Mapping[str, Any]], name: str, release: str = "") -> dict[str, dict[str, Any]]:
    """What ``targets`` says of the hosts of a play, whose variables these are."""
    return targets(states_of(hosts, [], name), name, release)


def targets(states: States, name: str, release: str = "") -> dict[str, dict[str, Any]]:
    """The release that each host goes back to.

    Args:
        states: what release_state read of the application, with details, by host.
        name: of the application, for messages.
        release: the one that is asked for; empty is the one that was live before.

    Returns:
        By host what ``previous`` says, and ``stays``: whether the host serves that release already.

    Raises:
        AnsibleFilterError: there is no one release for all hosts; the message names those that there are.
    """
    nothing = sorted(host for host, state in states.items() if not live_release(state))
    if nothing:
        raise AnsibleFilterError(
            f"{name} has no live release on {', '.join(nothing)}: run site.yml first, then roll back."
        )
    found: dict[str, dict[str, Any]] = {}
    for alike in _kinds(states):
        chosen = _named(alike, states, release) if release else _chosen(alike, name)
        found |= {host: _target(state, host, name, chosen) for host, state in alike.items()}
    if all(one["stays"] for one in found.values()):
        raise AnsibleFilterError(f"{release} of {name} is live already. {_lists(name)}")
    _refuse_two_sources(found, states, name)
    return found


def _lists(name: str) -> str:
    return f"playbooks/releases.yml -e app={name} lists what is here."


def _own(state: Mapping[str, Any], release: str) -> Mapping[str, Any]:
    return state["releases"].get(release, {})


def _kinds(states: States) -> list[dict[str, Any]]:
    """The hosts by Python and processor of what they serve: the same source is another release for each."""
    kinds: dict[tuple[str, str], dict[str, Any]] = {}
    for host, state in states.items():
        own = _own(state, live_release(state))
        kinds.setdefault((own.get("python", ""), own.get("platform", "")), {})[host] = state
    return list(kinds.values())


def _named(alike: States, states: States, release: str) -> str:
    """The release that is asked for, or for another Python the one from the same source."""
    if any(release in state["releases"] for state in alike.values()):
        return release
    source = next((_own(one, release).get("source") for one in states.values() if release in one["releases"]), "")
    twins = [
        one for state in alike.values() for one, own in state["releases"].items()
        if source and own.get("source") == source and own["complete"]
    ]  # fmt: skip
    return twins[0] if twins else release


def _chosen(alike: States, name: str) -> str:
    """The release before, where the hosts agree on it."""
    lives = {live_release(state) for state in alike.values()}
    if len(lives) == 2:
        # A deploy that was cut between two hosts, or a rollback: those that went over go back to what the others serve.
        newest = live_release(max(alike.values(), key=last_moved))
        for one, other in sorted(permutations(lives), key=lambda pair: pair[0] != newest):
            if all(_before(state, name) == other for state in alike.values() if live_release(state) == one):
                return other
    before = {host: previous(state, name)["release"] for host, state in alike.items()}
    if len(set(before.values())) == 1 and len(lives) == 1:
        return next(iter(before.values()))
    listed = "; ".join(
        f"{host} serves {live_release(state)} and would go back to {before[host]}" for host, state in alike.items()
    )
    raise AnsibleFilterError(
        f"The hosts do not agree on one release of {name} to go back to: {listed}. Say which with -e release=. {_lists(name)}"
    )


def _before(state: Mapping[str, Any], name: str) -> str:
    try:
        return str(previous(state, name)["release"])
    except AnsibleFilterError:
        return ""


def _target(state: Mapping[str, Any], host: str, name: str, release: str) -> dict[str, Any]:
    live = live_release(state)
    if live == release:
        return {
            "release": live,
            "version": state["slots"][state["live"]].get("version", ""),
            "migrations": {},
            "from": live,
            "stays": True,
        }
    try:
        return {**previous(state, name, release), "stays": False}
    except AnsibleFilterError as error:
        raise AnsibleFilterError(f"{host}: {error}") from error


def _refuse_two_sources(found: Mapping[str, Mapping[str, Any]], states: States, name: str) -> None:
    sources = {_own(states[host], one["release"]).get("source", ""): host for host, one in found.items()}
    if len(sources) > 1:
        listed = ", ".join(f"{found[host]['release']} on {host}" for host in sources.values())
        raise AnsibleFilterError(
            f"The hosts do not agree on one release of {name} to go back to: {listed} are of different sources. "
            f"Say which with -e release=. {_lists(name)}"
        )
