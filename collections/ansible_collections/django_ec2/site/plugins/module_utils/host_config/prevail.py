# SPDX-License-Identifier: MIT
"""Settings that another file takes out of effect.

Knows in which order a program reads its files and which value it takes, and so which lines of others come in the way of a
file's settings. Reads only: what has to change is a list of changes like any other.
"""

from __future__ import annotations

import fnmatch
import glob
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.host_config.errors import HostConfigError
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.paths import kind_of, lstat
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.report import Change

DEPTH = 8  # of files that include each other
COMMENT = "# Ansible, set in {}: "


@dataclass(frozen=True)
class Syntax:
    """How a program reads its configuration. Keywords are compared without case."""

    keyword: re.Pattern[str]
    # The groups `files` (globs with spaces between them) or `directory` (its *.conf).
    include: re.Pattern[str]
    # Whether the first value of a keyword counts, or the last.
    first: bool
    # What begins a part that holds under conditions, to the end of its file.
    conditional: re.Pattern[str] | None = None


SYNTAXES = {
    "sshd": Syntax(
        keyword=re.compile(r"\s*([A-Za-z]\w*)[\s=]"),
        include=re.compile(r"\s*include\s+(?P<files>.+)", re.IGNORECASE),
        first=True,
        conditional=re.compile(r"\s*match\s", re.IGNORECASE),
    ),
    "postgresql": Syntax(
        keyword=re.compile(r"\s*([A-Za-z_][\w.]*)[\s=]"),
        include=re.compile(
            r"\s*(?:include(?:_if_exists)?[\s=]+'(?P<files>[^']+)'|include_dir[\s=]+'(?P<directory>[^']+)')"
        ),
        first=False,
    ),
}


def keywords(content: bytes, syntax: str) -> list[str]:
    """The keywords that a file sets, in small letters."""
    return sorted(
        {found[1].lower() for line in text_of(content).split("\n") if (found := SYNTAXES[syntax].keyword.match(line))}
    )


def text_of(content: bytes) -> str:
    """Bytes as text that comes back the same, whatever its encoding is."""
    return content.decode("latin-1")


@dataclass
class _Reading:
    """The lines of others that set the same as ours, by file, in the order in which the program reads them."""

    path: str
    names: frozenset[str]
    syntax: Syntax
    reached: bool = False
    before: dict[str, list[int]] = field(default_factory=dict)
    after: dict[str, list[int]] = field(default_factory=dict)

    def read(self, path: str, depth: int = 0) -> None:
        if path == self.path:
            self.reached = True
            return
        if depth > DEPTH or not os.path.isfile(path):
            return
        with open(path, "rb") as stream:
            lines = text_of(stream.read()).split("\n")
        for number, line in enumerate(lines):
            if self.syntax.conditional and self.syntax.conditional.match(line):
                return
            if found := self.syntax.include.match(line):
                for included in self._included(path, found):
                    self.read(included, depth + 1)
            elif (found := self.syntax.keyword.match(line)) and found[1].lower() in self.names:
                (self.after if self.reached else self.before).setdefault(path, []).append(number)

    def _included(self, path: str, found: re.Match[str]) -> Iterator[str]:
        here = os.path.dirname(path)
        groups = found.groupdict()
        if groups.get("directory"):
            patterns = [os.path.join(here, groups["directory"], "*.conf")]
        else:
            patterns = [os.path.join(here, word.strip("\"'")) for word in groups["files"].split()]
        for pattern in map(os.path.normpath, patterns):
            there = set(glob.glob(pattern))
            # A file that this call will place counts as being there.
            yield from sorted(there | ({self.path} if fnmatch.fnmatchcase(self.path, pattern) else set()))


def overridden(entry: dict[str, Any]) -> list[Change]:
    """The files of others that have to change for an entry of the option prevail.

    Raises:
        HostConfigError: the program does not read the file, or what is in the way is no file.
    """
    syntax = SYNTAXES[entry["syntax"]]
    if not any(os.path.isfile(path) for path in entry["main"]):
        return []  # A check before the package is there.
    reading = _Reading(entry["path"], frozenset(entry["names"]), syntax)
    for path in entry["main"]:
        reading.read(path)
    if not reading.reached:
        raise HostConfigError(
            f"{entry['path']} has no effect: {entry['main'][0]} does not read it. Add the line that includes its directory, as the "
            "distribution's own file has it."
        )
    lines = reading.before if syntax.first else reading.after
    return [_change(path, numbers, entry) for path, numbers in lines.items()]


def _change(path: str, numbers: list[int], entry: dict[str, Any]) -> Change:
    status = lstat(path)
    if status is None or kind_of(status) != "file":
        raise HostConfigError(
            f"{path} sets what {entry['path']} sets, and is a {kind_of(status)}. Remove these settings by hand."
        )
    with open(path, "rb") as stream:
        lines = text_of(stream.read()).split("\n")
    for number in numbers:
        lines[number] = COMMENT.format(entry["path"]) + lines[number].strip()
    changed = {
        "path": path, "content": "\n".join(lines).encode("latin-1"), "owner": str(status.st_uid), "group": str(status.st_gid),
        "mode": stat.S_IMODE(status.st_mode), "triggers": entry["triggers"], "sensitive": False, "validate": None,
    }  # fmt: skip
    return Change(path, entry["triggers"], [], changed)
