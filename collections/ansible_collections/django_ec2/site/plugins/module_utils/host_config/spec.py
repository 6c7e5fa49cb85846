# SPDX-License-Identifier: MIT
"""The arguments of host_config, as AnsibleModule takes them. What a spec cannot express is checked in ``request``."""

from __future__ import annotations

from typing import Any

_TRIGGERS = {"type": "list", "elements": "str", "default": []}
_OWNERSHIP = {"owner": {"type": "str", "default": "root"}, "group": {"type": "str", "default": "root"}}
_PATH = {"type": "str", "required": True}
_ENTRIES = {"type": "list", "elements": "dict", "default": []}

ARGUMENT_SPEC: dict[str, Any] = {
    "users": {
        **_ENTRIES,
        "options": {
            "name": {"type": "str", "required": True},
            "home": {"type": "str", "default": "/nonexistent"},
            "shell": {"type": "str", "default": "/usr/sbin/nologin"},
            "groups": {"type": "list", "elements": "str", "default": []},
            "comment": {"type": "str", "default": ""},
            "system": {"type": "bool", "default": True},
            "number_of": {"type": "str", "default": ""},
            "adopt": {"type": "bool", "default": True},
            "triggers": _TRIGGERS,
        },
    },
    "mounted": {"type": "list", "elements": "str", "default": []},
    "directories": {
        **_ENTRIES,
        "options": {
            "path": _PATH,
            **_OWNERSHIP,
            "mode": {"type": "str", "default": "0755"},
            "triggers": _TRIGGERS,
        },
    },
    "files": {
        **_ENTRIES,
        "options": {
            "path": _PATH,
            # The next four are consumed by the action plugin; they are here for documentation and linters.
            "template": {"type": "str"},
            "content": {"type": "raw", "no_log": True},
            "src": {"type": "str"},
            "vars": {"type": "dict", "default": {}},
            **_OWNERSHIP,
            "mode": {"type": "str", "default": "0644"},
            "sensitive": {"type": "bool", "default": False},
            "secrets": {"type": "list", "elements": "str", "default": [], "no_log": True},
            "validate": {"type": "str"},
            "triggers": _TRIGGERS,
        },
    },
    "links": {
        **_ENTRIES,
        "options": {
            "path": _PATH,
            "target": {"type": "str", "required": True},
            "force": {"type": "bool", "default": False},
            "triggers": _TRIGGERS,
        },
    },
    "absent": {"type": "list", "elements": "raw", "default": []},
    "purge": {
        **_ENTRIES,
        "options": {
            "directory": _PATH,
            "pattern": {"type": "str", "required": True},
            "keep": {"type": "list", "elements": "str", "default": []},
            "aside": {"type": "str", "default": ""},
            "triggers": _TRIGGERS,
        },
    },
    "validate": {
        **_ENTRIES,
        "options": {"command": {"type": "raw", "required": True}, "triggers": _TRIGGERS},
    },
    "prevail": {
        **_ENTRIES,
        "options": {
            "path": _PATH,
            "main": {"type": "list", "elements": "str", "required": True},
            "syntax": {"type": "str", "required": True, "choices": ["postgresql", "sshd"]},
            "triggers": _TRIGGERS,
        },
    },
    "sysctl": {"type": "dict", "default": {}},
    "units": {
        **_ENTRIES,
        "options": {
            "name": {"type": "str", "required": True},
            "enabled": {"type": "bool"},
            "state": {"type": "str", "choices": ["started", "stopped"]},
            "masked": {"type": "bool"},
        },
    },
    "remember": {"type": "str"},
    "owes": {"type": "str"},
    "done": {"type": "list", "elements": "str", "default": []},
    # Ansible blots no_log values out of everything it prints. Packed into one string the contents stay out of
    # invocation and logs, while the diffs of ordinary files stay readable.
    "payload": {"type": "str", "no_log": True},
    "digest": {"type": "str"},
}
