"""Filters of the role django: what a host has, what it should have, and what follows."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.environment import application_fingerprint
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.schema import BUILD_KEYS
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.validate import is_git


def _target(facts: Mapping[str, Any], platform: str) -> dict[str, str]:
    if "python" not in facts:
        raise AnsibleFilterError("Facts are missing: the play has to gather them (gather_subset: [min, hardware]).")
    version = facts["python"]["version"]
    return {"python": f"{version['major']}.{version['minor']}", "platform": platform}


def django_builds(
    applications: list[dict[str, Any]], hosts: Iterable[Mapping[str, Any]], platform: str, root: str = ""
) -> list[dict[str, Any]]:
    """What has to be built: each application for each kind of host in the play, without its secrets.

    ``root`` is the directory that relative sources lie below.
    """
    targets = sorted({tuple(_target(host["ansible_facts"], platform).values()) for host in hosts})
    return [
        {key: one[key] for key in BUILD_KEYS}
        | {"source": one["source"] if is_git(one["source"]) else str(Path(root, one["source"]))}
        | ({"requirements": one["requirements"]} if one["requirements"] != "auto" else {})
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
        result["item"]["name"]: {key: result[key] for key in ("release", "archive", "size", "version")}
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
        "writable_paths": [one["media_root"]],
    }


def django_units(applications: list[dict[str, Any]], singletons: bool) -> list[dict[str, Any]]:
    """The units of the services and timers of each application, as entries of host_config's ``files``.

    Args:
        applications: of this host.
        singletons: whether this host runs what runs on one host only.
    """
    files = []
    for one in applications:
        for process in here(one["services"], singletons):
            path = f"{one['unit_directory']}/{one['name']}-{process['name']}@.service"
            files.append(
                {
                    "path": path,
                    "template": "service.service.j2",
                    "vars": {"process": _process(one, process, "slots/%i")},
                }
            )
        for process in here(one["timers"], singletons):
            for kind in ("service", "timer"):
                path = f"{one['unit_directory']}/{one['name']}-timer-{process['name']}.{kind}"
                files.append(
                    {"path": path, "template": f"timer.{kind}.j2", "vars": {"process": _process(one, process, "live")}}
                )
    return files


def django_timers(applications: list[dict[str, Any]], singletons: bool) -> list[dict[str, Any]]:
    """The timers of each application, as entries of host_config's ``units``."""
    return [
        {"name": f"{one['name']}-timer-{process['name']}.timer", "enabled": True, "state": "started"}
        for one in applications
        for process in here(one["timers"], singletons)
    ]


