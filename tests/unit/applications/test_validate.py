"""What is refused of an entry, and with which words."""

from __future__ import annotations

import datetime
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.resolve import resolve_applications
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.validate import is_git, validate

from .entries import STRONG, entry


def refused(name: str = "shop", **changes: Any) -> str:
    with pytest.raises(AnsibleFilterError) as caught:
        validate(name, entry(**changes))
    return str(caught.value)


def test_a_good_entry_passes() -> None:
    validate("shop", entry())
    validate("shop", entry(requirements=["a.txt"], version="", environment={"A": "${database_url} $HOME ${HOME}"}))


@pytest.mark.parametrize("key", ["domains", "source", "settings_module", "wsgi_module", "database"])
def test_a_required_key_is_asked_for(key: str) -> None:
    assert f"applications.shop: '{key}' is missing." in refused(**{key: None})
    with pytest.raises(AnsibleFilterError, match=f"'{key}' is missing"):
        validate("shop", {name: value for name, value in entry().items() if name != key})


SERVICE = {"command": "manage.py work"}
TIMER = {"command": "manage.py report", "schedule": "daily"}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"domian": "x"}, "Did you mean 'domains'?"),
        ({"check_paths": {"about": {}}}, "check_paths: 'about' is no path, as in '/about/'"),
        ({"check_paths": {"/about/": {"status": "2xx"}}}, "check_paths./about/.status: '2xx' is no status of HTTP"),
        ({"check_paths": {"/about/": 200}}, "check_paths./about/: has to be a mapping, as in {status: 200}"),
        ({"version": 1.10}, "version: YAML reads the value as a number: put it in quotes, as in version: \"1.10\"."),
        ({"version": 110}, "version: YAML reads the value as a number"),
        ({"xyzzy": "x"}, "Known: "),
        ({"domains": "www.example.org"}, "is no list of domain names"),
        ({"domains": ["WWW.example.org"]}, "in small letters"),
        ({"domains": ["-a.example.org"]}, "is no list of domain names"),
        ({"domains": ["a b"]}, "is no list of domain names"),
        ({"domains": [f"{'a' * 64}.example.org"]}, "is no list of domain names"),
        ({"domains": ["*"]}, "is no list of domain names"),
        ({"domains": ["a.*.example.org"]}, "is no list of domain names"),
        ({"locations": {"events": {}}}, "locations: 'events' is no path, as in '/events/'"),
        ({"locations": {"/a b": {}}}, "locations: '/a b' is no path"),
        ({"locations": {"/events/": {"bufering": False}}}, "Did you mean 'buffering'?"),
        ({"open_questions": ["By which server?", "Why?"]}, "answered first: (1) By which server? (2) Why? Answer each"),
        ({"hsts": "31536000"}, "is no such header, as in 'max-age=31536000"),
        ({"settings_module": "shop/settings.py"}, "is no dotted Python module"),
        ({"wsgi_module": "shop.wsgi:application"}, "is no dotted Python module"),
        ({"static_url": "static/"}, "has to begin and end with '/'"),
        ({"media_url": "/media"}, "has to begin and end with '/'"),
        ({"health_path": "healthz"}, "has to begin with '/'"),
        ({"max_body_size": "10 MB"}, "is no size"),
        ({"project_directory": "/srv/shop"}, "project_directory: '/srv/shop' has to lie below the source"),
        ({"project_directory": "../shop"}, "project_directory: '../shop' has to lie below the source"),
        ({"python_path": ["src", "a/../../b"]}, "is no list of directories below the source, as in [src]"),
        ({"python_path": "src"}, "python_path: 'src' is no list of directories"),
        ({"version": "v1"}, "version is for a git repository; source 'shop' is a directory"),
        ({"replace_packages": {"psycopg2": None}}, "replace_packages.psycopg2: has to be a requirement in pip's notation"),
        ({"replace_packages": {"-e .": "x"}}, "replace_packages: '-e .' is no name of a Python package"),
        ({"unverified_databases": ["default"]}, "beside 'default', which is always verified, as in [legacy]"),
        ({"databases": {"replica": {}}}, "databases: 'replica' is no alias for a further database"),
        ({"databases": {"b2": {}}}, "use small letters and '_'"),
        ({"databases": {"owner": {}}}, "none of 'default', 'replica' and 'owner'"),
        ({"environment": {"A": "${database_facts_url}"}, "databases": {"fact": {}}}, "Did you mean ${database_fact_url}?"),
        ({"database": {"url_scheme": "Postgres:"}}, "is no scheme of a URL, as in 'postgis'"),
        ({"environment": {"A-B": "1"}}, "is no name for an environment variable"),
        ({"environment": {"KEY": "a\nb"}}, "has several lines"),
        ({"environment": {"KEY": "${databse_url}"}}, "asks for ${databse_url}; Did you mean ${database_url}? For these characters"),
        ({"environment": {"KEY": "${redis_url}"}}, "asks for ${redis_url}, so the entry needs redis: true"),
        ({"environment": {"KEY": "a"}, "secret_environment": {"KEY": "b"}}, "keep one"),
        ({"environment": ["KEY=a"]}, "environment: has to be a mapping"),
        ({"environment": None}, "environment: has to be a mapping"),
        ({"database": "shop"}, "database: has to be a mapping"),
        ({"requirements": "requirements.txt"}, "requirements: has to be a list, as in ['requirements.txt']"),
        ({"packages": "gunicorn"}, "packages: has to be a list"),
        ({"build_commands": ['npm "ci']}, "build_commands: 'npm \"ci' cannot be split into words"),
        ({"release_commands": [""]}, "release_commands: is empty"),
        ({"timeout": "1m"}, "timeout: '1m' is no whole number"),
        ({"processes": -1}, "processes: '-1' is no whole number"),
        ({"threads": True}, "threads: 'True' is no whole number"),
        ({"redis": "yes"}, "redis: 'yes' is neither true nor false"),
        ({"managed_settings": ["databse"]}, "managed_settings: 'databse' is none of database, secret_key,"),
        ({"managed_settings": ["secret_key"]}, "so secret_environment needs SECRET_KEY"),
        ({"managed_settings": ["cache"]}, "so it needs redis: true"),
        ({"settings": {"items": 1}}, "settings: 'items' is no name of a Django setting (capital letters; NAME+ or +NAME to add to a list)"),
        ({"settings": {"A+B": [1]}}, "settings: 'A+B' is no name of a Django setting"),
        ({"settings": {"APPS+": "x"}}, "settings: APPS+ adds to a list or a mapping. Write it as one, as in APPS+: [value]."),
        ({"settings": {"+APPS": {"a": 1}}}, "settings: +APPS puts a list in front. For a mapping write APPS+."),
        ({"settings": {"DAY": datetime.date(2026, 1, 1)}}, "settings: DAY holds a date or the like"),
        ({"settings": {"A": ["x", {"b": "${databse_url}"}]}}, "settings: 'A' asks for ${databse_url}"),
        ({"settings": {"A": "${redis_url}"}}, "settings: 'A' asks for ${redis_url}, so the entry needs redis: true"),
        ({"environment": {"EMPTY": None}}, 'environment: EMPTY has no value. Write EMPTY: "" for an empty one'),
        ({"environment": {"HOSTS": ["a", "b"]}}, 'environment: HOSTS is a list, and a process gets text.'),
        ({"environment": {"HOSTS": ["a", "b"]}}, 'for example with commas: HOSTS: "a,b".'),
        ({"environment": {"MAP": {"a": 1}}}, "environment: MAP is a mapping. Write one string, for example JSON"),
        ({"environment": {False: "x"}}, "YAML reads one of its names as the value false. Write that name in quotes."),
        ({"services": {"worker": {**SERVICE, "environment": {"A": None}}}}, "services.worker.environment: A has no value"),
        ({"timers": {"report": {**TIMER, "environment": {"A": [1]}}}}, "timers.report.environment: A is a list"),
        ({"source": ["shop"]}, "source: is a list. Write one string, as in source: https://git.example.org/shop.git."),
        ({"settings_module": {"a": 1}}, "settings_module: is a mapping. Write one string, as in settings_module: shop.settings."),
        ({"deploy_key": True}, "deploy_key: is true or false. Write one string"),
        ({"max_body_size": 1.5}, "max_body_size: YAML reads the value as a number: put it in quotes"),
        ({"packages": [2.0]}, "packages: has an element that is a number. Write it as a string in quotes."),
        ({"domains": [["www.example.org"]]}, "is no list of domain names"),
        ({"database": {"password": ["x"]}}, "database.password: is a list. Write one string"),
        ({"superuser": {"username": "a", "email": ["a@b.c"]}}, "superuser.email: is a list. Write one string, as in email: admin@"),
        ({"database": {"user": "Shop"}}, "database.user: 'Shop' is no identifier"),
        ({"database": {"pasword": "x"}}, "Did you mean 'password'?"),
        ({"database": {"password": "x", "extensions": "citext"}}, "database.extensions: has to be a list"),
        ({"database": {"password": "x", "connection_limit": "many"}}, "database.connection_limit: 'many' is no whole number"),
        ({"superuser": {"name": "x"}}, "superuser has no key 'name'"),
        ({"superuser": {"username": "admin", "password": STRONG}}, "superuser: 'email' is missing"),
        ({"services": {"Worker": SERVICE}}, "services: 'Worker' is no name: use small letters"),
        ({"services": {"worker": "celery"}}, "services.worker: has to be a mapping with 'command'"),
        ({"services": {"worker": {**SERVICE, "timeout": 5}}}, "services.worker has no key 'timeout'"),
        ({"services": {"worker": {}}}, "services.worker: 'command' is missing"),
        ({"services": {"worker": {**SERVICE, "singleton": "no"}}}, "services.worker.singleton: 'no' is neither true nor false"),
        ({"services": {"worker": {**SERVICE, "stop_timeout": 0}}}, "stop_timeout: '0' is no whole number of seconds"),
        ({"services": {"worker": {**SERVICE, "environment": "A=1"}}}, "services.worker.environment: has to be a mapping"),
        ({"services": {"worker": {"command": "a 'b"}}}, "services.worker.command: 'a 'b' cannot be split into words"),
        ({"timers": {"report": SERVICE}}, "timers.report: 'schedule' is missing"),
        ({"timers": {"report": {**TIMER, "timeout": "1h"}}}, "timers.report.timeout: '1h' is no whole number of seconds"),
        ({"timers": "report"}, "timers: has to be a mapping"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_with_the_remedy(changes: dict[str, Any], words: str) -> None:
    message = refused(**changes)
    assert words in message
    assert message.startswith("applications.shop: ")
    assert "docs/applications.md" in message


@pytest.mark.parametrize("name", ["Shop", "1shop", "my-shop", "a" * 32, ""])
def test_a_name_that_is_no_user_and_no_database_is_refused(name: str) -> None:
    assert "the name needs small letters" in refused(name)


@pytest.mark.parametrize(
    ("source", "git"),
    [
        ("https://git.example.org/shop", True),
        ("git@git.example.org:shop", True),
        ("file:///srv/shop", True),
        ("../shop.git", True),
        ("../shop", False),
        ("/home/me/shop", False),
    ],
)
def test_a_git_url_is_told_from_a_directory(source: str, git: bool) -> None:
    assert is_git(source) is git


def test_an_escaped_placeholder_is_text() -> None:
    validate("shop", entry(environment={"A": "pa$${x}ss"}, settings={"B": ["$${x}"]}))


@pytest.mark.parametrize("value", [["a", STRONG], {"a": STRONG}, f"{STRONG}${{kq}}x", None])
def test_a_secret_that_cannot_be_used_is_not_shown(value: Any) -> None:
    message = refused(secret_environment={"TOKEN": value})
    assert "secret_environment: " in message
    assert "TOKEN" in message
    assert STRONG not in message
    assert "kq" not in message


def test_the_escape_is_named_where_a_secret_looks_like_a_placeholder() -> None:
    message = refused(secret_environment={"OTHER": "pa${x}ss"})
    assert "secret_environment: 'OTHER' asks for a word in ${…} that is no placeholder" in message
    assert "For these characters themselves write $${…}." in message


def test_an_empty_value_of_a_string_counts_as_left_out() -> None:
    (shop,) = resolve_applications({"shop": entry(version=None, database={**entry()["database"], "user": None})})
    assert shop["version"] == ""
    assert shop["database"]["user"] == "shop"


def test_a_bare_repository_is_told_from_a_directory(tmp_path: Path) -> None:
    assert not is_git(str(tmp_path))
    subprocess.run(["git", "init", "--quiet", "--bare", str(tmp_path)], check=True)
    assert is_git(str(tmp_path))
    validate("shop", entry(source=str(tmp_path), version="v1", deploy_key="/key"))
    validate("shop", entry(deploy_key="/key"))
