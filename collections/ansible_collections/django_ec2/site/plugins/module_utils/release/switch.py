# SPDX-License-Identifier: MIT
"""Make a slot live without losing a request, or leave everything as it was."""

from __future__ import annotations

import json
import os
import struct
import time
from typing import IO, Any

from ansible_collections.django_ec2.site.plugins.module_utils.release import checks, deploy_lock, owed
from ansible_collections.django_ec2.site.plugins.module_utils.release.alone import alone
from ansible_collections.django_ec2.site.plugins.module_utils.release.drain import drain
from ansible_collections.django_ec2.site.plugins.module_utils.release.question import ask, good
from ansible_collections.django_ec2.site.plugins.module_utils.release.room import explain
from ansible_collections.django_ec2.site.plugins.module_utils.release.services import DISABLE, ENABLE, Unhealthy, Units
from ansible_collections.django_ec2.site.plugins.module_utils.release.slots import digest, live_slot, read_slot

# Between two questions to systemd while the new server starts; asking it costs more than asking the socket.
LOOK_SECONDS = 0.5
# A single answer may take this long; then the question is asked again.
ANSWER_SECONDS = 10


class RunOver(Unhealthy):
    """The run of Ansible that wanted the switch is gone, which says nothing about the release."""


class Switch:
    """One switch of one application on one host. ``module.params`` are the options of the module release_activate."""

    def __init__(self, module: Any) -> None:
        self.module = module
        self.units = Units(module)
        self.given = module.params
        self.root = self.given["root"]
        self.slot = self.given["slot"]
        self.live = os.path.join(self.root, "live")
        self.old = live_slot(self.root)
        self.before = read_slot(os.path.join(self.root, "slots", self.old)).get("release", "") if self.old else ""
        self.handle: IO[str] | None = None
        self.marked = False

    # -- names

    def unit(self, slot: str) -> str:
        """The server's unit of a slot."""
        return self.given["unit"].replace("{slot}", slot)

    def socket(self, slot: str) -> str:
        """The server's socket of a slot."""
        return self.given["socket"].replace("{slot}", slot)

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

    # -- steps

    def start(self) -> float:
        """Start the new server and wait for a good answer; returns the seconds that it took."""
        began = time.monotonic()
        deadline = began + self.given["start_timeout"]
        unit = self.unit(self.slot)
        if self.slot != self.old:
            # An interrupted run may have left a server here that nobody asks, and services of another release.
            leftover = [*self.services(self.slot, singleton=False), *self.services(self.slot, singleton=True)]
            self.units.systemctl("stop", unit, *leftover, check=False)
        self.units.systemctl("reset-failed", unit, check=False)
        # Not waited for: a release that never gets ready is given up after our own time.
        self.units.systemctl("start", "--no-block", unit)
        last = "no answer"
        looked = began
        while time.monotonic() < deadline:
            try:
                patience = min(ANSWER_SECONDS, max(0.1, deadline - time.monotonic()))
                status, body = ask(
                    self.socket(self.slot),
                    self.given["host"],
                    self.given["health_path"],
                    patience,
                    self.given["protocol"],
                )
            except (OSError, struct.error) as error:
                last = str(error)
                # The new server needs the CPU.
                if time.monotonic() - looked > LOOK_SECONDS:
                    looked = time.monotonic()
                    if self.units.failed(unit):
                        raise Unhealthy("its master ended") from error
            else:
                if good(status, self.given["health_path"]):
                    return time.monotonic() - began
                last = f"status {status}: {body.strip()[:500]}"
            time.sleep(0.1)
        raise Unhealthy(f"no good answer within {self.given['start_timeout']} seconds; the last was: {last}")

    def check_pages(self) -> None:
        """Ask the new server for the check paths.

        A rollback is not held up by them: they may name pages that the release before never had, and it served before.

        Raises:
            Unhealthy: one of them does not answer as expected.
        """
        asked = (self.given["checks"], self.socket(self.slot), self.given["host"], self.given["protocol"])
        found = checks.failures(*asked)
        if found and self.given["action"] != "rollback":
            raise Unhealthy("; ".join(found.values()))
        for problem in found.values():
            self.module.warn(f"{self.given['release']} of {self.given['name']} goes live although {problem}")

    def point(self) -> None:
        """Make the slot live: one rename."""
        partial = f"{self.live}.new"
        if os.path.lexists(partial):
            os.unlink(partial)
        os.symlink(f"slots/{self.slot}", partial)
        os.replace(partial, self.live)

    def record(self) -> None:
        """Remember what the slot was started with, and what the release says of its migrations."""
        if self.given["migrations"] is not None:
            self._write(
                os.path.join(self.root, "releases", self.given["release"], "migrations.json"), self.given["migrations"]
            )
        content = {
            "release": self.given["release"],
            "fingerprint": self.given["fingerprint"],
            "settings": digest(self.given["settings"]),
            "version": self.given["version"],
            "services": [one["name"] for one in self.given["services"]],
            "activated": int(time.time()),
        }
        self._write(os.path.join(self.root, "slots", self.slot, "slot.json"), content)

    @staticmethod
    def _write(path: str, content: Any) -> None:
        with open(path + ".new", "w") as handle:
            json.dump(content, handle)
        os.replace(path + ".new", path)

    def still_ours(self) -> None:
        """Find out whether this run still holds the lock.

        A run that was killed leaves workers and modules behind, which go on with what they were told. Nobody waits for it any more, and
        the next run may be at work on what it saw.

        Raises:
            Unhealthy: it does not.
        """
        if self.given["run"] and not deploy_lock.held(self.root, self.given["run"]):
            raise RunOver("the run that began this is over, or another one took its lock")

    def remember(self, seconds: float) -> None:
        """Add a line to the history; a host without room for it has switched all the same."""
        line = {
            "time": int(time.time()),
            "action": self.given["action"],
            "release": self.given["release"],
            "from": self.before,
            "version": self.given["version"],
            "who": self.given["who"],
            "seconds": round(seconds, 2),
        }
        if self.given["restore_point"]:
            line["restore_point"] = self.given["restore_point"]
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
        """Stop the new server; leave what was live as it was."""
        reason = str(error.args[0])
        log = self.units.journal(error.args[1] if len(error.args) > 1 else self.unit(self.slot))
        units = [self.unit(self.slot), *self.services(self.slot, singleton=False)]
        if self.slot != self.old:
            self.module.run_command(["systemctl", *DISABLE, *units])
        self.module.run_command(["systemctl", "stop", *units])
        owed.done(self.root)
        if self.marked:
            self.mark(self.before, "withdrawn", "")
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

    # -- all of it

    def run(self) -> dict[str, Any]:
        """The whole switch; returns what the module answers."""
        self.handle = alone(self.root)
        if not self.handle:
            self.module.fail_json(msg=f"Another switch of {self.given['name']} on this host does not end: try again.")
        began = time.monotonic()
        seconds_start = self._prove()
        decided = time.monotonic()
        seconds_live = time.monotonic() - began
        self.remember(seconds_live)
        problem = self._change_services()
        if self.old and self.old != self.slot:
            drain(self.units, self.unit(self.old), self.socket(self.old), self.given["drain_timeout"])
        self.module.run_command(["systemctl", "daemon-reload"])
        owed.done(self.root)
        if problem:
            self.module.fail_json(
                msg=f"Release {self.given['release']} of {self.given['name']} is live, but {problem.args[0]}. Its log:\n"
                f"{self.units.journal(problem.args[1])}"
            )
        if self.given["run"]:
            deploy_lock.give_back(self.root, self.given["run"])
        return {
            "old_release": self.before,
            "seconds_start": round(seconds_start, 2),
            "seconds_live": round(seconds_live, 2),
            "seconds_switch": round(time.monotonic() - decided, 2),
        }

    def _prove(self) -> float:
        """Start what is new and see that it serves; whatever cannot be done leaves alone what is live."""
        try:
            self.still_ours()
            owed.note(self.root, self.given["release"])
            seconds = self.start()
            self.check_pages()
            self.units.start_services(self.services(self.slot, singleton=False))
            self.units.systemctl(*ENABLE, self.unit(self.slot))
            self.still_ours()
            self.record()
            self._mark_both()
            # Whatever fails after this leaves the new slot live, and the end of the old one owed.
            self.point()
        except OSError as error:
            self.give_up(Unhealthy(explain(error, self.root)), new_release=False)
        except RunOver as error:
            self.give_up(error, new_release=False)
        except Unhealthy as error:
            # The next run may have stopped what it found here.
            ours = not self.given["run"] or deploy_lock.held(self.root, self.given["run"])
            self.give_up(error, new_release=ours and self.given["release"] != self.before)
        return seconds

    def _mark_both(self) -> None:
        """Mark the release that is left and the one that comes: before the switch, so that no run finds one without the other."""
        if self.given["action"] == "rollback" and self.before not in ("", self.given["release"]):
            who = self.given["who"] or "somebody"
            self.marked = True
            self.mark(self.before, "withdrawn", f"rolled back to {self.given['release']} by {who}")
        for name in ("bad", "withdrawn"):
            self.mark(self.given["release"], name, "")

    def _change_services(self) -> Unhealthy | None:
        """End the services of the old slot; a singleton runs once at a time, so its old one ends before the new one starts."""
        old = self.old_services()
        singletons = self.services(self.slot, singleton=True)
        names = {unit.partition("@")[0] for unit in singletons}
        self.units.end_services([unit for unit in old if unit.partition("@")[0] in names], wait=True)
        problem = None
        try:
            self.units.start_services(singletons)
        except Unhealthy as error:
            problem = error
        self.units.end_services([unit for unit in old if unit.partition("@")[0] not in names], wait=False)
        return problem
