"""make new-app: the drafts of the test projects and the board, and what is refused with which words."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.resolve import resolve_applications

from tools.new_app.__main__ import main
from tools.new_app.requirements import read
from tools.new_app.settings import Settings

PROJECTS = ["plain", "srclayout", "media", "workshop"]
SETTINGS = (
    "SECRET_KEY = 'x'\nALLOWED_HOSTS = []\nROOT_URLCONF = 'shop.urls'\nWSGI_APPLICATION = 'shop.wsgi.application'\n"
)
MANAGE = "import os\nimport django\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n"

NewApp = Callable[..., tuple[int, str]]


@pytest.fixture
def group_vars(tmp_path: Path) -> Path:
    """Stands for the repository's group_vars."""
    for name in ("env_lab", "env_production"):
        (tmp_path / "group_vars" / name).mkdir(parents=True)
    return tmp_path / "group_vars"


@pytest.fixture
def new_app(group_vars: Path, capsys: pytest.CaptureFixture[str]) -> NewApp:
    """Run the tool; returns its exit code and all that it said."""

    def run(source: Path | str, *words: str) -> tuple[int, str]:
        capsys.readouterr()
        code = main([str(source), "--group-vars", str(group_vars), *words])
        said = capsys.readouterr()
        return code, " ".join((said.out + said.err).split())

    return run


@pytest.fixture
def drafted(new_app: NewApp, group_vars: Path, root: Path) -> Callable[[str], dict[str, Any]]:
    """The draft of a project of this repository."""

    def draft(path: str) -> dict[str, Any]:
        code, said = new_app(root / path, "--name", "app")
        assert code == 0, said
        return yaml.safe_load((group_vars / "env_lab/applications.yml").read_text())["applications"]["app"]

    return draft


def project(directory: Path, settings: str = SETTINGS, **files: str) -> Path:
    """A small project; further files by their path, with __ for a slash and _dot_ for a point."""
    content = {
        "manage_dot_py": MANAGE,
        "shop__settings_dot_py": settings,
        "shop__wsgi_dot_py": "application = None\n",
        **files,
    }
    for name, text in content.items():
        path = directory / name.replace("_dot_", ".").replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return directory


# --- the projects of the repository ---


def test_plain_gets_what_a_server_needs_set_in_its_place(drafted: Callable[[str], dict[str, Any]]) -> None:
    entry = drafted("tests/projects/plain")
    assert entry["source"] == "tests/projects/plain"
    assert (entry["settings_module"], entry["wsgi_module"]) == ("mysite.settings", "mysite.wsgi")
    assert entry["managed_settings"] == ["database", "secret_key", "hosts", "security", "static", "logging"]
    assert entry["secret_environment"] == {
        "SECRET_KEY": "{{ secrets.applications.app.secret_key }}",
        # None until a rotation replaces the key.
        "SECRET_KEY_FALLBACKS": "{{ secrets.applications.app.secret_key_fallbacks | default('') }}",
    }
    assert not {
        "environment",
        "packages",
        "project_directory",
        "python_path",
        "requirements",
        "redis",
        "services",
    } & set(entry)


def test_srclayout_gets_its_environment_its_worker_and_its_beat(drafted: Callable[[str], dict[str, Any]]) -> None:
    entry = drafted("tests/projects/srclayout")
    assert entry["settings_module"] == "shop.settings.production"
    assert entry["python_path"] == ["src"]
    assert entry["extras"] == ["production"]
    assert entry["managed_settings"] == ["logging"]
    assert entry["environment"] == {"DJANGO_ALLOWED_HOSTS": "app.localhost", "STATIC_ROOT": "${static_root}"}
    assert entry["secret_environment"] == {
        "DJANGO_SECRET_KEY": "{{ secrets.applications.app.secret_key }}",
        "DATABASE_URL": "${database_url}",
        "REDIS_URL": "${redis_url}",
    }
    assert entry["redis"] is True
    assert entry["health_path"] == "/up/"
    assert entry["services"]["worker"]["command"].startswith("celery -A shop worker")
    assert entry["services"]["beat"]["command"].startswith("celery -A shop beat")
    assert entry["services"]["beat"]["singleton"] is True


