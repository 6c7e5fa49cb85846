# SPDX-License-Identifier: MIT
"""Calls of the modules of awx.awx that bring the objects of one kind into AWX, or remove them from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase
from ansible_collections.django_ec2.site.plugins.plugin_utils.awx.controller import Controller, ControllerError
from ansible_collections.django_ec2.site.plugins.plugin_utils.awx.objects import ObjectsError
from ansible_collections.django_ec2.site.plugins.plugin_utils.awx.session import compare

DOCUMENTATION = r"""
name: awx_changes
short_description: What has to be applied to AWX, or removed from it, of one kind of object
description:
  - Compares C(awx/objects/) with AWX at the moment of the call, so that an object finds the numbers of those that were made before it.
  - Braces in what it returns are AWX's own. Ansible does not fill them in, because what a lookup returns is no template.
options:
  _terms:
    description: The kind, as V(job_templates).
    required: true
  project:
    description: Directory of this product.
    type: path
    required: true
  operations:
    description: Directory of the operations repository.
    type: path
    required: true
  removals:
    description: Whether what the repository no longer has is wanted, instead of what is missing or differs.
    type: bool
    default: false
  among:
    description:
      - The kinds in which a comparison found something; of the others nothing is read again.
      - Left out, the kind is always compared.
    type: list
    elements: str
  names:
    description: Whether name and organization of every object are wanted, and nothing else.
    type: bool
    default: false
  everything:
    description: Whether objects that do not differ are wanted, too.
    type: bool
    default: false
author:
  - The maintainers
"""

EXAMPLES = r"""
- name: Apply the projects
  awx.awx.project:
  args: "{{ item.options }}"
  loop: "{{ query('django_ec2.site.awx_changes', 'projects', project=playbook_dir, operations=operations_directory) }}"
  loop_control:
    label: "{{ item.name }}"
"""

RETURN = r"""
_list:
  description: For each object its name and the options of the module.
  type: list
  elements: dict
"""


class LookupModule(LookupBase):
    """The lookup."""

    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[dict[str, Any]]:
        """Compare the kind that is named."""
        self.set_options(var_options=variables, direct=kwargs)
        among = self.get_option("among")
        if among is not None and terms[0] not in among:
            return []
        where = Path(self.get_option("project")), Path(self.get_option("operations"))
        try:
            compared = compare(Controller, *where, terms, self.get_option("everything") or self.get_option("names"))
        except (ObjectsError, ControllerError) as error:
            raise AnsibleError(str(error)) from error
        found = [one for one in compared.removals if one.options] if self.get_option("removals") else compared.changes
        kept = ("name", "organization") if self.get_option("names") else None
        return [
            {"name": one.name, "options": {key: value for key, value in one.options.items() if not kept or key in kept}}
            for one in found
        ]
