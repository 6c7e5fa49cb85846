"""Runs that are cut, or fail, between a file and the reload that it calls for: the next one does what is owed."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.host_config import memory as records
from ansible_collections.django_ec2.site.plugins.module_utils.host_config import owed, sysctl, transaction
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.configuration import (
    HostConfig,
    sets_that_hold,
)
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.errors import HostConfigError
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.systemd import Units

from .helpers import apply, prepare, refused

# What each role's files call for, as its tasks name it.
SERVICES = {
    "nginx": ["reload"],
    "postgres": ["restart"],
    "redis": ["users"],
    "base": ["ssh", "journal", "time"],
}


class Killed(BaseException):
    """SIGKILL: nothing is taken back."""


def raising(*_arguments: Any, **_options: Any) -> None:
    raise Killed


def wish(etc: Path, name: str, words: list[str], **more: Any) -> dict[str, Any]:
    files = [{"path": str(etc / f"{word}.conf"), "content": "a = 1\n", "triggers": [word]} for word in words]
    return {"files": files, "owes": name, **more}


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize(
    ("place", "step"),
    [
        (transaction.Transaction, "place"),  # before the first file
        (transaction.Transaction, "commit"),  # before its backups go
        (HostConfig, "_manage_units"),  # before the units
        (HostConfig, "_remember"),  # before the result is told
    ],
)
def test_a_run_that_is_cut_leaves_what_it_owes_to_the_next(etc: Path, name: str, place: Any, step: str) -> None:
    words = SERVICES[name]
    with pytest.MonkeyPatch.context() as kill:
        kill.setattr(transaction.Transaction, "rollback", lambda self: [])
        kill.setattr(place, step, raising)
        with pytest.raises(Killed):
            apply(**wish(etc, name, words))
    predicted = apply(check_mode=True, **wish(etc, name, words))
    assert predicted["changed"]
    assert predicted["triggers"] == sorted(words)
    done = apply(**wish(etc, name, words))
    assert done["changed"]
    assert done["triggers"] == sorted(words)
    # Its handlers did not run either, so the one after that is told the same.
    assert apply(**wish(etc, name, words))["triggers"] == sorted(words)
    apply(done=[name])
    after_all = apply(**wish(etc, name, words))
    assert not after_all["changed"]
    assert after_all["triggers"] == after_all["owed"] == []


def test_the_second_of_two_files_is_placed_by_the_next_run_and_both_are_owed(etc: Path) -> None:
    with pytest.MonkeyPatch.context() as kill:
        real, calls = transaction.Transaction.place, []

        def place(self: Any, *arguments: Any) -> None:
            calls.append(1)
            if len(calls) == 2:
                raise Killed
            real(self, *arguments)

        kill.setattr(transaction.Transaction, "rollback", lambda self: [])
        kill.setattr(transaction.Transaction, "place", place)
        with pytest.raises(Killed):
            apply(**wish(etc, "base", ["ssh", "time"]))
    assert (etc / "ssh.conf").exists()
    assert not (etc / "time.conf").exists()
    done = apply(**wish(etc, "base", ["ssh", "time"]))
    assert done["changed_paths"] == [str(etc / "time.conf")]
    assert done["triggers"] == ["ssh", "time"]


def test_a_value_of_the_set_that_fails_does_not_lose_the_reload(
    etc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sysctl, "PROC_SYS", str(tmp_path))
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "backlog").write_text("1\n")

    def refuse(name: str, wanted: str) -> None:
        raise HostConfigError(f"sysctl: the kernel refused {name} = {wanted}.")

    with pytest.MonkeyPatch.context() as kernel:
        kernel.setattr(sysctl, "write", refuse)
        assert "refused" in refused(**wish(etc, "redis", ["restart"], sysctl={"net.backlog": "2"}))
    done = apply(**wish(etc, "redis", ["restart"], sysctl={"net.backlog": "2"}))
    assert done["changed_paths"] == []
    assert done["triggers"] == ["restart"]
    assert done["changed_sysctl"] == ["net.backlog"]


def test_what_was_taken_back_is_not_owed(etc: Path, owed_directory: Path) -> None:
    said = refused(**wish(etc, "nginx", ["reload"], validate=[{"command": ["false"]}]))
    assert "The previous files are back" in said
    assert not list(owed_directory.glob("*"))
    owed.write("nginx", ["restart"])
    refused(**wish(etc, "nginx", ["reload"], validate=[{"command": ["false"]}]))
    assert owed.read("nginx") == ["restart"], "what an earlier run owes is owed still"


def test_nothing_is_placed_when_it_cannot_be_noted(etc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_arguments: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(owed.os, "fsync", full)
    assert "could not be noted first" in refused(**wish(etc, "nginx", ["reload"]))
    assert not list(etc.iterdir())


def test_a_set_that_owes_is_not_remembered(etc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "DIRECTORY", str(tmp_path / "memory"))
    apply(**wish(etc, "nginx", ["reload"], remember="nginx", digest="d1"))
    assert sets_that_hold() == {}
    apply(done=["nginx"])
    assert sets_that_hold() == {"nginx": "d1"}
    assert "write the name of remember" in refused(owes="nginx", remember="base")


def test_a_user_that_gains_a_group_calls_for_a_reload(etc: Path) -> None:
    config = HostConfig(
        prepare({"users": [{"name": "root", "groups": ["daemon"], "triggers": ["reload"]}], "owes": "nginx"}),
        check_mode=True,
    )
    assert config.run()["triggers"] == ["reload"]


def test_systemd_is_reloaded_by_the_next_run(etc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever set the next run asks for first; a template of units is among no set's units."""
    reloads = []
    monkeypatch.setattr(
        Units, "_daemon_reload", lambda self: reloads.append(1) or self.report.result.update(daemon_reloaded=True)
    )
    unit = {"files": [{"path": str(etc / "shop@.service"), "content": "[Service]\n"}]}
    module = "ansible_collections.django_ec2.site.plugins.module_utils.host_config."
    for name in ("systemd", "configuration"):
        monkeypatch.setattr(f"{module}{name}.is_unit_path", lambda path: path.endswith(".service"))
    with pytest.MonkeyPatch.context() as kill:
        kill.setattr(HostConfig, "_manage_units", raising)
        with pytest.raises(Killed):
            apply(**unit)
    assert apply(check_mode=True)["daemon_reloaded"]
    assert apply()["daemon_reloaded"]
    assert not apply()["daemon_reloaded"]
    assert len(reloads) == 2


def test_a_record_that_was_cut_short_owes_everything(owed_directory: Path) -> None:
    os.makedirs(owed_directory)
    (owed_directory / "nginx.json").write_text("")
    assert owed.read("nginx") == ["reload", "restart"]
