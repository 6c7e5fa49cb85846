"""An upgrade that is given up ends well: after it nothing asks who the primary is, as both hosts are clusters of their own again."""

from __future__ import annotations

from pathlib import Path

import yaml

PLAYS = Path(__file__).resolve().parents[2] / "playbooks" / "parts" / "upgrades" / "major.yml"


def test_nobody_is_asked_who_the_primary_is_after_an_upgrade_was_given_up() -> None:
    plays = [play for play in yaml.safe_load(PLAYS.read_text()) if "tasks" in play]
    cancelled = next(number for number, play in enumerate(plays) if "cancel.yml" in str(play["tasks"]))
    asking = [task for play in plays[cancelled:] for task in play["tasks"] if "find_primary.yml" in str(task)]
    assert asking
    assert all("not database_move_cancel" in str(task["when"]) for task in asking)