def test_media_gets_its_builds_its_urls_and_the_parts_of_its_database(drafted: Callable[[str], dict[str, Any]]) -> None:
    entry = drafted("tests/projects/media")
    assert entry["managed_settings"] == ["security", "static", "media", "logging"]
    assert (entry["static_url"], entry["media_url"]) == ("/assets/", "/pictures/")
    assert entry["build_commands"] == ["npm ci", "npm run build"]
    assert entry["release_commands"] == ["compilemessages", "collectstatic --noinput"]
    assert entry["debian_packages"] == ["gettext"]
    assert entry["environment"] == {
        "HOSTS": "app.localhost",
        "DB_HOST": "${database_host}",
        "DB_PORT": "${database_port}",
        "DB_NAME": "${database_name}",
        "DB_USER": "${database_user}",
        "DEBUG": "no",
    }
    assert entry["secret_environment"]["DB_PASSWORD"] == "${database_password}"


def test_the_board_is_drafted_as_it_is_deployed(drafted: Callable[[str], dict[str, Any]], root: Path) -> None:
    entry = drafted("django_app")
    deployed = yaml.safe_load((root / "group_vars/all/applications.yml").read_text())["applications"]["board"]
    for key in ("settings_module", "wsgi_module", "health_path"):
        assert entry[key] == deployed[key], key
    for key in ("environment", "secret_environment"):
        assert set(entry[key]) == set(deployed[key]), key
        for name, value in deployed[key].items():
            if value.startswith("${"):
                assert entry[key][name] == value
    assert "managed_settings" not in entry


@pytest.mark.parametrize("path", [*(f"tests/projects/{name}" for name in PROJECTS), "django_app"])
def test_a_draft_is_an_entry_that_the_playbooks_take(drafted: Callable[[str], dict[str, Any]], path: str) -> None:
    draft = drafted(path)
    draft.pop("open_questions", None)
    draft["database"]["login"] = ""  # until a rotation names one
    (entry,) = resolve_applications({"app": draft})
    assert entry["name"] == "app"


@pytest.mark.parametrize("name", PROJECTS)
def test_the_entries_of_the_test_projects_are_good(root: Path, name: str) -> None:
    applications = yaml.safe_load((root / "tests/projects" / name / "entry.yml").read_text())
    applications[next(iter(applications))]["database"]["login"] = ""  # until a rotation names one
    (entry,) = resolve_applications(applications)
    assert entry["source"] == f"tests/projects/{name}"


# --- what is refused ---


def test_what_is_no_project_is_refused_with_the_remedy(new_app: NewApp, group_vars: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "flask").mkdir()
    (tmp_path / "flask/app.py").write_text("import flask\n")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes/todo.txt").write_text("write\n")
    for source, words in (
        (tmp_path / "empty", "is empty: give the directory of a Django project"),
        (tmp_path / "flask", "is no Django project: there is 1 Python files and no manage.py in it"),
        (tmp_path / "notes", "is no Django project: there is no Python file in it"),
        (tmp_path / "nowhere", "does not exist: give the directory of a Django project, or a git URL"),
        (tmp_path / "notes/todo.txt", "is a file: give the directory that holds it"),
        ("", "SOURCE is missing, as in 'make new-app SOURCE=../shop'"),
        (f"file://{tmp_path}/nowhere.git", "git could not get"),
    ):
        code, said = new_app(source)
        assert code == 1
        assert words in said, said
    assert not list(group_vars.rglob("*.yml"))


def test_wrong_words_are_refused(new_app: NewApp, tmp_path: Path) -> None:
    source = project(tmp_path / "shop")
    for words, message in (
        (("--name", "My-Shop"), "NAME 'My-Shop' needs small letters"),
        (("--environment", "moon"), "give ENVIRONMENT= one of lab, production"),
        (("--version", "v1"), "are for a git URL"),
        (("--domain", "https://shop.example.org/"), "DOMAIN 'https://shop.example.org/' is no domain"),
        (("--domain", "Shop.example.org"), "give a name alone, as in DOMAIN=shop.example.org"),
        (("--name", "admin"), "the playbooks would refuse this entry: applications.admin"),
    ):
        code, said = new_app(source, *words)
        assert code == 1
        assert message in said


def test_a_name_that_is_not_utf8_is_told_or_left_out(new_app: NewApp, tmp_path: Path) -> None:
    source = project(tmp_path / "shop")
    with open(os.fsencode(source) + b"/caf\xe9.py", "w") as file:
        file.write("x = 1\n")
    assert new_app(source, "--print")[0] == 0
    other = tmp_path / os.fsdecode(b"n\xe9m")
    project(other)
    code, said = new_app(other)
    assert (code, "not UTF-8, which no entry can hold" in said) == (1, True)


