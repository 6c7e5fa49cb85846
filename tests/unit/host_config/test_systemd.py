"""Units, with a systemctl that keeps its state in a file."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.host_config import commands
from ansible_collections.django_ec2.site.plugins.module_utils.host_config import systemd as module
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.errors import HostConfigError

from .helpers import SECRET, apply, refused

SYSTEMCTL = """\
#!{python}
import json, os, sys
place = os.environ["FAKE_SYSTEMD"]
state = json.load(open(place))
words = sys.argv[1:]
verb, names = words[0], words[words.index("--") + 1:] if "--" in words else []
state["calls"].append(" ".join([verb, *names]))
missing = {{"LoadState": "not-found", "ActiveState": "inactive"}}
code = 0
if verb == "show":
    blocks = []
    for name in names:
        unit = {{"Id": name, "UnitFileState": "", "SubState": "", "Type": "simple", "Result": "success",
                "NeedDaemonReload": "no",
                **state["units"].get(name, missing)}}
        blocks.append("\\n".join(f"{{k}}={{v}}" for k, v in unit.items() if not k.startswith("_")))
    print("\\n\\n".join(blocks))
elif verb == "daemon-reload":
    for unit in state["units"].values():
        unit["NeedDaemonReload"] = "no"
    state["units"].update(state.pop("after_reload", {{}}))
for name in names if verb != "show" else []:
    unit = state["units"].setdefault(name, {{**missing}})
    if verb == "start":
        unit.update(unit.pop("_on_start", {{"ActiveState": "active", "SubState": "running"}}))
        if unit["ActiveState"] == "failed":
            print(f"Job for {{name}} failed because the control process exited with error code.")
            code = 1
    elif verb == "stop":
        unit["ActiveState"] = "inactive"
    elif verb == "mask":
        unit.update(LoadState="masked", UnitFileState="masked")
    elif verb == "unmask":
        unit.update(LoadState="loaded", UnitFileState="disabled")
    elif verb == "reset-failed":
        unit["ActiveState"] = "inactive"
    else:
        unit["UnitFileState"] = verb + "d"
json.dump(state, open(place, "w"))
sys.exit(code)
"""


class Systemd:
    """The other side of the fake systemctl."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.write({"units": {}, "calls": []})

    def read(self) -> dict[str, Any]:
        return json.loads(self.place.read_text())

    def write(self, state: dict[str, Any]) -> None:
        self.place.write_text(json.dumps(state))

    def add(self, name: str, **properties: str | dict[str, str]) -> None:
        state = self.read()
        defaults = {"LoadState": "loaded", "ActiveState": "inactive", "UnitFileState": "disabled"}
        state["units"][name] = {**defaults, **properties}
        self.write(state)

    def calls(self) -> list[str]:
        """Calls since the last look, without the reading ones' names."""
        state = self.read()
        calls, state["calls"] = state["calls"], []
        self.write(state)
        return ["show" if call.startswith("show ") else call for call in calls]


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Systemd:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "systemctl").write_text(SYSTEMCTL.format(python=sys.executable))
    (programs / "journalctl").write_text('#!/bin/sh\necho "journal of $*: it said correct-horse-battery"\n')
    (programs / "systemd-analyze").write_text(
        '#!/bin/sh\ncase $* in *bare-metal*) echo "Conditions failed."; exit 1;; esac\n'
    )
    for program in programs.iterdir():
        program.chmod(0o755)
    fake = Systemd(tmp_path / "systemd.json")
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_SYSTEMD", str(fake.place))
    monkeypatch.setattr(module, "SETTLE_SECONDS", 0.0)
    monkeypatch.setattr(module, "START_SECONDS", 0.0)
    return fake


