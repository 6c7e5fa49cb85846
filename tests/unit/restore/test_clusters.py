"""A cluster beside the live one is started: one that ends at once says why in its log."""

from __future__ import annotations

from pathlib import Path

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore import clusters
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore.commands import RestoreFailed

SYSTEMD = "start postgresql@17-scratch.service: the service did not take the steps required by its unit configuration."
UNREACHED = "FATAL:  recovery ended before configured recovery target was reached\n"


class Started(clusters.Cluster):
    """A cluster with a log in a directory of the test."""

    place: Path

    @property
    def log(self) -> Path:
        return self.place / "log"


def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logs: str) -> Started:
    """A cluster whose start fails, after it has logged something."""
    found = Started("17", "scratch", 5433)
    object.__setattr__(found, "place", tmp_path)
    found.log.write_text("FATAL:  of an earlier start\n")

    def run(words: list[str], what: str, **_: object) -> str:
        if words[:2] == ["systemctl", "start"]:
            with found.log.open("a") as log:
                log.write(logs)
            raise RestoreFailed(SYSTEMD)
        return ""

    monkeypatch.setattr(clusters, "run", run)
    monkeypatch.setattr(Started, "_known", lambda self: False)
    return found


def test_one_that_ends_before_systemd_saw_it_run_is_left_to_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = started(tmp_path, monkeypatch, UNREACHED)
    size = found.log_size()
    found.start()
    assert found.logged(size) == UNREACHED


def test_one_that_can_not_be_started_says_what_systemd_and_its_log_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = started(tmp_path, monkeypatch, "LOG:  could not bind IPv4 address\n")
    with pytest.raises(RestoreFailed) as said:
        found.start()
    assert str(said.value) == f"{SYSTEMD}\nLOG:  could not bind IPv4 address"
