# SPDX-License-Identifier: MIT
"""An instance of RDS as the inventory lists it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def variables(instance: Mapping[str, Any]) -> dict[str, Any]:
    """The variables that ``aws_rds.yml`` composes, for a run that renamed instances after the inventory was read.

    Args:
        instance: as the module ``rds_state`` returns it.
    """
    return {
        "rds_endpoint": instance["endpoint"],
        "rds_port": instance["port"],
        "rds_master_user": instance["master_user"],
        "rds_secret": instance["secret"],
    }
