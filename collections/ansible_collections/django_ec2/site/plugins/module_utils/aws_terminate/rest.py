# SPDX-License-Identifier: MIT
"""What is outside of the network: roles, the key pair, buckets."""

from __future__ import annotations

import contextlib

from ansible_collections.django_ec2.site.plugins.module_utils.aws_terminate.scope import Scope, Step, Thing

# Without botocore, AnsibleAWSModule says so.
with contextlib.suppress(ImportError):
    from botocore.exceptions import ClientError


def find_roles(scope: Scope) -> list[Thing]:
    """Roles of its hosts, by name and tags: another environment's name may begin as this one's."""
    names = [
        one["RoleName"]
        for one in scope.pages("iam", "list_roles", "Roles")
        if one["RoleName"].startswith(f"{scope.name}-")
    ]
    client = scope.client("iam")
    return [Thing("role", name, name) for name in names if scope.owns(client.list_role_tags(RoleName=name)["Tags"])]


def remove_roles(scope: Scope, things: list[Thing]) -> None:
    """With their instance profiles and policies."""
    client = scope.client("iam")
    for one in things:
        for profile in client.list_instance_profiles_for_role(RoleName=one.id)["InstanceProfiles"]:
            name = profile["InstanceProfileName"]
            client.remove_role_from_instance_profile(InstanceProfileName=name, RoleName=one.id)
            client.delete_instance_profile(InstanceProfileName=name)
        for policy in client.list_role_policies(RoleName=one.id)["PolicyNames"]:
            client.delete_role_policy(RoleName=one.id, PolicyName=policy)
        for attached in client.list_attached_role_policies(RoleName=one.id)["AttachedPolicies"]:
            client.detach_role_policy(RoleName=one.id, PolicyArn=attached["PolicyArn"])
        client.delete_role(RoleName=one.id)


def find_keys(scope: Scope) -> list[Thing]:
    """The controller's public key."""
    filters = [{"Name": "key-name", "Values": [scope.name]}]
    listed = scope.client("ec2").describe_key_pairs(Filters=filters)["KeyPairs"]
    return [Thing("key pair", one["KeyName"], one["KeyName"]) for one in listed]


def remove_keys(scope: Scope, things: list[Thing]) -> None:
    """The private half is not AWS's."""
    for one in things:
        scope.client("ec2").delete_key_pair(KeyName=one.id)


def find_buckets(scope: Scope) -> list[Thing]:
    """Buckets without an object or an old version of one; those with data stay."""
    client, empty = scope.client("s3"), []
    there = {one["Name"] for one in client.list_buckets()["Buckets"]} & set(scope.buckets)
    for bucket in sorted(there):
        listed = client.list_object_versions(Bucket=bucket, MaxKeys=1)
        if listed.get("Versions") or listed.get("DeleteMarkers"):
            scope.keep(f"bucket {bucket}, which has data")
        else:
            empty.append(Thing("bucket", bucket, bucket))
    return empty


def remove_buckets(scope: Scope, things: list[Thing]) -> None:
    """Empty ones. AWS refuses one that got an object meanwhile, and it stays."""
    for one in things:
        try:
            scope.client("s3").delete_bucket(Bucket=one.id)
        except ClientError as error:
            if error.response["Error"]["Code"] != "BucketNotEmpty":
                raise
            scope.keep(f"bucket {one.id}, which has data")


STEPS = (Step(find_roles, remove_roles), Step(find_keys, remove_keys), Step(find_buckets, remove_buckets))
