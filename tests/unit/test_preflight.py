"""playbooks/parts/preflight.yml on small inventories: what cannot work is refused with the remedy, and no host is contacted.

The addresses are those reserved for documentation: a connection to one would fail as UNREACHABLE, not as a message.
"""

from __future__ import annotations

import copy
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.django_ec2.site.plugins.filter.preflight import preflight_cause

PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
STRONG = [
    "kJ8sQ2vLx0PzR4tYw7Nb",
    "a9ZcVbN3mKpLq6WeRt5Y",
    "Hg7FdSaQwErTyUi2OpLk",
    "m1NbVcXzLkJ8hGfDsApO",
    "Qw3ErTyUiOpAsDfGhJ4k",
]
SECRETS = {
    "authority": {
        "certificate": "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        "key": "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n",
    },
    "applications": {
        "board": dict(
            zip(
                ["secret_key", "api_token", "admin_password", "database_password", "database_owner_password"],
                STRONG,
                strict=True,
            )
        )
    },
}
WEB = {"web1": {"ansible_host": "192.0.2.1"}, "web2": {"ansible_host": "192.0.2.2"}}
DATABASE = {"db1": {"ansible_host": "192.0.2.3"}}
ENTRY = {
    "domains": ["www.example.org"],
    "source": "shop",
    "settings_module": "shop.settings",
    "wsgi_module": "shop.wsgi",
    "database": {"password": STRONG[0], "owner_password": STRONG[1]},
}

