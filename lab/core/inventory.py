# SPDX-License-Identifier: MIT
"""The inventory: which hosts it lists, and which inventory listed the hosts that run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from lab.core.files import write_private
from lab.core.model import DEFAULT_KIND, Host
from lab.core.podman import run
from lab.core.settings import PROJECT, SUITES, LabError, Settings


def read(settings: Settings, limit: str = "all") -> list[Host]:
    """The hosts of the lab's inventory that live in a container (those without ``ansible_connection: local``)."""
    command = [str(PROJECT / ".venv/bin/ansible-inventory"), "-i", str(settings.inventory), "--list", "--limit", limit]
    listed = run(command, what=f"the inventory {settings.inventory} cannot be read")
    data = json.loads(listed.stdout)
    variables = data["_meta"]["hostvars"]
    members = {group: set(content.get("hosts", [])) for group, content in data.items() if group != "_meta"}
    names = sorted(set().union(*members.values()))
    hosts = []
    for name in names:
        host_vars = variables.get(name, {})
        if host_vars.get("ansible_connection") == "local":
            continue
        suite = host_vars.get("lab_suite") or settings.suite
        if suite not in SUITES:
            raise LabError(f"{name} asks for lab_suite={suite}: choose {' or '.join(SUITES)}.")
        groups = tuple(sorted(group for group, inside in members.items() if name in inside))
        hosts.append(Host(name=name, suite=suite, groups=groups, kind=host_vars.get("lab_kind") or DEFAULT_KIND))
    if not hosts:
        raise LabError(f"{settings.inventory} lists no host: add one, for example 'web1:' under the group web.")
    return hosts


def title(path: Path) -> str:
    """How an inventory is called in messages: as it is given to ``ansible-playbook -i``."""
    return str(path.relative_to(PROJECT)) if path.is_relative_to(PROJECT) else str(path)


def _record(settings: Settings) -> Path:
    return settings.directory / "inventories.json"


def recorded(settings: Settings) -> dict[str, str]:
    """By host, the inventory that listed it last."""
    path = _record(settings)
    return json.loads(path.read_text()) if path.exists() else {}


def record(settings: Settings, listed: Iterable[str], existing: Iterable[str]) -> None:
    """Note that this lab's inventory lists hosts; what is known of hosts that exist stays, the others are forgotten."""
    known: Mapping[str, str] = recorded(settings)
    kept = {name: known[name] for name in existing if name in known}
    now = {**kept, **dict.fromkeys(listed, str(settings.inventory))}
    write_private(_record(settings), json.dumps(dict(sorted(now.items())), indent=2) + "\n")
