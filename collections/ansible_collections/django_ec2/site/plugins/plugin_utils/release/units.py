# SPDX-License-Identifier: MIT
"""What a host has for an application beside its releases: directories, the manage command, units of services and timers."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Mapping
from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils import application_server
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications import names
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.removal import record
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.storage import writable


def directories(applications: list[dict[str, Any]]) -> list[dict[str, str]]:
    """The directories of each application, as entries of host_config's ``directories``."""
    entries = []
    for one in applications:
        root, user = one["root"], one["user"]
        private = {"group": user, "mode": "0750"}
        entries += [
            {"path": root, **private},
            {"path": f"{root}/releases", **private},
            {"path": f"{root}/layers", **private},
            {"path": f"{root}/slots", **private},
            {"path": f"{root}/slots/blue", **private},
            {"path": f"{root}/slots/green", **private},
            {"path": f"{root}/shared", **private},
            {"path": f"{root}/shared/static", **private},
        ]
        if one["mounts"]:
            entries.append({"path": posixpath.dirname(one["data_root"]), **private})
        if one["media_root"]:
            entries.append({"path": one["media_root"], "owner": user, **private})
        # nginx is in the application's group, and follows a link from media to what has the same owner.
        entries.append({"path": one["data_root"], "owner": user, "group": user, "mode": "0700"})
    return entries


def mounts(applications: list[dict[str, Any]]) -> list[str]:
    """What has to be mounted before anything is written there, as host_config's ``mounted``."""
    return sorted({path for one in applications for path in one["mounts"]})


def absent(applications: list[dict[str, Any]]) -> list[str]:
    """Files that earlier versions left, as entries of host_config's ``absent``: the administrator's password among them."""
    return [
        f"{one['root']}/slots/{slot}/environment-administrator" for one in applications for slot in ("blue", "green")
    ]


def records(applications: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the host notes of each application, as entries of host_config's ``files``."""
    return [{"path": f"{one['root']}/application.json", "content": record(one), "mode": "0600"} for one in applications]


def manage_files(applications: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The manage command of each application, as entries of host_config's ``files``."""
    keys = ("name", "root", "user", "project_directory")
    return [
        {
            "path": one["manage"],
            "template": "manage.j2",
            "mode": "0755",
            "vars": {"application": {**{key: one[key] for key in keys}, "writable": writable(one)}},
        }
        for one in applications
    ]


def _quoted(word: str) -> str:
    """A word as systemd reads it back in ExecStart= and Environment= (man systemd.service, "Command lines")."""
    return word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")


def _command(words: list[str], release: str) -> str:
    """A command of the release as ExecStart=: manage.py and python by the release's interpreter, all else a script of it."""
    program = "python" if words[0] in ("manage.py", "python") else _quoted(words[0])
    rest = words if words[0] == "manage.py" else words[1:]
    return " ".join([f'"{release}/venv/bin/{program}"', *(f'"{_quoted(word).replace("$", "$$")}"' for word in rest)])


def _variables(environment: Mapping[str, Any]) -> list[str]:
    """Environment= lines of a unit."""
    return [f'Environment="{_quoted(f"{key}={value}")}"' for key, value in sorted(environment.items())]


def _process(one: Mapping[str, Any], process: Mapping[str, Any], slot: str) -> dict[str, Any]:
    base = f"{one['root']}/{slot}"
    return {
        **process,
        "application": one["name"],
        "user": one["user"],
        "root": one["root"],
        "base": base,
        "directory": f"{base}/release/app/{one['project_directory']}",
        "execute": _command(shlex.split(process["command"]), f"{base}/release"),
        "variables": _variables(process["environment"]),
        "writable_paths": writable(one),
        "mounts": one["mounts"],
        "unit_settings": one["unit_settings"],
    }


def units(applications: list[dict[str, Any]], singletons: bool) -> list[dict[str, Any]]:
    """The units of the services and timers of each application, as entries of host_config's ``files``.

    Args:
        applications: of this host.
        singletons: whether this host runs what runs on one host only.
    """
    files = []
    for one in applications:
        for process in here(one["services"], singletons):
            path = f"{one['unit_directory']}/{names.service_unit(one['name'], process['name'])}"
            files.append(
                {
                    "path": path,
                    "template": "service.service.j2",
                    "vars": {"process": _process(one, process, "slots/%i")},
                }
            )
        for process in here(one["timers"], singletons):
            for kind in ("service", "timer"):
                path = f"{one['unit_directory']}/{names.timer_unit(one['name'], process['name'], kind)}"
                files.append(
                    {"path": path, "template": f"timer.{kind}.j2", "vars": {"process": _process(one, process, "live")}}
                )
    return files


def timers(applications: list[dict[str, Any]], singletons: bool) -> list[dict[str, Any]]:
    """The timers of each application, as entries of host_config's ``units``."""
    return [
        {"name": names.timer_unit(one["name"], process["name"]), "enabled": True, "state": "started"}
        for one in applications
        for process in here(one["timers"], singletons)
    ]


def purge(applications: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Units of services and timers that an application has no more, as entries of host_config's ``purge``."""
    return [
        {"directory": one["unit_directory"], "pattern": f"{one['name']}-{kind}"}
        for one in applications
        for kind in ("*@.service", "timer-*.service", "timer-*.timer")
    ]


def here(processes: list[dict[str, Any]], singletons: bool) -> list[dict[str, Any]]:
    """The services or timers that run on this host."""
    return [one for one in processes if singletons or not one["singleton"]]


def settings_files(application: Mapping[str, Any]) -> list[str]:
    """The files that a server and the services read at their start."""
    services = [
        f"{application['unit_directory']}/{names.service_unit(application['name'], one['name'])}"
        for one in application["services"]
    ]
    return [*application_server.settings_files(application["name"]), *services]