def django_purge(applications: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Units of services and timers that an application has no more, as entries of host_config's ``purge``."""
    return [
        {"directory": one["unit_directory"], "pattern": f"{one['name']}-{kind}"}
        for one in applications
        for kind in ("*@.service", "timer-*.service", "timer-*.timer")
    ]


def here(processes: list[dict[str, Any]], singletons: bool) -> list[dict[str, Any]]:
    """The services or timers that run on this host."""
    return [one for one in processes if singletons or not one["singleton"]]


def django_settings_files(application: Mapping[str, Any]) -> list[str]:
    """The files that a master and the services read at their start."""
    services = [
        f"{application['unit_directory']}/{application['name']}-{one['name']}@.service"
        for one in application["services"]
    ]
    return [application["unit_file"], application["configuration"], application["wsgi_file"], *services]


def django_state_request(applications: list[dict[str, Any]], singletons: bool = True) -> list[dict[str, Any]]:
    """What the module release_state is asked."""
    return [
        {
            "name": one["name"],
            "root": one["root"],
            "files": django_settings_files(one),
            "services": [process["name"] for process in here(one["services"], singletons)],
        }
        for one in applications
    ]


def django_pending(
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
        if not own.get("services", True) or any(slot.get(key) != value for key, value in wanted.items()):
            pending.append(one["name"])
    return pending


def django_wanted(
    releases: Mapping[str, dict[str, Any]], state: Mapping[str, Any], again: bool = False
) -> dict[str, dict[str, Any]]:
    """The release that each application should have here: the built one, or the live one after a rollback from that.

    Args:
        releases: what was built for this host.
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


def django_previous(state: Mapping[str, Any], name: str, release: str = "") -> dict[str, Any]:
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


def django_release_list(state: Mapping[str, Any], name: str) -> list[str]:
    """The releases of an application on a host, the newest first, a line each."""
    live = state["slots"].get(state["live"], {}).get("release", "")
    last = {line["release"]: line for line in state["history"]}
    lines = []

    def age(release: str) -> tuple[int, int]:
        return last.get(release, {}).get("time", 0), state["releases"][release]["modified"]

    for release in sorted(state["releases"], key=age, reverse=True):
        own = state["releases"][release]
        line = last.get(release, {})
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(line.get("time") or own["modified"])) + " UTC"
        words = ["live" if release == live else ""]
        words += [f"{mark}: {own[mark]}" for mark in ("bad", "withdrawn") if own[mark]]
        words += [] if own["complete"] and own["ready"] else ["incomplete"]
        size = f"{own.get('size', 0) / 1e6:.1f} MB"
        who = line.get("who") or "-"
        columns = [
            name,
            release,
            when,
            f"{line.get('version') or '-':<14}",
            f"{size:>9}",
            who,
            ", ".join(filter(None, words)),
        ]
        lines.append("  ".join(columns).rstrip())
    return lines


def django_gate_result(output: str) -> dict[str, Any]:
    """What release_gate.py says in its last line; empty when it did not come so far."""
    for line in reversed(output.splitlines()):
        if line.startswith("{"):
            try:
                return json.loads(line)
            except ValueError:
                return {}
    return {}


def django_gate_message(run: Mapping[str, Any], name: str, release: str) -> str:
    """Why the migrations of a release were not applied, and what to do."""
    output = str(run.get("stdout") or "")
    said = django_gate_result(output)
    if said.get("breaking"):
        listed = "".join(f"\n  {django_migration_line(pair)}" for pair in said["breaking"].items())
        return (
            f"{name}: {release} has migrations that break the release that still serves, so nothing was migrated:{listed}\n"
            "Deploy them in two steps: first a release that works with and without the change, then the change (a new column with "
            "null=True or db_default; a column that no code uses any more). Or go on, with errors for visitors until the switch: "
            "-e deploy_allow_breaking_migrations=true."
        )
    if said.get("error"):
        return f"{name}: {release} was not made live: {said['error']}\nWhat was live before still serves.\n{output[-3000:]}"
    log = f"{output}\n{run.get('stderr') or ''}".strip()
    return f"{name}: {release} was not made live, because it cannot start. What was live before still serves. Its output:\n{log[-4000:]}"


def django_failure(result: Mapping[str, Any]) -> str:
    """What a failed task said, for the message that ends the run."""
    said = str(result.get("msg") or "A task failed, see above.")
    output = "\n".join(str(result.get(key) or "") for key in ("stdout", "stderr")).strip()
    return f"{said}\n{output[-3000:]}" if output else said


def django_migration_line(pair: Any) -> str:
    """A migration and what it breaks, for a message; ``pair`` is a key and its value, as a tuple or as dict2items has it."""
    name, reasons = (pair["key"], pair["value"]) if isinstance(pair, Mapping) else pair
    return f"{name} {', '.join(reasons)}"


def django_handed_over(application: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What the application may write of its release while the release's own commands run.

    ``collectstatic`` writes the static files alone; other commands (``compilemessages``) may write into the source.
    """
    collects = all(django_words(one)[0] == "collectstatic" for one in application["release_commands"])
    return [{"path": "static", "recurse": False}] + ([] if collects else [{"path": "app", "recurse": True}])


def django_words(command: str) -> list[str]:
    """The words of a command, split like a shell does; ``manage.py`` in front of a manage command may stand or not."""
    words = shlex.split(command)
    return words[1:] if words[:1] == ["manage.py"] else words


def django_service_request(services: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the module release_activate needs to know of services."""
    return [{"name": one["name"], "singleton": one["singleton"]} for one in services]


def django_anywhere_pending(hosts: Iterable[Mapping[str, Any]]) -> bool:
    """Whether any host of the play has to change."""
    return any(host.get("__django_pending") for host in hosts)


def django_locks(hosts: Iterable[Mapping[str, Any]]) -> list[list[str]]:
    """The locks that this run holds, as pairs of host and application."""
    return [[host["inventory_hostname"], name] for host in hosts for name in host.get("__django_locked", [])]


def django_leftovers(state: Mapping[str, Any]) -> list[str]:
    """Names of the applications whose idle slot still runs."""
    return sorted(name for name, own in state.items() if own["slots"][own["idle"]].get("active"))


def django_first_pending(hosts: Iterable[Mapping[str, Any]], name: str) -> str:
    """The first host of the play that has to deploy the application: it migrates for all."""
    return next((host["inventory_hostname"] for host in hosts if name in host.get("__django_pending", [])), "")


def django_surplus(state: Mapping[str, Any], release: str, kept: int) -> list[str]:
    """Releases to remove: all but the newest ``kept``, never the one that becomes live or the one that is.

    A release that never was live (its deploy failed) is of no use to a rollback, so such ones go first. ``state`` was read
    before the deploy: what the idle slot held then gives way to ``release``.
    """
    held = {release, *(slot.get("release") for name, slot in state["slots"].items() if name != state.get("idle"))}
    others = {name: one for name, one in state["releases"].items() if name not in held}
    lived = {line["release"] for line in state.get("history", [])}
    newest = sorted(others, key=lambda name: (name in lived, others[name]["modified"]), reverse=True)
    return sorted(newest[max(0, kept - len(held - {None})) :])


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {
            "django_builds": django_builds,
            "django_releases": django_releases,
            "django_directories": django_directories,
            "django_files": django_files,
            "django_anywhere_pending": django_anywhere_pending,
            "django_failure": django_failure,
            "django_gate_message": django_gate_message,
            "django_gate_result": django_gate_result,
            "django_handed_over": django_handed_over,
            "django_locks": django_locks,
            "django_migration_line": django_migration_line,
            "django_service_request": django_service_request,
            "django_words": django_words,
            "django_previous": django_previous,
            "django_processes_here": here,
            "django_purge": django_purge,
            "django_release_list": django_release_list,
            "django_settings_files": django_settings_files,
            "django_timers": django_timers,
            "django_units": django_units,
            "django_wanted": django_wanted,
            "django_state_request": django_state_request,
            "django_pending": django_pending,
            "django_leftovers": django_leftovers,
            "django_first_pending": django_first_pending,
            "django_surplus": django_surplus,
        }
