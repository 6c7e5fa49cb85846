"""The mapping `applications`: what an entry becomes, and what is refused with which words."""

from __future__ import annotations

import subprocess
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.django_ec2.site.plugins.filter import applications as filter_applications

DATABASE = {"host": "db1", "port": 5432, "sslmode": "verify-full", "ca_file": "/etc/ssl/database/ca.pem"}
STRONG = "kJ8sQ2vLx0PzR4tYw7Nb"


@pytest.fixture
def apps() -> ModuleType:
    return filter_applications


def entry(**changes: Any) -> dict[str, Any]:
    return {
        "domains": ["www.example.org"],
        "source": "shop",
        "settings_module": "shop.settings",
        "wsgi_module": "shop.wsgi",
        "database": {"password": STRONG, "owner_password": STRONG[::-1]},
        **changes,
    }


def refused(apps: ModuleType, name: str = "shop", **changes: Any) -> str:
    with pytest.raises(AnsibleFilterError) as caught:
        apps.resolve_applications({name: entry(**changes)})
    return str(caught.value)


def test_an_entry_gets_its_defaults_and_everything_that_follows_from_its_name(apps: ModuleType) -> None:
    (one,) = apps.resolve_applications({"shop": entry()})
    assert one["root"] == "/srv/shop"
    assert one["requirements"] == "auto"
    assert one["live_socket"] == "/srv/shop/live/uwsgi.sock"
    assert one["unit_file"] == "/etc/systemd/system/uwsgi-shop@.service"
    assert (one["database"]["name"], one["database"]["user"], one["database"]["owner"]) == (
        "shop",
        "shop",
        "shop_owner",
    )


def test_applications_share_no_path_unit_or_database(apps: ModuleType) -> None:
    one, two = apps.resolve_applications({"shop": entry(), "blog": entry()})
    assert [one["name"], two["name"]] == ["blog", "shop"]
    own = [key for key, value in one.items() if isinstance(value, str) and "blog" in value]
    assert len(own) > 10
    assert all(one[key] != two[key] for key in own)
    assert not {one["database"][key] for key in ("name", "user", "owner")} & {
        two["database"][key] for key in ("name", "user", "owner")
    }


def test_the_given_mapping_is_left_as_it_is(apps: ModuleType) -> None:
    given = {"shop": entry()}
    apps.resolve_applications(given)
    assert given == {"shop": entry()}


@pytest.mark.parametrize("key", ["domains", "source", "settings_module", "wsgi_module", "database"])
def test_a_required_key_is_asked_for(apps: ModuleType, key: str) -> None:
    assert f"applications.shop: '{key}' is missing." in refused(apps, **{key: None})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"domian": "x"}, "Did you mean 'domains'?"),
        ({"xyzzy": "x"}, "Known: "),
        ({"domains": "www.example.org"}, "is no list of domain names"),
        ({"domains": ["WWW.example.org"]}, "in small letters"),
        ({"domains": ["-a.example.org"]}, "is no list of domain names"),
        ({"domains": ["a b"]}, "is no list of domain names"),
        ({"settings_module": "shop/settings.py"}, "is no dotted Python module"),
        ({"wsgi_module": "shop.wsgi:application"}, "is no dotted Python module"),
        ({"static_url": "static/"}, "has to begin and end with '/'"),
        ({"media_url": "/media"}, "has to begin and end with '/'"),
        ({"health_path": "healthz"}, "has to begin with '/'"),
        ({"max_body_size": "10 MB"}, "is no size"),
        ({"environment": {"A-B": "1"}}, "is no name for an environment variable"),
        ({"environment": {"KEY": "a\nb"}}, "has several lines"),
        ({"environment": {"KEY": "${databse_url}"}}, "asks for ${databse_url}; known are"),
        ({"environment": {"KEY": "a"}, "secret_environment": {"KEY": "b"}}, "keep one"),
        ({"environment": ["KEY=a"]}, "environment: has to be a mapping"),
        ({"environment": None}, "environment: has to be a mapping"),
        ({"database": "shop"}, "database: has to be a mapping"),
        ({"requirements": "requirements.txt"}, "requirements: has to be a list"),
        ({"packages": "gunicorn"}, "packages: has to be a list"),
        ({"timeout": "1m"}, "timeout: '1m' is no whole number"),
        ({"processes": -1}, "processes: '-1' is no whole number"),
        ({"database": {"pasword": "x"}}, "Did you mean 'password'?"),
        ({"superuser": {"name": "x"}}, "superuser has no key 'name'"),
        ({"superuser": {"username": "admin", "password": STRONG}}, "superuser: 'email' is missing"),
    ],
)
def test_what_cannot_work_is_refused_with_the_remedy(apps: ModuleType, changes: dict[str, Any], words: str) -> None:
    message = refused(apps, **changes)
    assert words in message
    assert message.startswith("applications.shop: ")
    assert "docs/applications.md" in message


