"""The rehearsal's endpoint without hosts: what it adds to moto."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.ec2_host_keys import key_in
from botocore.exceptions import ClientError, ConnectionClosedError

from lab.kinds.aws import control
from tests.aws.rehearsal import Endpoint, an_account, until

DATABASE = {
    "DBInstanceIdentifier": "board",
    "DBInstanceClass": "db.t4g.micro",
    "Engine": "postgres",
    "MasterUsername": "board_admin",
}


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """An endpoint with no lab."""
    with an_account(tmp_path_factory) as made:
        yield made


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    """The code of an answer of AWS."""
    return error.value.response["Error"]["Code"]


def test_what_it_holds_survives_its_end(endpoint: Endpoint) -> None:
    """Also an end that nobody announced, and things that Python can't pickle: a key of KMS, a parameter of SSM."""
    ec2 = endpoint.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/24")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/26")["Subnet"]["SubnetId"]
    instance = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1, SubnetId=subnet)["Instances"][0]
    key = endpoint.client("kms").create_key()["KeyMetadata"]["KeyId"]
    endpoint.client("ssm").put_parameter(Name="/board/a", Value="b", Type="String")
    endpoint.client("acm").request_certificate(DomainName="example.org", ValidationMethod="DNS")
    s3 = endpoint.client("s3")
    s3.create_bucket(Bucket="board-releases", CreateBucketConfiguration={"LocationConstraint": control.REGION})
    s3.put_object(Bucket="board-releases", Key="a/b", Body=b"content")
    saved = (endpoint.home / "state").stat().st_mtime_ns if (endpoint.home / "state").exists() else 0
    endpoint.client("ec2").create_tags(Resources=[instance["InstanceId"]], Tags=[{"Key": "Name", "Value": "web1"}])
    until(lambda: (endpoint.home / "state").exists() and (endpoint.home / "state").stat().st_mtime_ns > saved)
    control.stop(endpoint.home)
    assert not control.healthy(endpoint.home)
    assert control.start_at(endpoint.home) == endpoint.variables
    # Killed while nothing was being written: the last state is whole.
    os.kill(int((endpoint.home / "pid").read_text()), signal.SIGKILL)
    until(lambda: not control.healthy(endpoint.home))
    control.start_at(endpoint.home)
    found = ec2.describe_instances(InstanceIds=[instance["InstanceId"]])["Reservations"][0]["Instances"][0]
    assert found["PrivateIpAddress"] == instance["PrivateIpAddress"]
    assert found["Tags"] == [{"Key": "Name", "Value": "web1"}]
    assert endpoint.client("kms").describe_key(KeyId=key)["KeyMetadata"]["KeyId"] == key
    assert endpoint.client("ssm").get_parameter(Name="/board/a")["Parameter"]["Value"] == "b"
    assert s3.get_object(Bucket="board-releases", Key="a/b")["Body"].read() == b"content"


def test_the_journal_has_each_call_and_whether_it_writes(endpoint: Endpoint) -> None:
    before = len(endpoint.calls())
    endpoint.client("ec2").describe_vpcs()
    endpoint.client("ec2").create_security_group(GroupName="web", Description="web")
    noted = [(one["service"], one["action"], one["writes"], one["status"]) for one in endpoint.calls()[before:]]
    assert noted == [("ec2", "DescribeVpcs", False, 200), ("ec2", "CreateSecurityGroup", True, 200)]


@pytest.mark.parametrize(
    ("service", "call", "code"),
    [("ec2", "describe_instances", "AuthFailure"), ("rds", "describe_db_instances", "InvalidClientTokenId")],
)
def test_an_access_key_that_the_account_does_not_know(endpoint: Endpoint, service: str, call: str, code: str) -> None:
    with pytest.raises(ClientError) as error:
        getattr(endpoint.client(service, key="AKIAIOSFODNN7EXAMPLE"), call)()
    assert code_of(error) == code


