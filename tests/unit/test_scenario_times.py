"""The table of what the scenarios took: measured from Molecule's output, printed by the run's own process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.scenarios import test_scenarios, times

# Says what Molecule says, and takes its time for it.
MOLECULE = """
import sys, time
for name, seconds in (("create", 1), ("check", 0.1), ("destroy", 0.1)):
    print(f"INFO     [board > {name}] Executing", flush=True)
    print("TASK [Executing]", flush=True)
    time.sleep(seconds)
sys.exit(int(sys.argv[1]))
"""


@pytest.mark.parametrize("code", [0, 2])
def test_phases_are_measured_while_it_runs(tmp_path: Path, code: int) -> None:
    ended, seconds, phases = times.run([sys.executable, "-c", MOLECULE, str(code)], tmp_path / "log", 30)
    assert ended == code
    assert [name for name, _ in phases] == ["create", "check", "destroy"]
    assert dict(phases)["create"] == pytest.approx(1, abs=0.9)
    assert sum(took for _, took in phases) <= seconds
    assert (tmp_path / "log").read_text().count("TASK") == 3


def test_one_that_hangs_is_ended(tmp_path: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        times.run([sys.executable, "-c", "import time; time.sleep(60)"], tmp_path / "log", 0.1)


def test_table_has_a_row_a_scenario_and_a_column_a_phase() -> None:
    whole = [("create", 10.2), ("check", 5.0), ("converge", 20.0), ("check", 4.4), ("destroy", 3.0)]
    lines = times.table({"short": (15.6, whole[:2]), "board": (44.0, whole)})
    assert [line.split() for line in lines] == [
        ["scenario", "seconds", "create", "check", "converge", "check", "destroy"],
        ["board", "44", "10", "5", "20", "4", "3"],
        ["short", "16", "10", "5", "-", "-", "-"],
        ["all", "60", "20", "10", "20", "4", "3"],
    ]
    assert len({len(line) for line in lines}) == 1


@pytest.mark.parametrize("workers", ["0", "2"])
def test_run_prints_the_table_before_its_last_line(tmp_path: Path, root: Path, workers: str) -> None:
    """With workers, what they measured reaches the process that prints."""
    (tmp_path / "test_example.py").write_text(
        "import pytest\n\n"
        "@pytest.mark.parametrize('name', ['good', 'bad'])\n"
        "def test_one(name, record_property):\n"
        f"    record_property({times.PROPERTY!r}, [name, 7.0, [('create', 3.0)]])\n"
        "    assert name == 'good'\n"
    )
    done = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-n", workers, "-p", "no:cacheprovider", "-p", "tests.conftest",
            "--rootdir", tmp_path, tmp_path,
        ],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["good", "7", "3"] in rows, done.stdout + done.stderr
    assert ["bad", "7", "3"] in rows
    assert "1 failed, 1 passed" in done.stdout.splitlines()[-1]


@pytest.mark.parametrize("environment", [{}, {"TEST_BEGAN": ""}, {"TEST_BEGAN": "1000"}])
def test_a_run_that_has_time_or_no_bound_begins_another_scenario(environment: dict[str, str]) -> None:
    assert not times.budget(environment, now=4000, seconds=3000)


def test_a_run_without_time_says_how_much_is_over() -> None:
    said = times.budget({"TEST_BEGAN": "1000"}, now=4060, seconds=3000)
    assert said == "this machine is slow: 51 minutes are over, and scenarios begin within 50"


def test_every_scenario_belongs_to_one_of_the_two_targets() -> None:
    assert set(test_scenarios.SCENARIOS) > test_scenarios.APART
    assert set(test_scenarios.LONGEST) <= set(test_scenarios.SCENARIOS) - test_scenarios.APART
