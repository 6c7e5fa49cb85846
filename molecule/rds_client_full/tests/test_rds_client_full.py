"""Everything changed: logins by token, checked by the host that imitates RDS."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from controller import LAB, PROJECT, play
from rds import ask, rds, superuser, told

Login = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def login() -> Iterator[Login]:
    """One process of Django that lives as long as these tests; each call opens a new connection."""
    known = told()
    given = {
        "support": str(PROJECT / "roles/release/files/support"), "host": known["host"], "port": known["port"],
        "ca_file": known["ca_file"], "address": json.loads((LAB / "hosts.json").read_text())["rds-server"],
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__).with_name("token_login.py")), json.dumps(given)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin
    assert process.stdout

    def ask_for(user: str = "shop_web_iam", key: dict[str, str] | None = None, **step: Any) -> dict[str, Any]:
        own = key or known
        step = {"user": user, "key": own["access_key"], "secret": own["secret_key"], **step}
        process.stdin.write(json.dumps(step) + "\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    yield ask_for
    process.stdin.close()
    process.wait(10)


def test_the_application_and_the_owner_log_in_by_token(login: Login) -> None:
    assert login() == {"rows": [["shop_web_iam", "shop_web_iam"]]}
    # What migrations make belongs to the owner.
    assert login("shop_migrations_iam") == {"rows": [["shop_migrations_iam", "shop_migrations"]]}


def test_a_connection_that_is_opened_after_fifteen_minutes_logs_in(login: Login) -> None:
    rds("clock -960")
    try:
        assert "rows" in login(clock=-960)
    finally:
        rds("clock 0")
    # Sixteen minutes later, for both; the process is the same.
    assert "rows" in login()


@pytest.mark.parametrize(
    ("step", "journal"),
    [
        ({"clock": -960}, "expired 6"),
        ({"clock": 600}, "in the future"),
        ({"token_of": "shop_migrations_iam"}, "a token of shop_migrations_iam"),
        ({"key": "stranger"}, "does not allow rds-db:connect as shop_web_iam"),
        ({"key": "forged"}, "wrong signature"),
    ],
    ids=["expired", "clock ahead", "of another user", "of a stranger", "forged"],
)
def test_a_token_that_is_not_good_is_refused_with_the_remedy(login: Login, step: dict[str, Any], journal: str) -> None:
    keys = {"stranger": told()["stranger"], "forged": {**told(), "secret_key": "guessed"}}
    given = {**step, **({"key": keys[step["key"]]} if "key" in step else {})}
    said = login(**given)["error"]
    for word in ("PAM authentication failed", "rds-db:connect", "clock is right"):
        assert word in said
    from controller import connect

    assert journal in connect("rds-server").check_output(
        "journalctl --sync && journalctl -t lab-rds-iam -n 1 --no-pager"
    )


def test_no_password_counts_where_tokens_do(host: Any) -> None:
    files = {"dbname": "shop", "sslrootcert": "/etc/ssl/rds/authorities.pem"}
    assert "PAM authentication failed" in ask(host, "shop_web_iam", "not-used-either", **files)["error"]
    # The master user still has one, though it is a member of the owner.
    assert ask(host, told()["master_user"], told()["master_password"], **{**files, "dbname": "postgres"}) == {
        "rows": [[1]]
    }


def test_roles_are_as_they_should_be() -> None:
    roles = superuser("SELECT rolname, rolcanlogin, rolconnlimit FROM pg_roles WHERE rolname ~ '^shop' ORDER BY 1")
    assert roles.splitlines() == [
        "shop_migrations|f|-1", "shop_migrations_iam|t|-1", "shop_web|f|-1", "shop_web_iam|t|4",
    ]  # fmt: skip
    assert superuser("SELECT string_agg(extname, ' ' ORDER BY extname) FROM pg_extension", "shop") == (
        "citext pg_trgm plpgsql"
    )


def test_packages_and_the_file(host: Any) -> None:
    assert host.package("bsdextrautils").is_installed
    assert host.file("/etc/ssl/rds/authorities.pem").content_string == (LAB / "rds-server-ca.pem").read_text()


def test_a_certificate_that_ends_soon_is_announced() -> None:
    said = " ".join((done := play("rds_client_full/converge.yml", limit="rds-client-full")).stdout.split())
    said += " ".join(done.stderr.split())
    assert "The certificate of board.c1a2b3.eu-central-1.rds.amazonaws.com ends on" in said
    assert "RDS renews it by itself" in said
    assert "It is an authority: run playbooks/rds_ca_bundle.yml" in said
