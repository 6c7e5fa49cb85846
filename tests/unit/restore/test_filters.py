"""What is refused on the controller, and what is said after a restore."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.django_ec2.site.plugins.filter.restore import (
    FilterModule,
    drill_problems,
    restore_refusal,
    restored_lacks,
)


def test_what_is_refused_before_any_host_is_asked() -> None:
    assert "has no backups to restore from" in restore_refusal("none", "latest", "")
    assert "Say what to restore to" in restore_refusal("pgbackrest", "", "")
    assert "has no zone" in restore_refusal("pgbackrest", "2026-11-22 10:31:07", "")
    assert restore_refusal("pgbackrest", "latest", "") == ""
    assert restore_refusal("pgbackrest", 73482, "") == ""
    assert restore_refusal("none", "", "scratch") == ""


def test_a_release_that_the_data_does_not_fit_is_named_with_the_way_out() -> None:
    asked = {"applied": ["shop.0001"], "migrations": {"shop.0001": [], "shop.0002": []}}
    said = restored_lacks(asked, "shop")
    assert "(shop.0002)" in said
    assert "playbooks/rollback.yml -e app=shop" in said
    assert restored_lacks({**asked, "applied": ["shop.0001", "shop.0002"]}, "shop") == ""
    assert "could not be asked (no way)" in restored_lacks({"error": "no way"}, "shop")


def test_the_drill_runs_without_the_collection(tmp_path: Path) -> None:
    """As on a host: its files in a directory, and nothing of this repository in Python's path."""
    filters = FilterModule().filters()
    for one in filters["database_drill_directories"](str(tmp_path / "drill")):
        Path(one["path"]).mkdir()
    for one in filters["database_drill_files"](str(tmp_path / "drill")):
        Path(one["path"]).write_text(one["content"])
    path = f"import sys; sys.path.insert(0, {str(tmp_path / 'drill')!r})"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"{path}; from restore import drill; print(drill.STATUS)"],
        capture_output=True, text=True, check=False, cwd="/",
    )  # fmt: skip
    assert done.stdout.strip() == "/var/lib/database-drill/status.json", done.stderr


@pytest.mark.parametrize(
    ("scratch", "asked", "said"),
    [
        ({"name": "shop_scratch"}, {"pending": [], "ahead": ["shop.0009"]}, ""),
        (
            {"name": "shop_scratch"},
            {"pending": ["shop.0003"]},
            "shop: the copy lacks migrations of the live release: shop.0003",
        ),
        ({"name": "shop_scratch"}, {"msg": "The live release does not fit shop_scratch: no table."}, "does not fit"),
        (
            {"name": "", "reason": "no migration was applied to it so far"},
            {"skipped": True},
            "no migration was applied",
        ),
    ],
)
def test_a_release_that_does_not_fit_a_restored_copy_fails_the_drill(scratch: dict, asked: dict, said: str) -> None:
    found = drill_problems("shop", scratch, asked)
    assert said in " ".join(found)
    assert bool(found) == bool(said)
