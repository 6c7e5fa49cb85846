"""A restore that is cut anywhere is taken up by the same command: what says that it is complete comes last."""

from __future__ import annotations

from pathlib import Path

import yaml

PLAYBOOK = Path(__file__).resolve().parents[2] / "playbooks" / "database_restore.yml"


def test_a_restore_is_complete_when_the_locks_were_given_back() -> None:
    plays = [play for play in yaml.safe_load(PLAYBOOK.read_text()) if "tasks" in play]

    def place(what: str) -> int:
        return next(number for number, play in enumerate(plays) if what in str(play["tasks"]))

    assert place("'finished'") > place("after_restore.yml") > place("'backup.yml'")
