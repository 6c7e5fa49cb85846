# SPDX-License-Identifier: MIT
"""Which release each application should have on each host, and where it comes from: a host, a build, or it stays as it is.

A *policy* says what may move a release:

- ``deploy``: what the source holds now.
- ``converge``: the inventory alone. It may name another exact version (a tag, a commit), or change the entry of a source that
  has not changed. A directory that was edited and a branch that went on leave the live release alone.
- ``keep``: nothing. A host without a release gets the live one of the others.

Nothing here asks a host or changes one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils.release import room
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.target import target_of

SHIPPED = ("release", "archive", "layer", "layer_archive", "version")
# What release_state read of one application, by the name of the host.
States = Mapping[str, Mapping[str, Any]]


def states_of(hosts: Iterable[Mapping[str, Any]], elsewhere: Iterable[Mapping[str, Any]], name: str) -> dict[str, Any]:
    """What was read of an application on every host that was asked.

    Args:
        hosts: variables of the hosts of the play.
        elsewhere: results of release_state for hosts that the play leaves out.
        name: of the application.
    """
    outside = {one["item"]: one["applications"] for one in elsewhere if "applications" in one}
    inside = {host["inventory_hostname"]: host["__release_read"]["applications"] for host in hosts}
    return {host: found[name] for host, found in {**outside, **inside}.items() if name in found}


def live_release(state: Mapping[str, Any]) -> str:
    """The release that a host serves; empty before its first deploy."""
    return str(state["slots"].get(state["live"], {}).get("release", ""))


def last_moved(state: Mapping[str, Any]) -> int:
    """When the host went over to another release; a start of the same one with another environment doesn't count."""
    return max((line["time"] for line in state.get("history", []) if line.get("from") != line["release"]), default=0)


def _most(states: States, releases: Iterable[str]) -> str:
    """The release that is live on most hosts, of several the one that came last; empty without any."""
    live = Counter(live_release(state) for state in states.values())

    def rank(release: str) -> tuple[int, int, str]:
        return (
            live[release],
            max((last_moved(one) for one in states.values() if live_release(one) == release), default=0),
            release,
        )

    return max(sorted(set(releases)), key=rank, default="")


def _fits(own: Mapping[str, Any], target: tuple[str, str]) -> bool:
    """Whether a release was built for a target; one that does not say is taken for it."""
    return (own.get("python") or target[0], own.get("platform") or target[1]) == target


def _holders(states: States, target: tuple[str, str], release: str) -> list[str]:
    """The hosts that have a whole release."""
    found = []
    for host, state in states.items():
        own = state["releases"].get(release)
        if own and own["complete"] and _fits(own, target):
            found.append(host)
    return found


def _made_from(states: States, target: tuple[str, str], key: str) -> list[str]:
    """The releases that some host has of an input, for a target."""
    return [
        release for state in states.values() for release, own in state["releases"].items()
        if key and own["complete"] and own["input_key"] == key and _fits(own, target)
    ]  # fmt: skip


def _source_of(states: States, release: str) -> str:
    """What the source of a release was, as its ``release.json`` says."""
    sources = (state["releases"].get(release, {}).get("source", "") for state in states.values())
    return next(filter(None, sources), "")


def unknown(applications: Iterable[Mapping[str, Any]], hosts: Iterable[Mapping[str, Any]]) -> list[str]:
    """Applications that no host of the play serves: others may have to be asked."""
    hosts = list(hosts)
    names = [one["name"] for one in applications]
    return [name for name in names if not any(map(live_release, states_of(hosts, [], name).values()))]


def with_live(
    items: Iterable[Mapping[str, Any]],
    hosts: Iterable[Mapping[str, Any]],
    elsewhere: Iterable[Mapping[str, Any]],
    policy: str,
) -> list[dict[str, Any]]:
    """What ``builds`` says, and for a run that is no deploy the source of the release that is live.

    Args:
        items: what ``builds`` returned.
        hosts: variables of the hosts of the play.
        elsewhere: results of release_state for hosts that the play leaves out.
        policy: what may move a release.
    """
    hosts, found = list(hosts), []
    for item in items:
        states = states_of(hosts, elsewhere, item["name"])
        reference = _most(states, filter(None, map(live_release, states.values())))
        live = "" if policy == "deploy" else _source_of(states, reference)
        found.append({**item, "live_source": live, "keep_live": policy == "keep" and bool(live)})
    return found


