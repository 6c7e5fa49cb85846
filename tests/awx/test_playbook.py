"""playbooks/awx.yml against the stand-in: apply, cut, again, drift, prune. The steps follow each other: one AWX, from empty on."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.django_ec2.site.plugins.plugin_utils.awx.kinds import LABEL, MARK

from tests.awx.conftest import ROOT, SETTINGS, Operations, operations
from tests.awx.stand_in import StandIn

# Ours for one environment and a few playbooks: each object takes half a second of a module.
TEMPLATES = ("deploy", "drift_check", "rollback", "remove_app")
RELEASE = {
    "name": "release",
    "survey_of": "deploy",
    "survey": ["app", "version"],
    "survey_required": ["app"],
    "allow_simultaneous": False,
    "execute": ["deployer"],
    "approve": ["operator"],
    "nodes": {
        "ask": {"approval_node": {"name": "Go on?", "timeout": 3600}, "success_nodes": ["deploy"]},
        "deploy": {"unified_job_template": "production: deploy", "failure_nodes": ["rollback"]},
        "rollback": {"unified_job_template": "production: rollback"},
    },
}
EMPTY = "---\n# Left out.\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operations]:
    awx = StandIn()
    made = operations(tmp_path_factory.mktemp("awx") / "operations", awx)
    made.write("awx/settings.yml", {**SETTINGS, "awx_environments": ["production"]})
    ours = ROOT / "awx" / "objects"
    for path in ours.glob("job_templates/*.yml"):
        if path.stem not in TEMPLATES:
            made.write(f"awx/objects/job_templates/{path.name}", EMPTY)
    for name in (*ours.glob("workflows/*.yml"), ours / "teams" / "owner.yml", ours / "credentials" / "vault.yml"):
        made.write(f"awx/objects/{name.relative_to(ours)}", EMPTY)
    made.write("awx/objects/workflows/release.yml", RELEASE)
    yield made
    awx.close()


def check_mode_tells_what_an_empty_awx_lacks_and_touches_nothing(site: Operations) -> None:
    run = site.run("--check")
    assert run.code == 0
    assert run.changed == 1
    assert "organization 'Django' is missing" in run.output
    assert "job template ''production: deploy'' is missing" in run.output
    assert site.awx.writes == []


def a_repository_that_awx_cannot_clone_stops_the_run_with_the_remedy(site: Operations) -> None:
    run = site.run()
    assert run.code != 0
    said = " ".join(run.output.split())
    assert "could not clone the operations repository: Project update failed. Where it is not public" in said
    assert "give the credential 'Operations repository' its deploy key in AWX" in said
    assert site.awx.store.objects["job_templates"] == {}
    # What came before it stays, and is the beginning of the next run.
    assert site.awx.store.find("organizations", name="Django")["description"] == "Django applications on EC2"
    # What the remedy asks for, in the browser.
    site.awx.store.find("credentials", name="Operations repository")["inputs"] = {"ssh_key_data": "a key"}


def a_run_that_was_cut_goes_on_where_it_was(site: Operations) -> None:
    site.awx.cut_after = len(site.awx.writes) + 12
    run = site.run()
    assert run.code != 0
    assert "The host sent back a server error" in run.output
    site.awx.cut_after = None
    before = len(site.awx.writes)
    run = site.run()
    assert run.code == 0, run.output
    assert not any(one.split()[1] == "/api/v2/organizations/" for one in site.awx.writes[before:]), "made once"


def everything_is_there(site: Operations) -> None:
    store = site.awx.store
    template = store.find("job_templates", name="production: deploy")
    shown = store.shown("job_templates", template)
    assert {one["name"] for one in shown["summary_fields"]["labels"]["results"]} == {"deploy", LABEL}
    assert {one["name"] for one in shown["summary_fields"]["credentials"]} == {
        "production: SSH", "production: application secrets", "production: AWS",
    }  # fmt: skip
    assert template["playbook"] == "django-ec2/playbooks/deploy.yml"
    assert not template["allow_simultaneous"]
    assert [one["variable"] for one in store.surveys[template["id"]]["spec"]][:3] == ["app", "source", "version"]
    # AWX's own braces came through as they are.
    injectors = store.find("credential_types", name="Django application secrets")["injectors"]
    assert injectors == {
        "file": {"template.secrets": "{{ secrets }}"}, "env": {"DJANGO_EC2_SECRETS_FILE": "{{ tower.filename.secrets }}"},
    }  # fmt: skip
    messages = store.find("notification_templates", name="Mail about drift")["messages"]
    assert messages["success"]["message"].startswith("{{ job.name }}")
    nodes = {one["identifier"]: one for one in store.objects["workflow_job_template_nodes"].values()}
    links = {name: store.shown("workflow_job_template_nodes", node) for name, node in nodes.items()}
    assert links["ask"]["success_nodes"] == [nodes["deploy"]["id"]]
    assert links["deploy"]["failure_nodes"] == [nodes["rollback"]["id"]]
    assert links["ask"]["summary_fields"]["unified_job_template"]["unified_job_type"] == "workflow_approval"
    # No playbook has a secret, and what was given in AWX stays.
    assert store.find("credentials", name="production: SSH")["inputs"] == {"username": "admin"}
    assert store.find("credentials", name="Operations repository")["inputs"] == {"ssh_key_data": "a key"}
    roles = {
        (store.objects["teams"][one["team"]]["name"], store.objects["role_definitions"][one["role_definition"]]["name"])
        for one in store.objects["role_team_assignments"].values()
    }
    assert ("operator", "WorkflowJobTemplate Approve") in roles
    assert ("deployer", "WorkflowJobTemplate Execute") in roles
    assert ("deployer", "JobTemplate Execute") not in roles, "in production by the workflow alone"


def a_second_run_changes_nothing(site: Operations) -> None:
    before = len(site.awx.writes)
    run = site.run()
    assert (run.code, run.changed) == (0, 0), run.output
    assert site.awx.writes[before:] == []


def the_modules_of_awx_see_no_difference_either(site: Operations) -> None:
    """Our comparison and theirs agree: every object is handed to its module, and none is sent."""
    before = len(site.awx.writes)
    run = site.run("-e", "awx_everything=true")
    assert (run.code, run.changed) == (0, 0), run.output
    assert site.awx.writes[before:] == []


def drift(awx: StandIn) -> None:
    """What somebody changes in the browser."""
    store = awx.store
    template = store.find("job_templates", name="production: deploy")
    template["timeout"] = 60
    template["allow_simultaneous"] = True
    question = next(one for one in store.surveys[template["id"]]["spec"] if one["variable"] == "deploy_wait")
    question["default"] = 900
    store.links("job_templates", template["id"], "credentials").pop()
    store.find("projects", name="Operations")["scm_branch"] = "experiment"
    store.find("inventory_sources", name="production")["overwrite"] = False
    store.find("schedules", name="production: drift check, every day")["enabled"] = False
    store.find("workflow_approval_templates", name="Go on?")["timeout"] = 0
    node = store.find("workflow_job_template_nodes", identifier="deploy")
    store.links("workflow_job_template_nodes", node["id"], "failure_nodes").clear()
    store.find("notification_templates", name="Mail to the operators")["notification_configuration"]["recipients"] = [
        "x@example.org"
    ]
    organization = store.find("organizations", name="Django")
    store.links("organizations", organization["id"], "notification_templates_error").clear()
    team = store.find("teams", name="operator")
    given = next(one for one in store.objects["role_team_assignments"].values() if one["team"] == team["id"])
    del store.objects["role_team_assignments"][given["id"]]


def check_mode_names_the_field_that_drifted_and_a_run_mends_it(site: Operations) -> None:
    store = site.awx.store
    # A password that was given in AWX; what it is nobody sees.
    mail = store.find("notification_templates", name="Mail to the operators")
    mail["notification_configuration"]["password"] = "given in AWX"
    assert site.run("--check").changed == 0
    drift(site.awx)
    before = len(site.awx.writes)
    run = site.run("--check")
    said = " ".join(run.output.replace("''", "'").split())
    assert (run.code, run.changed) == (0, 1)
    for line in (
        "job template 'production: deploy': timeout is 60, wanted 7200",
        "job template 'production: deploy': allow_simultaneous is true, wanted false",
        "job template 'production: deploy': survey question deploy_wait, default is 900, wanted 0",
        "job template 'production: deploy': credentials is",
        "project 'Operations': scm_branch is experiment, wanted main",
        "inventory source 'production': overwrite is false, wanted true",
        "schedule 'production: drift check, every day': enabled is false, wanted true",
        "node 'ask of release': approval_node is",
        "links of the node 'deploy of release': failure_nodes is [], wanted [\"rollback\"]",
        "notification template 'Mail to the operators': notification_configuration is",
        "notifications of the organization 'Django': notification_templates_error is []",
        "for operator' is missing",
    ):
        assert line in said, line
    assert site.awx.writes[before:] == []
    run = site.run()
    assert run.code == 0, run.output
    assert store.find("job_templates", name="production: deploy")["timeout"] == 7200
    assert mail["notification_configuration"]["recipients"] == ["ops@example.org"]
    assert mail["notification_configuration"]["password"] == "given in AWX"
    assert site.run("--check").changed == 0


def prune_removes_what_is_ours_and_gone_and_nothing_else(site: Operations) -> None:
    store = site.awx.store
    own = store.find("organizations", name="Django")["id"]
    project = store.find("projects", name="Operations")
    inventory = store.find("inventories", name="production")
    common = {"project": project["id"], "inventory": inventory["id"], "playbook": "site.yml"}
    # Made by hand in our organization, and with our label in another one.
    by_hand = store.add("job_templates", {"name": "by hand", "organization": own, **common})
    other = store.find("organizations", name="Default")["id"]
    theirs = store.add("job_templates", {"name": "theirs", "organization": other, **common})
    label = store.add("labels", {"name": LABEL, "organization": other})
    store.links("job_templates", theirs["id"], "labels").append(label["id"])
    foreign = store.add("inventories", {"name": "foreign", "organization": other, "description": MARK})
    team = store.add("teams", {"name": "friends", "organization": own})

    for name in (
        "job_templates/remove_app",
        "workflows/release",
        "notification_templates/drift",
        "teams/viewer",
        "credentials/ssh",
    ):
        site.write(f"awx/objects/{name}.yml", EMPTY)
    site.write("awx/objects/job_template_defaults.yml", (ROOT / "awx/objects/job_template_defaults.yml").read_text().replace(
        '  - "{{ awx_environment }}: SSH"\n', ""))  # fmt: skip
    drift_check = (ROOT / "awx/objects/job_templates/drift_check.yml").read_text()
    site.write("awx/objects/job_templates/drift_check.yml", drift_check.replace('["Mail about drift"]', "[]"))

    run = site.run()
    said = " ".join(run.output.replace("''", "'").split())
    assert run.code == 0, run.output
    assert "job template 'production: remove_app' is no longer in the repository" in said
    assert (
        "credential 'production: SSH' is no longer in the repository: remove it in AWX, when nothing needs it" in said
    )
    assert "-e awx_prune=true removes what can be removed." in said
    kept = copy.deepcopy(store.objects)
    assert store.find("job_templates", name="production: remove_app")

    run = site.run("-e", "awx_prune=true", "--check")
    assert run.code == 0
    assert store.objects == kept
    run = site.run("-e", "awx_prune=true")
    assert run.code == 0, run.output
    names = {endpoint: {one.get("name") for one in things.values()} for endpoint, things in store.objects.items()}
    assert "production: remove_app" not in names["job_templates"]
    assert names["workflow_job_templates"] == set()
    assert store.objects["workflow_job_template_nodes"] == {}
    assert "Mail about drift" not in names["notification_templates"]
    assert names["teams"] == {"deployer", "operator", "friends"}
    assert "production: SSH" in names["credentials"], "credentials are told, never removed"
    assert {by_hand["name"], theirs["name"]} <= names["job_templates"]
    assert foreign["id"] in store.objects["inventories"]
    assert team["id"] in store.objects["teams"]
    before = len(site.awx.writes)
    run = site.run("-e", "awx_prune=true")
    assert (run.code, run.changed) == (0, 0)
    assert site.awx.writes[before:] == []


def a_version_without_role_definitions_gets_the_roles_of_the_objects(site: Operations) -> None:
    site.awx.definitions = False
    run = site.run()
    assert run.code == 0, run.output
    store = site.awx.store
    template = store.find("job_templates", name="production: deploy")
    operator = store.find("teams", name="operator")
    assert store.holders[store.roles["execute", "job_templates", template["id"]]] == [operator["id"]]
    run = site.run()
    assert (run.code, run.changed) == (0, 0), run.output


# One test: `make test` hands tests to several processes, and each would begin with an AWX of its own.
STEPS = (
    check_mode_tells_what_an_empty_awx_lacks_and_touches_nothing,
    a_repository_that_awx_cannot_clone_stops_the_run_with_the_remedy,
    a_run_that_was_cut_goes_on_where_it_was,
    everything_is_there,
    a_second_run_changes_nothing,
    the_modules_of_awx_see_no_difference_either,
    check_mode_names_the_field_that_drifted_and_a_run_mends_it,
    prune_removes_what_is_ours_and_gone_and_nothing_else,
    a_version_without_role_definitions_gets_the_roles_of_the_objects,
)


def test_one_awx_from_empty_on(site: Operations) -> None:
    for step in STEPS:
        step(site)


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"CONTROLLER_OAUTH_TOKEN": "wrong"}, "The token is wrong or has run out: make another one in AWX"),
        (
            {"CONTROLLER_HOST": "http://127.0.0.1:9"},
            "See whether AWX runs and can be reached from here: CONTROLLER_HOST names it.",
        ),
        ({"CONTROLLER_HOST": ""}, "Nobody says which AWX: export CONTROLLER_HOST=https://awx.example.org"),
        ({"CONTROLLER_OAUTH_TOKEN": ""}, "Nobody says how to log in to"),
    ],
    ids=["token", "away", "nowhere", "nobody"],
)
def test_an_awx_that_cannot_be_asked_is_told_with_the_remedy(
    ops: Operations, environment: dict[str, str], words: str
) -> None:
    run = ops.run(**environment)
    assert run.code != 0
    assert words in " ".join(run.output.split())
    assert ops.awx.writes == []


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "awx_project_url has no value: write the URL from which AWX clones your operations repository"),
        ({**SETTINGS, "awx_environments": ["production"]}, "starts 'staging: "),
        ({**SETTINGS, "awx_imge": "x"}, "'awx_imge' is no setting"),
    ],
    ids=["missing", "environment", "typo"],
)
def test_settings_that_do_not_fit_are_told_before_awx_is_asked(
    ops: Operations, settings: dict[str, object], words: str
) -> None:
    ops.write("awx/settings.yml", settings)
    ops.write(
        "awx/objects/workflows/release.yml", {**RELEASE, "nodes": {"a": {"unified_job_template": "staging: deploy"}}}
    )
    run = ops.run(CONTROLLER_HOST="http://127.0.0.1:9")
    assert run.code != 0
    assert words in " ".join(run.output.split())


def test_the_stand_in_says_what_it_is() -> None:
    text = (Path(__file__).parent / "stand_in" / "__init__.py").read_text()
    assert "It is no AWX" in text
