"""What of a release can't live with the pooler of its host."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings

ROOT = Path(__file__).resolve().parents[3]
GOOD = {
    "ENGINE": "django.db.backends.postgresql",
    "HOST": "/run/pgbouncer/self_hosted-transaction",
    "DISABLE_SERVER_SIDE_CURSORS": True,
}


@pytest.fixture
def pooling(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT / "roles/release/files/support"))
    if not settings.configured:
        settings.configure()
    import database_pooling

    return database_pooling


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, ""),
        ({"HOST": "db1", "OPTIONS": {"options": "-c x=1"}, "DISABLE_SERVER_SIDE_CURSORS": False}, ""),
        ({"OPTIONS": {"options": "-c statement_timeout=5s"}}, "ALTER ROLE"),
        ({"HOST": "/run/pgbouncer/rds-session", "OPTIONS": {"options": "-c x=1"}}, "pooling: none"),
        ({"HOST": "/run/pgbouncer/rds-session", "DISABLE_SERVER_SIDE_CURSORS": False}, ""),
        ({"OPTIONS": {"assume_role": "other"}}, "assume_role"),
        ({"ENGINE": "django_tenants.postgresql_backend"}, "schema of a tenant"),
        ({"DISABLE_SERVER_SIDE_CURSORS": False}, "DISABLE_SERVER_SIDE_CURSORS = True"),
    ],
)
def test_settings(pooling: Any, changes: dict[str, Any], word: str) -> None:
    said = pooling.setting_problem("default", {**GOOD, **changes})
    assert (word in said) if word else said == ""


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ('cursor.execute("SELECT pg_advisory_lock(%s)", [1])', "an advisory lock"),
        ("cursor.execute('select pg_try_advisory_lock(1)')", "an advisory lock"),
        ('cursor.execute("SELECT pg_advisory_xact_lock(1)")', ""),
        ('cursor.execute("LISTEN channel")', "LISTEN"),
        ('cursor.execute(f"SET search_path TO {schema}")', "a schema"),
        ('cursor.execute("SET LOCAL statement_timeout = 1")', ""),
        ('cursor.execute("SET ROLE other")', "a role"),
        ("# we listen to our users", ""),
    ],
)
def test_code(pooling: Any, tmp_path: Path, line: str, word: str) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "locks.py").write_text(f"import x\n{line}\n")
    said = pooling.code_problem(tmp_path)
    assert (f"shop/locks.py, line 2, asks for {word}" in said) if word else said == ""
    assert not word or "pooling: session" in said


def test_tests_and_migrations_are_not_searched(pooling: Any, tmp_path: Path) -> None:
    for place in ("tests", "shop/migrations"):
        (tmp_path / place).mkdir(parents=True)
        (tmp_path / place / "one.py").write_text('"SELECT pg_advisory_lock(1)"')
    assert pooling.code_problem(tmp_path) == ""


def test_who_wrote_the_mode_has_looked(pooling: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one.py").write_text('"SELECT pg_advisory_lock(1)"')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pooling, "settings", SimpleNamespace(INSTALLED_APPS=["pgpubsub"]))
    monkeypatch.delenv("MANAGED_DATABASE_POOLING_CHOSEN", raising=False)
    assert len(pooling.problems({"default": GOOD})) == 2
    assert pooling.problems({"default": {**GOOD, "HOST": "/run/pgbouncer/rds-session"}}) == []
    monkeypatch.setenv("MANAGED_DATABASE_POOLING_CHOSEN", "true")
    assert pooling.problems({"default": GOOD}) == []
    assert pooling.problems({"default": {**GOOD, "DISABLE_SERVER_SIDE_CURSORS": False}}) != []


def test_whether_the_pooler_verifies_is_read_from_its_configuration(
    pooling: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pooling, "CONFIGURATION", str(tmp_path))
    assert pooling.verified({"HOST": "db1"}) is None
    assert pooling.verified(GOOD) is None, "no such file"
    (tmp_path / "self_hosted-transaction").mkdir()
    file = tmp_path / "self_hosted-transaction" / "pgbouncer.ini"
    for text, answer in (
        ("server_tls_sslmode = verify-full", True),
        ("server_tls_sslmode = require", False),
        ("x = y", False),
    ):
        file.write_text(f"[pgbouncer]\n{text}\n")
        assert pooling.verified(GOOD) is answer


def test_a_link_through_a_pooler_that_does_not_verify_is_refused(pooling: Any) -> None:
    import database_links

    link = database_links.Link("default", "", "", "", "10.0.0.5", True)
    assert "does not verify 10.0.0.5" in database_links.problem(link._replace(verified=False))
    assert database_links.problem(link._replace(verified=True)) == ""
    assert database_links.remark(link._replace(verified=True)) == ""
