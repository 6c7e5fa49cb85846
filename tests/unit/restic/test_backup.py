"""What the program of the timer takes, refuses and publishes, and what restic's words mean."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.restic import backup, repository
from ansible_collections.django_ec2.site.plugins.module_utils.restic.remedies import explain
from ansible_collections.django_ec2.site.plugins.module_utils.restic.repository import Node, ResticError, Snapshot


@pytest.fixture
def entry(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "media" / "2026").mkdir(parents=True)
    return {"name": "board", "place": "web1", "user": "board", "paths": [str(tmp_path / "media")], "mounts": []}


def test_an_empty_directory_is_backed_up_only_where_it_always_was(entry: dict[str, Any]) -> None:
    assert backup.refusal(entry, False, lambda _path: 0) == ""
    said = backup.refusal(entry, False, lambda _path: 12)
    assert "is empty, and the newest snapshot has 12 files" in said
    assert "restic-backup --emptied board" in said
    assert backup.refusal(entry, True, lambda _path: 12) == ""
    Path(entry["paths"][0], "2026", "a.png").touch()
    assert backup.refusal(entry, False, lambda _path: 12) == ""


def test_what_is_not_mounted_or_not_there_is_no_backup(entry: dict[str, Any], tmp_path: Path) -> None:
    assert "nothing is mounted" in backup.refusal({**entry, "mounts": [str(tmp_path)]}, True, lambda _path: 0)
    assert "there is no" in backup.refusal({**entry, "paths": ["/nowhere/media"]}, True, lambda _path: 0)


SUMMARY = {
    "message_type": "summary", "files_new": 2, "files_changed": 1, "total_files_processed": 9, "total_bytes_processed": 70,
    "snapshot_id": "4be1d2c3",
}  # fmt: skip


def test_the_summary_of_a_backup_is_read_among_its_progress() -> None:
    said = 'no JSON\n{"message_type": "status"}\n' + json.dumps(SUMMARY)
    assert backup.summary(said) == {"label": "4be1d2c3", "files": 9, "bytes": 70, "new": 3}
    assert backup.summary("killed") == {}


def test_a_file_that_went_away_meanwhile_is_no_error_and_another_is() -> None:
    gone = {"message_type": "error", "error": {"message": "lstat /m/a: no such file or directory"}, "item": "/m/a"}
    unread = {"message_type": "error", "error": {"message": "open /m/b: permission denied"}, "item": "/m/b"}
    assert backup.unread(f"{json.dumps(gone)}\n{json.dumps(unread)}\nWarning") == ["/m/b: open /m/b: permission denied"]


class Done:
    def __init__(self, code: int, out: str = "", err: str = "") -> None:
        self.returncode, self.stdout, self.stderr = code, out, err


def test_it_waits_for_whoever_removes_old_snapshots(entry: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [
        Done(1, err="Fatal: unable to create lock in backend: repository is already locked exclusively by PID 7")
    ] * 2
    answers.append(Done(0, out=json.dumps(SUMMARY)))
    Path(entry["paths"][0], "a.png").touch()
    monkeypatch.setattr(backup, "PAUSE", 0)
    monkeypatch.setattr(repository, "call", lambda *_words: answers.pop(0))
    assert backup.take(entry, False)["label"] == "4be1d2c3"
    assert answers == []


def test_a_failure_is_said_with_its_remedy_and_the_others_go_on(
    entry: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(entry["paths"][0], "a.png").touch()
    monkeypatch.setattr(repository, "answers", lambda: None)
    done = {"board": Done(1, err="Fatal: wrong password or no key found"), "shop": Done(0, out=json.dumps(SUMMARY))}
    monkeypatch.setattr(repository, "call", lambda *words: done[words[words.index("--tag") + 1]])
    made, problems = backup.run([entry, {**entry, "name": "shop"}], [])
    assert list(made) == ["shop"]
    assert len(problems) == 1
    assert problems[0].startswith("board: ")
    assert "secrets.file_backup_key is not the password" in problems[0]


def test_the_last_good_snapshot_of_an_application_stays_published(tmp_path: Path) -> None:
    path = tmp_path / "state" / "status.json"
    backup.publish(1.0, {"board": {"label": "a"}, "shop": {"label": "b"}}, [], path)
    backup.publish(2.0, {"shop": {"label": "c"}}, ["board: no"], path)
    found = json.loads(path.read_text())
    assert found["applications"] == {"board": {"label": "a"}, "shop": {"label": "c"}}
    assert found["problems"] == ["board: no"]


def test_snapshots_are_those_that_have_our_tag_the_newest_last() -> None:
    said = [
        {"id": "b", "time": "2026-11-26T16:41:08.331597097+01:00", "hostname": "web1", "tags": ["board"]},
        {"id": "a", "time": "2026-11-26T15:41:07Z", "hostname": "shared", "tags": ["board"]},
        {"id": "c", "time": "2026-11-26T15:41:07Z", "hostname": "elsewhere"},
    ]
    first, second = repository.snapshots(json.dumps(said))
    assert (first.label, first.place) == ("a", "shared")
    assert second.time - first.time == pytest.approx(1.331597)
    assert repository.snapshots("null") == []
    assert isinstance(first, Snapshot)


def test_a_listing_is_read_line_by_line() -> None:
    lines = [
        '{"struct_type": "snapshot", "id": "a"}',
        '{"struct_type": "node", "path": "/m/a b", "type": "file", "size": 3, "mtime": "1970-01-01T00:00:50Z"}',
    ]
    assert list(repository.nodes(iter(lines))) == [Node("/m/a b", "file", 3, 50.0)]


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("Fatal: wrong password or no key found", "Put the old one back"),
        ("Save(<data/1>) returned error: write /x: no space left on device", "Make room"),
        ("server response unexpected: 500 Internal Server Error (500)", "is its disk full"),
        ("Fatal: unable to open config file: <config/> does not exist", "restic-files init"),
        ("tls: failed to verify certificate: x509: certificate signed by unknown authority", "secrets.authority"),
        ("10.0.0.1:8433: [Errno 111] Connection refused", "systemctl status restic-server"),
        ("client.PutObject: Access Denied.", "S3 refuses"),
        ("repository is already locked by PID 3", "restic-files unlock"),
    ],
)
def test_what_restic_says_is_told_with_a_remedy(said: str, remedy: str) -> None:
    assert remedy in explain(said)
    assert said in explain(said)


def test_a_host_that_is_not_configured_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(repository, "ENVIRONMENT", tmp_path / "nothing")
    monkeypatch.setattr(repository, "PROGRAM", str(tmp_path / "nothing"))
    for asked in (repository.answers, lambda: repository.call("version")):
        with pytest.raises(ResticError, match=r"run site\.yml"):
            asked()


def test_a_repository_s_host_that_is_away_is_told_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "environment"
    file.write_text("RESTIC_REPOSITORY=rest:https://127.0.0.1:1/\n")
    monkeypatch.setattr(repository, "ENVIRONMENT", file)
    with pytest.raises(ResticError, match="does not answer"):
        repository.answers()
