# SPDX-License-Identifier: MIT
"""Load once, in the process that all workers are forked from, what each worker would load for itself."""

from __future__ import annotations

DOCUMENTATION = r"""
---
name: preload
type: aggregate
short_description: Load filters, tests, actions and the connection before workers are forked
description:
  - Ansible forks a worker for each task and host. The first thing that a worker does is to load every filter and test plugin,
    the action plugin, the connection plugin and what they import, because the parent never did.
  - This callback loads them in the parent when the playbook starts. It prints nothing and changes no result; without it
    a run only takes longer.
requirements:
  - Listed in C(callbacks_enabled).
author:
  - The maintainers
"""

import contextlib

from ansible.plugins.callback import CallbackBase
from ansible.plugins.loader import (
    action_loader,
    become_loader,
    connection_loader,
    filter_loader,
    lookup_loader,
    shell_loader,
    test_loader,
)
from ansible.template import Templar, trust_as_template

# A filter of a collection is looked for in all of its files: any one loads them all, with what they import. Python keeps no
# bytecode of a collection, so a worker that loads them compiles them, too.
FILTER = "django_ec2.site.resolve_applications"
PLUGINS = (
    (
        action_loader,
        (
            "ansible.builtin.assert",
            "ansible.builtin.fail",
            "ansible.builtin.normal",
            "ansible.builtin.set_fact",
            "django_ec2.site.certificate_request",
            "django_ec2.site.deploy_lock",
            "django_ec2.site.host_config",
            "django_ec2.site.playbook_inputs",
            "django_ec2.site.release_activate",
            "django_ec2.site.release_build",
            "django_ec2.site.release_stage",
            "django_ec2.site.role_arguments",
        ),
    ),
    (become_loader, ("ansible.builtin.sudo",)),
    (connection_loader, ("ansible.builtin.local", "ansible.builtin.ssh")),
    (lookup_loader, ("ansible.builtin.env", "ansible.builtin.file", "ansible.builtin.pipe", "ansible.builtin.vars")),
    (shell_loader, ("ansible.builtin.sh",)),
)


class CallbackModule(CallbackBase):
    """Ansible's entry point."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "django_ec2.site.preload"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_start(self, playbook: object) -> None:
        """Load; what cannot be loaded here fails where it is used, with the message that belongs there."""
        del playbook
        for loader in (filter_loader, test_loader):
            with contextlib.suppress(Exception):
                list(loader.all())
        with contextlib.suppress(Exception):
            filter_loader.get(FILTER)
        for loader, names in PLUGINS:
            for name in names:
                with contextlib.suppress(Exception):
                    loader.get(name, class_only=True)
        with contextlib.suppress(Exception):
            # Fills the caches of Jinja's lexer and of regular expressions.
            Templar(loader=None).template(trust_as_template("{{ [1] | map('string') | join if 1 is defined else '' }}"))
