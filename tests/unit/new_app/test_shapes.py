"""Drafts for kinds of projects that teams have: each reaches a running site as it is, or asks what only its owner knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.resolve import resolve_applications

from tools.new_app.draft import entry_text
from tools.new_app.examine import examine
from tools.new_app.project import Draft

from . import shapes

PARTS = {"DB_HOST": "host", "DB_PORT": "port", "DB_NAME": "name", "DB_USER": "user"}


@pytest.fixture
def drafted(tmp_path: Path) -> Any:
    """Draft one of the shapes."""

    def draft(files: dict[str, str], environment: str = "production") -> Draft:
        return examine(shapes.placed(tmp_path, files), "app", "app", "app.example.org", environment=environment)

    return draft


def environment(draft: Draft) -> dict[str, str]:
    """All variables of an entry."""
    return {**draft.entry.get("environment", {}), **draft.entry.get("secret_environment", {})}


ALL = {name: files for name, files in vars(shapes).items() if isinstance(files, dict) and name.isupper()}


@pytest.mark.parametrize("name", ALL)
def test_a_draft_is_taken_as_it_is_or_refused_with_its_questions(drafted: Any, name: str) -> None:
    draft = drafted(ALL[name])
    if draft.questions:
        with pytest.raises(AnsibleFilterError) as refused:
            resolve_applications({"app": draft.read()})
        for question in draft.questions:
            assert question in str(refused.value)
            assert "{{" not in question
    else:
        resolve_applications({"app": draft.read()})
    assert "x.example.org" not in entry_text(draft)


@pytest.mark.parametrize(
    "name", ["DB_VARIABLES", "OWN_CREATESUPERUSER", "EDITABLE", "MANY_COMMANDS", "SQLITE_FALLBACK"]
)
def test_nothing_is_asked_where_the_files_tell_it_all(drafted: Any, name: str) -> None:
    assert drafted(ALL[name]).questions == []


def test_variables_of_the_database_are_known_by_their_place_in_the_settings(drafted: Any) -> None:
    given = environment(drafted(shapes.DB_VARIABLES))
    assert {name: given[name] for name in PARTS} == {name: f"${{database_{part}}}" for name, part in PARTS.items()}
    assert given["DB_PASSWORD"] == "${database_password}"


def test_a_switch_to_postgresql_gets_the_word_that_the_settings_compare_with(drafted: Any) -> None:
    draft = drafted(shapes.SQLITE_FALLBACK)
    assert environment(draft) == {
        "ALLOWED_HOSTS": "app.example.org",
        "STATIC_ROOT": "${static_root}",
        "SECRET_KEY": "{{ secrets.applications.app.secret_key }}",
        "APP_DB_ENGINE": "postgres",
        "APP_DB_HOST": "${database_host}",
        "APP_DB_DATABASE": "${database_name}",
        "APP_DB_USER": "${database_user}",
        "APP_DB_PASSWORD": "${database_password}",
    }
    assert any("it would fall back to SQLite" in sentence for sentence in draft.found)


def test_a_file_of_the_host_is_asked_for_and_gets_no_secret_as_its_name(drafted: Any) -> None:
    draft = drafted(shapes.SETTINGS_OF_A_HOST)
    assert "SECRETS_FILE" not in environment(draft)
    assert {"database", "secret_key", "hosts"} <= set(draft.managed)
    assert "HOST, NAME, PASSWORD from no variable" in draft.managed["database"]
    (question,) = draft.questions
    assert question.startswith("SECRETS_FILE names a file on the host")
    assert draft.entry["hsts"] == "max-age=2592000"


def test_every_command_is_looked_at(drafted: Any) -> None:
    draft = drafted(shapes.MANY_COMMANDS)
    assert draft.entry["services"] == {"workqueue": {"command": "manage.py workqueue", "singleton": True}}
    (sentence,) = [one for one in draft.found if "run by hand" in one]
    assert all(name in sentence for name in shapes.BY_HAND)


def test_a_command_that_django_has_as_well_is_no_task_of_the_clock(drafted: Any) -> None:
    draft = drafted(shapes.OWN_CREATESUPERUSER)
    assert not any("createsuperuser" in sentence for sentence in draft.found + draft.open)


def test_a_user_model_of_its_own_is_asked_for_what_it_needs(drafted: Any) -> None:
    model = "class User(AbstractUser):\n    USERNAME_FIELD = 'email'\n    REQUIRED_FIELDS = ['email', 'birthday']\n"
    files = shapes.project(
        shapes.COMMON + shapes.VARIABLES + "AUTH_USER_MODEL = 'main.User'\n", **{"main/models.py": model}
    )
    draft = drafted(files)
    assert draft.entry["superuser"]["username"] == "admin@app.example.org"
    (question,) = draft.questions
    assert question.startswith("Its users have to have birthday:")


def test_another_python_is_a_question_and_a_change_of_code_is_called_one(drafted: Any) -> None:
    (question,) = drafted(shapes.REQUIRES_PYTHON).questions
    assert "is a change of the project's code" in question
    assert "ignore_requires_python: true" in question


def test_fixtures_are_asked_for_and_those_of_tests_are_not(drafted: Any) -> None:
    (question,) = drafted(shapes.NEEDS_DATA).questions
    assert "initial_commands: [loaddata first]" in question
    assert "sample" not in question


@pytest.mark.parametrize(("environment_name", "storage"), [("lab", "shared"), ("local", "local"), ("production", None)])
def test_where_uploads_are_kept_is_asked_where_there_may_be_several_hosts(
    drafted: Any, environment_name: str, storage: str | None
) -> None:
    draft = drafted(shapes.PRIVATE_FILES, environment_name)
    assert draft.entry.get("media_storage") == storage
    assert any("media_storage: shared" in one for one in draft.questions) is (storage is None)
    assert environment(draft)["PRIVATE_ROOT"] == "${data_root}/private"


def test_a_project_with_readers_of_its_own_and_daemons_of_uwsgi(drafted: Any) -> None:
    draft = drafted(shapes.MONITOR)
    given = environment(draft)
    assert (given["DB"], given["SITE_ROOT"], given["DEBUG"]) == ("postgres", "https://app.example.org", "False")
    assert given["DB_SSLMODE"] == "${database_sslmode}"
    assert given["DB_PASSWORD"] == "${database_password}"
    assert "CHAT_TOKEN" not in given
    assert draft.entry["services"] == {
        "sendalerts": {"command": "manage.py sendalerts --skip-checks", "singleton": True},
        "sendreports": {"command": "manage.py sendreports --loop", "singleton": True},
    }
    assert any("The text of prunetokens speaks of a schedule" in one for one in draft.open)
    (question,) = draft.questions
    assert question.startswith("It sends mail (EMAIL_HOST): by which server")
    assert "and give its settings EMAIL_HOST: ${mail_host}." in question


@pytest.mark.parametrize(
    ("settings", "how"),
    [
        ("", "add 'mail' to managed_settings"),
        ("EMAIL_HOST = 'localhost'\n", "add 'mail' to managed_settings"),
        ("globals().update(env.email_url('EMAIL_URL'))\n", "give its settings EMAIL_URL: ${mail_url}"),
        (
            "EMAIL_HOST = os.environ['SMTP_HOST']\nEMAIL_HOST_PASSWORD = os.environ['SMTP_PASS']\nSERVER_EMAIL = os.environ['FROM']\n",
            "give its settings SMTP_HOST: ${mail_host}, SMTP_PASS: ${mail_password}, FROM: ${mail_sender}.",
        ),
    ],
)
def test_mail_is_asked_for_and_how_the_settings_are_told(drafted: Any, settings: str, how: str) -> None:
    files = shapes.project(
        shapes.COMMON + shapes.VARIABLES + settings,
        **{"main/views.py": "from django.core.mail import send_mail\n"},
    )
    question = next(one for one in drafted(files).questions if one.startswith("It sends mail"))
    assert how in question
    assert "the password from secrets.applications.app.mail_password" in question
    # Ansible fills in braces before anybody reads the question.
    assert "{{" not in question


def test_a_project_with_a_prefix_of_its_own_and_supervisord(drafted: Any) -> None:
    draft = drafted(shapes.BOOKMARKS)
    given = environment(draft)
    assert {name: value for name, value in given.items() if name.startswith("LD_")} == {
        "LD_DB_ENGINE": "postgres",
        "LD_DB_HOST": "${database_host}",
        "LD_DB_DATABASE": "${database_name}",
        "LD_DB_USER": "${database_user}",
        "LD_DB_PASSWORD": "${database_password}",
    }
    assert given["HOST_NAME"] == "app.example.org"
    assert draft.entry["extras"] == ["postgres"]
    assert draft.entry["services"] == {"jobs": {"command": "manage.py run_huey -f"}}
    assert any(one.startswith("bootstrap.sh runs before it serves: manage.py enable_wal.") for one in draft.open)


def test_a_project_whose_manage_py_names_no_settings(drafted: Any) -> None:
    draft = drafted(shapes.DIARY)
    given = environment(draft)
    assert draft.entry["settings_module"] == "diary.settings.base"
    assert given["DATABASE_URL"] == "${database_url}"
    assert "DB_ENGINE" not in given
    assert draft.entry["max_body_size"] == "51m"
    assert draft.entry["build_commands"] == ["npm ci", "npm run build"]
    assert {name: one["command"] for name, one in draft.entry["services"].items()} == {
        "mailer": "manage.py send_queue --loop",
        "worker": "manage.py fetch_feeds",
        "poll": "manage.py poll",
    }
    (question,) = draft.questions
    assert question.startswith("MAP_KEY is a secret of the project's own")
