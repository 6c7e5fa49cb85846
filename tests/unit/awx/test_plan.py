"""What AWX has is compared with what we want, field by field: pure functions, without an AWX."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.plugin_utils.awx import found as reading
from ansible_collections.django_ec2.site.plugins.plugin_utils.awx import plan
from ansible_collections.django_ec2.site.plugins.plugin_utils.awx.kinds import KINDS, LABEL, MARK

TEMPLATES = KINDS["job_templates"]


def item(kind: str, values: dict[str, Any], number: int = 7, marked: bool = True) -> reading.Item:
    return reading.Item(number, reading.identity(KINDS[kind], values), values, marked)


def having(**kinds: list[reading.Item]) -> reading.Found:
    found = reading.Found(organization=3)
    for kind, items in kinds.items():
        found.kinds[kind] = {one.key: one for one in items}
    return found


@pytest.mark.parametrize(
    ("wanted", "now", "different"),
    [
        ({"timeout": 7200}, {"timeout": 60}, {"timeout": ("60", "7200")}),
        ({"timeout": 7200}, {"timeout": 7200}, {}),
        ({"limit": ""}, {"limit": None}, {}),
        ({"diff_mode": False}, {"diff_mode": True}, {"diff_mode": ("true", "false")}),
        ({"diff_mode": False}, {"diff_mode": None}, {}),
        ({"labels": ["a", "b"]}, {"labels": ["b", "a"]}, {}),
        ({"labels": ["a"]}, {"labels": ["a", "b"]}, {"labels": ('["a", "b"]', '["a"]')}),
        ({"extra_vars": {"a": 1}}, {"extra_vars": {"a": 1}}, {}),
        ({"description": "a"}, {"description": "a\nb"}, {"description": ("a b", "a")}),
        # What the repository says nothing of is left to whoever set it.
        ({}, {"forks": 50}, {}),
    ],
)  # fmt: skip
def test_a_field_that_differs_is_named_with_both_values(
    wanted: dict[str, Any], now: dict[str, Any], different: dict[str, tuple[str, str]]
) -> None:
    assert (
        plan.differences(TEMPLATES, {"name": "x", **wanted}, item("job_templates", {"name": "x", **now})) == different
    )


def test_a_survey_is_compared_by_question() -> None:
    def spec(**defaults: int) -> dict[str, Any]:
        return {"spec": [{"variable": name, "default": value} for name, value in defaults.items()]}

    now = item("job_templates", {"name": "x", "survey_spec": spec(a=1, b=2)})
    found = plan.differences(TEMPLATES, {"name": "x", "survey_spec": spec(a=5, c=3)}, now)
    assert found == {
        "survey question a, default": ("1", "5"),
        "survey question c": ("missing", "there"),
        "survey question b": ("there", "gone"),
    }
    now = item("job_templates", {"name": "x", "survey_spec": spec(b=2, a=1)})
    assert plan.differences(TEMPLATES, {"name": "x", "survey_spec": spec(a=1, b=2)}, now) == {
        "survey_spec": ("b, a", "a, b")
    }


def test_what_awx_keeps_encrypted_is_taken_as_it_is_and_sent_back_as_it_was_shown() -> None:
    kind = KINDS["notification_templates"]
    now = {"name": "Mail", "notification_configuration": {"host": "a", "password": "$encrypted$", "timeout": 30}}
    wanted = {"name": "Mail", "notification_configuration": {"host": "a", "password": ""}}
    found = having(notification_templates=[item("notification_templates", now)])
    assert list(plan.changes(kind, [wanted], found)) == []
    wanted["notification_configuration"]["host"] = "b"
    change = next(plan.changes(kind, [wanted], found))
    assert change.options["notification_configuration"] == {"host": "b", "password": "$encrypted$"}


def test_inputs_of_a_credential_are_given_once() -> None:
    kind = KINDS["credentials"]
    wanted = {"name": "SSH", "credential_type": "Machine", "inputs": {"username": "admin"}, "description": "new"}
    assert next(plan.changes(kind, [wanted], having())).options["inputs"] == {"username": "admin"}
    now = item("credentials", {"name": "SSH", "credential_type": "Machine", "description": "old"})
    change = next(plan.changes(kind, [wanted], having(credentials=[now])))
    assert change.lines() == ["credential 'SSH': description is old, wanted new"]
    assert "inputs" not in change.options


def test_names_become_numbers_because_another_organization_may_have_them_too() -> None:
    found = having(
        inventories=[item("inventories", {"name": "production"}, 11)],
        credentials=[item("credentials", {"name": "SSH", "credential_type": "Machine"}, 12)],
    )
    wanted = {
        "name": "deploy",
        "inventory": "production",
        "credentials": ["SSH", "not there yet"],
        "project": "Operations",
    }
    change = next(plan.changes(TEMPLATES, [wanted], found))
    assert change.options == {
        "name": "deploy", "inventory": "11", "credentials": ["12", "not there yet"], "project": "Operations", "organization": "3",
    }  # fmt: skip


@pytest.mark.parametrize("marked", [True, False])
def test_only_what_carries_the_mark_is_gone(marked: bool) -> None:
    found = having(job_templates=[item("job_templates", {"name": "old"}, 5, marked)])
    gone = list(plan.removals(TEMPLATES, [{"name": "new"}], found))
    assert [one.options for one in gone] == ([{"state": "absent", "name": "5", "organization": "3"}] if marked else [])


def test_a_credential_is_told_and_not_removed() -> None:
    found = having(credentials=[item("credentials", {"name": "old", "credential_type": "Machine"})])
    gone = next(plan.removals(KINDS["credentials"], [], found))
    assert gone.options == {}
    assert gone.line() == "credential 'old' is no longer in the repository: remove it in AWX, when nothing needs it"


def test_the_mark_is_the_label_or_the_last_line() -> None:
    assert reading.is_marked(TEMPLATES, {"labels": ["deploy", LABEL]})
    assert not reading.is_marked(TEMPLATES, {"labels": ["deploy"], "description": MARK})
    assert reading.is_marked(KINDS["projects"], {"description": f"It\n{MARK}\n"})
    assert not reading.is_marked(KINDS["projects"], {"description": f"{MARK} It"})
    assert not reading.is_marked(KINDS["labels"], {"name": LABEL})


def test_an_object_of_the_api_speaks_our_words() -> None:
    node = {
        "id": 4, "identifier": "ask", "all_parents_must_converge": False, "extra_data": {}, "limit": None,
        "summary_fields": {
            "workflow_job_template": {"name": "release"},
            "unified_job_template": {"name": "Go on?", "description": "", "timeout": 60, "unified_job_type": "workflow_approval"},
        },
    }  # fmt: skip
    values = reading.values_of(KINDS["workflow_nodes"], node)
    assert values["approval_node"] == {"name": "Go on?", "description": "", "timeout": 60}
    assert (values["workflow_job_template"], values["unified_job_template"]) == ("release", "")
    assert reading.parsed("a: 1") == reading.parsed('{"a": 1}') == {"a": 1}
    assert reading.parsed("---") == reading.parsed("") == reading.parsed(None) == {}


def test_more_labels_than_awx_shows_at_once_are_asked_for() -> None:
    shown = {"count": 2, "results": [{"name": "a"}]}
    template = {
        "url": "/api/v2/job_templates/1/",
        "summary_fields": {"labels": shown, "credentials": [{"name": "SSH"}]},
    }

    def ask(path: str) -> list[dict[str, Any]]:
        assert path == "/api/v2/job_templates/1/labels/"
        return [{"name": "a"}, {"name": "b"}]

    assert reading.associated(template, "labels", ask) == ["a", "b"]
    assert reading.associated(template, "credentials", ask) == ["SSH"]
