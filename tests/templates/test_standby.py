"""When a host is looked at as a standby."""

from __future__ import annotations

from typing import Any

import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from tests.templates.render import PROJECT, trusted

ROLE = PROJECT / "roles/postgres"


def looked_at(state: dict[str, Any], primary: bool = False) -> bool:
    """Whether the role looks at a host of a state as a standby."""
    tasks = yaml.safe_load((ROLE / "tasks/main.yml").read_text())
    when = next(task["when"] for task in tasks if task["name"].startswith("Make it a standby"))
    found = yaml.safe_load((ROLE / "vars/main.yml").read_text())["__postgres_slots_left"]
    variables = {
        "postgres_primary": primary, "__postgres_hosts": [{"name": "db2"}], "__postgres_copies": False, "__postgres_state": state,
        "__postgres_slots_left": trusted(found),
    }  # fmt: skip
    return bool(Templar(loader=DataLoader(), variables=variables).template(trusted("{{ " + when + " }}")))


def test_a_standby_is_looked_at_while_it_does_not_follow_or_has_slots_of_a_primary() -> None:
    inactive, active = {"active": False, "wal_status": "reserved"}, {"active": True, "wal_status": "reserved"}
    assert looked_at({"streaming": False, "slots": {}})
    assert not looked_at({"streaming": True, "slots": {}})
    # It was the primary, and the run was cut once it followed.
    assert looked_at({"streaming": True, "slots": {"standby_db2": inactive}})
    # A standby of its own, and a slot of somebody else.
    assert not looked_at({"streaming": True, "slots": {"standby_db3": active, "reports": inactive}})
    assert not looked_at({"slots": {"standby_db2": inactive}}, primary=True)
