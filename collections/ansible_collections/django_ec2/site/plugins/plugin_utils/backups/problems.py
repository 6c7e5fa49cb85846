# SPDX-License-Identifier: MIT
"""What is refused of the variables about backups, on the controller, and what is warned of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils.systems import system_names, title

PAGE = "docs/backups.md"
CHOICES = ("pgbackrest", "none")
STANZA = re.compile(r"[a-z][a-z0-9_-]{0,62}")
# Without them there is no repository, or another one than the variables say.
OWN = {
    "repo1-cipher-pass": "pgbackrest_key",
    "repo1-path": "pgbackrest_repository_path",
    "repo1-retention-full": "pgbackrest_retention_days",
    "process-max": "pgbackrest_processes",
    "tls-server-port": "pgbackrest_port",
}
KEY_LENGTH = 20
REMEDY = (
    "Put a host into the group backup (it keeps the backups; inventory/lab/hosts.yml shows it), or have them in S3 "
    f"(pgbackrest_repository). {PAGE} says how"
)


def decision_problems(wanted: Any, mode: str, groups: Mapping[str, Sequence[str]]) -> list[str]:
    """Why `database_backups` can't stay as it is.

    Args:
        wanted: its value; empty where nobody decided.
        mode: database_mode.
        groups: the magic variable of that name.
    """
    if mode != "self_hosted":
        return []
    if wanted and wanted not in CHOICES:
        return [f"database_backups is '{wanted}': write pgbackrest, or none."]
    if not wanted and groups.get("env_production"):
        return [
            f"The database of production has no backups. {REMEDY}. An environment of this name has none only where it says "
            "database_backups: none."
        ]
    return []


def decision_warnings(wanted: Any, mode: str) -> list[str]:
    """What is said at the end of a run of an environment that nobody decided about."""
    if mode != "self_hosted" or wanted:
        return []
    return [
        f"The database has no backups: a lost disk is lost data. {REMEDY}. database_backups: none ends this warning."
    ]


def inventory_problems(
    wanted: Any,
    mode: str,
    groups: Mapping[str, Sequence[str]],
    repository: Mapping[str, Any],
    key: Any,
    strict: bool = True,
) -> list[str]:
    """All that can be told of an inventory before a host is touched.

    Args:
        wanted: database_backups.
        mode: database_mode.
        groups: the magic variable of that name.
        repository: pgbackrest_repository.
        key: secrets.database_backup_key.
        strict: whether weak values of secrets are refused.
    """
    problems = decision_problems(wanted, mode, groups)
    if problems or mode != "self_hosted" or wanted != "pgbackrest":
        return problems
    if repository.get("type", "host") == "host":
        problems += keeper_problems(
            "database_backups is pgbackrest", groups, "database", "its backups would be lost with it"
        )
    return problems + repository_problems(repository) + key_problems(key, strict)


def keeper_problems(asked: str, groups: Mapping[str, Sequence[str]], kept: str, loss: str) -> list[str]:
    """Why the group backup can't keep the backups that somebody asked for.

    Args:
        asked: what asks for them, in words.
        groups: the magic variable of that name.
        kept: the group whose hosts are backed up, and can't keep their own backups.
        loss: what would happen then, in words.
    """
    keepers = list(groups.get("backup") or [])
    if len(keepers) != 1:
        return [
            f"{asked}, and the group backup has {len(keepers)} hosts: put exactly one into it, or have the backups in S3 "
            f"(pgbackrest_repository, {PAGE})."
        ]
    if keepers[0] not in (groups.get(kept) or []):
        return []
    return [
        f"{keepers[0]} is in the groups backup and {kept}: {loss}. Take another host, or S3 (pgbackrest_repository, {PAGE})."
    ]


def repository_problems(repository: Mapping[str, Any]) -> list[str]:
    """What is wrong with `pgbackrest_repository`."""
    kind = repository.get("type", "host")
    if kind not in ("host", "s3"):
        return [f"pgbackrest_repository.type is '{kind}': write host, or s3."]
    if kind == "host":
        return []
    missing = [name for name in ("bucket", "region") if not repository.get(name)]
    if repository.get("key_type") == "shared":
        missing += [name for name in ("key", "key_secret") if not repository.get(name)]
    problems = []
    if missing:
        problems.append(
            f"pgbackrest_repository asks for S3 and lacks {', '.join(missing)}: add it ({PAGE} has an example). "
            "Without keys the role of the EC2 instance counts (key_type: auto)."
        )
    path = repository.get("path") or "/pgbackrest"
    if not re.fullmatch(r"(/[A-Za-z0-9._-]+)+", str(path)):
        problems.append(f"pgbackrest_repository.path is '{path}': write it as in /production.")
    return problems


def key_problems(key: Any, strict: bool = True, name: str = "database_backup_key") -> list[str]:
    """What is wrong with a key of the backups; its value is not shown.

    Args:
        key: its value.
        strict: whether weak values are refused.
        name: of the secret.
    """
    remedy = "run playbooks/secrets.yml, or see docs/secrets.md"
    if not key:
        return [f"secrets.{name} is missing, with which the backups are encrypted: {remedy}."]
    if not isinstance(key, str) or not key.isascii() or not key.isprintable() or re.search(r"[\s=#'\"]", key):
        return [f"secrets.{name} has to be letters, digits and signs in one line: {remedy}."]
    if strict and (len(key) < KEY_LENGTH or len(set(key)) < KEY_LENGTH // 2):
        return [f"secrets.{name} is a placeholder or too weak: {remedy}."]
    return []


def role_problems(
    hosts: Iterable[Mapping[str, Any]],
    repository: Mapping[str, Any],
    repository_host: str,
    databases: Sequence[Mapping[str, Any]],
    key: Any,
    settings: Mapping[str, Any],
) -> list[str]:
    """What is wrong with the variables of the role, with the facts of its hosts at hand."""
    problems = repository_problems(repository) + key_problems(key, strict=False)
    names = [one["name"] for one in databases]
    if not databases:
        problems.append("pgbackrest_databases is empty: list the hosts of the cluster.")
    if repository.get("type", "host") == "host":
        if not repository_host:
            problems.append("pgbackrest_repository_host is empty: name the host that keeps the repository.")
        elif repository_host in names:
            problems.append(
                f"{repository_host} would keep its own backups, which would be lost with it: take another host."
            )
    problems += [
        f"pgbackrest_settings: {name} has a variable of its own. Set {OWN[name]} instead."
        for name in settings
        if name in OWN
    ]
    return problems + version_problems(hosts, {*names, repository_host})


def version_problems(hosts: Iterable[Mapping[str, Any]], members: set[str]) -> list[str]:
    """Database and repository host run different systems, so their versions of pgBackRest differ, and it refuses to work then."""
    systems: dict[str, list[str]] = {}
    for host in hosts:
        if host["inventory_hostname"] in members and host.get("ansible_facts"):
            systems.setdefault(title(system_names(host["ansible_facts"])[-1]), []).append(host["inventory_hostname"])
    if len(systems) < 2:
        return []
    listed = ", ".join(f"{' and '.join(names)} with {system}" for system, names in sorted(systems.items()))
    return [
        f"pgBackRest needs the same version on the database and on the repository host, and each system brings its own: {listed}. "
        "Take the same system for all of them (lab_suite in a lab)."
    ]


def refusal(wanted: Any) -> str:
    """Why the playbooks about backups of a self-hosted database refuse; empty where pgBackRest makes them.

    Args:
        wanted: database_backups.
    """
    if wanted != "pgbackrest":
        return f"This environment makes no backups (database_backups). {REMEDY}."
    return ""
