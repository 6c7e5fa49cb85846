"""Migrations are tried on a copy of the schema before they are made, and a rollback is held against what the database has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from deploy_fixtures import LIVE
from deploying import MIGRATION, WEB, Visitor, deploy, variant
from site_playbooks import on, play

MOOD = "\n\nEntry.add_to_class('mood', models.TextField(null=True))\n"
FIELD = MIGRATION.format(
    after="0001_initial", operation='migrations.AddField("entry", "mood", models.TextField(null=True))'
)
PACKAGE = {
    "pyproject.toml": '[project]\nname = "badges"\nversion = "{version}"\n[build-system]\nrequires = ["setuptools"]\n'
    'build-backend = "setuptools.build_meta"\n[tool.setuptools]\npackages = ["badges", "badges.migrations"]\n',
    "badges/__init__.py": "",
    "badges/models.py": "from django.db import models\n\n\nclass Badge(models.Model):\n    code = models.TextField()\n",
    "badges/migrations/__init__.py": "",
    "badges/migrations/0001_initial.py": "from django.db import migrations, models\n\n\nclass Migration(migrations.Migration):\n"
    '    operations = [migrations.CreateModel("Badge", [("id", models.BigAutoField(primary_key=True)), ("code", models.TextField())])]\n',
}
SECOND = (
    "from django.db import migrations, models\n\n\nclass Migration(migrations.Migration):\n"
    '    dependencies = [("badges", "0001_initial")]\n'
    '    operations = [migrations.AlterField("badge", "code", models.TextField(unique=True))]\n'
)
# Nothing of it is seen in the text of a migration that is looked for DROP COLUMN and the like.
HIDDEN = """from django.db import migrations, models


def in_python(apps, schema_editor):
    schema_editor.execute("ALTER TABLE guestbook_entry AL" + "TER COLUMN name TYPE varchar(20)")


def about_rows(apps, schema_editor):
    apps.get_model("guestbook", "Entry").objects.filter(name="").delete()


class Migration(migrations.Migration):
    dependencies = [("guestbook", "0002_mood")]
    operations = [
        migrations.RunSQL("DO $$ BEGIN EXECUTE concat('ALTER TABLE guestbook_entry DR', 'OP COLUMN message'); END $$"),
        migrations.RunPython(in_python),
        migrations.RunPython(about_rows),
        migrations.RunSQL("UPDATE guestbook_entry SET name = name"),
        migrations.AlterField("entry", "name", models.CharField(max_length=20, unique=True)),
        migrations.AddField("entry", "stars", models.IntegerField(default=0)),
        migrations.RunSQL("CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$"),
        migrations.RunSQL("CREATE TRIGGER loud BEFORE INSERT ON guestbook_entry FOR EACH ROW EXECUTE FUNCTION shout()"),
    ]
"""
# An index beside the writers, then a column that the release before uses.
INDEX = """from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("guestbook", "0002_mood")]
    operations = [AddIndexConcurrently("entry", models.Index(fields=["written_at"], name="by_time"))]
"""
REFUSAL = (
    "drops or renames the column guestbook_entry.message (guestbook.Entry)",
    "guestbook.0003_hidden changes the type of guestbook_entry.name from character varying(100) to character varying(20)",
    "makes name of guestbook_entry unique (guestbook_entry_name_",
    "adds the column guestbook_entry.stars, which must not be null and has no default in the database",
    "adds the trigger loud to guestbook_entry",
    "badges.0002_unique makes code of badges_badge unique",
    "badges.0002_unique comes with the package badges 2.0, where you cannot change it",
    "not judged: guestbook.0003_hidden: RunPython about_rows works with rows",
    "not judged: guestbook.0003_hidden: RunSQL changes rows",
    "-e deploy_allow_breaking_migrations=true",
)


def sql(statement: str, database: str = "plain") -> str:
    """The answer of the database host's server."""
    words = f'runuser -u postgres -- psql --no-align --tuples-only --dbname {database} --command "{statement}"'
    return str(on("db1").check_output(words))


