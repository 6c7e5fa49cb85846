#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Start a slot, ask it, make it live, and let the old one finish."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: release_activate
short_description: Make a slot live without losing a request
description:
  - Starts the master of a slot on its own socket and asks it directly, over the uwsgi protocol, until it answers.
  - Then the symlink C(live) is renamed over, the old slot's accept queue is waited for, and only then the old master is
    told to finish its requests and end. nginx is not touched.
  - A slot that does not answer is stopped and its release is marked bad; what was live stays live.
  - The services of the application (other long-running processes) follow. Those of the new slot start before the switch, and
    a switch is not made when one of them ends at once; those of the old slot are asked to finish after it. A singleton runs
    once at a time, so its old one ends before the new one starts.
options:
  name:
    description: Name of the application.
    type: str
    required: true
  root:
    description: Its directory.
    type: path
    required: true
  slot:
    description: The slot that is to be live. Its release and its environment are in place.
    type: str
    choices: [blue, green]
    required: true
  release:
    description: The release in that slot, for the record.
    type: str
    required: true
  fingerprint:
    description: What tells this environment and release from others, for the record.
    type: str
    required: true
  settings:
    description: Files that the master reads at its start; their digest is kept for the record.
    type: list
    elements: path
    default: []
  host:
    description: The name that the question asks for, one of those that the application accepts.
    type: str
    required: true
  health_path:
    description: Path that has to answer with 200 (a path of V(/) may also answer with a redirect or ask for a login).
    type: str
    default: /
  services:
    description: Long-running processes of the application that run on this host.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: Name of the service; its unit is C(<application>-<name>@<slot>.service).
        type: str
        required: true
      singleton:
        description: Whether two of it must never run at the same time.
        type: bool
        default: false
  action:
    description: What is done, for the record.
    type: str
    choices: [deploy, rollback]
    default: deploy
  version:
    description: Version of the release's source, for the record.
    type: str
    default: ""
  who:
    description: Who does it, for the record.
    type: str
    default: ""
  start_timeout:
    description: Seconds that the slot has to answer.
    type: int
    default: 60
  drain_timeout:
    description: Seconds that the old master has to finish its requests.
    type: int
    default: 90
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: In check mode nothing is started.
"""

EXAMPLES = r"""
- name: Make the new release live
  django_ec2.site.release_activate:
    name: board
    root: /srv/board
    slot: green
    release: 4be1d2c3a4f5
    fingerprint: 77aa
    host: board.example.org
    health_path: /readyz
"""

RETURN = r"""
old_release:
  description: The release that was live before; empty at the first time.
  returned: success
  type: str
seconds_start:
  description: Seconds from the start of the new master to its first good answer.
  returned: success
  type: float
seconds_live:
  description: Seconds from the beginning until the new master gets the requests.
  returned: success
  type: float
seconds_switch:
  description: Seconds from the decision to switch to the end of the old master.
  returned: success
  type: float
