# SPDX-License-Identifier: MIT
"""What a host has of each application: its releases and layers, its slots, what is live and what was."""

from __future__ import annotations

import json
import os
import pwd
from pathlib import Path
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.release import manifest, owed, room
from ansible_collections.django_ec2.site.plugins.module_utils.release.slots import (
    SLOTS,
    digest,
    live_slot,
    moment,
    read_history,
    read_slot,
)
from ansible_collections.django_ec2.site.plugins.module_utils.release.unpack import complete, describe_layers, layer_of

# What was last asked for as the administrator of the application; see plugin_utils/release/superusers.py.
SUPERUSER = "superuser.json"


# So many paths of a damaged release are said.
MOST_DAMAGE = 20
# With less room than that it is measured what would be free without the oldest releases.
LOW_BYTES = 1 << 30


def read_mark(path: str) -> str:
    """The reason in a mark such as ``.bad``; empty where there is none."""
    try:
        with open(path) as handle:
            return handle.read().strip() or "no reason given"
    except FileNotFoundError:
        return ""


def read_json(path: str) -> dict:
    """A file that a release carries; empty where there is none."""
    try:
        with open(path) as handle:
            return json.load(handle)
    except (FileNotFoundError, ValueError):
        return {}


def size_of(directory: str) -> int:
    """Bytes that a tree takes on disk; files that other releases hold too are counted in each."""
    total = 0
    for place, directories, names in os.walk(directory):
        for name in [*directories, *names]:
            total += os.lstat(os.path.join(place, name)).st_blocks * 512
    return total


def read_releases(directory: str, details: bool, sizes: bool = False) -> dict:
    """The releases of an application."""
    found = {}
    if os.path.isdir(directory):
        for name in os.listdir(directory):
            path = os.path.join(directory, name)
            if os.path.isdir(path):
                description = read_json(os.path.join(path, "release.json"))
                found[name] = {
                    "input_key": description.get("input_key", ""),
                    "layer": description.get("layer", ""),
                    **{key: description.get(key, "") for key in ("source", "python", "platform")},
                    "complete": complete(Path(path)),
                    "ready": os.path.exists(os.path.join(path, ".ready")),
                    "bad": read_mark(os.path.join(path, ".bad")),
                    "withdrawn": read_mark(os.path.join(path, ".withdrawn")),
                    "modified": int(os.stat(path).st_mtime),
                }
                if details or sizes:
                    found[name]["size"] = size_of(path)
                if details:
                    found[name] |= {
                        "packages": description.get("packages", []),
                        "migrations": read_json(os.path.join(path, "migrations.json")),
                    }
    return found


def read_damage(root: str, live: str, contents: bool) -> dict[str, str]:
    """What of the live release and its layer is not as it was shipped, by path below the application's directory.

    Args:
        root: the application's directory.
        live: the live slot; empty before the first deploy.
        contents: whether to read the files, too.
    """
    if not live:
        return {}
    release = Path(os.path.realpath(os.path.join(root, "slots", live, "release")))
    layer = layer_of(release)
    trees = [f"releases/{release.name}", *([f"layers/{layer}"] if layer else [])]
    found = {}
    for tree in trees:
        found |= {f"{tree}/{path}": what for path, what in manifest.compare(Path(root, tree), contents).items()}
    return dict(sorted(found.items())[:MOST_DAMAGE])


def active(module: Any, units: list[str]) -> dict:
    """Which of the units run: one question for all of them."""
    systemctl = module.get_bin_path("systemctl")
    if not systemctl or not units:
        return {}
    _code, out, _err = module.run_command([systemctl, "is-active", *units])
    # Without systemd there is no line; a unit that it does not name does not run.
    return dict(zip(units, (line == "active" for line in out.split()), strict=False))


def read_state(
    module: Any, applications: list[dict[str, Any]], expected: dict[str, str], details: bool, contents: bool = False
) -> dict[str, dict[str, Any]]:
    """The state of each application, by its name. The arguments are the options of the module release_state."""
    lives = {one["name"]: live_slot(one["root"]) for one in applications}
    services = {
        one["name"]: [f"{one['name']}-{name}@{lives[one['name']]}.service" for name in one["services"]]
        for one in applications if lives[one["name"]]
    }  # fmt: skip
    spaces = {one["name"]: room.free(one["root"]) for one in applications}
    servers = [one["unit"].replace("{slot}", slot) for one in applications for slot in SLOTS]
    running = active(module, [*servers, *(unit for units in services.values() for unit in units)])
    return {
        one["name"]: {
            "live": lives[one["name"]],
            "damage": read_damage(one["root"], lives[one["name"]], contents),
            "owed": owed.owed(one["root"]),
            "moment": moment(one["root"]),
            "idle": "green" if lives[one["name"]] == "blue" else "blue",
            "settings": digest(one["files"], expected),
            "slots": {
                name: {
                    **read_slot(os.path.join(one["root"], "slots", name)),
                    "active": running.get(one["unit"].replace("{slot}", name), False),
                }
                for name in SLOTS
            },
            "services": all(running.get(unit, False) for unit in services.get(one["name"], [])),
            "free": spaces[one["name"]],
            "releases": read_releases(
                os.path.join(one["root"], "releases"), details, spaces[one["name"]]["bytes"] < LOW_BYTES
            ),
            "layers": describe_layers(Path(one["root"])),
            "history": read_history(one["root"]),
            "account": account_of(one["name"]),
            "superuser": read_json(os.path.join(one["root"], SUPERUSER)),
        }
        for one in applications
    }


def account_of(name: str) -> str:
    """Numbers of an account and its group; empty where there is none."""
    try:
        found = pwd.getpwnam(name)
    except KeyError:
        return ""
    return f"{found.pw_uid}:{found.pw_gid}"


def left_over(known: list[str], top: str = "/srv") -> list[str]:
    """Names of applications that are on this host and in no inventory.

    Args:
        known: the applications of the inventory.
        top: where applications lie.
    """
    there = os.listdir(top) if os.path.isdir(top) else []
    made = [name for name in there if os.path.isdir(os.path.join(top, name, "slots", "blue"))]
    return sorted(set(made) - set(known))
