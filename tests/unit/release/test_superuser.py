"""The superuser of an application: when it is asked for, and what Django's API then does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.release.inside import BOOTSTRAP
from ansible_collections.django_ec2.site.plugins.modules import release_superuser
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.endpoints import database_endpoints
from ansible_collections.django_ec2.site.plugins.plugin_utils.release import superusers

from tests.conftest import ROOT, RunModule
from tests.unit.applications.entries import SERVER, STRONG, resolved

PROGRAM = (ROOT / "roles/release/files/programs/superuser.py").read_text()
GIVEN = {"username": "admin", "email": "admin@example.org", "password": STRONG, "fields": {}}


def shop(**changes: Any) -> dict[str, Any]:
    return resolved(superuser={"username": "admin", "email": "admin@example.org", "password": STRONG, **changes})


def where(one: dict[str, Any], host: str = "db1") -> dict[str, Any]:
    return database_endpoints([one], {**SERVER, "host": host})


def web(name: str, superuser: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    """Variables of a web host that remembers a superuser."""
    own = {"live": "blue", "idle": "green", "superuser": superuser or {}}
    return {"inventory_hostname": name, "__release_read": {"applications": {"shop": own}}, **more}


def test_nobody_is_asked_for_what_a_host_remembers() -> None:
    one = shop()
    known = superusers.mark(one, where(one)["shop"])
    assert superusers.due([one], [web("web1", known), web("web2")], where(one)) == []
    assert STRONG not in json.dumps(known)


@pytest.mark.parametrize("changes", [{"password": "other"}, {"email": "x@example.org"}, {"username": "boss"}])
def test_a_changed_entry_of_a_live_application_is_due(changes: dict[str, str]) -> None:
    known = superusers.mark(shop(), where(shop())["shop"])
    one = shop(**changes)
    hosts = [web("web1", known)]
    assert superusers.due([one], hosts, where(one)) == ["shop"]
    task = superusers.task(one, where(one)["shop"], hosts, hosts[0])
    # A new name is a new user; one who is there and of whom nobody knows is left his password.
    assert task["update"] is ("username" not in changes)
    assert task["slot"] == "blue"


def test_a_new_database_host_is_asked_and_nobody_loses_a_password() -> None:
    one = shop()
    hosts = [web("web1", superusers.mark(one, where(one)["shop"]))]
    assert superusers.due([one], hosts, where(one, "db2")) == ["shop"]
    assert superusers.task(one, where(one, "db2")["shop"], hosts, hosts[0])["update"] is False


def test_a_database_that_was_migrated_may_be_a_new_one() -> None:
    one = shop()
    known = superusers.mark(one, where(one)["shop"])
    migrated = {"__release_pending": ["shop"], "__release_gates": {"shop": {"plan": ["shop.0001_initial"]}}}
    hosts = [web("web1"), web("web2", known, **migrated)]
    assert superusers.due([one], hosts, where(one)) == ["shop"]
    assert superusers.where(hosts, "shop") == "web2"
    assert superusers.task(one, where(one)["shop"], hosts, hosts[1])["slot"] == "green"


def test_without_a_superuser_nothing_is_due() -> None:
    one = resolved()
    assert superusers.due([one], [web("web1")], where(one)) == []


# --- Inside a release


@pytest.fixture
def inside(tmp_path: Path) -> Any:
    """Ask the program inside a project with a database of its own, as the manage command does."""
    (tmp_path / "settings.py").write_text(
        "SECRET_KEY = 'x'\nUSE_TZ = True\nDEFAULT_AUTO_FIELD = 'django.db.models.BigAutoField'\n"
        "INSTALLED_APPS = ['people', 'django.contrib.auth', 'django.contrib.contenttypes']\n"
        f"DATABASES = {{'default': {{'ENGINE': 'django.db.backends.sqlite3', 'NAME': {str(tmp_path / 'db')!r}}}}}\n"
        "import os\nAUTH_USER_MODEL = os.environ.get('USER_MODEL', 'auth.User')\n"
    )
    package = tmp_path / "people"
    # A command of the project's own takes Django's place, and would wait for an answer.
    commands = package / "management/commands"
    commands.mkdir(parents=True)
    (package / "__init__.py").touch()
    (commands / "createsuperuser.py").write_text("raise SystemExit('asked for')\n")
    (package / "models.py").write_text(
        "from django.contrib.auth.models import AbstractBaseUser, BaseUserManager\nfrom django.db import models\n"
        "class Manager(BaseUserManager):\n"
        "    def create_superuser(self, email, password, town):\n"
        "        user = self.model(email=email, town=town)\n        user.set_password(password)\n        user.save()\n"
        "class Person(AbstractBaseUser):\n    email = models.EmailField(unique=True)\n    town = models.CharField(max_length=9)\n"
        "    USERNAME_FIELD = 'email'\n    REQUIRED_FIELDS = ['town']\n    objects = Manager()\n"
    )

    def ask(model: str = "auth.User", code: str = "", **given: Any) -> Any:
        env = {"DJANGO_SETTINGS_MODULE": "settings", "PATH": "", "USER_MODEL": model}
        run = {"cwd": tmp_path, "env": env, "capture_output": True, "text": True}
        subprocess.run([sys.executable, "-m", "django", "migrate", "--run-syncdb", "-v", "0"], check=True, **run)
        if code:
            done = subprocess.run([sys.executable, "-c", f"import django; django.setup()\n{code}"], check=True, **run)
            return done.stdout.strip()
        asked = {
            "program": PROGRAM,
            "name": "superuser.py",
            "given": {**GIVEN, "update": False, "check": False, **given},
        }
        done = subprocess.run([sys.executable, "-c", BOOTSTRAP], input=json.dumps(asked), check=True, **run)
        return json.loads(done.stdout.splitlines()[-1])

    return ask


LOGIN = "from django.contrib.auth import authenticate as a; print(bool(a(username='admin', password={!r})))"


def test_an_administrator_is_made_once_whatever_command_the_project_has(inside: Any) -> None:
    assert inside(check=True)["done"] == "made"
    assert inside() == {"username": "admin", "done": "made"}
    assert inside(code=LOGIN.format(STRONG)) == "True"
    assert inside(password="other")["done"] == "kept"
    assert inside(code=LOGIN.format(STRONG)) == "True"
    assert inside(password="other", update=True)["done"] == "changed"
    assert inside(code=LOGIN.format("other")) == "True"


def test_a_visitor_who_took_the_name_is_not_promoted(inside: Any) -> None:
    inside(code="from django.contrib.auth.models import User; User.objects.create_user('admin', password='his')")
    refused = inside(update=True)
    assert refused["done"] == "refused"
    assert "choose another username" in refused["why"]
    assert inside(code=LOGIN.format(STRONG)) == "False"


def test_fields_of_a_user_model_are_asked_for_and_given(inside: Any) -> None:
    refused = inside(model="people.Person")
    assert (refused["done"], refused["username"]) == ("refused", "admin@example.org")
    assert "superuser: {fields: {town: …}}" in refused["why"]
    assert inside(model="people.Person", fields={"town": "Ulm"})["done"] == "made"


# --- The module


def test_the_password_goes_through_standard_input_alone(run_module: RunModule, tmp_path: Path) -> None:
    manage = tmp_path / "shop-manage"
    manage.write_text(
        f'#!/bin/sh\necho "$*" > {tmp_path}/arguments\ncat > {tmp_path}/input\n'
        'echo \'{"username": "admin", "done": "made"}\'\n'
    )
    manage.chmod(0o755)
    options = {"name": "shop", "root": str(tmp_path), "manage": str(manage), "slot": "green", **GIVEN}
    answer = run_module(release_superuser, **options, mark={"digest": "d"}, program=PROGRAM)
    assert (answer["changed"], answer["msg"]) == (True, "shop: the superuser admin was made.")
    assert STRONG not in (tmp_path / "arguments").read_text()
    assert STRONG in (tmp_path / "input").read_text()
    mark = tmp_path / "superuser.json"
    assert json.loads(mark.read_text()) == {"digest": "d"}
    assert mark.stat().st_mode & 0o777 == 0o600


def test_a_failure_names_application_and_remedy(run_module: RunModule, tmp_path: Path) -> None:
    manage = tmp_path / "shop-manage"
    manage.write_text("#!/bin/sh\necho 'no such table: auth_user' >&2\nexit 1\n")
    manage.chmod(0o755)
    options = {"name": "shop", "root": str(tmp_path), "manage": str(manage), "slot": "green", **GIVEN}
    answer = run_module(release_superuser, **options, mark={}, program=PROGRAM)
    assert answer["failed"]
    assert "shop: the superuser admin could not be made: no such table: auth_user" in answer["msg"]
    assert "superuser: {}" in answer["msg"]
    assert not (tmp_path / "superuser.json").exists()


def test_in_check_mode_a_new_application_would_get_one(run_module: RunModule, tmp_path: Path) -> None:
    options = {"name": "shop", "root": str(tmp_path), "manage": "/none", "slot": "green", **GIVEN}
    assert run_module(release_superuser, check_mode=True, **options, mark={}, program=PROGRAM)["done"] == "made"
