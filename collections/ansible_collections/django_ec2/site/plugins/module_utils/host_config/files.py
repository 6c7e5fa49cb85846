# SPDX-License-Identifier: MIT
"""Directories, files, links and what is to be gone, compared with the host.

Knows how each differs from what is wanted, and when that is refused. Reads only: ``transaction`` puts things in place.
"""

from __future__ import annotations

import contextlib
import fnmatch
import hashlib
import os
import stat
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.host_config import prevail
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.accounts import (
    Accounts,
    group_name,
    user_name,
)
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.errors import HostConfigError
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.paths import (
    attributes,
    kind_of,
    lstat,
    read_bytes,
)
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.report import Change, diff_item

DIFF_LIMIT = 100_000


class Comparison:
    """The paths of a request against those of the host."""

    def __init__(self, params: dict[str, Any], accounts: Accounts, check_mode: bool, diff: bool) -> None:
        self.params = params
        self.accounts = accounts
        self.check_mode = check_mode
        self.with_diff = diff

    def changes(self) -> dict[str, list[Change]]:
        """What differs, by option, in the order in which it is applied."""
        changes = {}
        for option, compare in (
            ("directories", self._directory),
            ("files", self._file),
            ("links", self._link),
            ("absent", self._absent),
        ):
            compared = [compare(entry) for entry in self.params[option]]
            changes[option] = [change for change in compared if change]
        # Deepest first, so that a directory is empty when its turn comes.
        changes["absent"].sort(key=lambda change: change.path.count("/"), reverse=True)
        changes["purge"] = self._purge()
        # What goes as a whole need not be mended first.
        going = {change.path for change in changes["purge"]}
        changes["files"] += [change for change in self._prevail() if change.path not in going]
        return changes

    def _directory(self, entry: dict[str, Any]) -> Change | None:
        path, where = entry["path"], f"directories: {entry['path']}"
        wanted = (*self.accounts.numbers(entry, where), entry["mode"])
        status = lstat(path)
        if kind_of(status) == "link" and os.path.isdir(path):
            if status and status.st_uid != 0:
                raise HostConfigError(f"{where} is a link that root does not own. Remove it by hand.")
            status = os.stat(path)
        if kind_of(status) not in ("absent", "directory"):
            raise HostConfigError(f"{where}: there is a {kind_of(status)} at this path. Remove it by hand.")
        if attributes(status) == wanted:
            return None
        return Change(path, entry["triggers"], [attribute_diff(entry, status)], entry)

    def _file(self, entry: dict[str, Any]) -> Change | None:
        path, where = entry["path"], f"files: {entry['path']}"
        wanted = (*self.accounts.numbers(entry, where), entry["mode"])
        self._demand_parent(path, where)
        status = lstat(path)
        kind = kind_of(status)
        if kind in ("directory", "special file"):
            raise HostConfigError(f"{where}: there is a {kind} at this path. Remove it by hand.")
        same_content = status is not None and kind == "file" and has_content(entry, status)
        same_attributes = kind == "file" and attributes(status) == wanted
        if same_content and same_attributes:
            return None
        diff = []
        if self.with_diff and not same_content:
            diff.append(content_diff(entry, kind))
        if self.with_diff and kind == "file" and not same_attributes:
            diff.append(attribute_diff(entry, status))
        return Change(path, entry["triggers"], diff, entry)

    def _prevail(self) -> list[Change]:
        """Files of others that take settings of this call out of effect."""
        changes = [change for entry in self.params["prevail"] for change in prevail.overridden(entry)]
        for change in changes if self.with_diff else ():
            change.diff.append(content_diff(change.entry, "file"))
        return changes

    def _demand_parent(self, path: str, where: str) -> None:
        """The directory must exist when the turn comes; in check mode an earlier task may create it."""
        parent = os.path.dirname(path)
        if self.check_mode or os.path.isdir(parent):
            return
        if any((entry["path"] + "/").startswith(parent + "/") for entry in self.params["directories"]):
            return
        raise HostConfigError(f"{where}: the directory {parent} does not exist. Add it to directories.")

    def _link(self, entry: dict[str, Any]) -> Change | None:
        path, target, where = entry["path"], entry["target"], f"links: {entry['path']}"
        self._demand_parent(path, where)
        kind = kind_of(lstat(path))
        if kind not in ("absent", "link") and not (kind == "file" and entry["force"]):
            remedy = "Set force: true to replace it." if kind == "file" else "Remove it by hand."
            raise HostConfigError(f"{where}: there is a {kind} at this path. {remedy}")
        before = os.readlink(path) if kind == "link" else kind
        if kind == "link" and before == target:
            return None
        return Change(path, entry["triggers"], [diff_item(path, f"{before}\n", f"{target}\n")], entry)

    def _absent(self, entry: dict[str, Any]) -> Change | None:
        path = entry["path"]
        kind = kind_of(lstat(path))
        if kind == "absent":
            return None
        if kind == "directory":
            listed = {other["path"] for other in self.params["absent"]}
            left = sorted(name for name in os.listdir(path) if os.path.join(path, name) not in listed)
            if left:
                raise HostConfigError(
                    f"absent: {path} is a directory that still holds {', '.join(left[:5])}. "
                    "Only empty directories are removed: list its files too, or remove it by hand."
                )
        return Change(path, entry["triggers"], [diff_item(path, f"{kind}\n", "absent\n")])

    def _purge(self) -> list[Change]:
        # Compared by real directory: /var/run/x and /run/x must not be taken for different files.
        kept = {
            (os.path.realpath(os.path.dirname(entry["path"])), os.path.basename(entry["path"]))
            for option in ("files", "links", "absent")
            for entry in self.params[option]
        }
        changes: dict[str, Change] = {}
        for entry in self.params["purge"]:
            directory = os.path.realpath(entry["directory"])
            for name in sorted(os.listdir(directory)) if os.path.isdir(directory) else []:
                if not fnmatch.fnmatchcase(name, entry["pattern"]) or (directory, name) in kept:
                    continue
                if any(fnmatch.fnmatchcase(name, one) for one in entry.get("keep") or ()):
                    continue
                path = os.path.join(entry["directory"], name)
                kind = kind_of(lstat(path))
                aside = path + entry["aside"] if entry.get("aside") and kind == "file" else ""
                hidden = name.startswith(".") and not entry["pattern"].startswith(".")
                if kind in ("file", "link") and not hidden:
                    diff = diff_item(path, f"{kind}\n", f"set aside as {aside}\n" if aside else "absent\n")
                    changes.setdefault(
                        os.path.join(directory, name), Change(path, entry["triggers"], [diff], {"aside": aside})
                    )
        return list(changes.values())


