"""What a primary has for its standbys: a role of least rights, and a slot each."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.replication import REWIND, plan_replication

WANTED = {"user": "replication", "slots": ["standby_db2"]}
ROLE = {"replicates": True, "more": False, "marked": True, "lacks": [], "member": True}


def texts(role: Any, slots: dict[str, bool]) -> list[str]:
    return [change.text for change in plan_replication(WANTED, {"role": role, "slots": slots})]


def test_everything_is_made_where_nothing_is() -> None:
    changes = plan_replication(WANTED, {"role": None, "slots": {}})
    statements = [line for change in changes for line in change.statements]
    assert statements[0] == 'CREATE ROLE "replication" LOGIN REPLICATION'
    assert sum("GRANT EXECUTE" in line for line in statements) == len(REWIND)
    assert statements[-1] == "SELECT pg_create_physical_replication_slot('standby_db2', true)"


def test_nothing_changes_where_all_is_there() -> None:
    # A slot that is in use, or that somebody else made, is left alone.
    assert texts(ROLE, {"standby_db2": True, "standby_db9": True, "backup": False}) == []


def test_rights_that_it_must_not_have_are_taken_away() -> None:
    assert texts({**ROLE, "more": True}, {"standby_db2": True}) == ["Role replication: it may replicate, no more"]
    assert texts({**ROLE, "lacks": [REWIND[0]]}, {"standby_db2": True}) == ["Role replication: what pg_rewind asks for"]


def test_the_slot_of_a_host_that_left_is_dropped() -> None:
    assert texts(ROLE, {"standby_db2": True, "standby_db3": False}) == ["Drop the slot standby_db3 of no standby"]


def test_somebody_elses_role_is_refused() -> None:
    with pytest.raises(RuntimeError, match="postgres_replication_user"):
        texts({**ROLE, "marked": False}, {})
