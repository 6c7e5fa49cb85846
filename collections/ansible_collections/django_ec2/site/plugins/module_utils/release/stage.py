# SPDX-License-Identifier: MIT
"""One release on one host: from archives to an idle slot that could start. Nothing here changes what visitors get."""

from __future__ import annotations

import grp
import json
import os
import pwd
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.release import manifest, mend, static, transfers, unpack
from ansible_collections.django_ec2.site.plugins.module_utils.release.commands import Refusal, run
from ansible_collections.django_ec2.site.plugins.module_utils.release.lock import lock
from ansible_collections.django_ec2.site.plugins.module_utils.release.ownership import hand_over

READY = ".ready"
GATE = "release_gate.py"
# In the environment of an application whose database is behind the pooler of the host.
POOLED = ("/run/pgbouncer/", "%2Frun%2Fpgbouncer%2F")


class Stage:
    """One release of one application, on its way into the idle slot.

    ``given`` has the options of the module release_stage.
    """

    def __init__(self, given: dict[str, Any], brotli: bool) -> None:
        self.given = given
        self.brotli = brotli
        self.root = Path(given["root"])
        self.release = self.root / "releases" / given["release"]
        self.layer = self.root / "layers" / given["layer"] if given["layer"] else None
        self.seconds: dict[str, float] = {}
        self.result: dict[str, Any] = {"removed": [], "unpacked": [], "mended": [], "finished": False, "gate": {}}

    @property
    def complete(self) -> bool:
        """Whether the release is here, with its packages."""
        return unpack.complete(self.release)

    @property
    def ready(self) -> bool:
        """Whether the release's own commands have run."""
        return (self.release / READY).exists()

    def run(self) -> dict[str, Any]:
        """All of it; the steps that were done before are left out.

        Raises:
            Refusal: it cannot be done; the message says why.
        """
        os.umask(0o022)
        # What serves comes first.
        os.nice(10)
        with (self.root / "unpack.lock").open("a") as handle:
            if not lock(handle, self.given["wait"]):
                raise Refusal(
                    f"another run has been unpacking here for more than {self.given['wait']} seconds: try again"
                )
            self._timed("remove", self._remove)
            self._timed("unpack", self._unpack)
            self._timed("slot", self._slot)
            if not self.ready:
                self._timed("commands", self._commands)
                self._timed("publish", self._publish)
                manifest.write(self.release)
                (self.release / READY).touch(mode=0o644)
                self.result["finished"] = True
            elif self.given["gate"]:
                self._timed("gate", self._gate)
        return {**self.result, "seconds": self.seconds}

    def _timed(self, name: str, step: Any) -> None:
        began = time.monotonic()
        step()
        self.seconds[name] = round(time.monotonic() - began, 2)

    def _remove(self) -> None:
        # Before the new one comes: deploys that fail one after the other must not fill the disk.
        self.result["removed"] = unpack.remove_releases(self.root, self.given["remove"])
        transfers.clear(self.given["archive"] or self.given["layer_archive"] or "")

    def _unpack(self) -> None:
        group = self.given["user"]
        if self.complete and self.ready:
            self._mend_layer(unpack.layer_of(self.release), group)
            self._mend_release(group)
        elif self.layer and self.layer.is_dir():
            # Another release brought it, some time ago.
            self._mend_layer(self.layer.name, group)
        if self.layer and not self.complete and not self.layer.is_dir():
            if not self.given["layer_archive"]:
                raise Refusal(f"the layer {self.layer.name} is not on this host, and no archive of it was shipped")
            unpack.unpack_layer(self.given["layer_archive"], self.layer, group, self.given["python"])
            self.result["unpacked"].append(self.layer.name)
        if not self.complete:
            if not self.given["archive"]:
                raise Refusal("it is not on this host, and no archive of it was shipped")
            unpack.unpack_release(self.given["archive"], self.release, group, self.given["layer"])
            self.result["unpacked"].append(self.release.name)

    def _mend_layer(self, layer: str, group: str) -> None:
        """Compare the contents of packages that are here with what was shipped, and put back what somebody changed."""
        if not layer:
            return
        place, scratch = self.root / "layers" / layer, self.root / "layers" / ".mending"
        python = self.given["python"]
        mended, _again = mend.mend(
            place, unpack.ARCHIVE, lambda file, at: unpack.make_layer(file, at, place, group, python), scratch
        )
        if mended:
            manifest.write(place)
            self.result["mended"] += [f"layers/{layer}/{path}" for path in mended]

    def _mend_release(self, group: str) -> None:
        """The same for a release."""
        layer = unpack.layer_of(self.release)
        mended, again = mend.mend(
            self.release,
            unpack.ARCHIVE,
            lambda file, at: unpack.make_release(file, at, self.release, group, layer),
            self.root / ".mending",
        )
        if mended:
            self.result["mended"] += [f"releases/{self.release.name}/{path}" for path in mended]
            if again:
                (self.release / READY).unlink()
            else:
                manifest.write(self.release)

    def _slot(self) -> None:
        """What a server of the slot will find: its release, its socket and its environments.

        What the slot was started with before (slot.json) says nothing about it any more.
        """
        slot = self.root / "slots" / self.given["slot"]
        (slot / "slot.json").unlink(missing_ok=True)
        _link(slot / "release", f"../../releases/{self.release.name}")
        _link(slot / self.given["socket_name"], self.given["socket"])
        user = pwd.getpwnam(self.given["user"])
        _write_secret(slot / "environment", self.given["environment"], user.pw_uid, user.pw_gid)
        _write_secret(slot / "environment-owner", self.given["owner_environment"], 0, 0)

    def _manage(self, *words: str) -> list[str]:
        return [self.given["manage"], "--slot", self.given["slot"], *words]

    def _commands(self) -> None:
        """Run the release's own commands: only the host has the release's Python, its packages and its environment."""
        # An interrupted run may have left a command at work. 5: there is none.
        run(
            "Ending the command of an interrupted run",
            ["systemctl", "stop", f"{self.given['name']}-release.service"],
            (0, 5),
        )
        # Its files may belong to root already, so that the application could not write them again.
        static.clear(self.release / "static", self.release / "public")
        user = pwd.getpwnam(self.given["user"])
        for name in self.given["writable"]:
            hand_over(self.release / name, user.pw_uid, user.pw_gid)
        try:
            for words in self.given["commands"]:
                run(f"release_commands: '{' '.join(words)}'", self._manage("--release", *words))
        finally:
            for name in self.given["writable"]:
                if name != "static":
                    hand_over(self.release / name, 0, grp.getgrnam(self.given["user"]).gr_gid)

    def _publish(self) -> None:
        with ThreadPoolExecutor(1) as pool:
            gate = pool.submit(self._gate) if self.given["gate"] else None
            self.result["static"] = static.publish(
                self.release / "static", self.release / "public", Path(self.given["static_shared"]), self.brotli
            )
            if gate:
                gate.result()

    def _gate(self) -> None:
        """Ask the release what its migrations are and which of them the database lacks."""
        output = run("manage.py", self._manage("--owner", "--script", GATE, "prepare"), good=tuple(range(256)))
        self.result["gate"] = last_document(output) or {"error": output[-2000:] or "the release cannot start"}
        if "error" not in self.result["gate"] and any(word in self.given["environment"] for word in POOLED):
            self._links()

    def _links(self) -> None:
        """Ask the release as the application: migrations go straight to the server, and the application through the pooler."""
        output = run("manage.py", self._manage("--script", GATE, "links"), good=tuple(range(256)))
        said = last_document(output) or {"error": output[-2000:] or "the release cannot start"}
        if said.get("error"):
            raise Refusal(
                f"{self.release.name} was not made live, and what was live before still serves. {said['error']}"
            )


def last_document(output: str) -> dict[str, Any]:
    """The JSON document in the last line that begins one; empty without any."""
    for line in reversed(output.splitlines()):
        if line.startswith("{"):
            try:
                return json.loads(line)
            except ValueError:
                return {}
    return {}


def _link(path: Path, target: str) -> None:
    if path.is_symlink() and str(path.readlink()) == target:
        return
    partial = path.with_name(f".{path.name}.new")
    partial.unlink(missing_ok=True)
    partial.symlink_to(target)
    partial.replace(path)


def _write_secret(path: Path, content: str, uid: int, gid: int) -> None:
    partial = path.with_name(f".{path.name}.new")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "w") as handle:
        handle.write(content)
    os.chown(partial, uid, gid)
    partial.replace(path)
