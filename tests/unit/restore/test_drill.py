"""What a drill compares and publishes."""

from __future__ import annotations

import json
from pathlib import Path

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore import counts, drill


def test_each_table_that_differs_is_named() -> None:
    live = {"board": {"public.a": 3, "public.b": 0, "public.c": 7}, "other": {"public.a": 1}}
    assert counts.differences(live, live) == []
    copy = {"board": {"public.a": 2, "public.b": 0}}
    assert counts.differences(live, copy) == [
        "board: public.a has 2 where 3 rows were counted",
        "board: public.c has no table where 7 rows were counted",
        "other: public.a has no table where 1 rows were counted",
    ]


def test_when_a_drill_worked_last_outlives_those_that_did_not(tmp_path: Path) -> None:
    path = tmp_path / "drill" / "status.json"
    first = drill.publish(1000.0, "1F", [], path)
    assert first["good"] is True
    assert first["worked"] == first["finished"]
    path.write_text(json.dumps({**first, "worked": 1234}))
    second = drill.publish(2000.0, "2F", ["a page is broken"], path)
    assert (second["good"], second["worked"], second["problems"]) == (False, 1234, ["a page is broken"])
    assert json.loads(path.read_text()) == second
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_drill_that_never_worked_says_so(tmp_path: Path) -> None:
    assert drill.publish(1000.0, "", ["no"], tmp_path / "status.json")["worked"] == 0