def test_access_keys_of_users_and_of_assumed_roles_are_known(endpoint: Endpoint) -> None:
    iam = endpoint.client("iam")
    iam.create_user(UserName="ci")
    user = iam.create_access_key(UserName="ci")["AccessKey"]
    endpoint.client("ec2", key=user["AccessKeyId"]).describe_vpcs()
    role = iam.create_role(RoleName="ci", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    assumed = endpoint.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    endpoint.client("ec2", key=assumed["AccessKeyId"], token=assumed["SessionToken"]).describe_vpcs()


@pytest.mark.parametrize("service", ["ec2", "s3", "ssm", "rds"])
def test_a_fault_that_was_asked_for_comes_once(endpoint: Endpoint, service: str) -> None:
    """Each service writes errors in a form of its own."""
    ask: dict[str, Any] = {
        "ec2": lambda: endpoint.client("ec2").describe_vpcs(),
        "s3": lambda: endpoint.client("s3").list_buckets(),
        "ssm": lambda: endpoint.client("ssm").describe_parameters(),
        "rds": lambda: endpoint.client("rds").describe_db_instances(),
    }
    endpoint.fault(service=service, code="AccessDenied", message="not you", status=403)
    with pytest.raises(ClientError, match="not you") as error:
        ask[service]()
    assert code_of(error) == "AccessDenied"
    ask[service]()


def test_an_answer_may_be_lost_and_a_token_makes_nothing_twice(endpoint: Endpoint) -> None:
    ec2 = endpoint.client("ec2")
    there = len(ec2.describe_vpcs()["Vpcs"])
    endpoint.fault(action="CreateVpc", lost=True)
    with pytest.raises(ConnectionClosedError):
        ec2.create_vpc(CidrBlock="10.8.0.0/24")
    vpcs = ec2.describe_vpcs()["Vpcs"]
    assert len(vpcs) == there + 1
    asked = {"VpcId": vpcs[-1]["VpcId"], "ClientToken": "once"}
    first, second = (ec2.create_route_table(**asked)["RouteTable"]["RouteTableId"] for _ in range(2))
    assert first == second != ec2.create_route_table(VpcId=asked["VpcId"])["RouteTable"]["RouteTableId"]


def test_an_instance_is_launched_anew_with_each_start(endpoint: Endpoint) -> None:
    ec2 = endpoint.client("ec2")
    name = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]

    def launched() -> Any:
        return ec2.describe_instances(InstanceIds=[name])["Reservations"][0]["Instances"][0]["LaunchTime"]

    first = launched()
    time.sleep(1.1)
    ec2.start_instances(InstanceIds=[name])
    assert launched() == first
    ec2.stop_instances(InstanceIds=[name])
    ec2.start_instances(InstanceIds=[name])
    assert launched() > first


def test_debians_images_are_there(endpoint: Endpoint) -> None:
    filters = [{"Name": "name", "Values": ["debian-13-*"]}, {"Name": "architecture", "Values": ["arm64"]}]
    images = endpoint.client("ec2").describe_images(Owners=["136693071363"], Filters=filters)["Images"]
    assert [image["Name"].split("-")[:3] for image in images] == [["debian", "13", "arm64"]]


def test_gp3_of_rds_answers_with_its_throughput(endpoint: Endpoint) -> None:
    rds = endpoint.client("rds")
    rds.create_db_instance(**DATABASE, AllocatedStorage=20, StorageType="gp3", MasterUserPassword="long-enough-1")
    small = rds.describe_db_instances(DBInstanceIdentifier="board")["DBInstances"][0]
    assert (small["Iops"], small["StorageThroughput"]) == (3000, 125)
    large = {"AllocatedStorage": 400, "Iops": 12000, "StorageThroughput": 600, "ApplyImmediately": True}
    rds.modify_db_instance(DBInstanceIdentifier="board", **large)
    assert rds.describe_db_instances(DBInstanceIdentifier="board")["DBInstances"][0]["StorageThroughput"] == 600


