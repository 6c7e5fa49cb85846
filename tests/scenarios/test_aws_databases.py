"""The rehearsal of AWS, with instances of RDS: what is asked of one is done to a real PostgreSQL with real rows."""

from __future__ import annotations

import datetime
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from lab.core.podman import Podman
from lab.core.settings import from_environment
from lab.kinds import find
from lab.kinds.aws import certificates, control
from lab.kinds.aws.databases import KIND, SUITE, host_name
from tests.aws.rehearsal import Endpoint, until
from tests.scenarios.labs import PROJECT, environment

pytestmark = [pytest.mark.scenario, pytest.mark.aws]

SCENARIO = "aws_rds"
MASTER = "board_admin"
ZONE = f"aaaaaaaaaa.{control.REGION}.rds.amazonaws.com"
AUTHORITY = "/tmp/rds-ca.pem"
SECONDS = 360
# Questions, each of which takes some seconds to fail.
RESOLVING = 5


class Databases:
    """A lab with an endpoint, a network and a client."""

    def __init__(self) -> None:
        self.settings = from_environment(environment(SCENARIO))
        self.podman = Podman(self.settings)
        # Once on a machine, and longer than the first instance is waited for.
        find(KIND).ensure_image(self.settings, self.podman, SUITE)
        self.endpoint = Endpoint(control.directory(self.settings), control.start(self.settings))
        self.rds = self.endpoint.client("rds")
        ec2 = self.endpoint.client("ec2")
        network = control.config(self.endpoint.home)["network"]  # type: ignore[index]
        first = network.rpartition(".")[0]
        vpc = ec2.create_vpc(CidrBlock=network)["Vpc"]["VpcId"]
        subnets = [
            ec2.create_subnet(VpcId=vpc, CidrBlock=f"{first}.{start}/26", AvailabilityZone=f"{control.REGION}{zone}")[
                "Subnet"
            ]
            for start, zone in ((64, "a"), (128, "b"))
        ]
        self.rds.create_db_subnet_group(
            DBSubnetGroupName="board",
            DBSubnetGroupDescription="private",
            SubnetIds=[one["SubnetId"] for one in subnets],
        )

    def instance(self, name: str) -> dict[str, Any]:
        """What RDS says of an instance."""
        found: dict[str, Any] = self.rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]
        return found

    def reaches(self, name: str, status: str = "available") -> dict[str, Any]:
        """Wait until an instance has a status."""

        def there() -> bool:
            found = self.instance(name)["DBInstanceStatus"]
            assert found != "failed" != status
            return bool(found == status)

        self.until(there)
        return self.instance(name)

    def until(self, there: Callable[[], bool]) -> None:
        """Wait; who waited in vain is told what the endpoint's log says."""
        try:
            until(there, SECONDS)
        except AssertionError as error:
            error.add_note((self.endpoint.home / "log").read_text()[-3000:])
            raise

    def snapshot(self, name: str) -> None:
        """Wait until a snapshot is made."""

        def there() -> bool:
            found = self.rds.describe_db_snapshots(DBSnapshotIdentifier=name)["DBSnapshots"][0]["Status"]
            assert found != "failed"
            return bool(found == "available")

        self.until(there)

    def container(self, name: str) -> str:
        """The container of an instance."""
        return f"{self.settings.name}-{host_name(self.instance(name)['DbiResourceId'])}"

    def ask(self, client: str, name: str, password: str, sql: str) -> subprocess.CompletedProcess[str]:
        """Ask an instance by its endpoint's name, from another host of the lab, with a certificate that is verified."""
        words = f"host={name}.{ZONE} user={MASTER} dbname=postgres sslmode=verify-full sslrootcert={AUTHORITY} connect_timeout=5"
        authority = (self.endpoint.home / certificates.DATABASES_AUTHORITY).read_text()
        script = f'printf %s "$1" > {AUTHORITY}; PGPASSWORD="$2" psql -XAtq -v ON_ERROR_STOP=1 "{words}" -c "$3"'
        # On a machine that is busy, Podman's name server does not answer at once while it learns of hosts.
        for _attempt in range(RESOLVING):
            done = self.podman.script(client, script, authority, password, sql)
            if "Temporary failure in name resolution" not in done.stderr:
                break
        return done

    def rows(
        self,
        client: str,
        name: str,
        password: str,
        sql: str = "SELECT string_agg(what, ' ' ORDER BY number) FROM posts",
    ) -> str:
        """What it answers.

        Raises:
            AssertionError: it doesn't.
        """
        done = self.ask(client, name, password, sql)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def password(self, name: str) -> str:
        """The one that Secrets Manager keeps for an instance."""
        arn = self.instance(name)["MasterUserSecret"]["SecretArn"]
        told = json.loads(self.endpoint.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])
        assert told["username"] == MASTER
        return str(told["password"])


