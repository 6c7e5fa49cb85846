#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Refuse wrong and unknown extra variables: the documentation. plugins/action/playbook_inputs.py does it."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: playbook_inputs
short_description: Refuse wrong and unknown extra variables of a playbook
description:
  - Compares the extra variables of the run (C(-e), C(-e @file), those of AWX) with what the playbook takes, which
    C(playbooks/inputs/<playbook>.yml) describes as an argument spec. All that is wrong is told at once.
  - Refused are an input of the wrong type or form, a role's option of the wrong type, an input that is required and
    missing, and a name that nobody knows.
  - Known are the inputs, the options of the roles, the variables of C(group_vars) and of the inventory, what another
    playbook hands to a workflow, and C(ansible_*), C(awx_*) and C(tower_*).
  - Runs on the controller and contacts no host.
options:
  playbook:
    description:
      - Name of the playbook, as V(deploy), described by C(playbooks/inputs/deploy.yml) of the project.
      - A playbook that lies elsewhere gives the absolute path of its own description, without C(.yml).
    type: str
    required: true
  project:
    description: Directory that has C(playbooks/inputs) and C(group_vars).
    type: path
    required: true
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: It changes nothing.
"""

EXAMPLES = r"""
- name: Check the inputs of the playbook
  django_ec2.site.playbook_inputs:
    playbook: deploy
    project: "{{ playbook_dir | dirname }}"
  run_once: true
"""

RETURN = r"""
msg:
  description: What is wrong, a line each.
  type: str
  returned: failure
"""
