# SPDX-License-Identifier: MIT
"""Variables as a role sees them, for who has to know their values before the role runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible import constants
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader


def role_directory(role: str) -> Path:
    """Where a role lies.

    Raises:
        AnsibleError: there is none of this name.
    """
    for roles in constants.DEFAULT_ROLES_PATH:
        if (path := Path(roles) / role).is_dir():
            return path
    raise AnsibleError(f"There is no role {role} in {', '.join(constants.DEFAULT_ROLES_PATH)}.")


def load(loader: DataLoader, path: Path, trusted: bool = True) -> dict[str, Any]:
    """A file of variables; empty where there is none."""
    if not path.is_file():
        return {}
    return loader.load_from_file(str(path), trusted_as_template=trusted) or {}


def role_variables(loader: DataLoader, role: str, task_vars: dict[str, Any]) -> dict[str, Any]:
    """The variables of a task of the role: what is given may be made from what is not."""
    directory = role_directory(role)
    return {
        **load(loader, directory / "defaults" / "main.yml"),
        **task_vars,
        **load(loader, directory / "vars" / "main.yml"),
        "role_name": role,
        "role_path": str(directory),
    }
