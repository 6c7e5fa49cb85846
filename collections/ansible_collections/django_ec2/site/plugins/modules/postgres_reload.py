#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Make the PostgreSQL server of this host read its configuration, and say which settings wait for a restart."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: postgres_reload
short_description: Reload PostgreSQL's configuration and say which settings wait for a restart
description:
  - Asks the server of this host to read its configuration, waits until it has, and returns the settings that it can
    take up only by a restart.
  - Refuses to reload files in which PostgreSQL itself finds errors, and names file and line.
options:
  port:
    description: Port of the server. While the server still has another one, its only socket is used.
    type: int
    default: 5432
  user:
    description: System user and role by which the socket is used.
    type: str
    default: postgres
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: Nothing is reloaded, and RV(pending_restart) is what already waits.
"""

EXAMPLES = r"""
- name: Reload PostgreSQL
  django_ec2.site.postgres_reload:
  register: reload
"""

RETURN = r"""
available:
  description: Whether a server answered. Without one the module fails, except in check mode.
  returned: always
  type: bool
pending_restart:
  description: Settings that take effect only after a restart.
  returned: always
  type: list
  elements: str
  sample: [shared_buffers]
lowered:
  description: Those of them that a standby may have less of only after its primary, and that are to be lower than now.
  returned: always
  type: list
  elements: str
  sample: [max_connections]
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.login import ServerUnavailable, connect
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restart import read_lowered

RELOAD_SECONDS = 15
# A setting that needs a restart is listed with an error text too; it is no mistake in the file.
# A line that is gone from all files has none, and asks for a restart at most: that is `pending_restart`.
FILE_ERRORS = """
    SELECT sourcefile || ', line ' || sourceline || ': ' || coalesce(name || ': ', '') || error FROM pg_file_settings f
    WHERE error IS NOT NULL AND sourcefile IS NOT NULL AND NOT EXISTS (
        SELECT FROM pg_settings s WHERE s.name = f.name AND s.context = 'postmaster' AND f.error LIKE '%could not be applied%')
    UNION ALL
    SELECT current_setting('hba_file') || ', line ' || line_number || ': ' || error FROM pg_hba_file_rules
    WHERE error IS NOT NULL
"""

PENDING = "SELECT name FROM pg_settings WHERE pending_restart ORDER BY 1"


def ask(login: dict, statement: str) -> list:
    """The first column of a query, over a connection of its own: only a new one surely knows the new configuration."""
    connection = connect(login)
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return [row[0] for row in cursor.fetchall()]
    finally:
        connection.close()


def waiting(login: dict) -> dict:
    """What waits for a restart."""
    connection = connect(login)
    try:
        return {"pending_restart": ask(login, PENDING), "lowered": list(read_lowered(connection))}
    finally:
        connection.close()


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "port": {"type": "int", "default": 5432},
            "user": {"type": "str", "default": "postgres"},
        },
        supports_check_mode=True,
    )
    login = {"port": module.params["port"], "user": module.params["user"], "database": "postgres"}
    try:
        if module.check_mode:
            module.exit_json(changed=True, available=True, **waiting(login))
        errors = ask(login, FILE_ERRORS)
        if errors:
            module.fail_json(msg="PostgreSQL goes on with its old configuration. Correct: " + "; ".join(errors))
        before = ask(login, "SELECT pg_conf_load_time()")[0]
        ask(login, "SELECT pg_reload_conf()")
        deadline = time.monotonic() + RELOAD_SECONDS
        while ask(login, "SELECT pg_conf_load_time()")[0] == before:
            if time.monotonic() > deadline:
                module.fail_json(
                    msg=f"PostgreSQL did not read its configuration within {RELOAD_SECONDS} seconds: see its log."
                )
            time.sleep(0.1)
        module.exit_json(changed=True, available=True, **waiting(login))
    except ServerUnavailable as error:
        if module.check_mode:
            module.exit_json(changed=True, available=False, pending_restart=[], lowered=[])
        module.fail_json(
            msg=f"PostgreSQL does not answer: {error}. See 'journalctl -u postgresql@*' and /var/log/postgresql/."
        )


if __name__ == "__main__":
    main()
