"""What a restore says of a repository that can't be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.backups import repository as backups
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore import recover
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore.commands import RestoreFailed
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore.repository import NoWayThere
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore.targets import Target

REFUSED = "[HostConnectError] unable to connect to '10.0.0.4:8432': [111] Connection refused"


def told(code: int, message: str) -> str:
    """What pgBackRest 2.55 prints of a stanza without a backup that it can see."""
    repo = {"key": 1, "cipher": "none", "status": {"code": code, "message": message}}
    status = {"code": code, "message": "other", "lock": {"backup": {"held": False}}}
    return json.dumps([{"name": "main", "archive": [], "backup": [], "db": [], "repo": [repo], "status": status}])


def test_a_repository_that_does_not_answer_is_not_one_without_backups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backups, "pgbackrest", lambda *words: told(99, REFUSED))
    with pytest.raises(
        RestoreFailed, match=r"Connection refused -- The other host's pgBackRest server does not answer"
    ):
        recover.ask_repository("main")


def test_one_that_has_none_is_told_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backups, "pgbackrest", lambda *words: told(2, "no valid backups"))
    with pytest.raises(NoWayThere, match="has no backup to restore from"):
        recover.ask_repository("main")


def test_a_failure_of_the_program_has_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*words: str) -> str:
        raise backups.BackupError("pgbackrest is not installed on this host.")

    monkeypatch.setattr(backups, "pgbackrest", fails)
    with pytest.raises(RestoreFailed, match="read the repository: pgbackrest is not installed on this host"):
        recover.ask_repository("main")


def test_a_repository_that_dies_while_it_is_copied_is_told_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def dies(_words: list[str], what: str, **_options: object) -> str:
        raise RestoreFailed(f"{what}: ERROR: [039]: client state is 'data-get' but expected 'idle'")

    monkeypatch.setattr(recover, "run", dies)
    # What a cut run has left is completed: nothing is made anew.
    (tmp_path / "PG_VERSION").touch()
    restore = recover.Recovery("main", None, None, tmp_path, print)
    with pytest.raises(
        RestoreFailed, match=r"could not restore 20261127F: .*The other host, or the network to it, died"
    ):
        restore._fill("20261127F", Target("latest"), "1", pause=True, follow=False)
