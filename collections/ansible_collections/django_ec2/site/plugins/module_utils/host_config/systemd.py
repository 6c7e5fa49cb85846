# SPDX-License-Identifier: MIT
"""Units of systemd. Knows how their state is read, which verbs lead to what is wanted, and when a unit counts as started.

Which verbs are due follows from entry and state alone. Restarts and reloads are the handlers' business.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.host_config import commands
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.errors import HostConfigError
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.report import Report, diff_item

UNIT_DIRECTORIES = (
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/lib/systemd/system",
    "/usr/local/lib/systemd/system",
)
UNIT_PROPERTIES = "Id,LoadState,ActiveState,SubState,UnitFileState,NeedDaemonReload,Type,Result"
# Here enabling is not a property of the unit itself: asking for it again and again changes nothing.
NOT_ENABLEABLE = ("static", "indirect", "generated", "transient")
RUNNING = ("active", "reloading", "refreshing")
SETTLE_SECONDS = 0.5  # a Type=simple service counts as started before it had time to crash
START_SECONDS = 15.0  # how long a unit may stay "activating" after systemctl has returned

Unit = dict[str, Any]  # one entry of the option units
State = dict[str, str]  # what systemctl show says of a unit


class Units:
    """Applies the entries, and reports it as it goes: an error half-way must not hide what was done."""

    def __init__(self, units: list[Unit], check_mode: bool, report: Report, redact: Callable[[str], str]) -> None:
        self.units = {unit["name"]: unit for unit in units}
        self.check_mode = check_mode
        self.report = report
        self.redact = redact

    def manage(self, reload_due: bool = False) -> None:
        """Reload the daemon where a changed path asks for it, look at all units at once, and apply what differs.

        Args:
            reload_due: whether a run before this one placed a unit and did not come to the reload.
        """
        result = self.report.result
        reload_due = reload_due or any(is_unit_path(path) for path in result["changed_paths"])
        if self.check_mode and commands.find_executable("systemctl") is None:
            result["changed_units"] = [name for name, unit in self.units.items() if wants_something(unit)]
            result["daemon_reloaded"] = reload_due
            return
        if reload_due:
            self._daemon_reload()
        states = show_units(list(self.units))
        outdated = any(state["NeedDaemonReload"] == "yes" for state in states.values())
        if outdated and not result["daemon_reloaded"]:
            self._daemon_reload()
            states = states if self.check_mode else show_units(list(self.units))
        self._apply(states)

    def _daemon_reload(self) -> None:
        self.report.result["daemon_reloaded"] = True
        if not self.check_mode:
            commands.demand_success(commands.run(["systemctl", "daemon-reload"]), "systemctl daemon-reload failed")

    def _apply(self, states: dict[str, State]) -> None:
        unmask = [n for n, unit in self.units.items() if unit["masked"] is False and is_masked(states[n])]
        if unmask and not self.check_mode:
            self._systemctl("unmask", unmask)
            states = {**states, **show_units(unmask)}
        verbs: dict[str, list[str]] = {"stop": [], "disable": [], "mask": [], "enable": [], "start": []}
        for name, unit in self.units.items():
            for verb in self._verbs(unit, states[name], unmasked=name in unmask):
                verbs[verb].append(name)
        for verb, names in verbs.items():
            if verb == "start":
                self._clear_failed([name for name in names if states[name]["ActiveState"] == "failed"], states)
            if names and not self.check_mode:
                if verb == "start":
                    verbs["start"] = self._start(names)
                else:
                    self._systemctl(verb, names)
        verbs["unmask"] = unmask
        for name in self.units:
            done = [verb for verb, names in verbs.items() if name in names]
            if done:
                state = states[name]
                before = f"{state['UnitFileState'] or state['LoadState']}, {state['ActiveState']}\n"
                self.report.diff.append(diff_item(f"unit {name}", before, f"{', '.join(done)}\n"))
                self.report.result["changed_units"].append(name)

    def _verbs(self, unit: Unit, state: State, unmasked: bool) -> list[str]:
        """What has to be done to one unit, once its own conditions were asked."""
        name = unit["name"]
        to_be_installed = self.check_mode and (unmasked or state["LoadState"] == "not-found")
        verbs = verbs_for(unit, state, to_be_installed, self.check_mode)
        if unit["enabled"] and state["UnitFileState"] in NOT_ENABLEABLE:
            self.report.warnings.append(
                f"{name} cannot be enabled by itself ({state['UnitFileState']}): something else starts it. "
                "Leave out enabled, or give the unit an [Install] section."
            )
        # What does not exist yet cannot be asked, and is taken to start.
        if self.check_mode and "start" in verbs and state["LoadState"] == "loaded" and not conditions_hold(name):
            verbs.remove("start")
        return verbs

    def _systemctl(self, verb: str, names: list[str]) -> None:
        done = commands.run(["systemctl", verb, "--", *names])
        if done.returncode:
            raise HostConfigError(
                f"systemctl {verb} failed for {', '.join(names)}:\n{self.redact(done.stdout)}",
                rc=done.returncode,
            )

    def _clear_failed(self, names: list[str], states: dict[str, State]) -> None:
        """Say which units had failed. One that reached its limit of starts would refuse the next one as well."""
        for name in names:
            self.report.warnings.append(
                f"{name} had failed ({states[name]['Result'] or 'failed'}) and "
                f"{'would be' if self.check_mode else 'was'} started again. Why it failed: journalctl --unit {name}"
            )
        if names and not self.check_mode:
            commands.run(["systemctl", "reset-failed", "--", *names])

    def _start(self, names: list[str]) -> list[str]:
        """Start units, make sure that they run, and answer those that do."""
        done = commands.run(["systemctl", "start", "--", *names])
        if done.returncode == 0:
            time.sleep(SETTLE_SECONDS)
        deadline = time.monotonic() + START_SECONDS
        states = show_units(names)
        while any(s["ActiveState"] == "activating" for s in states.values()) and time.monotonic() < deadline:
            time.sleep(SETTLE_SECONDS)
            states = show_units(names)
        idle = [name for name in names if not has_started(states[name])]
        skipped = [n for n in idle if states[n]["ActiveState"] == "inactive" and not conditions_hold(n)]
        for name in skipped:
            self.report.warnings.append(
                f"{name} was not started: its own conditions (Condition*= in the unit) do not hold."
            )
        failed = [name for name in idle if name not in skipped]
        if failed or done.returncode:
            journals = "\n".join(self._journal(name) for name in failed)
            raise HostConfigError(
                f"{', '.join(failed or names)} did not start: {self.redact(done.stdout)}\n{journals}",
                failed_units=failed,
                rc=done.returncode,
            )
        return [name for name in names if name not in skipped]

    def _journal(self, name: str) -> str:
        if commands.find_executable("journalctl") is None:
            return ""
        # What it said just before it ended may still be on its way into the journal.
        commands.run(["journalctl", "--sync"])
        lines = commands.run(["journalctl", "-u", name, "-n", "30", "--no-pager"]).stdout
        return f"Last journal lines of {name}:\n{self.redact(lines)}"


def verbs_for(unit: Unit, state: State, to_be_installed: bool, check_mode: bool) -> list[str]:
    """The verbs of systemctl that lead from a state to what is wanted. Refuses a unit that cannot be managed."""
    if unit["masked"]:
        return verbs_to_mask(state)
    if not wants_something(unit):
        return []
    if state["LoadState"] != "loaded" and not to_be_installed:
        raise HostConfigError(unusable(unit["name"], state["LoadState"]))
    verbs = []
    running = state["ActiveState"] in RUNNING or (
        state["ActiveState"] == "activating" and state["SubState"] != "auto-restart"
    )
    if unit["state"] == "stopped" and (running or state["ActiveState"] in ("activating", "deactivating")):
        verbs.append("stop")
    if unit["state"] == "started" and not running:
        verbs.append("start")
    return verbs + verbs_to_enable(unit, state, check_mode)


def verbs_to_enable(unit: Unit, state: State, check_mode: bool) -> list[str]:
    """Enable or disable; nothing for a unit that cannot be enabled by itself."""
    file_state = state["UnitFileState"]
    if unit["enabled"] and file_state != "enabled" and file_state not in NOT_ENABLEABLE:
        return ["enable"]
    if unit["enabled"] is False and file_state == "enabled":
        return ["disable"]
    if check_mode and state["LoadState"] == "not-found" and unit["enabled"] is not None:
        return ["enable" if unit["enabled"] else "disable"]
    return []


def verbs_to_mask(state: State) -> list[str]:
    """A unit that is to be masked neither runs nor stays enabled."""
    verbs = ["stop"] if state["ActiveState"] in (*RUNNING, "activating") else []
    if not is_masked(state):
        verbs += ["disable"] if state["UnitFileState"] == "enabled" else []
        verbs.append("mask")
    return verbs


def wants_something(unit: Unit) -> bool:
    """Whether an entry asks for more than to be looked at."""
    return any(unit[option] is not None for option in ("enabled", "state", "masked"))


def is_masked(state: State) -> bool:
    """Whether a unit is masked until someone unmasks it."""
    return state["UnitFileState"] == "masked"


def has_started(state: State) -> bool:
    """Whether a unit runs, or is a oneshot that has done its work."""
    if state["ActiveState"] == "inactive":
        return state["Type"] == "oneshot" and state["Result"] == "success"
    return state["ActiveState"] in RUNNING


def unusable(name: str, load_state: str) -> str:
    """Say why a unit cannot be managed, and what to do."""
    remedy = {
        "not-found": "does not exist on this host. Install its package, place its file, or correct the name.",
        "masked": "is masked. Add masked: false if it shall be used.",
        "bad-setting": f"has a setting that systemd refuses. See: systemd-analyze verify {name}",
    }
    return f"units: {name} {remedy.get(load_state, f'could not be loaded by systemd ({load_state}).')}"


def is_unit_path(path: str) -> bool:
    """Whether systemd reads this path."""
    real = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
    return any(candidate.startswith(top + "/") for top in UNIT_DIRECTORIES for candidate in (path, real))


def show_units(names: list[str]) -> dict[str, State]:
    """Properties of all units with one call. Aliases answer with another Id, so blocks are taken by order."""
    if not names:
        return {}
    done = commands.run(["systemctl", "show", "--property", UNIT_PROPERTIES, "--", *names])
    blocks = [block for block in re.split(r"\n\s*\n", done.stdout.strip()) if block]
    if done.returncode or len(blocks) != len(names):
        raise HostConfigError(f"systemctl show failed for {', '.join(names)}: {done.stdout.strip()}")
    states = {}
    for name, block in zip(names, blocks, strict=True):
        state = dict.fromkeys(UNIT_PROPERTIES.split(","), "")
        state.update(line.split("=", 1) for line in block.splitlines() if "=" in line)
        states[name] = state
    return states


def conditions_hold(name: str) -> bool:
    """Whether the unit's own conditions let it start; systemctl show forgets it for idle units."""
    if commands.find_executable("systemd-analyze") is None:
        return True
    return "Conditions failed." not in commands.run(["systemd-analyze", "condition", f"--unit={name}"]).stdout
