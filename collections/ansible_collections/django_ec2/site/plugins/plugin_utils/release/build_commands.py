# SPDX-License-Identifier: MIT
"""The project's own build, in a copy of its source: its commands find the packages of the release.

What was installed for the hosts need not run on the controller. So the commands get a virtual environment of the controller's own, of
the hosts' Python where the controller has it, with the versions that the hosts get. A build that needs no Python must not fail
for want of it: why there is no such environment is told with the command that fails.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from ansible_collections.django_ec2.site.plugins.plugin_utils.release import layer
from ansible_collections.django_ec2.site.plugins.plugin_utils.release import source as release_source
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.recipe import Recipe, ReleaseError, Target
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.uv import run_uv

BUILD_SECONDS = 1800


def run_build_commands(
    recipe: Recipe,
    source: Path,
    target: Target,
    scratch: Path,
    packages: Callable[[], list[str]],
    git: Mapping[str, str],
) -> None:
    """Run the commands, and remove what tools left in the source.

    Args:
        recipe: of the release.
        source: the copy of the source.
        target: what the release is for.
        scratch: a directory for the virtual environment.
        packages: says what the hosts get, as ``name==version``.
        git: variables with which git reaches private repositories.

    Raises:
        ReleaseError: a command failed.
    """
    if not recipe.build_commands:
        return
    scratch.mkdir()
    try:
        remark = _make_environment(recipe, source, target, scratch, packages(), git)
        variables = {"VIRTUAL_ENV": str(scratch / "venv"), "PATH": f"{scratch}/venv/bin:{os.environ.get('PATH', '')}"}
    except ReleaseError as error:
        remark, variables = f"The packages of the release were not there for it: {error}", {}
    for command in recipe.build_commands:
        _run(recipe, command, source, {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **variables}, remark)
    for path in sorted(source.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink() and path.name in release_source.SKIPPED_DIRECTORIES:
            shutil.rmtree(path)


def _make_environment(
    recipe: Recipe, source: Path, target: Target, scratch: Path, packages: list[str], git: Mapping[str, str]
) -> str:
    """Make the virtual environment; returns what is worth knowing of it when a command fails."""
    place, remark = scratch / "venv", ""
    words = ["venv", "--quiet", "--no-config", "--no-project", "--no-python-downloads", str(place), "--python"]
    try:
        run_uv(recipe, [*words, target.python], scratch)
    except ReleaseError:
        own = f"{sys.version_info.major}.{sys.version_info.minor}"
        remark = (
            f"It ran with Python {own}, for this controller has no {target.python}, which the hosts have: "
            f"'uv python install {target.python}' brings it."
        )
        run_uv(recipe, [*words, sys.executable], scratch)
    pins = scratch / "pins.txt"
    pins.write_text("".join(f"{one}\n" for one in packages))
    words = [
        "pip",
        "install",
        "--quiet",
        "--no-config",
        "--python",
        str(place / "bin/python"),
        "--constraints",
        str(pins),
    ]
    try:
        run_uv(recipe, [*words, *layer.install_words(recipe, source, scratch, git)], source, git)
    except ReleaseError as error:
        raise ReleaseError(f"{error}\n{remark}".rstrip()) from error
    return remark


def _run(recipe: Recipe, command: str, source: Path, environment: Mapping[str, str], remark: str) -> None:
    where = f"applications.{recipe.name}: build_commands: '{command}'"
    end = f"\n{remark}" if remark else ""
    try:
        done = subprocess.run(
            shlex.split(command), cwd=source, capture_output=True, text=True, errors="replace", check=False,
            timeout=BUILD_SECONDS, stdin=subprocess.DEVNULL, env=environment,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise ReleaseError(
            f"{where} cannot run, because {error.filename} is not on this controller: install it here (npm is Debian's package "
            f"npm), or add the package that brings it to 'packages'.{end}"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise ReleaseError(f"{where} took more than {BUILD_SECONDS} s.") from error
    if done.returncode != 0:
        said = f"{done.stdout}{done.stderr}".strip()[-3000:]
        raise ReleaseError(f"{where} failed with {done.returncode}:\n{said}{end}")
