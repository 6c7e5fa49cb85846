"""What a cluster is, by its server's answer or by its files."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.postgres import cluster, standby

ROW = (False, "7", 2, 1000, None, "", None, 1, "/nowhere", {}, None)
CONNINFO = "host=db1 hostaddr=10.0.0.5 port=5432"
CONTROL = {
    "Database system identifier": "7", "Latest checkpoint's TimeLineID": "1", "Min recovery ending loc's timeline": "2",
    "Latest checkpoint location": "1/10", "Database cluster state": "shut down in recovery",
}  # fmt: skip


def test_a_primary_and_a_standby_that_run(tmp_path: Path) -> None:
    found = cluster.from_server((*ROW[:8], str(tmp_path), {}, None, None))
    assert (found["role"], found["timeline"], found["handed_over"]) == ("primary", 2, False)
    (tmp_path / "standby.signal").touch()
    assert cluster.from_server((*ROW[:8], str(tmp_path), {}, None, None))["handed_over"]
    left = (*ROW[:8], str(tmp_path), {}, None, '{"state": "closed", "peer": "db2"}')
    assert cluster.from_server(left)["role"] == "left"
    found = cluster.from_server((True, "7", 1, 900, 800, CONNINFO, "streaming", 1, "/nowhere", {}, 0.25, None))
    assert (found["role"], found["upstream"], found["streaming"], found["replayed"]) == ("standby", "db1", True, 800)


def test_a_cluster_that_is_down_is_what_it_would_start_as(tmp_path: Path) -> None:
    found = cluster.from_files(str(tmp_path), CONTROL)
    # The farther of its two timelines: a standby may have come beyond its last checkpoint.
    assert (found["role"], found["timeline"], found["lsn"], found["clean"]) == ("primary", 2, (1 << 32) + 16, True)
    (tmp_path / "standby.signal").touch()
    found = cluster.from_files(str(tmp_path), {**CONTROL, "Database cluster state": "in production"})
    assert (found["role"], found["clean"]) == ("standby", False)


def test_the_history_of_a_timeline(tmp_path: Path) -> None:
    (tmp_path / "pg_wal").mkdir()
    (tmp_path / "pg_wal" / "00000003.history").write_text(
        "1\t0/3000000\tno recovery target\n\n2\t1/10\tno recovery target\n"
    )
    assert cluster.history(str(tmp_path), 3) == [[1, 0x3000000], [2, (1 << 32) + 16]]
    assert cluster.history(str(tmp_path), 2) == []


def test_where_the_data_is(tmp_path: Path) -> None:
    for version in ("9", "15", "17"):
        (tmp_path / version / "main").mkdir(parents=True)
        (tmp_path / version / "main" / "postgresql.conf").write_text(
            "#data_directory = 'x'\ndata_directory = '/data/pg' # (change…)\n"
        )
    assert cluster.version_of(str(tmp_path)) == "17"
    assert cluster.data_directory_of("17", str(tmp_path)) == "/data/pg"
    assert cluster.version_of(str(tmp_path / "empty")) == ""


def test_a_note_is_kept_until_the_work_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "NOTE", str(tmp_path / ".{}-main.json"))
    assert cluster.read_note("17") == {}
    cluster.write_note("17", {"doing": "rewind"})
    assert cluster.read_note("17") == {"doing": "rewind"}
    # Cut in the middle: nobody knows what was begun, so it is begun anew.
    (tmp_path / ".17-main.json").write_text("{")
    assert cluster.read_note("17") == {"doing": "copy"}
    cluster.write_note("17", None)
    assert cluster.read_note("17") == {}


@pytest.mark.parametrize(
    ("state", "lost", "why"),
    [
        ({"role": "none"}, False, "no cluster yet"),
        ({"role": "copying", "doing": "rewind"}, False, "a rewind was begun"),
        ({"role": "standby"}, True, "db1 no longer has the log"),
        ({"role": "standby"}, False, ""),
    ],
)
def test_when_data_is_copied(state: dict[str, str], lost: bool, why: str) -> None:
    said = standby.Standby({"version": "17", "primary": "db1", "port": 5432}).plan(state, lost)
    assert (why in said) if why else said == ""


def test_a_cluster_that_takes_writes_is_never_replaced() -> None:
    with pytest.raises(standby.StandbyProblem, match="takes writes"):
        standby.Standby({"version": "17", "primary": "db1", "port": 5432}).plan({"role": "primary"}, True)


def test_a_server_without_its_control_file_says_what_to_do() -> None:
    said = cluster.damage('could not open file "/data/global/pg_control" for reading: No such file or directory\n')
    assert "Do not restart it" in said and "database_promote.yml" in said and "database_restore.yml" in said
    assert cluster.damage("permission denied") == ""
    # A standby is copied anew by the next run, so it is no cluster.
    assert cluster.from_damaged(True, "/data")["role"] == "copying"
    assert cluster.from_damaged(False, "/data")["damaged"]
