"""group_vars/all/database.yml: both values of database_mode fill the same facts, and each has a CA file of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from .entries import STRONG, entry

Ask = Callable[..., dict[str, Any]]
TOLD = ("database_endpoints", "django_database_ca", "rds_client_ca_file", "pgbouncer_instances")
RDS = {
    "database_mode": "rds",
    "rds_client_host": "board.c1a2b3.eu-central-1.rds.amazonaws.com",
    "rds_client_port": 5433,
}


@pytest.fixture
def ask(root: Path, tmp_path: Path) -> Ask:
    """What a web host is told, in an environment with these variables; no host is contacted."""

    def run(**variables: Any) -> dict[str, Any]:
        groups = {"web": {"hosts": {"web1": {}}}, "database": {"hosts": {"db1": {}, "db2": {}}}}
        # Of two hosts, db1 said that it takes writes, and db2 could not be asked.
        shared = {
            "postgres_states": {"db1": {"role": "primary"}},
            "secrets": {"authority": {"certificate": "PEM"}},
            "applications": {"shop": entry()},
            # Most tests ask how the server itself is reached.
            "database_pooling": "none",
        }
        inventory = {"all": {"children": {"env_test": {"children": groups, "vars": {"ansible_group_priority": 10}}}}}
        (tmp_path / "hosts.yml").write_text(yaml.safe_dump(inventory))
        (tmp_path / "group_vars").mkdir()
        for name in ("all", "web"):
            (tmp_path / "group_vars" / name).symlink_to(root / "group_vars" / name)
        (tmp_path / "group_vars" / "env_test.yml").write_text(yaml.safe_dump(shared | variables))
        told = "{" + ", ".join(f"'{name}': {name}" for name in TOLD) + "}"
        copy = {"content": "{{ " + told + " | to_json }}", "dest": str(tmp_path / "told.json"), "mode": "0600"}
        play = {
            "hosts": "web1",
            "gather_facts": False,
            "connection": "local",
            "tasks": [{"ansible.builtin.copy": copy}],
        }
        (tmp_path / "play.yml").write_text(yaml.safe_dump([play | {"vars": {"ansible_become": False}}]))
        done = subprocess.run(
            [Path(sys.executable).with_name("ansible-playbook"), "-i", tmp_path / "hosts.yml", tmp_path / "play.yml"],
            env={**os.environ, "ANSIBLE_CONFIG": str(root / "ansible.cfg")}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads((tmp_path / "told.json").read_text())

    return run


def test_the_address_of_a_host_of_ours_is_known(ask: Ask) -> None:
    told = ask(private_address="10.0.0.5")
    assert told["database_endpoints"]["shop"]["application"]["options"]["hostaddr"] == "10.0.0.5"


@pytest.mark.parametrize("variables", [RDS, {"database_host": "db.example.org"}])
def test_an_address_that_may_change_is_looked_up(ask: Ask, variables: dict[str, Any]) -> None:
    told = ask(private_address="10.0.0.5", **variables)
    assert "hostaddr" not in told["database_endpoints"]["shop"]["application"]["options"]


def test_on_a_host_of_ours(ask: Ask) -> None:
    told = ask(database_primary="db2")
    application = told["database_endpoints"]["shop"]["application"]
    assert application["options"].pop("target_session_attrs") == "read-write"
    assert {key: value for key, value in application.items() if key != "options"} == {
        "scheme": "postgresql", "host": "db2", "port": 5432, "name": "shop", "user": "shop", "password": STRONG, "sslmode": "verify-full",
        "ca_file": "/etc/ssl/database/ca.pem", "authentication": "password", "token_environment": {},
    }  # fmt: skip
    assert told["database_endpoints"]["shop"]["owner"]["user"] == "shop_owner"
    assert told["django_database_ca"] == "PEM"


STATES = {"db1": {"role": "standby"}, "db2": {"role": "primary"}}


def test_the_primary_is_the_host_that_says_so(ask: Ask) -> None:
    assert ask()["database_endpoints"]["shop"]["application"]["host"] == "db1"


def test_clients_know_the_standbys_too(ask: Ask) -> None:
    own = ask(private_address="10.0.0.5", postgres_states=STATES)["database_endpoints"]["shop"]
    assert own["application"]["host"] == own["owner"]["host"] == "db2,db1"
    assert own["application"]["options"]["hostaddr"] == "10.0.0.5,10.0.0.5"
    assert (own["replica"]["host"], own["replica"]["options"]["target_session_attrs"]) == ("db1,db2", "any")


def test_a_name_of_your_own_leads_wherever_you_say(ask: Ask) -> None:
    own = ask(postgres_states=STATES, database_host="db.example.org")["database_endpoints"]["shop"]
    assert own["application"]["host"] == own["replica"]["host"] == "db.example.org"


def test_by_the_socket_of_the_host_itself(ask: Ask) -> None:
    application = ask(database_host="/var/run/postgresql")["database_endpoints"]["shop"]["application"]
    assert (application["host"], application["sslmode"], application["ca_file"]) == ("/var/run/postgresql", "", "")


def test_on_rds_with_a_ca_file_of_its_own(ask: Ask) -> None:
    told = ask(
        **RDS,
        database_replica_host="reader.example",
        database_token_environment={"KEY": "{{ 'A' ~ 'B' }}"},
        database_auth="iam",
    )
    own = told["database_endpoints"]["shop"]
    assert (own["application"]["host"], own["application"]["port"]) == (RDS["rds_client_host"], 5433)
    assert own["replica"]["host"] == "reader.example"
    assert {one["ca_file"] for one in own.values()} == {"/etc/ssl/rds/ca.pem"} == {told["rds_client_ca_file"]}
    assert own["application"]["token_environment"] == {"KEY": "AB"}
    # The role rds_client places it; the one of the project's own authority stays as it is.
    assert told["django_database_ca"] == ""


def test_a_pooler_takes_the_place_of_the_server_unless_it_is_turned_off(ask: Ask, root: Path) -> None:
    assert yaml.safe_load((root / "group_vars/all/database.yml").read_text())["database_pooling"] == "transaction"
    assert ask()["pgbouncer_instances"] == []


def test_the_pooler_of_a_host_knows_the_address(ask: Ask) -> None:
    told = ask(private_address="10.0.0.5", database_pooling="transaction", uwsgi_processes=3)
    assert told["database_endpoints"]["shop"]["application"]["host"] == "/run/pgbouncer/self_hosted-transaction"
    assert told["database_endpoints"]["shop"]["owner"]["host"] == "db1"
    (instance,) = told["pgbouncer_instances"]
    assert (instance["ca_file"], instance["databases"][0]["host"]) == ("/etc/ssl/database/ca.pem", "10.0.0.5")
    assert instance["databases"][0]["pool_size"] == 3
