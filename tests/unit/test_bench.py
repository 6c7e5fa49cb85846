"""What the benchmarks make of what they measured: steps of a run, goals, what a server adds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench import quiet, serve, steps, versions

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("action", "path", "step"),
    [
        ("ansible.builtin.setup", "/x/playbooks/parts/prepare.yml", "facts"),
        ("ansible.builtin.assert", "/x/playbooks/parts/prepare.yml", "checks"),
        ("ansible.builtin.assert", "/x/roles/preflight/tasks/secrets.yml", "checks"),
        ("django_ec2.site.release_build", "/x/roles/release/tasks/build.yml", "build"),
        ("release_build", "/x/roles/django/tasks/build.yml", "build"),
        ("django_ec2.site.deploy_lock", "/x/roles/release/tasks/prepare_application.yml", "locks"),
        ("django_ec2.site.release_stage", "/x/roles/release/tasks/stage_application.yml", "stage"),
        ("release_unpack", "/x/roles/django/tasks/unpack.yml", "stage"),
        ("ansible.builtin.command", "/x/roles/release/tasks/migrate.yml", "migrate"),
        ("django_ec2.site.release_activate", "/x/roles/release/tasks/activate.yml", "switches"),
        ("django_ec2.site.deploy_lock", "/x/roles/release/tasks/leave_out.yml", "locks"),
        ("django_ec2.site.host_config", "/x/roles/django/tasks/configure.yml", "configuration"),
        ("django_ec2.site.host_config", "/x/roles/uwsgi/tasks/configure.yml", "configuration"),
        ("ansible.builtin.debug", "/x/playbooks/parts/summary.yml", steps.END),
        ("ansible.builtin.debug", "/x/roles/nginx/tasks/main.yml", steps.REST),
    ],
)
def test_a_task_belongs_to_a_step(action: str, path: str, step: str) -> None:
    assert steps.step_of(action, path) == step


def test_every_task_file_of_a_deploy_belongs_to_a_step() -> None:
    for path in (ROOT / "roles" / "release" / "tasks").glob("*.yml"):
        if path.name not in (
            "after_restore.yml",
            "ask_live.yml",
            "drill.yml",
            "drill_application.yml",
            "main.yml",
            "list.yml",
            "logs.yml",
            "manage.yml",
            "remove.yml",
            "remove_stop.yml",
        ):
            assert steps.step_of("ansible.builtin.set_fact", str(path)) != steps.REST, path


def test_steps_add_up_to_the_command() -> None:
    told = {
        "ended": 20.0,
        "tasks": [
            {"action": "a", "path": "/roles/preflight/tasks/inputs.yml", "began": 11.0, "seconds": {}},
            {
                "action": "django_ec2.site.release_stage",
                "path": "/roles/release/tasks/stage_application.yml",
                "began": 12.5,
                "seconds": {"web1": {"unpack": 1.0, "commands": 2.0}, "web2": {"unpack": 1.5, "commands": 0.5}},
            },
            {
                "action": "django_ec2.site.release_activate",
                "path": "/roles/release/tasks/activate.yml",
                "began": 17.0,
                "seconds": {"web1": {"seconds_live": 0.5}},
            },
            {
                "action": "django_ec2.site.release_activate",
                "path": "/roles/release/tasks/activate.yml",
                "began": 18.0,
                "seconds": {"web2": {"seconds_live": 0.25}},
            },
        ],
    }
    found = steps.steps(told, 10.0, 20.5)
    assert sum(found[step] for step in steps.STEPS) == pytest.approx(10.5)
    assert found[steps.START] == 1.0
    assert found["checks"] == 1.5
    assert found["stage"] == 4.5
    # The slowest host of each task; batches follow each other.
    assert found["stage: unpack"] == 1.5
    assert found["stage: commands"] == 2.0
    assert found["switches"] == 3.0
    assert found["switches: live"] == 0.75
    assert found[steps.END] == 0.5


def test_the_table_has_the_parts_below_their_step() -> None:
    lines = steps.table({"quiet": {"stage": 2.0, "stage: unpack": 1.0, "locks": 0.0}, "other": {"stage": 3.0}})
    assert lines[1].split() == ["stage", "2.00", "3.00"]
    assert lines[2].split() == ["unpack", "1.00"]
    assert len(lines) == 3


def test_a_run_without_a_step_took_no_time_for_it() -> None:
    assert steps.medians([{"build": 4.0, "stage": 1.0}, {"stage": 3.0}]) == {"build": 2.0, "stage": 2.0}


def test_the_callback_writes_what_steps_reads(tmp_path: Path) -> None:
    """A play on this machine, with the callback beside none of the product's."""
    play = tmp_path / "play.yml"
    play.write_text("- hosts: localhost\n  gather_facts: false\n  tasks:\n    - ansible.builtin.debug: {msg: one}\n")
    written = tmp_path / "tasks.json"
    environment = {
        "PATH": str(Path(sys.executable).parent), "HOME": str(tmp_path), "BENCH_TASKS": str(written),
        "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "tests" / "bench" / "callbacks"),
        "ANSIBLE_CALLBACKS_ENABLED": "bench_tasks", "LC_ALL": "C.UTF-8",
    }  # fmt: skip
    words = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", "-c", "local", str(play)]
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (task,) = json.loads(written.read_text())["tasks"]
    assert (task["path"], task["action"]) == (str(play), "ansible.builtin.debug")
    assert steps.read_steps(written, task["began"] - 1, task["began"] + 5)[steps.START] == pytest.approx(1)


