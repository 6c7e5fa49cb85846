"""What playbooks/aws_terminate.yml takes away: everything of one environment, and nothing of another. Asks the endpoint by boto3."""

from __future__ import annotations

import functools
import itertools
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils import aws_terminate
from ansible_collections.django_ec2.site.plugins.module_utils.aws_terminate.database import DatabaseError
from ansible_collections.django_ec2.site.plugins.plugin_utils.aws.policies import instance_policy
from botocore.exceptions import ClientError, ConnectionClosedError

from lab.kinds.aws import control
from tests.aws.policies import compare
from tests.aws.rehearsal import PUBLIC_KEY, Endpoint, an_account

POLICY = json.dumps(instance_policy(["web"], {"media": "shop-media"}, "aws", ""))
ZONES = [f"{control.REGION}a", f"{control.REGION}b"]


@pytest.fixture
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """An empty account."""
    with an_account(tmp_path_factory) as made:
        yield made


# Rights that AWS asks for beside those of a call, and those of what this environment does not have.
WITHOUT_CALL = {
    "sts:GetCallerIdentity": "the role asks it for the buckets' names",
    "logs:DeleteLogDelivery": "flow logs into a bucket",
    "ec2:CreateTags": "tags of a snapshot that is made",
    "ec2:DeleteNetworkInterface": "the interface of a mount target",
    "iam:DetachRolePolicy": "a policy that somebody attached by hand",
    "rds:AddTagsToResource": "tags that go to the last snapshot",
    "rds:CreateDBSnapshot": "the last snapshot of an instance that is deleted",
}


def tags(name: str) -> dict[str, str]:
    project, _, environment = name.partition("-")
    return {"Project": project, "Environment": environment}


def listed(name: str, **more: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in {**tags(name), **more}.items()]


def scope(endpoint: Endpoint, name: str) -> aws_terminate.Scope:
    return aws_terminate.Scope(
        clients=endpoint.client, name=name, tags=tags(name), buckets=[f"{name}-backups", f"{name}-media"],
        domains=[f"{name}.example.org"], zone="example.org", seconds=60,
    )  # fmt: skip


def terminate(endpoint: Endpoint, name: str) -> aws_terminate.Scope:
    own = scope(endpoint, name)
    aws_terminate.remove(own, aws_terminate.find(own))
    return own


def left(endpoint: Endpoint, name: str) -> list[str]:
    return [str(thing) for _, things in aws_terminate.find(scope(endpoint, name)) for thing in things]