def test_a_file_that_cannot_be_written_is_told(new_app: NewApp, group_vars: Path, tmp_path: Path) -> None:
    (group_vars / "env_lab/applications.yml").mkdir()
    code, said = new_app(project(tmp_path / "shop"))
    assert code == 1
    assert said.startswith("make new-app: ")
    assert "applications.yml" in said


def test_a_wildcard_is_written_in_the_forms_that_each_reader_wants(
    new_app: NewApp, group_vars: Path, tmp_path: Path
) -> None:
    settings = SETTINGS.replace(
        "ALLOWED_HOSTS = []", "ALLOWED_HOSTS = env.list('HOSTS')\nCSRF_TRUSTED_ORIGINS = env.list('ORIGINS')"
    )
    assert new_app(project(tmp_path / "shop", settings=settings), "--domain", "*.example.org")[0] == 0
    entry = yaml.safe_load((group_vars / "env_lab/applications.yml").read_text())["applications"]["shop"]
    assert entry["domains"] == ["*.example.org"]
    assert entry["environment"] == {"HOSTS": ".example.org", "ORIGINS": "https://*.example.org"}


def test_an_entry_that_is_there_is_not_overwritten(new_app: NewApp, group_vars: Path, tmp_path: Path) -> None:
    source = project(tmp_path / "shop")
    assert new_app(source)[0] == 0
    path = group_vars / "env_lab/applications.yml"
    before = path.read_text()
    code, said = new_app(source)
    assert code == 1
    assert "has an entry 'shop' already, and it is not overwritten" in said
    assert path.read_text() == before


def test_a_second_application_goes_beside_the_first(new_app: NewApp, group_vars: Path, tmp_path: Path) -> None:
    source = project(tmp_path / "shop")
    path = group_vars / "env_lab/applications.yml"
    assert new_app(source)[0] == 0
    before = path.read_text()
    assert new_app(source, "--name", "other")[0] == 0
    assert path.read_text().startswith(before)
    assert list(yaml.safe_load(path.read_text())["applications"]) == ["shop", "other"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("applications: {shop2: {}}\n", "so nothing can be added at its end"),
        ("applications:\n  shop2:\n    domains: [a]\nother: 1\n", "does not end with 'applications'"),
        ("applications:\n    shop2:\n        domains: [a]\n", "two spaces deep"),
        ("other: 1\n", "has no mapping 'applications'"),
        ("$ANSIBLE_VAULT;1.1;AES256\n31\n", "is encrypted"),
        ("applications: [\n", "cannot be read as YAML"),
    ],
)
def test_a_file_of_another_form_is_left_alone(
    new_app: NewApp, group_vars: Path, tmp_path: Path, content: str, words: str
) -> None:
    path = group_vars / "env_lab/applications.yml"
    path.write_text(content)
    code, said = new_app(project(tmp_path / "shop"))
    assert code == 1
    assert words in said
    assert path.read_text() == content


def test_printing_writes_nothing(new_app: NewApp, group_vars: Path, tmp_path: Path) -> None:
    code, said = new_app(project(tmp_path / "shop"), "--print")
    assert code == 0
    assert "shop: # What only you can answer." in said
    assert not list(group_vars.rglob("*.yml"))


# --- where the project comes from ---


def test_a_git_url_is_cloned_for_the_look_and_named_in_the_entry(
    new_app: NewApp, group_vars: Path, tmp_path: Path
) -> None:
    source = project(tmp_path / "my-shop.git")
    environment = {**os.environ, "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_COMMITTER_NAME": "a",
                   "GIT_COMMITTER_EMAIL": "a@example.org"}  # fmt: skip
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"], ["tag", "v1"]):
        subprocess.run(["git", *words], cwd=source, env=environment, check=True)
    url = f"file://{source}"
    assert new_app(url, "--version", "v1", "--environment", "production")[0] == 0
    entry = yaml.safe_load((group_vars / "env_production/applications.yml").read_text())["applications"]["my_shop"]
    assert (entry["source"], entry["version"], entry["domains"]) == (url, "v1", ["my-shop.example.org"])
    code, said = new_app(url, "--version", "v9", "--name", "other")
    assert code == 1
    assert "'v9' is none" in said


