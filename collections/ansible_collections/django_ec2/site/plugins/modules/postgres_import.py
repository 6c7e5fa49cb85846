#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Bring a dump of a database that lives elsewhere into the database of an application."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: postgres_import
short_description: Bring a dump of another server into the database of an application
description:
  - Restores a dump into a copy beside the live database, named after it with C(_scratch), and compares tables, rows and sequences with the
    dump's own. Owners and rights of the dump do not count; everything belongs to the owner of the live database.
  - A switch gives the copy the live database's name, in one transaction. The live one stays under another name.
  - Formats of C(pg_dump) are custom, directory (also in a tar archive), tar and plain SQL (also compressed by gzip). What else looks like a
    dump is refused with what to do instead.
extends_documentation_fragment:
  - django_ec2.site.postgres_login
options:
  state:
    description:
      - V(planned) says what the dump is, what it holds, and whether the server can take it. It opens the live database when a run was cut
        that had shut it.
      - V(loaded) makes the copy; V(dropped) drops it. V(kept) writes a last dump of what is live. V(switched) makes the copy live, and
        V(finished) notes that nothing is owed any more.
      - V(removed) drops the databases of before earlier imports.
    type: str
    choices: [planned, loaded, kept, switched, finished, dropped, removed]
    required: true
  database:
    description: The database, its roles and its extensions, as M(django_ec2.site.postgres_databases) takes them.
    type: dict
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
        description: The owner's password.
        type: str
        required: true
      user:
        description: Role of the application.
        type: str
        required: true
      password:
        description: The application role's password.
        type: str
        required: true
      login:
        description: Role that the application logs in as.
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
        description: Roles of the server that the application role is a member of.
        type: list
        elements: str
        default: []
  dump:
    description: Path of the dump on this host; the user of O(login) has to be able to read it.
    type: path
    default: ""
  kept:
    description: Where V(kept) writes the dump.
    type: path
    default: ""
requirements:
  - python3-psycopg2
  - pg_dump and pg_restore, not older than the server
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: In check mode the dump is looked at, and nothing is restored, switched or dropped.
"""

EXAMPLES = r"""
- name: Restore a dump beside the live database, and compare
  django_ec2.site.postgres_import:
    state: loaded
    database: "{{ database }}"
    dump: /var/lib/database-import/shop/site.dump

- name: Write a last dump of what is live
  django_ec2.site.postgres_import:
    state: kept
    database: "{{ database }}"
    kept: /var/backups/shop/before.dump

- name: Make the copy live
  django_ec2.site.postgres_import:
    state: switched
    database: "{{ database }}"
    dump: /var/lib/database-import/shop/site.dump
"""

RETURN = r"""
lines:
  description: What was found and done, for people.
  returned: success
  type: list
  elements: str
owed:
  description: Name of the database of before, when this dump is live and its import has not ended.
  returned: with O(state=planned) and O(state=switched)
  type: str
made:
  description: Name of the copy.
  returned: with O(state=loaded)
  type: str
  sample: shop_scratch
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.imports.dump import DumpRefused
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.imports.jobs import Job
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.login import LOGIN_SPEC, ServerUnavailable
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.model import DATABASE_SPEC
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.scratch import NoScratch

try:
    import psycopg2
except ImportError:
    psycopg2 = None

ACTIONS = {
    "loaded": "load",
    "kept": "keep",
    "switched": "switch",
    "finished": "finish",
    "dropped": "drop",
    "removed": "remove",
}


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "required": True, "choices": ["planned", *ACTIONS]},
            "database": {"type": "dict", "required": True, "options": DATABASE_SPEC},
            "dump": {"type": "path", "default": ""},
            "kept": {"type": "path", "default": ""},
            "login": LOGIN_SPEC,
        },
        supports_check_mode=True,
    )
    given = module.params
    if psycopg2 is None:
        module.fail_json(msg="python3-psycopg2 is not installed on this host: run site.yml first.")
    if module.check_mode and given["state"] != "planned":
        module.exit_json(changed=given["state"] != "finished", lines=[], owed="", made="")
    job = None
    try:
        job = Job(given)
        answer = job.plan() if given["state"] == "planned" else getattr(job, ACTIONS[given["state"]])()
    except (DumpRefused, NoScratch, ServerUnavailable, RuntimeError, psycopg2.Error, OSError) as error:
        module.fail_json(msg=f"{given['database']['name']}: {str(error).strip().rstrip('.')}.")
    finally:
        if job:
            job.close()
    module.exit_json(**answer)


if __name__ == "__main__":
    main()
