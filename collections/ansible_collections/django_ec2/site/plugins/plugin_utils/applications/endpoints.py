# SPDX-License-Identifier: MIT
"""Where the database of each application is, and who logs in there: one answer for all who need to know it.

An endpoint has ``scheme`` (of its URL), ``host``, ``port``, ``name``, ``user``, ``password``, ``sslmode``, ``ca_file``,
``authentication`` (``password`` or ``iam``), ``options`` of libpq, and ``token_environment``, what the signer of tokens gets in its
environment. ``host`` may be the directory of a unix socket: then ``sslmode`` and ``ca_file`` are empty. A login by tokens has no password.
Where there are standbys, ``host`` is a list with commas, as libpq takes it: the one to ask first, then those to try when it is away.

Through a pooler ``application`` and ``replica`` are its socket and have ``pooling``; ``owner`` and ``owner_replica`` always go straight
to the server. What the pooler itself needs to get there is ``pooler_databases``.
"""

from __future__ import annotations

import ipaddress
import posixpath
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.model import IAM_SUFFIX
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications import pooling


def database_endpoints(
    resolved: list[dict[str, Any]], server: Mapping[str, Any]
) -> dict[str, dict[str, dict[str, Any]]]:
    """The endpoints ``application``, ``owner`` and ``replica`` of each application, by its name.

    An application with further databases has ``databases``, too: the same three of each, by its alias.

    Args:
        resolved: what ``resolve_applications`` returned.
        server: ``host`` and ``port``; for a host that is reached by TCP ``sslmode`` and ``ca_file``; and, where they are not the
            usual ones, ``address`` (of ``host``, which is not looked up then), ``standbys`` (each with ``name`` and ``address``),
            ``options``, ``authentication``, ``token_environment``, ``replica_host``, ``mode`` and ``pooling``. group_vars/all/database.yml
            fills it.
    """
    return {
        entry["name"]: _pooled(entry, entry["database"], server)
        | (
            {"databases": {alias: _pooled(entry, one, server) for alias, one in entry["databases"].items()}}
            if entry["databases"]
            else {}
        )
        for entry in resolved
    }


