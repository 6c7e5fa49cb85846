"""Filters of the role uwsgi."""

from __future__ import annotations

from typing import Any

DEFAULTS: dict[str, Any] = {
    "project_directory": ".", "processes": 0, "threads": 1, "harakiri": 60, "writable_paths": [], "settings": {},
}  # fmt: skip


# What a process of an application may do: read its release, write its media, talk over unix sockets and IP.
SANDBOX = """NoNewPrivileges=true
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=true
PrivateTmp=true
PrivateDevices=true
ProtectClock=true
ProtectHostname=true
ProtectKernelLogs=true
ProtectKernelModules=true
ProtectKernelTunables=true
ProtectControlGroups=true
ProtectProc=invisible
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=true
RestrictRealtime=true
RestrictSUIDSGID=true
LockPersonality=true
RemoveIPC=true
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM"""


def systemd_sandbox(writable_paths: list[str]) -> str:
    """The lines of a unit that keep a process of an application in its place (man systemd.exec)."""
    return "\n".join([SANDBOX, *(f"ReadWritePaths=-{path}" for path in writable_paths)])


def uwsgi_files(instances: list[dict[str, Any]], path: str, template: str) -> list[dict[str, Any]]:
    """One template for each instance, as entries of host_config's ``files``; the template sees it as ``instance``."""
    return [
        {"path": path.format(name=one["name"]), "template": template, "vars": {"instance": {**DEFAULTS, **one}}}
        for one in instances
    ]


def uwsgi_users(instances: list[dict[str, Any]]) -> list[dict[str, str]]:
    """The user of each instance, as entries of host_config's ``users``."""
    return [
        {"name": one["name"], "home": f"/srv/{one['name']}", "comment": f"Django application {one['name']}"}
        for one in instances
    ]


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {"systemd_sandbox": systemd_sandbox, "uwsgi_files": uwsgi_files, "uwsgi_users": uwsgi_users}