@pytest.mark.parametrize("name", ["Shop", "1shop", "my-shop", "a" * 32, ""])
def test_a_name_that_is_no_user_and_no_database_is_refused(apps: ModuleType, name: str) -> None:
    assert "the name needs small letters" in refused(apps, name)


@pytest.mark.parametrize("given", [None, [], "shop"])
def test_applications_has_to_be_a_mapping(apps: ModuleType, given: Any) -> None:
    with pytest.raises(AnsibleFilterError, match="has to be a mapping of name to entry"):
        apps.resolve_applications(given)


def problems(apps: ModuleType, strict: bool = True, **changes: Any) -> list[str]:
    return apps.application_secrets_problems(apps.resolve_applications({"shop": entry(**changes)}), strict)


def test_good_secrets_are_no_problem(apps: ModuleType) -> None:
    assert problems(apps, secret_environment={"KEY": STRONG * 2, "DATABASE_URL": "${database_url}"}) == []


@pytest.mark.parametrize(
    "value", ["changeme-0123456789abcdef", "short", "aaaaaaaaaaaaaaaaaaaaaaaa", "my-long-dear-password"]
)
def test_weak_secrets_are_a_problem_outside_the_lab_alone(apps: ModuleType, value: str) -> None:
    (problem,) = problems(apps, secret_environment={"KEY": value})
    assert "applications.shop.secret_environment.KEY is a placeholder or too weak" in problem
    assert "playbooks/secrets.yml" in problem
    assert value not in problem
    assert problems(apps, strict=False, secret_environment={"KEY": value}) == []


def test_missing_secrets_are_a_problem_everywhere(apps: ModuleType) -> None:
    found = problems(
        apps,
        strict=False,
        secret_environment={"KEY": ""},
        database={"password": STRONG},
        superuser={"username": "admin", "email": "a@example.org"},
    )
    assert [problem.split(" is empty")[0] for problem in found] == [
        "applications.shop.secret_environment.KEY",
        "applications.shop.database.owner_password",
        "applications.shop.superuser.password",
    ]


def test_one_password_for_both_roles_is_a_problem(apps: ModuleType) -> None:
    (problem,) = problems(apps, strict=False, database={"password": STRONG, "owner_password": STRONG})
    assert "are the same; use two" in problem


def test_a_database_url_survives_every_character(apps: ModuleType) -> None:
    password = "p@ss:w/o#r?d% &é"
    url = urlsplit(apps.database_url("shop", password, "shop", DATABASE))
    assert (url.scheme, url.hostname, url.port, url.path) == ("postgresql", "db1", 5432, "/shop")
    assert unquote(url.password or "") == password
    assert parse_qs(url.query) == {"sslmode": ["verify-full"], "sslrootcert": ["/etc/ssl/database/ca.pem"]}


def test_a_database_url_names_a_socket_directory_or_an_ipv6_address(apps: ModuleType) -> None:
    directory = {**DATABASE, "host": "/run/postgresql"}
    assert apps.database_url("a", "b", "c", directory) == "postgresql://a:b@%2Frun%2Fpostgresql:5432/c"
    assert urlsplit(apps.database_url("a", "b", "c", {**DATABASE, "host": "2001:db8::5"})).hostname == "2001:db8::5"


def variables(text: str) -> dict[str, str]:
    """An environment file as a shell reads it: systemd's rules for double quotes are the same."""
    names = [line.split("=", 1)[0] for line in text.splitlines() if not line.startswith("#")]
    script = text + "".join(f'printf "%s\\0" "${name}"\n' for name in names)
    values = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout.split("\0")
    return dict(zip(names, values[:-1], strict=True))


def test_an_environment_file_carries_every_value_unchanged(apps: ModuleType) -> None:
    hard = "a'b\"c\\d$HOME`id`$(id) #x  é"
    (one,) = apps.resolve_applications(
        {"shop": entry(environment={"HARD": hard, "NUMBER": 5, "RELEASE": "${release}"}, secret_environment={
            "URL": "${database_url}", "WHO": "${database_user}:${database_password}", "STATIC": "${static_root}"})}
    )  # fmt: skip
    found = variables(apps.application_environment(one, DATABASE, "4be1", "green"))
    assert found["HARD"] == hard
    assert found["NUMBER"] == "5"
    assert found["RELEASE"] == "4be1"
    assert found["DJANGO_SETTINGS_MODULE"] == "shop.settings"
    assert found["WHO"] == f"shop:{STRONG}"
    assert found["STATIC"] == "/srv/shop/slots/green/release/static"
    assert found["URL"].startswith(f"postgresql://shop:{STRONG}@db1:5432/shop?")
    owner = variables(apps.application_environment(one, DATABASE, "4be1", "green", owner=True))
    assert owner["WHO"] == f"shop_owner:{STRONG[::-1]}"
    assert {key for key in found if found[key] != owner[key]} == {"WHO", "URL"}


