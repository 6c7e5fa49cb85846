# SPDX-License-Identifier: MIT
"""A snapshot by hand: its name, and whether one that a cut run began is waited for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

# The tag of those that playbooks/database_backup.yml made.
MADE_BY = "MadeBy"
PLAYBOOK = "database_backup"


def backup_refusal(backup_type: str, drill: bool) -> str:
    """Why no snapshot is what was asked for; empty where it is.

    Args:
        backup_type: as the operator gave it.
        drill: whether it is to be tried.
    """
    if drill:
        return (
            "The database is on RDS (database_mode), and what a drill needs is an instance by the hour: playbooks/database_restore.yml "
            "-e restore_to=latest -e restore_as=scratch makes one beside the live one and looks at it; -e restore_remove=scratch ends it."
        )
    if backup_type not in ("", "full"):
        return (
            f"backup_type is '{backup_type}', and a snapshot of RDS is of one kind (it holds what changed since the one before, and can be "
            "restored by itself): leave it out."
        )
    return ""


def backup_plan(state: Mapping[str, Any], now: float) -> dict[str, Any]:
    """``name`` of the snapshot, whether it is ``begun`` already, and ``problems``.

    Args:
        state: what the module ``rds_state`` returned, with snapshots.
        now: the time.
    """
    name = state["name"]
    live = state["instances"].get(name)
    own = [one for one in state["snapshots"] if one["tags"].get(MADE_BY) == PLAYBOOK and one["status"] == "creating"]
    stamp = datetime.fromtimestamp(now, UTC).strftime("%Y%m%d%H%M%S")
    plan: dict[str, Any] = {
        "name": own[0]["name"] if own else f"{name}-{stamp}",
        "begun": bool(own),
        "tags": {MADE_BY: PLAYBOOK},
        "problems": [],
    }
    if not live:
        plan["problems"] = [f"RDS has no instance {name}: playbooks/database_status.yml says more."]
    elif live["status"] not in ("available", "storage-optimization") and not own:
        plan["problems"] = [
            f"{name} is {live['status']}, and AWS makes a snapshot of one that is available: run it again then."
        ]
    return plan


def backup_result(state: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The snapshot in the form of a self-hosted backup, for a workflow.

    Args:
        state: as before, asked again.
        name: of the snapshot.
    """
    made = next((one for one in state["snapshots"] if one["name"] == name), {})
    return {
        "label": name,
        "type": "snapshot",
        "start": made.get("time"),
        "stop": made.get("time"),
        "size": made.get("size_gb", 0) << 30,
        "repository_size": None,
    }
