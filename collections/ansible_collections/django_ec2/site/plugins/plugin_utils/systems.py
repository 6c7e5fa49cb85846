# SPDX-License-Identifier: MIT
"""Operating systems as data: each role that depends on them has a file ``vars/<distribution>_<release>.yml`` for each."""

from __future__ import annotations

import copy
import functools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible import constants
from ansible.errors import AnsibleFilterError
from ansible.module_utils.compat.version import LooseVersion
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.release import __version__ as ansible_core

PAGE = "docs/operating-systems.md"


def system_names(facts: Mapping[str, Any]) -> list[str]:
    """Names that the files of a host's system may have, the most exact first: ``Debian_13.2``, ``Debian_13``."""
    distribution = facts.get("distribution")
    if not distribution:
        raise AnsibleFilterError("The host's distribution is not known: gather its facts (subset distribution) first.")
    releases = [facts.get("distribution_version"), facts.get("distribution_major_version")]
    return list(dict.fromkeys(f"{distribution}_{release}" for release in releases if release))


def title(name: str) -> str:
    """How people write it: ``Ubuntu 24.04`` for ``Ubuntu_24.04``."""
    return name.replace("_", " ")


def described_systems(role: str = "base") -> dict[str, dict[str, Any]]:
    """What the role says of each system, by its file's name. Every host gets the role base, so base describes them all."""
    directory = _variables_directory(role)
    found = sorted(path.stem for path in directory.glob("*_*.yml"))
    return {name: _read(directory / f"{name}.yml", role) for name in found}


def role_system(role: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """What a role says of a host's system: ``__<role>_system`` of its file."""
    directory = _variables_directory(role)
    names = system_names(facts)
    for name in names:
        if (path := directory / f"{name}.yml").is_file():
            return copy.deepcopy(_read(path, role))
    raise AnsibleFilterError(
        f"roles/{role}/vars has no {' or '.join(f'{name}.yml' for name in reversed(names))}. "
        f"It describes {_listed(described_systems(role))}; {PAGE} says how to add one."
    )


def role_packages(
    roles: Iterable[str], facts: Mapping[str, Any], chosen: Mapping[str, list[str]] | None = None
) -> list[str]:
    """The distribution's packages that roles need on a host, each once.

    Args:
        roles: their names.
        facts: of the host.
        chosen: lists that take the place of what the system's file of a role has.
    """
    packages: set[str] = set()
    for role in roles:
        if (own := (chosen or {}).get(role)) is not None:
            packages.update(own)
            continue
        system = role_system(role, facts)
        if "packages" not in system:
            raise AnsibleFilterError(f"base_roles: roles/{role}/vars/ has files of systems without a list `packages`.")
        packages.update(system["packages"])
    return sorted(packages)


def system_problems(hosts: Iterable[Mapping[str, Any]]) -> list[str]:
    """Why hosts cannot be taken as they are, a sentence each, from their variables and facts."""
    described = described_systems()
    tested = [name for name, system in described.items() if system["tested"]]
    problems = []
    for host in hosts:
        names = system_names(host["ansible_facts"])
        known = next((name for name in names if name in described), None)
        if known is None:
            problems.append(
                f"{host['inventory_hostname']} runs {title(names[0])}, which no role describes. "
                f"Described are {_listed(described)}: use one of them, or describe yours ({PAGE})."
            )
        elif known not in tested and not boolean(host.get("accept_untested_distribution", False)):
            problems.append(
                f"{host['inventory_hostname']} runs {title(known)}, which is described, but not tested on a host. "
                f"Tested are {_listed(tested)}. {PAGE} says what is unproven; to go on, set "
                "accept_untested_distribution: true for this host or in group_vars."
            )
        elif LooseVersion(ansible_core) < LooseVersion(described[known]["ansible_core"]):
            problems.append(
                f"{host['inventory_hostname']} runs {title(known)}, whose Python needs ansible-core "
                f"{described[known]['ansible_core']} or newer; this is {ansible_core}. "
                "Run from a controller with Python 3.12 or newer, where 'make venv' installs one."
            )
    return problems


def _listed(names: Iterable[str]) -> str:
    return ", ".join(title(name) for name in names) or "none"


def _variables_directory(role: str) -> Path:
    for roles in constants.DEFAULT_ROLES_PATH:
        if (path := Path(roles, role)).is_dir():
            return path / "vars"
    raise AnsibleFilterError(f"There is no role {role} in {', '.join(constants.DEFAULT_ROLES_PATH)}.")


@functools.cache
def _read(path: Path, role: str) -> dict[str, Any]:
    content = yaml.safe_load(path.read_text()) or {}
    found = content.get(f"__{role}_system")
    if not isinstance(found, dict):
        raise AnsibleFilterError(f"{path} has no mapping __{role}_system.")
    return found
