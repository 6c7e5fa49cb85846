"""What pgBackRest said on hosts, and what an operator is told to do."""

from __future__ import annotations

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.backups.remedies import explain
from ansible_collections.django_ec2.site.plugins.module_utils.backups.run import cause

UNABLE = "2026-11-26 08:26:33.701 P00   WARN: unable to check pg1: "


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        (UNABLE + "[CryptoError] unable to verify certificate presented by 'x': [18] self-signed certificate", "same secrets.authority"),
        ("[ServiceError] TLS error [1:167773208] tlsv1 alert unknown ca", "same secrets.authority"),
        ("[CryptoError] unable to find hostname '10.0.0.1' in certificate common name or subject alternative names", "for another name"),
        ("[AccessError] raised from remote-0 tls protocol on '10.0.0.9': access denied", "does not admit this host"),
        (UNABLE + "[HostConnectError] unable to connect to '10.0.0.1:8432': [111] Connection refused", "admit this one on port 8432"),
        ("ERROR: [039]: client state is 'data-get' but expected 'idle'", "died while it was asked"),
        ("expected value '2.55.1' for greeting key 'version' but got '2.45'", "versions differ"),
        ("[FormatError] unable to load info file '/x':\nFormatError: key/value found outside of section", "Put the old key back"),
        ("[CryptoError] unable to load info file '/x':\nCryptoError: cipher header invalid", "Put the old key back"),
        ("unable to write '/x': [28] No space left on device", "The disk is full"),
        ("repo1: [FileWriteError] raised from remote-1 tls protocol on '10.0.0.9': unable to write '/x.tmp'", "The disk is full"),
        ("backup and archive info files exist but do not match the database", "holds the backups of another cluster"),
        ("[ArchiveMismatchError] PostgreSQL version 17, system-id 7 do not match repo1 stanza version 17", "of another cluster"),
        ("HTTP request failed with 403 (Forbidden): AccessDenied", "S3 refuses these credentials"),
        ("HTTP request failed with 404 (Not Found): NoSuchBucket", "no such bucket"),
        ("stop file exists for all stanzas", "pgbackrest start"),
        ("unable to acquire lock on file '/tmp/pgbackrest/main-backup.lock'", "Another backup runs"),
    ],
)  # fmt: skip
def test_each_has_its_remedy(said: str, remedy: str) -> None:
    assert remedy in explain(said)


def test_progress_is_left_out() -> None:
    said = "2026-11-26 08:22:24.670 P00   INFO: backup begins\n2026-11-26 08:22:25.1 P00  ERROR: [028]: something new"
    assert explain(said) == "ERROR: [028]: something new"


JOURNAL = """Starting pgbackrest-backup@full.service - Backup of PostgreSQL (full)...
2026-11-26 08:00:00.000 P00  ERROR: [050]: an older run
Starting pgbackrest-backup@full.service - Backup of PostgreSQL (full)...
2026-11-26 08:50:00.000 P00   INFO: backup command begin
2026-11-26 08:50:00.100 P00   WARN: unable to check pg1: [CryptoError] unable to verify certificate presented by 'x': [18] self-signed
2026-11-26 08:50:00.200 P00  ERROR: [056]: unable to find primary cluster - cannot proceed
                                    HINT: are all available clusters in recovery?
2026-11-26 08:50:00.300 P00   INFO: backup command end: aborted with exception [056]
pgbackrest-backup@full.service: Main process exited, code=exited, status=56/n/a
Failed to start pgbackrest-backup@full.service - Backup of PostgreSQL (full).
"""


def test_the_cause_is_in_the_last_run_s_warnings_and_errors() -> None:
    found = cause(JOURNAL)
    assert "older run" not in found
    assert found.startswith("2026-11-26 08:50:00.100 P00   WARN: unable to check pg1")
    assert found.endswith("HINT: are all available clusters in recovery?")
    assert "same secrets.authority" in explain(found)


def test_without_either_all_of_it_is_the_cause() -> None:
    assert (
        cause("Starting pgbackrest-backup@incr.service - x\nflock: cannot open lock file")
        == "flock: cannot open lock file"
    )
