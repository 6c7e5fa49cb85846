"""The environment files of a slot."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.environment import (
    application_environment,
    application_fingerprint,
)
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.schema import PLACEHOLDERS

from .entries import STRONG, endpoints, resolved

PINNED = Path(__file__).with_name("environments")


def variables(text: str) -> dict[str, str]:
    """An environment file as a shell reads it: systemd's rules for double quotes are the same."""
    names = [line.split("=", 1)[0] for line in text.splitlines() if not line.startswith("#")]
    script = text + "".join(f'printf "%s\\0" "${name}"\n' for name in names)
    values = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout.split("\0")
    return dict(zip(names, values[:-1], strict=True))


def test_an_environment_file_carries_every_value_unchanged() -> None:
    hard = "a'b\"c\\d$HOME`id`$(id) #x  é"
    one = resolved(environment={"HARD": hard, "NUMBER": 5, "RELEASE": "${release}"}, secret_environment={
        "URL": "${database_url}", "WHO": "${database_user}:${database_password}", "STATIC": "${static_root}"})  # fmt: skip
    found = variables(application_environment(one, endpoints(one), "4be1", "green"))
    assert found["HARD"] == hard
    assert found["NUMBER"] == "5"
    assert found["RELEASE"] == "4be1"
    assert found["DJANGO_SETTINGS_MODULE"] == "shop.settings"
    assert found["WHO"] == f"shop:{STRONG}"
    assert found["STATIC"] == "/srv/shop/slots/green/release/static"
    assert found["URL"].startswith(f"postgresql://shop:{STRONG}@db1:5432/shop?")
    owner = variables(application_environment(one, endpoints(one), "4be1", "green", owner=True))
    assert owner["WHO"] == f"shop_owner:{STRONG[::-1]}"
    assert {key for key in found if found[key] != owner[key]} == {"WHO", "URL"}


def test_a_value_that_holds_a_placeholder_is_filled_in_once() -> None:
    one = resolved(
        environment={"A": "${database_password}"}, database={"password": "${release}", "owner_password": "x"}
    )
    assert variables(application_environment(one, endpoints(one), "4be1"))["A"] == "${release}"


def test_every_placeholder_has_a_value() -> None:
    mail = {"host": "m.test", "user": "u", "password": "p", "sender": "a@m.test", "admins": ["b@m.test"]}
    one = resolved(redis=True, mail=mail, environment={name.upper(): f"${{{name}}}" for name in PLACEHOLDERS})
    found = variables(application_environment(one, endpoints(one), "4be1", redis_url="redis://r/1"))
    assert all(found[name.upper()] and "$" not in found[name.upper()] for name in PLACEHOLDERS)


def test_the_fingerprint_follows_release_environment_and_passwords() -> None:
    def fingerprint(release: str = "4be1", **changes: Any) -> str:
        one = resolved(**changes)
        return application_fingerprint(one, endpoints(one), release)

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


def lines(text: str, *names: str) -> list[str]:
    return [next(line for line in text.splitlines() if line.startswith(f"{name}=")) for name in names]


def test_options_of_libpq_and_a_replica_stand_in_the_url() -> None:
    one = resolved(secret_environment={"A": "${database_url}", "B": "${database_replica_url}"})
    options = {"connect_timeout": 3, "target_session_attrs": "read-write"}
    text = application_environment(one, endpoints(one, options=options, replica_host="ro"), "r")
    own, replica = lines(text, "A", "B")
    assert "@db1:5432/" in own
    assert "target_session_attrs=read-write" in own
    assert "@ro:5432/" in replica
    assert "target_session_attrs=any" in replica
    # Without a replica both lead to the same place.
    own, replica = lines(application_environment(one, endpoints(one, options=options), "r"), "A", "B")
    assert own[2:] == replica[2:]


