"""What the playbooks of AWS say when AWS refuses, is slow or is not there, and that the next run goes on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.aws import environments
from tests.aws.rehearsal import PUBLIC_KEY, WITHOUT_HOSTS, Endpoint, said
from tests.aws.test_resize import LARGER as WIDER
from tests.aws.test_resize import left_stopped

# The smallest environment: one host, one address, no bucket.
SETTINGS = {
    "aws_endpoint_is_a_test": True,
    "aws_fleet_buckets": {},
    "aws_fleet_logs": [],
    "aws_fleet_public_key": PUBLIC_KEY,
    "aws_fleet_wait_seconds": 60,
    "aws_network_nat": "one",
    "aws_preset": "single",
    "network_operators": ["203.0.113.0/24"],
}


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """inventory/production, without its hosts."""
    return environments.inventory(tmp_path_factory.mktemp("aws") / "inventory", SETTINGS)


UNREACHED = "AWS was not reached: look at the network and at aws_region, and run it again."
# How long boto3 waits for an answer.
READ_SECONDS = 60


def test_refused_credentials_are_told_before_anything_else(account: Endpoint, inventory: Path) -> None:
    done = account.playbook("aws_provision", inventory, AWS_ACCESS_KEY_ID="AKIANOBODYKNOWSTHIS0")
    assert done.returncode != 0
    assert "AWS does not take the credentials: give others by AWS_PROFILE" in said(done)


def test_a_missing_right_is_named_with_the_policy_that_has_it(account: Endpoint, inventory: Path) -> None:
    account.fault(
        action="CreateSubnet", code="UnauthorizedOperation", status=403, after=2,
        message="You are not authorized to perform this operation.",
    )  # fmt: skip
    done = account.playbook("aws_provision", inventory)
    assert done.returncode != 0
    assert "It stopped at 'Subnets | Make the subnets'" in said(done)
    assert "The credentials lack the right to CreateSubnet: docs/policies/aws_provision.json has all" in said(done)
    assert "What was done stays: the next run of playbooks/aws_provision.yml finds it, and goes on." in said(done)


@pytest.mark.aws
def test_a_run_says_what_stopped_it_and_the_next_one_goes_on(account: Endpoint, inventory: Path) -> None:
    """One fault after the other on the way to one environment. One test, as the steps build on each other."""

    def fails(*words: str, **fault: Any) -> None:
        account.fault(**fault)
        done = account.playbook("aws_provision", inventory)
        assert done.returncode != 0
        for one in (*words, "What was done stays: the next run of playbooks/aws_provision.yml finds it, and goes on."):
            assert one in said(done), done.stdout

    # A quota.
    fails(
        "It stopped at 'Make the VPC'", "A quota of the account is reached: raise it in Service Quotas",
        action="CreateVpc", code="VpcLimitExceeded", message="The maximum number of VPCs has been reached.",
    )  # fmt: skip
    # An answer that takes too long: the VPC is made all the same, and the next run finds it.
    fails(
        "It stopped at 'Make the VPC'", UNREACHED, "Read timeout on endpoint URL", action="CreateVpc", late=READ_SECONDS + 5,
    )  # fmt: skip
    # A run that ends between the address of a gateway and the gateway.
    fails(
        "It stopped at 'Subnets | Make the NAT gateways'", "A quota of the account is reached",
        action="CreateNatGateway", code="NatGatewayLimitExceeded", message="You have reached the limit of NAT gateways.",
    )  # fmt: skip
    # An instance that ends when it starts.
    fails(
        "It stopped at 'Instances | Refuse to go on without one that ended'",
        "is terminated: Client.VolumeLimitExceeded: Volume limit exceeded", "The next run starts another in its place",
        action="RunInstances", ends="Client.VolumeLimitExceeded: Volume limit exceeded",
    )  # fmt: skip
    # Throttled for a while: asked again, and not told.
    for action in ("AllocateAddress", "RunInstances"):
        account.fault(action=action, code="RequestLimitExceeded", status=503, times=3)
    done = account.playbook("aws_provision", inventory)
    assert done.returncode == 0, done.stdout + done.stderr

    ec2 = account.client("ec2")
    own = [{"Name": "tag:Environment", "Values": ["production"]}]
    assert len(ec2.describe_vpcs(Filters=own)["Vpcs"]) == 1
    assert len(ec2.describe_subnets(Filters=own)["Subnets"]) == 4
    alive = [*own, {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}]
    assert len(ec2.describe_instances(Filters=alive)["Reservations"]) == 1
    assert len(ec2.describe_nat_gateways()["NatGateways"]) == 1
    # The host's, and the gateway's.
    assert len(ec2.describe_addresses()["Addresses"]) == 2
    before = len(account.writes())
    again = account.playbook("aws_provision", inventory)
    assert re.search(r"^aws_account .* changed=0 .* failed=0 ", again.stdout, re.MULTILINE), again.stdout
    assert account.writes()[before:] == []


# Each makes something that a second call would make again, or be refused for.
MAKING = (
    "CreateVpc", "CreateSubnet", "CreateInternetGateway", "AllocateAddress", "CreateNatGateway", "CreateRouteTable",
    "CreateSecurityGroup", "RunInstances",
)  # fmt: skip


@pytest.mark.aws
def test_an_answer_that_is_lost_makes_no_twin(account: Endpoint, inventory: Path) -> None:
    """The call did what it was asked, and nobody heard of it. With a token it is asked again; without one the next run finds it."""
    for action in MAKING:
        account.fault(action=action, lost=True)
    stopped = []
    while (done := account.playbook("aws_provision", inventory)).returncode != 0:
        stopped.append(re.findall(r"It stopped at '([^']+)'", said(done)))
        # The module of security groups keeps AWS's words for the traceback.
        assert any(one in said(done) for one in (UNREACHED, "ANSIBLE_DISPLAY_TRACEBACK=error")), done.stdout
        assert len(stopped) <= len(MAKING), stopped
    # Those that AWS knows by their token did not stop it.
    assert [one for found in stopped for one in found] == [
        "Make the VPC", "Subnets | Make the subnets", "Subnets | Make the internet gateway",
        "Subnets | Give those that are missing an address", "Security groups | Make those that are missing",
    ]  # fmt: skip
    assert environments.twins(account) == []
    again = account.playbook("aws_provision", inventory)
    assert environments.changed(again) == 0, again.stdout


# Each playbook of an environment that is there, the call that is refused, and the task that makes it.
LATER = {
    "aws_scale": ("RunInstances", "Instances | Make them what the settings say", ("-e", "aws_web_count=3")),
    "aws_resize": ("ModifyInstanceAttribute", "Resize | Change its type", WIDER),
    "aws_power": ("StopInstances", "Power | Make all of them so at once", ("-e", "power=stopped")),
    "aws_image": ("CreateImage", "Image | Copy the disk of the host, which goes on serving", ()),
    "aws_terminate": ("TerminateInstances", "Absent | Take everything of the environment away", ("-e", f"confirm={environments.NAME}")),
}  # fmt: skip
# By the playbook that starts an instance: how, the task that tells of one that ended, and what is to be done.
STARTING = {
    "aws_scale": ("RunInstances", "Instances | Refuse to go on without one that ended", "starts another in its place"),
    "aws_resize": (
        "StartInstances",
        "Resize | Refuse to go on with one that does not",
        "It went back while it started",
    ),
    "aws_image": ("RunInstances", "Image | Refuse to wait for one that does not", "starts another in its place"),
}
ENDS = "Client.InternalError: Client error on launch"


@pytest.mark.aws
@pytest.mark.parametrize("playbook", LATER)
def test_each_playbook_says_what_stopped_it_and_goes_on(account: Endpoint, tmp_path: Path, playbook: str) -> None:
    """One fault after the other, and at the end a run that ends well. One test, as the environment is made for all of them."""
    action, task, words = LATER[playbook]
    # The endpoint's instances take no time; one that went back is waited for in vain.
    settings = {**environments.make_small(account), "aws_fleet_wait_seconds": 15}
    small = environments.inventory(tmp_path / "inventory", settings)
    if playbook == "aws_resize":
        left_stopped(account, "web2")
    before = len(account.writes())
    unknown = account.playbook(playbook, small, *words, AWS_ACCESS_KEY_ID="AKIANOBODYKNOWSTHIS0")
    assert "AWS does not take the credentials: give others by AWS_PROFILE" in said(unknown), unknown.stdout
    nowhere = account.playbook(playbook, small, *words, AWS_ENDPOINT_URL="http://127.0.0.1:9")
    assert UNREACHED in said(nowhere), nowhere.stdout
    assert account.writes()[before:] == []

    account.fault(action=action, code="UnauthorizedOperation", status=403, message="You are not authorized.")
    # Some modules keep AWS's words for the traceback.
    traced = {"ANSIBLE_DISPLAY_TRACEBACK": "error"} if playbook in ("aws_resize", "aws_image") else {}
    denied = account.playbook(playbook, small, *words, **traced)
    told = said(denied)
    assert f"It stopped at '{task}'" in told, told
    assert f"The credentials lack the right to {action}: docs/policies/{playbook}.json has all" in told
    assert f"the next run of playbooks/{playbook}.yml finds it, and goes on." in told
    if playbook in STARTING:
        starting, teller, remedy = STARTING[playbook]
        account.fault(action=starting, ends=ENDS)
        told = said(account.playbook(playbook, small, *words))
        assert f"It stopped at '{teller}'" in told, told
        assert ENDS in told
        assert remedy in told

    # Throttled for a while: asked again, and not told.
    account.fault(action=action, code="RequestLimitExceeded", status=503)
    # And an answer is lost: asked again, AWS finds it done. Of an image it says that the name is taken, and the run would end.
    if playbook != "aws_image":
        account.fault(action=action, lost=True)
    done = account.playbook(playbook, small, *words)
    assert done.returncode == 0 or WITHOUT_HOSTS in said(done), done.stdout + done.stderr
    assert "throttle" not in said(done)
    assert environments.twins(account) == []
