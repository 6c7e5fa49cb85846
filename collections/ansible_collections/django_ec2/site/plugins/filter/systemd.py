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


# How often within a minute a service is started before systemd calls it failed. It is then tried again after a pause, by
# start-again@.service (role base).
STARTS_A_MINUTE = 5


def systemd_restart(policy: str) -> str:
    """The lines of a drop-in that keep a service running (man systemd.service).

    Args:
        policy: of ``Restart=``, as in ``on-failure``.
    """
    return f"""[Unit]
# So many starts a minute; then the unit is failed, where an operator and monitoring see it, and is tried again after a pause.
StartLimitIntervalSec=60
StartLimitBurst={STARTS_A_MINUTE}
OnFailure=start-again@%n.service

[Service]
Restart={policy}
RestartSec=500ms
# One process that was killed for memory is the service's own business.
OOMPolicy=continue
"""


def systemd_sandbox(writable_paths: list[str]) -> str:
    """The lines of a unit that keep a process of an application in its place (man systemd.exec)."""
    return "\n".join([SANDBOX, *(f"ReadWritePaths=-{path}" for path in writable_paths)])


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {"systemd_restart": systemd_restart, "systemd_sandbox": systemd_sandbox}
