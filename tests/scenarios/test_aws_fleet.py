"""The preset `small` of the rehearsal, for `make test-aws`: two web hosts behind a balancer, and the database on a third."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from lab.kinds.aws import control
from tests.aws.policies import compare
from tests.aws.rehearsal import until
from tests.scenarios.aws_environment import Site, Visitors, changes, environment_of


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A lab of its own."""
    with environment_of("aws_fleet") as made:
        yield made


@pytest.mark.aws
def test_a_fleet_is_made_once_and_serves_while_hosts_come_and_go(site: Site) -> None:
    """One test, as its steps build on each other."""
    site.lab("up")
    before = site.writes()
    assert changes(site.lab("up")) == {}
    assert site.writes() == before
    assert site.health() == ["healthy", "healthy"]
    assert site.published() == site.live("web1")
    a_host_leaves_and_comes_back(site)
    hosts_are_patched_and_rebooted(site)
    it_grows_and_shrinks(site)
    hosts_get_larger(site)
    an_image_serves_alone(site)


def a_host_leaves_and_comes_back(site: Site) -> None:
    """Drained, stopped, started and registered again, with visitors all the time; the endpoint is ended and started meanwhile."""
    ec2, elb = site.endpoint.client("ec2"), site.endpoint.client("elbv2")
    found = ec2.describe_instances(Filters=[{"Name": "tag:Name", "Values": ["web2"]}])["Reservations"][0]["Instances"]
    name, public = found[0]["InstanceId"], found[0]["PublicIpAddress"]
    group = elb.describe_target_groups()["TargetGroups"][0]["TargetGroupArn"]
    targets = [{"Id": name, "Port": 80}]

    def instance() -> dict[str, str]:
        one = ec2.describe_instances(InstanceIds=[name])["Reservations"][0]["Instances"][0]
        return {"state": one["State"]["Name"], "public": one.get("PublicIpAddress", "")}

    with Visitors(site) as visitors:
        elb.deregister_targets(TargetGroupArn=group, Targets=targets)
        assert sorted(site.health()) == ["draining", "healthy"]
        until(lambda: site.health() == ["healthy"])
        ec2.stop_instances(InstanceIds=[name])
        until(lambda: instance()["state"] == "stopped")
        control.stop(control.directory(site.settings))
        control.start(site.settings)
        ec2.start_instances(InstanceIds=[name])
        until(lambda: instance()["state"] == "running")
        elb.register_targets(TargetGroupArn=group, Targets=targets)
        until(lambda: site.health() == ["healthy", "healthy"])
        until(lambda: visitors.answers > 20)
    assert visitors.failed == []
    assert instance()["public"] != public


def hosts_are_patched_and_rebooted(site: Site) -> None:
    """One after the other, out of the balancer; nothing is left to do, and a check writes nothing."""
    words = ("playbooks/patch.yml", "--limit", "web1,web2")
    before = site.writes()
    told = site.playbook(*words, "-e", "reboot=always", "--check")
    assert "visitors see nothing of it, it leaves the balancer first" in " ".join(told.split())
    assert site.writes() == before
    begun = len(site.endpoint.calls())
    with Visitors(site) as visitors:
        told = site.playbook(*words, "-e", "reboot=always")
        until(lambda: visitors.answers > 20)
    assert visitors.failed == []
    assert {host: told.count(f"changed: [{host}]\n") > 1 for host in ("web1", "web2")} == {"web1": True, "web2": True}
    assert site.health() == ["healthy", "healthy"]
    # The inventory's calls are not the playbook's.
    calls = [one for one in site.endpoint.calls()[begun:] if one["service"] == "elasticloadbalancing"]
    compare("patch", calls, {})
    assert (
        site.writes()[len(before) :]
        == ["elasticloadbalancing:DeregisterTargets", "elasticloadbalancing:RegisterTargets"] * 2
    )
    assert changes(site.playbook(*words)) == {}


