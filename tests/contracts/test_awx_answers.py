"""awx/tests/: the answers with which the tests start job templates are those that AWX would take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.django_ec2.site.plugins.plugin_utils.awx import make, objects
from ansible_collections.django_ec2.site.plugins.plugin_utils.awx.survey import answers

from tests.awx.rules import launch_problems

ROOT = Path(__file__).resolve().parents[2]
ANSWERS = {path.stem: yaml.safe_load(path.read_text()) for path in (ROOT / "awx/tests").glob("*.yml")}
KEYS = {"answers": dict, "status": str, "says": list}


def templates() -> dict[str, dict[str, Any]]:
    """The job templates of one environment, by the names of their files."""
    settings = objects.load_settings(ROOT / "awx/settings.yml")
    settings |= {"awx_environments": ["staging"], "awx_project_url": "x", "awx_image": "x"}
    inputs = {path.stem: yaml.safe_load(path.read_text()) for path in (ROOT / "playbooks/inputs").glob("*.yml")}
    made = make.make_objects(objects.load_objects(ROOT / "awx/objects"), settings, inputs).kinds["job_templates"]
    return {one["name"].removeprefix("staging: ").replace(" ", "_"): one for one in made}


TEMPLATES = templates()


def test_every_file_is_of_a_job_template() -> None:
    assert set(ANSWERS) <= set(TEMPLATES)


@pytest.mark.parametrize("name", ANSWERS)
def test_a_file_says_what_the_readme_knows(name: str) -> None:
    for key, value in ANSWERS[name].items():
        assert isinstance(value, KEYS[key])
    assert ANSWERS[name].get("status", "successful") in ("successful", "failed")


@pytest.mark.parametrize("name", TEMPLATES)
def test_with_the_defaults_of_its_survey_and_these_answers_it_starts(name: str) -> None:
    spec = TEMPLATES[name]["survey_spec"]
    assert launch_problems(spec, {**answers(spec), **ANSWERS.get(name, {}).get("answers", {})}) == []
