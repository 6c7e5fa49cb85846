"""The scratch database of a trial: made like the live one, and no other database is ever taken for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.postgres import scratch
from ansible_collections.django_ec2.site.plugins.modules import postgres_scratch as module

from tests.conftest import RunModule


@pytest.mark.parametrize(
    ("comment", "limit", "holder", "ours"),
    [
        (scratch.MARK, 13, "shop_owner", True),
        # Cut between the statement that makes it and the comment.
        (None, scratch.CONNECTIONS, "shop_owner", True),
        (None, -1, "shop_owner", False),
        ("Mine", scratch.CONNECTIONS, "shop_owner", False),
        (scratch.MARK, 13, "somebody", False),
    ],
)
def test_only_what_a_deploy_made_is_dropped(comment: str | None, limit: int, holder: str, ours: bool) -> None:
    assert scratch.is_ours(comment, limit, holder, "shop_owner") is ours


def test_it_sorts_as_the_live_one_does() -> None:
    said = scratch.create_statement("shop_scratch", "shop_owner", ("UTF8", "de_DE.utf8", "C.UTF-8", "c", None, []))
    assert said == (
        "CREATE DATABASE \"shop_scratch\" OWNER \"shop_owner\" TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'de_DE.utf8' "
        "LC_CTYPE 'C.UTF-8' CONNECTION LIMIT 13"
    )
    icu = scratch.create_statement("a", "b", ("UTF8", "C", "C", "i", "de-DE", []))
    assert "LOCALE_PROVIDER icu ICU_LOCALE 'de-DE'" in icu


def test_a_name_that_postgresql_would_cut_off_has_no_scratch() -> None:
    with pytest.raises(scratch.NoScratch, match="longer than PostgreSQL takes"):
        scratch.scratch_name("a" * 60)


def test_a_server_that_does_not_answer_is_a_reason_and_no_failure(
    run_module: RunModule, monkeypatch: Any, tmp_path: Path
) -> None:
    login = {"host": "127.0.0.1", "port": 1, "user": "nobody", "password": "x", "ca_file": str(tmp_path / "none.pem")}
    answer = run_module(module, database="shop", owner="shop_owner", login=login)
    assert (answer["changed"], answer["name"]) == (False, "")
    assert answer["reason"]


def test_a_pg_dump_that_is_older_than_the_server_is_told_as_that(monkeypatch: Any, fake_bin: Any) -> None:
    fake_bin(
        "pg_dump",
        "echo 'pg_dump: error: aborting because of server version mismatch' >&2; "
        "echo 'pg_dump: detail: server version: 16.4; pg_dump version: 15.10' >&2; exit 1",
    )
    login = {"host": "db.example.org", "port": 5432, "user": "master", "password": "x", "ca_file": "/none"}
    with pytest.raises(scratch.NoScratch, match=r"^pg_dump of this host \(15\) is older than the server \(16\)$"):
        scratch.Scratch(login, "shop", "shop_owner", 5)._run(login, "pg_dump", [])