def build(endpoint: Endpoint, name: str, number: int) -> dict[str, Any]:
    """An environment with one of each kind of thing, as the roles make it."""
    ec2, elb, rds = endpoint.client("ec2"), endpoint.client("elbv2"), endpoint.client("rds")

    def tagged(kind: str, **more: str) -> list[dict[str, Any]]:
        return [{"ResourceType": kind, "Tags": listed(name, **more)}]

    vpc = ec2.create_vpc(CidrBlock=f"10.{number}.0.0/16", TagSpecifications=tagged("vpc"))["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.{number}.{at}.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
        for at, zone in enumerate(ZONES)
    ]
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
    ec2.create_nat_gateway(SubnetId=subnets[0], AllocationId=ec2.allocate_address(Domain="vpc")["AllocationId"])
    table = ec2.create_route_table(VpcId=vpc)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=subnets[0])
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)
    groups = [
        ec2.create_security_group(GroupName=f"{name}-{one}", Description=one, VpcId=vpc)["GroupId"]
        for one in ("web", "database")
    ]
    for one, other in itertools.permutations(groups):
        rule = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [{"GroupId": other}]}
        ec2.authorize_security_group_ingress(GroupId=one, IpPermissions=[rule])
    hosts = {
        host: ec2.run_instances(
            ImageId="ami-12c6146b", MinCount=1, MaxCount=1, SubnetId=subnets[0], SecurityGroupIds=groups[:1],
            DisableApiTermination=True, TagSpecifications=tagged("instance", Name=host, Role=role),
        )["Instances"][0]["InstanceId"]
        for host, role in (("web1", "web"), ("db1", "database"))
    }  # fmt: skip
    image = ec2.create_image(InstanceId=hosts["web1"], Name=f"{name}-web-1")["ImageId"]
    ec2.create_tags(Resources=[image], Tags=listed(name))
    copied = ec2.create_image(InstanceId=hosts["web1"], Name=f"{name}-source-1")["ImageId"]
    ec2.create_tags(Resources=[copied], Tags=[{"Key": "ImageOf", "Value": name}])
    ec2.run_instances(
        ImageId=copied, MinCount=1, MaxCount=1, SubnetId=subnets[0],
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "ImageOf", "Value": name}]}],
    )  # fmt: skip
    ec2.create_launch_template(
        LaunchTemplateName=f"{name}-web", LaunchTemplateData={"ImageId": image, "InstanceType": "t3.small"},
        TagSpecifications=tagged("launch-template"),
    )  # fmt: skip
    endpoint.client("autoscaling").create_auto_scaling_group(
        AutoScalingGroupName=f"{name}-web", LaunchTemplate={"LaunchTemplateName": f"{name}-web", "Version": "1"}, MinSize=1,
        MaxSize=2, VPCZoneIdentifier=subnets[0], Tags=listed(name),
    )  # fmt: skip
    ec2.allocate_address(Domain="vpc", TagSpecifications=tagged("elastic-ip"))
    ec2.import_key_pair(KeyName=name, PublicKeyMaterial=PUBLIC_KEY.encode())
    balancer = elb.create_load_balancer(Name=name, Subnets=subnets, Tags=listed(name))["LoadBalancers"][0]
    elb.modify_load_balancer_attributes(
        LoadBalancerArn=balancer["LoadBalancerArn"],
        Attributes=[{"Key": "deletion_protection.enabled", "Value": "true"}],
    )
    elb.create_target_group(Name=f"{name}-web", Protocol="HTTP", Port=80, VpcId=vpc, Tags=listed(name))
    endpoint.client("cloudwatch").put_metric_alarm(
        AlarmName=f"{name}-web1-status", MetricName="StatusCheckFailed", Namespace="AWS/EC2", Statistic="Maximum",
        Dimensions=[{"Name": "InstanceId", "Value": hosts["web1"]}], Period=60, EvaluationPeriods=3, Threshold=1.0,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
    )  # fmt: skip
    rds.create_db_subnet_group(DBSubnetGroupName=name, DBSubnetGroupDescription=name, SubnetIds=subnets)
    group = f"{name}-postgres17"
    rds.create_db_parameter_group(DBParameterGroupName=group, DBParameterGroupFamily="postgres17", Description=name)
    rds.create_db_instance(
        DBInstanceIdentifier=name, DBInstanceClass="db.t4g.small", Engine="postgres", AllocatedStorage=20,
        MasterUsername="postgres", MasterUserPassword="long-enough-1", DBSubnetGroupName=name,
        DBParameterGroupName=group, DeletionProtection=True,
    )  # fmt: skip
    ec2.create_instance_connect_endpoint(
        SubnetId=subnets[0], SecurityGroupIds=groups[:1], TagSpecifications=tagged("instance-connect-endpoint")
    )
    efs = endpoint.client("efs")
    there = efs.describe_file_systems(CreationToken=name)["FileSystems"]
    made = there[0] if there else efs.create_file_system(CreationToken=name, Encrypted=True, Tags=listed(name))
    for subnet in subnets:
        efs.create_mount_target(FileSystemId=made["FileSystemId"], SubnetId=subnet, SecurityGroups=groups[:1])
    iam = endpoint.client("iam")
    iam.create_role(RoleName=f"{name}-web", AssumeRolePolicyDocument="{}", Tags=listed(name))
    iam.put_role_policy(RoleName=f"{name}-web", PolicyName="hosts", PolicyDocument=POLICY)
    iam.create_instance_profile(InstanceProfileName=f"{name}-web")
    iam.add_role_to_instance_profile(InstanceProfileName=f"{name}-web", RoleName=f"{name}-web")
    s3 = endpoint.client("s3")
    s3.create_bucket(Bucket=f"{name}-logs", CreateBucketConfiguration={"LocationConstraint": control.REGION})
    ec2.create_flow_logs(
        ResourceType="VPC", ResourceIds=[vpc], TrafficType="ALL", LogDestinationType="s3",
        LogDestination=f"arn:aws:s3:::{name}-logs/network/", TagSpecifications=tagged("vpc-flow-log"),
    )  # fmt: skip
    for bucket in ("backups", "media"):
        where = {"LocationConstraint": control.REGION}
        s3.create_bucket(Bucket=f"{name}-{bucket}", CreateBucketConfiguration=where)
    s3.put_object(Bucket=f"{name}-backups", Key="a", Body=b"data")
    lead(endpoint, name, balancer["DNSName"], balancer["CanonicalHostedZoneId"])
    return {"hosts": hosts, "vpc": vpc}


