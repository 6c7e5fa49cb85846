"""A call of host_config in this process, and what it left behind."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.configuration import HostConfig
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.errors import HostConfigError
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.payload import pack
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.spec import ARGUMENT_SPEC

ROOT = Path(__file__).resolve().parents[3]
ANSIBLE = Path(sys.executable).with_name("ansible-playbook")
SECRET = "correct-horse-battery"


def prepare(params: dict[str, Any]) -> dict[str, Any]:
    """What the action plugin and AnsibleModule make of a task's arguments; owner and group default to us."""
    params = json.loads(json.dumps(params))
    contents = []
    for entry in params.get("files", []):
        contents.append(entry.pop("content", "").encode())
    params["payload"] = pack(contents)
    for option in ("files", "directories"):
        for entry in params.get(option, []):
            entry.setdefault("owner", str(os.getuid()))
            entry.setdefault("group", str(os.getgid()))
    validated = ArgumentSpecValidator(ARGUMENT_SPEC).validate(params)
    assert not validated.error_messages, validated.error_messages
    return validated.validated_parameters


def apply(check_mode: bool = False, diff: bool = False, **params: Any) -> dict[str, Any]:
    config = HostConfig(prepare(params), check_mode=check_mode, diff=diff)
    result = config.run()
    result["warnings"] = config.report.warnings
    return result


def refused(**params: Any) -> str:
    with pytest.raises(HostConfigError) as caught:
        apply(**params)
    return str(caught.value)


def tree(top: Path) -> dict[str, tuple[str, bytes | str, int]]:
    """Everything below a directory: kind, content and mode. Also proves that no temporary file was left."""
    found: dict[str, tuple[str, bytes | str, int]] = {}
    for path in sorted(top.rglob("*")):
        status = path.lstat()
        mode = stat.S_IMODE(status.st_mode)
        name = str(path.relative_to(top))
        if path.is_symlink():
            found[name] = ("link", os.readlink(path), 0)
        elif path.is_dir():
            found[name] = ("directory", b"", mode)
        else:
            found[name] = ("file", path.read_bytes(), mode)
    return found
