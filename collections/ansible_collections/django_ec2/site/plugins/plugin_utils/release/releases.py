# SPDX-License-Identifier: MIT
"""Which releases a host has, which it should have, and what follows. Nothing here asks a host or changes one."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.django_ec2.site.plugins.plugin_utils import application_server
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.environment import application_fingerprint
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.schema import BUILD_KEYS
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.validate import is_url
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.target import target_of
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.units import here, settings_files


def builds(
    applications: list[dict[str, Any]], hosts: Iterable[Mapping[str, Any]], platform: str, root: str = ""
) -> list[dict[str, Any]]:
    """What has to be built: each application for each kind of host in the play, without its secrets.

    ``root`` is the directory that relative sources lie below.
    """
    targets = sorted({target_of(host["ansible_facts"], platform) for host in hosts})
    return [
        {key: one[key] for key in BUILD_KEYS}
        | {"source": one["source"] if is_url(one["source"]) else str(Path(root, one["source"]))}
        | ({"requirements": one["requirements"]} if one["requirements"] != "auto" else {})
        | {"python": python, "platform": platform}
        for one in applications
        for python, platform in targets
    ]


def state_request(applications: list[dict[str, Any]], singletons: bool = True) -> list[dict[str, Any]]:
    """What the module release_state is asked."""
    return [
        {
            "name": one["name"],
            "root": one["root"],
            "unit": application_server.unit(one["name"], "{slot}"),
            "files": settings_files(one),
            "services": [process["name"] for process in here(one["services"], singletons)],
        }
        for one in applications
    ]


def pending(
    applications: list[dict[str, Any]],
    state: Mapping[str, Any],
    releases: Mapping[str, Any],
    endpoints: Mapping[str, Any],
    redis_urls: Mapping[str, str] | None = None,
) -> list[str]:
    """Names of the applications whose live slot is not what it should be.

    Args:
        applications: of this host.
        state: what release_state read.
        releases: what is wanted on this host.
        endpoints: where the database of each application is, what ``database_endpoints`` returned.
        redis_urls: where each application finds its Redis.
    """
    pending = []
    for one in applications:
        if one["name"] not in releases:  # it could not be built
            continue
        own = state[one["name"]]
        slot = own["slots"].get(own["live"], {})
        release = releases[one["name"]]["release"]
        redis_url = (redis_urls or {}).get(one["name"], "")
        wanted = {
            "release": release,
            "fingerprint": application_fingerprint(one, endpoints[one["name"]], release, redis_url),
            "settings": own["settings"],
            "active": True,
        }
        if (
            own.get("damage")
            or not own.get("services", True)
            or any(slot.get(key) != value for key, value in wanted.items())
        ):
            pending.append(one["name"])
    return pending


def wanted(
    releases: Mapping[str, dict[str, Any]], state: Mapping[str, Any], again: bool = False
) -> dict[str, dict[str, Any]]:
    """The release that each application should have here: the built one, or the live one after a rollback from that.

    Args:
        releases: what the host is asked for.
        state: what release_state read.
        again: whether a release that was withdrawn by a rollback is deployed again.
    """
    wanted = {}
    for name, built in releases.items():
        own = state[name]
        live = own["slots"].get(own["live"], {}).get("release", "")
        withdrawn = own["releases"].get(built["release"], {}).get("withdrawn", "")
        if withdrawn and live and not again:
            slot = own["slots"][own["live"]]
            wanted[name] = {**built, "release": live, "version": slot.get("version", ""), "withdrawn": withdrawn}
        else:
            wanted[name] = built
    return wanted


def previous(state: Mapping[str, Any], name: str, release: str = "") -> dict[str, Any]:
    """The release that a rollback makes live, or why there is none.

    Args:
        state: what release_state read of the application, with details.
        name: of the application, for messages.
        release: the one that is asked for; empty is the one that was live before.

    Returns:
        ``release``, its ``version``, and the ``migrations`` of the live release that it does not know and that break it.

    Raises:
        AnsibleFilterError: there is no such release here; the message says which ones there are.
    """
    live = state["slots"].get(state["live"], {}).get("release", "")
    releases = state["releases"]
    usable = {one: own for one, own in releases.items() if own["complete"] and own["ready"] and one != live}
    remedy = f"playbooks/releases.yml -e app={name} lists what is here."
    if not live:
        raise AnsibleFilterError(f"{name} has no live release here, so there is nothing to roll back: run site.yml.")
    if release and release == live:
        raise AnsibleFilterError(f"{release} of {name} is live already. {remedy}")
    if release and release not in usable:
        known = ", ".join(sorted(usable)) or "none"
        raise AnsibleFilterError(f"{release} of {name} is not on this host (others: {known}). {remedy}")
    if not release:
        before = [line["release"] for line in reversed(state["history"])]
        good = [one for one in before if one in usable and not usable[one]["bad"] and not usable[one]["withdrawn"]]
        if not good:
            raise AnsibleFilterError(f"No earlier release of {name} is kept on this host. {remedy}")
        release = good[0]
    if usable[release]["bad"]:
        raise AnsibleFilterError(
            f"{release} of {name} is marked bad ({usable[release]['bad']}); give another. {remedy}"
        )
    unknown = {
        migration: reasons for migration, reasons in (releases[live].get("migrations") or {}).items()
        if migration not in (usable[release].get("migrations") or {}) and reasons
    }  # fmt: skip
    versions = {line["release"]: line.get("version", "") for line in state["history"]}
    return {"release": release, "version": versions.get(release, ""), "migrations": unknown, "from": live}


def leftovers(state: Mapping[str, Any]) -> list[str]:
    """Names of the applications whose idle slot still runs, or of which a switch was cut."""
    return sorted(name for name, own in state.items() if own.get("owed") or own["slots"][own["idle"]].get("active"))


def all_leftovers(hosts: Iterable[Mapping[str, Any]]) -> list[str]:
    """The applications of which some host has a leftover, in one order for all hosts."""
    states = (host["__release_read"]["applications"] for host in hosts if "__release_read" in host)
    return sorted({name for state in states for name in leftovers(state)})


def first_pending(hosts: Iterable[Mapping[str, Any]], name: str) -> str:
    """The first host of the play that has to deploy the application: it migrates for all."""
    return next((host["inventory_hostname"] for host in hosts if name in host.get("__release_pending", [])), "")


def surplus(state: Mapping[str, Any], release: str, kept: int) -> list[str]:
    """Releases to remove: all but the newest ``kept``, never the one that becomes live or the one that is.

    A release that never was live (its deploy failed) is of no use to a rollback, so such ones go first. ``state`` was read
    before the deploy: what the idle slot held then gives way to ``release``.
    """
    held = {release, *(slot.get("release") for name, slot in state["slots"].items() if name != state.get("idle"))}
    others = {name: one for name, one in state["releases"].items() if name not in held}
    lived = {line["release"] for line in state.get("history", [])}
    newest = sorted(others, key=lambda name: (name in lived, others[name]["modified"]), reverse=True)
    return sorted(newest[max(0, kept - len(held - {None})) :])


def anywhere_pending(hosts: Iterable[Mapping[str, Any]]) -> bool:
    """Whether any host of the play has to change."""
    return any(host.get("__release_pending") for host in hosts)


def seen(state: Mapping[str, Any], names: Iterable[str]) -> dict[str, str]:
    """What was live when this run looked, by directory: what another run changes meanwhile is no base for it."""
    return {f"/srv/{name}": state[name]["moment"] for name in names}


def service_request(services: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the module release_activate needs to know of services."""
    return [{"name": one["name"], "singleton": one["singleton"]} for one in services]