def test_libpq_verifies_whatever_the_settings_say() -> None:
    one = resolved(environment={"DB_HOST": "${database_host}", "DB_TLS": "${database_sslmode} ${database_ca_file}"})
    options = {"connect_timeout": 3, "tcp_user_timeout": 5000, "target_session_attrs": "read-write"}
    found = variables(application_environment(one, endpoints(one, options=options), "r"))
    assert {name: found[name] for name in found if name.startswith("PG")} == {
        "PGSSLMODE": "verify-full", "PGSSLROOTCERT": "/etc/ssl/database/ca.pem", "PGCONNECT_TIMEOUT": "3",
        "PGTARGETSESSIONATTRS": "read-write",
    }  # fmt: skip
    assert found["DB_TLS"] == "verify-full /etc/ssl/database/ca.pem"
    # A replica takes no writes, and the variables hold for both where the entry puts its link together by itself.
    found = variables(application_environment(one, endpoints(one, options=options, replica_host="ro"), "r"))
    assert found["PGTARGETSESSIONATTRS"] == "read-write"
    by_parts = resolved(environment={"READER": "${database_replica_host}"})
    found = variables(application_environment(by_parts, endpoints(by_parts, options=options, replica_host="ro"), "r"))
    assert "PGTARGETSESSIONATTRS" not in found
    # On a unix socket nothing is verified; a replica elsewhere is.
    directory = {"host": "/run/postgresql"}
    found = variables(application_environment(one, endpoints(one, **directory), "r"))
    assert "PGSSLMODE" not in found
    found = variables(application_environment(one, endpoints(one, **directory, replica_host="ro"), "r"))
    assert found["PGSSLMODE"] == "verify-full"
    # The entry's own word counts.
    one = resolved(environment={"PGSSLMODE": "disable"})
    assert variables(application_environment(one, endpoints(one), "r"))["PGSSLMODE"] == "disable"


def test_a_url_has_the_scheme_that_the_project_knows() -> None:
    database = {"password": STRONG, "owner_password": STRONG[::-1], "url_scheme": "postgis"}
    one = resolved(environment={"A": "${database_url}", "B": "${database_replica_url}"}, database=database)
    text = application_environment(one, endpoints(one), "r")
    assert all(line[3:].startswith("postgis://shop:") for line in lines(text, "A", "B"))


def test_a_further_database_has_placeholders_of_its_own() -> None:
    names = ("url", "host", "port", "name", "user", "password")
    one = resolved(
        environment={name.upper(): f"${{database_analytics_{name}}}" for name in names},
        databases={"analytics": {"password": STRONG, "owner_password": STRONG[::-1]}},
    )
    found = variables(application_environment(one, endpoints(one), "r"))
    assert [found[name.upper()] for name in names] == [
        f"postgresql://shop_analytics:{STRONG}@db1:5432/shop_analytics?sslmode=verify-full&sslrootcert=/etc/ssl/database/ca.pem",
        "db1", "5432", "shop_analytics", "shop_analytics", STRONG,
    ]  # fmt: skip
    assert found["MANAGED_DATABASE_ALIASES"] == "analytics"
    owner = variables(application_environment(one, endpoints(one), "r", owner=True))
    assert (owner["USER"], owner["PASSWORD"]) == ("shop_analytics_owner", STRONG[::-1])
    assert "MANAGED_DATABASE_ALIASES" not in application_environment(resolved(), endpoints(resolved()), "r")


