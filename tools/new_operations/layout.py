# SPDX-License-Identifier: MIT
"""What lies where in an operations repository."""

from __future__ import annotations

import configparser
import os
import re
from pathlib import Path

from tools.new_operations import PRODUCT

FILES = Path(__file__).parent / "files"
# Settings of ansible.cfg that name paths: in theirs they lead into the submodule.
PATHS = ("inventory", "roles_path", "collections_path")
# The team's own values for all environments, and ours for the environment. Ansible merges the files of a directory in the order of
# their names, so digits come before the team's own files, and the last one wins.
OURS = "00-django-ec2"
SHARED = "10-every-environment"
# Files that are read at the root of a repository, by AWX and by ansible-navigator.
LINKED = ("collections/requirements.yml", "ansible-navigator.yml")


def text_of(name: str, environments: list[str], environment: str = "") -> str:
    """A file of ``files/`` with its names filled in."""
    shown = next((one for one in environments if one not in ("lab", "local")), environments[0])
    names = {
        "product": PRODUCT,
        "environments": ", ".join(environments),
        "environment": environment or shown,
        # Labs and machines that run Ansible themselves are nothing for AWX.
        "awx_environments": ", ".join(one for one in environments if one not in ("lab", "local")),
    }
    return re.sub(r"@(\w+)@", lambda found: names[found[1]], (FILES / f"{name}.in").read_text(encoding="utf-8"))


def default_environment(environments: list[str]) -> str:
    """The one that a command without ``-i`` is about: never production, where there is another."""
    return next((name for name in environments if name != "production"), environments[0])


def ansible_cfg(ours: str, environments: list[str]) -> str:
    """Our ansible.cfg with paths that lead into the submodule."""
    paths = {
        "inventory": f"inventory/{default_environment(environments)}",
        "roles_path": f"{PRODUCT}/roles:roles",
        "collections_path": f"{PRODUCT}/collections:collections",
    }
    head = text_of("ansible.cfg", environments)
    body = ours[ours.index("[defaults]") :].removeprefix("[defaults]\n")
    for name in PATHS:
        body, count = re.subn(rf"^{name} *=.*\n", "", body, flags=re.MULTILINE)
        assert count == 1, name  # noqa: S101 - our own ansible.cfg has each of them
    return head + "".join(f"{name} = {value}\n" for name, value in paths.items()) + body


def _settings(path: Path) -> dict[str, str]:
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_string(path.read_text(encoding="utf-8"))
    return {f"[{section}] {name}": value for section in parser.sections() for name, value in parser.items(section)}


def changed_settings(repository: Path) -> list[str]:
    """In sentences, which settings of ours their ansible.cfg has otherwise, but for the paths."""
    ours, theirs = _settings(repository / PRODUCT / "ansible.cfg"), _settings(repository / "ansible.cfg")
    return [
        f"{name} = {value}" + (f" (here: {theirs[name]})" if name in theirs else " (not here)")
        for name, value in ours.items()
        if name.rpartition(" ")[2] not in PATHS and theirs.get(name) != value
    ]


def files(product: Path, environments: list[str]) -> dict[str, str]:
    """The files of a new repository with their content, by path.

    Args:
        product: the submodule's directory.
        environments: their names.
    """
    found = {
        "ansible.cfg": ansible_cfg((product / "ansible.cfg").read_text(encoding="utf-8"), environments),
        ".gitignore": text_of("gitignore", environments),
        "roles/.gitkeep": "",
        "playbooks/.gitkeep": "",
    }
    for name in ("README.md", "Makefile", "requirements.txt", "site.yml", "variables/main.yml"):
        found[name] = text_of(name, environments)
    found["awx/settings.yml"] = text_of("awx_settings.yml", environments)
    for environment in environments:
        found |= environment_files(product, environment)
    return found


def environment_files(product: Path, environment: str) -> dict[str, str]:
    """The files of one environment: its hosts, and its own group's variables.

    Args:
        product: the submodule's directory.
        environment: its name. The hosts are listed as in ours of that name, or as in staging.
    """
    found = {}
    model = environment if (product / "inventory" / environment).is_dir() else "staging"
    for path in sorted((product / "inventory" / model).glob("*.yml")):
        text = re.sub(rf"\b(env_)?{model}\b", rf"\g<1>{environment}", path.read_text(encoding="utf-8"))
        if path.name == "hosts.yml":
            # The comment above it speaks of our repository.
            text = f"# The hosts of {environment}.\n" + text[re.search(r"^\w", text, re.MULTILINE).start() :]  # type: ignore[union-attr]
        found[f"inventory/{environment}/{path.name}"] = text
    own = f"inventory/{environment}/group_vars/env_{environment}"
    for name in ("applications.yml", "main.yml"):
        found[f"{own}/{name}"] = text_of(name, [environment], environment)
    if environment not in ("lab", "local"):
        found[f"{own}/main.yml"] += text_of("secrets_of.yml", [environment], environment)
    return found


def links(repository: Path, environments: list[str]) -> dict[Path, Path]:
    """Every link of the repository, and what it leads to.

    A group's variables are a link to ours. The group ``env_<environment>`` has the last word over all others, and its directory is the
    team's own; ours is one part of it. So everything that is the team's wins, and is in one place.
    """
    shipped = sorted(path.name for path in (repository / PRODUCT / "group_vars").iterdir() if path.is_dir())
    found = {repository / name: repository / PRODUCT / name for name in LINKED}
    for environment in environments:
        group_vars = repository / "inventory" / environment / "group_vars"
        for group in shipped:
            if not group.startswith("env_"):
                found[group_vars / group] = repository / PRODUCT / "group_vars" / group
        own = f"env_{environment}"
        if own in shipped:
            found[group_vars / own / OURS] = repository / PRODUCT / "group_vars" / own
        found[group_vars / own / SHARED] = repository / "variables"
    return found


def environments_of(repository: Path) -> list[str]:
    """The environments that a repository has: those with a directory of their own for their group."""
    return sorted(
        path.name
        for path in (repository / "inventory").iterdir()
        if (path / "group_vars" / f"env_{path.name}").is_dir()
    )


def add_links(repository: Path, environments: list[str] | None = None) -> list[Path]:
    """Make the links that are missing, and return them. Whatever is there, link, file or directory, is the team's.

    Args:
        repository: the operations repository.
        environments: their names; those that it has, by default.
    """
    made = []
    for link, target in links(repository, environments or environments_of(repository)).items():
        # Of these a later version brings no more: where one is missing, it was removed.
        removed = environments is None and (link.name == SHARED or link.relative_to(repository).as_posix() in LINKED)
        if os.path.lexists(link) or removed:
            continue
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(target, link.parent))
        made.append(link)
    return made
