"""A task in the background is waited for as long as it has a process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils import background

BEGUN = {"started": True, "finished": False, "ansible_job_id": "j77.1"}
# A program with the words of ansible-core's: it sleeps, writes its end or none, and is gone.
PROGRAM = """\
import os, sys, time
time.sleep(0.3)
if len(sys.argv) > 3:
    with open(sys.argv[2] + ".new", "w") as file:
        file.write(sys.argv[3])
    os.rename(sys.argv[2] + ".new", sys.argv[2])
"""


def begin(place: Path, *end: str) -> Path:
    """A task that has begun, and ends so or without a word."""
    results = place / "j4711.1"
    results.write_text(json.dumps(BEGUN))
    subprocess.Popen([sys.executable, "-c", PROGRAM, "j4711", str(results), *end])
    return results


def test_what_it_said_at_its_end(tmp_path: Path) -> None:
    results = begin(tmp_path, '{"changed": true, "lsn": 7}')
    assert background.wait(results, 10) == {"changed": True, "lsn": 7}
    # Its process is gone by now, and its result stays.
    assert background.wait(results, 10) == {"changed": True, "lsn": 7}


def test_one_whose_process_is_gone_ends_without_the_time_that_it_has(tmp_path: Path) -> None:
    with pytest.raises(background.BackgroundProblem, match=r"its process is gone\. Its host was restarted"):
        background.wait(begin(tmp_path), 3600)


def test_one_that_never_began_is_not_waited_for(tmp_path: Path) -> None:
    with pytest.raises(background.BackgroundProblem, match="its process is gone"):
        background.wait(tmp_path / "j4712.1", 3600)


def test_one_that_takes_longer_is_said(tmp_path: Path) -> None:
    results = begin(tmp_path)
    with pytest.raises(background.BackgroundProblem, match="still runs after 0 seconds"):
        background.wait(results, 0)


def test_a_process_is_known_by_a_whole_argument(tmp_path: Path) -> None:
    (tmp_path / "12").mkdir()
    (tmp_path / "12/cmdline").write_bytes(b"python3\0async_wrapper.py\0j47\x00600\0")
    assert background.alive("j47.12", tmp_path)
    assert not background.alive("j4.12", tmp_path)
    (tmp_path / "13").mkdir()
    assert not background.alive("j471.13", tmp_path)
