# SPDX-License-Identifier: MIT
"""Where the files of an application lie that it writes itself: uploads, which visitors get, and its private data.

With one web host they lie on its disk. Several have to share them, or a picture that one host took is missing on the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

# Values of `media_storage`.
NONE, LOCAL, SHARED = "none", "local", "shared"
# The file system that all web hosts mount, for `media_storage: shared`.
MOUNT = "/mnt/applications"
USED_BY = ("environment", "secret_environment", "settings")
ROOTS = ("${media_root}", "${data_root}")


def storage_paths(name: str, root: str, storage: str) -> dict[str, Any]:
    """``media_root`` (empty without uploads), ``data_root``, and the ``mounts`` that they need.

    Args:
        name: of the application.
        root: its directory.
        storage: its ``media_storage``.
    """
    base = f"{MOUNT}/{name}" if storage == SHARED else f"{root}/shared"
    return {
        "media_root": "" if storage == NONE else f"{base}/media",
        "data_root": f"{base}/data",
        "mounts": [MOUNT] if storage == SHARED else [],
    }


def writable(entry: Mapping[str, Any]) -> list[str]:
    """What the processes of an application may write."""
    return [path for path in (entry["media_root"], entry["data_root"]) if path]


def storage_problems(resolved: Iterable[Mapping[str, Any]], hosts: list[str]) -> list[str]:
    """Applications that would lose files between web hosts, each with the remedy.

    Args:
        resolved: what ``resolve_applications`` returned.
        hosts: the web hosts of the inventory.
    """
    if len(hosts) < 2:
        return []
    return [
        f"applications.{entry['name']}.media_storage is local, and there are {len(hosts)} web hosts ({', '.join(hosts)}): a file that "
        f"one of them takes is missing on the others. Mount one file system (EFS, NFS) at {MOUNT} on all of them and write shared; or "
        "write none when the project keeps its files in a storage of its own (S3). See docs/applications.md."
        for entry in resolved
        if entry["media_storage"] == LOCAL
    ]


def storage_warnings(resolved: Iterable[Mapping[str, Any]], hosts: list[str]) -> list[str]:
    """Applications that seem to keep files on one web host of several, though nobody said so. The arguments as above."""
    if len(hosts) < 2:
        return []
    return [
        f"{entry['name']} keeps files on each of {len(hosts)} web hosts by itself: an upload is found on the one host that took it, and "
        f"not on the others. Write media_storage into its entry: shared (one file system at {MOUNT} on all hosts), or none when it "
        "keeps no files there. See docs/applications.md."
        for entry in resolved
        if not entry["media_storage"] and keeps_files(entry)
    ]


def keeps_files(entry: Mapping[str, Any]) -> bool:
    """Whether an entry asks for a directory of files."""
    text = repr([entry[key] for key in USED_BY])
    return "media" in entry["managed_settings"] or any(root in text for root in (*ROOTS, f"{entry['root']}/shared/"))


def account_problems(resolved: Iterable[Mapping[str, Any]], states: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Applications whose shared files would belong to somebody else on another host.

    Args:
        resolved: what ``resolve_applications`` returned.
        states: by host, what release_state read of the applications.
    """
    problems = []
    for entry in resolved:
        numbers = {host: (state.get(entry["name"]) or {}).get("account") for host, state in states.items()}
        known = {host: number for host, number in numbers.items() if number}
        if entry["media_storage"] == SHARED and len(set(known.values())) > 1:
            listed = ", ".join(f"{number} on {host}" for host, number in sorted(known.items()))
            problems.append(
                f"{entry['name']}: account and group have other numbers on each host ({listed}), so what one host writes below {MOUNT} is "
                f"not its own on the others. Give them one number each: stop its units, then usermod --uid and groupmod "
                "--gid on the hosts that differ, and chown their files. See docs/applications.md."
            )
    return problems
