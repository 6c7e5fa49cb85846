# SPDX-License-Identifier: MIT
"""One call of host_config from beginning to end: check the request, compare, report, apply, remember.

Knows the order of these steps. What an account, a file or a unit is, the files beside this one know.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.host_config import (
    hidden,
    memory,
    owed,
    request,
    sysctl,
    transaction,
)
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.accounts import Accounts, owner_of
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.commands import Redaction
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.errors import HostConfigError
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.files import Comparison
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.paths import demand_mounts, ensure_directory
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.report import Change, Report, diff_item
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.systemd import Units, is_unit_path


class HostConfig:
    """The plan for one host, and its execution. Planning reads only, so check mode is the plan."""

    def __init__(self, params: dict[str, Any], check_mode: bool = False, diff: bool = False) -> None:
        self.params = params
        self.check_mode = check_mode
        self.with_diff = diff
        self.report = Report()
        self.redact = Redaction()
        self.accounts: Accounts
        self.changes: dict[str, list[Change]] = {}
        self.new_sysctl: dict[str, tuple[str, str]] = {}
        self.owed: list[str] = []

    def run(self) -> dict[str, Any]:
        """Plan everything, then apply it unless in check mode."""
        request.normalize(self.params)
        self.redact = Redaction(
            "\n".join(entry["secrets"]).encode() if entry.get("secrets") else entry["content"]
            for entry in self.params["files"]
            if entry["sensitive"]
        )
        self._plan()
        self._report_plan()
        if not self.check_mode:
            self._apply()
        result = self.report.result
        try:
            if not self.check_mode:
                for name, (_before, wanted) in self.new_sysctl.items():
                    sysctl.write(name, wanted)
            self._manage_units()
            if not self.check_mode:
                self._settle()
        except HostConfigError as error:
            # The files are in place by now, and what they call for is owed until a run that gets further.
            error.details = {**result, "changed": self.report.has_changed(), **error.details}
            raise
        result["changed"] = self.report.has_changed()
        if self.with_diff:
            result["diff"] = self.report.diff
        self._remember()
        return result

    def holds(self) -> bool:
        """Whether the host is as a remembered set asks for; nothing is changed."""
        try:
            self._plan()
            self._report_plan()
            self._manage_units()
        except (HostConfigError, OSError, KeyError, TypeError, ValueError):
            return False
        return not (self.report.has_changed() or self.report.result["daemon_reloaded"] or self.report.warnings)

    def _plan(self) -> None:
        demand_mounts(self.params["mounted"])
        self.accounts = Accounts(self.params["users"], self.check_mode)
        self.changes = Comparison(self.params, self.accounts, self.check_mode, self.with_diff).changes()
        self.new_sysctl = sysctl.compare(self.params["sysctl"], self.check_mode)
        self.owed = owed.read(self.params.get("owes"))

    def _report_plan(self) -> None:
        result, diff, accounts = self.report.result, self.report.diff, self.accounts
        result["created_users"] = [user["name"] for user in accounts.new_users]
        result["changed_users"] = sorted(set(accounts.new_groups) - set(result["created_users"]))
        for user in accounts.new_users:
            after = f"home: {user['home']}\nshell: {user['shell']}\n"
            diff.append(diff_item(f"user {user['name']}", "absent\n", after))
        for name, groups in accounts.new_groups.items():
            diff.append(diff_item(f"user {name}, added groups", "", "".join(f"{group}\n" for group in groups)))
        all_changes = [change for changes in self.changes.values() for change in changes]
        result["changed_paths"] = [change.path for change in all_changes]
        result["digests"] = {
            change.path: hashlib.sha256(change.entry["content"]).hexdigest()
            for change in self.changes["files"]
            if isinstance(change.entry.get("content"), bytes) and not change.entry.get("sensitive")
        }
        result["owed"] = self.owed
        result["triggers"] = sorted({*self._called_for(), *self.owed})
        if self.owed:
            diff.append(
                diff_item(f"owed to {self.params['owes']} by an earlier run", f"{', '.join(self.owed)}\n", "done\n")
            )
        for change in all_changes:
            diff.extend(change.diff)
        result["changed_sysctl"] = list(self.new_sysctl)
        for name, (before, after) in self.new_sysctl.items():
            diff.append(diff_item(f"sysctl {name}", f"{before}\n", f"{after}\n"))

    def _called_for(self, *options: str) -> list[str]:
        """The triggers of what changes; of these options alone, when they are named."""
        words = {
            word for option in options or self.changes for change in self.changes[option] for word in change.triggers
        }
        touched = {*(user["name"] for user in self.accounts.new_users), *self.accounts.new_groups}
        users = [user for user in self.params["users"] if user["name"] in touched]
        return sorted(words | {word for user in users for word in user["triggers"]})

    def _owe(self) -> None:
        """Before anything is placed: note on disk what has to follow."""
        if self.params.get("owes"):
            owed.add(self.params["owes"], self._called_for())
        if any(is_unit_path(change.path) for changes in self.changes.values() for change in changes):
            owed.add(owed.SYSTEMD, [owed.DAEMON_RELOAD])

    def _settle(self) -> None:
        """Forget what this call was told to be done, and the reload that it did itself."""
        for name in self.params["done"]:
            owed.write(name, [])
        if self.report.result["daemon_reloaded"]:
            owed.write(owed.SYSTEMD, [])

    def _apply(self) -> None:
        accounts = self.accounts
        hidden.clear(
            os.path.dirname(entry["path"]) for option in ("files", "links", "absent") for entry in self.params[option]
        )
        self._owe()
        if self.params.get("remember") and any((accounts.new_users, accounts.new_groups, *self.changes.values())):
            memory.forget(self.params["remember"])
        accounts.create()
        for change in self.changes["directories"]:
            ensure_directory(change.path, owner_of(change.entry), change.entry["mode"])
        try:
            skipped = transaction.apply(self.changes, self.params["validate"], self.redact)
        except HostConfigError as error:
            # What was there before is back. Users and directories stay, and so does what they call for.
            if self.params.get("owes") and not error.details.get("unrestored"):
                owed.write(self.params["owes"], sorted({*self.owed, *self._called_for("directories")}))
            raise
        self.report.result["skipped_validations"] = skipped

    def _manage_units(self) -> None:
        reload_due = owed.SYSTEMD in owed.names()
        Units(self.params["units"], self.check_mode, self.report, self.redact).manage(reload_due)

    def _remember(self) -> None:
        """Keep this set for later runs, now that the host is as it asks for."""
        name, digest = self.params.get("remember"), self.params.get("digest")
        if name and digest and not self.check_mode:
            memory.write(name, digest, memory.kept(self.params))


def sets_that_hold() -> dict[str, str]:
    """The digests of all remembered sets that the host is in keeping with, by their names."""
    owing = owed.names()
    return {
        name: record["digest"]
        for name, record in memory.read().items()
        if name not in owing
        and memory.is_current(record)
        and HostConfig(memory.as_params(record), check_mode=True).holds()
    }
