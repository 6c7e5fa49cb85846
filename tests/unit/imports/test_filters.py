"""What is refused before any host is asked, and what is said of a copy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.filter.database_import import (
    application_unit_globs,
    import_plan,
    import_problems,
    import_room_problem,
    import_source,
)

GIVEN = {"app": "shop", "dump": "", "media": "", "confirm": "", "scrub": False, "remove": False}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "site.dump").write_text("x")
    (tmp_path / "empty.dump").write_text("")
    (tmp_path / "up").mkdir()
    (tmp_path / "up/a.txt").write_text("x")
    (tmp_path / "none").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "Say what to import"),
        ({"dump": "{site}/site.dump"}, ""),
        ({"dump": "db1:/var/tmp/site.dump"}, ""),
        ({"dump": "{site}/nope.dump"}, "there is no"),
        ({"dump": "{site}/empty.dump"}, "is empty"),
        ({"dump": "web1:/var/tmp/site.dump"}, "has to lie on db1"),
        ({"media": "{site}/up"}, ""),
        ({"media": "{site}/none"}, "empty directory"),
        ({"media": "{site}/site.dump"}, "neither a directory nor a tar archive"),
        ({"media": "web1:/media"}, "has to lie on the controller"),
        ({"dump": "{site}/site.dump", "confirm": "board"}, "-e confirm=shop"),
        ({"remove": True}, ""),
        ({"dump": "db1:/var/tmp/site.dump", "scrub": True}, "-e scrub=false"),
    ],
)
def test_problems(site: Path, changes: dict[str, Any], said: str) -> None:
    given = {
        **GIVEN,
        **{key: value.format(site=site) if isinstance(value, str) else value for key, value in changes.items()},
    }
    found = " ".join(import_problems(given, "db1", {"media_root": "/srv/shop/shared/media", "scrub": []}))
    assert said in found
    assert bool(found) == bool(said)


def test_uploads_need_a_place(site: Path) -> None:
    given = {**GIVEN, "media": str(site / "up")}
    assert "media_storage is none" in import_problems(given, "db1", {"media_root": "", "scrub": []})[0]


def test_where_things_lie(site: Path) -> None:
    assert import_source("db1:/var/tmp/a b.dump") == {
        "host": "db1",
        "path": "/var/tmp/a b.dump",
        "name": "a b.dump",
        "directory": False,
    }
    assert import_source(str(site / "up"))["name"] == "up.tar"
    assert import_source(str(site / "up"))["directory"]


def test_room_on_the_way(site: Path) -> None:
    source = import_source(str(site / "site.dump"))
    mounts = [{"mount": "/", "size_available": 1 << 40}, {"mount": "/var/lib", "size_available": 1}]
    assert "make room" in import_room_problem(source, mounts, "/var/lib/database-import")
    assert import_room_problem(source, mounts, "/var/library") == ""
    assert import_room_problem(source, [], "/var/lib/database-import") == ""


def test_what_the_release_said() -> None:
    said = " ".join(import_plan({"pending": ["shop.0002_more"], "ahead": ["shop.0009_new"]}, {}))
    assert "1 migrations are made before it becomes live: shop.0002_more." in said
    assert "Deploy the version that the old site runs first" in said


def test_units_of_the_application() -> None:
    assert application_unit_globs("shop") == ["uwsgi-shop@*.service", "shop-*.service"]


def test_what_is_scrubbed_is_said(site: Path) -> None:
    assert "Scrubbed: forget_people, scrub.sql." in " ".join(
        import_plan({"scrubbed": ["forget_people", "scrub.sql"]}, {})
    )
    given = {**GIVEN, "dump": str(site / "site.dump"), "scrub": True}
    assert import_problems(given, "db1", {"media_root": "", "scrub": ["forget_people"]}) == []
