# SPDX-License-Identifier: MIT
"""uv, and what its failures mean for a project that is deployed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from ansible_collections.django_ec2.site.plugins.plugin_utils.release import source as release_source
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.recipe import Recipe, ReleaseError, Target

UV_SECONDS = 900
END_CHARACTERS = 2000
# Packages that are published as source alone, and the ones with wheels that hold the same modules.
WITH_WHEELS = {"psycopg2": "psycopg2-binary", "psycopg-c": "psycopg[binary]"}
# uv's words for a package whose source could not be built, or was built for another Python than the target's.
NOT_BUILT = re.compile(r"Failed to (?:download and )?build `([A-Za-z0-9][A-Za-z0-9._-]*)")


def run_uv(recipe: Recipe, arguments: list[str], cwd: Path, git: Mapping[str, str] | None = None) -> str:
    """Run uv and return what it wrote to standard error.

    Args:
        recipe: of the release, for messages.
        arguments: of uv.
        cwd: where paths of requirements begin.
        git: variables with which git reaches private repositories.

    Raises:
        ReleaseError: it is not there, or failed.
    """
    uv = Path(sys.executable).with_name("uv")
    command = [str(uv) if uv.exists() else "uv", *arguments]
    environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", **(git or {})}
    try:
        done = subprocess.run(
            command, cwd=cwd, capture_output=True, text=True, timeout=UV_SECONDS, check=False, env=environment
        )
    except FileNotFoundError as error:
        raise ReleaseError("uv is not installed on the controller: run 'make venv'.") from error
    except subprocess.TimeoutExpired as error:
        raise ReleaseError(f"applications.{recipe.name}: uv {arguments[0]} took more than {UV_SECONDS} s.") from error
    if done.returncode != 0:
        said = done.stderr.strip()[-END_CHARACTERS:]
        raise ReleaseError(f"applications.{recipe.name}: the packages cannot be installed: {said}{remedy(said)}")
    return done.stderr


def git_variables(recipe: Recipe, directory: Path) -> dict[str, str]:
    """How git, called by uv, reaches the private repositories that requirements name.

    Args:
        recipe: of the release.
        directory: where builds are kept.
    """
    ssh = release_source.ssh_command(recipe.deploy_key, directory / "git")
    return {"GIT_SSH_COMMAND": ssh} if ssh else {}


def remedy(said: str) -> str:
    """What to do about a failure of uv, as the end of a message; empty when nothing is known."""
    found = NOT_BUILT.search(said)
    if "Git operation failed" in said:
        return (
            "\nFor a private repository give deploy_key, the path of a private SSH key that may read it (git+ssh://…)."
        )
    return f"\n{source_only(found[1])}" if found else ""


def source_only(*packages: str) -> str:
    """The remedy for packages that have no wheel for the target."""
    others = ", ".join(f"{name}: {WITH_WHEELS[name]}" for name in packages if name in WITH_WHEELS)
    example = others or f"{packages[0]}: <another package>"
    return (
        f"Hosts get packages ready to run. Put one that has a wheel in its place, with replace_packages: {{{example}}} in the "
        "entry; or pin a version that has a wheel; or run the playbook on a machine of the hosts' Debian, where it can be built."
    )


def override_lines(replaced: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Requirements that others take the place of, as uv is told.

    Args:
        replaced: name of a package to the requirement in its place; an empty one leaves it out.

    Returns:
        Lines of a file of overrides, and further requirements.
    """
    lines, added = [], []
    for name, requirement in sorted(replaced.items()):
        own = re.match(r"[A-Za-z0-9._-]*", requirement.strip())
        if own and _normal(own[0]) == _normal(name):
            lines.append(requirement.strip())
            continue
        lines.append(f"{name} ; sys_platform == 'never'")
        added += [requirement.strip()] if requirement.strip() else []
    return lines, added


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def target_words(target: Target) -> list[str]:
    """uv's options for an installation that is for another machine than this one."""
    return ["--python-version", target.python, "--python-platform", target.platform, "--python", sys.executable]
