"""What each station on the way of a request says about itself."""

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import django
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection

from board.log import request_id

try:
    import uwsgi  # exists only inside a uWSGI process
except ImportError:
    uwsgi = None


@dataclass(frozen=True)
class Nginx:
    host: str
    version: str
    tls_version: str
    tls_cipher: str


@dataclass(frozen=True)
class Uwsgi:
    version: str
    worker: int
    pid: int


@dataclass(frozen=True)
class Database:
    name: str
    host: str
    version: str
    # Empty when the connection is not encrypted.
    tls_version: str = ""
    tls_cipher: str = ""


@dataclass(frozen=True)
class Stack:
    client: str
    http_version: str
    request_id: str
    nginx: Nginx | None
    uwsgi: Uwsgi | None
    django: str
    python: str
    release: str
    # None when it does not answer.
    database: Database | None


def stations(meta: Mapping[str, Any]) -> Stack:
    return Stack(
        client=meta.get("REMOTE_ADDR") or "unknown",
        http_version=meta.get("SERVER_PROTOCOL") or "HTTP",
        request_id=request_id.get(),
        nginx=_nginx(meta),
        uwsgi=_uwsgi(),
        django=django.get_version(),
        python=platform.python_version(),
        release=settings.RELEASE,
        database=_database(),
    )


def _nginx(meta: Mapping[str, Any]) -> Nginx | None:
    # uwsgi parameters, not headers: a client's header always begins with HTTP_.
    if not (meta.get("NGINX_VERSION") or meta.get("NGINX_HOST")):
        return None
    return Nginx(
        host=meta.get("NGINX_HOST", ""),
        version=meta.get("NGINX_VERSION", ""),
        tls_version=meta.get("SSL_PROTOCOL", ""),
        tls_cipher=meta.get("SSL_CIPHER", ""),
    )


def _uwsgi() -> Uwsgi | None:
    if uwsgi is None:
        return None
    return Uwsgi(version=_text(uwsgi.version), worker=uwsgi.worker_id(), pid=os.getpid())


def _database() -> Database | None:
    try:
        return _postgresql() if connection.vendor == "postgresql" else _other_database()
    except (DatabaseError, InterfaceError):
        return None


def _postgresql() -> Database:
    with connection.cursor() as cursor:
        # host() drops the network mask; no address means a unix socket.
        cursor.execute(
            "SELECT current_setting('server_version'), host(inet_server_addr()), "
            "coalesce(tls.version, ''), coalesce(tls.cipher, '') "
            "FROM (SELECT 1) AS one LEFT JOIN pg_stat_ssl AS tls ON tls.pid = pg_backend_pid()"
        )
        version, address, tls_version, tls_cipher = cursor.fetchone()
    name = connection.settings_dict["HOST"]
    return Database(
        name="PostgreSQL",
        host=_host(name, address),
        # "15.14 (Debian 15.14-0+deb12u1)": the packager's part says nothing new.
        version=version.split()[0],
        tls_version=tls_version,
        tls_cipher=tls_cipher,
    )


def _host(name: str, address: str | None) -> str:
    if not address:
        return "this host, by a unix socket"
    return name if name == address else f"{name} ({address})"


def _other_database() -> Database:
    connection.ensure_connection()
    version = ".".join(str(part) for part in connection.get_database_version())
    return Database(name=connection.display_name, host="this process", version=version)


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
