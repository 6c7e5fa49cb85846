"""Branches of the role postgres that need no host."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from render import SYSTEMS, evaluate, render

GIVEN: dict[str, Any] = {
    "private_address": "10.0.0.5",
    "postgres_databases": [{"name": "shop", "owner_password": "first secret", "password": "second secret"}],
}


def lines(template: str, system: str = "Debian_13", **variables: Any) -> list[str]:
    """Lines of a template that say something, with single spaces."""
    text = render("postgres", template, system, **{**GIVEN, **variables})
    return [" ".join(line.split()) for line in text.splitlines() if line.strip() and not line.startswith("#")]


def test_no_client_gets_in_unless_listed() -> None:
    assert [line for line in lines("pg_hba.conf.j2") if line.startswith("hostssl")] == [
        # Into the scratch database, which a deploy tries migrations on, as the owner alone.
        'hostssl "shop","shop_scratch" "shop_owner" samehost scram-sha-256',
        'hostssl "shop" "shop" samehost scram-sha-256',
        'hostssl "shop" "shop_b" samehost scram-sha-256',
    ]


def test_clients_get_into_their_database_as_its_roles() -> None:
    found = lines("pg_hba.conf.j2", postgres_clients=["10.0.0.7", "10.0.0.7/32", "fd00::/8"])
    assert 'hostssl "shop" "shop" 10.0.0.7/32 scram-sha-256' in found
    assert 'hostssl "shop","shop_scratch" "shop_owner" fd00::/8 scram-sha-256' in found
    assert len([line for line in found if "10.0.0.7" in line]) == 3


def test_the_last_lines_reject() -> None:
    found = lines("pg_hba.conf.j2", postgres_clients=["10.0.0.7"])
    assert found[0] == "local all postgres peer"
    assert found[-4:] == [
        "local all all reject",
        "local replication all reject",
        "host all all all reject",
        "host replication all all reject",
    ]
    assert [line for line in found if line.startswith("host ") and not line.endswith("reject")] == []


CLUSTER: dict[str, Any] = {
    "inventory_hostname": "db2",
    "postgres_hosts": [{"name": "db1", "address": "10.0.0.4"}, {"name": "db2", "address": "10.0.0.5"}],
    "postgres_primary": False,
    "postgres_primary_host": "db1",
}


def test_the_other_hosts_get_in_by_their_certificates_alone() -> None:
    found = lines("pg_hba.conf.j2", **CLUSTER)
    assert 'hostssl replication,"postgres" "replication" 10.0.0.4/32 cert map=replication' in found
    assert not any("10.0.0.5" in line for line in found)
    assert found[-1] == "host replication all all reject"
    assert lines("pg_ident.conf.j2", **CLUSTER) == ['replication "db1" "replication"']


def test_a_standby_follows_and_a_primary_does_not() -> None:
    found = lines("managed.conf.j2", **CLUSTER)
    conninfo = next(line for line in found if line.startswith("primary_conninfo = "))
    assert "host=db1 hostaddr=10.0.0.4" in conninfo and "sslmode=verify-full" in conninfo
    assert "primary_slot_name = 'standby_db2'" in found
    assert "max_slot_wal_keep_size = '1024MB'" in found
    found = lines("managed.conf.j2", **{**CLUSTER, "postgres_primary": True, "postgres_primary_host": "db2"})
    assert not any(line.startswith("primary_") for line in found)
    assert "max_slot_wal_keep_size = '1024MB'" in found
    # Where there is one host, nothing of it.
    assert not any("slot" in line or "primary_" in line for line in lines("managed.conf.j2"))


def test_what_a_rewind_needs_is_logged_where_pages_have_no_checksums() -> None:
    assert "wal_log_hints = 'on'" in lines("managed.conf.j2", **CLUSTER, postgres_data_checksums=False)
    assert not any("wal_log_hints" in line for line in lines("managed.conf.j2", **CLUSTER))


def test_a_standby_makes_no_cluster_of_its_own() -> None:
    assert "create_main_cluster = false" in lines("createcluster.conf.j2", **CLUSTER)
    assert "create_main_cluster = false" not in lines("createcluster.conf.j2", **{**CLUSTER, "postgres_primary": True})


def test_settings_have_the_last_word_and_are_there_once() -> None:
    found = lines(
        "managed.conf.j2", postgres_settings={"work_mem": "32MB", "jit": False, "shared_preload_libraries": ["a", "b"]}
    )
    names = [line.split(" = ")[0] for line in found]
    assert len(names) == len(set(names))
    assert {"work_mem = '32MB'", "jit = 'off'", "shared_preload_libraries = 'a,b'"} <= set(found)


@pytest.mark.parametrize("system", SYSTEMS)
def test_settings_of_a_host_with_2_gb(system: str) -> None:
    found = lines("managed.conf.j2", system)
    assert {"shared_buffers = '512MB'", "port = '5432'", "ssl = 'on'", "listen_addresses = '*'"} <= set(found)


@pytest.mark.parametrize(
    "template", ["managed.conf.j2", "pg_hba.conf.j2", "createcluster.conf.j2", "postgres-check-config.j2"]
)
def test_no_file_carries_a_password(template: str) -> None:
    assert "secret" not in " ".join(lines(template))


def test_how_a_cluster_is_created() -> None:
    assert lines("createcluster.conf.j2") == ["initdb_options = '--encoding=UTF8 --locale=C.UTF-8 --data-checksums'"]
    assert lines(
        "createcluster.conf.j2", postgres_data_checksums=False, postgres_data_directory="/data", postgres_locale="C"
    ) == ["initdb_options = '--encoding=UTF8 --locale=C'", "data_directory = '/data'"]


def test_the_unit_waits_for_the_volume() -> None:
    assert lines("service.conf.j2")[:2] == ["[Service]", "OOMScoreAdjust=-900"]
    assert "RequiresMountsFor=/data" in lines("service.conf.j2", postgres_data_directory="/data")


@pytest.mark.parametrize(
    ("system", "version"), [("Debian_12", "15"), ("Debian_13", "17"), ("Ubuntu_24.04", "16"), ("Ubuntu_26.04", "18")]
)
def test_version_of_the_distribution(system: str, version: str) -> None:
    assert evaluate("postgres", "__postgres_unit", system) == f"postgresql@{version}-main.service"
    assert f"bin=/usr/lib/postgresql/{version}/bin" in lines("postgres-check-config.j2", system)


def test_names_in_the_certificate() -> None:
    (request,) = evaluate(
        "postgres", "__postgres_certificates", **GIVEN, postgres_server_names=["db.test", "host.test"]
    )
    assert request["subject_alt_names"] == [
        "DNS:host.test",
        "DNS:localhost",
        "IP:127.0.0.1",
        "IP:10.0.0.5",
        "DNS:db.test",
    ]
    assert (request["owner"], request["group"], request["mode"]) == ("postgres", "postgres", "0600")