def plan(
    keys: Iterable[Mapping[str, Any]],
    hosts: Iterable[Mapping[str, Any]],
    elsewhere: Iterable[Mapping[str, Any]],
    rebuild: bool = False,
) -> list[dict[str, Any]]:
    """Of each release that is asked for, where it comes from.

    Args:
        keys: results of release_build with ``key_only``.
        hosts: variables of the hosts of the play.
        elsewhere: results of release_state for hosts that the play leaves out.
        rebuild: build all of them, whatever the hosts have.

    Returns:
        One mapping a result: ``item``, ``input_key``, ``version``, ``moves`` and ``differs`` of it; ``release`` (empty: it has to
        be built) and ``layer``; ``from`` (hosts that have it); ``lacking`` (hosts of the play that do not); ``layers`` that
        every host has. Where there is no way to it, ``item`` and the ``problem``.
    """
    hosts, found = list(hosts), []
    for result in keys:
        item = result["item"]
        name, target = item["name"], (item["python"], item["platform"])
        states = states_of(hosts, elsewhere, name)
        alike = [one["inventory_hostname"] for one in hosts if target_of(one["ansible_facts"], target[1]) == target]
        candidates = [] if rebuild else _made_from(states, target, result["input_key"])
        served = [one for one in map(live_release, states.values()) if one and _holders(states, target, one)]
        if not candidates and not rebuild and (item.get("keep_live") or result["differs"]):
            candidates = served
        release = _most(states, candidates)
        if not release and result["differs"]:
            # Hosts with another Python than those that serve. A repository still has the commit, a directory has gone on.
            if not result["commit"]:
                found.append({"item": item, "problem": _no_release(name, target, states)})
                continue
            item = {**item, "version": result["commit"]}
        holders = _holders(states, target, release)
        found.append(
            {
                **{key: result[key] for key in ("input_key", "key_now", "version", "moves", "differs")},
                "item": item,
                "release": release,
                "layer": next((states[one]["releases"][release].get("layer", "") for one in holders), ""),
                "from": sorted(holders, key=lambda one: live_release(states[one]) != release),
                "lacking": [one for one in alike if one not in holders],
                "layers": _layers_of_all([states[one] for one in alike]),
                "layer_from": {} if release or rebuild else _layer_of_some(states, alike, served, target),
            }
        )
    return found


def _no_release(name: str, target: tuple[str, str], states: States) -> str:
    live = ", ".join(sorted({live_release(one) for one in states.values()} - {""}))
    return (
        f"{name}: {live} is live, no host has it for Python {target[0]} on {target[1]}, and its source has changed since. Deploy the "
        f"source as it is now to all hosts: ansible-playbook playbooks/deploy.yml -e app={name}."
    )


def _layers_of_all(states: list[Mapping[str, Any]]) -> dict[str, Any]:
    first = states[0]["layers"] if states else {}
    return {key: one for key, one in first.items() if all(state["layers"].get(key) == one for state in states)}


def _layer_of_some(states: States, alike: list[str], served: list[str], target: tuple[str, str]) -> dict[str, str]:
    """The layer that the live release runs on, and a host that has it, where some host of the play lacks it.

    A new release may need the same packages: a controller that has built nothing then need not resolve them again.
    """
    release = _most(states, served)
    holders = _holders(states, target, release)
    layer = next((states[one]["releases"][release].get("layer", "") for one in holders), "")
    lacking = [one for one in alike if all(known["layer"] != layer for known in states[one]["layers"].values())]
    return {"layer": layer, "host": holders[0]} if layer and lacking else {}


