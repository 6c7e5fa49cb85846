# SPDX-License-Identifier: MIT
"""Rights on AWS as policies: what a host may do, and who may read a bucket."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

VERSION = "2012-10-17"
# What each group of hosts needs of each bucket.
BUCKET_RIGHTS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "web": {"media": ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"), "releases": ("s3:GetObject",)},
    "database": {"backups": ("s3:GetObject", "s3:PutObject", "s3:DeleteObject")},
    "backup": {"backups": ("s3:GetObject", "s3:PutObject", "s3:DeleteObject")},
}
# The directory of each kind of log in the bucket of logs.
LOGS = {"balancer": "balancer/", "buckets": "buckets/", "network": "network/"}


def instance_policy(groups: Iterable[str], buckets: Mapping[str, str], partition: str, database: str) -> dict[str, Any]:
    """What the hosts of these groups may do: their own objects in the environment's buckets, and nothing else.

    Args:
        groups: of the inventory.
        buckets: full names by what they are for.
        partition: of AWS, as ``aws``.
        database: the ARN of the users of an instance of RDS that take tokens (``rds-db``); empty where they log in by password.
    """
    rights: dict[str, set[str]] = {}
    for group in groups:
        for bucket, actions in BUCKET_RIGHTS.get(group, {}).items():
            if bucket in buckets:
                rights.setdefault(bucket, set()).update(actions)
    statements: list[dict[str, Any]] = []
    for bucket in sorted(rights):
        arn = f"arn:{partition}:s3:::{buckets[bucket]}"
        statements += [
            {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": [arn]},
            {"Effect": "Allow", "Action": sorted(rights[bucket]), "Resource": [f"{arn}/*"]},
        ]
    if database and "web" in groups:
        statements.append({"Effect": "Allow", "Action": ["rds-db:connect"], "Resource": [database]})
    return {"Version": VERSION, "Statement": statements}


def bucket_policy(bucket: str, partition: str, logs_of: str = "") -> dict[str, Any]:
    """Nobody reads or writes a bucket without TLS.

    Args:
        bucket: its name.
        partition: of AWS, as ``aws``.
        logs_of: number of the account whose logs AWS writes into it; empty for a bucket without logs.
    """
    arn = f"arn:{partition}:s3:::{bucket}"
    return {"Version": VERSION, "Statement": [*(_log_writers(arn, logs_of) if logs_of else []), _tls_only(arn)]}


def _log_writers(arn: str, account: str) -> list[dict[str, Any]]:
    """The services of AWS that write logs, each into a directory of its own, and for this account alone."""
    from_here = {"StringEquals": {"aws:SourceAccount": account}}

    def writes(sid: str, service: str, where: str, **condition: Any) -> dict[str, Any]:
        return {
            "Sid": sid, "Effect": "Allow", "Principal": {"Service": service}, "Action": ["s3:PutObject"],
            "Resource": f"{arn}/{where}", **({"Condition": condition} if condition else {}),
        }  # fmt: skip

    flows = {"StringEquals": {**from_here["StringEquals"], "s3:x-amz-acl": "bucket-owner-full-control"}}
    return [
        writes("Buckets", "logging.s3.amazonaws.com", f"{LOGS['buckets']}*", **from_here),
        writes("Balancer", "logdelivery.elasticloadbalancing.amazonaws.com", f"{LOGS['balancer']}AWSLogs/{account}/*"),
        # The names that AWS looks for before it writes statements of its own into the policy.
        writes("AWSLogDeliveryWrite", "delivery.logs.amazonaws.com", f"{LOGS['network']}AWSLogs/{account}/*", **flows),
        {
            "Sid": "AWSLogDeliveryAclCheck", "Effect": "Allow", "Principal": {"Service": "delivery.logs.amazonaws.com"},
            "Action": ["s3:GetBucketAcl"], "Resource": arn, "Condition": from_here,
        },
    ]  # fmt: skip


def _tls_only(arn: str) -> dict[str, Any]:
    return {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
