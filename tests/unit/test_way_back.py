"""What a host does by itself unless it is called off: set, called off in time, too late, and at the next boot."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.way_back import WayBack, WayBackError


@pytest.fixture
def told(tmp_path: Path, fake_bin) -> Path:
    """What systemd was told: timers are never active, and no unit is."""
    log = tmp_path / "told"
    log.touch()
    fake_bin("systemctl", f'echo systemctl "$@" >>{log}; [ "$1" = is-active ] && exit 3; exit 0')
    return log


def a_way_back(tmp_path: Path, before: str = "") -> WayBack:
    (tmp_path / "units").mkdir(exist_ok=True)
    return WayBack(tmp_path / "lab-way-back", before, tmp_path / "units")


def test_the_script_runs_once(tmp_path: Path, told: Path) -> None:
    back = a_way_back(tmp_path)
    back.set(60, f"echo back >>{tmp_path}/ran")
    assert "systemctl restart lab-way-back.timer" in told.read_text()
    assert "OnActiveSec=60" in back.timer.read_text().splitlines()
    back.go()
    back.go()
    assert (tmp_path / "ran").read_text() == "back\n"
    assert not back.script.exists()


def test_who_comes_too_late_is_told(tmp_path: Path, told: Path) -> None:
    back = a_way_back(tmp_path)
    back.set(60, "true")
    assert back.call_off()
    assert not back.call_off()
    back.set(60, "true")
    back.go()
    assert not back.call_off()


def test_the_next_boot_does_it_only_where_a_boot_needs_it(tmp_path: Path, told: Path) -> None:
    a_way_back(tmp_path).set(60, "true")
    assert "enable" not in told.read_text()
    back = a_way_back(tmp_path, before="ssh.service")
    back.set(60, "true")
    lines = back.unit.read_text().splitlines()
    assert "Before=ssh.service" in lines
    # Once it was called off, or has run, a boot does nothing.
    assert f"ConditionPathExists={back.script}" in lines
    assert "systemctl --quiet enable lab-way-back.service" in told.read_text().splitlines()


def test_without_a_timer_nothing_is_tried(tmp_path: Path, told: Path, fake_bin) -> None:
    fake_bin("systemctl", "echo Failed to connect to bus >&2; exit 1")
    with pytest.raises(WayBackError, match=r"systemctl .* failed: Failed to connect to bus"):
        a_way_back(tmp_path).set(60, "true")


def test_a_run_that_is_killed_leaves_a_way_back_to_what_another_one_tried(tmp_path: Path, told: Path, fake_bin) -> None:
    back = a_way_back(tmp_path)
    back.set(60, "echo earlier")
    # Whatever systemd is told, a script lies there, and the timer is not stopped before another one runs.
    fake_bin("systemctl", f'echo "$@": $(head -n 1 {back.script} 2>&1) >>{told}; exit 0')
    told.write_text("")
    back.set(90, "echo later")
    lines = told.read_text().splitlines()
    assert {line.partition(": ")[2] for line in lines} == {"echo later"}
    assert not [line for line in lines if line.startswith("stop ")]


def test_the_earlier_one_that_runs_meanwhile_does_not_take_the_new_one_away(
    tmp_path: Path, told: Path, fake_bin
) -> None:
    back = a_way_back(tmp_path)
    fake_bin(
        "systemctl",
        f'echo systemctl "$@" >>{told}; case $1 in show) echo activating;; start) sh {back.script};; esac; exit 0',
    )
    back.set(60, f"echo back >>{tmp_path}/ran")
    assert "systemctl start lab-way-back.service" in told.read_text()
    assert back.script.exists()