def an_image_serves_alone(site: Site) -> None:
    """An image of web2 is baked while it serves; what starts from it in its place, with its address, needs no run of Ansible."""
    ec2, elb = site.endpoint.client("ec2"), site.endpoint.client("elbv2")
    found = ec2.describe_instances(Filters=[{"Name": "tag:Name", "Values": ["web1", "web2"]}])["Reservations"]
    hosts = {
        tag["Value"]: one for each in found for one in each["Instances"] for tag in one["Tags"] if tag["Key"] == "Name"
    }
    before = site.secrets_of(hosts["web2"]["InstanceId"])

    told = site.playbook("playbooks/aws_image.yml")
    image = ec2.describe_images(Owners=["self"])["Images"]
    assert [{tag["Key"]: tag["Value"] for tag in one["Tags"]}["Release"] for one in image] == [
        f"board={site.live('web2')}"
    ]
    assert image[0]["ImageId"] in told
    assert site.health() == ["healthy", "healthy"]

    group = elb.describe_target_groups()["TargetGroups"][0]["TargetGroupArn"]
    elb.deregister_targets(TargetGroupArn=group, Targets=[{"Id": hosts["web2"]["InstanceId"], "Port": 80}])
    ec2.terminate_instances(InstanceIds=[hosts["web2"]["InstanceId"]])
    ec2.get_waiter("instance_terminated").wait(InstanceIds=[hosts["web2"]["InstanceId"]])
    made = ec2.run_instances(
        ImageId=image[0]["ImageId"], MinCount=1, MaxCount=1, SubnetId=hosts["web2"]["SubnetId"],
        PrivateIpAddress=hosts["web2"]["PrivateIpAddress"], KeyName=hosts["web2"]["KeyName"],
    )["Instances"][0]["InstanceId"]  # fmt: skip
    until(
        lambda: (
            ec2.describe_instances(InstanceIds=[made])["Reservations"][0]["Instances"][0]["State"]["Name"] == "running"
        )
    )
    elb.register_targets(TargetGroupArn=group, Targets=[{"Id": made, "Port": 80}])
    until(lambda: site.health() == ["healthy", "healthy"])
    elb.deregister_targets(TargetGroupArn=group, Targets=[{"Id": hosts["web1"]["InstanceId"], "Port": 80}])
    until(lambda: site.health() == ["healthy"])
    status, page = site.get("/")
    assert (status, b"</html>" in page) == (200, True)
    # Nothing by which it could pass for the host that it was made of.
    after = site.secrets_of(made)
    assert len(before) == len(after) == 2
    assert not set(before) & set(after)


def it_grows_and_shrinks(site: Site) -> None:
    """From two web hosts to four and back: new ones serve before they get visitors, and those that go finish what they have in hand."""
    with Visitors(site) as visitors:
        site.playbook("playbooks/aws_scale.yml", "-e", "web=4", "-e", "aws_web_count=4")
        assert site.health() == ["healthy"] * 4
        until(lambda: visitors.answers > 20)
        before = site.writes()
        assert changes(site.playbook("playbooks/aws_scale.yml", "-e", "aws_web_count=4")) == {}
        assert site.writes() == before
        site.playbook("playbooks/aws_scale.yml", "-e", "web=2")
        assert site.health() == ["healthy"] * 2
    assert visitors.failed == []


def hosts_get_larger(site: Site) -> None:
    """Web hosts under load, out of the balancer; the host of the database only when that is said, for then requests fail."""
    sizes = {"web": {"type": "t3.medium"}}
    web = ("playbooks/aws_resize.yml", "-e", json.dumps({"aws_sizes": sizes}))
    database = {**sizes, "database": {"type": "t3.large", "disk_gb": 80}}
    both = ("playbooks/aws_resize.yml", "-e", json.dumps({"aws_sizes": database}))
    before = site.writes()
    told = " ".join(site.playbook(*both, "--check").split())
    assert "web1: t3.small becomes t3.medium" in told
    assert "db1 has the primary: every request that asks the database fails while it is stopped" in told
    assert site.writes() == before
    with Visitors(site) as visitors:
        one_that_was_left_stopped_is_gone_on_with(site, web)
        told = site.playbook(*web)
        until(lambda: visitors.answers > 20)
    assert visitors.failed == []
    assert "Visitors see nothing of it." in told
    assert kinds(site) == {"web1": "t3.medium", "web2": "t3.medium", "db1": "t3.medium"}
    assert site.health() == ["healthy", "healthy"]
    site.playbook(*both, "-e", "outage=true")
    assert kinds(site)["db1"] == "t3.large"
    assert site.get("/")[0] == 200
    before = site.writes()
    site.playbook(*both)
    assert site.writes() == before


def one_that_was_left_stopped_is_gone_on_with(site: Site, words: tuple[str, ...]) -> None:
    """A run ends when it has stopped web2: it says why. The next one begins with that, for web1 can't leave the balancer before."""
    denied = {"code": "UnauthorizedOperation", "status": 403, "message": "You are not authorized."}
    site.endpoint.fault(action="ModifyInstanceAttribute", **denied)
    cut = site.attempt(*site.command(*words, "-e", "host=web2"))
    told = " ".join(cut.stdout.split())
    assert cut.returncode != 0, told
    assert "It stopped at 'Resize | Change its type'" in told, told
    assert "The credentials lack the right to ModifyInstanceAttribute: docs/policies/aws_resize.json has all" in told
    assert site.health() == ["healthy"]


def kinds(site: Site) -> dict[str, str]:
    """The type of each instance, none of which a run still changes."""
    found = site.endpoint.client("ec2").describe_instances()["Reservations"]
    tags = {
        one["InstanceId"]: {tag["Key"]: tag["Value"] for tag in one.get("Tags", [])}
        for each in found
        for one in each["Instances"]
        if one["State"]["Name"] == "running"
    }
    assert not [one for one in tags.values() if "Resizing" in one]
    types = {one["InstanceId"]: one["InstanceType"] for each in found for one in each["Instances"]}
    return {own["Name"]: types[name] for name, own in tags.items() if "Name" in own}
