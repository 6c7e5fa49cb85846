# SPDX-License-Identifier: MIT
"""Names under which a site is visited, some of which may stand for many: ``*.example.org``."""

from __future__ import annotations

from collections.abc import Sequence

# Stands in the place of `*` where one name has to be asked for.
LABEL = "www"


def asked(domains: Sequence[str]) -> str:
    """The name that health checks ask a site for: its first one without ``*``, or one that its first wildcard covers."""
    return next((name for name in domains if "*" not in name), domains[0].replace("*", LABEL, 1))
