# SPDX-License-Identifier: MIT
"""What a task asks for, checked and brought into one form. Knows the arguments alone, never looks at the host."""

from __future__ import annotations

import os
import re
import shlex
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.host_config import memory, prevail
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.errors import HostConfigError
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.payload import unpack

MODE = re.compile(r"0[0-7]{3,4}")
UNIT_NAME = re.compile(
    r"[\w:.\\-]+(@[\w:.\\-]+)?"
    r"\.(service|socket|device|mount|automount|swap|target|path|timer|slice|scope)"
)


def normalize(params: dict[str, Any]) -> None:
    """Check what an argument spec cannot express, and bring paths, modes, commands and contents into one form, in place."""
    params["absent"] = [absent_entry(entry) for entry in params["absent"]]
    for option in ("directories", "files", "links", "absent"):
        for entry in params[option]:
            entry["path"] = clean_path(entry["path"], option)
            if "mode" in entry:
                entry["mode"] = parse_mode(entry["mode"], f"{option}: {entry['path']}")
    params["mounted"] = [clean_path(path, "mounted") for path in params["mounted"]]
    refuse_duplicates(params)
    for entry in params["purge"]:
        entry["directory"] = clean_path(entry["directory"], "purge")
        if not entry["pattern"] or "/" in entry["pattern"]:
            raise HostConfigError(
                f"purge: {entry['directory']}: pattern {entry['pattern']!r} must be a glob for the names in that "
                'directory, such as "*.conf".'
            )
    for entry in params["validate"]:
        entry["command"] = split_command(entry["command"], "validate")
    attach_contents(params["files"], unpack(params["payload"]))
    for entry in params["prevail"]:
        attach_names(entry, params["files"])
    for unit in params["units"]:
        check_unit(unit)
    for option in ("remember", "owes"):
        name = params.get(option)
        if name and not memory.NAME.fullmatch(name):
            raise HostConfigError(
                f"{option}: {name!r} must be a name of letters, digits, '_', '.', '@' and '-', as in nginx."
            )
    if params.get("remember") and params.get("owes") and params["remember"] != params["owes"]:
        raise HostConfigError(
            f"owes: write the name of remember, {params['remember']!r}: a set that owes is looked at again."
        )


def parse_mode(mode: str, entry: str) -> int:
    """Turn a quoted octal string into a number."""
    if not MODE.fullmatch(mode):
        raise HostConfigError(
            f"{entry}: mode {mode!r} is not an octal string. Write it in quotes with a leading zero: "
            'mode: "0644". Without quotes YAML turns it into another number.'
        )
    return int(mode, 8)


def clean_path(path: str, entry: str) -> str:
    """Absolute path in its shortest form."""
    if not path.startswith("/") or "\0" in path:
        raise HostConfigError(f"{entry}: {path!r} must be an absolute path, such as /etc/app/app.conf.")
    return "/" + os.path.normpath(path).lstrip("/")


def split_command(command: Any, entry: str) -> list[str]:
    """Accept a list or a string, always answer a list."""
    argv: list[str] = []
    if isinstance(command, (list, tuple)):
        argv = [str(word) for word in command]
    elif isinstance(command, str):
        try:
            argv = shlex.split(command)
        except ValueError as error:
            raise HostConfigError(f"{entry}: the command {command!r} cannot be split: {error}.") from None
    if not argv:
        raise HostConfigError(f"{entry}: the command must be a list or a string, such as [nginx, -t].")
    return argv


def absent_entry(entry: Any) -> dict[str, Any]:
    """A path to remove, with its triggers."""
    if isinstance(entry, str):
        return {"path": entry, "triggers": []}
    if not isinstance(entry, dict) or "path" not in entry or set(entry) - {"path", "triggers"}:
        raise HostConfigError(f"absent: {entry!r} must be a path, or a mapping with path and triggers.")
    triggers = entry.get("triggers") or []
    return {
        "path": str(entry["path"]),
        "triggers": [triggers] if isinstance(triggers, str) else list(triggers),
    }


def refuse_duplicates(params: dict[str, Any]) -> None:
    """Refuse a path, a user or a unit that is listed twice: which entry would win?"""
    seen: dict[str, str] = {}
    for option in ("directories", "files", "links", "absent"):
        for path in (entry["path"] for entry in params[option]):
            if path in seen:
                raise HostConfigError(f"{path} is listed twice, in {seen[path]} and {option}. Keep one.")
            seen[path] = option
    for option in ("users", "units"):
        names = [entry["name"] for entry in params[option]]
        for name in names:
            if names.count(name) > 1:
                raise HostConfigError(f"{name} is listed twice in {option}. Merge the entries into one.")


def attach_contents(files: list[dict[str, Any]], contents: list[bytes]) -> None:
    """Give each file its content, and split its own validator."""
    if len(files) != len(contents):
        raise HostConfigError(
            "The contents of the files did not arrive. host_config needs its action plugin: "
            "call it by its full name, django_ec2.site.host_config, with this collection in collections_path."
        )
    for entry, content in zip(files, contents, strict=True):
        entry["content"] = content
        if entry["validate"] is not None:
            entry["validate"] = split_command(entry["validate"], f"files: {entry['path']}")
            if not any("%s" in word for word in entry["validate"]):
                raise HostConfigError(
                    f"files: {entry['path']}: validate needs %s where the file's name belongs, such as: visudo -cf %s"
                )


def attach_names(entry: dict[str, Any], files: list[dict[str, Any]]) -> None:
    """Give an entry of prevail the keywords of its file."""
    entry["path"] = clean_path(entry["path"], "prevail")
    entry["main"] = [clean_path(path, "prevail") for path in entry["main"]]
    content = next((one["content"] for one in files if one["path"] == entry["path"]), None)
    if content is None:
        raise HostConfigError(f"prevail: {entry['path']} is no file of this call. Add it to files.")
    entry["names"] = prevail.keywords(content, entry["syntax"])


def check_unit(unit: dict[str, Any]) -> None:
    """Refuse names that are not those of one unit, and wishes that exclude each other."""
    name = unit["name"]
    if not UNIT_NAME.fullmatch(name):
        raise HostConfigError(
            f"units: {name!r} is not the full name of one unit. Write the suffix, and the instance of a "
            "template: nginx.service, app@blue.service."
        )
    if unit["masked"] and (unit["enabled"] or unit["state"] == "started"):
        raise HostConfigError(f"units: {name} cannot be masked and also enabled or started. Choose one.")
