"""The database of an application that goes: nothing is dropped without a whole dump, and nothing of others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.postgres import remove
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.model import MARK
from ansible_collections.django_ec2.site.plugins.modules import postgres_remove

from tests.conftest import RunModule

ROLES = ["shop", "shop_b", "shop_owner"]


class Connection:
    """A server with one database, that writes down what it is told."""

    def __init__(self, owner: str, comment: str) -> None:
        self.database = [(owner, comment)] if owner else []
        self.told: list[str] = []
        self.answer: list[tuple] = []

    def cursor(self) -> Connection:
        return self

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def execute(self, statement: str, given: Any = None) -> None:
        if "FROM pg_database WHERE" in statement:
            self.answer = self.database
        elif "FROM pg_roles" in statement:
            self.answer = [(name,) for name in given["names"] if name in ("shop", "shop_owner")]
        else:
            self.told.append(statement)
            if statement == 'DROP ROLE "shop_owner"':
                raise RuntimeError("objects depend on it")

    def fetchall(self) -> list[tuple]:
        return self.answer

    def close(self) -> None:
        pass


@pytest.fixture
def run(
    run_module: RunModule, fake_bin: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Any:
    """Run the module against such a server; pg_dump and pg_restore are stand-ins."""
    fake_bin("runuser", 'shift 3; exec "$@"')
    fake_bin("pg_restore", 'grep -q whole "$2"')

    def once(
        owner: str, comment: str = MARK, dumped: str = "echo whole", **given: Any
    ) -> tuple[dict[str, Any], Connection]:
        fake_bin("pg_dump", dumped)
        connection = Connection(owner, comment)
        monkeypatch.setattr(remove, "connect", lambda _login: connection)
        monkeypatch.setattr(remove.Scratch, "drop", lambda scratch: connection.told.append(f"scratch {scratch.name}"))
        options = {
            "name": "shop",
            "database": "shop",
            "owner": "shop_owner",
            "roles": ROLES,
            "dump": str(tmp_path / "b/last.dump"),
        }
        return run_module(postgres_remove, **{**options, **given}), connection

    return once


def test_it_is_dumped_then_dropped(run: Any, tmp_path: Path) -> None:
    answer, server = run("shop_owner")
    assert server.told == [
        "scratch shop_scratch",
        'DROP DATABASE "shop" WITH (FORCE)',
        'DROP ROLE "shop"',
        'DROP ROLE "shop_owner"',
    ]
    assert answer["removed"] == ["database shop", "role shop", "role shop_owner"]
    assert answer["left"] == ["shop_owner: objects depend on it"]
    dump = tmp_path / "b/last.dump"
    assert answer["dump"] == str(dump)
    assert dump.read_text() == "whole\n"
    assert dump.stat().st_mode & 0o777 == 0o600
    assert dump.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("dumped", "told"),
    [
        ("echo half; exit 1", "the last dump of shop failed, so nothing was dropped"),
        ("echo half", "the last dump of shop failed"),
        (
            "echo 'aborting because of server version mismatch' >&2; exit 1",
            "older than the server: make the dump elsewhere",
        ),
        ("echo 'No space left on device' >&2; exit 1", "No space left on device. Make room in"),
    ],
)
def test_without_a_whole_dump_nothing_is_dropped(run: Any, tmp_path: Path, dumped: str, told: str) -> None:
    answer, server = run("shop_owner", dumped=dumped)
    assert told in answer["msg"]
    assert "keep_dump=false" in answer["msg"]
    assert server.told == ["scratch shop_scratch"]
    assert list((tmp_path / "b").iterdir()) == []


def test_a_dump_can_be_refused(run: Any) -> None:
    answer, server = run("shop_owner", dumped="exit 1", dump="")
    assert answer["dump"] == ""
    assert server.told[1].startswith("DROP DATABASE")


def test_a_database_of_somebody_else_stays(run: Any) -> None:
    answer, server = run("postgres", "theirs")
    assert "the database shop belongs to postgres and was not made for shop" in answer["msg"]
    assert server.told == ["scratch shop_scratch"]
    # One that an earlier version made has no mark, and the right owner.
    assert run("shop_owner", "")[0]["changed"]


def test_a_second_run_finds_the_rest(run: Any) -> None:
    answer, server = run("")
    assert server.told[1] == 'DROP ROLE "shop"'
    assert answer["dump"] == ""


def test_check_mode_says_what_would_go(run_module: RunModule, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = Connection("shop_owner", MARK)
    monkeypatch.setattr(remove, "connect", lambda _login: connection)
    given = {"name": "shop", "database": "shop", "owner": "shop_owner", "roles": ROLES, "dump": "/nowhere/x.dump"}
    answer = run_module(postgres_remove, check_mode=True, **given)
    assert answer["removed"] == ["database shop", "role shop", "role shop_owner"]
    assert connection.told == []