@pytest.mark.parametrize("name", ["my-shop", "my-shop.git"])
def test_a_bare_repository_is_looked_at_and_named_by_its_path(
    new_app: NewApp, group_vars: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    source = project(tmp_path / "work")
    git = ["git", "-C", str(source), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (
        ["init", "-q"],
        ["add", "."],
        ["commit", "-qm", "first"],
        ["clone", "-q", "--bare", ".", f"../srv/{name}"],
    ):
        subprocess.run([*git, *words], check=True)
    monkeypatch.chdir(tmp_path)
    assert new_app(f"srv/{name}")[0] == 0
    entry = yaml.safe_load((group_vars / "env_lab/applications.yml").read_text())["applications"]["my_shop"]
    assert entry["source"] == f"{tmp_path}/srv/{name}"


def test_a_project_in_a_directory_below_is_found(new_app: NewApp, group_vars: Path, tmp_path: Path) -> None:
    project(tmp_path / "repository/backend", requirements_dot_txt="django\npsycopg2-binary\n")
    assert new_app(tmp_path / "repository")[0] == 0
    entry = yaml.safe_load((group_vars / "env_lab/applications.yml").read_text())["applications"]["repository"]
    assert entry["project_directory"] == "backend"
    assert entry["requirements"] == ["backend/requirements.txt"]


# --- reading settings and requirements ---


def settings_of(tmp_path: Path, text: str, **modules: str) -> Settings:
    for name, content in {"settings": text, **modules}.items():
        (tmp_path / f"{name}.py").write_text(content)
    return Settings([tmp_path]).read("settings")


@pytest.mark.parametrize(
    ("text", "required"),
    [
        ('X = os.environ["AB"]', True),
        ('X = os.environ.get("AB")', False),
        ('X = os.getenv("AB", "b")', False),
        ('X = env("AB")', True),
        ('X = env.bool("AB", default=False)', False),
        ('X = config("AB", cast=int)', True),
        ('X = env.list("AB")', True),
        ('X = helper.env.seconds_or_forever("AB")', False),
        ('X = envsecret("AB")', False),
        ('if DEBUG:\n    X = os.environ["AB"]', False),
        ('X = os.environ["AB"] if "AB" in os.environ else 1', False),
        ('X = os.environ.get("AB")\nif not X:\n    raise ValueError', True),
        ('X = os.environ.get("AB")\nif X is None:\n    sys.exit("AB")', True),
        ('X = os.environ.get("AB")\nif X:\n    raise ValueError', False),
        ('X = os.environ.get("AB", "b")\nif not X:\n    raise ValueError', False),
        ('X = os.environ.get("AB")\nassert X', True),
        ('def get(name):\n    return os.environ[name]\nX = get("AB")', True),
        (
            'def get(name):\n    v = os.getenv(name)\n    if not v:\n        raise ValueError\n    return v\nX = get("AB")',
            True,
        ),
        ('def get(name):\n    return os.getenv(name)\nX = get("AB")', False),
        (
            'def get(name, d=None):\n    try:\n        return os.environ[name]\n    except KeyError:\n        return d\nX = get("AB")',
            False,
        ),
        ('if "AB" in os.environ:\n    X = os.environ["AB"]', False),
    ],
)
def test_a_variable_is_required_where_the_settings_would_not_start_without_it(
    tmp_path: Path, text: str, required: bool
) -> None:
    assert settings_of(tmp_path, text).variables["AB"].required is required


def test_settings_follow_what_they_take_over_and_what_they_named_before(tmp_path: Path) -> None:
    found = settings_of(
        tmp_path,
        "from base import *\nDEBUG = False\nurl = env('DATABASE_URL')\nDATABASES = {'default': parse(url)}\n",
        base="DEBUG = True\nSTATIC_URL = 'assets/'\n",
    )
    assert found.literal("DEBUG") is False
    assert found.literal("STATIC_URL") == "assets/"
    value = found.get("DATABASES")
    assert value is not None
    assert [one.name for one in value.variables] == ["DATABASE_URL"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("X = 50 * 1024 * 1024", 52428800),
        ("MB = 1024 ** 2\nX = 5 * MB", 5242880),
        ("X = 1 << 20", 1048576),
        ("X = 'a' + 'b'", "ab"),
        ("X = 10 ** 10 ** 10", None),
        ("X = 'a' * 10 ** 9", None),
        ("X = 1 / 0", None),
        ("X = size()", None),
    ],
)
def test_what_is_calculated_from_constants_is_read(tmp_path: Path, text: str, value: object) -> None:
    assert settings_of(tmp_path, text).literal("X") == value


def test_of_two_cases_the_one_of_a_server_is_read(tmp_path: Path) -> None:
    text = "if 'DATABASE_URL' in os.environ:\n    DATABASES = {'default': dj_database_url.config()}\nelse:\n    DATABASES = {}\n"
    value = settings_of(tmp_path, text).get("DATABASES")
    assert value is not None
    assert [one.name for one in value.variables] == ["DATABASE_URL"]


def test_broken_settings_are_told_and_no_reason_to_stop(new_app: NewApp, tmp_path: Path) -> None:
    code, said = new_app(project(tmp_path / "shop", settings="SECRET_KEY = (\n"), "--print")
    assert code == 0
    assert "The settings module shop.settings was not found" in said or "cannot be read" in said


@pytest.mark.parametrize(
    ("files", "expected", "problem"),
    [
        ({"requirements.txt": "django\n-r more.txt\n", "more.txt": "celery[redis]\n"}, None, ""),
        (
            {"requirements/production.txt": "django\n", "requirements.txt": "ruff\n"},
            ["requirements/production.txt"],
            "",
        ),
        ({"requirements/base.txt": "django\n"}, ["requirements/base.txt"], ""),
        ({"pyproject.toml": "[project]\nname='x'\ndependencies=['django']\n"}, None, ""),
        ({"pyproject.toml": "[tool.poetry.dependencies]\npython='^3.11'\n"}, [], "poetry export"),
        ({"Pipfile": ""}, [], "pipenv requirements"),
        ({"setup.py": ""}, [], "setup.py or setup.cfg"),
        ({"pyproject.toml": "[project\n"}, [], "cannot be read"),
        ({}, [], "No requirements were found"),
    ],
)
def test_requirements_are_found_or_a_way_to_write_them_is_told(
    tmp_path: Path, files: dict[str, str], expected: list[str] | None, problem: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    found = read(tmp_path)
    assert found.files == expected
    assert problem in " ".join(found.problems)
    assert expected == [] or found.has("django")


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        (">=3.12", "the hosts have to be Debian 13 (3.13)"),
        ("<3.12", "the hosts have to be Debian 12 (3.11)"),
        (">=3.14", "which no supported Debian has"),
        (">=3.11.4", "suits Debian 12 (3.11) and Debian 13 (3.13)"),
    ],
)
def test_the_stated_python_is_compared_with_that_of_the_hosts(
    new_app: NewApp, tmp_path: Path, stated: str, words: str
) -> None:
    text = f"[project]\nname='shop'\nrequires-python='{stated}'\ndependencies=['django', 'psycopg[binary]']\n"
    assert words in new_app(project(tmp_path / "shop", pyproject_dot_toml=text), "--print")[1]


