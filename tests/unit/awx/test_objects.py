"""Files become objects: settings are filled in, a team's files win, and what does not fit is refused with the remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.django_ec2.site.plugins.plugin_utils.awx import make, objects
from ansible_collections.django_ec2.site.plugins.plugin_utils.awx.kinds import LABEL, MARK

SETTINGS = {
    "awx_organization": "Django", "awx_environments": ["staging", "production"], "awx_production": "production", "awx_product": ".",
    "awx_mail_to": [], "awx_mail_port": 25,
}  # fmt: skip
INPUTS = {
    "deploy": {"short_description": "Deploy", "options": {"app": {"type": "str", "description": "It.", "default": ""}}},
    "rollback": {"short_description": "Go back", "options": {}, "every_host_of": ["web"]},
}
DEPLOY = {
    "name": "{{ awx_environment }}: deploy",
    "playbook": "{{ awx_product }}/playbooks/deploy.yml",
    "execute": ["operator"],
}


def files(directory: Path, content: dict[str, Any]) -> objects.Loaded:
    for name, value in content.items():
        path = directory / f"{name}.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(value if isinstance(value, str) else yaml.safe_dump(value, sort_keys=False))
    return objects.load_objects(directory)


def made(directory: Path, content: dict[str, Any], **settings: Any) -> make.Made:
    return make.make_objects(files(directory, content), {**SETTINGS, **settings}, INPUTS)


def test_a_file_that_names_the_environment_makes_an_object_for_each(tmp_path: Path) -> None:
    found = made(tmp_path, {"job_templates/deploy": DEPLOY}).kinds["job_templates"]
    assert [one["name"] for one in found] == ["staging: deploy", "production: deploy"]
    assert found[0]["playbook"] == "playbooks/deploy.yml"
    assert found[0]["description"] == "Deploy"
    assert found[0]["survey_spec"]["spec"][0]["variable"] == "app"


def test_a_playbook_that_needs_every_host_is_not_asked_for_a_limit(tmp_path: Path) -> None:
    rollback = {**DEPLOY, "name": "rollback", "playbook": "playbooks/rollback.yml"}
    content = {"job_templates/deploy": DEPLOY, "job_templates/rollback": rollback}
    assert {one["name"]: one["ask_limit_on_launch"] for one in made(tmp_path, content).kinds["job_templates"]} == {
        "staging: deploy": True, "production: deploy": True, "rollback": False,
    }  # fmt: skip


def test_a_setting_keeps_its_type_where_it_stands_alone() -> None:
    path = Path("x.yml")
    assert objects.filled("{{ awx_mail_port }}", SETTINGS, path) == 25
    assert objects.filled({"a": ["at {{ awx_mail_port }}"]}, SETTINGS, path) == {"a": ["at 25"]}
    assert objects.filled("{{ secrets }} {{ tower.filename }}", SETTINGS, path) == "{{ secrets }} {{ tower.filename }}"
    with pytest.raises(objects.ObjectsError, match=r"x.yml: nothing knows awx_mial_port"):
        objects.filled("{{ awx_mial_port }}", SETTINGS, path)


def test_a_team_s_file_takes_the_place_of_ours_and_an_empty_one_leaves_it_out(tmp_path: Path) -> None:
    files(tmp_path / "ours", {"job_templates/deploy": DEPLOY, "job_templates/rollback": {"name": "x"}})
    files(
        tmp_path / "theirs",
        {"job_templates/deploy": {**DEPLOY, "timeout": 5}, "job_templates/rollback": "---\n# none\n"},
    )
    loaded = objects.load_objects(tmp_path / "ours", tmp_path / "theirs")
    assert loaded.kinds["job_templates"] == {"deploy": {**DEPLOY, "timeout": 5}}


def test_the_job_templates_defaults_hold_where_a_file_says_nothing_else(tmp_path: Path) -> None:
    content = {"job_template_defaults": {"timeout": 7, "forks": 3}, "job_templates/deploy": {**DEPLOY, "forks": 9}}
    found = made(tmp_path, content).kinds["job_templates"][0]
    assert (found["timeout"], found["forks"]) == (7, 9)


def test_everything_carries_the_mark_by_which_it_is_removed(tmp_path: Path) -> None:
    content = {
        "job_templates/deploy": {**DEPLOY, "labels": ["deploy"]},
        "schedules/daily": {"name": "daily", "unified_job_template": "staging: deploy", "rrule": "x"},
        "project": {"name": "Operations", "description": "It"},
        "inventories/environment": {"name": "{{ awx_environment }}", "sources": [{"name": "s", "source": "scm"}]},
        "teams/operator": {"name": "operator"},
    }
    kinds = made(tmp_path, content).kinds
    assert kinds["job_templates"][0]["labels"] == ["deploy", LABEL]
    assert kinds["schedules"][0]["labels"] == [LABEL]
    assert kinds["projects"][0]["description"] == f"It\n{MARK}"
    assert kinds["inventory_sources"][0]["description"] == kinds["teams"][0]["description"] == MARK
    assert [one["name"] for one in kinds["labels"]] == ["deploy", LABEL]


def test_before_production_more_teams_may_start_a_template(tmp_path: Path) -> None:
    content = {"job_templates/deploy": {**DEPLOY, "execute_before_production": ["deployer"]}}
    grants = {(one["team"], one["object"]) for one in made(tmp_path, content).kinds["grants"]}
    assert grants == {
        ("operator", "staging: deploy"), ("operator", "production: deploy"), ("deployer", "staging: deploy"),
    }  # fmt: skip


def test_what_lacks_its_setting_is_left_out_with_its_name_in_lists(tmp_path: Path) -> None:
    content = {
        "organization": {"name": "Django", "notification_templates_error": ["Mail"]},
        "notification_templates/mail": {"only_with": "awx_mail_to", "name": "Mail", "notification_type": "email"},
    }
    without = made(tmp_path, content)
    assert without.kinds["notification_templates"] == []
    assert without.kinds["organization_notifications"][0]["notification_templates_error"] == []
    with_it = made(tmp_path, content, awx_mail_to=["a@example.org"])
    assert with_it.kinds["organization_notifications"][0]["notification_templates_error"] == ["Mail"]
    assert list(make.problems(with_it)) == []


def test_a_workflow_becomes_its_template_its_nodes_and_their_links(tmp_path: Path) -> None:
    content = {
        "job_templates/deploy": DEPLOY,
        "workflows/release": {
            "name": "release", "survey_of": "deploy", "survey_required": ["app"], "approve": ["operator"],
            "nodes": {
                "stage": {"unified_job_template": "staging: deploy", "success_nodes": ["ask"]},
                "ask": {"approval_node": {"name": "go", "timeout": 60}, "success_nodes": ["live"]},
                "live": {"unified_job_template": "production: deploy"},
            },
        },
        "teams/operator": {"name": "operator"},
    }  # fmt: skip
    found = made(tmp_path, content)
    assert found.kinds["workflows"][0]["survey_spec"]["spec"][0]["required"]
    assert [one["identifier"] for one in found.kinds["workflow_nodes"]] == ["stage", "ask", "live"]
    assert all("success_nodes" not in one for one in found.kinds["workflow_nodes"])
    assert found.kinds["workflow_links"][0]["success_nodes"] == ["ask"]
    assert found.kinds["workflow_links"][2]["success_nodes"] == []
    assert {
        "team": "operator",
        "role": "WorkflowJobTemplate Approve",
        "on": "workflows",
        "object": "release",
    } in found.kinds["grants"]
    assert list(make.problems(found)) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"job_template/deploy": DEPLOY}, r"job_template/deploy.yml is no object's place: in .* there are organization.yml"),
        ({"job_templates/deploy": {**DEPLOY, "playbok": 1}}, r"deploy.yml: 'playbok' is no option of a job template. There are"),
        ({"job_templates/deploy": {"playbook": "playbooks/deploy.yml"}}, r"deploy.yml: name is missing"),
        (
            {"job_templates/x": {**DEPLOY, "playbook": "x.yml"}},
            r"x.yml: nothing says what x.yml takes. Write playbooks/inputs/x.yml",
        ),
        ({"job_templates/deploy": "- a\n"}, r"deploy.yml has to be a mapping"),
        ({"job_templates/deploy": "a: [\n"}, r"deploy.yml is no YAML"),
        (
            {"workflows/w": {"name": "w", "nodes": {"a": {"unified_job_template": "x", "success_nodes": ["b"]}}}},
            r"w.yml: the node a goes on to b, which is no node",
        ),
        ({"workflows/w": {"name": "w", "survey_of": "x"}}, r"w.yml: survey_of names x"),
        ({"teams/t": {"name": "t", "only_with": "awx_x"}}, r"t.yml: only_with names awx_x"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path, content: dict[str, Any], message: str) -> None:
    with pytest.raises(objects.ObjectsError, match=message):
        made(tmp_path, content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"teams/a": {"name": "t"}, "teams/b": {"name": "t"}}, "Two files make the team 't'"),
        (
            {"schedules/s": {"name": "s", "unified_job_template": "x", "rrule": "r"}},
            "The schedule 's' starts 'x', which no file makes.",
        ),
        (
            {"workflows/w": {"name": "w", "nodes": {"a": {"unified_job_template": "x"}}}},
            "The workflow 'w', node a starts 'x', which no file makes. Where an environment is missing, leave the workflow out",
        ),
        ({"job_templates/deploy": DEPLOY}, "'staging: deploy' names the team 'operator', which has no file in teams/."),
        ({"job_templates/deploy": {**DEPLOY, "inventory": "none"}}, "names the inventory 'none' (inventory), which no file makes."),
    ],
)  # fmt: skip
def test_what_does_not_fit_together_is_told(tmp_path: Path, content: dict[str, Any], message: str) -> None:
    assert any(message in one for one in make.problems(made(tmp_path, content)))


def test_a_setting_that_nobody_knows_or_of_another_type_is_refused(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours.yml", tmp_path / "theirs.yml"
    ours.write_text("awx_image: ''\nawx_mail_to: []\nawx_project_url: ''\n")
    theirs.write_text("awx_image: example/image\n")
    settings = objects.load_settings(ours, theirs)
    assert settings["awx_image"] == "example/image"
    assert objects.missing_settings(settings, theirs) == [
        f"{theirs}: awx_project_url has no value: write the URL from which AWX clones your operations repository."
    ]
    theirs.write_text("awx_imge: x\n")
    with pytest.raises(objects.ObjectsError, match=r"'awx_imge' is no setting. There are awx_image"):
        objects.load_settings(ours, theirs)
    theirs.write_text("awx_mail_to: a@example.org\n")
    with pytest.raises(objects.ObjectsError, match="awx_mail_to has to be a list"):
        objects.load_settings(ours, theirs)