@pytest.fixture(scope="module")
def lab() -> Iterator[Databases]:
    """A lab of its own, removed as an operator would."""
    down = [sys.executable, "-m", "lab", "down", "--force"]
    subprocess.run(down, cwd=PROJECT, env=environment(SCENARIO), check=True)
    made = Databases()
    yield made
    subprocess.run(down, cwd=PROJECT, env=environment(SCENARIO), check=True)
    assert not made.podman.containers(f"label=lab.name={made.settings.name}")
    assert not made.podman.succeeds("volume", "exists", f"lab-{made.settings.name}-rds")


def test_the_life_of_a_database(lab: Databases) -> None:
    """One test: two would be handed to two workers, and there is one lab."""
    rds = lab.rds
    plain: dict[str, Any] = {"DBInstanceClass": "db.t4g.micro", "DBSubnetGroupName": "board"}
    rds.create_db_instance(
        DBInstanceIdentifier="board", Engine="postgres", MasterUsername=MASTER, ManageMasterUserPassword=True,
        AllocatedStorage=20, BackupRetentionPeriod=7, **plain,
    )  # fmt: skip
    assert lab.instance("board")["DBInstanceStatus"] == "creating"
    assert lab.reaches("board")["Endpoint"]["Address"] == f"board.{ZONE}"
    client, secret = lab.container("board"), lab.password("board")
    assert lab.rows(client, "board", secret, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == "f"
    lab.rows(
        client,
        "board",
        secret,
        "CREATE TABLE posts (number serial, what text); INSERT INTO posts (what) VALUES ('first')",
    )

    a_snapshot_holds_its_moment(lab, client, secret, plain)
    a_point_in_time_is_that_second(lab, client, secret, plain)
    a_new_password_and_a_new_name(lab, client)
    a_replica_follows_and_is_promoted(lab, client, plain)
    parameters_hold_after_a_restart(lab, client)
    a_stopped_one_is_gone_back_to_a_second(lab, plain)
    it_starts_and_leaves_its_last_snapshot(lab)


def a_snapshot_holds_its_moment(lab: Databases, client: str, secret: str, plain: dict[str, Any]) -> None:
    """What is written after it is not in it."""
    lab.rds.create_db_snapshot(DBInstanceIdentifier="board", DBSnapshotIdentifier="before")
    lab.snapshot("before")
    lab.rows(client, "board", secret, "INSERT INTO posts (what) VALUES ('second')")
    lab.rds.restore_db_instance_from_db_snapshot(DBInstanceIdentifier="old", DBSnapshotIdentifier="before", **plain)
    lab.reaches("old")
    assert lab.rows(client, "old", secret) == "first"
    lab.rds.delete_db_instance(DBInstanceIdentifier="old", SkipFinalSnapshot=True)
    gone = f"old.{ZONE}"
    until(lambda: not lab.podman.script(client, f"getent hosts {gone}").stdout, 60)


def a_point_in_time_is_that_second(lab: Databases, client: str, secret: str, plain: dict[str, Any]) -> None:
    """The row before is there, the one after it isn't; and the newest moment has all."""
    time.sleep(1.1)
    moment = datetime.datetime.now(datetime.UTC)
    time.sleep(1.1)
    lab.rows(client, "board", secret, "INSERT INTO posts (what) VALUES ('third')")
    point = lab.rds.restore_db_instance_to_point_in_time
    source = {"SourceDBInstanceIdentifier": "board"}
    point(**source, TargetDBInstanceIdentifier="then", RestoreTime=moment, **plain)
    point(**source, TargetDBInstanceIdentifier="now", UseLatestRestorableTime=True, **plain)
    lab.reaches("then")
    lab.reaches("now")
    assert lab.rows(client, "then", secret) == "first second"
    assert lab.rows(client, "now", secret) == "first second third"
    # It is an instance of its own, that can be written to and restored from.
    lab.rows(client, "then", secret, "INSERT INTO posts (what) VALUES ('another')")
    lab.rds.delete_db_instance(DBInstanceIdentifier="now", SkipFinalSnapshot=True)


def a_new_password_and_a_new_name(lab: Databases, client: str) -> None:
    """The restored one takes the name of the live one, which keeps its rows under another."""
    lab.rds.modify_db_instance(DBInstanceIdentifier="then", MasterUserPassword="a-new-password", ApplyImmediately=True)
    assert lab.instance("then")["DBInstanceStatus"] == "modifying"
    lab.reaches("then")
    rename = lab.rds.modify_db_instance
    rename(DBInstanceIdentifier="board", NewDBInstanceIdentifier="board-before", ApplyImmediately=True)
    lab.reaches("board-before")
    rename(DBInstanceIdentifier="then", NewDBInstanceIdentifier="board", ApplyImmediately=True)
    lab.reaches("board")
    client = lab.container("board-before")
    assert lab.rows(client, "board", "a-new-password") == "first second another"
    assert lab.rows(client, "board-before", lab.password("board-before")) == "first second third"
    refused = lab.ask(client, "board", lab.password("board-before"), "SELECT 1")
    assert "password authentication failed" in refused.stderr
    lab.rds.delete_db_instance(DBInstanceIdentifier="board-before", SkipFinalSnapshot=True)


def a_replica_follows_and_is_promoted(lab: Databases, client: str, plain: dict[str, Any]) -> None:
    """It only reads, until it is promoted."""
    client = lab.container("board")
    lab.rds.create_db_instance_read_replica(
        DBInstanceIdentifier="copy", SourceDBInstanceIdentifier="board", DBInstanceClass=plain["DBInstanceClass"]
    )
    lab.reaches("copy")
    lab.rows(client, "board", "a-new-password", "INSERT INTO posts (what) VALUES ('streamed')")
    until(lambda: lab.rows(client, "copy", "a-new-password").endswith("streamed"), 60)
    assert "read-only transaction" in lab.ask(client, "copy", "a-new-password", "DELETE FROM posts").stderr
    lab.rds.promote_read_replica(DBInstanceIdentifier="copy")
    lab.reaches("copy")
    lab.rows(client, "copy", "a-new-password", "INSERT INTO posts (what) VALUES ('promoted')")
    lab.rds.delete_db_instance(DBInstanceIdentifier="copy", SkipFinalSnapshot=True)


def parameters_hold_after_a_restart(lab: Databases, client: str) -> None:
    """A static one of a parameter group: not before."""
    client = lab.container("board")
    lab.rds.create_db_parameter_group(
        DBParameterGroupName="board", DBParameterGroupFamily="postgres17", Description="board"
    )
    given = [{"ParameterName": "rds.logical_replication", "ParameterValue": "1", "ApplyMethod": "pending-reboot"}]
    lab.rds.modify_db_parameter_group(DBParameterGroupName="board", Parameters=given)
    lab.rds.modify_db_instance(DBInstanceIdentifier="board", DBParameterGroupName="board", ApplyImmediately=True)
    lab.reaches("board")
    assert lab.rows(client, "board", "a-new-password", "SHOW wal_level") == "replica"
    lab.rds.reboot_db_instance(DBInstanceIdentifier="board")
    assert lab.instance("board")["DBInstanceStatus"] == "rebooting"
    lab.reaches("board")
    assert lab.rows(client, "board", "a-new-password", "SHOW wal_level") == "logical"


def a_stopped_one_is_gone_back_to_a_second(lab: Databases, plain: dict[str, Any]) -> None:
    """Without the row of after it; and with all rows where the moment lies behind the end of its log."""
    lab.rows(lab.container("board"), "board", "a-new-password", "INSERT INTO posts (what) VALUES ('kept')")
    time.sleep(1.1)
    moment = datetime.datetime.now(datetime.UTC)
    time.sleep(1.1)
    lab.rows(lab.container("board"), "board", "a-new-password", "INSERT INTO posts (what) VALUES ('late')")
    lab.rds.stop_db_instance(DBInstanceIdentifier="board")
    assert lab.instance("board")["DBInstanceStatus"] == "stopping"
    lab.reaches("board", "stopped")
    point = lab.rds.restore_db_instance_to_point_in_time
    for name, when in (("then", moment), ("end", datetime.datetime.now(datetime.UTC))):
        point(SourceDBInstanceIdentifier="board", TargetDBInstanceIdentifier=name, RestoreTime=when, **plain)
    for name, last in (("then", "kept"), ("end", "late")):
        lab.reaches(name)
        rows = lab.rows(lab.container(name), name, "a-new-password").split()
        assert (rows[-1], "kept" in rows) == (last, True), rows
        lab.rds.delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True)


def it_starts_and_leaves_its_last_snapshot(lab: Databases) -> None:
    """Also when the endpoint was ended meanwhile; and the last snapshot is all that is left of it."""
    control.stop(lab.endpoint.home)
    control.start(lab.settings)
    lab.rds.start_db_instance(DBInstanceIdentifier="board")
    lab.reaches("board")
    client = lab.container("board")
    assert lab.rows(client, "board", "a-new-password").endswith("another streamed kept late")
    lab.rds.delete_db_instance(DBInstanceIdentifier="board", FinalDBSnapshotIdentifier="last")
    lab.snapshot("last")
    until(lambda: not lab.podman.containers(f"label=lab.name={lab.settings.name}"), 60)
