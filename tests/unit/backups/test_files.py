"""Backups of files, as the controller judges them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.filter import restic
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.resolve import resolve_applications
from ansible_collections.django_ec2.site.plugins.plugin_utils.backups import files

KEY = "".join(chr(ord("a") + number % 26) for number in range(40))
GROUPS = {"web": ["web1", "web2"], "backup": ["backup1"]}
ENTRY = {
    "database": {"name": "a"},
    "domains": ["a.example.org"], "source": "/srv/a", "settings_module": "a.settings", "wsgi_module": "a.wsgi",
}  # fmt: skip


def entries(host: str, **given: Any) -> list[dict[str, Any]]:
    return files.files(resolve_applications({"a": {**ENTRY, **given}}), host, GROUPS["web"])


def test_shared_files_are_the_first_host_s_to_back_up() -> None:
    (one,) = entries("web1", media_storage="shared")
    assert (one["place"], one["paths"]) == ("shared", ["/mnt/applications/a/media", "/mnt/applications/a/data"])
    assert one["mounts"] == ["/mnt/applications"]
    assert entries("web2", media_storage="shared") == []


def test_files_of_a_host_are_its_own() -> None:
    (one,) = entries("web2")
    assert (one["place"], one["mounts"]) == ("web2", [])
    assert entries("web2", media_storage="none")[0]["paths"] == ["/srv/a/shared/data"]


def problems(wanted: str = "restic", groups: Any = GROUPS, repository: Any = None, key: str = KEY) -> list[str]:
    return files.inventory_problems(wanted, groups, repository or {"type": "host"}, key)


def test_what_can_not_work_is_refused_with_the_remedy() -> None:
    assert problems() == []
    assert problems("none", groups={}, key="") == []
    assert "write restic, or none" in problems("yes")[0]
    assert "has 0 hosts" in problems(groups={"web": ["web1"]})[0]
    assert problems(groups={"web": ["web1"]}, repository={"type": "s3"}) == []
    assert "would be lost with them" in problems(groups={"web": ["web1"], "backup": ["web1"]})[0]
    assert problems(key="") == [
        "secrets.file_backup_key is missing, with which the backups are encrypted: run playbooks/secrets.yml, or see docs/secrets.md."
    ]
    assert "too weak" in problems(key="change-me")[0]
    assert "restic_repository_host" in files.role_problems({"type": "host"}, "", "10.0.0.1", KEY)[0]
    assert "bucket, region" in files.role_problems({"type": "s3"}, "web1", "", KEY)[0]


NOW = 1_795_700_000.0


def judged(said: dict[str, Any], wanted: str = "restic") -> dict[str, Any]:
    hosts = [{"inventory_hostname": name, "restic_status": one} for name, one in said.items()]
    return files.status(hosts, wanted, "backup1", [("board", "shared", "web1")], NOW, 3)


def repository(newest: float, **more: Any) -> dict[str, Any]:
    both = {"board": {"shared": NOW - newest}} if newest else {}
    return {"newest": both, "oldest": both, "room": {}, "reason": "", **more}


def test_a_fresh_snapshot_is_a_line() -> None:
    found = judged({"backup1": repository(600), "web1": {"backup": {"problems": []}}})
    assert found["problems"] == []
    assert found["lines"][0].startswith("files            board: 10 min ago, back to 2026-")
    assert list(found["data"]) == ["board"]


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        ({"backup1": repository(4 * 3600)}, "4 h old, and one was due after 3 h. See systemctl"),
        (
            {
                "backup1": repository(4 * 3600),
                "web1": {"backup": {"problems": ["board: wrong password -- put it back"]}},
            },
            "one was due after 3 h. board: wrong password",
        ),
        (
            {"backup1": repository(60), "web1": {"backup": {"problems": ["board: /m is empty"]}}},
            "the last backup of the files failed. board: /m is empty",
        ),
        ({"backup1": repository(0)}, "there is no backup of board's files. The first one"),
        (
            {"backup1": repository(0, reason="The repository can't be asked: no")},
            "backup1: The repository can't be asked",
        ),
        ({}, "backup1: this host does not answer"),
        ({"backup1": repository(60, room={"free": 1 << 20, "total": 1 << 30})}, "make room"),
    ],
)
def test_what_is_late_or_wrong_is_a_problem(said: dict[str, Any], problem: str) -> None:
    assert problem in " ".join(judged(said)["problems"])


def test_an_environment_without_them_says_so_and_that_is_all() -> None:
    assert judged({}, "none") == {"lines": ["files            none (file_backups: none)"], "problems": [], "data": None}


@pytest.mark.parametrize(
    ("media", "target", "wanted", "hosts", "said"),
    [
        ("", "nonsense", "none", [], ""),
        ("true", "latest", "restic", ["web1"], ""),
        ("true", "73482", "restic", ["web1"], ""),
        ("only", "2026-11-22 10:31:07+00", "restic", ["web1"], ""),
        ("only", "board-20261126T081500Z-4be1d2c3a4f5", "restic", ["web1"], ""),
        ("true", "latest", "none", ["web1"], "no backups of files"),
        ("true", "latest", "restic", [], "leaves all of them out"),
        ("only", "73482", "restic", ["web1"], "give a time with its zone"),
        ("only", "2026-11-22 10:31:07", "restic", ["web1"], "has no zone"),
        ("only", "", "restic", ["web1"], "restore_to is empty"),
    ],
)
def test_what_of_files_can_not_be_restored_is_refused(
    media: str, target: str, wanted: str, hosts: list[str], said: str
) -> None:
    found = restic.restic_restore_refusal(media, target, wanted, hosts)
    assert said in found
    assert bool(said) == bool(found)


def test_the_program_of_the_timer_imports_nothing_that_a_host_lacks() -> None:
    for one in restic.restic_program_files("/usr/local/lib/restic-backup"):
        assert "ansible_collections" not in one["content"], one["path"]


def web(finished: float, *said: str, **more: Any) -> dict[str, Any]:
    """A web host as a run knows it."""
    backup = {"finished": finished, "problems": list(said)}
    return {"inventory_hostname": "web1", "ansible_local": {"restic": {"units": [], "backup": backup}}, **more}


def test_a_run_ends_with_what_is_wrong_with_the_backups_of_files() -> None:
    assert files.notes([web(1000.0)], 1000.0 + 3600, 3) == []
    (one,) = files.notes([web(1000.0)], 1000.0 + 4 * 3600, 3)
    assert one.startswith("web1: the last backup of the files was 4 h ago") and "restic-backup.timer" in one
    (one,) = files.notes([web(1000.0, "a: the repository is full", "b: too")], 1060.0, 3)
    assert one == "web1: the last backup of the files failed. a: the repository is full"
    # What this run has changed was tried, and a host without a first backup is told by database_status.yml.
    assert files.notes([web(1000.0, "a: away", restic_configured={"changed": True})], 1060.0, 3) == []
    known: dict[str, Any] = {"units": [], "backup": None}
    assert files.notes([{"inventory_hostname": "web1", "ansible_local": {"restic": known}}], 1060.0, 3) == []
    assert files.notes([{"inventory_hostname": "db1"}], 1060.0, 3) == []
