"""Backups in S3: the archive, a backup, a restore to a transaction and a drill, against moto with TLS in front of it.

Part of ``make test-faults`` (``ONLY=s3``), with a lab of its own.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bench.database.backup import BACKUP, RESTORE
from tests.bench.database.site import POOLED, Site, inventory
from tests.faults import s3
from tests.faults.runs import Runs

pytestmark = pytest.mark.faults

MB = 30
BUCKET = "example-backups"
AUTHORITY = "/etc/ssl/s3-ca.pem"
REPOSITORY = f"""
database_backups: pgbackrest
# restic asks AWS's dual-stack names, which lead nowhere here.
file_backups: none
pgbackrest_repository:
  type: s3
  bucket: {BUCKET}
  region: {s3.REGION}
  endpoint: {s3.NAME}
  uri_style: path
  path: /lab
  key_type: shared
  key: {s3.KEY}
  key_secret: {s3.KEY}
  ca_file: {AUTHORITY}
"""


class InS3(Site):
    """A web host and a database host that backs itself up."""

    def __init__(self, directory: Path) -> None:
        super().__init__("db-s3", inventory(web="web1", database="db1"), MB, POOLED + REPOSITORY)
        self.directory = directory
        self.port = 0

    def gateway(self) -> str:
        """This machine's address in the lab's network."""
        return self.lab.address("db1").rpartition(".")[0] + ".1"

    def prepare(self) -> None:
        self.lab.run("db1", "tee", AUTHORITY, stdin=(self.directory / "ca.pem").read_text())
        self.lab.run("db1", "tee", "-a", "/etc/hosts", stdin=f"{self.gateway()} {s3.NAME}\n")

    def info(self) -> dict[str, Any]:
        """What the repository says of the cluster."""
        words = ["runuser", "-u", "postgres", "--", "pgbackrest", "--stanza=main", "--output=json", "info"]
        return dict(json.loads(self.lab.run("db1", *words))[0])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InS3]:
    """Boot the hosts, then the bucket at their network's gateway, then configure them."""
    found = InS3(tmp_path_factory.mktemp("s3"))
    try:
        found.lab.command("down")
        found.lab.command("hosts")
        with s3.bucket(BUCKET, found.gateway(), found.directory) as port:
            described = found.lab.inventory / "group_vars" / "env_lab" / "zz_database.yml"
            described.write_text(f"{POOLED}{REPOSITORY}  port: {port}\n")
            found.configure()
            yield found
    finally:
        if not os.environ.get("FAULTS_KEEP"):
            found.lab.command("down")


def test_backup_restore_and_drill_with_s3(site: InS3) -> None:
    end = time.monotonic() + 180
    while not site.info()["backup"]:
        assert time.monotonic() < end, "the first backup was not made"
        time.sleep(1)
    status, said = Runs(site.lab, BACKUP).whole()
    assert status == 0, said[-3000:]
    named = site.sql("INSERT INTO stream (word) VALUES ('named') RETURNING pg_current_xact_id()")
    wanted = site.checksums()
    site.sql("INSERT INTO stream (word) SELECT 'after' FROM generate_series(1, 1000)")
    # The bucket has nothing that can be read.
    assert site.info()["cipher"] == "aes-256-cbc"
    restores = Runs(site.lab, RESTORE)
    status, said = restores.whole("-e", f"restore_to={named}", "-e", "confirm=db1")
    assert status == 0, said[-3000:]
    assert site.checksums() == wanted
    site.lab.run("db1", "systemctl", "start", "database-drill")
    drill = json.loads(site.lab.run("db1", "cat", "/var/lib/database-drill/status.json"))
    assert drill["good"] and drill["backup"] == site.info()["backup"][-1]["label"], drill
    status, said = Runs(site.lab, "playbooks/database_status.yml").whole()
    assert status == 0, said[-3000:]


def test_an_endpoint_with_another_authority_is_refused(site: InS3) -> None:
    words = [
        "runuser",
        "-u",
        "postgres",
        "--",
        "env",
        "PGBACKREST_REPO1_STORAGE_CA_FILE=/etc/ssl/certs/ca-certificates.crt",
    ]
    with pytest.raises(SystemExit, match="certificate"):
        site.lab.run("db1", *words, "pgbackrest", "--stanza=main", "repo-ls")