def has_content(entry: dict[str, Any], status: os.stat_result) -> bool:
    """Whether a file has the content of an entry, of which a remembered one keeps size and digest alone."""
    if "sha256" not in entry:
        size = len(entry["content"])
        return status.st_size == size and read_bytes(entry["path"], size) == entry["content"]
    content = read_bytes(entry["path"], entry["size"]) if status.st_size == entry["size"] else None
    return content is not None and hashlib.sha256(content).hexdigest() == entry["sha256"]


def content_diff(entry: dict[str, Any], kind: str) -> dict[str, str]:
    """What a file says now, and what it will say; nothing of either when it is sensitive."""
    path = entry["path"]
    if entry["sensitive"]:
        before = "" if kind == "absent" else "(sensitive content)\n"
        return diff_item(path, before, "(sensitive content)" + (", changed\n" if before else "\n"))
    before = {
        "absent": lambda: "",
        "link": lambda: f"link to {os.readlink(path)}\n",
        "file": lambda: printable(read_bytes(path, DIFF_LIMIT)),
    }[kind]()
    return diff_item(path, before, printable(entry["content"]))


def printable(content: bytes | None) -> str:
    """Content for a diff; says so when it is too large or binary."""
    if content is None or len(content) > DIFF_LIMIT:
        size = "unread" if content is None else hashlib.sha256(content).hexdigest()[:12]
        return f"(more than {DIFF_LIMIT // 1000} kB, {size})\n"
    with contextlib.suppress(UnicodeDecodeError):
        if b"\0" not in content:
            return content.decode()
    return f"(binary content, {len(content)} bytes, {hashlib.sha256(content).hexdigest()[:12]})\n"


def attribute_diff(entry: dict[str, Any], status: os.stat_result | None) -> dict[str, str]:
    """Owner, group and mode as they are and as they will be."""
    before = "absent\n"
    if status:
        before = describe(user_name(status.st_uid), group_name(status.st_gid), stat.S_IMODE(status.st_mode))
    return diff_item(entry["path"], before, describe(entry["owner"], entry["group"], entry["mode"]))


def describe(owner: str, group: str, mode: int) -> str:
    """Owner, group and mode for a diff."""
    return f"owner: {owner}\ngroup: {group}\nmode: {mode:04o}\n"
