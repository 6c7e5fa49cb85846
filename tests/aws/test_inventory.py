"""inventory/production as AWS answers it: which instances are hosts, in which groups, under which address."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.aws.conftest import Cloud


def launch(cloud: Cloud, name: str, role: str, environment: str = "production") -> dict[str, Any]:
    """Start an instance with the tags that the inventory reads."""
    wanted = {"Name": name, "Role": role, "Environment": environment}
    wanted |= {"Files": "fs-0123456789abcdef0"} if role == "web" else {}
    started = cloud.client("ec2").run_instances(
        ImageId="ami-12c6146b",
        MinCount=1,
        MaxCount=1,
        InstanceType="t3.small",
        TagSpecifications=[
            {"ResourceType": "instance", "Tags": [{"Key": key, "Value": value} for key, value in wanted.items()]}
        ],
    )
    return started["Instances"][0]


@pytest.fixture(scope="module")
def listed(cloud: Cloud) -> dict[str, Any]:
    """What ansible-inventory says of an account with instances of several kinds."""
    roles = {"web1": "web", "web2": "web", "db1": "database redis", "away": "web", "db2": "database"}
    instances = {name: launch(cloud, name, role) for name, role in roles.items()}
    cloud.client("ec2").stop_instances(InstanceIds=[instances[name]["InstanceId"] for name in ("away", "db2")])
    launch(cloud, "elsewhere", "web", environment="staging")
    done = cloud.ansible("ansible-inventory", "-i", "inventory/production", "--list")
    assert done.returncode == 0, done.stderr
    return {**json.loads(done.stdout), "instances": instances}


def plain(value: Any) -> Any:
    """A value without the mark that says that it came from outside."""
    return value["__ansible_unsafe"] if isinstance(value, dict) and "__ansible_unsafe" in value else value


def test_running_instances_of_the_environment_are_in_the_groups_of_their_tag(listed: dict[str, Any]) -> None:
    assert sorted(listed["web"]["hosts"]) == ["web1", "web2"]
    assert listed["redis"]["hosts"] == ["db1"]
    assert sorted(listed["_meta"]["hostvars"]) == ["db1", "db2", "web1", "web2"]


def test_a_database_host_that_is_stopped_is_not_forgotten(listed: dict[str, Any]) -> None:
    assert sorted(listed["database"]["hosts"]) == ["db1", "db2"]
    assert "instance_id" in listed["_meta"]["hostvars"]["db2"]


def test_hosts_are_reached_inside_the_vpc_and_get_the_environments_variables(listed: dict[str, Any]) -> None:
    web1 = {name: plain(value) for name, value in listed["_meta"]["hostvars"]["web1"].items()}
    assert web1["ansible_host"] == web1["private_address"] == listed["instances"]["web1"]["PrivateIpAddress"]
    assert web1["ansible_user"] == "admin"
    # group_vars/env_production has the last word over group_vars/all.
    assert web1["base_time_servers"] == ["169.254.169.123"]


def said(cloud: Cloud, host: str, preset: str, expression: str) -> str:
    """What a variable is on a host."""
    words = ("-e", f"aws_preset={preset}", "-m", "debug", "-a", f"msg='<{{{{ {expression} }}}}>'")
    done = cloud.ansible("ansible", host, "-i", "inventory/production", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return " ".join(done.stdout.split()).partition("<")[2].rpartition(">")[0]


def test_ssh_goes_over_the_endpoint_where_the_environment_has_one(cloud: Cloud, listed: dict[str, Any]) -> None:
    del listed
    over = said(cloud, "web1", "highly_available", "ansible_ssh_common_args")
    assert over.startswith("-o ")
    assert "tools/ec2_tunnel.py --region eu-central-1 --tag Project=django --tag Environment=production %h %p" in over
    assert said(cloud, "web1", "small", "ansible_ssh_common_args") == ""
    # The hosts' own firewalls let in its address, and not the operators.
    networks = "(network_site_flows | selectattr('name', 'eq', 'ssh') | first)['from'] | join(' ')"
    assert said(cloud, "web1", "highly_available", networks) == "10.20.128.0/20 10.20.144.0/20"
    assert said(cloud, "web1", "small", networks) == "operators"


def test_web_hosts_know_the_file_system_that_they_share(cloud: Cloud, listed: dict[str, Any]) -> None:
    del listed
    name = "fs-0123456789abcdef0.efs.eu-central-1.amazonaws.com"
    assert said(cloud, "web1", "small", "shared_files_server ~ ' ' ~ board_media_storage") == f"{name} shared"
    assert said(cloud, "db1", "single", "shared_files_server | default('none') ~ board_media_storage") == "none"


def test_the_database_on_rds_gives_its_endpoint_and_its_password(cloud: Cloud, listed: dict[str, Any]) -> None:
    """Nobody copies an endpoint. An instance of another environment is nobody's here."""
    del listed
    rds = cloud.client("rds")
    for name in ("django-production", "django-staging"):
        rds.create_db_instance(
            DBInstanceIdentifier=name, DBInstanceClass="db.t4g.small", Engine="postgres", AllocatedStorage=20,
            MasterUsername="owner", ManageMasterUserPassword=True, Tags=[{"Key": "Role", "Value": "rds"}],
        )  # fmt: skip
    made = rds.describe_db_instances(DBInstanceIdentifier="django-production")["DBInstances"][0]
    cloud.client("secretsmanager").put_secret_value(
        SecretId=made["MasterUserSecret"]["SecretArn"], SecretString='{"username": "owner", "password": "kept-by-rds"}'
    )
    names = (
        "groups.rds | join",
        "rds_client_host",
        "rds_client_port",
        "rds_client_master_user",
        "rds_client_master_password",
    )
    asked = " ".join("{{ " + name + " }}" for name in names)
    done = cloud.ansible("ansible", "web1", "-i", "inventory/production", "-m", "debug", "-a", f"msg='{asked}'")
    host, port = made["Endpoint"]["Address"], made["Endpoint"]["Port"]
    assert f"django-production {host} {port} owner kept-by-rds" in " ".join(done.stdout.split()), done.stdout
