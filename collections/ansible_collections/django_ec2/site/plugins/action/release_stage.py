# SPDX-License-Identifier: MIT
"""Bring the archives of a release to the host, where the module of this name unpacks them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

MODULE = "django_ec2.site.release_stage"


class ActionModule(ActionBase):
    """The controller's half of release_stage."""

    TRANSFERS_FILES = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Transfer, stage, and remove what is left of the transfer."""
        del tmp
        result = super().run(task_vars=task_vars)
        shell = self._connection._shell
        args = dict(self._task.args)
        try:
            for option in ("archive", "layer_archive"):
                archive = Path(str(args.pop(option, "") or ""))
                if archive == Path() or self._task.check_mode:
                    continue
                if not archive.is_file():
                    raise AnsibleActionFail(
                        f"There is no archive {archive} on the controller: the release was not built."
                    )
                remote = shell.join_path(shell.tmpdir, f"{option}.tar.gz")
                args[option] = self._transfer_file(str(archive), remote)
                self._fixup_perms2((shell.tmpdir, args[option]))
            result.update(self._execute_module(module_name=MODULE, module_args=args, task_vars=task_vars))
        finally:
            self._remove_tmp_path(shell.tmpdir)
        return result