@functools.cache
def zone_of(endpoint: Endpoint) -> str:
    made = endpoint.client("route53").create_hosted_zone(Name="example.org", CallerReference="test")
    return str(made["HostedZone"]["Id"])


def lead(endpoint: Endpoint, name: str, balancer: str, zone: str) -> None:
    """The domain's record."""
    alias = {"DNSName": f"dualstack.{balancer}.", "HostedZoneId": zone, "EvaluateTargetHealth": False}
    record = {"Name": f"{name}.example.org", "Type": "A", "AliasTarget": alias}
    endpoint.client("route53").change_resource_record_sets(
        HostedZoneId=zone_of(endpoint), ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]}
    )


def records(endpoint: Endpoint) -> list[str]:
    found = endpoint.client("route53").list_resource_record_sets(HostedZoneId=zone_of(endpoint))
    return [one["Name"] for one in found["ResourceRecordSets"] if one["Type"] == "A"]


def test_everything_of_one_environment_goes_and_nothing_of_another(endpoint: Endpoint) -> None:
    """The other one's name begins as the first one's."""
    build(endpoint, "shop-staging", 20)
    build(endpoint, "shop-staging-eu", 21)
    others = left(endpoint, "shop-staging-eu")
    before, begun = len(endpoint.writes()), len(endpoint.calls())
    assert len(left(endpoint, "shop-staging")) > 15
    assert endpoint.writes()[before:] == []
    own = terminate(endpoint, "shop-staging")
    compare("aws_terminate", endpoint.calls()[begun:], WITHOUT_CALL)
    assert left(endpoint, "shop-staging") == []
    assert left(endpoint, "shop-staging-eu") == others
    assert records(endpoint) == ["shop-staging-eu.example.org."]
    assert any("bucket shop-staging-backups" in one for one in own.kept)
    buckets = [one["Name"] for one in endpoint.client("s3").list_buckets()["Buckets"]]
    assert "shop-staging-backups" in buckets
    assert "shop-staging-media" not in buckets
    # The file system stays with what it has, and without what holds the network.
    efs = endpoint.client("efs")
    stays = efs.describe_file_systems(CreationToken="shop-staging")["FileSystems"][0]
    assert stays["NumberOfMountTargets"] == 0
    assert f"file system {stays['FileSystemId']} with the uploads and private data of shop-staging" in own.kept
    snapshots = [one["DBSnapshotIdentifier"] for one in endpoint.client("rds").describe_db_snapshots()["DBSnapshots"]]
    assert [one.rpartition("-")[0] for one in snapshots if "-final-" in one] == ["shop-staging-final"]
    assert [names(one) for one in final_snapshots(endpoint)] == ["shop-staging-db1-final"]
    # A second run finds nothing, and changes nothing.
    before = len(endpoint.writes())
    terminate(endpoint, "shop-staging")
    assert endpoint.writes()[before:] == []


def names(one: dict[str, Any]) -> str:
    return next(tag["Value"] for tag in one["Tags"] if tag["Key"] == "Name")


def final_snapshots(endpoint: Endpoint) -> list[dict[str, Any]]:
    filters = [{"Name": "tag:Final", "Values": ["true"]}]
    return list(endpoint.client("ec2").describe_snapshots(OwnerIds=["self"], Filters=filters)["Snapshots"])


def test_a_run_that_was_cut_is_gone_on_with(endpoint: Endpoint) -> None:
    """At each kind of call that writes, once: the next run ends the work, and no snapshot has a twin."""
    build(endpoint, "shop-staging", 20)
    cuts = [
        ("autoscaling", "DeleteAutoScalingGroup"), ("ec2", "DeleteLaunchTemplate"),
        ("route53", "ChangeResourceRecordSets"), ("elasticloadbalancing", "DeleteLoadBalancer"),
        ("ec2", "TerminateInstances"), ("rds", "DeleteDBInstance"),
        ("elasticfilesystem", "DeleteMountTarget"), ("ec2", "DeleteInstanceConnectEndpoint"), ("ec2", "DeleteNatGateway"),
        ("ec2", "DeleteSecurityGroup"), ("ec2", "DeleteSubnet"), ("iam", "DeleteRole"),
    ]  # fmt: skip
    for service, action in cuts:
        endpoint.fault(service=service, action=action, code="RequestLimitExceeded", status=503)
        with pytest.raises(Exception, match="RequestLimitExceeded"):
            terminate(endpoint, "shop-staging")
    terminate(endpoint, "shop-staging")
    assert left(endpoint, "shop-staging") == []
    assert len(final_snapshots(endpoint)) == 1


