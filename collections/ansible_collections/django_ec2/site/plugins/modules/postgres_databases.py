#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Bring databases, their two roles and the privileges between them to what is wanted."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: postgres_databases
short_description: Databases with an owner role and an application role of least rights
description:
  - Compares databases, roles, passwords, ownership, privileges, default privileges and extensions with what is
    wanted, all at once, and changes only what differs.
  - The owner role owns the database and its schema C(public) and runs migrations. The application role may connect, and
    read and write rows of tables and sequences, those that the owner creates later too. C(PUBLIC) may nothing.
  - Works as superuser over the host's socket, and as a master user without superuser rights over TLS (Amazon RDS).
    Such a user is made a member of the owner roles.
  - Passwords are sent as SCRAM verifiers, never in clear. A superuser compares them with the stored verifier, a master
    user by logging in.
  - Databases and roles that are not listed are left alone. What is listed, is there already and was not made by this module is
    refused; a comment on the role or the database says that it was.
  - Memberships that the roles were granted by others are revoked. Those that the login may not revoke (PostgreSQL 16 and newer) are in
    RV(notes), with the statement and who may run it.
  - A password is replaced without an interruption by two logins in turn, the application role and its name with C(_b).
    C(login) names the one that is in use. The other one may still log in, until a run with O(retire).
extends_documentation_fragment:
  - django_ec2.site.postgres_login
options:
  databases:
    description: The databases.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the database.
        type: str
        required: true
      owner:
        description: Role that owns it.
        type: str
        required: true
      owner_password:
        description: The owner's password, printable ASCII.
        type: str
        required: true
      user:
        description: Role of the application.
        type: str
        required: true
      password:
        description: The application role's password, printable ASCII.
        type: str
        required: true
      login:
        description:
          - Role that the application logs in as, with the password. The default is the application role itself. Another
            one, such as its name with C(_b), becomes a member of it and has its rights.
        type: str
      connection_limit:
        description: Connections that the application role may hold; -1 is no limit.
        type: int
        default: -1
      extensions:
        description: Extensions of the database.
        type: list
        elements: str
        default: []
      memberships:
        description: Roles of the server that the application role is a member of. All other memberships of its roles are revoked.
        type: list
        elements: str
        default: []
  authentication:
    description:
      - V(password), or V(iam) for logins to Amazon RDS by a token. Those are roles of their own, named after owner and
        application role with C(_iam); they are members of C(rds_iam) and have no password.
    type: str
    choices: [password, iam]
    default: password
  retire:
    description: Whether the logins that are not in use (the other one of the two in turn, those by the other
      authentication) may no longer log in.
    type: bool
    default: false
  moving:
    description: Whether the server may be one that the applications were moved away from, or are being moved to. Any other run refuses it.
    type: bool
    default: false
  connections:
    description:
      - Connections that the server has to have. One with fewer is refused before the first change; those that it
        keeps for its superusers do not count.
    type: dict
    suboptions:
      needed:
        description: How many.
        type: int
        required: true
      used_by:
        description: What needs them, for the message.
        type: str
        default: ""
      remedy:
        description: What to write instead, for the message, in a sentence.
        type: str
        default: ""
  replication:
    description: What standbys need of their primary. Left out, nothing is made and nothing is dropped.
    type: dict
    suboptions:
      user:
        description: Role that standbys connect as, by their certificate. It may replicate and be the source of pg_rewind.
        type: str
        required: true
      slots:
        description: Physical replication slots. Others whose names begin with C(standby_) are dropped, unless they are in use.
        type: list
        elements: str
        default: []
  superusers:
    description:
      - Roles that may be superusers, replicate, create roles or databases, or bypass row security. From any other role but the first
        superuser, the roles of O(databases), that of O(replication) and that of a move such rights are taken away, and so is
        membership in a superuser.
      - A role that replicates at the moment is refused instead. Left out, nobody is looked at. Counts for a superuser's login alone.
    type: list
    elements: str
  apply:
    description: With V(false) the module only looks, RV(changes) says what is to be done, and a server that does not
      answer is no error.
    type: bool
    default: true
requirements:
  - python3-psycopg2
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: A server that does not answer counts as an empty one, unless it was made on this host before; RV(unknown) says so then.
  diff_mode:
    support: full
"""

EXAMPLES = r"""
- name: Bring the databases of this host to what is wanted
  django_ec2.site.postgres_databases:
    databases:
      - name: shop
        owner: shop_owner
        owner_password: "{{ shop_owner_password }}"
        user: shop
        password: "{{ shop_password }}"

- name: The same on Amazon RDS
  django_ec2.site.postgres_databases:
    login:
      host: shop.abcdefgh.eu-central-1.rds.amazonaws.com
      user: master
      password: "{{ master_password }}"
      ca_file: /etc/ssl/database/ca.pem
    databases: "{{ databases }}"
"""

RETURN = r"""
available:
  description: Whether a server answered.
  returned: always
  type: bool
reason:
  description: Why no server answered.
  returned: when none did
  type: str
changes:
  description: What differed, in words.
  returned: always
  type: list
  elements: str
  sample: [Create the role shop_owner, "shop: create the database"]
unknown:
  description: Why nothing can be said of a server that was made before and does not answer.
  returned: when it is so, in check mode or without O(apply)
  type: str
notes:
  description: What the module leaves alone and somebody should look at. These are warnings, too.
  returned: always
  type: list
  elements: str
archive:
  description:
    - How the archive of the write-ahead log is doing, of a server of this host. Also the fact C(database_archive).
  returned: when a server answered
  type: dict
  sample: {mode: "on", waiting: 0, archived: 1795685400.1, failed: null, reason: ""}
server:
  description: Some of the server's settings, those that the login may see.
  returned: when a server answered
  type: dict
  sample: {data_directory: /var/lib/postgresql/17/main, data_checksums: "on", server_version_num: "170006"}
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.apply import DatabasesError, apply_databases
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.login import LOGIN_SPEC
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.model import DATABASE_SPEC
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.replication import REPLICATION_SPEC

CONNECTIONS_SPEC: dict[str, Any] = {
    "needed": {"type": "int", "required": True},
    "used_by": {"type": "str", "default": ""},
    "remedy": {"type": "str", "default": ""},
}


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "databases": {"type": "list", "elements": "dict", "required": True, "options": DATABASE_SPEC},
            "authentication": {"type": "str", "choices": ["password", "iam"], "default": "password"},
            "retire": {"type": "bool", "default": False},
            "moving": {"type": "bool", "default": False},
            "connections": {"type": "dict", "options": CONNECTIONS_SPEC},
            "replication": REPLICATION_SPEC,
            "superusers": {"type": "list", "elements": "str"},
            "login": LOGIN_SPEC,
            "apply": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    try:
        result = apply_databases(module.params, module.params["apply"] and not module.check_mode)
    except DatabasesError as error:
        module.fail_json(msg=str(error), changes=error.changes)
    if "unknown" in result:
        module.warn(result["unknown"])
    for note in result.get("notes", []):
        module.warn(note)
    module.exit_json(
        changed=bool(result["changes"]) and module.params["apply"],
        diff={"before": "", "after": "".join(f"{text}\n" for text in result["changes"])},
        **({"ansible_facts": {"database_archive": result["archive"]}} if result.get("archive") else {}),
        **result,
    )


if __name__ == "__main__":
    main()