def test_what_the_packages_and_migrations_need_is_asked_for(new_app: NewApp, group_vars: Path, tmp_path: Path) -> None:
    source = project(
        tmp_path / "shop",
        requirements_dot_txt="django==5.2\npython-magic\nuwsgi\ncelery\n",
        Procfile="web: gunicorn shop\nmail: python manage.py send_mail --loop\n",
        shop__migrations__0001_dot_py="operations = [TrigramExtension()]\n",
        shop__celery_dot_py="app = Celery('shop')\napp.conf.beat_schedule = {}\n",
        settings=SETTINGS + "CELERY_BROKER_URL = 'redis://localhost:6379/0'\n",
    )
    code, said = new_app(source)
    assert code == 0
    entry = yaml.safe_load((group_vars / "env_lab/applications.yml").read_text())["applications"]["shop"]
    assert entry["packages"] == ["psycopg[binary]>=3.1"]
    assert entry["debian_packages"] == ["libmagic1"]
    assert entry["database"]["extensions"] == ["pg_trgm"]
    assert entry["database"]["login"].endswith(".database_login | default('') }}"), "its logins take turns"
    assert entry["redis"] is True
    assert entry["secret_environment"]["CELERY_BROKER_URL"] == "${redis_url}"
    assert set(entry["services"]) == {"worker", "beat", "mail"}
    assert entry["services"]["mail"]["command"] == "manage.py send_mail --loop"
    assert "the release gets the same from the package pyuwsgi" in said
