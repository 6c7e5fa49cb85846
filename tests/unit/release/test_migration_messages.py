"""What is said of migrations: refusals with their remedies, and what was not judged."""

from __future__ import annotations

import json
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.release.trial import worse
from ansible_collections.django_ec2.site.plugins.plugin_utils.release import migrations


def refused(**said: Any) -> str:
    run = {"rc": 3, "stdout": f"log\n{json.dumps(said)}"}
    return migrations.gate_message(run, "shop", "r4")


def test_a_refused_migration_names_what_breaks_and_the_remedy() -> None:
    said = refused(breaking={"s.2": ["drops the column s_item.price"]}, kinds={"s.2": ["drop"]}, packages={})
    assert "s.2 drops the column s_item.price" in said
    assert "deploy first a release that does not use it any more" in said
    assert "-e deploy_allow_breaking_migrations=true" in said


def test_one_that_its_text_decided_about_has_the_general_remedy() -> None:
    assert "Deploy them in two steps" in refused(breaking={"s.2": ["drops the column s.item.price"]}, kinds={})


def test_a_package_of_others_is_not_to_be_written_differently() -> None:
    said = refused(
        breaking={"account.5": ["makes email unique"]},
        kinds={"account.5": ["unique"]},
        packages={"account.5": "allauth 0.60"},
    )
    assert "account.5 comes with the package allauth 0.60" in said
    assert "pin it in the requirements" in said
    assert "SeparateDatabaseAndState" not in said


def test_a_part_of_a_migration_is_told_as_that() -> None:
    run = {"rc": 4, "stdout": json.dumps({"error": 'relation "a" already exists', "partly": "shop.0003_x"})}
    said = migrations.gate_message(run, "shop", "r4", "shop-manage --slot green --owner")
    assert "shop.0003_x is not atomic" in said
    assert "'shop-manage --slot green --owner sqlmigrate shop 0003_x'" in said
    assert "migrate --fake shop 0003_x'" in said
    assert "cannot start" not in said


def test_a_release_that_cannot_start_is_told_as_that() -> None:
    assert "cannot start" in migrations.gate_message({"rc": 1, "stderr": "SyntaxError"}, "shop", "r4")


TRIED = {
    "plan": ["s.2", "s.3"], "judged": ["s.2"], "findings": {"s.2": []}, "kinds": {}, "broken": [], "reason": "", "notes": [],
    "not_judged": ["s.2: RunPython fill works with rows"], "stopped": "s.3: DataError: division by zero",
}  # fmt: skip


def test_what_was_not_judged_is_said() -> None:
    found = migrations.tried("shop", {"name": "shop_scratch"}, TRIED)
    assert found["verdict"]["judged"] == ["s.2"]
    assert found["notes"] == [
        "shop: the text decides about what could not be tried, from s.3: DataError: division by zero.",
        "shop: not judged: s.2: RunPython fill works with rows.",
    ]


def test_why_the_text_decides_is_said() -> None:
    older = migrations.tried(
        "shop", {"name": "", "reason": "pg_dump of this host (15) is older than the server (16)"}, {}
    )
    assert older["verdict"] == {}
    assert "pg_dump of this host (15) is older than the server (16)" in older["notes"][0]
    late = migrations.tried("shop", {"name": "shop_scratch"}, {"reason": "the trial took more than 60 seconds"})
    assert late["verdict"] == {}
    assert "more than 60 seconds" in late["notes"][0]


def test_each_database_that_lacks_migrations_is_tried() -> None:
    entry = {
        "database": {"name": "shop", "owner": "shop_owner"},
        "databases": {
            "facts": {"name": "shop_facts", "owner": "shop_facts_owner"},
            "idle": {"name": "i", "owner": "i_owner"},
        },
    }
    first = {"alias": "default", "name": "shop", "owner": "shop_owner"}
    second = {"alias": "facts", "name": "shop_facts", "owner": "shop_facts_owner"}
    assert migrations.to_try(entry, ["s.2", "s.2 in facts"]) == [first, second]
    assert migrations.to_try(entry, ["s.2 in facts"]) == [second]
    assert migrations.to_try(entry, []) == []


def test_trials_of_an_application_are_one_verdict() -> None:
    one = migrations.trials({}, "shop", "default", {"name": "shop_scratch"}, TRIED)
    both = migrations.trials(one, "shop", "facts", {"name": "", "reason": "no room"}, {})
    assert both["verdict"]["judged"] == ["s.2"]
    assert both["verdict"]["more"] == {"facts": {}}
    assert both["notes"][-1].startswith("shop, facts: the text of the migrations decides")
    alone = migrations.trials({}, "shop", "facts", {"name": "shop_facts_scratch"}, {**TRIED, "stopped": ""})
    assert alone["verdict"]["more"]["facts"]["judged"] == ["s.2"]


def test_what_the_trial_found_is_kept_for_a_rollback() -> None:
    gates = {"shop": {"migrations": {"s.1": [], "s.2": []}, "plan": ["s.2"]}}
    found = migrations.recorded(gates, "shop", {"reasons": {"s.2": ["adds the trigger t"]}})
    assert found["shop"]["migrations"] == {"s.1": [], "s.2": ["adds the trigger t"]}
    assert migrations.recorded({}, "shop", {}) == {"shop": {"migrations": {}}}


def test_only_what_worked_before_can_break() -> None:
    before = {"shop.Item": "", "/": "status 500: Site matching query does not exist", "/up/": ""}
    after = {
        "shop.Item": "ProgrammingError: no such column\nLINE 1",
        "/": "status 500: other",
        "/up/": "",
        "shop.New": "error",
    }
    assert worse(before, after) == ["breaks shop.Item of the release that serves (ProgrammingError: no such column)"]
