# SPDX-License-Identifier: MIT
"""The distribution's packages of roles, as a host's variables have them."""

from __future__ import annotations

from typing import Any

from ansible.plugins.lookup import LookupBase
from ansible_collections.django_ec2.site.plugins.plugin_utils.role_variables import role_variables
from ansible_collections.django_ec2.site.plugins.plugin_utils.systems import role_packages

DOCUMENTATION = r"""
name: role_packages
short_description: The packages that roles need on a host
description:
  - Of each role the list C(<role>_packages), where the inventory sets one, and otherwise what its file of the host's operating
    system says.
  - A list may be made from the role's own variables, as in C("{{ __nginx_packages + ['nginx-extras'] }}").
options:
  _terms:
    description: Names of the roles.
    required: true
author:
  - The maintainers
"""

EXAMPLES = r"""
- name: Install what nginx and PostgreSQL need in one call of apt
  ansible.builtin.apt:
    name: "{{ query('django_ec2.site.role_packages', 'nginx', 'postgres') }}"
"""

RETURN = r"""
_raw:
  description: Names of packages, each once.
  type: list
  elements: str
"""


class LookupModule(LookupBase):
    """Ansible's entry point."""

    def run(self, terms: list[str], variables: dict[str, Any] | None = None, **kwargs: Any) -> list[str]:
        """The packages of these roles."""
        del kwargs
        variables = variables or {}
        chosen = {role: self._chosen(role, variables) for role in terms if f"{role}_packages" in variables}
        return role_packages(terms, variables.get("ansible_facts") or {}, chosen)

    def _chosen(self, role: str, variables: dict[str, Any]) -> list[str]:
        name = f"{role}_packages"
        templar = self._templar.copy_with_new_env(available_variables=role_variables(self._loader, role, variables))
        return templar.template(variables[name])
