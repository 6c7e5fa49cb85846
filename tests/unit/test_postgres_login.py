"""How a server is reached, and what a refused login says."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.postgres import login


def test_socket_of_a_server_whose_port_changes(tmp_path: Path) -> None:
    assert login.socket_port(5432, str(tmp_path)) == 5432
    (tmp_path / ".s.PGSQL.5433").touch()
    (tmp_path / ".s.PGSQL.5433.lock").touch()
    assert login.socket_port(5432, str(tmp_path)) == 5433
    (tmp_path / ".s.PGSQL.5434").touch()
    assert login.socket_port(5432, str(tmp_path)) == 5432


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("SSL error: certificate verify failed", "run playbooks/rds_ca_bundle.yml"),
        (
            'server certificate for "a" (and 1 other name) does not match host name "db"',
            "Give the endpoint as RDS shows it",
        ),
        ('no pg_hba.conf entry for host "10.0.0.1", user "x", database "y", no encryption', "sslmode=verify-full"),
        ('FATAL:  password authentication failed for user "x"', "docs/secrets.md"),
        ('FATAL:  PAM authentication failed for user "x"', "logs in by a token"),
        ("FATAL:  sorry, too many clients already", "larger instance class"),
        ("FATAL:  remaining connection slots are reserved for roles", "larger instance class"),
        ("timeout expired", "security group"),
        ("Connection refused", "port 5432"),
    ],
)
def test_a_refusal_by_a_remote_server_names_the_remedy(said: str, remedy: str) -> None:
    given = {"host": "db", "port": 5432, "user": "x", "ca_file": "/ca.pem"}
    assert remedy in login.explain(said, given)
    assert login.explain(said, {**given, "host": None}) == said
