"""A run that is cut between a file and the handler that it calls for: the next one does what is owed, and no more."""

from __future__ import annotations

import json

from deploying import started_until
from site_playbooks import on, play

TAGS = ("site.yml", "--tags", "base,postgres,redis,nginx")
OWED = "/var/lib/host_config/owed"
# What shows that a service has read its files: asked before and after.
READ: dict[str, tuple[str, str, str]] = {
    "base": ("web1", "ssh", "journalctl --unit ssh.service --grep Reloaded --output cat | wc -l"),
    "postgres": (
        "db1",
        "reload",
        "runuser -u postgres -- psql --no-align --tuples-only --command 'SELECT pg_conf_load_time()'",
    ),
    "redis": ("web1", "restart", "systemctl show redis-server.service --property MainPID"),
    "nginx": ("web1", "reload", "pgrep --parent $(systemctl show nginx.service --property MainPID --value) | head -1"),
}


def read(name: str) -> str:
    """How a service is now."""
    return on(READ[name][0]).check_output(READ[name][2])


def owed(name: str) -> list[str]:
    """What a host owes to a service."""
    path = f"{OWED}/{name}.json"
    host = on(READ[name][0])
    return json.loads(host.check_output(f"cat {path}")) if host.file(path).exists else []


def test_what_a_cut_run_owes_is_done_by_the_next() -> None:
    # For nginx, by a controller that is killed; for the others, as one leaves it.
    on("web1").check_output("echo '# a stray line' >> /etc/nginx/nginx.conf")
    with started_until("Test nginx's configuration", "site.yml", "--tags", "nginx"):
        pass
    assert owed("nginx") == ["reload"]
    assert on("web1").run("grep --quiet 'a stray line' /etc/nginx/nginx.conf").rc == 1, (
        "the files are as they should be"
    )
    for name, (host, word, _asked) in READ.items():
        on(host).check_output(f"echo '[\"{word}\"]' > {OWED}/{name}.json")
    before = {name: read(name) for name in READ}

    predicted = play(*TAGS, "--check")
    assert predicted.changed["web1"] >= 3
    assert predicted.changed["db1"] >= 1
    assert {name: read(name) for name in READ} == before
    play(*TAGS)
    for name in READ:
        assert owed(name) == []
        assert read(name) != before[name], f"{name} has not read its files"
