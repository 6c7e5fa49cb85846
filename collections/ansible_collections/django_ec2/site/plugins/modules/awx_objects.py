#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Compare the objects of AWX with what the repository says: the documentation. plugins/action/awx_objects.py does it."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: awx_objects
short_description: Say what in AWX differs from the repository, by object and field
description:
  - Reads C(awx/objects/) and C(awx/settings.yml) of the product and of the operations repository, asks AWX, and tells what is missing,
    what differs and in which field, and what carries our mark though the repository no longer has it.
  - Changes nothing. The lookup C(django_ec2.site.awx_changes) gives the same to the modules of C(awx.awx), which apply it.
  - AWX and the token come from the environment, CONTROLLER_HOST and CONTROLLER_OAUTH_TOKEN, as for those modules.
options:
  project:
    description: Directory of this product.
    type: path
    required: true
  operations:
    description: Directory of the operations repository. The same as O(project), when there is none.
    type: path
    required: true
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: In check mode it counts as changed when something differs, as nothing after it will apply it.
"""

EXAMPLES = r"""
- name: Compare the objects with AWX
  django_ec2.site.awx_objects:
    project: "{{ playbook_dir | dirname }}"
    operations: "{{ operations_directory }}"
  register: __compared
"""

RETURN = r"""
differences:
  description: What is missing or differs, a line a field.
  returned: success
  type: list
  elements: str
  sample: ["job template 'staging: deploy': timeout is 60, wanted 7200"]
gone:
  description: What carries our mark, and is no longer in the repository.
  returned: success
  type: list
  elements: str
kinds:
  description: The kinds in which something is missing or differs.
  returned: success
  type: list
  elements: str
kinds_gone:
  description: The kinds of which something is no longer in the repository.
  returned: success
  type: list
  elements: str
definitions:
  description: Whether this AWX gives roles by role definitions (24 and later).
  returned: success
  type: bool
"""