def test_units_take_one_look_and_only_the_calls_they_need(systemd: Systemd) -> None:
    systemd.add("web.service")
    systemd.add("app@blue.service")
    systemd.add("done.service", ActiveState="active", UnitFileState="enabled")
    systemd.add("old.service", ActiveState="active", UnitFileState="enabled")
    wishes = {
        "units": [
            {"name": "web.service", "enabled": True, "state": "started"},
            {"name": "app@blue.service", "enabled": True, "state": "started"},
            {"name": "done.service", "enabled": True, "state": "started"},
            {"name": "old.service", "enabled": False, "state": "stopped"},
        ]
    }
    planned = apply(check_mode=True, **wishes)
    assert systemd.calls() == ["show"]
    assert apply(**wishes) == planned
    assert planned["changed_units"] == ["web.service", "app@blue.service", "old.service"]
    assert systemd.calls() == [
        "show",
        "stop old.service",
        "disable old.service",
        "enable web.service app@blue.service",
        "start web.service app@blue.service",
        "show",
    ]
    assert not apply(**wishes)["changed"]
    assert systemd.calls() == ["show"]


def test_daemon_reload_when_a_unit_file_changed_or_systemd_asks(
    systemd: Systemd, etc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "UNIT_DIRECTORIES", (str(etc),))
    params = {"files": [{"path": f"{etc}/a.service", "content": "[Unit]\n"}]}
    assert apply(check_mode=True, **params)["daemon_reloaded"]
    assert systemd.calls() == []
    assert apply(**params)["daemon_reloaded"]
    assert systemd.calls() == ["daemon-reload"]
    systemd.add("a.service", NeedDaemonReload="yes", ActiveState="active")
    wishes = {"units": [{"name": "a.service", "state": "started"}]}
    assert apply(check_mode=True, **wishes)["daemon_reloaded"]
    assert systemd.calls() == ["show"]
    assert apply(**wishes)["daemon_reloaded"]
    assert systemd.calls() == ["show", "daemon-reload", "show"]
    assert not apply(**params, **wishes)["daemon_reloaded"]


def test_a_missing_unit_is_a_change_in_check_mode_and_an_error_else(systemd: Systemd) -> None:
    wishes = {"units": [{"name": "later.service", "enabled": True, "state": "started"}]}
    assert apply(check_mode=True, **wishes)["changed_units"] == ["later.service"]
    assert "later.service does not exist" in refused(**wishes)


def test_a_host_without_systemctl_can_be_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "find_executable", lambda name: None)
    wishes = {"units": [{"name": "later.service", "state": "started"}, {"name": "seen.service"}]}
    assert apply(check_mode=True, **wishes)["changed_units"] == ["later.service"]
    assert "systemctl is not installed" in refused(**wishes)


def test_masking(systemd: Systemd) -> None:
    systemd.add("a.service", ActiveState="active", UnitFileState="enabled")
    units = [{"name": "a.service", "masked": True}, {"name": "never-installed.service", "masked": True}]
    assert apply(units=units)["changed_units"] == ["a.service", "never-installed.service"]
    assert systemd.calls()[1:] == [
        "stop a.service",
        "disable a.service",
        "mask a.service never-installed.service",
    ]
    assert not apply(units=units)["changed"]
    assert "masked: false" in refused(units=[{"name": "a.service", "state": "started"}])
    back = {"units": [{"name": "a.service", "masked": False, "enabled": True, "state": "started"}]}
    assert apply(check_mode=True, **back)["changed_units"] == ["a.service"]
    systemd.calls()
    assert apply(**back)["changed_units"] == ["a.service"]
    assert systemd.calls()[1:] == ["unmask a.service", "show", "enable a.service", "start a.service", "show"]


def test_a_unit_that_fails_to_start_shows_its_journal_without_secrets(systemd: Systemd, etc: Path) -> None:
    systemd.add("bad.service", _on_start={"ActiveState": "failed"})
    systemd.add("loop.service", _on_start={"ActiveState": "activating", "SubState": "auto-restart"})
    with pytest.raises(HostConfigError) as caught:
        apply(
            files=[{"path": f"{etc}/env", "content": SECRET, "sensitive": True, "triggers": ["restart"]}],
            units=[{"name": "bad.service", "state": "started"}, {"name": "loop.service", "state": "started"}],
        )
    message = str(caught.value)
    assert "bad.service, loop.service did not start" in message
    assert "journal of -u bad.service -n 30 --no-pager" in message
    assert SECRET not in message
    assert caught.value.details["changed"]
    assert caught.value.details["triggers"] == ["restart"]
    # A crash loop does not count as started the next time either.
    assert apply(check_mode=True, units=[{"name": "loop.service", "state": "started"}])["changed"]


