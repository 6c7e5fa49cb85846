# SPDX-License-Identifier: MIT
"""What restic says when something is wrong, and what to do about it. Pure: text in, text out."""

from __future__ import annotations

import re

# The first that fits.
REMEDIES = (
    (
        r"wrong password|no key found",
        "secrets.file_backup_key is not the password that the repository of the files knows, and without that one its backups can't be "
        "read. Put the old one back; playbooks/rotate_secrets.yml -e what=file_backups then replaces it. To begin anew beside the old "
        "backups, give the new repository another path (docs/backups.md).",
    ),
    (
        r"no space left on device|disk quota exceeded",
        "The disk of the repository is full (df on the host that keeps it). Make room, enlarge it, or keep fewer days "
        "(restic_retention_days).",
    ),
    (
        r"does not exist|Is there a repository at the following location|404 Not Found|NoSuchBucket",
        "There is no repository of the files where it was (restic_repository, restic_repository_path). Where it was lost, begin a new one: "
        "restic-files init, on the host that keeps it; with S3 on the first web host.",
    ),
    (
        r"500 Internal Server Error|502|507",
        "The repository's server could not write: is its disk full, or not mounted? On the host in backup: df, and "
        "journalctl -u restic-server.",
    ),
    (
        r"certificate|tls:|x509",
        "One side's certificate was not signed by the project's authority, has ended, or is for another address. Run site.yml for both "
        "hosts; both need the same secrets.authority.",
    ),
    (
        r"connection refused|no route to host|i/o timeout|deadline exceeded|connection reset|no such host|Client\.Timeout|EOF",
        "The repository's host does not answer: is it up (systemctl status restic-server), and does its security group admit this host on "
        "the port restic_port?",
    ),
    (
        r"AccessDenied|Access Denied|SignatureDoesNotMatch|InvalidAccessKeyId|ExpiredToken|403 Forbidden",
        "S3 refuses these credentials for the bucket: check pgbackrest_repository.key and key_secret, or the rights of the web hosts' role "
        "(docs/backups.md lists them).",
    ),
    (
        r"already locked",
        "Another run of restic works on the repository and did not end. restic-files list locks says who; restic-files unlock removes "
        "those of runs that are dead.",
    ),
)  # fmt: skip
LENGTH = 600


def explain(text: str) -> str:
    """What was said, each line once, and what to do about it.

    Args:
        text: restic's output.
    """
    lines = dict.fromkeys(line.strip() for line in text.splitlines() if line.strip())
    said = " ".join(lines)
    shown = said if len(said) <= LENGTH else f"… {said[-LENGTH:]}"
    for pattern, remedy in REMEDIES:
        if re.search(pattern, said, re.IGNORECASE):
            return f"{shown} -- {remedy}"
    return shown or "restic said nothing."
