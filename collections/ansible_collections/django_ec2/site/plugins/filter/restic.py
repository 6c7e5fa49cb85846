# SPDX-License-Identifier: MIT
"""Filters of the role restic, and of what looks at the backups of files."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils import restic
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore.targets import TargetRefused, parse
from ansible_collections.django_ec2.site.plugins.plugin_utils.backups import files

# What the program of the timer imports, and what only modules do.
PROGRAM = ("__init__.py", "backup.py", "remedies.py", "repository.py")


def restic_program_files(directory: str) -> list[dict[str, str]]:
    """The program of the timer as files of a host, which has no collection: the same modules, imported by their short names.

    Args:
        directory: of the host, where they go.
    """
    package = Path(next(iter(restic.__path__)))
    prefix = restic.__name__.removesuffix("restic")
    return [
        {"path": f"{directory}/restic/{name}", "content": (package / name).read_text().replace(prefix, "")}
        for name in PROGRAM
    ]


def restic_program_directories(directory: str) -> list[dict[str, str]]:
    """The directories that ``restic_program_files`` go to."""
    return [{"path": directory}, {"path": f"{directory}/restic"}]


def restic_restore_refusal(media: str, target: str, wanted: str, hosts: list[str]) -> str:
    """Why files can't be restored, with what to do instead; empty when they can, or when nobody asked for them.

    Args:
        media: restore_media.
        target: restore_to.
        wanted: file_backups.
        hosts: the web hosts of this run.
    """
    if not media:
        return ""
    if wanted != "restic":
        return f"This environment has no backups of files (file_backups is {wanted}): docs/backups.md says how to have some."
    if not hosts:
        return "restore_media is about the web hosts, and this run leaves all of them out (--limit): add them, or leave restore_media out."
    if media == "only":
        try:
            found = parse(target, time.time())
        except TargetRefused as error:
            return str(error)
        if found.kind != "latest" and found.moment is None:
            return (
                f"restore_media=only asks for files alone, and nobody knows when '{target}' was: give a time with its zone, the name of a "
                "restore point that a deploy made, or latest."
            )
    return ""


def restic_moment(target: str) -> float:
    """The moment of a target, in seconds since the epoch; 0 is the latest, and -1 is not known."""
    found = parse(target, time.time())
    return 0 if found.kind == "latest" else -1 if found.moment is None else found.moment


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {
            "restic_backup_lines": files.backup_lines,
            "restic_expected": files.expected,
            "restic_files": files.files,
            "restic_inventory_problems": files.inventory_problems,
            "restic_moment": restic_moment,
            "restic_notes": files.notes,
            "restic_restore_refusal": restic_restore_refusal,
            "restic_problems": files.role_problems,
            "restic_program_directories": restic_program_directories,
            "restic_program_files": restic_program_files,
            "restic_status": files.status,
        }
