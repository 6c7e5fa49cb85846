"""The poolers of a web host: who has one, what they have to know, and how they are paused and switched."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.pgbouncer import plan
from ansible_collections.django_ec2.site.plugins.plugin_utils import capacity, pooler
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.environment import application_environment
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.pooling import pooling_of, pooling_problems

from .entries import SERVER, STRONG, endpoints, resolved

ROOT = Path(__file__).resolve().parents[3]
POOLED = {**SERVER, "mode": "self_hosted", "pooling": "transaction", "address": "10.0.0.5"}
SOCKET = "/run/pgbouncer/self_hosted-transaction"


@pytest.mark.parametrize(
    ("own", "changes", "mode"),
    [
        ("", {}, "transaction"),
        ("session", {}, "session"),
        ("none", {}, "none"),
        ("", {"pooling": "none"}, "none"),
        ("transaction", {"pooling": "none"}, "transaction"),
        ("", {"authentication": "iam"}, "none"),
        ("", {"host": "/var/run/postgresql"}, "none"),
        ("session", {"host": "/var/run/postgresql"}, "session"),
    ],
)
def test_who_has_a_pooler(own: str, changes: dict[str, Any], mode: str) -> None:
    assert pooling_of(resolved(pooling=own), {**POOLED, **changes}) == mode


def test_tokens_and_a_pooler_are_refused_with_the_remedy() -> None:
    server = {**POOLED, "authentication": "iam"}
    assert pooling_problems([resolved()], server) == []
    said = pooling_problems([resolved(pooling="session")], server)[0]
    assert (
        said.startswith("applications.shop: pooling is session, and database_auth is iam.")
        and "Take pooling out" in said
    )
    assert "choose one of transaction, session, none" in pooling_problems([], {**POOLED, "pooling": "statement"})[0]


def test_an_application_finds_the_socket_and_migrations_the_server() -> None:
    found = endpoints(resolved(), **POOLED)
    application = found["application"]
    assert (application["host"], application["port"], application["user"], application["sslmode"]) == (
        SOCKET,
        6432,
        "shop",
        "",
    )
    assert STRONG not in str(application)
    assert application["options"] == {"connect_timeout": 3, "application_name": "shop"}
    assert found["replica"] == application
    assert (found["owner"]["host"], found["owner"]["sslmode"], found["owner"]["user"]) == (
        "db1",
        "verify-full",
        "shop_owner",
    )


def test_a_replica_has_a_pooler_of_its_own_and_who_migrates_has_none() -> None:
    found = endpoints(resolved(), **POOLED, replica_host="ro")
    assert found["replica"]["host"] == f"{SOCKET}-replica"
    assert (found["owner_replica"]["host"], found["owner_replica"]["user"]) == ("ro", "shop_owner")
    text = application_environment(resolved(environment={"R": "${database_replica_url}"}), found, "r1", owner=True)
    assert 'R="postgresql://shop_owner:' in text and "@ro:5432/shop" in text


def test_the_environment_of_an_application_has_no_password_and_verifies_other_links() -> None:
    entry = resolved(environment={"URL": "${database_url}"})
    text = application_environment(entry, endpoints(entry, **POOLED), "r1")
    assert 'URL="postgresql://shop:peer@%2Frun%2Fpgbouncer%2Fself_hosted-transaction:6432/shop"' in text
    assert STRONG not in text
    for line in (
        'DJANGO_SETTINGS_MODULE="managed_settings"', 'MANAGED_DATABASE_POOLING="transaction"', 'PGSSLMODE="verify-full"',
        'PGAPPNAME="shop"', 'MANAGED_SETTINGS_MODULE="shop.settings"',
    ):  # fmt: skip
        assert line in text.splitlines()
    assert "PGTARGETSESSIONATTRS" not in text
    assert "CHOSEN" not in text
    chosen = resolved(pooling="transaction")
    assert 'MANAGED_DATABASE_POOLING_CHOSEN="true"' in application_environment(
        chosen, endpoints(chosen, **POOLED), "r1"
    )


def test_settings_that_are_classes_stay_as_they_are() -> None:
    entry = resolved(environment={"DJANGO_CONFIGURATION": "Production"})
    text = application_environment(entry, endpoints(entry, **POOLED), "r1")
    assert 'DJANGO_SETTINGS_MODULE="shop.settings"' in text and "MANAGED_" not in text


def test_the_pooler_knows_address_login_and_size() -> None:
    database = {"password": "it's", "owner_password": "x", "login": "shop_b"}
    entry = resolved(database=database, databases={"facts": {"password": "f", "owner_password": "g"}}, threads=2)
    (instance,) = pooler.instances([entry], POOLED, "4")
    assert (instance["name"], instance["pool_mode"], instance["read_only"]) == (
        "self_hosted-transaction",
        "transaction",
        False,
    )
    first, more = instance["databases"]
    assert first == {
        "name": "shop", "account": "shop", "host": "10.0.0.5", "port": 5432, "user": "shop_b", "password": "it's", "pool_size": 8,
    }  # fmt: skip
    assert (more["name"], more["account"], more["user"], more["pool_size"]) == ("shop_facts", "shop", "shop_facts", 8)
    text = pooler.target(instance)
    assert (
        "shop = host=10.0.0.5 port=5432 dbname='shop' user='shop_b' password='it''s' pool_size=8" in text.splitlines()
    )
    # Before the databases: pgbouncer.ini includes it in its own section.
    assert text.splitlines()[1:3] == ["server_tls_ca_file = /etc/ssl/database/ca.pem", "[databases]"]
    assert plan.parse_databases(text)["shop"]["password"] == "it's"


def test_each_way_is_a_pooler_of_its_own() -> None:
    entries = [resolved(), {**resolved(), "name": "blog", "pooling": "session"}]
    names = [one["name"] for one in pooler.instances(entries, {**POOLED, "replica_host": "ro"}, 2)]
    assert names == [
        "self_hosted-session", "self_hosted-session-replica", "self_hosted-transaction", "self_hosted-transaction-replica",
    ]  # fmt: skip
    assert [one["read_only"] for one in pooler.instances(entries, {**POOLED, "replica_host": "ro"}, 2)] == [
        False,
        True,
    ] * 2
    assert pooler.instances(entries, {**POOLED, "mode": "rds"}, 2)[0]["name"] == "rds-session"


def test_an_application_stays_known_where_its_live_release_asks() -> None:
    blog = {**resolved(), "name": "blog", "user": "blog", "pooling": "transaction"}
    live = {"shop": ["self_hosted-transaction", "self_hosted-session"], "blog": ["self_hosted-transaction"]}

    def known(pooling: str, **more: object) -> dict[str, list[str]]:
        entries = [resolved(pooling=pooling), blog]
        made = pooler.instances(entries, {**POOLED, **more}, 2, live)
        return {one["name"]: sorted(database["account"] for database in one["databases"]) for one in made}

    assert known("none") == {"self_hosted-transaction": ["blog", "shop"]}
    assert known("session") == {"self_hosted-session": ["shop"], "self_hosted-transaction": ["blog", "shop"]}
    # One that it did not leave has it once.
    assert known("transaction") == {"self_hosted-transaction": ["blog", "shop"]}
    # The poolers of another server are left as they are, until nobody uses them.
    assert known("none", mode="rds") == {"rds-transaction": ["blog"]}
    assert pooler.guests([resolved(pooling="none"), blog], POOLED, {}) == {}
    # Nobody else is there: it is retired as a whole, after the switch.
    assert pooler.instances([resolved(pooling="none")], POOLED, 2, live) == []


def test_the_fact_tells_the_poolers_of_live_releases(tmp_path: Path) -> None:
    environments = {
        "shop": 'DATABASE_URL="postgres://shop:peer@%2Frun%2Fpgbouncer%2Fself_hosted-transaction:6432/shop?connect_timeout=3"\n',
        "blog": 'PGHOST="/run/pgbouncer/rds-session"\nREPLICA="/run/pgbouncer/rds-session-replica"\n',
        "straight": 'PGHOST="db1"\n',
    }
    for name, text in environments.items():
        (tmp_path / name / "live").mkdir(parents=True)
        (tmp_path / name / "live" / "environment").write_text(text)
    program = (ROOT / "roles/pgbouncer/files/pgbouncer_live.fact").read_text().replace("/srv", str(tmp_path))
    program = program.replace("path.parts[2]", f"path.parts[{len(tmp_path.parts)}]")
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert json.loads(told) == {
        "blog": ["rds-session", "rds-session-replica"],
        "shop": ["self_hosted-transaction"],
    }


def test_the_server_has_to_admit_the_pools() -> None:
    entry = resolved(processes=3)
    databases = [{"name": "shop", "connection_limit": -1}]
    (pooled,) = capacity.count_connections(databases, [entry], [2, 2], POOLED)
    assert (pooled["connections"], pooled["connections_for"]) == (
        6,
        "6 workers on 2 web hosts, in the pools of PgBouncer",
    )
    # While an application changes over, it has both.
    assert capacity.limit_connections([pooled])[0]["connection_limit"] == 12
    (session,) = capacity.count_connections(databases, [{**entry, "pooling": "session"}], [2, 2], POOLED)
    assert session["connections"] == 12
    assert capacity.pool_size(entry, 2, "session") == 6


def test_a_pooler_that_cannot_verify_or_log_in_is_refused() -> None:
    database = {
        "name": "shop",
        "account": "shop",
        "host": "db1",
        "port": 5432,
        "user": "shop",
        "password": "",
        "pool_size": 1,
    }
    said = pooler.problems([{"name": "x", "ca_file": "", "databases": [database, database]}])
    assert any("'shop' is there twice" in one for one in said)
    assert any("ca_file is empty" in one for one in said)
    assert any("has no password" in one for one in said)
    good = {**database, "host": "/var/run/postgresql", "password": "x"}
    assert pooler.problems([{"name": "x", "ca_file": "", "databases": [good]}]) == []


def test_a_target_that_a_move_left_behind_is_not_put_back() -> None:
    instances = pooler.instances([resolved()], POOLED, 2)
    fact = {"self_hosted-transaction": {"to": ["10.9.9.9:5432"], "at": "2026-11-26 10:00:00 UTC"}}
    said = pooler.moved(instances, fact)[0]
    assert "was pointed at 10.9.9.9:5432" in said and "the inventory says 10.0.0.5:5432" in said
    assert pooler.moved(instances, {"self_hosted-transaction": {"to": ["10.0.0.5:5432"], "at": ""}}) == []
    assert pooler.moved(instances, {}) == [] == pooler.moved(instances, "no mapping")


def rows(*paused: int) -> list[dict[str, Any]]:
    return [{"name": f"db{n}", "paused": one, "host": "h", "port": 5432} for n, one in enumerate(paused)]


def test_what_a_pooler_is() -> None:
    assert [plan.standing(rows(*one)) for one in ((), (0, 0), (1, 0), (1, 1))] == [
        "active",
        "active",
        "partly",
        "paused",
    ]
    assert plan.refusal_to_pause("a", rows(0), None) == ""
    record = {"token": "t", "since": "10:00", "who": "alice"}
    assert "paused already since 10:00, by alice" in plan.refusal_to_pause("a", rows(1), record)


def test_a_pause_holds_for_its_own_token_alone() -> None:
    record = {"token": "t"}
    assert plan.holds("t", rows(1, 1), record)
    assert not plan.holds("other", rows(1, 1), record)
    assert not plan.holds("t", rows(1, 0), record), "somebody resumed one"
    assert not plan.holds("t", rows(1, 1), None)


def test_a_target_that_was_not_taken_over_is_seen() -> None:
    wanted = {"db0": {"host": "h", "port": "5432"}, "db1": {"host": "other"}}
    assert plan.wrong_targets(rows(0, 0), wanted) == ["db1: h:5432"]


def test_why_no_pause_is_said_by_host() -> None:
    said = pooler.unpaused(
        {"web1": {"paused": True}, "web2": {"paused": False, "busy": "shop"}, "web3": {"skipped": True}}
    )
    assert said == ["web2: shop"]


def test_what_clients_saw_of_a_pause_is_said_by_host() -> None:
    paused = {"web1": {"paused": True}, "web2": {"paused": True}, "web3": {"paused": False, "busy": "shop (1)"}}
    resumed = {"web1": {"expired": False}, "web2": {"expired": True}, "web3": {"skipped": True}}
    said = pooler.noticed(paused, resumed, 60)
    assert said[0] == "Requests were not held back, and those that came meanwhile failed. web3: shop (1)."
    assert said[1].startswith("web2: this took longer than a pause may (60 s, pgbouncer_resume_after)")
    assert len(said) == 2
    assert pooler.noticed({"web1": {"skipped": True}}, {"web1": {"skipped": True}}, 60) == []
