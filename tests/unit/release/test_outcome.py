"""Applications that fail in a run while the others go on, and the last words of such a run."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.release.services import LOG_LINES, last_words
from ansible_collections.django_ec2.site.plugins.plugin_utils.release import messages, migrations, outcome


def host(name: str, pending: list[str], locked: list[str] | None = None, **failures: str) -> dict[str, Any]:
    return {
        "inventory_hostname": name,
        "__release_pending": pending,
        "__release_locked": locked or [],
        "release_failures": failures,
    }


def build(name: str, problem: str = "", python: str = "3.13") -> dict[str, Any]:
    return {"item": {"name": name, "python": python}} | ({"problem": problem} if problem else {"input_key": "k"})


def test_all_hosts_get_the_same_list_without_what_failed_on_one() -> None:
    hosts = [
        host("web1", ["board", "shop"]),
        host("web2", ["shop", "blog"], board="no room"),
        {"inventory_hostname": "web3"},
    ]
    assert outcome.all_pending(hosts) == ["shop", "blog"]


def test_a_build_that_fails_for_one_kind_of_host_leaves_the_application_out_on_all() -> None:
    keys = [build("shop"), build("shop", python="3.11"), build("board"), build("blog", "no such branch")]
    built = [build("shop", "no wheel", python="3.11"), build("board")]
    assert [one["item"]["name"] for one in outcome.buildable(keys, built)] == ["board"]
    assert outcome.build_failures([*keys, *built]) == {"blog": "no such branch", "shop": "no wheel"}


def test_the_locks_of_what_failed_are_given_back_on_every_host() -> None:
    hosts = [
        host("web1", [], ["board", "shop"], shop="x"),
        host("web2", [], ["board", "shop"]),
        {"inventory_hostname": "web3"},
    ]
    assert outcome.locks_of_failed(hosts) == [["web1", "shop"], ["web2", "shop"]]


def test_a_run_without_failures_has_nothing_to_say() -> None:
    assert outcome.outcome([host("web1", []), {"inventory_hostname": "web2"}], ["board"]) == ""


def test_the_last_words_name_each_application_its_hosts_and_the_reason() -> None:
    said = outcome.outcome(
        [host("web1", [], shop="its master ended", blog="no wheel"), host("web2", [], blog="no wheel")],
        ["board", "shop", "blog"],
    )
    assert said.splitlines() == [
        "Failed: shop, blog. board is as the run was to leave it.",
        "shop on web1: its master ended",
        "blog: no wheel",
    ]


def test_a_long_reason_keeps_its_beginning_and_its_end() -> None:
    said = outcome.cause(
        "\n".join(["Release x did not become live. Its log:", *map(str, range(200)), "KeyError: 'DEBUG'"])
    )
    assert len(said.splitlines()) < 15
    assert said.startswith("Release x did not become live")
    assert said.endswith("KeyError: 'DEBUG'")


def test_a_loop_says_what_its_items_said_each_once() -> None:
    failed = {"failed": True, "msg": "the disk is full"}
    result = {"msg": "One or more items failed", "results": [failed, {"changed": True}, failed]}
    assert messages.failure(result) == "the disk is full"


def test_the_error_of_a_migration_is_said_once_and_last() -> None:
    stdout = '  Applying shop.0002_x...{"error": "relation \\"shop_x\\" already exists"}'
    said = migrations.gate_message({"stdout": f'{stdout}\n{{"error": "it exists"}}'}, "shop", "abc")
    assert said.splitlines()[1:] == ["  Applying shop.0002_x...".strip(), "it exists"]


@pytest.mark.parametrize(
    "routine", ["Scheduled restart job, restart counter is at 3.", "Failed to start x.service - x."]
)
def test_a_log_ends_with_what_the_process_said(routine: str) -> None:
    trace = "\n".join(f"  line {number}" for number in range(300))
    log = f"{trace}\nRuntimeError: broken\nx.service: {routine}\nStarting x.service - x...\n"
    lines = last_words(log, "x.service").splitlines()
    assert lines[-1] == "RuntimeError: broken"
    assert len(lines) == LOG_LINES


def test_a_project_that_falls_back_to_sqlite_is_told_so() -> None:
    said = "django.db.utils.OperationalError: unable to open database file"
    for message in (
        messages.failure({"msg": f"release_commands: 'migrate' failed: {said}"}),
        messages.failure({"msg": "it failed", "stderr": said}),
    ):
        assert "The project's default database here is SQLite" in message
        assert "falls back to SQLite" in message
        assert "${database_url}" in outcome.cause(message)
    named = messages.failure({"msg": f'{said} (DATABASES["default"] is SQLite, in the file /srv/x/db.sqlite3)'})
    assert 'SQLite (DATABASES["default"] is SQLite, in the file /srv/x/db.sqlite3)' in outcome.cause(named)
    assert "falls back to SQLite" in messages.failure({"stderr": "attempt to write a readonly database"})
    assert "SQLite" not in messages.failure({"msg": "no route to host"})


def test_a_reason_that_names_its_application_does_so_once() -> None:
    said = outcome.outcome([host("web1", [], shop="shop: its mail can't be sent")], ["shop"])
    assert said.splitlines()[-1] == "shop: its mail can't be sent"
