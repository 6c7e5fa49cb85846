#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Keep the live releases in a bucket of S3."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: release_publish
short_description: Keep the live releases in a bucket of S3
description:
  - Uploads the archives of a release and of its layer where the bucket has not the same, and then writes the manifest that says
    which release is live. A host that no controller ships to reads it there, and finds all that it names.
  - A release that is live in the bucket already costs one question.
  - Archives of releases that are neither live nor among the newest are removed with the next manifest.
  - Runs on the controller. Credentials come from the environment, as for the modules of C(amazon.aws).
options:
  bucket:
    description: Name of the bucket.
    type: str
    required: true
  kept:
    description: How many releases of an application stay in it, the live ones among them.
    type: int
    default: 5
  releases:
    description: The live releases.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the application.
        type: str
        required: true
      release:
        description: The release's id.
        type: str
        required: true
      version:
        description: What it was built of, a tag or a commit.
        type: str
        default: ""
      layer:
        description: Id of the layer with its packages; empty for a release that carries them itself.
        type: str
        default: ""
      python:
        description: Version of the hosts' Python, as V(3.13).
        type: str
        required: true
      platform:
        description: Platform of the hosts, as V(x86_64-manylinux_2_28).
        type: str
        required: true
      archive:
        description: Path of the release's archive on this machine; empty where it is not here.
        type: str
        default: ""
      layer_archive:
        description: Path of the layer's archive on this machine; empty where it is not here.
        type: str
        default: ""
      host:
        description: A host that serves it; it comes back in RV(lacking).
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
    description: In check mode the bucket is read alone.
"""

EXAMPLES = r"""
- name: Keep the live release in the bucket
  django_ec2.site.release_publish:
    bucket: shop-production-releases-123456789012
    releases:
      - name: shop
        release: 4be1d2c3a4f5
        layer: 77aa00bb11cc
        python: "3.13"
        platform: x86_64-manylinux_2_28
        archive: build/releases/shop/4be1d2c3a4f5.tar.gz
        layer_archive: build/releases/shop/layers/77aa00bb11cc.tar.gz
  delegate_to: localhost
"""

RETURN = r"""
moved:
  description: What became live in the bucket, application by application.
  returned: success
  type: list
  elements: str
  sample: ["shop: 4be1d2c3a4f5 -> 9f86d081884c"]
uploaded:
  description: Keys of the archives that were uploaded.
  returned: success
  type: list
  elements: str
removed:
  description: Keys of the archives that were removed.
  returned: success
  type: list
  elements: str
lacking:
  description: Releases of which an archive is neither in the bucket nor on this machine; their manifests are as they were.
  returned: success
  type: list
  elements: dict
"""

import contextlib

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule as AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.release.bucket import Bucket

# Without botocore, AnsibleAWSModule says so.
with contextlib.suppress(ImportError):
    from boto3.exceptions import S3UploadFailedError
    from botocore.exceptions import BotoCoreError, ClientError

REMEDY = (
    "The hosts serve their releases all the same; the bucket {bucket} does not have all of them. Look at the message, at release_bucket "
    "and at the rights of the controller (docs/aws.md), and run the same command again: it uploads what is missing, and switches nothing"
)


def main() -> None:
    """Entry point."""
    text = {"type": "str", "default": ""}
    required = {"type": "str", "required": True}
    module = AnsibleModule(
        argument_spec={
            "bucket": required,
            "kept": {"type": "int", "default": 5},
            "releases": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "name": required,
                    "release": required,
                    "version": text,
                    "layer": text,
                    "python": required,
                    "platform": required,
                    "archive": text,
                    "layer_archive": text,
                    "host": text,
                },
            },
        },
        supports_check_mode=True,
    )
    given = module.params
    bucket = Bucket(module.client("s3"), given["bucket"], module.check_mode)
    try:
        for release in given["releases"]:
            bucket.publish(release, given["kept"])
    except (BotoCoreError, ClientError, S3UploadFailedError, OSError) as error:
        module.fail_json_aws(error, msg=REMEDY.format(bucket=given["bucket"]))
    module.exit_json(
        changed=bool(bucket.moved or bucket.uploaded or bucket.removed),
        moved=bucket.moved,
        uploaded=bucket.uploaded,
        removed=bucket.removed,
        lacking=bucket.lacking,
    )


if __name__ == "__main__":
    main()