def test_a_parameter_group_that_is_not_there(endpoint: Endpoint) -> None:
    with pytest.raises(ClientError) as error:
        endpoint.client("rds").create_db_instance(
            **{**DATABASE, "DBInstanceIdentifier": "other"}, AllocatedStorage=20, MasterUserPassword="long-enough-1",
            DBParameterGroupName="nobody-made-it",
        )  # fmt: skip
    assert code_of(error) == "DBParameterGroupNotFound"
    with pytest.raises(ClientError) as error:
        endpoint.client("rds").describe_db_parameter_groups(DBParameterGroupName="nobody-made-it")
    assert code_of(error) == "DBParameterGroupNotFound"


def test_a_subnet_group_that_is_changed_stays(endpoint: Endpoint) -> None:
    """moto takes it away with that."""
    ec2, rds = endpoint.client("ec2"), endpoint.client("rds")
    vpc = ec2.create_vpc(CidrBlock="10.8.0.0/24")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.8.0.0/26")["Subnet"]["SubnetId"]
    group = {"DBSubnetGroupName": "changed", "SubnetIds": [subnet]}
    rds.create_db_subnet_group(**group, DBSubnetGroupDescription="first")
    rds.modify_db_subnet_group(**group, DBSubnetGroupDescription="second")
    (found,) = rds.describe_db_subnet_groups(DBSubnetGroupName="changed")["DBSubnetGroups"]
    assert found["DBSubnetGroupDescription"] == "second"


def test_a_new_parameter_group_has_parameters_and_takes_no_others(endpoint: Endpoint) -> None:
    rds = endpoint.client("rds")
    rds.create_db_parameter_group(DBParameterGroupName="own", DBParameterGroupFamily="postgres17", Description="own")
    found = {one["ParameterName"]: one for one in rds.describe_db_parameters(DBParameterGroupName="own")["Parameters"]}
    assert found["rds.logical_replication"]["ParameterValue"] == "0"
    assert found["rds.logical_replication"]["ApplyType"] == "static"
    family = rds.describe_engine_default_parameters(DBParameterGroupFamily="postgres17")["EngineDefaults"]
    assert {one["ParameterName"] for one in family["Parameters"]} == set(found)
    wrong = {"ParameterName": "work_men", "ParameterValue": "1", "ApplyMethod": "immediate"}
    with pytest.raises(ClientError, match="work_men"):
        rds.modify_db_parameter_group(DBParameterGroupName="own", Parameters=[wrong])


def test_versions_classes_and_quotas_can_be_asked(endpoint: Endpoint) -> None:
    rds = endpoint.client("rds")
    versions = rds.describe_db_engine_versions(Engine="postgres")["DBEngineVersions"]
    assert "17.6" in [one["EngineVersion"] for one in versions]
    options = rds.describe_orderable_db_instance_options(Engine="postgres", EngineVersion="17.6")
    assert "db.t4g.small" in [one["DBInstanceClass"] for one in options["OrderableDBInstanceOptions"]]
    quota = endpoint.client("service-quotas").get_service_quota(ServiceCode="ec2", QuotaCode="L-0263D0A3")
    assert quota["Quota"]["Value"] == 5


