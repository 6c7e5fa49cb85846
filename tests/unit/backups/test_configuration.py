"""The sections of pgbackrest.conf for each kind of host."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.filter.pgbackrest import pgbackrest_databases
from ansible_collections.django_ec2.site.plugins.plugin_utils.backups.configuration import client, settings

DATABASES = [
    {"name": "db1", "address": "10.0.0.1", "data_directory": "", "port": 5432},
    {"name": "db2", "address": "10.0.0.2", "data_directory": "/data/pg", "port": 5433},
]
GIVEN: dict[str, Any] = {
    "repository": {"type": "host"}, "repository_address": "10.0.0.9", "databases": DATABASES, "stanza": "main", "key": "k" * 40,
    "repository_path": "/var/lib/pgbackrest", "retention_days": 14, "processes": 2, "port": 8432, "settings": {},
    "data_directory": "/var/lib/postgresql/17/main",
}  # fmt: skip
REPOSITORY = {**GIVEN, "host": "backup1", "address": "10.0.0.9", "peers": ["db1", "db2"], "is_repository": True}
DATABASE = {**GIVEN, "host": "db2", "address": "10.0.0.2", "peers": ["backup1"], "is_repository": False}
S3 = {
    **GIVEN, "repository": {"type": "s3", "bucket": "b", "region": "eu-central-1"}, "repository_address": "", "host": "db1",
    "address": "10.0.0.1", "peers": [], "is_repository": True,
}  # fmt: skip


def test_the_repository_host_asks_each_database_host_and_admits_them() -> None:
    found = settings(REPOSITORY)
    assert found["global"]["tls-server-auth"] == ["pgbackrest-db1=main", "pgbackrest-db2=main"]
    assert found["global"]["repo1-path"] == "/var/lib/pgbackrest"
    assert (found["main"]["pg1-host"], found["main"]["pg2-host"]) == ("10.0.0.1", "10.0.0.2")
    assert (found["main"]["pg1-path"], found["main"]["pg2-path"]) == ("/var/lib/postgresql/17/main", "/data/pg")
    assert found["main"]["pg2-port"] == 5433
    assert "archive-async" not in found["global"]


def test_a_database_host_knows_neither_the_key_nor_the_others() -> None:
    found = settings(DATABASE)
    text = str(found)
    assert "k" * 40 not in text
    assert "cipher" not in text
    assert found["global"]["repo1-host"] == "10.0.0.9"
    assert found["global"]["tls-server-auth"] == ["pgbackrest-backup1=main"]
    assert found["main"] == {"pg1-path": "/data/pg", "pg1-port": 5433}


def test_with_s3_the_database_host_is_alone_and_encrypts() -> None:
    found = settings(S3)
    assert not [name for name in found["global"] if name.startswith("tls-server")]
    assert found["global"]["repo1-s3-endpoint"] == "s3.eu-central-1.amazonaws.com"
    assert found["global"]["repo1-s3-key-type"] == "auto"
    assert "repo1-s3-key" not in found["global"]
    assert found["global"]["repo1-cipher-type"] == "aes-256-cbc"
    assert found["main"] == {"pg1-path": "/var/lib/postgresql/17/main", "pg1-port": 5432}


def test_keys_and_another_service_are_passed_on() -> None:
    other = {
        "type": "s3", "bucket": "b", "region": "r", "key_type": "shared", "key": "id", "key_secret": "s", "endpoint": "s3.test",
        "port": 9000, "uri_style": "path", "ca_file": "/ca.pem", "path": "/staging",
    }  # fmt: skip
    found = settings({**S3, "repository": other})["global"]
    assert (found["repo1-s3-key"], found["repo1-s3-key-secret"]) == ("id", "s")
    assert (found["repo1-storage-port"], found["repo1-storage-ca-file"]) == (9000, "/ca.pem")
    assert (found["repo1-path"], found["repo1-s3-uri-style"]) == ("/staging", "path")


def test_a_host_that_is_away_is_tried_for_seconds_and_s3_for_as_long_as_it_needs() -> None:
    assert settings(REPOSITORY)["global"]["io-timeout"] == settings(DATABASE)["global"]["io-timeout"] == 20
    assert "io-timeout" not in settings(S3)["global"]
    patient = {**REPOSITORY, "settings": {"io-timeout": 120}}
    assert settings(patient)["global"]["io-timeout"] == 120


def test_a_host_that_dies_while_it_is_copied_is_given_up_in_half_a_minute() -> None:
    for one in (REPOSITORY, DATABASE):
        found = settings(one)["global"]
        silence, times, every = (found[f"tcp-keep-alive-{name}"] for name in ("idle", "count", "interval"))
        assert silence + times * every <= 30


def test_the_operators_settings_have_the_last_word() -> None:
    assert settings({**REPOSITORY, "settings": {"compress-type": "lz4"}})["global"]["compress-type"] == "lz4"


def test_a_client_is_told_by_a_name_that_fits_a_certificate() -> None:
    assert client("db1") == "pgbackrest-db1"
    assert len(client("x" * 100)) == 64


@pytest.mark.parametrize("primary", ["db2", ""])
def test_the_primary_comes_first(primary: str) -> None:
    hosts = [{"inventory_hostname": name, "private_address": "10.0.0.1"} for name in ("db1", "db2")]
    assert pgbackrest_databases(hosts, primary)[0]["name"] == (primary or "db1")
