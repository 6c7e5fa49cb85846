# SPDX-License-Identifier: MIT
"""What a service may do: one sandbox that all services share, and what one of them needs beyond it, with the reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# A process reads its program, writes to the paths that it is given, and talks over unix sockets and IP (man systemd.exec).
SHARED: dict[str, list[str]] = {
    "NoNewPrivileges": ["true"],
    "CapabilityBoundingSet": [""],
    "AmbientCapabilities": [""],
    "ProtectSystem": ["strict"],
    "ProtectHome": ["true"],
    "PrivateTmp": ["true"],
    "PrivateDevices": ["true"],
    "ProtectClock": ["true"],
    "ProtectHostname": ["true"],
    "ProtectKernelLogs": ["true"],
    "ProtectKernelModules": ["true"],
    "ProtectKernelTunables": ["true"],
    "ProtectControlGroups": ["true"],
    "ProtectProc": ["invisible"],
    "RestrictAddressFamilies": ["AF_UNIX AF_INET AF_INET6"],
    "RestrictNamespaces": ["true"],
    "RestrictRealtime": ["true"],
    "RestrictSUIDSGID": ["true"],
    "LockPersonality": ["true"],
    "RemoveIPC": ["true"],
    "SystemCallArchitectures": ["native"],
    "SystemCallFilter": ["@system-service", "~@privileged @resources"],
    "SystemCallErrorNumber": ["EPERM"],
}


def sandbox(writable_paths: Iterable[str] = (), exceptions: Sequence[Mapping[str, Any]] = ()) -> str:
    """The lines of a unit, or of a drop-in's section ``[Service]``.

    Args:
        writable_paths: where the service writes; they may be missing.
        exceptions: what it has instead of the shared directives, or beside them: each has ``set`` (directive to value; a list is several
            lines) and ``why``, which stands above it as a comment.

    Raises:
        ValueError: an exception without a reason.
    """
    own: dict[str, Any] = {}
    for one in exceptions:
        if not str(one.get("why", "")).strip():
            raise ValueError(f"an exception of a sandbox needs a reason: {dict(one)} has no 'why'")
        own |= one["set"]
    lines = [f"{name}={value}" for name, values in SHARED.items() if name not in own for value in values]
    for one in exceptions:
        lines.append(f"# {' '.join(str(one['why']).split())}")
        lines += [f"{name}={_text(value)}" for name, values in one["set"].items() for value in _listed(values)]
    return "\n".join([*lines, *(f"ReadWritePaths=-{path}" for path in writable_paths)])


def service_settings(settings: Mapping[str, Any]) -> str:
    """The lines of a unit by which somebody overrides what stands before them; an empty text for none.

    Args:
        settings: directive to value; a list is several lines. An empty value takes back what a directive that adds up has.
    """
    return "\n".join(f"{name}={_text(value)}" for name in sorted(settings) for value in _listed(settings[name]))


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _text(value: Any) -> str:
    """A value as systemd reads it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
