# SPDX-License-Identifier: MIT
"""Filters of playbooks/database_import.yml: where a dump lies, and what is refused before any host is asked."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils import application_server

ON_HOST = re.compile(r"(?P<host>[A-Za-z0-9][\w.-]*):(?P<path>/.+)")
TAR_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


def import_source(given: str) -> dict[str, Any]:
    """Where a dump or an archive lies: ``host`` (empty is the controller), ``path``, ``name``, and whether it is a ``directory``.

    Args:
        given: a path on the controller, or ``<host>:<absolute path>``.
    """
    if found := ON_HOST.fullmatch(str(given)):
        return {"host": found["host"], "path": found["path"], "name": Path(found["path"]).name, "directory": False}
    path = Path(str(given)).expanduser().absolute()
    directory = path.is_dir()
    return {
        "host": "",
        "path": str(path),
        "name": f"{path.name}.tar" if directory else path.name,
        "directory": directory,
    }


def import_problems(given: Mapping[str, Any], host: str, entry: Mapping[str, Any]) -> list[str]:
    """What keeps an import from beginning, each with the remedy.

    Args:
        given: ``app``, ``dump``, ``media``, ``confirm``, ``scrub`` and ``remove``, as the operator wrote them.
        host: the one that reaches the server.
        entry: the application, as ``resolve_applications`` returned it.
    """
    app, dump, media = given["app"], str(given["dump"]), str(given["media"])
    problems = []
    if given["confirm"] and given["confirm"] != app:
        problems.append(f"confirm is '{given['confirm']}': repeat the name of the application, -e confirm={app}.")
    if given["remove"]:
        return problems
    if not dump and not media:
        problems.append(
            "Say what to import: -e dump=<file> (pg_dump --format=custom), and -e media=<directory or tar archive>."
        )
    if given["scrub"] and dump and not entry["scrub"]:
        problems.append(
            f"What is imported here has to be scrubbed, and applications.{app} does not say how: write scrub, as in [forget_people]. "
            "Where the dump holds nobody's data, say so: -e scrub=false."
        )
    for key, value, hosts in (("dump", dump, [host]), ("media", media, [])):
        if not value:
            continue
        source = import_source(value)
        if source["host"] and source["host"] not in hosts:
            where = f"on {host}, which restores it, or on the controller" if hosts else "on the controller"
            problems.append(f"{key}: {value} is on {source['host']}. It has to lie {where}.")
        elif not source["host"]:
            problems += _local_problems(key, Path(source["path"]))
    if media and not entry["media_root"]:
        problems.append(
            f"applications.{app}.media_storage is none: it keeps no uploads on its hosts, so bring them where it keeps them."
        )
    return problems


def _local_problems(key: str, path: Path) -> list[str]:
    if not path.exists():
        return [f"{key}: there is no {path} on the controller."]
    if key == "media" and path.is_file() and not path.name.endswith(TAR_ENDINGS):
        return [f"media: {path} is neither a directory nor a tar archive ({', '.join(TAR_ENDINGS)})."]
    if path.is_file() and not path.stat().st_size:
        return [f"{key}: {path} is empty."]
    if path.is_dir() and not any(path.iterdir()):
        return [f"{key}: {path} is an empty directory."]
    return []


def import_room_problem(source: Mapping[str, Any], mounts: Sequence[Mapping[str, Any]], place: str) -> str:
    """Why a file can't be brought to a host for want of room; empty when it can, or when nobody knows.

    Args:
        source: what ``import_source`` returned.
        mounts: the file systems of the host, as its facts have them.
        place: the directory that it goes to.
    """
    path = Path(source["path"])
    if source["host"] or not path.exists():
        return ""
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    size = sum(one.stat().st_size for one in files)
    over = [
        one for one in mounts if one.get("size_available") and f"{place}/".startswith(f"{one['mount'].rstrip('/')}/")
    ]
    if not over:
        return ""
    free = int(max(over, key=lambda one: len(one["mount"]))["size_available"])
    # A file is copied to a place of its own first.
    if 2 * size <= free:
        return ""
    return f"{path.name} has {size / 1e9:.1f} GB and needs twice that in {place}, where {free / 1e9:.1f} GB are free: make room."


def import_plan(looked: Mapping[str, Any], media: Mapping[str, Any]) -> list[str]:
    """What the live release said of a copy, in sentences.

    Args:
        looked: what the module release_copy returned; empty where there is no dump.
        media: what the module media_import returned; empty where there are none.
    """
    lines = []
    if looked:
        pending, ahead = looked.get("pending", []), looked.get("ahead", [])
        lines.append("The live release works with it (manage.py check --database default).")
        lines.append(
            f"{len(pending)} migrations are made before it becomes live: {', '.join(pending)}."
            if pending
            else "It lacks no migration."
        )
        if looked.get("scrubbed"):
            lines.append(f"Scrubbed: {', '.join(looked['scrubbed'])}.")
        if ahead:
            lines.append(
                f"It has migrations that the live release lacks: {', '.join(ahead)}. Deploy the version that the old site runs first."
            )
    return [*lines, *media.get("lines", [])]


def application_unit_globs(application: str) -> list[str]:
    """What the server and the services of an application are called by systemctl."""
    return [application_server.unit(application, "").replace("@.", "@*."), f"{application}-*.service"]


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {
            "application_unit_globs": application_unit_globs,
            "import_plan": import_plan,
            "import_problems": import_problems,
            "import_room_problem": import_room_problem,
            "import_source": import_source,
        }
