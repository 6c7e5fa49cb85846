"""Further databases of an application: the gate looks at their migrations and runs them. On SQLite, without a host."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SETTINGS = """
SECRET_KEY = "x"
DATABASES = {{
    name: {{"ENGINE": "django.db.backends.sqlite3", "NAME": "{place}/" + name}} for name in ("default", "analytics")
}}
INSTALLED_APPS = ["facts"]
DATABASE_ROUTERS = ["shop.Router"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
"""
ROUTER = """
class Router:
    def allow_migrate(self, db, app_label, **hints):
        return db == "{home}"
"""
MIGRATION = """
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [{after}]
    operations = [{operation}]
"""
CREATE = (
    """migrations.CreateModel("Fact", [("id", models.BigAutoField(primary_key=True)), ("text", models.TextField())])"""
)
DROP = """migrations.RemoveField("fact", "text")"""


class Project:
    """A project with two databases; its one application lives in the one named ``home``."""

    def __init__(self, root: Path, place: Path, home: str) -> None:
        self.support, self.place = root / "roles/release/files/support", place
        (place / "facts/migrations").mkdir(parents=True)
        for path in ("facts/__init__.py", "facts/migrations/__init__.py"):
            (place / path).touch()
        (place / "settings.py").write_text(SETTINGS.format(place=place))
        (place / "shop.py").write_text(ROUTER.format(home=home))
        self.migration("0001_initial", CREATE)

    def migration(self, name: str, operation: str, after: str = "") -> None:
        dependency = f'("facts", "{after}")' if after else ""
        text = MIGRATION.format(after=dependency, operation=operation)
        (self.place / f"facts/migrations/{name}.py").write_text(text)

    def gate(self, *words: str, aliases: str = "analytics") -> tuple[int, dict[str, Any]]:
        environment = {
            **os.environ, "DJANGO_SETTINGS_MODULE": "settings", "PYTHONPATH": f"{self.support}:{self.place}",
            "MANAGED_DATABASE_ALIASES": aliases, "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, str(self.support / "release_gate.py"), *words],
            env=environment, cwd=self.place, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.stdout.splitlines(), done.stderr
        return done.returncode, json.loads(done.stdout.splitlines()[-1])

    def tables(self, database: str) -> set[str]:
        with sqlite3.connect(self.place / database) as connection:
            return {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


@pytest.fixture
def project(root: Path, tmp_path: Path) -> Project:
    return Project(root, tmp_path, "analytics")


def test_migrations_of_a_further_database_are_named_and_run(project: Project) -> None:
    code, said = project.gate("prepare")
    assert (code, said["plan"]) == (0, ["facts.0001_initial", "facts.0001_initial in analytics"])
    code, said = project.gate("migrate")
    assert (code, said["applied"]) == (0, ["facts.0001_initial", "facts.0001_initial in analytics"])
    assert "facts_fact" in project.tables("analytics")
    assert "facts_fact" not in project.tables("default"), "the router says where a model is"
    assert project.gate("prepare")[1]["plan"] == []


def test_what_breaks_the_release_that_serves_is_refused_there_too(project: Project) -> None:
    assert project.gate("migrate")[0] == 0
    project.migration("0002_drop", DROP, "0001_initial")
    code, said = project.gate("migrate")
    assert code != 0
    assert said["breaking"]["facts.0002_drop in analytics"]
    assert project.gate("migrate", "--allow-breaking")[0] == 0


def test_a_trial_decides_about_a_further_database_as_about_the_first(project: Project) -> None:
    assert project.gate("migrate")[0] == 0
    project.migration("0002_drop", DROP, "0001_initial")
    trial = {"plan": ["facts.0002_drop"], "judged": ["facts.0002_drop"], "findings": {}, "kinds": {}}
    # The router keeps the model out of the first one, where the text refuses it all the same.
    found = {**trial, "findings": {"facts.0002_drop": ["drops it"]}, "kinds": {"facts.0002_drop": ["drop"]}}
    code, said = project.gate("migrate", "--trial", json.dumps({**trial, "more": {"analytics": found}}))
    assert code != 0
    assert said["breaking"] == {"facts.0002_drop in analytics": ["drops it"]}
    assert said["kinds"] == {"facts.0002_drop in analytics": ["drop"]}
    assert project.gate("migrate", "--trial", json.dumps({**trial, "more": {"analytics": trial}}))[0] == 0


def test_what_the_router_keeps_out_breaks_nothing(root: Path, tmp_path: Path) -> None:
    project = Project(root, tmp_path, "default")
    assert project.gate("migrate")[0] == 0
    project.migration("0002_drop", DROP, "0001_initial")
    assert set(project.gate("migrate")[1]["breaking"]) == {"facts.0002_drop"}


@pytest.mark.parametrize("action", ["prepare", "migrate"])
def test_an_sqlite_file_that_cannot_be_opened_is_named(project: Project, action: str) -> None:
    place = project.place / "nowhere"
    settings = project.place / "settings.py"
    settings.write_text(settings.read_text().replace(f'"{project.place}/"', f'"{place}/"'))
    code, said = project.gate(action)
    assert code != 0
    assert f'DATABASES["default"] is SQLite, in the file {place}/default' in said["error"]


def test_an_alias_that_the_project_does_not_know_is_refused_with_the_remedy(project: Project) -> None:
    for action in ("prepare", "migrate"):
        code, said = project.gate(action, aliases="figures")
        assert code != 0
        assert "the entry has databases.figures, and the project's DATABASES has no 'figures'" in said["error"]
        assert "${database_figures_url}" in said["error"]
