"""Filters of the role django: what a host has, what it should have, and what follows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import util
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleFilterError


def _sibling(name: str) -> Any:
    """Another filter file of this directory; Ansible loads each of them on its own."""
    spec = util.spec_from_file_location(f"project_filter_{name}", Path(__file__).with_name(f"{name}.py"))
    if spec is None or spec.loader is None:
        raise AnsibleFilterError(f"{name}.py is missing beside {__file__}.")
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _target(facts: Mapping[str, Any], platform: str) -> dict[str, str]:
    if "python" not in facts:
        raise AnsibleFilterError("Facts are missing: the play has to gather them (gather_subset: [min, hardware]).")
    version = facts["python"]["version"]
    return {"python": f"{version['major']}.{version['minor']}", "platform": platform}


def django_builds(
    applications: list[dict[str, Any]], hosts: Iterable[Mapping[str, Any]], platform: str
) -> list[dict[str, Any]]:
    """What has to be built: each application for each kind of host in the play, without its secrets."""
    targets = sorted({tuple(_target(host["ansible_facts"], platform).values()) for host in hosts})
    return [
        {key: one[key] for key in ("name", "source", "requirements", "packages")}
        | {"python": python, "platform": platform}
        for one in applications
        for python, platform in targets
    ]


def django_releases(
    results: list[dict[str, Any]], facts: Mapping[str, Any], platform: str
) -> dict[str, dict[str, Any]]:
    """Of the builds of a run, those for this host, by the application's name."""
    target = _target(facts, platform)
    return {
        result["item"]["name"]: {"release": result["release"], "archive": result["archive"], "size": result["size"]}
        for result in results
        if {key: result["item"][key] for key in target} == target
    }


def django_directories(applications: list[dict[str, Any]]) -> list[dict[str, str]]:
    """The directories of each application, as entries of host_config's ``directories``."""
    entries = []
    for one in applications:
        root, user = one["root"], one["user"]
        private = {"group": user, "mode": "0750"}
        entries += [
            {"path": root, **private},
            {"path": f"{root}/releases", **private},
            {"path": f"{root}/slots", **private},
            {"path": f"{root}/slots/blue", **private},
            {"path": f"{root}/slots/green", **private},
            {"path": f"{root}/shared", **private},
            {"path": f"{root}/shared/static", **private},
            {"path": one["media_root"], "owner": user, **private},
        ]
    return entries


def django_files(applications: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The manage command of each application, as entries of host_config's ``files``."""
    return [
        {
            "path": one["manage"],
            "template": "manage.j2",
            "mode": "0755",
            "vars": {"application": {key: one[key] for key in ("name", "root", "user", "project_directory")}},
        }
        for one in applications
    ]


def django_settings_files(application: Mapping[str, Any]) -> list[str]:
    """The files that a master reads at its start."""
    return [application["unit_file"], application["configuration"], application["wsgi_file"]]


def django_state_request(applications: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the module release_state is asked."""
    return [{"name": one["name"], "root": one["root"], "files": django_settings_files(one)} for one in applications]


def django_pending(
    applications: list[dict[str, Any]],
    state: Mapping[str, Any],
    releases: Mapping[str, Any],
    database: Mapping[str, Any],
    settings_will_change: bool = False,
) -> list[str]:
    """Names of the applications whose live slot is not what it should be.

    Args:
        applications: of this host.
        state: what release_state read.
        releases: what was built for this host.
        database: where the database is.
        settings_will_change: in check mode, whether the files that a master reads would have been changed.
    """
    fingerprint = _sibling("applications").application_fingerprint
    pending = []
    for one in applications:
        own = state[one["name"]]
        slot = own["slots"].get(own["live"], {})
        release = releases[one["name"]]["release"]
        wanted = {
            "release": release,
            "fingerprint": fingerprint(one, database, release),
            "settings": own["settings"],
            "active": True,
        }
        if settings_will_change or any(slot.get(key) != value for key, value in wanted.items()):
            pending.append(one["name"])
    return pending


def django_leftovers(state: Mapping[str, Any]) -> list[str]:
    """Names of the applications whose idle slot still runs."""
    return sorted(name for name, own in state.items() if own["slots"][own["idle"]].get("active"))


def django_first_pending(hosts: Iterable[Mapping[str, Any]], name: str) -> str:
    """The first host of the play that has to deploy the application: it migrates for all."""
    return next((host["inventory_hostname"] for host in hosts if name in host.get("__django_pending", [])), "")


def django_surplus(state: Mapping[str, Any], release: str, kept: int) -> list[str]:
    """Releases to remove: all but the newest ``kept``, never the one that becomes live or the one that was.

    ``state`` was read before the deploy: what the idle slot held then has given way to ``release``.
    """
    held = {release, *(slot.get("release") for name, slot in state["slots"].items() if name != state.get("idle"))}
    others = {name: one for name, one in state["releases"].items() if name not in held}
    newest = sorted(others, key=lambda name: others[name]["modified"], reverse=True)
    return sorted(newest[max(0, kept - len(held - {None})) :])


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {
            "django_builds": django_builds,
            "django_releases": django_releases,
            "django_directories": django_directories,
            "django_files": django_files,
            "django_settings_files": django_settings_files,
            "django_state_request": django_state_request,
            "django_pending": django_pending,
            "django_leftovers": django_leftovers,
            "django_first_pending": django_first_pending,
            "django_surplus": django_surplus,
        }
