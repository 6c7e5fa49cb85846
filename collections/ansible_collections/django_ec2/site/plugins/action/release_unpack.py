# SPDX-License-Identifier: MIT
"""Bring the archive of a release to the host, where the module of this name unpacks it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):
    """The controller's half of release_unpack."""

    TRANSFERS_FILES = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Transfer, unpack, and remove what was transferred."""
        del tmp
        result = super().run(task_vars=task_vars)
        shell = self._connection._shell
        args = dict(self._task.args)
        archive = Path(str(args.get("archive")))
        if not archive.is_file():
            raise AnsibleActionFail(f"There is no archive {archive} on the controller: the release was not built.")
        try:
            if not self._task.check_mode:
                args["archive"] = self._transfer_file(str(archive), shell.join_path(shell.tmpdir, "release.tar.gz"))
                self._fixup_perms2((shell.tmpdir, args["archive"]))
            result.update(
                self._execute_module(
                    module_name="django_ec2.site.release_unpack", module_args=args, task_vars=task_vars
                )
            )
        finally:
            self._remove_tmp_path(shell.tmpdir)
        return result