def to_fetch(planned: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Releases and layers that some host has and another one lacks, as items for the module release_fetch."""
    found = []
    for one in planned:
        if one["release"] and one["lacking"]:
            wanted = {"release": one["release"], "layer": one["layer"], "host": one["from"][0]}
            found.append({"name": one["item"]["name"], **wanted})
        elif one["layer_from"]:
            found.append({"name": one["item"]["name"], "release": "", **one["layer_from"]})
    return found


def to_build(
    planned: Iterable[Mapping[str, Any]], fetched: Iterable[Mapping[str, Any]], rebuild: bool = False
) -> list[dict[str, Any]]:
    """Releases that no host has, or none that could hand them out, as items for the module release_build.

    Args:
        planned: what ``plan`` returned.
        fetched: results of release_fetch.
        rebuild: whether they are built anew.
    """
    there = {one["item"]["release"] for one in fetched if one.get("archive")}
    return [
        {**one["item"], "layers": one["layers"], "rebuild": rebuild}
        for one in planned
        # What is live of a directory that has changed since can't be built again.
        if not one["release"] or (one["lacking"] and one["release"] not in there and not one["differs"])
    ]


def asked_for(
    planned: Iterable[Mapping[str, Any]],
    fetched: Iterable[Mapping[str, Any]],
    built: Iterable[Mapping[str, Any]],
    state: Mapping[str, Any],
    target: tuple[str, str],
) -> dict[str, dict[str, Any]]:
    """The release of each application that a host is asked to have, before rollbacks are thought of.

    Args:
        planned: what ``plan`` returned.
        fetched: results of release_fetch.
        built: results of release_build for what ``to_build`` said.
        state: what release_state read on this host.
        target: of this host.
    """
    new = {one["item"]["name"]: one for one in built if (one["item"]["python"], one["item"]["platform"]) == target}
    archives = {one["item"]["release"]: one for one in fetched if one.get("archive")}
    found = {}
    for one in planned:
        name = one["item"]["name"]
        if (one["item"]["python"], one["item"]["platform"]) != target:
            continue
        empty = {"archive": "", "layer": "", "layer_archive": "", "version": one["version"]}
        if name in new:
            wanted = {field: new[name][field] for field in SHIPPED}
        else:
            shipped = archives.get(one["release"], {})
            fields = {key: shipped[key] for key in ("archive", "layer", "layer_archive") if key in shipped}
            wanted = {**empty, "release": one["release"], **fields}
        found[name] = wanted if one["moves"] else _held(wanted, one, state[name], empty)
    return found


def _held(
    wanted: dict[str, Any], planned: Mapping[str, Any], state: Mapping[str, Any], empty: Mapping[str, Any]
) -> dict[str, Any]:
    """What a host keeps in a run that is no deploy: its live release, but where the entry of that very source has changed."""
    live = live_release(state)
    own = state["releases"].get(live, {})
    if not live or not own.get("complete"):
        return wanted
    version = state["slots"][state["live"]].get("version") or wanted["version"]
    item = planned["item"]
    of_this_source = own.get("source") == item.get("live_source") and not item.get("keep_live")
    if of_this_source and not planned["differs"] and own["input_key"] != planned["input_key"]:
        return wanted
    return (
        {**empty, "release": live, "version": version} if live != wanted["release"] else {**wanted, "version": version}
    )


def _rolled_back(states: States, keys: list[str]) -> str:
    """Why a release of one of these inputs was withdrawn; empty when none was."""
    releases = (own for state in states.values() for own in state["releases"].values())
    return next((own["withdrawn"] for own in releases if own["input_key"] in keys and own.get("withdrawn")), "")


def notes(planned: Iterable[Mapping[str, Any]], hosts: Iterable[Mapping[str, Any]]) -> list[str]:
    """What a run that is no deploy leaves alone, and how to deploy it; what somebody changed in a live release.

    Args:
        planned: what ``plan`` returned.
        hosts: variables of the hosts of the play, each with ``__release_wanted``.
    """
    hosts, found = list(hosts), []
    planned = [one for one in planned if "problem" not in one]
    for name in dict.fromkeys(one["item"]["name"] for one in planned):
        remedy = f"ansible-playbook playbooks/deploy.yml -e app={name}"
        states = states_of(hosts, [], name)
        wanted = {host["inventory_hostname"]: host["__release_wanted"].get(name, {}) for host in hosts}
        withdrawn = next((one for one in wanted.values() if "withdrawn" in one), None)
        differs = next((one["differs"] for one in planned if one["item"]["name"] == name and one["differs"]), "")
        sources = {_source_of(states, one["release"]): host for host, one in wanted.items() if one}
        if withdrawn:
            found.append(
                f"{name}: the release that the inventory asks for was {withdrawn['withdrawn']}. {withdrawn['release']} stays live. "
                f"Deploy a repaired source, or the same one again: {remedy}"
            )
        elif differs and (
            back := _rolled_back(states, [one["key_now"] for one in planned if one["item"]["name"] == name])
        ):
            found.append(
                f"{name}: the release of its source as it is now was {back}, and this run leaves the one alone that is live. "
                f"Deploy a repaired source, or the same one again: {remedy}"
            )
        elif differs:
            found.append(
                f"{name}: {differs}. This run left the release alone that is live. To deploy the source: {remedy}"
            )
        for host, state in states.items():
            full = room.nearly_full(state, f"/srv/{name}")
            if full:
                found.append(f"{name} on {host}: {full}. Make room, before the next deploy or the database needs it.")
            if state.get("damage"):
                files = ", ".join(f"{path} {what}" for path, what in state["damage"].items())
                found.append(
                    f"{name} on {host}: files of the live release were not as they were shipped, a run puts them back: {files}"
                )
        if len(sources) > 1:
            served = ", ".join(f"{wanted[host]['release']} on {host}" for host in sources.values())
            found.append(
                f"{name}: the hosts serve releases of several sources ({served}). To make them alike: {remedy}"
            )
    return found
