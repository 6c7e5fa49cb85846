"""What AWS said, and what to do about it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils import aws_failures
from botocore.exceptions import ClientError, ConnectionClosedError

END = "What was done stays: the next run of playbooks/aws_provision.yml finds it, and goes on."


def refused(code: str, operation: str = "RunInstances") -> dict[str, Any]:
    return {
        "failed": True,
        "msg": f"Failed to do it: An error occurred ({code}) when calling the {operation} operation: no",
    }


def explain(result: dict[str, Any], **more: Any) -> str:
    return aws_failures.explain(result, "Make it", "aws_provision", **more)


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("RequestLimitExceeded", "AWS throttles the account's calls"),
        ("Throttling", "AWS throttles the account's calls"),
        ("VpcLimitExceeded", "A quota of the account is reached"),
        ("Client.VolumeLimitExceeded", "A quota of the account is reached"),
        ("DBInstanceQuotaExceededFault", "A quota of the account is reached"),
        ("TooManyLoadBalancers", "A quota of the account is reached"),
        ("InsufficientInstanceCapacity", "AWS has none of this kind to give in this zone now"),
        ("InsufficientDBInstanceCapacity", "AWS has none of this kind to give in this zone now"),
        ("AuthFailure", "AWS does not take the credentials"),
        ("InternalError", "AWS itself failed"),
    ],
)
def test_a_code_has_its_remedy(code: str, remedy: str) -> None:
    said = explain(refused(code))
    assert said.startswith("It stopped at 'Make it': Failed to do it: An error occurred")
    assert remedy in said
    assert said.endswith(END)


def test_a_missing_right_names_the_operation_and_the_policy() -> None:
    said = explain(refused("AccessDenied", "CreateBucket"))
    assert "lack the right to CreateBucket: docs/policies/aws_provision.json" in said


def test_of_a_loop_the_item_that_failed_counts() -> None:
    result = {
        "msg": "One or more items failed",
        "results": [{"failed": False, "msg": "fine"}, refused("UnauthorizedOperation")],
    }
    assert "lack the right to RunInstances" in explain(result)


@pytest.mark.parametrize(
    "said",
    [
        'Could not connect to the endpoint URL: "https://ec2.eu-central-1.amazonaws.com/"',
        'Read timeout on endpoint URL: "https://ec2.eu-central-1.amazonaws.com/"',
        'Connect timeout on endpoint URL: "https://ec2.eu-central-1.amazonaws.com/"',
    ],
)
def test_what_botocore_says_itself(said: str) -> None:
    assert "AWS was not reached" in explain({"failed": True, "msg": f"Failed to describe VPCs: {said}"})


def test_what_a_module_keeps_for_the_traceback_is_told_where_there_is_one() -> None:
    result = {"failed": True, "msg": "Failed to create image"}
    assert aws_failures.UNSAID in explain(result)
    kept = "Traceback …\nbotocore.exceptions.ClientError: An error occurred (AccessDenied) when calling the CreateImage operation: no"
    said = explain({**result, "exception": kept})
    assert "AWS answered CreateImage with AccessDenied. The credentials lack the right to CreateImage" in said
    assert aws_failures.UNSAID not in said


def test_what_a_module_has_said_is_not_said_twice() -> None:
    error = ClientError({"Error": {"Code": "Throttling", "Message": "slow"}}, "DescribeTargetHealth")
    remedy = aws_failures.remedy_of(error)
    assert remedy.startswith("AWS throttles")
    assert aws_failures.remedy_of(ConnectionClosedError(endpoint_url="https://elb")).startswith("AWS was not reached")
    assert explain({"failed": True, "msg": f"It could not be asked. {remedy}: {error}"}).count("AWS throttles") == 1


def test_retries_that_ended_are_throttling_too() -> None:
    words = "An error occurred (ThrottlingException) (reached max retries: 4) when calling the DescribeAlarms operation: slow"
    assert "AWS throttles" in explain({"failed": True, "msg": words})


def instance(state: str, **more: Any) -> dict[str, Any]:
    return {"instance_id": "i-2", "state": {"name": state}, "tags": {"Name": "web1"}, **more}


def test_an_instance_that_ended_is_told_with_awss_reason() -> None:
    reason = {"code": "Client.VolumeLimitExceeded", "message": "Volume limit exceeded"}
    said = aws_failures.unlike([instance("running"), instance("terminated", state_reason=reason)], "running")
    assert len(said) == 1
    assert said[0].startswith(
        "web1 (i-2) is terminated: Volume limit exceeded (Client.VolumeLimitExceeded). The next run starts another"
    )


def test_an_instance_that_stops_again_is_told_with_what_it_may_be() -> None:
    assert aws_failures.unlike([instance("stopped")], "running") == [f"web1 (i-2) is stopped. {aws_failures.WENT_BACK}"]


def test_an_instance_that_is_slow_is_told_with_what_to_look_at() -> None:
    assert aws_failures.unlike([instance("stopping")], "stopped") == [f"web1 (i-2) is stopping. {aws_failures.SLOW}"]
    assert aws_failures.unlike([instance("stopped")], "stopped") == []


def test_what_is_not_awss_is_said_as_it_is() -> None:
    assert explain({"failed": True, "msg": "RDS has no instance shop: make it."}) == (
        f"It stopped at 'Make it': RDS has no instance shop: make it. {END}"
    )


def test_a_module_that_does_not_say_why_is_asked_for_its_traceback() -> None:
    said = explain({"failed": True, "msg": "Unable to create security group: Failed to create security group"})
    assert "ANSIBLE_DISPLAY_TRACEBACK=error" in said
