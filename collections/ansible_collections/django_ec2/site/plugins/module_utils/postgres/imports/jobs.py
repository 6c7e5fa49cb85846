# SPDX-License-Identifier: MIT
"""What the module postgres_import does on the host that reaches the server, a function for each of its states."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres import remove
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.imports import dump, script
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.imports.dump import DumpRefused
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.imports.load import Copy
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.imports.switch import Names
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.login import connect
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.programs import free_bytes
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.read import rows
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.scratch import scratch_name

# Rows as text, to rows with their indexes and the log of writing them.
GROWTH = 2
RESERVE = 64 << 20
SHOWN = 6
FULL = "No space left on device"


def room_problem(text: int, free: int, place: str) -> str:
    """Why a dump can't be restored for want of room; empty when it can.

    Args:
        text: bytes of its rows as text.
        free: bytes of the file system of the data.
        place: the directory of the data.
    """
    needed = GROWTH * text + RESERVE
    if needed <= free:
        return ""
    return (
        f"the import needs about {needed / 1e9:.1f} GB in {place}, and {free / 1e9:.1f} GB are free: make room, or remove what earlier "
        "imports kept with -e import_remove=before"
    )


def full_problem(said: str, free: int, place: str) -> str:
    """Why a restore failed whose disk has filled up meanwhile; empty when it failed for another reason.

    Args:
        said: why it failed. A server that could not write its log any more has said nothing of it.
        free: bytes of the file system of the data, before the copy was dropped.
        place: the directory of the data; empty where it is another host's.
    """
    if FULL not in said and (not place or free > RESERVE):
        return ""
    disk = f"The disk of {place}" if place else "The server's disk"
    return (
        f"{said.rstrip('.')}. {disk} is full: make room, or remove what earlier imports kept with -e import_remove=before. The old "
        "database is live, as before"
    )


def summary(counts: script.Counts) -> list[str]:
    """What a dump holds, in two lines."""
    known = {name: number for name, number in counts.rows.items() if number >= 0}
    largest = sorted(known.items(), key=lambda one: -one[1])[:SHOWN]
    lines = [
        f"It holds {len(counts.rows)} tables with {sum(known.values())} rows, and {len(counts.sequences)} sequences.",
        "The largest: " + ", ".join(f"{name} {number}" for name, number in largest),
    ]
    if counts.uncounted:
        lines.append(
            f"Rows of {len(counts.uncounted)} tables are INSERTs, which are not counted: compare them yourself."
        )
    return lines


class Job:
    """One call of the module. ``given`` are its options."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.given = given
        self.room = ""
        self.login, self.wanted = given["login"], given["database"]
        self.names = Names(self.login, self.wanted["name"], self.wanted["owner"])
        # The owner gets into this one already: it is where a deploy tries migrations, which the lock keeps away.
        self.copy = Copy(self.login, self.wanted, scratch_name(self.wanted["name"]))

    def plan(self) -> dict[str, Any]:
        """What the dump is and holds, and whether this server can take it. Opens the live database when a cut run has shut it."""
        opened = self.names.open_again()
        lines = [f"{self.wanted['name']} was shut by a run that was cut: it is open again."] if opened else []
        owed = self.names.owed(self._digest()) if Path(self.given["dump"]).is_file() else ""
        if owed:
            return {
                "owed": owed,
                "changed": True,
                "lines": [*lines, f"This dump is live already; what was before is {owed}."],
            }
        found, counts = self._read()
        server, place = self._server()
        if found.major > server:
            raise DumpRefused(
                f"the dump is of PostgreSQL {found.major}, and this server is {server}: a newer version's dump can't be restored into an "
                "older one. Upgrade this server first (playbooks/database_upgrade.yml), or take a host whose system has that version"
            )
        self.names.refuse_followed()
        if missing := self.copy.missing_extensions(found):
            raise DumpRefused(
                f"the dump needs the extension {', '.join(missing)}, which this server does not have: install its package "
                "(postgres_extension_packages), or drop it there before the dump"
            )
        if place and (problem := room_problem(counts.bytes, free_bytes(place), place)):
            raise DumpRefused(problem)
        lines += [f"{found.path.name}: {found.words}.", *summary(counts)]
        unlisted = sorted({name for name, _schema in found.extensions} - {"plpgsql", *self.wanted["extensions"]})
        if unlisted:
            lines.append(
                f"It brings the extension {', '.join(unlisted)}: write it into database.extensions of the entry."
            )
        return {"owed": "", "changed": opened, "lines": lines}

    def load(self) -> dict[str, Any]:
        """Fill the copy, give the application its rights, and compare. What fails is dropped."""
        found, counts = self._read()
        place = self._server()[1]
        began = time.monotonic()
        try:
            self.copy.make(found)
            self.copy.fill(found)
            if differences := self.copy.differences(counts):
                raise DumpRefused(f"what was restored is not what the dump holds: {'; '.join(differences)}")
            notes = self.copy.settle()
        except BaseException as error:
            full = full_problem(str(error).strip(), free_bytes(place) if place else 0, place)
            self._give_up()
            if full:
                raise DumpRefused(full) from error
            raise
        return {
            "changed": True, "made": self.copy.name,
            "lines": [f"Restored in {time.monotonic() - began:.0f} s: all tables, rows and sequences are there.", *notes],
        }  # fmt: skip

    def keep(self) -> dict[str, Any]:
        """Write a last dump of what is live. Without one nothing becomes live, and the copy is dropped."""
        path = Path(self.given["kept"])
        try:
            kept = remove.dump({"login": self.login}, self.wanted["name"], path)
        except (remove.RemovalRefused, OSError) as error:
            self._give_up()
            said = error.said if isinstance(error, remove.NoLastDump) else str(error)
            raise DumpRefused(
                f"the last dump of what is live failed: {said}. Make room in {path.parent}. The old database is live, as before"
            ) from None
        return {"changed": True, "lines": [f"A dump of what was live is {kept}."]}

    def switch(self) -> dict[str, Any]:
        """Give the copy the live database's name. Where that fails, the copy is dropped."""
        try:
            old = self.names.switch(self.copy.name, self._digest(), time.time())
        except BaseException:
            self._give_up()
            raise
        return {"changed": True, "owed": old, "lines": [f"The imported database is live. What was before is {old}."]}

    def finish(self) -> dict[str, Any]:
        """Nothing is owed any more."""
        self.names.finished()
        return {"changed": False, "lines": []}

    def drop(self) -> dict[str, Any]:
        """Drop the copy of a rehearsal, or of a run that failed."""
        return {"changed": self.copy.drop(), "lines": []}

    def remove(self) -> dict[str, Any]:
        """Drop what earlier imports kept, and a copy that one of them left."""
        gone = self.names.drop_kept() + ([self.copy.name] if self.copy.drop() else [])
        return {
            "changed": bool(gone),
            "lines": [f"Dropped: {', '.join(gone)}." if gone else "No import has kept anything."],
        }

    # -- parts of them

    def _give_up(self) -> None:
        """Drop the copy; one that can't be dropped now is replaced by the next run. One that has become live has another name."""
        with contextlib.suppress(Exception):
            self.copy.drop()

    def _read(self) -> tuple[dump.Dump, script.Counts]:
        found = dump.look(Path(self.given["dump"]), self._room())
        return found, dump.count(found)

    def _room(self) -> Path:
        """A directory for what is unpacked, which PostgreSQL's own user may read."""
        if not self.room:
            self.room = tempfile.mkdtemp(prefix="database-import-", dir="/var/tmp")
            if not self.login.get("host"):
                shutil.chown(self.room, self.login["user"])
        return Path(self.room)

    def close(self) -> None:
        """Remove what was unpacked."""
        if self.room:
            shutil.rmtree(self.room, ignore_errors=True)

    def _server(self) -> tuple[int, str]:
        """Its major version, and where its data is when that is on this host."""
        with contextlib.closing(connect(self.login)) as connection:
            version = int(rows(connection, "SHOW server_version_num")[0][0]) // 10000
            if self.login.get("host"):
                return version, ""
            return version, rows(connection, "SHOW data_directory")[0][0]

    def _digest(self) -> str:
        """What tells this dump from others."""
        path = Path(self.given["dump"])
        if path.is_dir():
            path = path / "toc.dat"
        found = hashlib.sha256()
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                found.update(block)
        return found.hexdigest()[:16]
