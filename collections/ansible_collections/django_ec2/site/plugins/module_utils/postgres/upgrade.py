# SPDX-License-Identifier: MIT
"""What a minor upgrade of this host's PostgreSQL would do: which packages are older than those of the archive, and whether the server
still runs a program that a package has replaced."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres import cluster, programs

# Inst postgresql-17 [17.5-1.deb13u1] (17.6-0+deb13u1 Debian:13.1/stable [amd64])
INSTALLED = re.compile(r"^Inst (\S+) \[([^\]]+)\] \((\S+)", re.MULTILINE)
REPLACED = " (deleted)"
# A line of /proc/<pid>/maps: a program or library of a package that is mapped to be run.
REPLACED_LIBRARY = re.compile(r"^\S+ ..x\S? .*? /(usr|lib\w*)/.+ \(deleted\)$", re.MULTILINE)


class UpgradeProblem(Exception):
    """Nothing can be said or done; the text says why."""


def newer(said: str) -> list[dict[str, str]]:
    """The packages that apt would upgrade, by what it says when it only tries."""
    return [{"name": name, "installed": old, "candidate": new} for name, old, new in INSTALLED.findall(said)]


def simulate(packages: Sequence[str]) -> str:
    """What apt says of an upgrade of these packages, those of them that are installed.

    Raises:
        UpgradeProblem: apt can't.
    """
    words = ["apt-get", "--simulate", "--quiet", "--only-upgrade", "--no-install-recommends", "install", *packages]
    done = subprocess.run(words, env={**os.environ, "LC_ALL": "C"}, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UpgradeProblem(f"apt can't upgrade PostgreSQL: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def runs_replaced(data: str, proc: str = "/proc") -> bool:
    """Whether the server runs a program or a library that is not on disk any more: a package was upgraded under it."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        with open(f"{data}/postmaster.pid", encoding="ascii") as stream:
            pid = int(stream.readline())
        if os.readlink(f"{proc}/{pid}/exe").endswith(REPLACED):
            return True
        with open(f"{proc}/{pid}/maps", encoding="utf-8", errors="replace") as stream:
            return bool(REPLACED_LIBRARY.search(stream.read()))
    return False


def plan_lines(host: str, packages: Iterable[Mapping[str, str]], replaced: bool) -> list[str]:
    """What would be done, in sentences."""
    lines = [f"{host}: {one['name']} {one['installed']} becomes {one['candidate']}" for one in packages]
    if replaced and not lines:
        lines.append(f"{host}: the packages are new already, and the server still runs what was there before them")
    if lines:
        lines.append(f"{host}: PostgreSQL is restarted once")
    return lines


def look(host: str, packages: Sequence[str]) -> dict[str, Any]:
    """The packages, and whether the server has to be restarted.

    Args:
        host: its name, for what is said.
        packages: that may be upgraded.

    Raises:
        UpgradeProblem: there is no cluster, or apt can't say.
    """
    version = cluster.version_of()
    if not version:
        raise UpgradeProblem(f"{host} has no cluster yet: run site.yml, which makes one")
    found = newer(simulate(packages))
    replaced = runs_replaced(cluster.data_directory_of(version))
    server = [one for one in found if one["name"] == f"postgresql-{version}"]
    return {
        "packages": found, "restart": replaced or bool(server), "replaced": replaced, "running": programs.active(version),
        "version": version,
        "lines": plan_lines(host, found, replaced),
    }  # fmt: skip
