# SPDX-License-Identifier: MIT
"""Bring an application's files to a moment, in place or beside what is live."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.release.media import acting_as, private_directory
from ansible_collections.django_ec2.site.plugins.module_utils.restic import plan, repository
from ansible_collections.django_ec2.site.plugins.module_utils.restic.backup import STATE
from ansible_collections.django_ec2.site.plugins.module_utils.restic.place import bring, found, move
from ansible_collections.django_ec2.site.plugins.module_utils.restic.repository import Node, ResticError

SCRATCH = STATE / "scratch"
BEFORE = "before-restore"
SPARE = 64 << 20


@dataclass
class Files:
    """The files of one application, and the moment that they are brought to.

    ``exact`` moves newer ones aside: the database that knows them goes back as well. Without it they stay.
    """

    entry: dict[str, Any]
    moment: float
    exact: bool
    around: plan.Around = field(default_factory=lambda: plan.Around(None, None))
    decision: plan.Decision = field(default_factory=plan.Decision)

    @property
    def name(self) -> str:
        """Of the application."""
        return str(self.entry["name"])

    @property
    def touched(self) -> bool:
        """Whether something is brought or moved."""
        made = self.decision
        return bool(made.from_base or made.from_after or made.directories or (made.newer and self.exact))

    def look(self, beside: bool) -> None:
        """Read the snapshots around the moment, and decide.

        Args:
            beside: whether nothing that is live counts, as in a scratch copy.

        Raises:
            ResticError: there is no snapshot that leads there.
        """
        repository.answers()
        known = repository.listed("--tag", self.name)
        own = [one for one in known if one.place == self.entry["place"]]
        if not own:
            others = sorted({one.place for one in known})
            raise ResticError(
                f"{self.name}: the repository has no snapshot of the files of {self.entry['place']}"
                + (f"; it has those of {', '.join(others)}: give the new host that name" if others else "")
                + "."
            )
        self.around = plan.around(own, self.moment)
        base, after = self._content(self.around.base), self._content(self.around.after)
        live: dict[str, Node] = {}
        for root in self.entry["paths"] if not beside else []:
            if not Path(root).is_dir():
                raise ResticError(f"{self.name}: there is no {root}: run site.yml first, which makes it.")
            live |= found(root)
        self.decision = plan.decide(base, after, live, self.around.base.time if self.around.base else 0, self.moment)

    def _content(self, snapshot: repository.Snapshot | None) -> dict[str, Node]:
        return repository.content(snapshot.label, *self.entry["paths"]) if snapshot else {}

    def lines(self) -> list[str]:
        """What would be done, for people."""
        made, base, after = self.decision, self.around.base, self.around.after
        said = [f"the snapshot of {clock(base.time)}"] if base else []
        if made.from_after and after:
            said.append(f"that of {clock(after.time)} for what was made before {clock(self.moment)}")
        count = len(made.from_base) + len(made.from_after)
        line = (
            f"{self.name} ({self.entry['place']}): {count} files, {made.bytes / 1e6:.1f} MB, from {' and '.join(said) or 'no snapshot'}; "
            f"{made.stay} are there"
        )
        if made.newer:
            line += f"; {len(made.newer)} are newer and {'are moved aside' if self.exact else 'stay'}"
        lines = [f"{line}."]
        if not base:
            lines.append(
                f"{self.name}: no snapshot is as old as that. What was removed before {clock(after.time if after else 0)} does not come "
                "back."
            )
        return lines

    def restore(self) -> list[str]:
        """Bring them; what is in the way is kept. Returns what was done."""
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        kept = {root: Path(f"{root}-{BEFORE}-{stamp}") for root in self.entry["paths"]}
        self._room(Path(self.entry["paths"][0]))
        for path in kept.values():
            private_directory(path, self.entry["user"])
        try:
            self._bring(Path, lambda path: self._below(path, kept), self.entry["user"])
            if self.exact:
                with acting_as(self.entry["user"]):
                    for path in self.decision.newer:
                        move(Path(path), self._below(path, kept))
        finally:
            for path in kept.values():
                if not any(path.iterdir()):
                    path.rmdir()
        places = [str(path) for path in kept.values() if path.exists()]
        moved = len(self.decision.replaced) + (len(self.decision.newer) if self.exact else 0)
        return [f"{self.name}: {moved} files of before are in {', '.join(places)}."] if places else []

    def scratch(self) -> list[str]:
        """Bring all of them into a directory of their own, that root alone reads."""
        goal = SCRATCH / self.name
        shutil.rmtree(goal, ignore_errors=True)
        SCRATCH.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._room(SCRATCH)
        places = {root: goal / Path(root).name for root in self.entry["paths"]}
        for path in places.values():
            path.mkdir(mode=0o700, parents=True)
        self._bring(lambda path: self._below(path, places), Path, "root")
        return [f"{self.name}: {goal}"]

    def _bring(self, goal: Callable[[str], Path], aside: Callable[[str], Path], user: str) -> None:
        with acting_as(user):
            for path in self.decision.directories:
                with contextlib.suppress(FileExistsError):
                    goal(path).mkdir(mode=0o750, parents=True)
        for snapshot, wanted in (
            (self.around.base, self.decision.from_base),
            (self.around.after, self.decision.from_after),
        ):
            for root in self.entry["paths"] if snapshot else []:
                own = {path: one for path, one in wanted.items() if path.startswith(f"{root}/")}
                bring(snapshot.label, own, goal, aside, user)

    def _below(self, path: str, places: dict[str, Path]) -> Path:
        root = next(root for root in places if path == root or path.startswith(f"{root}/"))
        return places[root] / path[len(root) :].lstrip("/")

    def _room(self, place: Path) -> None:
        free = shutil.disk_usage(place).free
        if self.decision.bytes + SPARE > free:
            raise ResticError(
                f"{self.name}: {self.decision.bytes / 1e9:.2f} GB come to {place}, and {free / 1e9:.2f} GB are free: make room."
            )


def remove(entries: list[dict[str, Any]], what: str) -> Iterator[str]:
    """Remove the scratch copy, or what restores in place kept; the directories that are gone."""
    if what == "scratch":
        places = [SCRATCH] if SCRATCH.exists() else []
    else:
        places = [
            path
            for entry in entries
            for root in map(Path, entry["paths"])
            for path in sorted(root.parent.glob(f"{root.name}-{BEFORE}-*"))
        ]
    for path in places:
        shutil.rmtree(path)
        yield str(path)


def clock(seconds: float) -> str:
    """A moment, in the form that database_restore.yml takes."""
    return time.strftime("%Y-%m-%d %H:%M:%S+00", time.gmtime(seconds))
