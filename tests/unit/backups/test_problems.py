"""What is refused of the variables about backups, with the remedy."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.plugin_utils.backups import problems

KEY = "".join(chr(ord("a") + number % 26) for number in range(40))
GROUPS = {"web": ["web1"], "database": ["db1"], "backup": ["backup1"]}
HOST = {"type": "host"}


def asked(wanted: str = "pgbackrest", mode: str = "self_hosted", **given: Any) -> list[str]:
    groups = {**GROUPS, **given.get("groups", {})}
    return problems.inventory_problems(wanted, mode, groups, given.get("repository", HOST), given.get("key", KEY))


def test_a_good_inventory_has_none() -> None:
    assert asked() == []
    assert asked("none") == []


def test_only_production_has_to_decide() -> None:
    undecided = {"backup": []}
    assert asked("", groups=undecided) == []
    (problem,) = asked("", groups={**undecided, "env_production": ["web1"]})
    assert "database_backups: none" in problem
    assert "group backup" in problem
    assert asked("none", groups={**undecided, "env_production": ["web1"]}) == []
    assert problems.decision_warnings("", "self_hosted")
    assert problems.decision_warnings("none", "self_hosted") == []


def test_rds_makes_its_own() -> None:
    assert asked("", "rds", groups={"env_production": ["web1"], "backup": []}) == []
    assert problems.decision_warnings("", "rds") == []
    assert "group backup" in problems.refusal("")
    assert problems.refusal("pgbackrest") == ""


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"groups": {"backup": []}}, "the group backup has 0 hosts"),
        ({"groups": {"backup": ["a", "b"]}}, "the group backup has 2 hosts"),
        ({"groups": {"backup": ["db1"]}}, "its backups would be lost with it"),
        ({"key": ""}, "secrets.database_backup_key is missing"),
        ({"key": "change-me"}, "placeholder or too weak"),
        ({"key": "with a blank " * 3}, "letters, digits and signs"),
        ({"repository": {"type": "ftp"}}, "write host, or s3"),
        ({"repository": {"type": "s3", "bucket": "b"}}, "lacks region"),
        ({"repository": {"type": "s3", "bucket": "b", "region": "r", "key_type": "shared"}}, "lacks key, key_secret"),
        ({"repository": {"type": "s3", "bucket": "b", "region": "r", "path": "production"}}, "as in /production"),
    ],
)
def test_what_cannot_work_is_told(given: dict[str, Any], words: str) -> None:
    (problem,) = asked(**given)
    assert words in problem


def test_another_word_is_told() -> None:
    assert asked("wal-g") == ["database_backups is 'wal-g': write pgbackrest, or none."]


def host(name: str, release: str) -> dict[str, Any]:
    facts = {"distribution": "Debian", "distribution_major_version": release, "distribution_version": f"{release}.2"}
    return {"inventory_hostname": name, "ansible_facts": facts}


def test_different_systems_are_refused_where_they_would_meet() -> None:
    hosts = [host("db1", "13"), host("backup1", "12"), host("web1", "12")]
    (problem,) = problems.version_problems(hosts, {"db1", "backup1"})
    assert "backup1 with Debian 12, db1 with Debian 13" in problem
    assert problems.version_problems(hosts, {"db1"}) == []


def test_a_repository_host_that_is_a_database_host_is_refused() -> None:
    found = problems.role_problems([], HOST, "db1", [{"name": "db1"}], KEY, {"repo1-path": "/x"})
    assert "would keep its own backups" in found[0]
    assert "Set pgbackrest_repository_path instead" in found[1]
