# SPDX-License-Identifier: MIT
"""Records of the sets of files, units and so on that modules brought a host to.

Knows where records lie and what one holds: what the set consists of and, by a digest, what was asked for. Does not know
whether the host still is as a record says; ``configuration`` compares.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import time
from typing import Any

DIRECTORY = "/var/cache/host_config"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,99}")
# Kept as they were asked for. Files are kept without their contents; commands of validate are not for a look.
KEPT = ("users", "mounted", "directories", "links", "absent", "purge", "prevail", "sysctl", "units")


def described(path: str, content: bytes, owner: str, group: str, mode: int) -> dict[str, Any]:
    """A file as a record has it: without its content."""
    return {
        "path": path, "owner": owner, "group": group, "mode": mode, "triggers": [], "sensitive": True,
        "size": len(content), "sha256": hashlib.sha256(content).hexdigest(),
    }  # fmt: skip


def described_as_wanted(entry: dict[str, Any]) -> dict[str, Any]:
    """A file with the content that it has, and the owner and the mode that an entry asks for."""
    with open(entry["path"], "rb") as stream:
        content = stream.read()
    return described(entry["path"], content, entry["owner"], entry["group"], entry["mode"])


def kept(params: dict[str, Any]) -> dict[str, Any]:
    """What a record keeps of a request."""
    files = [
        {
            **described(entry["path"], entry["content"], entry["owner"], entry["group"], entry["mode"]),
            "triggers": entry["triggers"],
        }
        for entry in params["files"]
    ]
    return {**{option: params[option] for option in KEPT}, "files": files}


def as_params(record: dict[str, Any]) -> dict[str, Any]:
    """A record as the arguments of a call; what it does not mention is not asked for."""
    nothing: dict[str, Any] = {option: [] for option in ("validate", "files", "done", *KEPT)}
    return {**nothing, "sysctl": {}, **record["params"]}


def write(name: str, digest: str, params: dict[str, Any], until: float | None = None) -> None:
    """Keep a record. One that cannot be kept is no error: the next run asks the host."""
    record = json.dumps({"digest": digest, "params": params, "until": until}, sort_keys=True)
    path = os.path.join(DIRECTORY, f"{name}.json")
    with contextlib.suppress(OSError):
        os.makedirs(DIRECTORY, mode=0o700, exist_ok=True)
        with contextlib.suppress(FileNotFoundError), open(path, encoding="utf-8") as stream:
            if stream.read() == record:
                return
        partial = f"{path}.{os.getpid()}"
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
            stream.write(record)
        os.replace(partial, path)


def forget(name: str) -> None:
    """Remove a record, before its set is changed."""
    with contextlib.suppress(OSError):
        os.unlink(os.path.join(DIRECTORY, f"{name}.json"))


def read() -> dict[str, dict[str, Any]]:
    """All records of the host, by name. One that cannot be read is left out."""
    records = {}
    for entry in sorted(os.listdir(DIRECTORY)) if os.path.isdir(DIRECTORY) else []:
        if not entry.endswith(".json"):
            continue
        with contextlib.suppress(OSError, ValueError), open(os.path.join(DIRECTORY, entry), encoding="utf-8") as stream:
            record = json.load(stream)
            if isinstance(record, dict) and isinstance(record.get("params"), dict) and record.get("digest"):
                records[entry[: -len(".json")]] = record
    return records


def is_current(record: dict[str, Any]) -> bool:
    """Whether a record has not ended by itself, as that of a certificate does."""
    until = record.get("until")
    return until is None or time.time() < until