def spread(value: float) -> dict[str, float]:
    return {"median": value, "min": value, "max": value}


def figures(title: str, deploy: float, rollback: float | None, release_mb: float) -> dict:
    found: dict = {"title": title, "hosts": 2, "release_mb": spread(release_mb)}
    for kind, seconds in (("deploy", deploy), ("rollback", rollback)):
        if seconds is not None:
            found[kind] = {"command_s": spread(seconds), "controller_cpu_s": spread(2.0), "hosts_cpu_s": spread(4.0)}
    return found


def test_goals_of_quiet_deploys() -> None:
    own, ten = figures("own", 14.0, 9.0, 0.4), {**figures("own", 24.0, None, 0.4), "hosts": 10}
    assert [good for _name, _measured, _wanted, good in quiet.goals(own, ten)] == [True, False, True, True]
    assert len(quiet.goals(own, None)) == 3


def test_two_versions_are_compared_by_their_medians() -> None:
    found = quiet.ratios(figures("new", 10.0, 5.0, 1.0), figures("old", 40.0, 10.0, 100.0))
    assert found["new / old, deploy, wall"] == 0.25
    assert found["new / old, rollback, wall"] == 0.5
    assert found["new / old, MB"] == 0.01


def test_what_a_server_adds_is_taken_within_a_round() -> None:
    rounds = {
        serve.BARE: [{"cpu_us": 100.0}, {"cpu_us": 200.0}],
        serve.OWN: [{"cpu_us": 150.0}, {"cpu_us": 260.0}],
        serve.GTHREAD: [{"cpu_us": 200.0}, {"cpu_us": 440.0}],
        # Adds nothing that can be measured in the second round.
        serve.GRANIAN: [{"cpu_us": 125.0}, {"cpu_us": 200.0}],
    }
    found = serve.added(dict.fromkeys(serve.VIEWS, rounds))["JSON"]
    assert found[serve.OWN]["added_us"] == {"median": 55.0, "min": 50.0, "max": 60.0}
    assert found[serve.GTHREAD]["ratio"] == {"median": 0.375, "min": 0.25, "max": 0.5}
    assert found[serve.GRANIAN]["ratio"]["median"] == 2.0
    assert serve.BARE not in found


def test_another_version_that_is_none_is_refused() -> None:
    with (
        pytest.raises(SystemExit, match="BENCH_AGAINST=no-such-thing is no commit of this repository"),
        versions.checkout("no-such-thing"),
    ):
        pass
