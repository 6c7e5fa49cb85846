"""How SSH reaches hosts over an EC2 Instance Connect Endpoint: what is planned for it, and what ssh is told."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.filter.aws import aws_tunnel_arguments
from ansible_collections.django_ec2.site.plugins.module_utils import instance_connect

TAGS = {"Project": "shop", "Environment": "production"}
THERE = {
    "InstanceConnectEndpointId": "eice-1",
    "State": "create-complete",
    "SecurityGroupIds": ["sg-1"],
    "Tags": [{"Key": key, "Value": value} for key, value in {**TAGS, "Name": "shop-production"}.items()],
}


def plan(there: dict[str, Any] | None) -> list[instance_connect.Step]:
    return list(instance_connect.plan(there, "shop-production", TAGS, "subnet-a", ["sg-1"]))


def test_one_that_is_missing_is_made_and_one_that_is_right_is_left() -> None:
    (step,) = plan(None)
    assert (step.call, step.words["SubnetId"], step.words["PreserveClientIp"]) == (
        "create_instance_connect_endpoint",
        "subnet-a",
        False,
    )
    assert plan(THERE) == []


@pytest.mark.parametrize(
    ("there", "call"),
    [
        ({"Tags": []}, "create_tags"),
        ({"SecurityGroupIds": ["sg-1", "sg-2"]}, "modify_instance_connect_endpoint"),
    ],
)
def test_each_difference_is_one_call(there: dict[str, Any], call: str) -> None:
    assert [step.call for step in plan({**THERE, **there})] == [call]


class Client:
    """EC2 with one endpoint."""

    def __init__(self, state: str, message: str = "") -> None:
        self.one = {**THERE, "State": state, "StateMessage": message}

    def get_paginator(self, _operation: str) -> Client:
        return self

    def paginate(self, **_words: Any) -> list[dict[str, Any]]:
        return [{"InstanceConnectEndpoints": [self.one]}]


def test_one_that_failed_or_goes_is_told() -> None:
    assert instance_connect.find(Client("delete-complete"), "vpc-1") is None
    assert instance_connect.wait(Client("create-complete"), "vpc-1", 0) == "eice-1"
    for state, said in (
        ("create-failed", r"is create-failed \(no address left\): delete it"),
        ("delete-in-progress", "is being deleted: wait"),
    ):
        with pytest.raises(instance_connect.EndpointError, match=said):
            instance_connect.find(Client(state, "no address left"), "vpc-1")
    with pytest.raises(instance_connect.EndpointError, match="was not ready within 0 seconds"):
        instance_connect.wait(Client("create-in-progress"), "vpc-1", 0)


def test_ssh_gets_the_tool_as_its_proxy_command() -> None:
    flag, option = shlex.split(aws_tunnel_arguments("eu-central-1", {**TAGS, "Note": "50% of it"}))
    assert flag == "-o"
    name, _, command = option.partition("=")
    assert name == "ProxyCommand"
    words = shlex.split(command)
    assert (words[0], Path(words[1]).is_file(), words[-2:]) == (sys.executable, True, ["%h", "%p"])
    assert words[2:-2] == [
        "--region", "eu-central-1", "--tag", "Project=shop", "--tag", "Environment=production", "--tag", "Note=50%% of it",
    ]  # fmt: skip
