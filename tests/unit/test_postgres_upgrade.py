"""What a minor upgrade would do, by what apt says and what the server runs."""

from __future__ import annotations

import os
from pathlib import Path

from ansible_collections.django_ec2.site.plugins.module_utils.postgres import upgrade

SAID = """Reading package lists...
2 upgraded, 0 newly installed, 0 to remove and 4 not upgraded.
Inst postgresql-17 [17.5-1] (17.6-0+deb13u1 Debian:13.1/stable [amd64]) []
Inst postgresql-client-17 [17.5-1] (17.6-0+deb13u1 Debian:13.1/stable [amd64])
Inst libnew (1.0 Debian:13.1/stable [amd64])
Conf postgresql-17 (17.6-0+deb13u1 Debian:13.1/stable [amd64])
"""


def test_packages_that_are_older_than_the_archives() -> None:
    found = upgrade.newer(SAID)
    assert found[0] == {"name": "postgresql-17", "installed": "17.5-1", "candidate": "17.6-0+deb13u1"}
    assert [one["name"] for one in found] == ["postgresql-17", "postgresql-client-17"]
    lines = upgrade.plan_lines("db1", found, False)
    assert lines[0] == "db1: postgresql-17 17.5-1 becomes 17.6-0+deb13u1" and "restarted once" in lines[-1]
    assert upgrade.plan_lines("db1", [], False) == []


def test_a_run_that_was_cut_before_the_restart_is_seen(tmp_path: Path) -> None:
    data, proc = tmp_path / "data", tmp_path / "proc"
    data.mkdir()
    (proc / "42").mkdir(parents=True)
    assert not upgrade.runs_replaced(str(data), str(proc))
    (data / "postmaster.pid").write_text("42\n/data\n")
    os.symlink("/usr/lib/postgresql/17/bin/postgres", proc / "42/exe")
    assert not upgrade.runs_replaced(str(data), str(proc))
    (proc / "42/exe").unlink()
    os.symlink("/usr/lib/postgresql/17/bin/postgres (deleted)", proc / "42/exe")
    assert upgrade.runs_replaced(str(data), str(proc))
    assert "still runs what was there before" in upgrade.plan_lines("db1", [], True)[0]
