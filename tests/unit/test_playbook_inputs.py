"""What a playbook takes: wrong and unknown extra variables are refused with the remedy, on the controller."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.django_ec2.site.plugins.plugin_utils import playbook_inputs as checks

ROOT = Path(__file__).resolve().parents[2]
PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
DEPLOY = checks.read(ROOT / "playbooks" / "inputs" / "deploy.yml")
ROLLBACK = checks.read(ROOT / "playbooks" / "inputs" / "rollback.yml")


def told(
    inputs: checks.Inputs, given: Mapping[str, Any], *keys: str, inventory: Mapping[str, Any] | None = None
) -> str:
    return "\n".join(checks.problems(inputs, given, inventory or {}, lambda _variable: list(keys)))


def option(**words: Any) -> checks.Inputs:
    return checks.Inputs("example", {"it": {"description": "It.", **words}}, {})


@pytest.mark.parametrize("value", ["1", "25%", "100%", 3, ["1", "50%"], [1, "50%"]], ids=json.dumps)
def test_batches_are_numbers_and_percentages(value: object) -> None:
    assert told(DEPLOY, {"deploy_batch": value}) == ""


@pytest.mark.parametrize(
    "value", ["abc", "0", "-1", "50 %", "[1, 2]", "1,2", "", [], ["1", "abc"], {"a": 1}], ids=json.dumps
)  # fmt: skip
def test_other_batches_are_refused(value: object) -> None:
    problem = told(DEPLOY, {"deploy_batch": value})
    assert (
        problem
        == f"deploy_batch is '{value}': give a number of hosts or a percentage of them, as 1 or 25%, or a list of these."
    )


@pytest.mark.parametrize("value", ["true", "yes", "no", "1", True, False])
def test_what_ansible_takes_for_a_boolean_is_one(value: object) -> None:
    assert told(DEPLOY, {"deploy_break_lock": value}) == ""


@pytest.mark.parametrize(
    ("words", "value", "problem"),
    [
        ({"type": "bool"}, "perhaps", "it is 'perhaps': give true or false."),
        ({"type": "int"}, "many", "it is 'many': give a whole number."),
        ({"type": "int"}, "7", ""),
        ({"type": "int", "minimum": 1, "maximum": 8}, "8", ""),
        ({"type": "int", "minimum": 1, "maximum": 8}, "9", "it is '9': give a whole number from 1 to 8."),
        ({"type": "int", "minimum": 0}, -1, "it is '-1': give a whole number from 0."),
        ({"type": "list", "elements": "int"}, "1,2", ""),
        ({"type": "list", "elements": "int"}, "1,b", "it is '1,b': give a list."),
        ({"type": "str", "choices": ["a", "b"]}, "c", "it is 'c': give one of a, b."),
        ({"type": "int", "no_log": True}, "secret", "it has a value that cannot be used: give a whole number."),
        ({"type": "str", "default": "x"}, "", ""),
    ],
)
def test_types_and_choices(words: dict[str, Any], value: object, problem: str) -> None:
    assert told(option(**words), {"it": value}) == problem


def test_a_required_input_is_asked_for_in_one_sentence() -> None:
    assert told(ROLLBACK, {}, "board", "shop") == "Say which application: -e app= one of board, shop."
    assert told(ROLLBACK, {"app": ""}, "board") == "Say which application: -e app= one of board."
    assert told(option(type="str", required=True), {}) == "it is missing: give -e it=…."
    assert told(option(type="str", required=True, when_missing="Give it in words"), {}) == "Give it in words."


def test_a_required_input_may_come_from_the_inventory() -> None:
    assert told(option(type="path", required=True), {}, inventory={"it": "/a"}) == ""


def test_where_there_is_one_application_nobody_has_to_name_it() -> None:
    assert told(ROLLBACK, {}, "board") == ""


def test_an_empty_name_is_not_taken_for_all_but_for_an_answer_that_was_not_given_in_awx() -> None:
    assert told(DEPLOY, {"app": ""}, "board", "shop") == "app is empty: leave it out, or give one of board, shop."
    for job in checks.AWX_JOB:
        assert told(DEPLOY, {"app": "", "deploy_batch": "", job: 7}, "board") == ""


def test_names_are_known_by_prefix_or_source_and_no_more_is_read_than_it_takes() -> None:
    def never() -> list[str]:
        raise AssertionError("nothing was left to look for")

    given = ["app", "ansible_user", "awx_job_id", "tower_job_id"]
    assert checks.unknown(given, [lambda: ["app"], never]) == ([], {"app"})
    assert checks.unknown(["b", "c", "__d"], [lambda: ["app"], lambda: ["b", "__d"]]) == (["c", "__d"], {"app", "b"})


def unknown(*names: str) -> list[str]:
    return list(checks.unknown_problems(names, DEPLOY, {"uwsgi_processes", *DEPLOY.options}, [DEPLOY, ROLLBACK]))


def test_an_unknown_name_is_told_with_the_near_ones() -> None:
    assert unknown("ap") == ["'ap' is no input of deploy and no variable. Did you mean app?"]
    assert unknown("uwsgi_proceses") == [
        "'uwsgi_proceses' is no input of deploy and no variable. Did you mean uwsgi_processes?"
    ]
    assert unknown("relase") == [
        "'relase' is no input of deploy and no variable. Did you mean release (of rollback)?"
    ]  # fmt: skip
    assert list(checks.unknown_problems(["app"], option(type="str"), [], [DEPLOY, ROLLBACK, DEPLOY])) == [
        "'app' is an input of deploy, rollback and deploy, not of example: leave it out."
    ]
    assert unknown("release") == ["'release' is an input of rollback, not of deploy: leave it out."]
    (strange,) = unknown("xyzzy", "plugh")
    assert strange.startswith("Nothing knows 'xyzzy', 'plugh': deploy takes app, source, version, deploy_batch,")
    assert "needs a value in the inventory or its group_vars" in strange


def test_a_description_that_is_missing_or_empty_says_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(checks.InputsError, match="describe there what the playbook takes"):
        checks.read(tmp_path / "none.yml")
    (tmp_path / "empty.yml").write_text("---\n")
    with pytest.raises(checks.InputsError, match=r"write 'options: \{\}'"):
        checks.read(tmp_path / "empty.yml")


def test_variables_of_roles_and_groups_are_found(tmp_path: Path) -> None:
    assert {"uwsgi_processes", "nginx_https_port", "preflight_playbook"} <= set(checks.role_options([ROOT / "roles"]))
    for name, text in {
        "a/main.yml": "one: 1\ntwo: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  00\n",
        "b.yml": "{three: 3}\n",
        "c/secrets.yml": "$ANSIBLE_VAULT;1.1;AES256\n3031\n",
        "d.yml": "---\n# nothing\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert checks.group_variables(tmp_path) == {"one", "two", "three"}


def run(
    tmp_path: Path, playbook: str, *words: str, hosts: Mapping[str, Any] | None = None, cwd: Path = ROOT
) -> tuple[int, str]:
    """Run a playbook on hosts that cannot be reached; what it said, in one line, without Ansible's quotes."""
    inventory = tmp_path / "inventory"
    (inventory / "host_vars").mkdir(parents=True, exist_ok=True)
    (inventory / "hosts.yml").write_text(
        yaml.safe_dump(
            hosts
            or {
                "env_test": {
                    "vars": {"of_the_group": 1},
                    "children": {
                        "web": {"hosts": {"web1": {"ansible_host": "192.0.2.1", "of_the_host": 1}}},
                        "database": {"hosts": {"db1": {"ansible_host": "192.0.2.2"}}},
                        "empty": {},
                    },
                }
            }
        )
    )
    (inventory / "host_vars" / "db1.yml").write_text("of_host_vars: 1\n")
    for name in ("all", "web", "database"):
        (inventory / "group_vars" / name).parent.mkdir(exist_ok=True)
        if not (inventory / "group_vars" / name).exists():
            (inventory / "group_vars" / name).symlink_to(ROOT / "group_vars" / name)
    (inventory / "group_vars" / "empty.yml").write_text("of_an_empty_group: 1\n")
    done = subprocess.run(
        [str(PLAYBOOK), "-i", str(inventory), str(ROOT / playbook), *words],
        cwd=cwd, capture_output=True, text=True, check=False,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert "UNREACHABLE" not in said
    return done.returncode, " ".join(said.split()).replace("''", "'")


PLAYBOOKS = ["site.yml", *sorted(f"playbooks/{path.name}" for path in (ROOT / "playbooks").glob("*.yml"))]


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_every_playbook_refuses_an_unknown_name_before_anything_else(playbook: str, tmp_path: Path) -> None:
    name = Path(playbook).stem
    code, said = run(tmp_path, playbook, "-e", "uwsgi_proceses=3", cwd=tmp_path)
    assert code != 0
    assert f"'uwsgi_proceses' is no input of {name} and no variable. Did you mean uwsgi_processes" in said
    assert said.count("TASK [") == 1, "no other task may begin"
    assert not re.search(r"changed=[1-9]", said)


def test_options_of_roles_have_their_types_in_every_playbook(tmp_path: Path) -> None:
    code, said = run(
        tmp_path, "playbooks/secrets.yml", "-e", "nginx_https_port=eighty nginx_tls_mode=hopefully secrets_file=/nowhere/at/all",
        "-e", '{"uwsgi_processes": "{{ ansible_facts.processor_nproc }}", "nginx_sites": [{"name": 7}]}',
    )  # fmt: skip
    assert code != 0
    assert "nginx_https_port is 'eighty': give a whole number." in said
    assert re.search("nginx_tls_mode is 'hopefully': give one of [a-z_]+, ", said)
    assert "uwsgi_processes" not in said, "a fact cannot be known yet"
    assert "nginx_sites" not in said, "prepare.yml checks it"


def test_extra_variables_come_from_files_and_inline_and_are_checked_together(tmp_path: Path) -> None:
    (tmp_path / "inputs.yml").write_text("deploy_batch: [1, many]\nalso_strange: 1\n")
    code, said = run(
        tmp_path, "playbooks/deploy.yml", "-e", f"@{tmp_path / 'inputs.yml'}", "-e", '{"deploy_break_lock": "perhaps"}',
        "-e", "strange=1 version=v1", "-e", "which={{ nothing }}",
    )  # fmt: skip
    assert code != 0
    assert "Nothing knows 'also_strange', 'strange', 'which'" in said
    assert "deploy_batch is '[1, 'many']'" in said
    assert "deploy_break_lock is 'perhaps': give true or false." in said
    assert "v1" not in said


@pytest.mark.parametrize(
    "name",
    ["of_the_group", "of_the_host", "of_host_vars", "of_an_empty_group", "lab_rds", "nginx_https_port", "deployed", "awx_x"],
)  # fmt: skip
def test_variables_of_inventory_roles_group_vars_and_workflows_are_known(name: str, tmp_path: Path) -> None:
    code, said = run(tmp_path, "playbooks/secrets.yml", "-e", f"{name}=1")
    assert code != 0
    # The next thing that is missing: these inputs were let through.
    assert "This environment names no secrets_file. Set it in group_vars" in said
    assert name not in said


def test_an_answer_that_was_not_given_in_awx_is_none(tmp_path: Path) -> None:
    for more, refused in ((), True), (("-e", "awx_job_id=7"), False):
        code, said = run(tmp_path, "playbooks/deploy.yml", "-e", "app=", "-e", "source='' deploy_batch=", *more)
        assert code != 0
        assert ("app is empty" in said) == refused
        assert ("deploy_batch is" in said) == refused


def test_a_rollback_asks_which_of_several_applications(tmp_path: Path) -> None:
    words = json.dumps({"applications": {"board": {"secret": "{{ nowhere }}"}, "shop": {}}})
    code, said = run(tmp_path, "playbooks/rollback.yml", "-e", words)
    assert code != 0
    assert "Say which application: -e app= one of board, shop." in said


# What has no default.
REQUIRED = {
    "playbooks/manage.yml": ("-e", "command=check"),
    "playbooks/remove_app.yml": ("-e", "app=shop"),
    "playbooks/database_move.yml": ("-e", "to=rds"),
    "playbooks/database_promote.yml": ("-e", "to=db2"),
    "playbooks/maintenance.yml": ("-e", "app=board", "-e", "maintenance=on"),
}


# These have nothing to do with the hosts of any inventory.
WITHOUT_INVENTORY = (
    "playbooks/rds_ca_bundle.yml",
    "playbooks/awx.yml",
    "playbooks/aws_cost.yml",
    "playbooks/aws_image.yml",
    "playbooks/aws_provision.yml",
    "playbooks/aws_power.yml",
    "playbooks/aws_resize.yml",
    "playbooks/aws_scale.yml",
    "playbooks/aws_terminate.yml",
)


@pytest.mark.parametrize(
    ("playbook", "inventory", "name", "command"),
    [
        *((playbook, "lab", "lab", "make up") for playbook in PLAYBOOKS if playbook not in WITHOUT_INVENTORY),
        ("site.yml", "lab-rds", "nowhere", "LAB_NAME=nowhere make up LAB=lab-rds"),
    ],
)
def test_without_a_lab_every_playbook_says_how_to_make_one(
    playbook: str, inventory: str, name: str, command: str, tmp_path: Path
) -> None:
    # A checkout without a lab, whatever runs in this one.
    for part in ("inventory", "group_vars", "playbooks", "roles", "collections", "site.yml", "ansible.cfg"):
        (tmp_path / part).symlink_to(ROOT / part)
    (tmp_path / "inventory").unlink()
    (tmp_path / "inventory" / inventory).mkdir(parents=True)
    (tmp_path / "inventory" / inventory / "hosts.yml").symlink_to(ROOT / "inventory" / inventory / "hosts.yml")
    (tmp_path / "group_vars").unlink()
    for group in (ROOT / "group_vars").iterdir():
        for path in group.iterdir():
            (tmp_path / "group_vars" / group.name).mkdir(parents=True, exist_ok=True)
            (tmp_path / "group_vars" / group.name / path.name).write_bytes(path.read_bytes())
    (tmp_path / "inventory" / inventory / "group_vars").symlink_to("../../group_vars")
    done = subprocess.run(
        [str(PLAYBOOK), "-i", str(tmp_path / "inventory" / inventory), playbook, *REQUIRED.get(playbook, ())],
        cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1", "LAB_NAME": name},
    )  # fmt: skip
    said = " ".join((done.stdout + done.stderr).split()).replace("''", "'")
    assert done.returncode != 0
    assert f"there is no lab '{name}' on this machine: run '{command}'." in said
    assert "Or give another inventory: -i inventory/<environment>." in said
    assert "UNREACHABLE" not in said
    assert said.count("PLAY [") == 1


def test_a_mistyped_inventory_ends_the_run(tmp_path: Path) -> None:
    nowhere = str(tmp_path / "productoin")
    done = subprocess.run(
        [str(PLAYBOOK), "-i", nowhere, "playbooks/deploy.yml"],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"},
    )  # fmt: skip
    assert done.returncode != 0
    assert f"failed to parse inventory source {nowhere}" in " ".join(done.stderr.split())
    assert "PLAY [" not in done.stdout
