"""Databases on RDS with the role's defaults, and what RDS and the role refuse."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from controller import LAB, play
from rds import ask, superuser, told

BOARD = yaml.safe_load((LAB / "secrets.yml").read_text())["secrets"]["applications"]["board"]
OWNER = ("board_owner", BOARD["database_owner_password"])
USER = ("board", BOARD["database_password"])
OTHER = ("other", "password$of\\the %other")


def test_hosts_trust_the_authority_alone(host: Any) -> None:
    file = host.file("/etc/ssl/rds/ca.pem")
    assert file.content_string == (LAB / "rds-server-ca.pem").read_text()
    assert (file.user, file.mode) == ("root", 0o644)


def test_the_application_reads_and_writes_rows_and_no_more(host: Any) -> None:
    assert ask(host, *OWNER, "CREATE TABLE notes (id serial PRIMARY KEY, text text)") == {"rows": []}
    try:
        assert ask(host, *USER, "INSERT INTO notes (text) VALUES ('a') RETURNING id") == {"rows": [[1]]}
        assert "permission denied for schema public" in ask(host, *USER, "CREATE TABLE mine (id int)")["error"]
        assert "must be owner" in ask(host, *USER, "DROP TABLE notes")["error"]
    finally:
        ask(host, *OWNER, "DROP TABLE notes")
    assert ask(host, *USER, "SHOW search_path") == {"rows": [["public, pg_temp"]]}


def test_each_role_gets_into_its_own_database_only(host: Any) -> None:
    assert ask(host, *OTHER, dbname="other") == {"rows": [[1]]}
    assert "permission denied for database" in ask(host, *OTHER)["error"]


def test_plain_text_is_refused(host: Any) -> None:
    assert "no encryption" in ask(host, *USER, sslmode="disable")["error"]


def test_rds_gives_the_master_user_what_rds_gives(host: Any) -> None:
    master = (told()["master_user"], told()["master_password"])
    asked = "SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user"
    assert ask(host, *master, asked, dbname="postgres") == {"rows": [[False, True, True]]}
    for statement in (
        "SELECT pg_read_file('postgresql.conf')", "COPY (SELECT 1) TO '/tmp/x'", "ALTER SYSTEM SET port = 1",
        "SET ROLE rdsadmin", "SELECT * FROM pg_hba_file_rules", "SELECT rolpassword FROM pg_authid",
    ):  # fmt: skip
        assert "permission denied" in ask(host, *master, statement, dbname="postgres")["error"], statement
    assert "pg_hba.conf rejects connection" in ask(host, "rdsadmin", "x", dbname="postgres")["error"]


@pytest.fixture(scope="module")
def refusals() -> dict[str, str]:
    """What was said when something was wrong."""
    superuser(
        "DROP ROLE IF EXISTS limited, by_token, crowded; CREATE ROLE limited LOGIN PASSWORD '3rd-value-of-it';"
        "CREATE ROLE by_token LOGIN; GRANT rds_iam TO by_token; CREATE ROLE crowded LOGIN PASSWORD '4th-value-of-it' CONNECTION LIMIT 0"
    )
    play("rds_client/refusals.yml", limit="rds-client-13")
    return json.loads((LAB / "refusals.json").read_text())


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("authority", ["certificate verify failed", "run playbooks/rds_ca_bundle.yml"]),
        ("name", ["does not match host name", "Give the endpoint as RDS shows it"]),
        ("password", ["password authentication failed", "docs/secrets.md"]),
        ("grants", ["limited lacks CREATEROLE and CREATEDB", "GRANT rds_superuser"]),
        ("token", ["PAM authentication failed", "no password counts"]),
        ("full", ["too many connections", "take a larger instance class"]),
        ("none_left", ["remaining connection slots are reserved", "take a larger instance class"]),
        (
            "connections",
            [
                "The server has 80 connections", "5 of which are reserved", "may need 500", "493 for board",
                "fewer processes", "take a larger instance class",
            ],
        ),
        ("unknown", ["could not translate host name", "is not in DNS"]),
        ("certificate_authority", ["certificate verify failed", "run playbooks/rds_ca_bundle.yml"]),
        ("certificate_name", ["does not match host name", "Give the endpoint as RDS shows it"]),
    ],
)  # fmt: skip
def test_a_refusal_names_the_remedy(refusals: dict[str, str], case: str, words: list[str]) -> None:
    for word in words:
        assert word in refusals[case], refusals[case]
    assert told()["master_password"] not in refusals[case]
