"""awx/objects/, playbooks/inputs/ and the modules of awx.awx agree."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import ansible_collections
import pytest
import yaml
from ansible_collections.django_ec2.site.plugins.plugin_utils import playbook_inputs as checks
from ansible_collections.django_ec2.site.plugins.plugin_utils.awx import kinds, make, objects
from ansible_collections.django_ec2.site.plugins.plugin_utils.awx.survey import answers

from tests.awx.rules import answer_problem, survey_problem

ROOT = Path(__file__).resolve().parents[2]
INPUTS = {path.stem: yaml.safe_load(path.read_text()) for path in (ROOT / "playbooks" / "inputs").glob("*.yml")}
LOADED = objects.load_objects(ROOT / "awx" / "objects")
SETTINGS = objects.load_settings(ROOT / "awx" / "settings.yml")
GIVEN = {
    **SETTINGS,
    "awx_project_url": "https://git.example.org/operations.git",
    "awx_image": "registry.example.org/ee:1",
}
MADE = make.make_objects(LOADED, {**GIVEN, "awx_product": ".", "awx_mail_to": ["a@example.org"]}, INPUTS)
TEMPLATES = {one["name"]: one for one in MADE.kinds["job_templates"]}

each_template = pytest.mark.parametrize("template", list(TEMPLATES.values()), ids=list(TEMPLATES))


def stem(template: dict[str, Any]) -> str:
    return Path(template["playbook"]).stem


def module_options(module: str) -> set[str]:
    """The options that a module of awx.awx documents."""
    for place in ansible_collections.__path__:
        path = Path(place, "awx", "awx", "plugins", "modules", f"{module}.py")
        if path.exists():
            values = {
                node.targets[0].id: ast.literal_eval(node.value)
                for node in ast.parse(path.read_text()).body
                if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "DOCUMENTATION"
            }  # fmt: skip
            return set(yaml.safe_load(values["DOCUMENTATION"])["options"])
    raise AssertionError(f"awx.awx has no module {module}")


def test_every_playbook_that_an_operator_starts_has_a_template_of_its_name() -> None:
    wanted = {name for name, content in INPUTS.items() if not content["controller_only"]}
    have = LOADED.kinds["job_templates"]
    assert wanted - set(have) == set(), (
        "write awx/objects/job_templates/<playbook>.yml, or controller_only: true in its inputs"
    )
    for name in wanted:
        assert Path(have[name]["playbook"]).stem == name


@each_template
def test_its_playbook_is_there_and_awx_takes_it_for_one(template: dict[str, Any]) -> None:
    path = ROOT / template["playbook"]
    # AWX lists a file as a playbook when a line of it begins with one of these.
    starts = tuple(
        line.lstrip("- ").startswith(("hosts:", "import_playbook:")) for line in path.read_text().splitlines()
    )
    assert any(starts), path


@each_template
def test_its_survey_asks_what_its_playbook_takes(template: dict[str, Any]) -> None:
    options = INPUTS[stem(template)]["options"]
    spec = template["survey_spec"]
    assert template["survey_enabled"] == bool(spec)
    if not spec:
        return
    assert survey_problem(spec) == ""
    for question in spec["spec"]:
        option = options[question["variable"]]
        assert question["required"] == bool(option.get("required"))
        assert (question["type"] == "password") == bool(option.get("no_log"))
        if "choices" in question:
            given = {checks.value_problem(question["variable"], option, one) for one in question["choices"]}
            assert given == {""}
        if "default" in question:
            # AWX takes the answer, and the playbook takes what AWX passes.
            assert answer_problem(question, answers(spec)) == ""
            assert checks.value_problem(question["variable"], option, question["default"]) == ""


@each_template
def test_it_runs_in_our_project_with_one_inventory(template: dict[str, Any]) -> None:
    assert template["project"] in MADE.names("projects")
    assert template["inventory"] in MADE.names("inventories")
    assert template["job_type"] in ("run", "check")
    assert not template["ask_limit_on_launch"] or not INPUTS[stem(template)].get("every_host_of")


@pytest.mark.parametrize(
    "changed", [{}, {"awx_mail_to": ["a@example.org"]}, {"awx_environments": ["staging", "production", "demo"]}]
)
def test_everything_fits_together(changed: dict[str, Any]) -> None:
    assert list(make.problems(make.make_objects(LOADED, {**GIVEN, **changed}, INPUTS))) == []


def test_there_is_nothing_to_fill_in_but_what_only_the_team_knows() -> None:
    assert {name for name, value in SETTINGS.items() if value in ("", [])} == {*objects.NEEDED, "awx_mail_to"}
    assert len(objects.missing_settings(SETTINGS, Path("awx/settings.yml"))) == len(objects.NEEDED)


def test_no_credential_has_a_secret() -> None:
    for credential in MADE.kinds["credentials"]:
        assert set(credential.get("inputs", {})) <= {"username", "become_method"}


@pytest.mark.parametrize(
    "kind", [kind for kind in kinds.KINDS.values() if kind.name != "grants"], ids=lambda kind: kind.name
)
def test_every_option_is_one_of_the_module(kind: kinds.Kind) -> None:
    assert kind.options <= module_options(kind.module)
    assert not kind.scoped or "organization" in module_options(kind.module)


def test_whoever_may_start_or_approve_something_is_a_team() -> None:
    assert {one["team"] for one in MADE.kinds["grants"]} == {"viewer", "deployer", "operator", "owner"}
    deployer = {one["object"] for one in MADE.kinds["grants"] if one["team"] == "deployer"}
    assert "staging: deploy" in deployer
    assert "production: deploy" not in deployer
    viewer = {one["role"] for one in MADE.kinds["grants"] if one["team"] == "viewer"}
    assert viewer == {"Organization Audit"}