# Each takes something away, or keeps a last copy of it.
TAKING = (
    "ChangeResourceRecordSets", "DeleteLoadBalancer", "StopInstances", "CreateSnapshot", "TerminateInstances", "DeleteDBInstance",
    "DeleteNatGateway", "ReleaseAddress", "DeleteSecurityGroup", "DeleteRouteTable", "DeleteSubnet", "DeleteVpc", "DeleteRole",
    "DeleteKeyPair", "DeleteMountTarget", "DeleteInstanceConnectEndpoint",
)  # fmt: skip


def test_an_answer_that_is_lost_makes_no_twin_and_the_next_run_names_what_stays(endpoint: Endpoint) -> None:
    build(endpoint, "shop-staging", 20)
    for action in TAKING:
        endpoint.fault(action=action, lost=True)
    lost = []
    while True:
        try:
            own = terminate(endpoint, "shop-staging")
            break
        except ConnectionClosedError:
            lost.append(endpoint.calls()[-1]["action"])
            assert len(lost) <= len(TAKING), lost
    assert sorted(lost) == sorted(TAKING)
    assert left(endpoint, "shop-staging") == []
    (disk,) = final_snapshots(endpoint)
    (database,) = endpoint.client("rds").describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
    (files,) = endpoint.client("efs").describe_file_systems()["FileSystems"]
    assert own.kept == [
        f"snapshot shop-staging-db1-final ({disk['SnapshotId']})",
        f"snapshot {database['DBSnapshotIdentifier']} of the database shop-staging",
        f"file system {files['FileSystemId']} with the uploads and private data of shop-staging",
        "bucket shop-staging-backups, which has data",
    ]


def test_a_host_that_was_started_again_gets_another_last_snapshot(endpoint: Endpoint) -> None:
    """A run was cut after the first; what was written since is not in that, which stays, too."""
    hosts = build(endpoint, "shop-staging", 20)["hosts"]
    endpoint.fault(action="TerminateInstances", code="UnauthorizedOperation", status=403)
    with pytest.raises(ClientError, match="UnauthorizedOperation"):
        terminate(endpoint, "shop-staging")
    assert len(final_snapshots(endpoint)) == 1
    time.sleep(1.1)
    endpoint.client("ec2").start_instances(InstanceIds=[hosts["db1"]])
    own = terminate(endpoint, "shop-staging")
    ids = [one["SnapshotId"] for one in final_snapshots(endpoint)]
    assert len(ids) == 2
    assert {f"snapshot shop-staging-db1-final ({one})" for one in ids} < set(own.kept)


def test_what_a_restore_left_beside_the_database_goes_too(endpoint: Endpoint) -> None:
    """With a last snapshot of what was live before, and none of a copy for a look; another's stays."""
    build(endpoint, "shop-staging", 20)
    for name in ("shop-staging-before", "shop-staging-scratch", "shop-staging-eu"):
        endpoint.client("rds").create_db_instance(
            DBInstanceIdentifier=name, DBInstanceClass="db.t4g.small", Engine="postgres", AllocatedStorage=20,
            MasterUsername="postgres", MasterUserPassword="long-enough-1",
        )  # fmt: skip
    terminate(endpoint, "shop-staging")
    rds = endpoint.client("rds")
    assert [one["DBInstanceIdentifier"] for one in rds.describe_db_instances()["DBInstances"]] == ["shop-staging-eu"]
    kept = [one["DBSnapshotIdentifier"] for one in rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]]
    assert sorted(one.rpartition("-")[0] for one in kept) == ["shop-staging-before-final", "shop-staging-final"]


def test_a_stopped_database_is_refused_with_what_to_do(endpoint: Endpoint) -> None:
    build(endpoint, "shop-staging", 20)
    endpoint.client("rds").stop_db_instance(DBInstanceIdentifier="shop-staging")
    with pytest.raises(DatabaseError, match="-e power=running"):
        terminate(endpoint, "shop-staging")
    assert "database shop-staging" in left(endpoint, "shop-staging")
