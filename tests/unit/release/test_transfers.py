"""Archives of killed runs go with the next deploy."""

from __future__ import annotations

import os
import time
from pathlib import Path

from ansible_collections.django_ec2.site.plugins.module_utils.release import transfers


def test_old_transfers_beside_this_one_are_removed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    for name in ("ansible-tmp-1", "ansible-tmp-2", "ansible-tmp-3", "mine", "elsewhere"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "archive.tar.gz").touch()
    (tmp_path / "ansible-tmp-4").symlink_to(elsewhere)
    for name in ("ansible-tmp-1", "ansible-tmp-3", "mine", "elsewhere"):
        os.utime(tmp_path / name, (0, time.time() - transfers.SECONDS - 60))
    transfers.clear(str(tmp_path / "ansible-tmp-3/archive.tar.gz"))
    assert {path.name for path in tmp_path.iterdir()} == {
        "ansible-tmp-2",
        "ansible-tmp-3",
        "ansible-tmp-4",
        "mine",
        "elsewhere",
    }
    assert (elsewhere / "archive.tar.gz").exists()


def test_nothing_is_removed_where_nothing_came(tmp_path: Path) -> None:
    (tmp_path / "ansible-tmp-1").mkdir()
    os.utime(tmp_path / "ansible-tmp-1", (0, 0))
    transfers.clear("")
    transfers.clear(str(tmp_path / "own/archive.tar.gz"))
    assert (tmp_path / "ansible-tmp-1").exists()