def with_badges(source: Path, version: str, **more: str) -> Path:
    """Add the package `badges` to a copy of the project, as a package of others."""
    place = source / "vendor/badges"
    for name, text in {**PACKAGE, **more}.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("{version}", version))
    with (source / "requirements.txt").open("a") as requirements:
        requirements.write("./vendor/badges\n")
    with (source / "mysite/settings.py").open("a") as settings:
        settings.write("INSTALLED_APPS += ['badges']\n")
    return source


def with_mood(sources: Path, mark: str, **changed: str) -> Path:
    """A copy of the project whose model has one more field."""
    source = variant(sources, mark, guestbook_migration_0002_mood=FIELD, **changed)
    with (source / "guestbook/models.py").open("a") as models:
        models.write(MOOD)
    return source


@pytest.fixture(scope="module")
def badges(sources: Path) -> str:
    """The mark of a release with one more field and the package, which is live."""
    deploy(with_badges(with_mood(sources, "badges"), "1.0"))
    LIVE.append("badges")
    return "badges"


def test_a_column_and_a_table_that_no_release_needs_yet_are_added(badges: str) -> None:
    for name in WEB:
        assert f"<!-- release {badges} -->" in Visitor(name, "plain.test").get("/").text


def test_what_no_text_shows_is_found_in_the_database(badges: str, sources: Path, unharmed: object) -> None:
    source = with_badges(with_mood(sources, "hidden", guestbook_migration_0003_hidden=HIDDEN), "2.0",
                         **{"badges/migrations/0002_unique.py": SECOND})  # fmt: skip
    said = " ".join(deploy(source, code=2).output.split())
    for words in REFUSAL:
        assert words in said, (words, said[-6000:])
    # No trace of the trial, and none of it in the live database.
    assert sql("SELECT datname FROM pg_database WHERE datname LIKE '%scratch%'") == ""
    assert sql("SELECT count(*) FROM django_migrations WHERE name IN ('0003_hidden', '0002_unique')") == "0"
    assert badges
    assert unharmed


def test_an_interrupted_index_is_mended_and_a_rollback_follows_its_own_advice(badges: str, sources: Path) -> None:
    drop = MIGRATION.format(after="0003_index", operation='migrations.RemoveField("entry", "mood")')
    source = with_badges(variant(sources, "indexed", guestbook_migration_0002_mood=FIELD, guestbook_migration_0003_index=INDEX,
                                 guestbook_migration_0004_drop=drop), "1.0")  # fmt: skip
    # What a run leaves whose index waits for its lock for longer than it may.
    on("db1").check_output(
        "systemd-run --quiet --unit hold --uid postgres psql --dbname plain --command "
        '"BEGIN; INSERT INTO guestbook_entry (name, message, written_at) VALUES (1, 1, now()); SELECT pg_sleep(60)"'
    )
    impatient = "SET ROLE plain_owner; SET lock_timeout = '1s'"
    statement = "CREATE INDEX CONCURRENTLY by_time ON guestbook_entry (written_at)"
    words = f'runuser -u postgres -- psql --dbname plain --command "{impatient}" --command "{statement}"'
    assert "canceling statement due to lock timeout" in on("db1").run(words).stderr
    sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)' AND pid <> pg_backend_pid()"
    )
    assert sql("SELECT indisvalid FROM pg_index WHERE indexrelid = 'by_time'::regclass") == "f"
    deploy(source, "-e", "deploy_allow_breaking_migrations=true")
    LIVE.append("indexed")
    assert sql("SELECT indisvalid FROM pg_index WHERE indexrelid = 'by_time'::regclass") == "t"
    refused = " ".join(play("playbooks/rollback.yml", "-e", "app=plain", code=2).output.split())
    advice = re.search(r"'(plain-manage --owner migrate guestbook 0003_index)'", refused)
    assert advice, refused[-3000:]
    on("web1").check_output(advice[1])
    play("playbooks/rollback.yml", "-e", "app=plain")
    LIVE.append(badges)
    for name in WEB:
        assert f"<!-- release {badges} -->" in Visitor(name, "plain.test").get("/").text