def test_a_unit_that_had_failed_is_said_and_started_again(systemd: Systemd) -> None:
    systemd.add("down.service", ActiveState="failed", Result="start-limit-hit")
    systemd.add("new.service")
    wishes = {"units": [{"name": "down.service", "state": "started"}, {"name": "new.service", "state": "started"}]}
    (foretold,) = apply(check_mode=True, **wishes)["warnings"]
    assert foretold.startswith("down.service had failed (start-limit-hit) and would be started again.")
    systemd.calls()
    (said,) = apply(**wishes)["warnings"]
    assert said.startswith("down.service had failed (start-limit-hit) and was started again.")
    assert "journalctl --unit down.service" in said
    # Otherwise systemd refuses the start of a unit that reached its limit of them.
    assert systemd.calls() == ["show", "reset-failed down.service", "start down.service new.service", "show"]


def test_units_that_cannot_be_enabled_or_started_are_warned_about(systemd: Systemd) -> None:
    systemd.add("static.service", UnitFileState="static", ActiveState="active")
    systemd.add("bare-metal.service", UnitFileState="enabled", _on_start={"ActiveState": "inactive"})
    wishes = {
        "units": [
            {"name": "static.service", "enabled": True},
            {"name": "bare-metal.service", "state": "started"},
        ]
    }
    result = apply(**wishes)
    assert not result["changed"]
    assert "static.service cannot be enabled" in result["warnings"][0]
    assert "own conditions" in result["warnings"][1]
    assert not apply(check_mode=True, **wishes)["changed"]


# --- which verbs are due: a function of entry and state ---


def verbs(entry: dict[str, Any], state: dict[str, str], **how: bool) -> list[str]:
    unit = {"name": "a.service", "enabled": None, "state": None, "masked": None, **entry}
    known = {"LoadState": "loaded", "ActiveState": "inactive", "SubState": "dead", "UnitFileState": "disabled", **state}
    return module.verbs_for(unit, known, **{"to_be_installed": False, "check_mode": False, **how})


@pytest.mark.parametrize(
    ("entry", "state", "due"),
    [
        ({}, {"LoadState": "not-found"}, []),
        ({"state": "started"}, {}, ["start"]),
        ({"state": "started"}, {"ActiveState": "reloading"}, []),
        ({"state": "started"}, {"ActiveState": "activating", "SubState": "start"}, []),
        ({"state": "started"}, {"ActiveState": "activating", "SubState": "auto-restart"}, ["start"]),
        ({"state": "started"}, {"ActiveState": "failed"}, ["start"]),
        ({"state": "stopped"}, {"ActiveState": "failed"}, []),
        ({"state": "stopped"}, {"ActiveState": "activating", "SubState": "auto-restart"}, ["stop"]),
        ({"state": "stopped", "enabled": False}, {"ActiveState": "active", "UnitFileState": "enabled"}, ["stop", "disable"]),
        ({"enabled": True}, {"UnitFileState": "enabled-runtime"}, ["enable"]),
        ({"enabled": True}, {"UnitFileState": "static"}, []),
        ({"enabled": False}, {"UnitFileState": "static"}, []),
        ({"masked": True}, {"LoadState": "masked", "UnitFileState": "masked"}, []),
        ({"masked": True}, {"LoadState": "masked", "UnitFileState": "masked", "ActiveState": "active"}, ["stop"]),
        ({"masked": True}, {"UnitFileState": "enabled"}, ["disable", "mask"]),
        ({"masked": True}, {"LoadState": "not-found", "UnitFileState": ""}, ["mask"]),
    ],
)  # fmt: skip
def test_verbs_follow_from_entry_and_state(entry: dict[str, Any], state: dict[str, str], due: list[str]) -> None:
    assert verbs(entry, state) == due


def test_a_unit_that_is_not_there_yet_is_planned_in_check_mode_alone() -> None:
    entry, missing = {"enabled": True, "state": "started"}, {"LoadState": "not-found", "UnitFileState": ""}
    assert verbs(entry, missing, to_be_installed=True, check_mode=True) == ["start", "enable"]
    assert verbs({"enabled": False}, missing, to_be_installed=True, check_mode=True) == ["disable"]
    with pytest.raises(HostConfigError, match="does not exist on this host"):
        verbs(entry, missing)
