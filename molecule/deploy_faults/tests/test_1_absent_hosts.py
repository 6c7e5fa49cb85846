"""A host that can't be reached: the run ends before it changed another one, and a limit leaves it out knowingly."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from deploying import variant
from site_playbooks import on, play

# The state of an application and of nginx on the host that is there.
STATE = "readlink /srv/plain/live; wc -l < /srv/plain/history.jsonl; cat /srv/plain/deploy.lock; stat -c %Y /etc/nginx/nginx.conf"

LOCK_SECONDS = 20


def settled() -> str:
    """The state, once no run holds the lock any more."""
    deadline = time.monotonic() + LOCK_SECONDS
    while on("web1").check_output("cat /srv/plain/deploy.lock") and time.monotonic() < deadline:
        time.sleep(1)
    return on("web1").check_output(STATE)


@pytest.fixture
def web2_away(tmp_path: Path) -> tuple[str, str]:
    """A second inventory, by which nobody answers on web2's SSH port."""
    path = tmp_path / "away.yml"
    path.write_text("web: {hosts: {web2: {ansible_port: 9}}}\n")
    return "-i", str(path)


@pytest.mark.parametrize(
    "playbook", ["site.yml", "playbooks/deploy.yml", "playbooks/rollback.yml", "playbooks/rotate_secrets.yml"]
)
def test_nothing_is_changed_without_a_host(
    playbook: str, sources: Path, tmp_path: Path, web2_away: tuple[str, str]
) -> None:
    words = ["-e", "app=plain"] if playbook != "playbooks/rotate_secrets.yml" else []
    if playbook == "playbooks/deploy.yml":
        words += ["-e", f"source={variant(tmp_path, 'away')}"]
    # A run before this one, and a rollback, which has taken its lock: locks are given back within seconds.
    before = settled()
    run = play(playbook, *web2_away, *words, code=4)
    assert run.output.strip().splitlines()[-1].startswith("Not reached: web2. Nothing was changed on any host.")
    assert set(run.changed.values()) == {0}
    assert settled() == before


def test_a_limit_leaves_it_out_and_the_last_line_says_so(web2_away: tuple[str, str]) -> None:
    run = play("playbooks/deploy.yml", *web2_away, "-e", "app=plain", "--limit", "!web2")
    assert run.output.strip().splitlines()[-1].startswith("Left out by --limit: web2.")
