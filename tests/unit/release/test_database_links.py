"""What the gate of a release asks of the links to its databases, and which it refuses."""

from __future__ import annotations

import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def links(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module as a release has it: its directory is on the path."""
    monkeypatch.syspath_prepend(str(ROOT / "roles/release/files/support"))
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    if not settings.configured:
        settings.configure()
    import database_links

    return database_links


@pytest.mark.parametrize(
    ("peer", "own", "answer"),
    [
        ("", "", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("::1", "::1", True),
        ("10.0.0.5", "10.0.0.5", True),
        ("10.0.0.5", "10.0.0.6", False),
        ("fe80::1%eth0", "fe80::2%eth0", False),
    ],
)
def test_a_link_stays_on_the_host_or_leaves_it(links: Any, peer: str, own: str, answer: bool) -> None:
    assert links.stays(peer, own) is answer


@pytest.mark.parametrize("sslmode", ["disable", "prefer", "require", "verify-ca", ""])
def test_less_than_verified_in_full_is_refused_with_the_remedy(links: Any, sslmode: str) -> None:
    said = links.problem(links.Link("default", "10.0.0.5", "10.0.0.6", sslmode))
    assert f"DATABASES[\"default\"] connects to 10.0.0.5 with sslmode '{sslmode or 'unknown'}'" in said
    assert all(word in said for word in ("${database_sslmode}", "${database_ca_file}", "managed_settings: [database]"))
    assert "unverified_databases" not in said, "the application's own is always verified"
    assert "'legacy' in unverified_databases" in links.problem(links.Link("legacy", "10.0.0.5", "10.0.0.6", sslmode))


def test_a_verified_link_and_one_that_stays_pass(links: Any) -> None:
    for good in (("10.0.0.5", "10.0.0.6", "verify-full"), ("", "", ""), ("127.0.0.1", "127.0.0.1", "prefer")):
        assert links.problem(links.Link("default", *good)) == ""


def test_behind_a_pooler_its_own_link_counts(links: Any) -> None:
    plain = links.Link("default", "127.0.0.1", "127.0.0.1", "disable", "10.0.0.5", False)
    assert "pooler on this host, whose link to 10.0.0.5 is not encrypted" in links.problem(plain)
    assert "server_tls_sslmode = verify-full" in links.problem(plain)
    encrypted = plain._replace(pooled_ssl=True)
    assert links.problem(encrypted) == ""
    assert "only the pooler knows" in links.remark(encrypted)


class Raw:
    """A driver's connection over a real socket; psycopg 3 has ``pgconn``, psycopg2 ``get_dsn_parameters``."""

    def __init__(self, end: socket.socket, **given: Any) -> None:
        self.end = end
        self.__dict__.update(given)

    def fileno(self) -> int:
        return self.end.fileno()


class Connection:
    """A connection of Django's. ``sees`` is what the server says: its address, the client's, and whether TLS is used."""

    vendor = "postgresql"

    def __init__(self, alias: str, raw: Raw | None, sees: tuple[Any, ...] = (None, None, False)) -> None:
        self.alias, self.connection, self.sees = alias, raw, sees

    def ensure_connection(self) -> None:
        if self.connection is None:
            raise DatabaseError("it is down")

    def cursor(self) -> Any:
        return self

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def execute(self, _statement: str) -> None:
        pass

    def fetchone(self) -> tuple[Any, ...]:
        return self.sees


@pytest.fixture
def ends() -> Any:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        yield client


def psycopg3(end: socket.socket, **parameters: str) -> Raw:
    return Raw(end, pgconn=object(), info=SimpleNamespace(get_parameters=lambda: parameters))


def psycopg2(end: socket.socket, **parameters: str) -> Raw:
    return Raw(end, get_dsn_parameters=lambda: parameters)


def test_both_drivers_are_asked(links: Any, ends: socket.socket) -> None:
    for make in (psycopg3, psycopg2):
        found = links.link(Connection("default", make(ends, sslmode="verify-full")))
        assert found == links.Link("default", "127.0.0.1", "127.0.0.1", "verify-full")
    # psycopg 3 leaves out what has libpq's default.
    assert links.link(Connection("default", psycopg3(ends))).sslmode == "prefer"
    one, other = socket.socketpair()
    with one, other:
        assert links.link(Connection("default", psycopg2(one, sslmode="prefer"))).peer == ""
    assert links.link(Connection("default", psycopg3(ends), ("10.0.0.5", "10.0.0.6", True)))[4:6] == ("10.0.0.5", True)
    assert links.link(Connection("default", psycopg3(ends), ("10.0.0.5", "10.0.0.5", False)))[4:6] == ("", False)


def test_each_alias_is_examined(links: Any, ends: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "_ends", lambda _raw: ("10.0.0.5", "10.0.0.6"))
    monkeypatch.setenv("MANAGED_UNVERIFIED_DATABASES", "legacy")
    aliases = {
        "default": Connection("default", psycopg3(ends)),
        "away": Connection("away", None),
        "legacy": Connection("legacy", psycopg3(ends)),
        "replica": Connection("replica", psycopg2(ends, sslmode="require")),
        "small": SimpleNamespace(vendor="sqlite"),
    }
    monkeypatch.setattr(links, "connections", aliases)
    said: list[str] = []
    problems = links.examine(said.append)
    assert [one.split()[0] for one in problems] == ['DATABASES["default"]', 'DATABASES["replica"]']
    assert said == ['DATABASES["away"] cannot be reached, so nobody knows how it is connected: it is down']
    aliases["default"] = Connection("default", None)
    with pytest.raises(DatabaseError):
        links.examine(said.append)
