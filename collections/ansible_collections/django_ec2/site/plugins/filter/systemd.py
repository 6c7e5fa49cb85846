# SPDX-License-Identifier: MIT
"""Filters for units of systemd, whatever they run."""

from __future__ import annotations

from typing import Any

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


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {"systemd_sandbox": systemd_sandbox}
