"""Which backups and which timeline lead to a target."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore import repository
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore.targets import Target


def backup(label: str, stop: int, line: int = 1, **more: Any) -> dict[str, Any]:
    segment = f"{line:08X}0000000000000004"
    return {
        "label": label, "type": "full" if label.endswith("F") else "diff", "timestamp": {"start": stop - 10, "stop": stop}, "error": False,
        "archive": {"start": segment, "stop": segment}, "database": {"id": 1, "repo-key": 1}, "info": {"size": 1_000_000_000}, **more,
    }  # fmt: skip


def info(*backups: dict[str, Any], newest: str = "00000001000000000000000A") -> list[dict[str, Any]]:
    return [
        {
            "name": "main", "db": [{"id": 1, "system-id": 7312, "version": "17"}], "status": {"code": 0, "message": "ok"},
            "archive": [{"database": {"id": 1, "repo-key": 1}, "min": "000000010000000000000001", "max": newest}], "backup": list(backups),
        }
    ]  # fmt: skip


STORE = repository.read(info(backup("1F", 1000), backup("1F_2D", 2000), backup("3F", 3000)), "main")


def time_at(moment: float) -> Target:
    return Target("time", "a time", moment)


def test_a_time_takes_the_newest_backup_that_ended_before_it() -> None:
    assert repository.choose(STORE, time_at(2500), "", 1).labels == ("1F_2D", "1F")
    assert repository.choose(STORE, time_at(9000), "", 1).labels == ("3F", "1F_2D", "1F")
    # Its own second is not after its end.
    assert repository.choose(STORE, time_at(2000.9), "", 1).labels == ("1F",)


def test_what_has_no_known_moment_tries_all_of_them() -> None:
    assert repository.choose(STORE, Target("xid", "700"), "", 1).labels == ("3F", "1F_2D", "1F")
    assert repository.choose(STORE, Target("latest"), "", 1).labels == ("3F",)
    assert repository.choose(STORE, Target("name", "mine", 1500), "", 1).labels == ("1F",)


def test_a_moment_before_the_oldest_backup_is_refused_with_the_earliest_one() -> None:
    with pytest.raises(repository.NoWayThere, match="1970-01-01 00:16:40"):
        repository.choose(STORE, time_at(999), "", 1)


def test_the_operator_may_name_the_backup() -> None:
    assert repository.choose(STORE, Target("xid", "700"), "", 1, "1F").labels == ("1F",)
    with pytest.raises(repository.NoWayThere, match=r"no backup 9F \(others: 1F, 1F_2D, 3F\)"):
        repository.choose(STORE, Target("latest"), "", 1, "9F")
    with pytest.raises(repository.NoWayThere, match="before the end of the named backup"):
        repository.choose(STORE, time_at(2500), "", 1, "3F")


def test_the_live_timeline_is_followed_unless_another_one_is_named() -> None:
    store = repository.read(info(backup("1F", 1000), backup("2F", 2000, 2), newest="00000002000000000000000B"), "main")
    way = repository.choose(store, time_at(2500), "", 2)
    assert (way.timeline, way.labels) == ("2", ("2F", "1F"))
    assert "timeline 2 is followed; the repository has 1, too" in way.note
    # What a restore left behind: a backup of a later timeline doesn't lead there.
    way = repository.choose(store, time_at(2500), "1", 2)
    assert (way.timeline, way.labels) == ("1", ("1F",))
    # A new host knows none of them.
    assert repository.choose(store, Target("latest"), "", None).timeline == "2"
    with pytest.raises(
        repository.NoWayThere, match=r"restore_timeline is '7', and the repository has the timelines 1, 2"
    ):
        repository.choose(store, time_at(2500), "7", 2)


def test_one_timeline_needs_no_words() -> None:
    assert repository.choose(STORE, Target("latest"), "", 1).note == ""
    assert repository.choose(STORE, Target("latest"), "", 1).bytes_needed > 1_000_000_000


def test_a_backup_with_errors_is_none() -> None:
    store = repository.read(info(backup("1F", 1000), backup("2F", 2000, error=True)), "main")
    assert [one.label for one in store.backups] == ["1F"]
    with pytest.raises(repository.NoWayThere, match="no backup of the stanza main is whole"):
        repository.read(info(backup("2F", 2000, error=True)), "main")


def test_an_empty_repository_says_so() -> None:
    with pytest.raises(repository.NoWayThere, match="has no backup to restore from"):
        repository.read(info(), "main")
    with pytest.raises(repository.NoWayThere, match=r"no stanza other \(others: main\)"):
        repository.read(info(backup("1F", 1000)), "other")


def test_backups_of_an_earlier_cluster_of_the_stanza_do_not_count() -> None:
    said = info(backup("1F", 1000), backup("2F", 2000, database={"id": 2, "repo-key": 1}))
    said[0]["db"].append({"id": 2, "system-id": 9000, "version": "17"})
    assert [one.label for one in repository.read(said, "main").backups] == ["2F"]
