# SPDX-License-Identifier: MIT
"""Filters of the role preflight: what Ansible says of a value that can't be had, in the operator's words."""

from __future__ import annotations

import re
from typing import Any

# What Ansible puts in front of a cause.
FRAMES = re.compile(
    r"^(?:Task failed: |Error while evaluating conditional: |Error rendering (?:expression|template): )+"
)
ABSENT = re.compile(r"has no attribute '(\w+)'|^'([\w.]+)' is undefined")
LOCKED = re.compile("undecryptable|no vault secrets|Decryption failed", re.IGNORECASE)
# A message that says so already.
HELPS = re.compile(r"docs/applications\.md|applications is empty|-e (app|source)=")
REMEDY = "When it is a secret: run playbooks/secrets.yml for this inventory, or fill it in from the vault, see docs/secrets.md."


def preflight_cause(message: str) -> str:
    """Why the entries of ``applications`` can't be read, and what to do."""
    cause = FRAMES.sub("", message).strip()
    if HELPS.search(cause):
        return cause
    if LOCKED.search(cause):
        return (
            "A value is encrypted by ansible-vault, and its password was not given or is another one. Give --ask-vault-pass, "
            "--vault-password-file=<file>, or vault_password_file in ansible.cfg. See docs/secrets.md."
        )
    if absent := ABSENT.search(cause):
        return f"The entries of applications ask for '{absent[1] or absent[2]}', which is not there ({cause}). {REMEDY}"
    return f"{cause} {REMEDY}"


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {"preflight_cause": preflight_cause}