Preflight = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def preflight(root: Path, tmp_path: Path) -> Preflight:
    """Run the playbook on an inventory of these hosts, with these variables."""

    def run(
        web: dict[str, Any] = WEB,
        database: dict[str, Any] = DATABASE,
        playbook: str = "playbooks/parts/preflight.yml",
        **variables: Any,
    ) -> subprocess.CompletedProcess[str]:
        groups = {name: {"hosts": hosts} for name, hosts in {"web": web, "database": database}.items() if hosts}
        content = {"env_test": {"children": groups, "vars": {"ansible_group_priority": 10}}}
        (tmp_path / "hosts.yml").write_text(yaml.safe_dump(content))
        group_vars = tmp_path / "group_vars"
        group_vars.mkdir()
        for name in ("all", "web", "database"):
            (group_vars / name).symlink_to(root / "group_vars" / name)
        (group_vars / "env_test.yml").write_text(yaml.safe_dump({"secrets": SECRETS, **variables}))
        environment = {
            **os.environ,
            "ANSIBLE_CONFIG": str(root / "ansible.cfg"),
            "ANSIBLE_NOCOLOR": "1",
            "COLUMNS": "1000",
        }
        return subprocess.run(
            [str(PLAYBOOK), "-i", str(tmp_path / "hosts.yml"), playbook],
            cwd=root, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run


def secrets(**changes: str) -> dict[str, Any]:
    """Good secrets of the board, but for these."""
    changed = copy.deepcopy(SECRETS)
    changed["applications"]["board"].update(changes)
    return changed


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """The message, after making sure that the run ended with it and that nothing was changed or contacted."""
    said = done.stdout + done.stderr
    assert done.returncode != 0, said
    assert "UNREACHABLE" not in said
    assert not re.search(r"changed=[1-9]|unreachable=[1-9]", said)
    assert "Gathering Facts" not in said
    assert said.count("PLAY [") == 1, "no other play may begin"
    message = said.rpartition("fatal: ")[2].partition("PLAY RECAP")[0]
    assert message
    return " ".join(message.split()).replace("''", "'")


def test_a_good_inventory_passes_without_touching_a_host(preflight: Preflight) -> None:
    done = preflight()
    assert done.returncode == 0, done.stdout + done.stderr
    assert not re.search(r"changed=[1-9]|unreachable=[1-9]|failed=[1-9]", done.stdout)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"web": {}}, ["no host in the group web", "inventory/lab/hosts.yml"]),
        (
            {"web": {name: {**one, "singleton_host": "web9"} for name, one in WEB.items()}},
            ["singleton_host is 'web9', which is no host of the group web", "one of web1, web2"],
        ),
        ({"database_mode": "mysql"}, ["database_mode is 'mysql'", "Set database_mode to self_hosted"]),
        (
            {"database_primary": "db9"},
            ["database_primary is 'db9', which is no host of the group database", "Set it to one of db1"],
        ),
        ({"database": {}}, ["the group database has 0 hosts", "put a host into the group database"]),
        ({"secrets": {}}, ["run playbooks/secrets.yml", "docs/secrets.md"]),
        (
            {"secrets": secrets(secret_key="", api_token="change-me", database_owner_password=STRONG[3])},
            [
                "applications.board.secret_environment.SECRET_KEY is empty: give it a value from the vault",
                "applications.board.secret_environment.API_TOKEN is a placeholder or too weak",
                "password and owner_password are the same; use two",
            ],
        ),
        ({"secrets": {**SECRETS, "authority": {}}}, ["secrets.authority has no certificate and key", "run playbooks/secrets.yml"]),
        ({"applications": {"shop": {**ENTRY, "domain": "x"}}}, ["has no key 'domain'", "Did you mean 'domains'?"]),
        (
            {"applications": {"shop": {key: value for key, value in ENTRY.items() if key != "domains"}}},
            ["applications.shop: 'domains' is missing", "docs/applications.md"],
        ),
        ({"applications": {}}, ["applications is empty", "group_vars/all/applications.yml"]),
        ({"aws_web_autoscaling": {"min": 2}}, ["aws_web_autoscaling is {'min': 2}: write {min: 2, max: 6, cpu_percent: 60}"]),
        (
            {"aws_web_autoscaling": {"min": 2, "max": "many", "cpu_percent": 60}},
            ["aws_web_autoscaling: max must be whole numbers, as in {min: 2, max: 6, cpu_percent: 60}"],
        ),
    ],
    ids=[
        "no-web", "singleton-elsewhere", "wrong-mode", "unknown-primary", "no-database", "no-secrets", "weak-secrets",
        "no-authority", "unknown-key", "no-domains", "no-applications", "group-in-part", "group-of-many",
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_with_the_remedy(
    preflight: Preflight, given: dict[str, Any], words: list[str]
) -> None:
    message = refused(preflight(**given))
    for word in words:
        assert word in message
    assert not any(secret in message for secret in STRONG)


def test_weak_secrets_are_allowed_in_the_lab(preflight: Preflight) -> None:
    assert preflight(secrets=secrets(api_token="change-me"), preflight_strict_secrets=False).returncode == 0


def test_several_database_hosts_pass(preflight: Preflight) -> None:
    # Which of them takes writes, they say later.
    assert preflight(database={**DATABASE, "db2": {"ansible_host": "192.0.2.4"}}).returncode == 0


def test_site_yml_ends_there_too(preflight: Preflight) -> None:
    assert "no host in the group web" in refused(preflight(web={}, playbook="site.yml"))


RDS = {
    "database": {},
    "database_mode": "rds",
    "rds_client_host": "board.c1a2b3.eu-central-1.rds.amazonaws.com",
    "rds_client_master_password": STRONG[0][::-1],
}


def test_rds_passes_with_what_it_needs(preflight: Preflight) -> None:
    done = preflight(**RDS)
    assert done.returncode == 0, done.stdout + done.stderr


def test_rds_is_refused_with_every_remedy_at_once(preflight: Preflight) -> None:
    given = {
        **RDS, "rds_client_host": "10.0.0.7", "rds_client_master_password": "",
        "database_sslmode": "require", "database_auth": "iam",
    }  # fmt: skip
    message = refused(preflight(**given))
    for word in (
        "give the endpoint's name", "rds_client_master_password is empty",
        "it has to be verify-full", "set rds_client_region",
    ):  # fmt: skip
        assert word in message


def test_workers_that_do_not_fit_the_server_are_refused(preflight: Preflight) -> None:
    message = refused(preflight(uwsgi_processes=23, database_pooling="none"))
    assert "may need 99 connections (92 for board: 46 workers on 2 web hosts x 2 releases during a deploy" in message
    assert "has 100 connections (max_connections), 3 of which are reserved" in message
    assert (
        "Set fewer processes or threads in applications, use fewer web hosts, or raise postgres_max_connections"
        in message
    )


def test_workers_that_fit_the_server_are_not(preflight: Preflight) -> None:
    done = preflight(uwsgi_processes=23, database_pooling="none", postgres_max_connections=102)
    assert done.returncode == 0, done.stdout + done.stderr


def test_sizes_that_are_made_from_facts_are_not_known_yet(preflight: Preflight) -> None:
    done = preflight(
        uwsgi_memory_mb="{{ ansible_facts.memtotal_mb // 2 }}", uwsgi_cpus="{{ ansible_facts['processor_nproc'] }}"
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_primary_may_be_named(preflight: Preflight) -> None:
    done = preflight(database_primary="db1")
    assert done.returncode == 0, done.stdout + done.stderr


def test_tokens_are_for_rds_alone(preflight: Preflight) -> None:
    assert "which only RDS knows" in refused(preflight(database_auth="iam"))


UNREADABLE = "!vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  6162\n"


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (
            "Task failed: Error while evaluating conditional: object of type 'dict' has no attribute 'secret_key'",
            ["ask for 'secret_key', which is not there", "run playbooks/secrets.yml"],
        ),
        ("Task failed: Error rendering expression: 'shop_key' is undefined", ["ask for 'shop_key'"]),
        (
            "Task failed: Error rendering expression: Attempt to use undecryptable variable: Attempting to decrypt but no vault "
            "secrets found.",
            ["encrypted by ansible-vault", "--ask-vault-pass"],
        ),
        ("shop: domain x is none. See docs/applications.md.", ["shop: domain x is none."]),
    ],
)
def test_what_ansible_says_of_a_value_is_said_in_the_operators_words(message: str, words: list[str]) -> None:
    said = preflight_cause(message)
    assert all(word in said for word in words)
    assert "Task failed" not in said
    assert "Error " not in said


