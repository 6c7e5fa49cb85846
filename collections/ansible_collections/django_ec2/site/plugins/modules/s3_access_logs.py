#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Log the requests to a bucket into another one."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: s3_access_logs
short_description: Log the requests to a bucket into another one
description:
  - The bucket that takes the logs has a policy that lets C(logging.s3.amazonaws.com) write. C(community.aws.s3_logging) writes an ACL
    there, which a bucket without ACLs refuses.
  - Credentials come from the environment, as for the modules of C(amazon.aws).
options:
  bucket:
    description: The bucket.
    type: str
    required: true
  target:
    description: The bucket that takes the logs. Empty logs nothing.
    type: str
    required: true
  prefix:
    description: The directory there, as in C(buckets/).
    type: str
    default: ""
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: In check mode nothing is changed. A bucket that is not there yet counts as a change.
"""

EXAMPLES = r"""
- name: Log who reads the uploads
  django_ec2.site.s3_access_logs:
    bucket: shop-production-media-123456789012
    target: shop-production-logs-123456789012
    prefix: buckets/
"""

RETURN = r"""
before:
  description: Where requests were logged before; empty where they were not.
  type: str
  returned: always
"""

import contextlib

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule as AnsibleModule

# Without botocore, AnsibleAWSModule says so.
with contextlib.suppress(ImportError):
    from botocore.exceptions import BotoCoreError, ClientError


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "bucket": {"type": "str", "required": True},
            "target": {"type": "str", "required": True},
            "prefix": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    given, client = module.params, module.client("s3")
    wanted = {"TargetBucket": given["target"], "TargetPrefix": given["prefix"]} if given["target"] else {}
    try:
        found = client.get_bucket_logging(Bucket=given["bucket"]).get("LoggingEnabled", {})
        there = {key: found[key] for key in ("TargetBucket", "TargetPrefix") if key in found}
        changed = there != wanted
        if changed and not module.check_mode:
            status = {"LoggingEnabled": wanted} if wanted else {}
            client.put_bucket_logging(Bucket=given["bucket"], BucketLoggingStatus=status)
    except (BotoCoreError, ClientError) as error:
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
        if module.check_mode and code == "NoSuchBucket":
            module.exit_json(changed=bool(wanted), before="")
        module.fail_json_aws(error, msg=f"The requests to {given['bucket']} could not be logged")
    module.exit_json(changed=changed, before=there.get("TargetBucket", ""))


if __name__ == "__main__":
    main()
