# SPDX-License-Identifier: MIT
"""Named restore points in the WAL of a server that archives it."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.login import connect
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.read import rows
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.restore.targets import point_name


def make(login: dict[str, Any], application: str, release: str) -> tuple[str, str]:
    """Make the restore point before the migrations of a release.

    Args:
        login: of a superuser; see LOGIN_SPEC.
        application: its name.
        release: the id of the release whose migrations follow.

    Returns:
        The name of the restore point, empty where there is none, and why.

    Raises:
        ServerUnavailable: nobody answers.
    """
    with contextlib.closing(connect(login)) as connection:
        connection.autocommit = True
        if rows(connection, "SELECT current_setting('archive_mode')")[0][0] == "off":
            return "", "the server archives no WAL (archive_mode), so nothing leads back to a restore point"
        name = point_name(application, release, time.time())
        rows(connection, "SELECT pg_create_restore_point(%(name)s)", {"name": name})
        return name, ""
