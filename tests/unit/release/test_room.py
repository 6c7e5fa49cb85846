"""Room on the disks of hosts."""

from __future__ import annotations

import errno
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.release import room as on_host
from ansible_collections.django_ec2.site.plugins.plugin_utils.disks import full_disks
from ansible_collections.django_ec2.site.plugins.plugin_utils.release import room

MB = 1_000_000


@pytest.fixture
def wanted(tmp_path: Path) -> dict[str, Any]:
    """A release with an archive of about 10 MB of zeros, and a layer of the same size."""
    found = {"release": "r9", "layer": "l9"}
    for key in ("archive", "layer_archive"):
        with tarfile.open(tmp_path / key, "w:gz") as tar:
            (tmp_path / "zeros").write_bytes(b"\0" * 10 * MB)
            tar.add(tmp_path / "zeros", "app/zeros")
        found[key] = str(tmp_path / key)
    return found


def state(free: int, inodes: int = -1, **more: Any) -> dict[str, Any]:
    space = {"bytes": free, "total": 100 * MB, "inodes": inodes, "total_inodes": 100 if inodes >= 0 else -1}
    slots = {"blue": {"release": "r3"}, "green": {}}
    return {"free": space, "releases": {}, "layers": {}, "slots": slots, "idle": "green", "history": [], **more}


def problem(wanted: dict[str, Any], state: dict[str, Any], kept: int = 5) -> str:
    return room.problem(wanted, state, "/srv/shop", kept)


def test_a_release_that_does_not_fit_is_named_with_what_it_needs(wanted: dict[str, Any]) -> None:
    said = problem(wanted, state(30 * MB, 50_000))
    assert said.startswith("/srv/shop has 30 MB and 50000 inodes free, and release r9 needs about 40 MB and 4 inodes")
    assert "release_kept" in said
    assert problem(wanted, state(50 * MB)) == ""
    assert "3 inodes free" in problem(wanted, state(50 * MB, 3))


def test_what_is_there_needs_no_room(wanted: dict[str, Any]) -> None:
    assert problem(wanted, state(30 * MB, layers={"k": {"layer": "l9", "packages": []}})) == ""
    assert problem(wanted, state(0, releases={"r9": {"complete": True}})) == ""
    assert problem({**wanted, "archive": "", "layer_archive": ""}, state(0)) == ""


def test_what_makes_way_for_it_counts(wanted: dict[str, Any]) -> None:
    releases = {f"r{number}": {"complete": True, "modified": number, "size": 15 * MB} for number in range(4)}
    assert problem(wanted, state(30 * MB, releases=releases)) != ""
    assert problem(wanted, state(30 * MB, releases=releases), kept=2) == ""
    # On a disk that is full nothing can make way: not even the lock can be written.
    assert problem(wanted, state(0, releases=releases), kept=0) != ""


def test_applications_are_told_apart(wanted: dict[str, Any]) -> None:
    found = room.problems(
        {"shop": wanted, "blog": wanted, "new": wanted}, {"shop": state(0), "blog": state(90 * MB)}, 5
    )
    assert list(found) == ["shop"]


def test_a_disk_that_is_nearly_full_is_named() -> None:
    assert "nearly full: 4 MB of 100 MB" in room.nearly_full(state(4 * MB), "/srv/shop")
    assert "90 MB and 4 inodes of" in room.nearly_full(state(90 * MB, 4), "/srv/shop")
    assert room.nearly_full(state(6 * MB, 50), "/srv/shop") == ""
    assert room.nearly_full({}, "/srv/shop") == ""


def test_a_full_disk_is_told_with_its_path(tmp_path: Path) -> None:
    said = on_host.explain(OSError(errno.ENOSPC, "No space left on device"), str(tmp_path / "absent"))
    assert said.startswith(f"the disk of {tmp_path / 'absent'} is full: ")
    assert said.endswith("(No space left on device)")
    named = on_host.explain(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/srv/x"), str(tmp_path))
    assert "at /srv/x" in named
    assert (
        on_host.explain(PermissionError(13, "Permission denied", "/srv/x"), "/srv")
        == "[Errno 13] Permission denied: '/srv/x'"
    )


def test_the_disks_of_every_host_are_looked_at_by_its_facts() -> None:
    disk = {
        "mount": "/",
        "size_available": 5 << 30,
        "size_total": 8 << 30,
        "inode_available": 500_000,
        "inode_total": 524_288,
    }
    full = {**disk, "mount": "/var/lib/postgresql", "size_available": 10 << 20, "inode_available": 400_000}
    hosts = [
        {"inventory_hostname": "db1", "ansible_facts": {"mounts": [disk, full, {**full, "options": "ro,noatime", "mount": "/snap"}]}},
        {"inventory_hostname": "web1", "ansible_facts": {"mounts": [{**disk, "inode_available": 100}]}},
        {"inventory_hostname": "localhost"},
    ]  # fmt: skip
    found = full_disks(hosts)
    assert [line.split(" is")[0] for line in found] == ["db1: /var/lib/postgresql", "web1: /"]
