"""The playbooks database_… as a user runs them where the database is on RDS: status, snapshot, restore, promotion, upgrade."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.aws import environments
from tests.aws.policies import compare
from tests.aws.rehearsal import Endpoint, an_account

NAME = "shop-production"
SETTINGS = {
    "aws_project": "shop",
    "aws_endpoint_is_a_test": True,
    "database_mode": "rds",
    "preflight_strict_secrets": False,
    "secrets": {
        "authority": {"certificate": "-----BEGIN CERTIFICATE-----\n", "key": "-----BEGIN PRIVATE " + "KEY-----\n"},
        "database_master_password": "master-password-of-a-test",
        "applications": {
            "board": {
                one: f"{one}-of-a-test"
                for one in ("secret_key", "api_token", "admin_password", "database_password", "database_owner_password")
            },
        },
    },
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """An account that all tests here share: each has an instance of its own."""
    with an_account(tmp_path_factory) as made:
        yield made


@pytest.fixture
def account(server: Endpoint) -> Iterator[Endpoint]:
    """The account, in which no instance is left."""
    yield server
    rds = server.client("rds")
    for one in rds.describe_db_instances()["DBInstances"]:
        name = one["DBInstanceIdentifier"]
        rds.modify_db_instance(DBInstanceIdentifier=name, DeletionProtection=False)
        rds.delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True)
    for one in rds.describe_db_snapshots()["DBSnapshots"]:
        rds.delete_db_snapshot(DBSnapshotIdentifier=one["DBSnapshotIdentifier"])


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    """inventory/production with the instance, as aws_rds lists it, and a web host that is away."""
    place = environments.inventory(tmp_path / "inventory", SETTINGS)
    listed = {"rds_endpoint": f"{NAME}.aaaaaaaaaa.eu-central-1.rds.amazonaws.com", "rds_master_user": "postgres"}
    hosts = {"web1": {"ansible_host": "192.0.2.1", "private_address": "192.0.2.1"}, NAME: listed}
    groups = {
        "env_production": {"hosts": hosts},
        "web": {"hosts": {"web1": {}}},
        "rds": {"hosts": {NAME: {}}},
    }
    (place / "hosts.yml").write_text(yaml.safe_dump(groups))
    return place


def make(account: Endpoint, **more: Any) -> None:
    """An instance, as the role aws_database makes one."""
    rds = account.client("rds")
    if not [
        one for one in rds.describe_db_parameter_groups()["DBParameterGroups"] if one["DBParameterGroupName"] == GROUP
    ]:
        rds.create_db_parameter_group(DBParameterGroupName=GROUP, DBParameterGroupFamily="postgres17", Description=NAME)
    if not rds.describe_db_subnet_groups()["DBSubnetGroups"]:
        subnets = [one["SubnetId"] for one in account.client("ec2").describe_subnets()["Subnets"][:2]]
        rds.create_db_subnet_group(DBSubnetGroupName=NAME, DBSubnetGroupDescription=NAME, SubnetIds=subnets)
    given = {
        "DBInstanceIdentifier": NAME, "DBInstanceClass": "db.t4g.small", "Engine": "postgres", "EngineVersion": "17.4",
        "AllocatedStorage": 20, "StorageType": "gp3", "StorageEncrypted": True, "MasterUsername": "postgres",
        "ManageMasterUserPassword": True, "DBParameterGroupName": GROUP, "DBSubnetGroupName": NAME, "BackupRetentionPeriod": 7,
        "DeletionProtection": True, "VpcSecurityGroupIds": ["sg-0123456789abcdef0"],
        "PreferredBackupWindow": "02:00-03:00", "PreferredMaintenanceWindow": "sun:03:30-sun:04:30",
        "Tags": [{"Key": "Project", "Value": "shop"}, {"Key": "Environment", "Value": "production"}],
    }  # fmt: skip
    given |= more
    if "MasterUserPassword" in given:
        del given["ManageMasterUserPassword"]
    rds.create_db_instance(**given)


GROUP = f"{NAME}-postgres17"


def run(account: Endpoint, inventory: Path, playbook: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Without the web host: what AWS is asked for needs none."""
    return account.playbook(playbook, inventory, "--limit", NAME, *words)


def said(done: subprocess.CompletedProcess[str]) -> str:
    """The output in one line."""
    return " ".join(done.stdout.split())


def instances(account: Endpoint) -> dict[str, dict[str, Any]]:
    found = account.client("rds").describe_db_instances()["DBInstances"]
    return {one["DBInstanceIdentifier"]: one for one in found}


