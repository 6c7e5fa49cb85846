"""Rights of a superuser that are in no inventory."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.model import Server
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.privileged import plan_privileged

NEWER = Server(version=170000)


def role(
    name: str, *rights: str, superusers: tuple[tuple[str, str], ...] = (), replicates: bool = False
) -> dict[str, Any]:
    return {"name": name, "rights": list(rights), "superusers": list(superusers), "replicates": replicates}


def test_what_nobody_listed_is_taken_away() -> None:
    found = [
        role("alice", "rolsuper", "rolbypassrls"),
        role('b"ob', superusers=(("postgres", "eve"),)),
        role("listed", "rolsuper"),
    ]
    changes = plan_privileged(found, {"listed"}, NEWER)
    assert [change.statements for change in changes] == [
        ('ALTER ROLE "alice" NOSUPERUSER NOBYPASSRLS',),
        ('REVOKE "postgres" FROM "b""ob" GRANTED BY "eve" CASCADE',),
    ]
    assert changes[0].text == "Role alice: no longer SUPERUSER, BYPASSRLS, as it is not in postgres_superusers"


def test_a_move_has_its_own_role() -> None:
    assert plan_privileged([role("database_move", "rolreplication", replicates=True)], set(), NEWER) == []


def test_who_replicates_now_is_not_cut_off() -> None:
    found = [role("debezium", "rolreplication", replicates=True)]
    with pytest.raises(RuntimeError, match="add it to postgres_superusers"):
        plan_privileged(found, set(), NEWER)
    assert plan_privileged(found, {"debezium"}, NEWER) == []
