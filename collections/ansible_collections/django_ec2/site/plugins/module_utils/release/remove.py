# SPDX-License-Identifier: MIT
"""What a web host has of an application that is to go: found, stopped, archived, removed.

Only what this repository made counts: without its directory of slots or the unit of its server, nothing of that name is touched.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.release.commands import Refusal, run

UNITS = "/etc/systemd/system"
ENABLED = ("*.wants", "*.requires")
# What the role django notes of an application, for the day when its entry is gone.
RECORD = "application.json"


class Removal:
    """One application on one host. ``given`` has the options of the module application_remove."""

    def __init__(self, given: dict[str, Any], top: str = "/") -> None:
        self.given = given
        self.name = given["name"]
        self.top = Path(top)
        self.root = self._at(f"/srv/{self.name}")

    def _at(self, path: str) -> Path:
        return self.top / path.lstrip("/")

    # -- found

    def units(self) -> list[Path]:
        """Unit files of its server, services and timers."""
        patterns = [re.compile(pattern) for pattern in self.given["units"]]
        directory = self._at(UNITS)
        return sorted(path for path in directory.glob("*") if any(one.fullmatch(path.name) for one in patterns))

    def links(self) -> list[Path]:
        """Links by which units are enabled."""
        patterns = [re.compile(pattern) for pattern in self.given["units"]]
        found = [path for kind in ENABLED for path in self._at(UNITS).glob(f"{kind}/*")]
        return sorted(path for path in found if any(one.fullmatch(path.name) for one in patterns))

    def stamps(self) -> list[Path]:
        """When its timers last ran."""
        return sorted(self._at("/var/lib/systemd/timers").glob(f"stamp-{self.name}-*.timer"))

    def ours(self) -> bool:
        """Whether this repository made an application of this name here."""
        return (self.root / "slots").is_dir() or _going(self.root).is_dir() or bool(self.units()) or self._account()

    def _account(self) -> bool:
        try:
            return pwd.getpwnam(self.name).pw_dir == f"/srv/{self.name}"
        except KeyError:
            return False

    def files(self) -> list[Path]:
        """Files and directories that go, beside the units; those that are there."""
        listed = [self._at(path) for path in self.given["paths"]]
        return [path for one in listed for path in (one, _going(one)) if os.path.lexists(path)]

    def record(self) -> dict[str, Any]:
        """What the host knows of the application; empty where an earlier version made it."""
        with contextlib.suppress(OSError, ValueError):
            return json.loads((self.root / RECORD).read_text())
        return {}

    def found(self) -> list[str]:
        """All that is here, as paths and names."""
        if not self.ours():
            return []
        account = [f"account {self.name}"] if self._account() else []
        return [*(str(path) for path in (*self.links(), *self.units(), *self.files())), *account]

    # -- stopped

    def stop(self) -> list[str]:
        """Take the site out of nginx, then end all that runs; returns what was done."""
        done = []
        site = self._at(self.given["site"])
        if site.exists():
            site.unlink()
            run("nginx -t", ["nginx", "-t"])
            run("Reloading nginx", ["systemctl", "reload", "nginx.service"])
            done.append(str(site))
        globs = self.given["globs"]
        # A glob names what is loaded; what is enabled is named by its links.
        loaded = run("systemctl", ["systemctl", "list-units", "--all", "--plain", "--no-legend", "--full", *globs])
        running = {line.split()[0] for line in loaded.splitlines() if line.split()[2:3] != ["inactive"]}
        if running:
            run("Stopping its units", ["systemctl", "stop", *sorted(running)])
        links = self.links()
        for link in links:
            link.unlink()
        return [*done, *sorted(running), *(str(link) for link in links)]

    # -- archived

    def archive(self, stamp: str) -> str:
        """Keep its uploads, private data and history; returns the archive's path, empty when there is nothing to keep.

        Its own account reads them, so that no link leads to what it may not read.
        """
        kept = [path for path in map(self._at, self.given["kept"]) if path.is_dir() and any(path.iterdir())]
        if not kept or not self._account():
            return ""
        directory = self._at(f"/var/backups/{self.name}")
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        place = directory / f"{stamp}-files.tar.gz"
        partial = place.with_name(f".{place.name}")
        words = ["tar", "--create", "--gzip", "--directory", str(self.top)]
        words += [str(path.relative_to(self.top)) for path in kept]
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as handle:
            ended = subprocess.run(
                ["runuser", "-u", self.name, "--", *words], stdout=handle, stderr=subprocess.PIPE, check=False
            )
        if ended.returncode:
            partial.unlink()
            raise Refusal(
                f"its files could not be archived: {ended.stderr.decode(errors='replace').strip()[-1000:]}. Make room in "
                f"{directory}, or give -e keep_files=false"
            )
        partial.replace(place)
        return str(place)

    # -- removed

    def remove(self) -> list[str]:
        """Remove all that is left; returns what was removed."""
        found = self.found()
        for path in (*self.links(), *self.units(), *(self.stamps() if found else ())):
            path.unlink()
        for path in self.files():
            if path.is_dir() and not path.is_symlink():
                _remove_tree(path)
            else:
                path.unlink()
        if found:
            run("systemctl daemon-reload", ["systemctl", "daemon-reload"])
            # A unit that failed is listed for as long as nobody says that this was seen.
            run("systemctl reset-failed", ["systemctl", "reset-failed", *self.given["globs"]], good=(0, 1))
        self._remove_account()
        return found

    def _remove_account(self) -> None:
        if not self._account():
            return
        for member in _members(self.name):
            run(f"Taking {member} out of the group", ["gpasswd", "--delete", member, self.name])
        run("Removing its account", ["userdel", self.name])
        # userdel takes the group along where the system says so.
        run("Removing its group", ["groupdel", self.name], good=(0, 6))
        # Its workers keep the group until they end.
        run("Reloading nginx", ["systemctl", "try-reload-or-restart", "nginx.service"])


def _going(path: Path) -> Path:
    """Where a directory is while it is removed."""
    return path.with_name(f".{path.name}.removed")


def _remove_tree(path: Path) -> None:
    """Remove a directory that somebody may still write into, such as whoever keeps the lock of this run."""
    if path.name.startswith("."):
        shutil.rmtree(path)
        return
    going = _going(path)
    if going.exists():
        shutil.rmtree(going)
    path.rename(going)
    shutil.rmtree(going)


def _members(group: str) -> list[str]:
    listed = run("getent", ["getent", "group", group], good=(0, 2)).strip()
    return [name for name in listed.rpartition(":")[2].split(",") if name]
