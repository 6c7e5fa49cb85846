# SPDX-License-Identifier: MIT
"""What pgBackRest says when something is wrong, and what to do about it. Pure: text in, text out."""

from __future__ import annotations

import re

# The first that fits. {…} are filled in by `explain`.
REMEDIES = (
    (
        r"greeting key 'version'",
        "pgBackRest's versions differ on the database and the repository host, and it works with equal ones alone. Give both hosts the "
        "same release of the operating system, and install the newest package on both: apt-get install --only-upgrade pgbackrest.",
    ),
    (
        r"No space left on device|Disk quota exceeded|\[28\]|FileWriteError|FileSyncError",
        "The disk is full, or can't be written (df on that host). Make room or enlarge it; until then the database host keeps what is not "
        "archived (pg_wal). Fewer days of backups: pgbackrest_retention_days.",
    ),
    (
        r"unable to find hostname|hostname .* (?:not found|does not match)",
        "The other side's certificate is for another name: that host is not the one that the inventory says, or its private_address "
        "changed. Run site.yml for both hosts.",
    ),
    (
        r"unable to verify certificate|certificate verify failed|unable to get local issuer|self[- ]signed|unknown ca|alert",
        "A certificate of one side was not signed by the project's authority, or has ended. Run site.yml for both hosts; both need the "
        "same secrets.authority.",
    ),
    (
        r"unable to load info file .*(?:Format|Crypto)Error|is or was the repo encrypted|cipher header invalid|unable to flush",
        "secrets.database_backup_key is not the key that this repository was begun with, and without that key its backups can't be read. "
        "Put the old key back. To begin anew beside the old backups, give the new repository another path (docs/backups.md).",
    ),
    (
        r"access denied",
        "The other side's pgBackRest server does not admit this host. Run site.yml for both hosts: it lists who may connect "
        "(tls-server-auth).",
    ),
    (
        r"HostConnectError|unable to connect to|timeout connecting|unable to get address|Connection refused|No route to host",
        "The other host's pgBackRest server does not answer: is the host up (systemctl status pgbackrest), and does its security group "
        "admit this one on port {port}?",
    ),
    (
        r"client state is '[\w-]+' but expected|Connection timed out|Connection reset|unexpected eof",
        "The other host, or the network to it, died while it was asked. When it is back, the same command takes up what was copied.",
    ),
    (
        r"do(?:es)? not match the database|MismatchError|system-id",
        "The repository holds the backups of another cluster under this name: the database host was made anew, or another environment uses "
        "the same place. To get the old data back, restore it before anything else (docs/restore.md). To begin anew beside it, give "
        "pgbackrest_stanza another name.",
    ),
    (
        r"archive_mode|archive_command",
        "PostgreSQL does not archive through pgBackRest: run site.yml for the database host. What sets these settings elsewhere "
        "(ALTER SYSTEM, a file in conf.d) wins until then.",
    ),
    (
        r"not archived before|ArchiveTimeoutError",
        "PostgreSQL did not hand its write-ahead log over in time. Its log says why: /var/log/postgresql/ on the database host.",
    ),
    (
        r"data_directory|pg\d*-path",
        "The cluster's data is elsewhere than pgBackRest was told: set postgres_data_directory for the database host.",
    ),
    (
        r"unable to find primary cluster|unable to check pg",
        "No host of the group database is a running primary that the repository host can reach.",
    ),
    (
        r"stop file exists",
        "Somebody stopped pgBackRest by hand. On the host that said so: sudo -u postgres pgbackrest start.",
    ),
    (
        r"unable to acquire lock|LockAcquireError",
        "Another backup runs already; wait until it has ended.",
    ),
    (
        r"failed with 403|AccessDenied|SignatureDoesNotMatch|InvalidAccessKeyId|ExpiredToken",
        "S3 refuses these credentials for the bucket: check pgbackrest_repository.key and key_secret, or the rights of the instance's "
        "role (docs/backups.md lists them).",
    ),
    (
        r"failed with 404|NoSuchBucket",
        "There is no such bucket in that region: check pgbackrest_repository.bucket and region. This repository does not make it.",
    ),
    (
        r"failed with 301|PermanentRedirect|AuthorizationHeaderMalformed",
        "The bucket is in another region: correct pgbackrest_repository.region.",
    ),
)  # fmt: skip
NOISE = re.compile(r"^(?:\d{4}-\d\d-\d\d [\d:.]+ )?P\d\d\s+(?:INFO|DETAIL|DEBUG):.*$", re.MULTILINE)
TIMESTAMP = re.compile(r"^(?:\d{4}-\d\d-\d\d [\d:.]+ )?P\d\d\s+", re.MULTILINE)

# With another key the content of a file is noise, and it is quoted.
GARBAGE = re.compile(r"((?:Format|Crypto)Error): .*")


def explain(text: str, port: int = 8432) -> str:
    """What was said, without its lines about progress, and what to do about it.

    Args:
        text: pgBackRest's output.
        port: of its servers.
    """
    plain = GARBAGE.sub(r"\1", TIMESTAMP.sub("", NOISE.sub("", text)))
    said = " ".join(line.strip() for line in plain.splitlines() if line.strip())
    for pattern, remedy in REMEDIES:
        if re.search(pattern, said):
            return f"{said} -- {remedy.format(port=port)}"
    return said