def test_secrets_that_cannot_be_decrypted_are_named_as_that(preflight: Preflight, tmp_path: Path) -> None:
    """Lists that were added up complained of lists here."""
    done = preflight(applications={"shop": ENTRY}, secrets={"authority": "LOCKED"})
    assert done.returncode != 0
    path = tmp_path / "group_vars" / "env_test.yml"
    path.write_text(path.read_text().replace("authority: LOCKED", f"authority: {UNREADABLE}".replace("\n", "\n    ")))
    again = subprocess.run(
        [str(PLAYBOOK), "-i", str(tmp_path / "hosts.yml"), "playbooks/parts/preflight.yml"],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "1000"},
    )  # fmt: skip
    said = again.stdout + again.stderr
    assert "can only concatenate" not in said
    assert "no vault secrets found" in said


def test_a_file_of_secrets_that_others_may_read_is_refused(preflight: Preflight, tmp_path: Path) -> None:
    path = tmp_path / "secrets.yml"
    path.write_text("secrets: {}\n")
    path.chmod(0o640)
    message = refused(preflight(secrets_file=str(path)))
    assert f"others on this machine may read it (mode 0640): run 'chmod 600 {path}'" in message


def test_a_domain_of_two_applications_is_refused(preflight: Preflight) -> None:
    other = {**ENTRY, "database": {"password": STRONG[2], "owner_password": STRONG[3]}}
    message = refused(preflight(applications={"shop": ENTRY, "store": other}))
    assert "www.example.org is listed twice; a name belongs to one site" in message


def test_certificates_that_no_authority_would_issue_are_refused_all_at_once(preflight: Preflight) -> None:
    entries = {"shop": {**ENTRY, "domains": ["192.0.2.7"], "certificate_provider": "acme"}}
    message = refused(
        preflight(
            applications=entries, nginx_http_port=8080, network_visitors=["10.0.0.0/8"], acme_email="nobody", acme_staging=True,
        )
    )  # fmt: skip
    for word in (
        "192.0.2.7 is an address", "Set nginx_http_port: 80", "port 80 is closed to everybody but 10.0.0.0/8",
        "acme_email 'nobody' is no address of e-mail", "certificate_provider: project_ca or files",
    ):  # fmt: skip
        assert word in message
    assert "nginx_tls_mode" not in message


def test_public_names_may_ask_an_authority(preflight: Preflight) -> None:
    done = preflight(applications={"shop": ENTRY}, nginx_tls_mode="acme", acme_email="ops@company.com")
    assert done.returncode == 0, done.stdout + done.stderr
