"""The rules of make new-app, each asked alone."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from tools.new_app.project import Draft, Project, find
from tools.new_app.rules import (
    RULES,
    Rule,
    celery,
    database,
    hosts,
    media,
    pooling,
    redis,
    secret_key,
    static,
    variables,
)

HELPERS = {"directories", "processes"}


def drafted(tmp_path: Path, settings: str, *rules: Rule, requirements: str = "django\n") -> Draft:
    """What some rules make of a project with these settings."""
    (tmp_path / "manage.py").write_text("import django\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'settings')\n")
    (tmp_path / "settings.py").write_text(settings)
    (tmp_path / "requirements.txt").write_text(requirements)
    draft = Draft("shop", "shop.example.org")
    project = find(tmp_path, draft)
    for rule in rules:
        rule(project, draft)
    return draft


def test_each_file_is_a_rule_in_the_list_with_one_signature(root: Path) -> None:
    files = {path.stem for path in (root / "tools/new_app/rules").glob("*.py")} - {"__init__"} - HELPERS
    assert [rule.__module__.rpartition(".")[2] for rule in RULES] == [rule.__name__ for rule in RULES]
    assert {rule.__name__ for rule in RULES} == files
    for rule in RULES:
        assert inspect.getdoc(rule), rule.__name__
        assert inspect.get_annotations(rule, eval_str=True) == {"project": Project, "draft": Draft, "return": None}


@pytest.mark.parametrize(
    ("rule", "settings", "environment", "managed"),
    [
        (secret_key.secret_key, "SECRET_KEY = os.environ['KEY']", "KEY", ""),
        (secret_key.secret_key, "SECRET_KEY = 'x'", "SECRET_KEY", "secret_key"),
        (hosts.hosts, "ALLOWED_HOSTS = env.list('HOSTS')", "HOSTS", ""),
        (hosts.hosts, "ALLOWED_HOSTS = []", "", "hosts"),
        (database.database, "DATABASES = {'default': env.db()}", "DATABASE_URL", ""),
        (database.database, "DATABASES = {'default': {'ENGINE': 'x'}}", "", "database"),
        (static.static, "STATIC_ROOT = env('STATIC')", "STATIC", ""),
        (static.static, "STATIC_ROOT = BASE_DIR / 'static'", "", "static"),
        (media.media, "MEDIA_ROOT = env('MEDIA')", "MEDIA", ""),
        (media.media, "MEDIA_ROOT = BASE_DIR / 'media'", "", "media"),
        (media.media, "DEBUG = False", "", ""),
    ],
)
def test_a_setting_comes_from_the_environment_or_is_set_in_the_projects_place(
    tmp_path: Path, rule: Rule, settings: str, environment: str, managed: str
) -> None:
    draft = drafted(tmp_path, settings, rule)
    assert draft.given - {"SECRET_KEY_FALLBACKS"} == ({environment} if environment else set())
    assert set(draft.managed) == ({managed} if managed else set())


def test_a_variable_keeps_the_value_of_the_first_rule_that_knows_it(tmp_path: Path) -> None:
    settings = "SECRET_KEY = os.environ['KEY']\nX = os.environ['OTHER_TOKEN']\n"
    draft = drafted(tmp_path, settings, secret_key.secret_key, variables.variables)
    assert draft.entry["secret_environment"] == {
        "KEY": "{{ secrets.applications.shop.secret_key }}",
        "OTHER_TOKEN": "{{ secrets.applications.shop.other_token }}",
    }
    assert any("OTHER_TOKEN is a secret of the project's own" in sentence for sentence in draft.questions)


def test_further_keys_that_the_settings_read_come_from_a_rotation(tmp_path: Path) -> None:
    settings = "SECRET_KEY = os.environ['KEY']\nSECRET_KEY_FALLBACKS = os.environ.get('OLD_KEYS', '').split(',')\n"
    draft = drafted(tmp_path, settings, secret_key.secret_key)
    assert draft.entry["secret_environment"] == {
        "KEY": "{{ secrets.applications.shop.secret_key }}",
        "OLD_KEYS": "{{ secrets.applications.shop.secret_key_fallbacks | default('') }}",
    }


def test_redis_is_asked_for_before_celery_asks_for_its_broker(tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text("app = Celery('shop')\n")
    with_redis = drafted(tmp_path, "X = env('REDIS_URL')", redis.redis, celery.celery, requirements="django\ncelery\n")
    assert with_redis.entry["redis"] is True
    assert not any("broker could not be told" in sentence for sentence in with_redis.open)
    without = drafted(tmp_path, "X = 1", redis.redis, celery.celery, requirements="django\ncelery\n")
    assert "redis" not in without.entry
    assert any("broker could not be told" in sentence for sentence in without.open)
    assert without.entry["services"]["worker"]["command"] == "celery -A tasks worker --loglevel INFO"


@pytest.mark.parametrize(
    ("settings", "code", "mode"),
    [
        ("INSTALLED_APPS = ['shop']", "cursor.execute('SELECT pg_advisory_xact_lock(1)')", None),
        ("INSTALLED_APPS = ['procrastinate.contrib.django']", "", "none"),
        ("INSTALLED_APPS = ['django_tenants']", "", "session"),
        ("INSTALLED_APPS = []", "cursor.execute('SELECT pg_try_advisory_lock(1)')", "session"),
        ("INSTALLED_APPS = []", "cursor.execute('SET ROLE x')\ncursor.execute('LISTEN news')", "none"),
    ],
)
def test_a_project_that_needs_a_session_is_not_given_a_shared_one(
    tmp_path: Path, settings: str, code: str, mode: str | None
) -> None:
    (tmp_path / "tasks.py").write_text(code)
    draft = drafted(tmp_path, settings, pooling.pooling)
    assert draft.entry.get("pooling") == mode
    assert bool(draft.found[1:]) == bool(mode)


def test_a_draft_looks_for_what_a_release_is_asked_for(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(root / "roles/release/files/support"))
    import database_pooling

    for name in ("TENANTS", "LISTENERS", "WORDS"):
        assert getattr(pooling, name) == getattr(database_pooling, name)