def test_managed_settings_add_the_further_databases(
    monkeypatch: pytest.MonkeyPatch, root: Path, tmp_path: Path
) -> None:
    given = {
        "databases": {"analytics": {"password": STRONG, "owner_password": STRONG[::-1]}},
        "managed_settings": ["database"],
    }
    one = resolved(**given)
    text = application_environment(one, endpoints(one), "r")
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/settings.py").write_text("SECRET_KEY = 'x'\n")
    script = "import managed_settings as s, json; print(json.dumps({k: [v['NAME'], v['USER']] for k, v in s.DATABASES.items()}))"
    done = subprocess.run(
        [sys.executable, "-c", script], env={**variables(text), "PYTHONPATH": f"{root}/roles/release/files/support:{tmp_path}"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == {"default": ["shop", "shop"], "analytics": ["shop_analytics", "shop_analytics"]}


def test_databases_of_others_are_told_to_the_gate() -> None:
    one = resolved(unverified_databases=["legacy", "old"])
    assert variables(application_environment(one, endpoints(one), "r"))["MANAGED_UNVERIFIED_DATABASES"] == "legacy,old"
    one = resolved()
    assert "MANAGED_UNVERIFIED_DATABASES" not in application_environment(one, endpoints(one), "r")


def test_a_login_by_token_has_a_role_of_its_own_and_no_password() -> None:
    one = resolved(secret_environment={"URL": "${database_url}"})
    by_token = endpoints(one, authentication="iam", token_environment={"AWS_ACCESS_KEY_ID": "AKIA"})
    text = application_environment(one, by_token, "r")
    assert "postgresql://shop_iam@db1:5432/" in text
    assert STRONG not in text
    for line in (
        'DJANGO_SETTINGS_MODULE="managed_settings"', 'MANAGED_SETTINGS_MODULE="shop.settings"', 'MANAGED_DATABASE_AUTH="iam"',
        'AWS_ACCESS_KEY_ID="AKIA"',
    ):  # fmt: skip
        assert line in text.splitlines()
    assert "postgresql://shop_owner_iam@" in application_environment(one, by_token, "r", owner=True)


def test_the_other_login_is_used_when_it_is_its_turn() -> None:
    changed = {"password": STRONG, "owner_password": STRONG[::-1], "login": "shop_b"}
    one = resolved(secret_environment={"URL": "${database_url}"}, database=changed)
    assert "postgresql://shop_b:" in application_environment(one, endpoints(one), "r")


# --- Pinned: a byte that changes here restarts every application at the next run ---

OPTIONS = {
    "connect_timeout": 3, "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 5000,
    "target_session_attrs": "read-write",
}  # fmt: skip
PLAIN: dict[str, Any] = {
    "domains": ["www.example.org", "example.org"],
    "project_directory": "site",
    "python_path": ["src"],
    "redis": True,
    "environment": {
        "PLAIN": 'a "b" $HOME', "RELEASE": "${release}", "STATIC_ROOT": "${static_root}", "MEDIA_ROOT": "${media_root}",
        "HOST": "${database_host}", "PORT": "${database_port}", "NAME": "${database_name}",
        "USER_OF_DATABASE": "${database_user}", "READER": "${database_replica_host}",
    },
    "secret_environment": {
        "SECRET_KEY": STRONG, "DATABASE_URL": "${database_url}", "REPLICA_URL": "${database_replica_url}",
        "PASSWORD": "${database_password}", "CACHE": "${redis_url}",
    },
    "database": {"login": "shop_b", "password": STRONG, "owner_password": STRONG[::-1]},
}  # fmt: skip
MANAGED = {
    **PLAIN,
    "managed_settings": ["database", "secret_key", "hosts", "security", "static", "media", "cache", "logging"],
    "settings": {"ITEMS": 5},
}
RDS = "board.c1a2b3.eu-central-1.rds.amazonaws.com"


@pytest.mark.parametrize(
    ("name", "server"),
    [
        ("self_hosted", {}),
        ("socket", {"host": "/var/run/postgresql"}),
        ("rds_password", {"host": RDS}),
        ("rds_iam", {"host": RDS, "authentication": "iam", "token_environment": {"AWS_ACCESS_KEY_ID": "AKIA"}}),
        ("replica", {"host": RDS, "replica_host": "reader.c1a2b3.eu-central-1.rds.amazonaws.com"}),
    ],
)
def test_environment_files_are_what_they_were(name: str, server: dict[str, Any]) -> None:
    found = ""
    for kind, given in (("plain", PLAIN), ("managed", MANAGED)):
        one = resolved(**given)
        own = endpoints(one, options=OPTIONS, **server)
        for owner in (False, True):
            text = application_environment(one, own, "4be1d2c3a4f5", "blue", owner, "redis://r/1")
            found += f"### {kind}, {'owner' if owner else 'application'}\n{text}"
        found += f"### {kind}, fingerprint\n{application_fingerprint(one, own, '4be1d2c3a4f5', 'redis://r/1')}\n"
    assert found == (PINNED / f"{name}.env").read_text()


def test_an_escaped_placeholder_becomes_its_characters() -> None:
    one = resolved(environment={"A": "$${x}-${release}-$${release}"}, secret_environment={"B": "pa$${x}ss"})
    found = variables(application_environment(one, endpoints(one), "4be1"))
    assert found["A"] == "${x}-4be1-${release}"
    assert found["B"] == "pa${x}ss"


def test_a_password_of_the_database_is_never_taken_for_a_placeholder() -> None:
    one = resolved(managed_settings=["database"], database={"password": 'pa${x}s$${release}"s', "owner_password": "x"})
    found = variables(application_environment(one, endpoints(one), "4be1"))
    assert found["MANAGED_DATABASE_PASSWORD"] == 'pa${x}s$${release}"s'


def test_settings_ask_for_placeholders_and_stay_json() -> None:
    hard = 'quote" back\\slash ${x}'
    one = resolved(
        settings={"A": {"b": ["${database_password}", "$${database_password}", 5]}, "C+": ["${media_root}"]},
        database={"password": hard, "owner_password": "x"},
    )
    found = variables(application_environment(one, endpoints(one), "4be1"))
    assert json.loads(found["MANAGED_VALUES"]) == {
        "A": {"b": [hard, "${database_password}", 5]},
        "C+": ["/srv/shop/shared/media"],
    }


SCRIPT = """
import json, sys
sys.path[:0] = [{support!r}, {project!r}]
import managed_settings
print(json.dumps({{name: getattr(managed_settings, name) for name in {names!r}}}))
"""


def managed(tmp_path: Path, project: str, names: list[str], **changes: Any) -> dict[str, Any]:
    """Values of the module managed_settings over a project's settings of this text."""
    (tmp_path / "project_settings.py").write_text(project)
    one = resolved(settings_module="project_settings", **changes)
    environment = variables(application_environment(one, endpoints(one), "4be1"))
    support = Path(__file__).parents[3] / "roles" / "release" / "files" / "support"
    script = SCRIPT.format(support=str(support), project=str(tmp_path), names=names)
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("project", "seconds"),
    [("", 3600), ("SECURE_HSTS_SECONDS = 60", 3600), ("SECURE_HSTS_SECONDS = 31536000", 31536000)],
)
def test_managed_security_never_lowers_what_the_project_set(tmp_path: Path, project: str, seconds: int) -> None:
    found = managed(
        tmp_path,
        f"{project}\nSECURE_HSTS_PRELOAD = True\nX_FRAME_OPTIONS = 'SAMEORIGIN'\nSESSION_COOKIE_SAMESITE = 'Strict'\nDEBUG = True\n",
        ["SECURE_HSTS_SECONDS", "SECURE_HSTS_PRELOAD", "X_FRAME_OPTIONS", "SESSION_COOKIE_SAMESITE", "DEBUG"],
        managed_settings=["security"],
    )
    assert found == {
        "SECURE_HSTS_SECONDS": seconds,
        "SECURE_HSTS_PRELOAD": True,
        "X_FRAME_OPTIONS": "DENY",
        "SESSION_COOKIE_SAMESITE": "Strict",
        "DEBUG": False,
    }


def test_a_wildcard_is_written_as_django_wants_it(tmp_path: Path) -> None:
    found = managed(
        tmp_path,
        "",
        ["ALLOWED_HOSTS", "CSRF_TRUSTED_ORIGINS"],
        managed_settings=["hosts"],
        domains=["www.example.org", "*.tenants.example.org"],
    )
    assert found == {
        "ALLOWED_HOSTS": ["www.example.org", ".tenants.example.org"],
        "CSRF_TRUSTED_ORIGINS": ["https://www.example.org", "https://*.tenants.example.org"],
    }


def test_a_setting_is_added_to(tmp_path: Path) -> None:
    found = managed(
        tmp_path,
        "A = ('one',)\nB = ['one', 'two']\nC = {'one': 1}\n",
        ["A", "B", "C", "MIDDLEWARE", "AUTHENTICATION_BACKENDS"],
        settings={
            "A+": ["two"], "+B": ["zero"], "B+": ["two", "three"], "C+": {"two": 2}, "MIDDLEWARE+": ["m"],
            "AUTHENTICATION_BACKENDS+": ["own"],
        },
    )  # fmt: skip
    assert found == {
        "A": ["one", "two"],
        "B": ["zero", "one", "two", "three"],
        "C": {"one": 1, "two": 2},
        "MIDDLEWARE": ["m"],
        "AUTHENTICATION_BACKENDS": ["django.contrib.auth.backends.ModelBackend", "own"],
    }


def test_adding_to_what_is_no_list_says_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(
        AssertionError, match=r"adds a list to A, which is a str here. Write A without '\+' to replace it."
    ):
        managed(tmp_path, "A = 'one'\n", ["A"], settings={"A+": ["two"]})
