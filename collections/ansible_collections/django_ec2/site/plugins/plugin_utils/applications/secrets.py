# SPDX-License-Identifier: MIT
"""What is wrong with the secrets of the applications."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.placeholders import placeholders

# Words that stand where somebody meant to put a secret later.
PLACEHOLDER_SECRETS = ("changeme", "change-me", "change_me", "secret", "password", "example", "insecure", "todo", "xxx")
SECRET_LENGTH = 16
SECRET_VARIETY = 8
# What a file that ansible-vault encrypted begins with.
VAULT = b"$ANSIBLE_VAULT"


def application_secrets_problems(resolved: list[dict[str, Any]], strict: bool = True) -> list[str]:
    """What is wrong with the secrets of the applications, in sentences that do not repeat their values.

    Args:
        resolved: what ``resolve_applications`` returned.
        strict: whether weak values and placeholders are a problem too (everywhere but in a lab).
    """
    return [problem for entry in resolved for problem in _problems(entry, strict)]


def secrets_file_problems(path: str) -> list[str]:
    """Why a file of secrets on the controller is not safe, with the remedy; an encrypted one may be read by anybody.

    Args:
        path: the file, which need not exist.
    """
    try:
        with Path(path).open("rb") as stream:
            encrypted = stream.read(len(VAULT)) == VAULT
            mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
    except OSError:
        return []  # Whoever reads it says what is wrong.
    if encrypted or not mode & 0o077:
        return []
    return [
        f"{path} holds secrets and the key of the authority, and others on this machine may read it (mode {mode:04o}): run "
        f"'chmod 600 {path}', or playbooks/secrets.yml, which does it."
    ]


def _problems(entry: Mapping[str, Any], strict: bool) -> Iterator[str]:
    place = f"applications.{entry['name']}"
    databases = {"database": entry["database"]}
    databases |= {f"databases.{alias}": one for alias, one in entry["databases"].items()}
    values = {
        **{f"secret_environment.{key}": value for key, value in entry["secret_environment"].items()},
        **{
            f"{where}.{key}": one.get(key) for where, one in databases.items() for key in ("password", "owner_password")
        },
    }
    if entry["superuser"]:
        values["superuser.password"] = entry["superuser"].get("password")
    if entry["mail"] and entry["mail"]["user"] and not entry["mail"]["password"]:
        # What it has to be like is up to whoever runs the mail server.
        yield f"{place}.mail.password is empty: give it a value from the vault (docs/secrets.md)."
    for key, value in values.items():
        text = str(value or "")
        if not text:
            yield f"{place}.{key} is empty: give it a value from the vault (docs/secrets.md)."
        elif strict and not placeholders(text) and _weak(text):
            yield (
                f"{place}.{key} is a placeholder or too weak: use at least {SECRET_LENGTH} random characters, as "
                "playbooks/secrets.yml makes them."
            )
    for where, one in databases.items():
        if one.get("password") and one.get("password") == one.get("owner_password"):
            yield f"{place}.{where}: password and owner_password are the same; use two."


def _weak(text: str) -> bool:
    small = text.lower()
    return (
        len(text) < SECRET_LENGTH
        or len(set(text)) < SECRET_VARIETY
        or any(small.startswith(word) or small.endswith(word) for word in PLACEHOLDER_SECRETS)
    )
