"""A minor upgrade of both hosts, with a writer: the standby first, then the primary, which is restarted once."""

from __future__ import annotations

import pytest
from promoting import recovering, rows, soon, sql, writing
from site_playbooks import on, play

UPGRADE = "playbooks/database_upgrade.yml"
# The archive has one version. An older one is that one under another number.
OLDER = """
set -e; d=$(mktemp -d); cd $d; chmod 0755 $d
apt-get download -q postgresql-17 && dpkg-deb -R *.deb tree
sed -i 's/^Version: .*/Version: 17.0-1/' tree/DEBIAN/control
dpkg-deb -b -Zgzip tree old.deb && dpkg -i old.deb; cd /; rm -r $d
"""
VERSION = "dpkg-query -W -f '${Version}' postgresql-17"


@pytest.fixture
def older() -> str:
    """Both hosts have a package that is older than the archive's; returns the primary."""
    for host in ("db1", "db2"):
        on(host).check_output(OLDER)
    return "db2" if recovering("db1") else "db1"


def test_a_minor_upgrade_is_planned_then_done_and_loses_no_row(older: str) -> None:
    standby = "db1" if older == "db2" else "db2"
    assert soon(older, "SELECT state FROM pg_stat_replication", "streaming")
    sql(older, "CREATE TABLE IF NOT EXISTS promotion_rows (writer text, number int)", "board")
    sql(older, "GRANT ALL ON promotion_rows TO board", "board")
    checked = play(UPGRADE, "--check")
    assert f"{standby}: postgresql-17 17.0-1 becomes " in checked.output
    assert sum(checked.changed.values()) == 0 and on(older).check_output(VERSION) == "17.0-1"
    # The standby alone: another one could take over now, in the place of a restart.
    began = sql(older, "SELECT pg_postmaster_start_time()")
    play(UPGRADE, "-e", "primary_later=true")
    assert on(standby).check_output(VERSION) != "17.0-1" and on(older).check_output(VERSION) == "17.0-1"
    assert sql(older, "SELECT pg_postmaster_start_time()") == began
    with writing("upgrade", 60) as done:
        said = play(UPGRADE).output
    assert "was restarted, which took" in said
    # The application's own connections go past the pooler; those through it waited.
    assert "Requests through the poolers waited for" in " ".join(said.split())
    assert sql(older, "SELECT pg_postmaster_start_time()") != began and not recovering(older)
    assert set(done[0].numbers) <= rows(older, "upgrade")
    assert sum(play(UPGRADE).changed.values()) == 0
