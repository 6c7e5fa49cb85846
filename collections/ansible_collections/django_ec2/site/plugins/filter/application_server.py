# SPDX-License-Identifier: MIT
"""Facts of the application server for roles that do not know which one it is."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.django_ec2.site.plugins.plugin_utils import application_server

FACTS: dict[str, Any] = {
    "answer_head_bytes": application_server.ANSWER_HEAD_BYTES,
    "head_buffer_bytes": application_server.HEAD_BUFFER_BYTES,
    "head_buffers": application_server.HEAD_BUFFERS,
    "nginx_prefix": application_server.NGINX_PREFIX,
    "packet_bytes": application_server.PACKET_BYTES,
    "package": application_server.PACKAGE,
    "role": application_server.ROLE,
}


def application_server_fact(name: str) -> Any:
    """A fact of the application server: one of FACTS.

    Raises:
        AnsibleFilterError: there is no such fact.
    """
    if name not in FACTS:
        raise AnsibleFilterError(f"There is no fact '{name}' of the application server; known: {', '.join(FACTS)}.")
    return FACTS[name]


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, Any]:
        return {"application_server_fact": application_server_fact}
