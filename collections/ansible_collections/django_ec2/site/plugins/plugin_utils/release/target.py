# SPDX-License-Identifier: MIT
"""What a host needs a release for: its Python and its platform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

MACHINES = ("x86_64", "aarch64")


def target_of(facts: Mapping[str, Any], platform: str) -> tuple[str, str]:
    """The target of a host: the version of its Python as ``3.13``, and its platform in uv's words.

    Raises:
        AnsibleFilterError: the facts do not tell.
    """
    if "python" not in facts:
        raise AnsibleFilterError("Facts are missing: the play has to gather them (gather_subset: [min, hardware]).")
    version = facts["python"]["version"]
    # The platform is that of one host; another one may have another processor (Graviton beside x86).
    machine, _dash, rest = platform.partition("-")
    own = facts.get("architecture") or machine
    return (
        f"{version['major']}.{version['minor']}",
        f"{own}-{rest}" if machine in MACHINES and own in MACHINES else platform,
    )
