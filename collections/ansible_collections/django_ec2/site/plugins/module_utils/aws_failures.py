# SPDX-License-Identifier: MIT
"""Why AWS did not do what it was asked, and what to do about it. No call to AWS."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

DENIED = (
    "AccessDenied",
    "AccessDeniedException",
    "UnauthorizedOperation",
)
THROTTLED = (
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "PriorRequestNotComplete",
    "SlowDown",
    "TooManyRequestsException",
)
CAPACITY = (
    "InsufficientInstanceCapacity",
    "InsufficientHostCapacity",
    "InsufficientCapacity",
    "InsufficientDBInstanceCapacity",
    "InsufficientFreeAddressesInSubnet",
    "StorageTypeNotSupported",
    "Unsupported",
)
UNREACHED = (
    "EndpointConnectionError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ConnectionClosedError",
)
WRONG_KEY = (
    "AuthFailure",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
    "InvalidAccessKeyId",
)
NO_KEY = ("NoCredentialsError", "PartialCredentialsError", "ProfileNotFound")
BROKEN = ("InternalError", "InternalFailure", "ServiceUnavailable", "Unavailable")
# VpcLimitExceeded, VcpuLimitExceeded, InstanceQuotaExceeded, DBInstanceQuotaExceeded, TooManyLoadBalancers, TooManyBuckets.
QUOTA = re.compile(r"\w*(Limit|Quota)\w*Exceeded\w*|TooMany\w+|LimitExceeded\w*")

REMEDIES = (
    (
        WRONG_KEY,
        "AWS does not take the credentials: give others by AWS_PROFILE, the environment or an instance role, or log in again.",
    ),
    (
        NO_KEY,
        "There are no credentials of AWS: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or use an instance role.",
    ),
    (DENIED, "The credentials lack a right: docs/aws.md says what each playbook needs."),
    (THROTTLED, "AWS throttles the account's calls: run it again in a minute, and not two at once."),
    (
        CAPACITY,
        "AWS has none of this kind to give in this zone now: wait and run it again, or take another type or subnet for the host in "
        "aws_fleet_hosts (another class in aws_database_class).",
    ),
    (
        UNREACHED,
        "AWS was not reached: look at the network and at aws_region, and run it again.",
    ),
    (BROKEN, "AWS itself failed: see its health dashboard, and run it again."),
)
ENDED = (
    "The next run starts another in its place, once the cause is gone: a type or an image that do not fit, a key of KMS that may not be "
    "used, a quota of volumes."
)
WENT_BACK = (
    "It went back while it started. The next run starts it again, once the cause is gone: a key of KMS of its disk that may not be used, "
    "no capacity."
)
SLOW = "See what its console says, and run it again: AWS may have been slow."
A_QUOTA = "A quota of the account is reached: raise it in Service Quotas, or remove what is not used, and run it again."
# Some modules of amazon.aws, as those of security groups and images, keep AWS's answer for the traceback. Those of this product end with a
# full stop.
UNSAID = "If that does not say why, run it again with ANSIBLE_DISPLAY_TRACEBACK=error: this message then says what AWS answered, too."

# What botocore's exceptions of its own say; those of AWS carry their code.
SAID = (
    (re.compile(r"Could not connect to the endpoint URL"), "EndpointConnectionError"),
    (re.compile(r"Connect timeout on endpoint URL"), "ConnectTimeoutError"),
    (re.compile(r"Read timeout on endpoint URL"), "ReadTimeoutError"),
    (re.compile(r"Connection was closed before we received a valid response"), "ConnectionClosedError"),
    (re.compile(r"Unable to locate credentials"), "NoCredentialsError"),
    (re.compile(r"Partial credentials found"), "PartialCredentialsError"),
    (re.compile(r"The config profile \(.*\) could not be found"), "ProfileNotFound"),
)
REFUSED = re.compile(
    r"An error occurred \(([\w.]+)\)(?: \(reached max retries: \d+\))? when calling the (\w+) operation"
)


def remedy(code: str) -> str:
    """What to do about an error with this code; empty where nobody knows."""
    # `Client.InstanceLimitExceeded`: EC2 writes who is to blame before some.
    short = code.rpartition(".")[2]
    found = next((words for codes, words in REMEDIES if short in codes), "")
    return found or (A_QUOTA if QUOTA.fullmatch(short) else "")


def remedy_of(error: Any) -> str:
    """What to do about an exception of botocore; empty where nobody knows."""
    answer = getattr(error, "response", None) or {}
    return remedy(str(answer.get("Error", {}).get("Code") or type(error).__name__))


def read(result: Mapping[str, Any]) -> tuple[str, str, str]:
    """Code, operation and words of what a module said when it failed; code and operation are empty where AWS was not asked.

    Args:
        result: of the task. Of a loop, the first item that failed counts.
    """
    failed = next(_failed(result), result)
    words = " ".join(str(failed.get("msg") or "").split())
    # The traceback, where somebody asked for it, has what some modules keep for it.
    whole = f"{words} {failed.get('exception') or ''}"
    refused = REFUSED.search(whole)
    code = refused[1] if refused else next((name for said, name in SAID if said.search(whole)), "")
    error = failed.get("error")
    if not code and isinstance(error, Mapping):
        code = str(error.get("code") or "")
    return code, refused[2] if refused else "", words


def _failed(result: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for one in result.get("results") or []:
        if one.get("failed"):
            yield one


def unlike(instances: Iterable[Mapping[str, Any]], state: str) -> list[str]:
    """The instances that did not come to a state, each with AWS's reason and what to do.

    ``amazon.aws.ec2_instance`` waits for them, warns, and ends well; what it returns of one that was there is from before.

    Args:
        instances: as ``amazon.aws.ec2_instance_info`` gives them.
        state: in which they should be, as ``running``.
    """
    return [_told(one, state) for one in instances if one["state"]["name"] != state]


def _told(instance: Mapping[str, Any], wanted: str) -> str:
    state, reason = instance["state"]["name"], instance.get("state_reason") or {}
    name = (instance.get("tags") or {}).get("Name", "")
    said = f"{name} ({instance['instance_id']}) is {state}"
    if reason.get("message"):
        said += f": {reason['message']} ({reason.get('code')})"
    if state in ("terminated", "shutting-down"):
        return f"{said}. {ENDED}"
    return f"{said}. {WENT_BACK if wanted == 'running' and state in ('stopped', 'stopping') else SLOW}"


def explain(result: Mapping[str, Any], task: str, playbook: str) -> str:
    """Where a playbook stopped, why, and what to do about it.

    Args:
        result: of the task that failed.
        task: its name.
        playbook: its name, which the policy has, too.
    """
    code, operation, words = read(result)
    said = [f"It stopped at '{task}': {words.rstrip('.')}."]
    if operation and operation not in words:
        said.append(f"AWS answered {operation} with {code}.")
    if operation and code.rpartition(".")[2] in DENIED:
        said.append(
            f"The credentials lack the right to {operation}: docs/policies/{playbook}.json has all that this playbook needs. If it is "
            "in it, a boundary or a policy of the organisation denies it."
        )
    elif (known := remedy(code)) not in words:
        said.append(known)
    if not code and not words.endswith("."):
        said.append(UNSAID)
    said.append(f"What was done stays: the next run of playbooks/{playbook}.yml finds it, and goes on.")
    return " ".join(one for one in said if one)
