# SPDX-License-Identifier: MIT
"""What a host needs a release for: its Python and its platform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError


def target_of(facts: Mapping[str, Any], platform: str) -> tuple[str, str]:
    """The target of a host: the version of its Python as ``3.13``, and its platform in uv's words.

    Raises:
        AnsibleFilterError: the facts do not tell.
    """
    if "python" not in facts:
        raise AnsibleFilterError("Facts are missing: the play has to gather them (gather_subset: [min, hardware]).")
    version = facts["python"]["version"]
    return f"{version['major']}.{version['minor']}", platform