"""

import contextlib
import json
import os
import signal
import struct
import subprocess
import time
from typing import IO

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.locks import lock
from ansible_collections.django_ec2.site.plugins.module_utils.slots import ask, digest, good, read_slot

QUIET_READS = 3
LOOK_SECONDS = 0.5
# systemd would read all units again each time, which takes half as long as the start of an application. Once at the end will do:
# what is enabled matters at the next boot.
ENABLE = ("enable", "--quiet", "--no-reload")
DISABLE = ("disable", "--quiet", "--no-reload")
LEFTOVER_SECONDS = 10
# A service that cannot run ends within this time, as a rule.
SERVICE_SECONDS = 1.5
# A single answer may take this long; then the question is asked again.
ANSWER_SECONDS = 10
LOG_LINES = "40"


class Unhealthy(Exception):
    """The new slot does not answer as it should; the second argument is the unit whose journal tells why."""


class Switch:
    """One switch of one application on one host."""

    def __init__(self, module: AnsibleModule) -> None:
        self.module = module
        self.given = module.params
        self.root = self.given["root"]
        self.slot = self.given["slot"]
        self.live = os.path.join(self.root, "live")
        self.old = os.path.basename(os.readlink(self.live)) if os.path.islink(self.live) else ""
        self.before = ""
        self.handle: IO[str] | None = None

    def alone(self) -> None:
        """Be the only one who switches here.

        The controller of another one was killed, or this run would not have the deploy's lock; the module that it started goes on
        all the same, and would stop the slot when its patience ends. What it leaves is what an interrupted run leaves.
        """
        self.handle = open(os.path.join(self.root, "activate.lock"), "a+")  # noqa: SIM115 - held until the module ends
        if not lock(self.handle, LEFTOVER_SECONDS, self.end_leftover):
            self.module.fail_json(msg=f"Another switch of {self.given['name']} on this host does not end: try again.")
        self.handle.truncate(0)
        self.handle.write(str(os.getpid()))
        self.handle.flush()

    def end_leftover(self) -> None:
        """End the module of the killed controller; it wrote its number into the file."""
        self.handle.seek(0)
        with contextlib.suppress(ValueError, ProcessLookupError):
            os.kill(int(self.handle.read()), signal.SIGKILL)

    def unit(self, slot: str) -> str:
        return f"uwsgi-{self.given['name']}@{slot}.service"

    def socket(self, slot: str) -> str:
        return f"/run/uwsgi-{self.given['name']}/{slot}/uwsgi.sock"

    def services(self, slot: str, singleton: bool) -> list[str]:
        """Units of the services in a slot."""
        wanted = [one["name"] for one in self.given["services"] if one["singleton"] == singleton]
        return [f"{self.given['name']}-{name}@{slot}.service" for name in wanted]

    def old_services(self) -> list[str]:
        """Units of the services that the slot that was live started, those that the application has no more among them."""
        if not self.old or self.old == self.slot:
            return []
        names = read_slot(os.path.join(self.root, "slots", self.old)).get("services", [])
        return [f"{self.given['name']}-{name}@{self.old}.service" for name in names]

    def start_services(self, units: list[str]) -> None:
        """Start services of the new slot and see that they go on running."""
        if not units:
            return
        self.systemctl("reset-failed", *units, check=False)
        self.systemctl(*ENABLE, *units)
        self.systemctl("start", *units)
        time.sleep(SERVICE_SECONDS)
        _code, out, _err = self.module.run_command(["systemctl", "is-active", *units])
        for unit, state in zip(units, out.split(), strict=False):
            if state != "active":
                raise Unhealthy(f"its service {unit} does not run ({state})", unit)

    def end_services(self, units: list[str], wait: bool) -> None:
        """Tell services to finish what they do; each has its own TimeoutStopSec for it."""
        if units:
            self.module.run_command(["systemctl", *DISABLE, *units])
            self.module.run_command(["systemctl", "stop", *([] if wait else ["--no-block"]), *units])

    def systemctl(self, *words: str, check: bool = True) -> None:
        code, out, err = self.module.run_command(["systemctl", *words])
        if check and code != 0:
            raise Unhealthy(f"systemctl {' '.join(words)}: {(err or out).strip()}")

    def journal(self, unit: str) -> str:
        """The end of a unit's log; what a process said just before it ended may still be on its way into the journal."""
        self.module.run_command(["journalctl", "--sync"])
        _code, out, _err = self.module.run_command(
            ["journalctl", "--unit", unit, "--lines", LOG_LINES, "--no-pager", "--output", "cat"]
        )
        return out.strip()

    def start(self) -> float:
        """Start the new master and wait for a good answer."""
        began = time.monotonic()
        deadline = began + self.given["start_timeout"]
        if self.slot != self.old:
            # An interrupted run may have left a master here that nobody asks.
            self.systemctl("stop", self.unit(self.slot), check=False)
        self.systemctl("reset-failed", self.unit(self.slot), check=False)
        # Not waited for: a release that never gets ready is given up after our own time.
        self.systemctl("start", "--no-block", self.unit(self.slot))
        last = "no answer"
        looked = began
        while time.monotonic() < deadline:
            try:
                patience = min(ANSWER_SECONDS, max(0.1, deadline - time.monotonic()))
                status, body = ask(self.socket(self.slot), self.given["host"], self.given["health_path"], patience)
            except (OSError, struct.error) as error:
                last = str(error)
                # Asking systemd costs more than asking the socket, and the new master needs the CPU.
                if time.monotonic() - looked > LOOK_SECONDS:
                    looked = time.monotonic()
                    if self.failed():
                        raise Unhealthy("its master ended") from error
            else:
                if good(status, self.given["health_path"]):
                    return time.monotonic() - began
                last = f"status {status}: {body.strip()[:500]}"
            time.sleep(0.1)
        raise Unhealthy(f"no good answer within {self.given['start_timeout']} seconds; the last was: {last}")

    def failed(self) -> bool:
        """Whether systemd saw the new master end."""
        _code, out, _err = self.module.run_command(
            ["systemctl", "show", "--property", "ActiveState,NRestarts", self.unit(self.slot)]
        )
        state = dict(line.split("=", 1) for line in out.split())
        return state.get("ActiveState") == "failed" or int(state.get("NRestarts") or 0) > 2

    def point(self) -> None:
        """Make the slot live: one rename."""
        partial = f"{self.live}.new"
        if os.path.lexists(partial):
            os.unlink(partial)
        os.symlink(f"slots/{self.slot}", partial)
        os.replace(partial, self.live)

    def waiting(self) -> int:
        """Connections in the accept queue of the old socket, as the kernel counts them."""
        _code, out, _err = self.module.run_command(["ss", "--listening", "--unix", "--no-header"])
        for line in out.splitlines():
            words = line.split()
            if self.socket(self.old) in words:
                return int(words[2])
        return 0

    def drain(self) -> None:
        """Wait until nobody waits at the old socket, then let the old master finish."""
        deadline = time.monotonic() + self.given["drain_timeout"]
        quiet = 0
        while quiet < QUIET_READS and time.monotonic() < deadline:
            quiet = quiet + 1 if self.waiting() == 0 else 0
            time.sleep(0.05)
        try:
            self.module.run_command(["systemctl", *DISABLE, self.unit(self.old)])
            subprocess.run(
                ["systemctl", "stop", self.unit(self.old)],
                timeout=self.given["drain_timeout"],
                check=False,
                capture_output=True,
            )
        except subprocess.TimeoutExpired:
            self.module.warn(
                f"{self.unit(self.old)} still finishes its requests after {self.given['drain_timeout']} s."
            )

    def record(self) -> None:
        """Remember what the slot was started with."""
        path = os.path.join(self.root, "slots", self.slot, "slot.json")
        content = {
            "release": self.given["release"],
            "fingerprint": self.given["fingerprint"],
            "settings": digest(self.given["settings"]),
            "version": self.given["version"],
            "services": [one["name"] for one in self.given["services"]],
            "activated": int(time.time()),
        }
        with open(path + ".new", "w") as handle:
            json.dump(content, handle)
        os.replace(path + ".new", path)

    def remember(self, old_release: str, seconds: float) -> None:
        """Add a line to the history; a host without room for it has switched all the same."""
        line = {
            "time": int(time.time()),
            "action": self.given["action"],
            "release": self.given["release"],
            "from": old_release,
            "version": self.given["version"],
            "who": self.given["who"],
            "seconds": round(seconds, 2),
        }
        try:
            with open(os.path.join(self.root, "history.jsonl"), "a") as handle:
                handle.write(json.dumps(line, sort_keys=True) + "\n")
        except OSError as error:
            self.module.warn(f"The switch is not in {self.root}/history.jsonl: {error}")

    def mark(self, release: str, name: str, reason: str) -> None:
        """Mark a release, as bad or as withdrawn; an empty reason takes the mark away."""
        path = os.path.join(self.root, "releases", release, f".{name}")
        if reason:
            with open(path, "w") as handle:
                handle.write(reason + "\n")
        elif os.path.exists(path):
            os.unlink(path)

    def give_up(self, error: Unhealthy, new_release: bool) -> None:
        """Stop the new master; leave what was live as it was."""
        reason = str(error.args[0])
        log = self.journal(error.args[1] if len(error.args) > 1 else self.unit(self.slot))
        units = [self.unit(self.slot), *self.services(self.slot, singleton=False)]
        if self.slot != self.old:
            self.module.run_command(["systemctl", *DISABLE, *units])
        self.module.run_command(["systemctl", "stop", *units])
        if new_release:
            try:
                self.mark(self.given["release"], "bad", reason)
            except OSError as full:
                self.module.warn(f"The release could not be marked as bad: {full}")
        self.module.fail_json(
            msg=(
                f"Release {self.given['release']} of {self.given['name']} did not become live: {reason}. "
                f"{'What was live before still serves.' if self.old else 'Nothing is live yet.'} Its log:\n{log}"
            ),
            old_release=self.before,
        )

    def run(self) -> None:
        """The whole switch."""
        self.before = read_slot(os.path.join(self.root, "slots", self.old)).get("release", "") if self.old else ""
        if self.module.check_mode:
            self.module.exit_json(changed=True, old_release=self.before, seconds_start=0.0, seconds_switch=0.0)
        self.alone()
        began = time.monotonic()
        try:
            seconds_start = self.start()
            self.start_services(self.services(self.slot, singleton=False))
            # Before the switch: whatever cannot be done leaves alone what is live.
            self.systemctl(*ENABLE, self.unit(self.slot))
            self.record()
        except OSError as error:
            self.give_up(Unhealthy(f"the host has no room for it: {error}"), new_release=False)
        except Unhealthy as error:
            self.give_up(error, new_release=self.given["release"] != self.before)
        decided = time.monotonic()
        self.point()
        seconds_live = time.monotonic() - began
        if self.given["action"] == "rollback" and self.before not in ("", self.given["release"]):
            self.mark(
                self.before, "withdrawn", f"rolled back to {self.given['release']} by {self.given['who'] or 'somebody'}"
            )
        for name in ("bad", "withdrawn"):
            self.mark(self.given["release"], name, "")
        self.remember(self.before, seconds_live)
        old_services = self.old_services()
        singletons = self.services(self.slot, singleton=True)
        names = {unit.partition("@")[0] for unit in singletons}
        self.end_services([unit for unit in old_services if unit.partition("@")[0] in names], wait=True)
        problem = None
        try:
            self.start_services(singletons)
        except Unhealthy as error:
            problem = error
        self.end_services([unit for unit in old_services if unit.partition("@")[0] not in names], wait=False)
        if self.old and self.old != self.slot:
            self.drain()
        self.module.run_command(["systemctl", "daemon-reload"])
        if problem:
            self.module.fail_json(
                msg=f"Release {self.given['release']} of {self.given['name']} is live, but {problem.args[0]}. Its log:\n"
                f"{self.journal(problem.args[1])}"
            )
        self.module.exit_json(
            changed=True,
            old_release=self.before,
            seconds_start=round(seconds_start, 2),
            seconds_live=round(seconds_live, 2),
            seconds_switch=round(time.monotonic() - decided, 2),
        )


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "name": {"type": "str", "required": True},
            "root": {"type": "path", "required": True},
            "slot": {"type": "str", "choices": ["blue", "green"], "required": True},
            "release": {"type": "str", "required": True},
            "fingerprint": {"type": "str", "required": True},
            "settings": {"type": "list", "elements": "path", "default": []},
            "host": {"type": "str", "required": True},
            "health_path": {"type": "str", "default": "/"},
            "services": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "name": {"type": "str", "required": True},
                    "singleton": {"type": "bool", "default": False},
                },
            },
            "action": {"type": "str", "choices": ["deploy", "rollback"], "default": "deploy"},
            "version": {"type": "str", "default": ""},
            "who": {"type": "str", "default": ""},
            "start_timeout": {"type": "int", "default": 60},
            "drain_timeout": {"type": "int", "default": 90},
        },
        supports_check_mode=True,
    )
    Switch(module).run()


if __name__ == "__main__":
    main()
