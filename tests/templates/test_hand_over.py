"""What a promotion that failed says: who takes writes now, which host is gone, and what to run."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

from tests.templates.render import PROJECT, trusted

ANSWERS = {"role": "primary", "running": True}


def said(role: str, here: list[str], kind: str = "planned", old: dict[str, Any] | None = None, **more: Any) -> str:
    """The last message of roles/postgres/tasks/hand_over.yml; ``old`` is the state of the primary that was to end."""
    tasks = yaml.safe_load((PROJECT / "roles/postgres/tasks/hand_over.yml").read_text())
    task = next(one for one in tasks[0]["rescue"] if one["name"].endswith("Say who takes writes"))
    after = {"__postgres_after": {"role": role}} if role else {}
    variables = {
        **trusted(task["vars"]), "to": "db2", "postgres_promotion": {"kind": kind, "old": "db1"},
        "hostvars": {"db1": {"__postgres_after": old or {}}, "db2": after}, "ansible_play_hosts": here, **more,
    }  # fmt: skip
    text = trusted(task["ansible.builtin.fail"]["msg"])
    return str(Templar(loader=DataLoader(), variables=variables).template(text))


def test_a_primary_that_died_is_named_and_so_is_the_way_without_it() -> None:
    found = said("standby", ["web1", "db2"])
    assert found.startswith("db1 does not answer any more. Nothing was promoted")
    assert "-e to=db2 -e away=db1." in found
    assert "goes on" not in found
    found = said("primary", ["web1", "db2"])
    assert found.startswith("db1 does not answer any more. db2 is the primary now")
    assert "with -e away=db1 while it is away" in found


def test_with_all_hosts_there_the_cause_is_said() -> None:
    # Who failed is in the play no more, and answers all the same.
    here = ["web1", "db2"]
    failed = {"ansible_failed_result": {"msg": "db2 does not come near."}, "old": ANSWERS}
    assert said("standby", here, **failed) == "db2 does not come near. db1 goes on as the primary."
    assert "away" not in said("primary", here, **failed)
    assert "Nobody knows whether db2 was promoted" in said("", here)


def test_a_standby_that_died_leaves_a_primary_that_goes_on_or_one_that_ended_for_it() -> None:
    here = ["web1", "db1"]
    failed = {"ansible_failed_result": {"msg": "The primary did not end."}}
    found = said("", here, old=ANSWERS, **failed)
    assert (
        found
        == "The primary did not end. db2 does not answer, and db1 goes on as the primary. Bring db2 back, and run the command again."
    )
    for state in ({"role": "standby", "running": False}, {"role": "primary", "running": False}):
        assert "Nobody knows whether db2 was promoted" in said("", here, old=state, **failed)
    assert "goes on" not in said("", here)


@pytest.mark.parametrize("kind", ["unplanned", "continued"])
def test_a_primary_that_was_fenced_or_has_ended_does_not_go_on(kind: str) -> None:
    failed = {"ansible_failed_result": {"msg": "PostgreSQL did not end its recovery."}}
    found = said("standby", ["web1", "db2"], kind, **failed)
    assert found.startswith("PostgreSQL did not end its recovery. Nothing was promoted, and nobody takes writes")
    assert "goes on as the primary" not in found
