"""An auto-scaling group of the rehearsal, with hosts: instances that no run configures serve what was deployed after their image."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.aws.rehearsal import until
from tests.scenarios.aws_environment import DOMAIN, Site, Visitors, changes, environment_of
from tests.scenarios.labs import PROJECT

GROUP = {"min": 1, "max": 3, "cpu_percent": 60}
# An instance that starts while everything else is at work.
SECONDS = 900


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """A lab of its own."""
    with environment_of("aws_group") as made:
        yield made


class Group:
    """The group of the environment."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.name = "django-lab-aws-web"

    @property
    def scaling(self) -> Any:
        """A client."""
        return self.site.endpoint.client("autoscaling")

    def instances(self) -> list[str]:
        """Ids of those in service."""
        groups = self.scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[self.name])["AutoScalingGroups"]
        return [
            one["InstanceId"] for group in groups for one in group["Instances"] if one["LifecycleState"] == "InService"
        ]

    def on(self, instance: str, script: str) -> str:
        """What a script says on an instance."""
        return self.site.podman.script(f"{self.site.settings.name}-{instance}", script).stdout.strip()

    def live(self) -> list[str]:
        """The release that each of them serves."""
        script = "basename $(readlink -f /srv/board/live/release)"
        return [self.on(one, script) for one in self.instances()]

    def health(self) -> dict[str, str]:
        """The state of each target by instance."""
        elb = self.site.endpoint.client("elbv2")
        arn = elb.describe_target_groups()["TargetGroups"][0]["TargetGroupArn"]
        listed = elb.describe_target_health(TargetGroupArn=arn)["TargetHealthDescriptions"]
        return {one["Target"]["Id"]: one["TargetHealth"]["State"] for one in listed}

    def serve(self, number: int) -> bool:
        """Whether so many of them serve."""
        found = self.health()
        return [found.get(one) for one in self.instances()] == ["healthy"] * number


def edition(place: Path, number: int) -> str:
    """The sample application with another front page."""
    shutil.copytree(PROJECT / "django_app", place / f"edition-{number}", ignore=shutil.ignore_patterns("__pycache__"))
    (place / f"edition-{number}" / "EDITION").write_text(f"{number}\n")
    return str(place / f"edition-{number}")


@pytest.mark.aws
def test_instances_that_nobody_configures_follow_the_bucket(site: Site, tmp_path: Path) -> None:
    """One test, as its steps build on each other."""
    settings = {"aws_web_autoscaling": GROUP}
    site.lab("up")
    site.playbook("site.yml", "-e", json.dumps(settings))
    site.playbook("playbooks/aws_image.yml", "-e", json.dumps(settings))
    (image,) = site.endpoint.client("ec2").describe_images(Owners=["self"])["Images"]
    tags = {tag["Key"]: tag["Value"] for tag in image["Tags"]}
    assert (tags["Follows"], tags["Release"]) == ("bucket", f"board={site.live('web2')}")
    baked = site.published()
    settings["aws_fleet_image"] = image["ImageId"]
    group = Group(site)

    with Visitors(site) as visitors:
        deploy(site, settings, edition(tmp_path, 1))
        newer = site.published()
        assert newer != baked
        site.playbook("playbooks/aws_provision.yml", "-e", json.dumps(settings))
        until(lambda: group.serve(1), SECONDS)
        # What was deployed after the image, and nobody ever got the other one: nginx waited.
        assert group.live() == [newer]
        (first,) = group.instances()
        assert f"board: {baked} -> {newer} in " in group.on(first, "journalctl --unit release-follow --output cat")
        order = "systemctl show --value --property ActiveEnterTimestampMonotonic nginx; "
        order += "systemctl show --value --property ExecMainExitTimestampMonotonic release-follow"
        assert group.on(first, "systemctl is-active nginx release-follow.timer").split() == ["active", "active"], order
        it_serves_alone(site, group, first)
        before = site.writes()
        assert changes(site.playbook("playbooks/aws_provision.yml", "-e", json.dumps(settings))) == {}
        assert site.writes() == before

        # One goes and another one starts; what is deployed meanwhile reaches both, and the hosts of the inventory.
        group.scaling.terminate_instance_in_auto_scaling_group(InstanceId=first, ShouldDecrementDesiredCapacity=False)
        deploy(site, settings, edition(tmp_path, 2))
        newest = site.published()
        assert newest not in (baked, newer)
        until(lambda: group.serve(1) and group.instances() != [first] and group.live() == [newest], SECONDS)
        assert site.live("web1") == newest
        until(lambda: visitors.answers > 50)
    assert visitors.failed == []
    assert first not in group.health()


def deploy(site: Site, settings: dict[str, Any], source: str) -> None:
    """A deploy to the hosts of the inventory."""
    site.playbook("playbooks/deploy.yml", "-e", json.dumps({**settings, "app": "board", "source": source}))


def it_serves_alone(site: Site, group: Group, instance: str) -> None:
    """Without the hosts of the inventory in the balancer, for as long as it takes to see a page."""
    elb = site.endpoint.client("elbv2")
    arn = elb.describe_target_groups()["TargetGroups"][0]["TargetGroupArn"]
    others = [{"Id": one, "Port": 80} for one in group.health() if one != instance]
    elb.deregister_targets(TargetGroupArn=arn, Targets=others)
    until(lambda: group.health() == {instance: "healthy"})
    status, page = site.get("/")
    assert (status, b"</html>" in page) == (200, True), DOMAIN
    elb.register_targets(TargetGroupArn=arn, Targets=others)
    until(lambda: set(group.health().values()) == {"healthy"} and len(group.health()) == 1 + len(others))