def _pooled(
    entry: Mapping[str, Any], database: Mapping[str, Any], server: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """The endpoints of one database, by way of the pooler where the application has one."""
    direct = _endpoints(database, server)
    if pooling.pooling_of(entry, server) == pooling.NONE:
        return direct
    application = pooling.through_pooler(entry, direct["application"], server)
    replica = bool(server.get("replica_host"))
    return {
        "application": application,
        "owner": direct["owner"],
        "replica": pooling.through_pooler(entry, direct["replica"], server, replica=True) if replica else application,
        # Whoever migrates has no account that a pooler would know.
        "owner_replica": {
            **direct["replica"],
            "user": direct["owner"]["user"],
            "password": direct["owner"]["password"],
        },
    }


def pooler_databases(resolved: list[dict[str, Any]], server: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """What each pooler of a web host has to know: by its name, the databases with the endpoint that it uses itself.

    Args:
        resolved: what ``resolve_applications`` returned.
        server: as ``database_endpoints`` takes it.
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for entry in resolved:
        mode = pooling.pooling_of(entry, server)
        if mode == pooling.NONE:
            continue
        for database in (entry["database"], *entry["databases"].values()):
            # The pooler spreads its connections over a list of hosts; it knows one, and is told of another.
            direct = _endpoints(database, server, lists=False)
            kinds = {"application": False} | ({"replica": True} if server.get("replica_host") else {})
            for kind, replica in kinds.items():
                one = {"application": entry["name"], "account": entry["user"], "endpoint": direct[kind]}
                found.setdefault(pooling.instance(server, mode, replica), []).append(one)
    return found


def _endpoints(database: Mapping[str, Any], server: Mapping[str, Any], lists: bool = True) -> dict[str, dict[str, Any]]:
    by_token = server.get("authentication") == "iam"
    options = dict(server.get("options") or {})

    def endpoint(host: str, options: Mapping[str, Any], login: Mapping[str, str]) -> dict[str, Any]:
        verified = {key: "" if is_socket(host) else str(server[key]) for key in ("sslmode", "ca_file")}
        return {
            "scheme": str(database["url_scheme"]),
            "host": host,
            "port": int(server["port"]),
            "name": str(database["name"]),
            **login,
            **verified,
            "authentication": "iam" if by_token else "password",
            "options": dict(options),
            "token_environment": dict(server.get("token_environment") or {}) if by_token else {},
        }

    if by_token:
        # The module postgres_databases makes these logins.
        application = {"user": f"{database['user']}{IAM_SUFFIX}", "password": ""}
        owner = {"user": f"{database['owner']}{IAM_SUFFIX}", "password": ""}
    else:
        application = {"user": str(database["login"]), "password": str(database["password"])}
        owner = {"user": str(database["owner"]), "password": str(database["owner_password"])}
    host, reader = str(server["host"]), str(server.get("replica_host") or "")
    first = {"name": host, "address": str(server.get("address") or "")}
    # libpq goes on to the next until one takes writes (target_session_attrs): nobody has to be told of a promotion.
    standbys = [] if is_socket(host) else list(server.get("standbys") or [])
    own_standby = next((one for one in standbys if one["name"] == reader), None)
    at_host = _names([first, *(standbys if lists else [])])
    # Without a replica its readers ask the database itself. While a standby of ours is away, they do so, too.
    at_reader = at_host
    if reader:
        away = [first] if own_standby and lists else []
        at_reader = _names([own_standby or {"name": reader, "address": ""}, *away])
    # A replica takes no writes, so nothing is asked of it.
    reads = options | ({"target_session_attrs": "any"} if reader else {})
    return {
        "application": endpoint(at_host[0], options | at_host[1], application),
        "owner": endpoint(at_host[0], options | at_host[1], owner),
        "replica": endpoint(at_reader[0], reads | at_reader[1], application),
    }


def _names(servers: list[Mapping[str, str]]) -> tuple[str, dict[str, str]]:
    """Servers as ``host`` of an endpoint, and ``hostaddr`` where all addresses are known. Certificates are still those of the names."""
    addresses = [one["address"] for one in servers]
    known = all(is_address(one) for one in addresses) and not is_socket(servers[0]["name"])
    return ",".join(one["name"] for one in servers), {"hostaddr": ",".join(addresses)} if known else {}


def is_address(text: str) -> bool:
    """Whether a text is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_socket(host: str) -> bool:
    """Whether a host is the directory of a unix socket."""
    return host.startswith("/")


def database_url(endpoint: Mapping[str, Any]) -> str:
    """An endpoint as a libpq URL, but for a scheme of the project's own."""
    host = str(endpoint["host"])
    user, password, name = (quote(str(endpoint[key]), safe="") for key in ("user", "password", "name"))
    login = f"{endpoint['scheme']}://{user}" + (f":{password}" if password else "")
    if is_socket(host):
        return f"{login}@{quote(host, safe='')}:{endpoint['port']}/{name}"
    verified = {"sslmode": endpoint["sslmode"], "sslrootcert": endpoint["ca_file"]}
    options = urlencode({**verified, **dict(sorted((endpoint.get("options") or {}).items()))}, safe="/")
    # A comma stands in the lists of names alone.
    if ":" in host and "," not in host:
        host = f"[{host}]"
    return f"{login}@{host}:{endpoint['port']}/{name}?{options}"


def database_authority(endpoints: Mapping[str, Mapping[str, Any]], certificate: str) -> dict[str, list[dict[str, str]]]:
    """The CA file of the endpoints, as ``directories`` and ``files`` of host_config; nothing without a certificate.

    Args:
        endpoints: what ``database_endpoints`` returned.
        certificate: of the authority (PEM); empty where something else places the file.
    """
    found = [own[kind] for own in endpoints.values() for kind in ("application", "owner", "replica")]
    paths = {one["ca_file"] for one in found if one["ca_file"] and certificate}
    return {
        "directories": [{"path": one} for one in sorted({posixpath.dirname(path) for path in paths})],
        "files": [{"path": path, "content": certificate} for path in sorted(paths)],
    }
