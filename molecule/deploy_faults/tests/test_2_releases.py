"""Releases that are no good never become live, and the next good one does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from deploying import FIRST, MIGRATION, deploy, variant
from site_playbooks import on

FAULTS = {
    "syntax": ({"guestbook_views": "\nthis is no Python\n"}, "SyntaxError"),
    "dependency": ({"mysite_wsgi": "\nimport nothing_of_that_name\n"}, "No module named 'nothing_of_that_name'"),
    "settings": ({"mysite_settings": "\nraise RuntimeError('no such setting')\n"}, "no such setting"),
    "page": ({"mysite_urls": "\nurlpatterns.pop()\n"}, "/admin/ answered 404 instead of 302"),
    "migration": (
        {"guestbook_migration_0002_fails": MIGRATION.format(after=FIRST, operation='migrations.RunSQL("SELECT 1/0")')},
        "division by zero",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_release_that_is_no_good_never_becomes_live(fault: str, sources: Path, unharmed: object) -> None:
    changed, words = FAULTS[fault]
    run = deploy(variant(sources, fault, **changed), code=2)
    assert words in " ".join(run.output.split()), run.output[-5000:]
    assert unharmed


def test_a_full_disk_harms_nobody(sources: Path, unharmed: object) -> None:
    host = on("web1")
    host.check_output("dd if=/dev/zero of=/srv/plain/fill bs=1M 2>/dev/null || true")
    try:
        said = " ".join(deploy(variant(sources, "full"), code=2).output.split())
    finally:
        host.check_output("rm /srv/plain/fill")
    # Nothing was shipped.
    assert re.search(
        r"plain on web1: /srv/plain has 0 MB and \d+ inodes free, and release \w+ needs about \d+ MB", said
    ), said[-3000:]
    assert "the disk of /srv/plain is nearly full: 0 MB" in said
    assert unharmed
