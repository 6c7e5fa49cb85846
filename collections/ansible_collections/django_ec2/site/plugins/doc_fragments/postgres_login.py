# SPDX-License-Identifier: MIT
"""The option of modules that log in to a PostgreSQL server: ``LOGIN_SPEC`` of module_utils/postgres/login.py in words."""

from __future__ import annotations


class ModuleDocFragment:
    """What ``extends_documentation_fragment`` takes in."""

    DOCUMENTATION = r"""
options:
  login:
    description: How to reach the server. Without O(login.host) it is the one of this host, by its socket.
    type: dict
    suboptions:
      host:
        description: Name of the server, reached by TLS with sslmode verify-full. Without it this host's socket is used.
        type: str
      port:
        description: Port. While this host's server still has another one, its only socket is used.
        type: int
        default: 5432
      user:
        description: Role to log in as; at the socket also the system user, by peer authentication.
        type: str
        default: postgres
      password:
        description: Password for O(login.host).
        type: str
      database:
        description: Database to connect to first.
        type: str
        default: postgres
      ca_file:
        description: Certificates of the authorities that may have signed the server's; the system's by default.
        type: path
"""
