# SPDX-License-Identifier: MIT
"""What each of two hosts does for itself in a move between them (an upgrade): one of them, which runs the steps, reaches the other.

It logs in there as a superuser of its own name, by the certificate of its host (``pg_hba.conf``, ``pg_ident.conf``). That role has no
password, and is there for as long as a run needs it.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move import facts, links, marks, problems
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.model import PEER, TARGET, Mark
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.plan import MoveRefused
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.server import Server

DATABASES = "SELECT count(*) FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres'"


def survey(source: Server, target: dict[str, Any], to: str, names: tuple[str, ...]) -> dict[str, Any]:
    """What is known before the other host is touched; returns ``plan``, ``problems`` and ``notes``.

    Args:
        source: the server of this host, which is live.
        target: of the other host its ``version`` and the ``roles`` that it will have.
        to: its name.
        names: of the databases.
    """
    # The run itself writes the line of pg_hba.conf.
    found = facts.read(source, names) | {"admits_mover": True}
    sides = (source.name, to)
    lines = problems.plan_lines(found, sides)
    lines[0] = f"from PostgreSQL {found['version']} on {source.name} to {target['version']} on {to}:"
    return {
        "plan": lines,
        "problems": problems.source_problems(found, target, sides, names),
        "notes": problems.notes(found),
    }


def reserve(server: Server) -> bool:
    """Say of the server of this host that nobody but the move writes to it; whether that was new.

    Raises:
        MoveRefused: it has databases.
    """
    if marks.read(server):
        return False
    if count := int(server.value(DATABASES)):
        raise MoveRefused(f"{server.name} has {count} databases of its own already. Take a host that has none")
    links.ensure_mover(server)
    marks.put(server, Mark(TARGET, marks.now()))
    return True


def admit(server: Server) -> bool:
    """Let the other host in; whether it was not before."""
    if server.rows("SELECT FROM pg_roles WHERE rolname = %(peer)s AND rolsuper AND rolcanlogin", peer=PEER):
        return False
    if not server.rows("SELECT FROM pg_roles WHERE rolname = %(peer)s", peer=PEER):
        server.execute(f"CREATE ROLE {PEER}")
    server.execute(f"ALTER ROLE {PEER} LOGIN SUPERUSER")
    return True


def retire(server: Server) -> bool:
    """Let it in no more; whether it was until now."""
    if not server.rows("SELECT FROM pg_roles WHERE rolname = %(peer)s", peer=PEER):
        return False
    server.execute(f"ALTER ROLE {PEER} NOLOGIN")
    server.rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %(peer)s", peer=PEER)
    # What a cut run left in its name belongs to the superuser of this host.
    for (name,) in server.rows("SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate"):
        server.execute(f"REASSIGN OWNED BY {PEER} TO CURRENT_USER", str(name))
        server.execute(f"DROP OWNED BY {PEER}", str(name))
    server.execute(f"DROP ROLE {PEER}")
    return True
