#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Set parameters of a parameter group of RDS."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: rds_parameters
short_description: Set parameters of a parameter group of RDS
description:
  - Brings the named parameters of a group to their values. Other parameters are left alone.
  - M(amazon.aws.rds_instance_param_group) reports no change of a parameter in check mode, and gives all of them one time to apply, which
    RDS refuses for static ones. This module says what it would change, and applies dynamic parameters at once and static ones with the
    next restart.
options:
  group:
    description: Name of the parameter group.
    type: str
    required: true
  parameters:
    description: Values by name.
    type: dict
    required: true
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: In check mode nothing is changed. A group that is not there yet has nothing to compare.
  diff_mode:
    support: full
    description: Shows the values that differ.
"""

EXAMPLES = r"""
- name: Refuse connections without TLS
  django_ec2.site.rds_parameters:
    group: shop-production-postgres17
    parameters:
      rds.force_ssl: 1
"""

RETURN = r"""
restart:
  description: Names of the parameters that were set now and hold after a restart of the instance.
  type: list
  elements: str
  returned: always
"""

import contextlib

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule as AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils import rds_parameters

# Without botocore, AnsibleAWSModule says so.
with contextlib.suppress(ImportError):
    from botocore.exceptions import BotoCoreError, ClientError


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={"group": {"type": "str", "required": True}, "parameters": {"type": "dict", "required": True}},
        supports_check_mode=True,
    )
    group, client = module.params["group"], module.client("rds")
    try:
        pages = client.get_paginator("describe_db_parameters").paginate(DBParameterGroupName=group)
        known = [one for page in pages for one in page["Parameters"]]
    except (BotoCoreError, ClientError) as error:
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
        if module.check_mode and code == "DBParameterGroupNotFound":
            module.exit_json(changed=True, restart=[])
        module.fail_json_aws(error, msg=f"The parameters of {group} could not be read")
    try:
        changes = rds_parameters.plan(known, module.params["parameters"])
    except rds_parameters.ParameterError as error:
        module.fail_json(msg=f"{group}: {error}.")
    try:
        for part in [] if module.check_mode else rds_parameters.parts(changes):
            client.modify_db_parameter_group(DBParameterGroupName=group, Parameters=part)
    except (BotoCoreError, ClientError) as error:
        module.fail_json_aws(error, msg=f"The parameters of {group} could not be set")
    before = {one["ParameterName"]: one.get("ParameterValue") for one in known}
    names = [one["ParameterName"] for one in changes]
    module.exit_json(
        changed=bool(changes),
        restart=[one["ParameterName"] for one in changes if one["ApplyMethod"] == "pending-reboot"],
        diff={
            "before": {name: before[name] for name in names},
            "after": {one["ParameterName"]: one["ParameterValue"] for one in changes},
        },
    )


if __name__ == "__main__":
    main()