def writable(application: Mapping[str, Any]) -> list[str]:
    """What the application may write of its release while the release's own commands run.

    ``collectstatic`` writes the static files alone; other commands (``compilemessages``) may write into the source.
    """
    collects = all(words(one)[0] == "collectstatic" for one in application["release_commands"])
    return ["static"] if collects else ["static", "app"]


def staging(
    application: Mapping[str, Any], release: Mapping[str, Any], state: Mapping[str, Any], slot: str, kept: int
) -> dict[str, Any]:
    """What the module release_stage needs to know, but for the environments.

    Args:
        application: one of ``resolve_applications``.
        release: the release that is asked for: ``release``, ``archive``, ``layer``, ``layer_archive``.
        state: what release_state read of the application here.
        slot: the one that it goes into.
        kept: how many releases are kept.
    """
    here_already = (state["releases"].get(release["release"]) or {}).get("complete", False)
    has_layer = any(one["layer"] == release["layer"] for one in state["layers"].values())
    socket = application_server.socket(application["name"], slot)
    return {
        "name": application["name"],
        "root": application["root"],
        "user": application["user"],
        "release": release["release"],
        "layer": release["layer"],
        "archive": None if here_already else release["archive"],
        "layer_archive": None if here_already or has_layer else release["layer_archive"],
        "slot": slot,
        "socket": socket,
        "socket_name": socket.rpartition("/")[2],
        "manage": application["manage"],
        "commands": [words(one) for one in application["release_commands"]],
        "writable": writable(application),
        "static_shared": application["static_kept_root"],
        "remove": surplus(state, release["release"], kept),
    }


