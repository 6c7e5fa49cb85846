# SPDX-License-Identifier: MIT
"""Put a restored cluster in the live one's place. The old data stays, as the stopped cluster ``before``.

What is done stands in a journal before it is done: a run that was cut is taken up where it ended, by the next one.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore.clusters import Cluster, setting_lines
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore.commands import RestoreFailed, run

STATE = Path("/var/lib/database-restore")
PROMOTION_SECONDS = 600
CHECKPOINT_SECONDS = 600
# What pgBackRest wrote for the recovery. On a server that takes writes it would stop the recovery of its own copies.
OF_RECOVERY = (
    "restore_command", "recovery_target", "recovery_target_action", "recovery_target_inclusive", "recovery_target_lsn",
    "recovery_target_name", "recovery_target_time", "recovery_target_timeline", "recovery_target_xid",
)  # fmt: skip


class Journal:
    """How far a restore is, on the host's disk."""

    def __init__(self, directory: Path = STATE) -> None:
        self.path = directory / "restore.json"

    def read(self) -> dict[str, Any]:
        """What was noted; empty where nothing is under way."""
        with contextlib.suppress(OSError, ValueError):
            return dict(json.loads(self.path.read_text()))
        return {}

    def write(self, **content: Any) -> dict[str, Any]:
        """Add to it; on the disk when this returns."""
        whole = {**self.read(), **content}
        self.path.parent.mkdir(mode=0o700, exist_ok=True)
        partial = self.path.with_suffix(".new")
        with partial.open("w") as handle:
            json.dump(whole, handle, sort_keys=True)
            handle.flush()
            os.fsync(handle.fileno())
        partial.replace(self.path)
        return whole

    def clear(self) -> None:
        """Nothing is under way."""
        self.path.unlink(missing_ok=True)


def mounted_apart(data: Path) -> str:
    """Why a directory of data can't give its place to another one; empty when it can."""
    if os.path.ismount(data):
        return f"{data} is a mount point, and can't be renamed: keep the data in a directory below it (postgres_data_directory)"
    if data.is_symlink():
        return f"{data} is a link: name the directory itself in postgres_data_directory"
    return ""


class Switch:
    """The live cluster and the restored one, of which the second takes the first one's place.

    Args:
        live: the live cluster.
        restored: the one beside it, paused at the target.
        before: the cluster that the old data becomes.
        journal: where it stands how far this is. ``data`` is the directory of the live data, ``restored`` and ``before`` those beside it.
    """

    def __init__(self, live: Cluster, restored: Cluster, before: Cluster, journal: Journal) -> None:
        self.live = live
        self.restored = restored
        self.before = before
        self.journal = journal
        noted = journal.read()
        self.data, self.new, self.old = (Path(noted[name]) for name in ("data", "restored", "before"))

    def run(self) -> float:
        """The whole of it, or what is left of it; returns for how many seconds nothing served.

        Raises:
            RestoreFailed: the restored cluster does not serve; the old one serves again.
        """
        self.prepare()
        began = time.monotonic()
        if not self._moved():
            self.live.stop() if self.live.running() else None
            if not self.old.exists():
                self.data.rename(self.old)
            self.new.rename(self.data)
        start = self.live.log_size()
        self.live.start()
        try:
            self._wait(start)
        except RestoreFailed:
            self.undo()
            raise
        seconds = time.monotonic() - began
        self._tidy()
        self.journal.write(phase="switched")
        return seconds

    def prepare(self) -> None:
        """What takes time and can be done while the live cluster serves. It may have been done already."""
        self.journal.write(phase="switching")
        if not self.new.exists():
            return
        self.restored.stop() if self.restored.running() else None
        self._end_pause()
        if self.live.answers():
            # Then its stop has little left to write. Whether it is sound does not matter here.
            with contextlib.suppress(RestoreFailed):
                self.live.ask("CHECKPOINT", timeout=CHECKPOINT_SECONDS)

    def undo(self) -> None:
        """Give the old cluster its place again."""
        self.live.stop() if self.live.running() else None
        if self._moved():
            self.data.rename(self.new)
        if self.old.exists() and not self.data.exists():
            self.old.rename(self.data)
        self.live.start()
        self.journal.write(phase="checked")

    def _moved(self) -> bool:
        return not self.new.exists()

    def _end_pause(self) -> None:
        """Have the recovery end at the target instead of waiting there. PostgreSQL comes to the same place again."""
        auto = self.new / "postgresql.auto.conf"
        # PostgreSQL's own default is to wait, so pgBackRest does not write that.
        auto.write_text(setting_lines(auto.read_text(), {"recovery_target_action": "promote"}))
        signal = self.new / "standby.signal"
        if signal.exists():
            signal.rename(self.new / "recovery.signal")

    def _wait(self, start: int) -> None:
        deadline = time.monotonic() + PROMOTION_SECONDS
        while time.monotonic() < deadline:
            if self.live.answers():
                with contextlib.suppress(RestoreFailed):
                    if self.live.ask("SELECT pg_is_in_recovery()") == "f":
                        return
            if not self.live.running():
                break
            time.sleep(0.2)
        raise RestoreFailed(
            f"the restored cluster does not serve, so the old one was put back. The end of its log:\n{self.live.log_end(start)}"
        )

    def _tidy(self) -> None:
        """Take away what only the recovery needed, and keep the old data where one can start it."""
        self.live.ask(*(f"ALTER SYSTEM RESET {name}" for name in OF_RECOVERY), "SELECT pg_reload_conf()")
        self.restored.remove()
        if self.old.exists():
            self.before.configure(self.live, self.old)
            run(["systemctl", "daemon-reload"], "read the units")