def test_the_status_of_an_instance(account: Endpoint, inventory: Path) -> None:
    make(account)
    begun = len(account.calls())
    good = run(account, inventory, "database_status")
    assert good.returncode == 0, good.stdout + good.stderr
    assert re.search(rf"newest backup +rds:{NAME}-\S+, automated, \d+ s ago, 20 GB", good.stdout), good.stdout
    for word in ("back to ", "up to ", f"primary          {NAME}, available, PostgreSQL 17.4, db.t4g.small"):
        assert word in good.stdout
    compare("database_status", account.calls()[begun:], {})
    account.client("rds").stop_db_instance(DBInstanceIdentifier=NAME)
    stopped = run(account, inventory, "database_status", "-e", "aws_database_multi_az=true")
    assert stopped.returncode != 0
    assert f"{NAME}: It is stopped. playbooks/aws_power.yml -e power=running starts it." in said(stopped)
    assert [
        one for one in account.calls()[begun:] if one["writes"] and one["action"].startswith(("Create", "Modify"))
    ] == []


def test_a_snapshot_is_made_once(account: Endpoint, inventory: Path) -> None:
    make(account)
    rds = account.client("rds")
    before, begun = len(account.writes()), len(account.calls())
    checked = run(account, inventory, "database_backup", "--check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "A run would make the snapshot shop-production-" in said(checked)
    assert account.writes()[before:] == []
    done = run(account, inventory, "database_backup")
    assert done.returncode == 0, done.stdout + done.stderr
    manual = rds.describe_db_snapshots(DBInstanceIdentifier=NAME, SnapshotType="manual")["DBSnapshots"]
    assert [one["Status"] for one in manual] == ["available"]
    assert f"Made the snapshot {manual[0]['DBSnapshotIdentifier']} of {NAME}" in said(done)
    compare("database_backup", account.calls()[begun:], TAGS)


TAGS = {"rds:AddTagsToResource": "tags that go with what is made"}


def restore(account: Endpoint, inventory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    given = [part for word in words for part in (["-e", word] if "=" in word else [word])]
    return run(account, inventory, "database_restore", *given)


def test_an_instance_is_restored_in_the_place_of_the_live_one(account: Endpoint, inventory: Path) -> None:
    """And a look beside it before, and what was live removed afterwards. One test, as the steps build on each other."""
    make(account, MultiAZ=True)
    rds = account.client("rds")
    first = instances(account)[NAME]
    before, begun = len(account.writes()), len(account.calls())
    checked = restore(account, inventory, "restore_to=latest", "--check")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"rename {NAME} to {NAME}-before" in said(checked)
    assert account.writes()[before:] == []

    looked = restore(account, inventory, f"restore_backup={newest(account)}", "restore_as=scratch")
    assert looked.returncode == 0, looked.stdout + looked.stderr
    scratch = instances(account)[f"{NAME}-scratch"]
    assert (scratch["MultiAZ"], scratch["DeletionProtection"], scratch["BackupRetentionPeriod"]) == (False, False, 0)
    assert f"It is at {scratch['Endpoint']['Address']}:5432" in said(looked)
    assert instances(account)[NAME]["DbiResourceId"] == first["DbiResourceId"]
    removed = restore(account, inventory, "restore_remove=scratch")
    assert removed.returncode == 0, removed.stdout + removed.stderr
    assert set(instances(account)) == {NAME}

    done = restore(account, inventory, "restore_to=latest", f"confirm={NAME}")
    assert done.returncode == 0, done.stdout + done.stderr
    found = instances(account)
    assert set(found) == {NAME, f"{NAME}-before"}
    live = found[NAME]
    assert live["DbiResourceId"] != first["DbiResourceId"] == found[f"{NAME}-before"]["DbiResourceId"]
    for key in (
        "MultiAZ", "DBInstanceClass", "StorageEncrypted", "BackupRetentionPeriod", "DeletionProtection", "VpcSecurityGroups",
        "PreferredBackupWindow", "PreferredMaintenanceWindow", "MasterUsername", "Endpoint",
    ):  # fmt: skip
        assert live[key] == first[key], key
    assert [one["DBParameterGroupName"] for one in live["DBParameterGroups"]] == [GROUP]
    assert live["MasterUserSecret"]["SecretArn"] != first["MasterUserSecret"]["SecretArn"]
    assert {one["Key"]: one["Value"] for one in live["TagList"]} == {
        "Project": "shop", "Environment": "production", "Name": NAME, "RestoredTo": "latest",
    }  # fmt: skip
    assert "playbooks/database_restore.yml -e restore_remove=before. No web host took part: run site.yml" in said(done)

    # The same again has nothing left to do.
    before = len(account.writes())
    again = restore(account, inventory, "restore_to=latest", f"confirm={NAME}")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "is restored to latest already" in said(again)
    assert account.writes()[before:] == []

    gone = restore(account, inventory, "restore_remove=before")
    assert gone.returncode == 0, gone.stdout + gone.stderr
    assert set(instances(account)) == {NAME}
    kept = [one["DBSnapshotIdentifier"] for one in rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]]
    assert [one for one in kept if one.startswith(f"{NAME}-before-final-")] == kept
    assert len(kept) == 1
    compare("database_restore", account.calls()[begun:], TAGS_OF_RESTORE)


# Rights that AWS asks for beside those of a call.
TAGS_OF_RESTORE = {
    "kms:CreateGrant": "the secret that RDS keeps",
    "kms:DescribeKey": "the secret that RDS keeps",
    "rds:CreateDBSnapshot": "the last snapshot of an instance that is deleted",
    "secretsmanager:CreateSecret": "the secret that RDS keeps",
    "secretsmanager:TagResource": "the secret that RDS keeps",
}


def newest(account: Endpoint) -> str:
    """The newest automated snapshot of the live instance."""
    found = account.client("rds").describe_db_snapshots(DBInstanceIdentifier=NAME, SnapshotType="automated")[
        "DBSnapshots"
    ]
    return str(max(found, key=lambda one: one["SnapshotCreateTime"])["DBSnapshotIdentifier"])


def test_an_instance_fails_over_and_a_replica_takes_its_place(account: Endpoint, inventory: Path) -> None:
    """One test, as the steps build on each other."""
    make(account, MultiAZ=True, MasterUserPassword="master-password-of-a-test")
    rds = account.client("rds")
    first = instances(account)[NAME]
    begun = len(account.calls())
    done = run(account, inventory, "database_promote", "-e", f"to={NAME}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{NAME} serves from {first['SecondaryAvailabilityZone']}. Its endpoint is the same." in said(done)
    rds.create_db_instance_read_replica(DBInstanceIdentifier="shop-replica", SourceDBInstanceIdentifier=NAME)
    before = len(account.writes())
    lost = ["-e", "to=shop-replica", "-e", f"away={NAME}"]
    checked = run(account, inventory, "database_promote", "--check", *lost)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "promote the replica shop-replica" in said(checked)
    assert account.writes()[before:] == []
    # Cut after the live instance was set aside: the same command goes on, though there is no endpoint of its name.
    account.fault(service="rds", action="PromoteReadReplica", code="InvalidParameterValue", status=400)
    cut = run(account, inventory, "database_promote", *lost)
    assert cut.returncode != 0
    assert set(instances(account)) == {"shop-replica", f"{NAME}-before"}
    done = run(account, inventory, "database_promote", *lost)
    assert done.returncode == 0, done.stdout + done.stderr
    found = instances(account)
    assert set(found) == {NAME, f"{NAME}-before"}
    assert found[NAME]["DbiResourceId"] != first["DbiResourceId"]
    assert not found[NAME].get("ReadReplicaSourceDBInstanceIdentifier")
    # The replica is the test's own.
    calls = [one for one in account.calls()[begun:] if one["action"] != "CreateDBInstanceReadReplica"]
    compare("database_promote", calls, {})


def test_an_instance_is_upgraded_in_its_place(account: Endpoint, inventory: Path) -> None:
    make(account)
    before, begun = len(account.writes()), len(account.calls())
    checked = run(account, inventory, "database_upgrade", "--check", "-e", "to=18")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{NAME}: PostgreSQL 18.1, from 17.4" in said(checked)
    assert account.writes()[before:] == []
    for words, version, group in (("outage=true", "17.6", GROUP), ("to=18 outage=true", "18.1", f"{NAME}-postgres18")):
        done = run(account, inventory, "database_upgrade", "-e", words)
        assert done.returncode == 0, done.stdout + done.stderr
        live = instances(account)[NAME]
        assert (live["EngineVersion"], live["DBParameterGroups"][0]["DBParameterGroupName"]) == (version, group)
    set_by_us = account.client("rds").describe_db_parameters(DBParameterGroupName=f"{NAME}-postgres18")["Parameters"]
    assert [one["ParameterValue"] for one in set_by_us if one["ParameterName"] == "rds.logical_replication"] == ["1"]
    before = len(account.writes())
    again = run(account, inventory, "database_upgrade", "-e", "to=18 outage=true")
    assert again.returncode == 0, again.stdout + again.stderr
    assert f"{NAME} is PostgreSQL 18.1 already." in said(again)
    assert account.writes()[before:] == []
    compare("database_upgrade", account.calls()[begun:], TAGS)
