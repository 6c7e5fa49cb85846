"""Filters of the role base."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleFilterError


def role_packages(roles: list[str], directory: str, facts: Mapping[str, Any]) -> list[str]:
    """The Debian packages that roles list as ``__<role>_packages``.

    Args:
        roles: names of roles.
        directory: where they are.
        facts: the host's, for its distribution: ``vars/Debian_13.yml`` counts where there is one, else ``vars/main.yml``.
    """
    release = f"{facts['distribution']}_{facts['distribution_major_version']}"
    packages: set[str] = set()
    for role in roles:
        candidates = [Path(directory) / role / "vars" / f"{name}.yml" for name in (release, "main")]
        path = next((one for one in candidates if one.is_file()), None)
        variables = yaml.safe_load(path.read_text()) if path else {}
        if f"__{role}_packages" not in variables:
            raise AnsibleFilterError(
                f"base_roles: {candidates[0]} and main.yml beside it have no list __{role}_packages."
            )
        packages.update(variables[f"__{role}_packages"])
    return sorted(packages)


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {"role_packages": role_packages}
