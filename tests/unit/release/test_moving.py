"""Migrations are refused while the databases move."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]


def connection(comment: str | None, vendor: str = "postgresql") -> Any:
    cursor = SimpleNamespace(
        execute=lambda _statement: None, fetchone=lambda: (comment,) if comment is not None else None
    )
    return SimpleNamespace(vendor=vendor, cursor=lambda: contextlib.nullcontext(cursor))


@pytest.mark.parametrize(
    ("comment", "said"),
    [
        (None, ""),
        ("somebody's own comment", ""),
        (json.dumps({"state": "source"}), "cancel=true"),
        (json.dumps({"state": "live"}), "finish=true"),
        (json.dumps({"state": "closing"}), "Run playbooks/database_move.yml again"),
        (json.dumps({"state": "live", "peer": "db1"}), "first: playbooks/database_upgrade.yml with the same"),
        (json.dumps({"state": "closing", "peer": "db2"}), "Run playbooks/database_upgrade.yml again"),
    ],
)
def test_a_mark_says_whether_migrations_wait(monkeypatch: pytest.MonkeyPatch, comment: str | None, said: str) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "roles/release/files/support"))
    from migration_gate import moving

    found = moving.problem(connection(comment))
    assert (said in found) if said else found == ""


def test_another_database_has_no_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "roles/release/files/support"))
    from migration_gate import moving

    assert moving.problem(connection(json.dumps({"state": "live"}), vendor="sqlite")) == ""
