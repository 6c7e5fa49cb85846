"""A rollback is held against what the database has, and its advice leads to a rollback."""

from __future__ import annotations

from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils.release.reversal import rollback_problem

DROP = "drops the column shop.item.old"
OLD = {"shop.0001_initial": [], "auth.0001_initial": []}
NEW = {
    **OLD,
    "shop.0002_more": [],
    "shop.0003_less": [DROP],
    "shop.0004_even_less": ["drops the column shop.item.older"],
}
BACK = {
    "shop.0001_initial": {"to": "zero", "reversible": True},
    "shop.0002_more": {"to": "0001_initial", "reversible": True},
    "shop.0003_less": {"to": "0002_more", "reversible": True},
    "shop.0004_even_less": {"to": "0003_less", "reversible": True},
}


def state(**releases: Any) -> dict[str, Any]:
    """A host with the release ``new`` live in the slot green."""
    found = {"old": {"migrations": OLD}, "new": {"migrations": NEW}, **releases}
    return {"releases": found, "slots": {"green": {"release": "new"}, "blue": {"release": "old"}}, "live": "green"}


def problem(applied: list[str], to: str = "old", here: dict[str, Any] | None = None, **asked: Any) -> str:
    target = {"release": to, "migrations": {"shop.0003_less": [DROP]}}
    answer = {"applied": applied, "back": BACK, "migrations": NEW, **asked}
    return rollback_problem(here or state(), target, answer, "shop", "shop-manage")


def test_what_the_database_has_and_the_release_does_not_know_is_refused_with_the_command_that_reverses_it() -> None:
    said = problem(list(NEW))
    assert "shop.0003_less drops the column shop.item.old" in said
    assert "'shop-manage --owner migrate shop 0002_more'" in said
    assert "-e deploy_allow_breaking_migrations=true" in said


def test_the_way_back_for_the_data_is_told_where_there_is_a_restore_point() -> None:
    here = state()
    here["history"] = [{"release": "old"}, {"release": "new", "restore_point": "shop-20261126T081500Z-new"}]
    for back in (BACK, {**BACK, "shop.0003_less": {"to": "0002_more", "reversible": False}}):
        said = problem(list(NEW), here=here, back=back)
        assert (
            "playbooks/database_restore.yml -e restore_to=shop-20261126T081500Z-new, then this rollback again" in said
        )
    assert "restore_to" not in problem(list(NEW))


def test_after_that_command_the_rollback_is_made() -> None:
    assert problem([*OLD, "shop.0002_more"]) == ""


def test_a_part_of_the_way_back_is_not_enough() -> None:
    said = problem([one for one in NEW if one != "shop.0004_even_less"])
    assert "0004" not in said
    assert "migrate shop 0002_more'" in said


def test_what_cannot_be_reversed_gets_no_such_advice() -> None:
    back = {**BACK, "shop.0003_less": {"to": "0002_more", "reversible": False}}
    said = problem(list(NEW), back=back)
    assert "shop.0003_less cannot be reversed" in said
    assert "--owner migrate" not in said


def test_a_release_that_needs_more_than_the_database_has_is_deployed_instead() -> None:
    said = problem(list(OLD), to="new")
    assert "new of shop needs migrations that the database does not have: shop.0002_more, shop.0003_less" in said
    assert "playbooks/deploy.yml -e app=shop" in said


def test_a_migration_of_a_release_in_the_other_slot_is_reversed_by_that_one() -> None:
    here = state()
    here["slots"] = {"green": {"release": "old"}, "blue": {"release": "new"}}
    here["releases"]["oldest"] = {"migrations": OLD}
    live_is_old = {"back": {"shop.0001_initial": BACK["shop.0001_initial"]}, "migrations": OLD}
    said = problem(list(NEW), to="oldest", here=here, **live_is_old)
    assert "'shop-manage --slot blue --owner migrate shop 0002_more'" in said


def test_a_database_that_cannot_be_asked_leaves_the_comparison_of_the_releases() -> None:
    target = {"release": "old", "migrations": {"shop.0003_less": [DROP]}}
    said = rollback_problem(state(), target, {"error": "it does not answer"}, "shop", "shop-manage")
    assert "could not be asked whether it has them (it does not answer)" in said
    assert rollback_problem(state(), {"release": "old", "migrations": {}}, {}, "shop", "shop-manage") == ""
