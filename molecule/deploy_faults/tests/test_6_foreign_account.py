"""An account of somebody else that has the name of an application is not taken over."""

from __future__ import annotations

import pytest
from site_playbooks import on, play


@pytest.fixture
def foreign() -> str:
    """On web2 the account `plain` has the home of somebody else, until the test ends."""
    host = on("web2")
    host.check_output("cp --preserve=all /etc/passwd /etc/passwd.before")
    host.check_output("sed --in-place 's|^plain:\\(.*\\):[^:]*:\\([^:]*\\)$|plain:\\1:/home/somebody:\\2|' /etc/passwd")
    yield host.check_output("getent passwd plain | cut --delimiter=: --fields=6")
    host.check_output("mv /etc/passwd.before /etc/passwd")


def test_it_is_refused_before_anything_is_changed(foreign: str, unharmed: object) -> None:
    assert foreign == "/home/somebody"
    run = play("site.yml", code=2)
    assert set(run.changed.values()) == {0}, run.changed
    said = " ".join(run.output.split())
    assert "web2: plain is an account of this host already" in said, said[-3000:]
    assert unharmed
