"""Tokens of the database backend rds_iam_backend, and what it refuses."""

from __future__ import annotations

import datetime
import importlib.machinery
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import botocore.auth
import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

ROOT = Path(__file__).resolve().parents[2]
HOST = "board.c1a2b3.eu-central-1.rds.amazonaws.com"
NOW = datetime.datetime(2026, 11, 24, 12, 0, tzinfo=datetime.UTC)


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The backend as a release has it: its directory is on the path."""
    monkeypatch.syspath_prepend(str(ROOT / "roles/release/files/support"))
    for name, value in {"AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "hidden"}.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    if not settings.configured:
        settings.configure()
    for name in [name for name in sys.modules if name.startswith("rds_iam_backend")]:
        monkeypatch.delitem(sys.modules, name)
    from rds_iam_backend import base

    return base


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A clock that the test moves."""

    class Clock:
        now = NOW

        def move(self, **amount: int) -> None:
            self.now += datetime.timedelta(**amount)

    clock = Clock()
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_words, **_named: clock.now.replace(tzinfo=None))
    return clock


@pytest.fixture(scope="module")
def verify() -> ModuleType:
    """The check that the lab's RDS makes of a token."""
    path = ROOT / "lab/kinds/rds/server/verify-token"
    loader = importlib.machinery.SourceFileLoader("verify_token", str(path))
    spec = importlib.util.spec_from_loader("verify_token", loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    sys.dont_write_bytecode = True
    loader.exec_module(module)
    return module


CONFIGURATION = {
    "region": "eu-central-1",
    "hosts": [f"{HOST}:5432"],
    "keys": {
        "AKIATEST": {"secret": "hidden", "users": ["board*"]},
        "AKIAOTHER": {"secret": "other", "users": ["nobody"]},
    },
}


def wrapper(backend: Any, **options: Any) -> Any:
    database = {
        "NAME": "board", "USER": "board_iam", "PASSWORD": "", "HOST": HOST, "PORT": "5432", "AUTOCOMMIT": True,
        "CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": False, "TIME_ZONE": None, "ATOMIC_REQUESTS": False, "TEST": {},
        "OPTIONS": {"sslmode": "verify-full", "sslrootcert": "/ca.pem", **options},
    }  # fmt: skip
    return backend.DatabaseWrapper(database)


def test_a_token_is_the_one_that_boto3_makes(backend: Any, clock: Any) -> None:
    import boto3

    own = backend.tokens.make(HOST, 5432, "board_iam")
    theirs = boto3.client("rds", region_name="eu-central-1").generate_db_auth_token(HOST, 5432, "board_iam")
    assert own.partition("?")[0] == theirs.partition("?")[0]
    assert parse_qs(urlsplit(own).query) == parse_qs(urlsplit(theirs).query)


def test_rds_accepts_it_for_fifteen_minutes(backend: Any, clock: Any, verify: ModuleType) -> None:
    token = backend.tokens.make(HOST, 5432, "board_iam")
    assert token.startswith(f"{HOST}:5432/?Action=connect&DBUser=board_iam&X-Amz-")
    verify.check(token, "board_iam", CONFIGURATION, NOW + datetime.timedelta(minutes=14, seconds=59))
    with pytest.raises(verify.Refused, match="expired"):
        verify.check(token, "board_iam", CONFIGURATION, NOW + datetime.timedelta(minutes=15, seconds=1))


def test_the_temporary_credentials_of_a_role_sign_too(
    backend: Any, clock: Any, verify: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As long as those that an instance gets, with characters that a query has to encode.
    session = "IQoJb3JpZ2luX2VjE/+=" * 50
    monkeypatch.setenv("AWS_SESSION_TOKEN", session)
    token = backend.tokens.make(HOST, 5432, "board_iam")
    assert parse_qs(urlsplit(token).query)["X-Amz-Security-Token"] == [session]
    verify.check(token, "board_iam", CONFIGURATION, NOW)
    with pytest.raises(verify.Refused, match="wrong signature"):
        verify.check(token.replace("IQoJ", "JQoJ", 1), "board_iam", CONFIGURATION, NOW)


@pytest.mark.parametrize(
    ("change", "user", "why"),
    [
        (lambda token: token, "board_owner_iam", "a token of board_iam"),
        (
            lambda token: token.replace("DBUser=board_iam", "DBUser=board_owner_iam"),
            "board_owner_iam",
            "wrong signature",
        ),
        (lambda token: token.replace("X-Amz-Expires=900", "X-Amz-Expires=90000"), "board_iam", "wrong signature"),
        (lambda token: token.replace("AKIATEST", "AKIAOTHER"), "board_iam", "wrong signature"),
        (lambda token: token.replace("AKIATEST", "AKIANONE"), "board_iam", "unknown access key"),
        (lambda token: token.replace("board.c1a2b3", "other.c1a2b3"), "board_iam", "signed for the host"),
        (lambda token: "hunter2", "board_iam", "this is no token"),
    ],
)
def test_rds_refuses(backend: Any, clock: Any, verify: ModuleType, change: Any, user: str, why: str) -> None:
    token = change(backend.tokens.make(HOST, 5432, "board_iam"))
    with pytest.raises(verify.Refused, match=why):
        verify.check(token, user, CONFIGURATION, NOW)


def test_rds_refuses_whom_the_policy_does_not_name(
    backend: Any, clock: Any, verify: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOTHER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")
    with pytest.raises(verify.Refused, match="does not allow rds-db:connect"):
        verify.check(backend.tokens.make(HOST, 5432, "board_iam"), "board_iam", CONFIGURATION, NOW)


def test_each_new_connection_has_a_token_of_its_own_time(
    backend: Any, clock: Any, verify: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    passwords: list[str] = []
    monkeypatch.setattr(
        backend.base.DatabaseWrapper, "get_new_connection", lambda _self, given: passwords.append(given["password"])
    )
    one = wrapper(backend)
    parameters = one.get_connection_params()
    assert "password" not in parameters
    one.get_new_connection(parameters)
    clock.move(minutes=16)
    one.get_new_connection(parameters)
    with pytest.raises(verify.Refused, match="expired"):
        verify.check(passwords[0], "board_iam", CONFIGURATION, clock.now)
    verify.check(passwords[1], "board_iam", CONFIGURATION, clock.now)


def test_a_refused_token_says_what_to_look_at(backend: Any, clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_self: Any, _given: Any) -> None:
        raise backend.base.Database.OperationalError('FATAL:  PAM authentication failed for user "board_iam"\n')

    monkeypatch.setattr(backend.base.DatabaseWrapper, "get_new_connection", refuse)
    one = wrapper(backend)
    with pytest.raises(backend.OperationalError, match=r"rds-db:connect .* clock is right"):
        one.get_new_connection(one.get_connection_params())


@pytest.mark.parametrize(
    ("options", "words"), [({"pool": True}, "CONN_MAX_AGE"), ({"sslmode": "require"}, "verify-full")]
)
def test_options_that_would_be_wrong_are_refused(backend: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=words):
        wrapper(backend, **options).get_connection_params()


def test_without_region_or_credentials_the_remedy_is_named(backend: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ImproperlyConfigured, match="set AWS_REGION"):
        backend.tokens.make("database.example.org", 5432, "board_iam")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with pytest.raises(ImproperlyConfigured, match="rds-db:connect"):
        backend.tokens.make(HOST, 5432, "board_iam")


def test_dbshell_has_a_token_too(backend: Any, clock: Any) -> None:
    _words, environment = backend.DatabaseClient.settings_to_cmd_args_env(wrapper(backend).settings_dict, [])
    assert "DBUser=board_iam" in environment["PGPASSWORD"]


def test_the_lab_s_check_is_valid_for_the_hosts_python() -> None:
    for name in ("verify-token", "lab-rds"):
        source = (ROOT / "lab/kinds/rds/server" / name).read_text()
        done = subprocess.run([sys.executable, "-c", f"compile({json.dumps(source)}, 'x', 'exec')"], check=False)
        assert done.returncode == 0
