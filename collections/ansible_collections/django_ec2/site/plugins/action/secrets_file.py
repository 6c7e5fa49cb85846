# SPDX-License-Identifier: MIT
"""Let the module of this name work on a file that ansible-vault encrypted, and encrypt what it wrote in the same way."""

from __future__ import annotations

import os
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.parsing.vault import VaultLib, is_encrypted
from ansible.plugins.action import ActionBase
from ansible.utils.path import unfrackpath
from ansible_collections.django_ec2.site.plugins.module_utils.directory_lock import directory_lock


class ActionModule(ActionBase):
    """The half of secrets_file that knows the vault's password."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Decrypt, run, encrypt."""
        del tmp
        result = super().run(task_vars=task_vars)
        args = dict(self._task.args)
        path = Path(unfrackpath(str(args.get("path") or ""), follow=False))
        args["path"] = str(path)
        content = path.read_bytes() if path.is_file() else b""
        if not is_encrypted(content):
            result.update(
                self._execute_module(module_name="django_ec2.site.secrets_file", module_args=args, task_vars=task_vars)
            )
            return result
        # The module locks the directory of its file, which is a scratch copy here.
        with nullcontext() if self._task.check_mode else directory_lock(str(path.parent)):
            result.update(self._decrypted(path, args, task_vars))
        return result

    def _decrypted(self, path: Path, args: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        """Run the module on a decrypted copy, and encrypt what it wrote. Read only now: the run before may have written."""
        content = path.read_bytes()
        vault: VaultLib = self._loader._vault
        try:
            plain, vault_id, secret = vault.decrypt_and_get_vault_id(content)
        except AnsibleError as error:
            raise AnsibleActionFail(
                f"{path} is encrypted and cannot be read: {error}. Give its password: --ask-vault-pass, --vault-id, or "
                "vault_password_file in ansible.cfg."
            ) from error
        with tempfile.TemporaryDirectory() as directory:
            scratch = Path(directory, path.name)
            scratch.touch(mode=0o600)
            scratch.write_bytes(plain)
            result = self._execute_module(
                module_name="django_ec2.site.secrets_file",
                module_args={**args, "path": str(scratch)},
                task_vars=task_vars,
            )
            if result.get("changed") and not self._task.check_mode:
                _replace(path, vault.encrypt(scratch.read_bytes(), secret, vault_id))
        return result


def _replace(path: Path, content: bytes) -> None:
    """Replace a file as one step; its owner and mode stay."""
    before = path.stat()
    partial = path.with_name(path.name + ".new")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as handle:
        handle.write(content)
    os.chmod(partial, before.st_mode & 0o777)
    os.chown(partial, before.st_uid, before.st_gid)
    os.replace(partial, path)