def test_a_balancer_says_what_it_does_with_invalid_headers(endpoint: Endpoint) -> None:
    ec2, elb = endpoint.client("ec2"), endpoint.client("elbv2")
    vpc = ec2.create_vpc(CidrBlock="10.8.0.0/24")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.8.0.{64 * number}/26", AvailabilityZone=f"{control.REGION}{zone}")
        for number, zone in enumerate("ab")
    ]
    made = elb.create_load_balancer(Name="board", Subnets=[one["Subnet"]["SubnetId"] for one in subnets])
    arn = made["LoadBalancers"][0]["LoadBalancerArn"]
    found = elb.describe_load_balancer_attributes(LoadBalancerArn=arn)["Attributes"]
    assert {"Key": "routing.http.drop_invalid_header_fields.enabled", "Value": "false"} in found
    assert {"Key": "access_logs.s3.enabled", "Value": "false"} in found
    allocation = ec2.allocate_address(Domain="vpc")["AllocationId"]
    tags = [{"ResourceType": "natgateway", "Tags": [{"Key": "Name", "Value": "board"}]}]
    ec2.create_nat_gateway(SubnetId=subnets[0]["Subnet"]["SubnetId"], AllocationId=allocation, TagSpecifications=tags)
    listed = ec2.describe_tags(Filters=[{"Name": "resource-type", "Values": ["natgateway"]}])["Tags"]
    assert [one["Value"] for one in listed] == ["board"]
    ec2.create_tags(Resources=[allocation], Tags=[{"Key": "Name", "Value": "address"}])
    listed = ec2.describe_tags(Filters=[{"Name": "resource-type", "Values": ["elastic-ip"]}])["Tags"]
    assert [one["Value"] for one in listed] == ["address"]


def test_flow_logs_go_into_a_directory_of_a_bucket(endpoint: Endpoint) -> None:
    ec2, s3 = endpoint.client("ec2"), endpoint.client("s3")
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/24")["Vpc"]["VpcId"]
    s3.create_bucket(Bucket="of-logs", CreateBucketConfiguration={"LocationConstraint": control.REGION})
    for bucket, problems in (("of-logs", 0), ("of-nobody", 1)):
        asked = ec2.create_flow_logs(
            ResourceType="VPC", ResourceIds=[vpc], TrafficType="ALL", LogDestinationType="s3",
            LogDestination=f"arn:aws:s3:::{bucket}/network/",
        )  # fmt: skip
        assert len(asked["Unsuccessful"]) == problems
    made = ec2.describe_flow_logs(Filters=[{"Name": "resource-id", "Values": [vpc]}])["FlowLogs"]
    assert [one["LogDestination"] for one in made] == ["arn:aws:s3:::of-logs/network/"]


def test_backups_and_throughput_of_a_file_system_can_be_changed(endpoint: Endpoint) -> None:
    efs = endpoint.client("efs")
    name = efs.create_file_system(CreationToken="here", Encrypted=True, Backup=False)["FileSystemId"]
    with pytest.raises(efs.exceptions.PolicyNotFound):
        efs.describe_backup_policy(FileSystemId=name)
    efs.put_backup_policy(FileSystemId=name, BackupPolicy={"Status": "ENABLED"})
    assert efs.describe_backup_policy(FileSystemId=name)["BackupPolicy"]["Status"] == "ENABLED"
    efs.update_file_system(FileSystemId=name, ThroughputMode="elastic")
    assert efs.describe_file_systems(FileSystemId=name)["FileSystems"][0]["ThroughputMode"] == "elastic"
    with pytest.raises(efs.exceptions.FileSystemNotFound):
        efs.update_file_system(FileSystemId="fs-0123456789abcdef0", ThroughputMode="elastic")


def test_a_console_shows_the_host_key(endpoint: Endpoint) -> None:
    ec2 = endpoint.client("ec2")
    instance = ec2.run_instances(ImageId="ami-12c6146b", MinCount=1, MaxCount=1)["Instances"][0]["InstanceId"]
    shown = ec2.get_console_output(InstanceId=instance)["Output"]
    assert key_in(shown).startswith("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI")


def test_it_ends_when_its_directory_is_gone(tmp_path: Path) -> None:
    """Whoever removes a lab by hand leaves no process."""
    home = tmp_path / "gone" / "aws"
    control.start_at(home)
    pid = int((home / "pid").read_text())
    home.rename(tmp_path / "elsewhere")
    until(lambda: not _lives(pid), 60)


def _lives(pid: int) -> bool:
    """Whether a process runs; one that ended and that nobody asked about doesn't."""
    try:
        return os.waitpid(pid, os.WNOHANG) == (0, 0)
    except ChildProcessError:
        return False
