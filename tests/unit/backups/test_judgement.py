"""What is late or wrong, and what is said of it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.backups.repository import local_path, summary
from ansible_collections.django_ec2.site.plugins.module_utils.backups.stanza import plan
from ansible_collections.django_ec2.site.plugins.plugin_utils.backups import judgement
from ansible_collections.django_ec2.site.plugins.plugin_utils.backups.status import status

NOW = 1_795_700_000.0
IDLE = {"full": {"active": "inactive", "result": "success"}}
ROOM = {"free": 10 << 30, "total": 100 << 30}
ARCHIVE = {
    "mode": "on", "command": "pgbackrest archive-push %p", "replica": False, "archived": NOW - 30, "failed": None, "waiting": 0,
    "oldest": None, "now": NOW, "reason": "",
}  # fmt: skip


def backup(age: float, **changes: Any) -> dict[str, Any]:
    return {
        "label": "20261126-082220F", "type": "full", "start": NOW - age - 4, "stop": NOW - age, "size": 31_000_000,
        "repository_size": 3_700_000, "error": False, **changes,
    }  # fmt: skip


def repository(**changes: Any) -> dict[str, Any]:
    return {
        "state": "ok",
        "problem": "",
        "backups": [backup(3600)],
        "running": False,
        "units": IDLE,
        "room": ROOM,
        **changes,
    }


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"problem": "it can't be read"}, "it can't be read"),
        ({"backups": []}, "There is no backup"),
        ({"backups": [], "units": {"full": {"active": "activating", "result": "success"}}}, "is being made"),
        ({"backups": [backup(28 * 3600)]}, "The newest backup is 28 h old"),
        ({"backups": [backup(60, error=True)]}, "pages whose checksum is wrong"),
        ({"units": {"diff": {"active": "failed", "result": "exit-code"}}}, "The last diff backup failed (exit-code)"),
        ({"room": {"free": 100 << 20, "total": 100 << 30}}, "has 104.9 MB of 107.4 GB left"),
        ({"backups": [backup(60, repository_size=20 << 30)]}, "a full backup takes 21.5 GB"),
    ],
)
def test_a_repository_is_judged(changes: dict[str, Any], words: str) -> None:
    assert list(judgement.repository_problems(repository(), NOW, 27)) == []
    (problem,) = judgement.repository_problems(repository(**changes), NOW, 27)
    assert words in problem


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"mode": "off"}, "archives to nowhere"),
        ({"command": ""}, "archives to nowhere"),
        ({"failed": NOW - 5, "waiting": 7}, "The archive fails, and 7 segments"),
        ({"failed": NOW - 5, "waiting": 1, "reason": "raised: No space left on device"}, "The disk is full"),
        ({"oldest": NOW - 200, "waiting": 3}, "The archive is 3 min behind: 3 segments"),
    ],
)
def test_the_archive_is_judged(changes: dict[str, Any], words: str) -> None:
    assert list(judgement.archive_problems(ARCHIVE)) == []
    (problem,) = judgement.archive_problems({**ARCHIVE, **changes})
    assert words in problem


def test_a_failure_that_is_over_and_a_replica_are_none() -> None:
    assert list(judgement.archive_problems({**ARCHIVE, "failed": NOW - 300})) == []
    assert list(judgement.archive_problems({**ARCHIVE, "mode": "off", "replica": True})) == []


def test_replicas_slots_and_drills_are_judged() -> None:
    cluster = {
        "replicas": [{"name": "db2", "lag_seconds": 90, "lag_bytes": 5_000_000}],
        "slots": [{"name": "db3", "active": False, "kept_bytes": 9_000_000_000}],
    }
    found = list(judgement.replica_problems(cluster, 2))
    assert "1 of 2 replicas follow" in found[0]
    assert "The replica db2 is 90 s and 5.0 MB behind" in found[1]
    assert "slot db3, which keeps 9.0 GB" in found[2]
    assert list(judgement.drill_problems({}, NOW)) == []
    assert list(judgement.drill_problems({"good": True, "worked": NOW - 86400}, NOW)) == []
    assert "9 days ago" in next(judgement.drill_problems({"good": True, "worked": NOW - 9 * 86400}, NOW))
    assert "page 7" in next(judgement.drill_problems({"good": False, "problems": ["page 7"]}, NOW))


def hosts(**changes: Any) -> list[dict[str, Any]]:
    said = {
        "db1": {"cluster": {"archive": ARCHIVE, "size": 31_000_000, "replicas": [], "slots": []}, "repository": {}, "drill": {}},
        "backup1": {"cluster": {}, "repository": repository(), "drill": {}},
    }  # fmt: skip
    return [{"inventory_hostname": name, "database_status": value} for name, value in {**said, **changes}.items()]


def asked(given: list[dict[str, Any]], wanted: str = "pgbackrest") -> dict[str, Any]:
    return status(given, wanted, NOW, 27, "backup1", ["db1"])


def test_a_good_status_is_told_and_handed_on() -> None:
    found = asked(hosts())
    assert found["problems"] == []
    text = "\n".join(found["lines"])
    assert "newest backup    20261126-082220F, full, 60 min ago, 31.0 MB in 4 s" in text
    assert "back to          2026-11-26 " in text
    assert "last segment 30 s ago, 0 waiting" in text
    assert found["data"]["primary"] == "db1"
    assert found["data"]["newest_backup"]["label"] == "20261126-082220F"


def test_a_host_that_is_away_is_a_problem_and_hides_nothing_else() -> None:
    found = asked(hosts(backup1={}))
    assert found["problems"] == ["backup1: this host does not answer. Nothing is known of the backups."]
    assert any(line.startswith("archive") for line in found["lines"])
    assert (
        "db1: PostgreSQL does not answer: x."
        in asked(hosts(db1={"reason": "PostgreSQL does not answer: x."}))["problems"]
    )


def test_no_backups_are_a_problem_only_where_nobody_decided() -> None:
    assert asked(hosts(backup1={}), "none")["problems"] == []
    assert "Nobody decided" in asked(hosts(backup1={}), "")["problems"][0]


def test_the_last_words_of_a_run() -> None:
    def facts(done: list[str], **changes: Any) -> list[dict[str, Any]]:
        state = {**repository(), "done": done, **changes}
        archive = {**ARCHIVE, "failed": NOW - 1, "waiting": 1}
        return [
            {"inventory_hostname": "backup1", "ansible_facts": {"backup_repository": state}},
            {"inventory_hostname": "db1", "ansible_facts": {"database_archive": archive}},
            {"inventory_hostname": "web1"},
        ]

    (first,) = judgement.notes(facts(["create", "check", "backup"], backups=[]), NOW, 27)
    assert first.startswith("backup1: the first backup has begun")
    (later,) = judgement.notes(facts([]), NOW, 27)
    assert later.startswith("db1: The archive fails")
    assert judgement.notes(facts(["check"]), NOW, 27) == []


def info(code: int, message: str = "ok", backups: list[dict[str, Any]] | None = None) -> list[dict[str, Any]]:
    return [
        {
            "backup": backups or [], "db": [], "name": "main", "repo": [{"key": 1, "status": {"code": code, "message": message}}],
            "status": {"code": code, "lock": {"backup": {"held": False}}, "message": message},
        }
    ]  # fmt: skip


def test_what_pgbackrest_tells_is_read() -> None:
    one = {
        "label": "F", "type": "full", "timestamp": {"start": 1, "stop": 2}, "error": None,
        "info": {"size": 3, "repository": {"delta": 4}},
    }  # fmt: skip
    read = summary(info(0, backups=[one]))
    assert read["state"] == "ok"
    assert read["backups"] == [
        {"label": "F", "type": "full", "start": 1, "stop": 2, "size": 3, "repository_size": 4, "error": False}
    ]
    assert [summary(info(code))["state"] for code in (1, 2, 3)] == ["no stanza", "no backup", "no stanza"]
    assert summary([])["state"] == "no stanza"


def test_a_changed_key_is_told_without_the_noise_that_is_quoted() -> None:
    noise = "[FormatError] unable to load info file '/x/backup.info':\nFormatError: key/value found outside of section: \x1b\xff\nHINT: …"
    problem = summary(info(99, noise))["problem"]
    assert "is not the key that this repository was begun with" in problem
    assert "\x1b" not in problem


@pytest.mark.parametrize(
    ("state", "units", "check", "steps"),
    [
        ("no stanza", IDLE, False, ["create", "check", "backup"]),
        ("no backup", IDLE, False, ["backup"]),
        ("no backup", {"full": {"active": "activating", "result": ""}}, False, []),
        ("ok", IDLE, False, []),
        ("ok", IDLE, True, ["check"]),
    ],
)
def test_what_is_due_follows_from_the_state(state: str, units: dict[str, Any], check: bool, steps: list[str]) -> None:
    backups = [backup(1)] if state == "ok" else []
    assert plan({"state": state, "backups": backups, "running": False, "system_ids": []}, units, check) == steps


def test_a_cluster_that_was_made_anew_is_tried() -> None:
    known = {"state": "ok", "backups": [backup(1)], "running": False, "system_ids": ["6", "7"]}
    assert plan(known, IDLE, False, "8") == ["check"]
    assert plan(known, IDLE, False, "7") == []


def test_where_the_repository_is(tmp_path: Any) -> None:
    path = tmp_path / "pgbackrest.conf"
    assert local_path(str(path)) == ""
    for text, wanted in (("repo1-path=/a\n", "/a"), ("repo1-type=s3\nrepo1-path=/a\n", ""), ("repo1-host=x\n", "")):
        path.write_text("[global]\n" + text)
        assert local_path(str(path)) == wanted
