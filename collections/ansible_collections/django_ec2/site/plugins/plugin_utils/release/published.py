# SPDX-License-Identifier: MIT
"""Which releases belong into the bucket: those that the hosts serve when a run is at its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils.release import store
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.choice import live_release
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.target import target_of

# The fact in which a host keeps what it switched to in this run: the name of the application, and the release.
SWITCHED = "release_switched"


def _served(host: Mapping[str, Any], name: str, check: bool) -> tuple[str, str]:
    """Release and layer that a host serves of an application now, or in check mode would serve; empty where it serves none."""
    state = host["__release_read"]["applications"][name]
    release = (host.get(SWITCHED) or {}).get(name) or live_release(state)
    wanted = (host.get("__release_wanted") or {}).get(name, {})
    if check and name in (host.get("__release_pending") or []):
        release = wanted.get("release", "")
    layer = (state["releases"].get(release) or {}).get("layer", "")
    return release, layer or (wanted.get("layer", "") if wanted.get("release") == release else "")


def _target(host: Mapping[str, Any], name: str, release: str, platform: str) -> tuple[str, str]:
    """What a host's release was built for: it says so itself, and one that is new is what the facts ask for. A rollback reads no facts."""
    own = host["__release_read"]["applications"][name]["releases"].get(release) or {}
    if own.get("python") and own.get("platform"):
        return own["python"], own["platform"]
    return target_of(host["ansible_facts"], platform)


def _version(host: Mapping[str, Any], name: str, release: str) -> str:
    wanted = (host.get("__release_wanted") or {}).get(name, {})
    if wanted.get("release") == release and wanted.get("version"):
        return str(wanted["version"])
    state = host["__release_read"]["applications"][name]
    versions = {line["release"]: line.get("version", "") for line in state.get("history", [])}
    return str(versions.get(release, ""))


def published(
    hosts: Iterable[Mapping[str, Any]], applications: Iterable[str], platform: str, builds: str, check: bool = False
) -> list[dict[str, Any]]:
    """The live release of each application for each kind of host, as items for the module release_publish.

    An application of which hosts of one kind serve several releases is left out: what is live is not decided.

    Args:
        hosts: variables of the hosts of the play.
        applications: names of those that the run was about.
        platform: that releases are built for.
        builds: where they are kept on the controller.
        check: whether it is check mode, in which hosts serve what they would have switched to.

    Returns:
        One mapping each: ``name``, ``python``, ``platform``, ``release``, ``version``, ``layer``, the paths of both archives on the
        controller where they are there, and ``host``, one that serves it.
    """
    hosts, found = [host for host in hosts if "__release_read" in host], []
    for name in applications:
        kinds: dict[tuple[str, str], dict[tuple[str, str], Mapping[str, Any]]] = {}
        for host in hosts:
            if name in host["__release_read"]["applications"]:
                served = _served(host, name, check)
                kinds.setdefault(_target(host, name, served[0], platform), {}).setdefault(served, host)
        for (python, own_platform), of_kind in sorted(kinds.items()):
            (release, layer), host = next(iter(of_kind.items()))
            if len(of_kind) > 1 or not release:
                continue
            kept = Path(builds, name)
            found.append(
                {
                    "name": name,
                    "python": python,
                    "platform": own_platform,
                    "release": release,
                    "version": _version(host, name, release),
                    "layer": layer,
                    "archive": store.known(store.archive(kept, release)),
                    "layer_archive": store.known(store.layer_archive(kept, layer)) if layer else "",
                    "host": host["inventory_hostname"],
                }
            )
    return found


def most_hosts(played: Iterable[str], hosts: Iterable[str]) -> bool:
    """Whether a run was about more than half of the web hosts: what a part of them serves is a trial, and not what is live."""
    hosts = set(hosts)
    return 2 * len(hosts & set(played)) > len(hosts)
