"""Which way a promotion goes, what has to be proved before, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.filter.promotion import instances_of
from ansible_collections.django_ec2.site.plugins.module_utils.postgres import cluster, programs, promotion
from ansible_collections.django_ec2.site.plugins.plugin_utils.promotion import (
    diverged,
    names,
    predicted_states,
    promotion_plan,
    without,
)

HOSTS = ["db1", "db2"]


def primary(**more: Any) -> dict[str, Any]:
    return {
        "role": "primary",
        "running": True,
        "system_identifier": "7",
        "timeline": 1,
        "history": [],
        "lsn": 1000,
        **more,
    }


def standby(**more: Any) -> dict[str, Any]:
    return {
        "role": "standby", "running": True, "system_identifier": "7", "timeline": 1, "history": [], "lsn": 1000, "streaming": True,
        "upstream": "db1", **more,
    }  # fmt: skip


def down(role: str = "standby", **more: Any) -> dict[str, Any]:
    return {
        "role": role, "running": False, "system_identifier": "7", "timeline": 1, "history": [], "lsn": 900, "clean": True,
        "control": "shut down", **more,
    }  # fmt: skip


def plan(states: dict[str, Any], hosts: list[str] = HOSTS, to: str = "db2", **asked: Any) -> dict[str, Any]:
    return promotion_plan(hosts, states, {"to": to, **asked})


PROMOTED = primary(timeline=2, history=[[1, 950]])


def test_planned() -> None:
    found = plan({"db1": primary(), "db2": standby()})
    assert (found["kind"], found["old"], found["problems"], found["fence"]) == ("planned", "db1", [], "")
    assert [step.split()[0] for step in found["steps"]] == ["Shut", "Promote", "Start"]


@pytest.mark.parametrize(
    ("states", "asked", "words"),
    [
        (
            {"db1": primary(), "db2": standby()},
            {"to": "db9"},
            "'db9' is no host of the group database: give -e to= one of db1, db2",
        ),
        ({"db1": primary()}, {}, "db2 could not be reached"),
        ({"db1": primary(), "db2": {"role": "none"}}, {}, "no complete copy"),
        ({"db1": primary(), "db2": down()}, {}, "PostgreSQL of db2 does not run"),
        (
            {"db1": primary(), "db2": standby(streaming=False)},
            {},
            "does not receive the log of db1, so rows would be lost",
        ),
        ({"db1": down("primary"), "db2": standby()}, {}, "give it up with -e away=db1"),
        ({"db2": standby()}, {}, "db1 could not be reached"),
        ({"db1": primary(), "db2": standby()}, {"away": ["db2"]}, "can't be away"),
        ({"db1": primary(), "db2": standby()}, {"confirm_fenced": "db7"}, "'db7' is no host"),
    ],
)
def test_refused_before_anything_is_touched(states: dict[str, Any], asked: dict[str, Any], words: str) -> None:
    assert words in " ".join(plan(states, **asked)["problems"])


def test_a_single_host_has_nothing_to_promote() -> None:
    assert "one database host" in plan({"db2": primary()}, hosts=["db2"])["problems"][0]


def test_a_promotion_that_was_cut_goes_on_where_no_row_is_missing() -> None:
    # Shut down, and it will be a standby.
    found = plan({"db1": down(), "db2": standby(streaming=False)})
    assert (found["kind"], found["problems"]) == ("continued", [])
    # Somebody started it meanwhile.
    found = plan({"db1": standby(upstream="db2", lsn=1000), "db2": standby(streaming=False)})
    assert (found["kind"], found["problems"]) == ("continued", [])
    assert "db1 has rows that db2 does not have" in plan({"db1": down(lsn=1100), "db2": standby()})["problems"][0]
    crashed = down(clean=False, control="in production")
    assert "did not end as it should" in plan({"db1": crashed, "db2": standby()})["problems"][0]


def test_an_old_primary_that_is_away_has_to_be_fenced() -> None:
    away = {"away": ["db1"]}
    # The host answers, its PostgreSQL may be sick.
    found = plan({"db1": down("primary"), "db2": standby()}, **away)
    assert (found["kind"], found["fence"], found["problems"]) == ("unplanned", "host", [])
    found = plan({"db2": standby()}, **away, instances={"db1": "i-1"})
    assert (found["fence"], found["problems"]) == ("aws", [])
    # All who could write there are here.
    found = plan({"db2": standby()}, **away)
    assert (found["fence"], found["problems"]) == ("clients", [])
    for unsure in ({"clients_away": ["web2"]}, {"other_clients": ["10.9.0.0/16"]}):
        found = plan({"db2": standby()}, **away, **unsure)
        assert (
            "-e confirm_fenced=db1" in found["problems"][0] and next(iter(unsure.values()))[0] in found["problems"][0]
        )
        found = plan({"db2": standby()}, **away, **unsure, confirm_fenced="db1")
        assert (found["fence"], found["problems"]) == ("confirmed", [])


def test_the_standby_that_has_most_is_promoted() -> None:
    states = {"db2": standby(), "db3": standby(lsn=1500)}
    assert "Promote db3 instead" in plan(states, hosts=["db1", "db2", "db3"], away=["db1"])["problems"][0]


def test_rows_of_an_old_primary_are_given_up_by_name_alone() -> None:
    states = {"db1": primary(), "db2": PROMOTED}
    found = plan(states)
    assert found["kind"] == "ended" and "-e confirm_rewind=db1" in found["problems"][0]
    found = plan(states, confirm_rewind="db1")
    assert (found["rewind"], found["problems"]) == (["db1"], [])
    # The older one can't become the one that stays.
    assert "-e to=db2 -e confirm_rewind=db1" in plan(states, to="db1", confirm_rewind="db2")["problems"][0]


def test_of_two_that_took_writes_from_the_same_point_on_a_person_removes_one() -> None:
    """A rewind of one timeline to another of the same number would find nothing to do."""
    for to, other in (("db1", "db2"), ("db2", "db1")):
        found = plan({"db1": PROMOTED, "db2": PROMOTED}, to=to, confirm_rewind=other)
        assert "neither follows from the other" in found["problems"][0] and "pg_dropcluster" in found["problems"][0]


def test_what_can_follow_by_itself_is_not_rewound() -> None:
    assert diverged(down(), PROMOTED) == ""
    assert diverged(standby(timeline=2), PROMOTED) == ""
    assert diverged(down(lsn=960), PROMOTED) == "10 bytes of its log"
    assert "crashed" in diverged(down(clean=False, control="in production"), PROMOTED)
    assert "writes" in diverged(primary(), PROMOTED)
    assert diverged({"role": "none"}, PROMOTED) == ""
    found = plan({"db1": down(), "db2": PROMOTED})
    assert (found["kind"], found["rewind"], found["problems"]) == ("ended", [], [])


def test_a_check_looks_ahead() -> None:
    states = {"db1": primary(), "db2": standby()}
    ahead = predicted_states(states, plan(states))
    assert (ahead["db1"]["role"], ahead["db2"]["role"]) == ("standby", "primary")
    assert states["db1"]["role"] == "primary"


def test_names_and_patterns_of_hosts() -> None:
    assert names("db1, web2") == ["db1", "web2"]
    assert names("") == []
    assert without(["db1", "web2"]) == ":!db1:!web2"
    assert without([]) == ""


def test_instances_of_aws() -> None:
    hosts = [
        {"inventory_hostname": "db1", "instance_id": "i-1", "placement": {"region": "eu-central-1"}},
        {"inventory_hostname": "db2"},
    ]
    assert instances_of(hosts) == {"db1": "i-1"}


def test_a_primary_without_its_control_file_is_given_up_not_shut_down() -> None:
    states = {"db1": primary(damaged="broken"), "db2": standby()}
    assert "Give it up: -e away=db1" in plan(states)["problems"][0]
    found = plan(states, away=["db1"])
    assert (found["kind"], found["fence"], found["problems"]) == ("unplanned", "host", [])


def test_the_last_one_left_is_promoted_by_whoever_says_that_its_primary_is_gone() -> None:
    refused = plan({"db2": standby()}, ["db2"])
    assert "no host of the group database any more" in refused["problems"][0]
    assert "-e confirm_fenced=db1" in refused["problems"][0]
    assert plan({"db2": standby()}, ["db2"], confirm_fenced="db3")["problems"]
    found = plan({"db2": standby()}, ["db2"], confirm_fenced="db1")
    assert (found["kind"], found["problems"], found["fence"]) == ("continued", [], "")
    assert plan({"db1": primary()}, ["db1"], to="db1")["problems"][0].startswith("There is one database host")


# -- the end of a primary


@pytest.mark.parametrize(("given", "timeout", "limit"), [(60, 60000, 30), (10, 60000, 10), (60, 0, 60), (60, 1000, 1)])
def test_a_primary_ends_before_it_gives_a_dead_standby_up(given: int, timeout: int, limit: int) -> None:
    assert promotion.stop_limit(given, timeout) == limit


@pytest.fixture
def primary_host(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The host of a primary that never ends within its time; ``control`` is what its control file says afterwards."""
    host: dict[str, Any] = {"did": [], "control": "shutting down"}

    def ask(_port: int, statement: str, _values: object = None) -> tuple[int] | None:
        return (60000,) if "wal_sender_timeout" in statement else None if statement == "CHECKPOINT" else (0,)

    def systemctl(verb: str, _version: str, seconds: int | None = None) -> None:
        host["did"].append((verb, seconds))
        raise programs.ProgramFailed("systemctl did not end")

    monkeypatch.setattr(promotion, "ask", ask)
    monkeypatch.setattr(promotion, "set_signal", lambda _data, wanted: host["did"].append(("signal", wanted)))
    monkeypatch.setattr(promotion, "end_at_once", lambda *_words: host["did"].append(("immediate",)))
    monkeypatch.setattr(promotion, "keep", lambda _port: host["did"].append(("kept",)))
    monkeypatch.setattr(programs, "systemctl", systemctl)
    monkeypatch.setattr(cluster, "version_of", lambda: "17")
    monkeypatch.setattr(cluster, "data_directory_of", lambda _version: "/data")
    monkeypatch.setattr(
        cluster,
        "control_data",
        lambda *_words: {"Database cluster state": host["control"], "Latest checkpoint location": "0/28"},
    )
    return host


def test_a_primary_that_does_not_end_goes_on(primary_host: dict[str, Any]) -> None:
    with pytest.raises(promotion.PromotionProblem, match=r"goes on: .* does db2 answer"):
        promotion.hand_over(5432, "db2", 60)
    assert primary_host["did"] == [("signal", True), ("stop", 30), ("immediate",), ("kept",)]


def test_a_primary_that_ended_after_all_stays_down(primary_host: dict[str, Any]) -> None:
    primary_host["control"] = "shut down"
    assert promotion.hand_over(5432, "db2", 60)["lsn"] == 0x28
    assert ("kept",) not in primary_host["did"]