def test_a_value_that_holds_a_placeholder_is_filled_in_once(apps: ModuleType) -> None:
    (one,) = apps.resolve_applications(
        {
            "shop": entry(
                environment={"A": "${database_password}"}, database={"password": "${release}", "owner_password": "x"}
            )
        }
    )
    assert variables(apps.application_environment(one, DATABASE, "4be1"))["A"] == "${release}"


def test_the_fingerprint_follows_release_environment_and_passwords(apps: ModuleType) -> None:
    def fingerprint(release: str = "4be1", **changes: Any) -> str:
        (one,) = apps.resolve_applications({"shop": entry(**changes)})
        return apps.application_fingerprint(one, DATABASE, release)

    same = fingerprint()
    assert fingerprint() == same
    assert fingerprint(timeout=5) == same  # uWSGI's settings have a digest of their own
    others = [
        fingerprint("other"),
        fingerprint(environment={"A": "1"}),
        fingerprint(secret_environment={"A": "1", "URL": "${database_url}"}),
        fingerprint(settings_module="shop.other"),
        fingerprint(environment={"A": "${database_password}"}, database={"password": "x", "owner_password": "y"}),
        fingerprint(environment={"A": "${database_password}"}, database={"password": "x", "owner_password": "z"}),
    ]
    assert len({same, *others}) == 7


def test_what_the_roles_get(apps: ModuleType) -> None:
    resolved = apps.resolve_applications({"shop": entry(timeout="30", max_body_size=0, processes="3")})
    (site,) = apps.nginx_sites(resolved)
    assert (site["group"], site["max_body_size"], site["read_timeout"]) == ("shop", "0", 35)
    (instance,) = apps.uwsgi_instances(resolved)
    assert (instance["harakiri"], instance["processes"], instance["writable_paths"]) == (
        30,
        3,
        ["/srv/shop/shared/media"],
    )
    (database,) = apps.postgres_databases(resolved)
    assert database["owner"] == "shop_owner"
    assert database["extensions"] == []


def test_the_filters_are_offered_to_ansible(apps: ModuleType) -> None:
    assert set(apps.FilterModule().filters()) >= {"resolve_applications", "application_environment", "nginx_sites"}


def test_options_of_libpq_and_a_replica_stand_in_the_url(apps: ModuleType) -> None:
    (one,) = apps.resolve_applications(
        {"shop": entry(secret_environment={"A": "${database_url}", "B": "${database_replica_url}"})}
    )
    database = {**DATABASE, "options": {"connect_timeout": 3, "target_session_attrs": "read-write"}}
    text = apps.application_environment(one, {**database, "replica_host": "ro"}, "r")
    own, replica = (next(line for line in text.splitlines() if line.startswith(f"{name}=")) for name in "AB")
    assert "@db1:5432/" in own
    assert "target_session_attrs=read-write" in own
    assert "@ro:5432/" in replica
    assert "target_session_attrs=any" in replica
    # Without a replica both lead to the same place.
    text = apps.application_environment(one, database, "r")
    own, replica = (next(line for line in text.splitlines() if line.startswith(f"{name}=")) for name in "AB")
    assert own[2:] == replica[2:]


def test_a_login_by_token_has_a_role_of_its_own_and_no_password(apps: ModuleType) -> None:
    (one,) = apps.resolve_applications({"shop": entry(secret_environment={"URL": "${database_url}"})})
    database = {**DATABASE, "auth": "iam", "token_environment": {"AWS_ACCESS_KEY_ID": "AKIA"}}
    text = apps.application_environment(one, database, "r")
    assert "postgresql://shop_iam@db1:5432/" in text
    assert STRONG not in text
    for line in (
        'DJANGO_SETTINGS_MODULE="managed_settings"', 'MANAGED_SETTINGS_MODULE="shop.settings"', 'MANAGED_DATABASE_AUTH="iam"',
        'AWS_ACCESS_KEY_ID="AKIA"',
    ):  # fmt: skip
        assert line in text.splitlines()
    assert "postgresql://shop_owner_iam@" in apps.application_environment(one, database, "r", owner=True)


def test_the_other_login_is_used_when_it_is_its_turn(apps: ModuleType) -> None:
    changed = {"password": STRONG, "owner_password": STRONG[::-1], "login": "shop_b"}
    (one,) = apps.resolve_applications({"shop": entry(secret_environment={"URL": "${database_url}"}, database=changed)})
    assert "postgresql://shop_b:" in apps.application_environment(one, DATABASE, "r")
    assert apps.rotating_logins([one]) == {"shop": ["shop", "shop_b"]}