def activation(application: Mapping[str, Any], services: list[dict[str, Any]]) -> dict[str, Any]:
    """What the module release_activate needs to know of an application, whatever the release.

    Args:
        application: one of ``resolve_applications``.
        services: those of it that run on this host.
    """
    name = application["name"]
    return {
        "name": name,
        "root": application["root"],
        "unit": application_server.unit(name, "{slot}"),
        "socket": application_server.socket(name, "{slot}"),
        "protocol": application_server.PROTOCOL,
        "settings": settings_files(application),
        "services": service_request(services),
        "host": application["asked_domain"],
        "health_path": application["health_path"],
        "checks": checks(application),
    }


def checks(application: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The check paths of an application; its front page is one of them, and is no error page where the entry says nothing else."""
    listed = {"/": {"status": 0, "text": ""}, **application["check_paths"]}
    return [{"path": path, **wanted} for path, wanted in listed.items()]


def question(application: Mapping[str, Any]) -> dict[str, Any]:
    """What the module release_health needs to know to ask what is live."""
    return {
        "socket": application["live_socket"],
        "protocol": application_server.PROTOCOL,
        "host": application["asked_domain"],
        "health_path": application["health_path"],
        "checks": checks(application),
    }


def site_questions(applications: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What a visitor asks of each application: see the module site_health."""
    return [
        {
            "name": application["name"],
            "host": application["asked_domain"],
            "health_path": application["health_path"],
            "checks": checks(application),
        }
        for application in applications
    ]


def site_failure(host_and_sentence: tuple[Mapping[str, Any], str]) -> str:
    """The sentence about a page, with the host that asked for it."""
    host, sentence = host_and_sentence
    return f"{host['key']}: {sentence}"


def migrations(hosts: Iterable[Mapping[str, Any]], name: str) -> dict[str, list[str]]:
    """What a release says of its migrations: it was asked on one host, and is the same on all of them."""
    gates = ((host.get("__release_gates") or {}).get(name) or {} for host in hosts)
    return next((gate["migrations"] for gate in gates if gate.get("migrations")), {})


def restore_point(hosts: Iterable[Mapping[str, Any]], name: str) -> str:
    """The restore point that this run made before the migrations of an application; empty without one."""
    gates = ((host.get("__release_gates") or {}).get(name) or {} for host in hosts)
    return next((gate["restore_point"] for gate in gates if gate.get("restore_point")), "")


def point_before(history: Iterable[Mapping[str, Any]], release: str) -> str:
    """The restore point that leads back to the data as a release left it: the first one made since it was live last.

    Args:
        history: what release_state read, the oldest first.
        release: the one to go back to.
    """
    point = ""
    for line in history:
        if line.get("release") == release:
            point = ""
        elif not point:
            point = str(line.get("restore_point") or "")
    return point


def to_migrate(hosts: Iterable[Mapping[str, Any]], name: str) -> bool:
    """Whether the database of an application has to be brought to its release: it lacks migrations, or could not be asked.

    Args:
        hosts: variables of the hosts of the play.
        name: of the application.
    """
    hosts = list(hosts)
    first = next((host for host in hosts if host["inventory_hostname"] == first_pending(hosts, name)), None)
    if first is None:
        return False
    gate = (first.get("__release_gates") or {}).get(name) or {}
    return bool(gate.get("plan")) or "plan" not in gate


def words(command: str) -> list[str]:
    """The words of a command, split like a shell does; ``manage.py`` in front of a manage command may stand or not."""
    words = shlex.split(command)
    return words[1:] if words[:1] == ["manage.py"] else words
