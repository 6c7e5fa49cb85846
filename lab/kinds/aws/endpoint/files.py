# SPDX-License-Identifier: MIT
"""EFS, where moto lacks a call. `corrections.always` puts it in place."""

from __future__ import annotations

import json
from typing import Any

from moto.efs.exceptions import FileSystemNotFound
from moto.efs.responses import EFSResponse

JSON = {"Content-Type": "application/json"}


def put() -> None:
    """Put all of it in place."""
    EFSResponse.put_backup_policy = _put_backup_policy
    EFSResponse.update_file_system = _update_file_system


def _file_system(response: Any) -> Any:
    name = response._get_param("FileSystemId")
    found = response.efs_backend.file_systems_by_id.get(name)
    if not found:
        raise FileSystemNotFound(name)
    return found


def _put_backup_policy(self: Any) -> tuple[str, dict[str, str]]:
    """AWS Backup copies a file system, or does not."""
    policy = self._get_param("BackupPolicy")
    _file_system(self)._backup = policy["Status"] == "ENABLED"
    return json.dumps({"BackupPolicy": policy}), JSON


def _update_file_system(self: Any) -> tuple[str, dict[str, str | int]]:
    """Another throughput mode."""
    found = _file_system(self)
    found.throughput_mode = self._get_param("ThroughputMode") or found.throughput_mode
    return json.dumps(found.info_json()), {**JSON, "status": 202}
