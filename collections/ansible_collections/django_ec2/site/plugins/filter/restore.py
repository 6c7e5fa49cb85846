# SPDX-License-Identifier: MIT
"""Filters of playbooks/database_restore.yml: what is refused before any host is asked, and what is said afterwards."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres import restore
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore.targets import (
    FORMS,
    TargetRefused,
    parse,
)


def restore_refusal(backups: str, restore_to: Any, remove: str) -> str:
    """Why no cluster can be restored here, with what to do instead; empty when it can.

    Args:
        backups: database_backups.
        restore_to: what the operator asked for.
        remove: restore_remove, which needs no target.
    """
    if remove:
        return ""
    if backups != "pgbackrest":
        return (
            "This environment has no backups to restore from (database_backups is not pgbackrest): docs/backups.md says how to have "
            "some."
        )
    if not str(restore_to):
        return f"Say what to restore to: -e restore_to= {FORMS}."
    try:
        parse(str(restore_to), time.time())
    except TargetRefused as error:
        return str(error)
    return ""


def scratch_commands(scratch: int, live: int, database: str) -> list[str]:
    """How to look at a scratch cluster, and how to bring rows of it back beside what is live.

    Args:
        scratch: port of its socket.
        live: port of the live cluster.
        database: one of its databases, for an example.
    """
    there, here = f"sudo -u postgres psql -p {scratch} {database}", f"sudo -u postgres psql -p {live} {database}"
    return [
        f"To look at it, on this host: {there}",
        f"One table as a file: sudo -u postgres pg_dump -p {scratch} --table=<table> {database} > table.sql",
        f"Its rows beside the live ones: {here} -c 'CREATE TABLE <table>_before (LIKE <table>)'",
        f"and then: {there} -c 'COPY <table> TO STDOUT' | {here} -c 'COPY <table>_before FROM STDIN'",
        "It archives nothing, and nobody but this host gets in. When you are done: playbooks/database_restore.yml "
        "-e restore_remove=scratch",
    ]


def restored_lacks(asked: Mapping[str, Any], name: str) -> str:
    """What the restored database of an application lacks for its live release; empty when nothing.

    Args:
        asked: what the gate's ``applied`` said in the live release.
        name: of the application.
    """
    if "applied" not in asked:
        return f"{name}: its database could not be asked ({asked.get('error') or 'no answer'})."
    missing = [one for one in asked.get("migrations") or {} if one not in set(asked["applied"])]
    if not missing:
        return ""
    return (
        f"{name}: the live release needs migrations that the restored database does not have ({', '.join(missing)}). Go back to the "
        f"release of that time with playbooks/rollback.yml -e app={name}, or migrate again with playbooks/deploy.yml -e app={name}."
    )


def drill_problems(name: str, scratch: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    """What keeps the live release of an application from working with a restored copy of its database.

    Args:
        name: of the application.
        scratch: what the module postgres_scratch returned.
        asked: what the module release_copy returned, which was not asked without a scratch.
    """
    if not scratch.get("name"):
        return [f"{name}: its live release could not be asked about the copy: {scratch.get('reason') or 'no answer'}"]
    if asked.get("msg"):
        return [f"{name}: {asked['msg']}"]
    if asked.get("pending"):
        return [f"{name}: the copy lacks migrations of the live release: {', '.join(asked['pending'])}"]
    return []


def database_drill_files(directory: str) -> list[dict[str, str]]:
    """The drill as files of a host, which has no collection: the same modules, imported by their short names.

    Args:
        directory: of the host, where they go.
    """
    package = Path(next(iter(restore.__path__)))
    # Names of `postgres` are shortened first; what is beside it keeps the rest of its name.
    postgres, shared = package.parent, package.parent.parent
    prefix = restore.__name__.removesuffix("postgres.restore")
    sources = [(source, postgres) for source in (postgres / "login.py", *sorted(package.glob("*.py")))]
    sources += [(shared / "backups" / name, shared) for name in ("__init__.py", "remedies.py", "repository.py")]
    return [
        {
            "path": f"{directory}/{source.relative_to(below)}",
            "content": source.read_text().replace(f"{prefix}postgres.", "").replace(prefix, ""),
        }
        for source, below in sources
    ]


def database_drill_directories(directory: str) -> list[dict[str, str]]:
    """The directories that ``database_drill_files`` go to, each after the one that it is in."""
    paths = {str(Path(one["path"]).parent) for one in database_drill_files(directory)}
    return [{"path": path} for path in sorted({directory, *paths})]


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {
            "database_drill_directories": database_drill_directories,
            "database_drill_files": database_drill_files,
            "drill_problems": drill_problems,
            "restore_refusal": restore_refusal,
            "restored_lacks": restored_lacks,
            "scratch_commands": scratch_commands,
        }
