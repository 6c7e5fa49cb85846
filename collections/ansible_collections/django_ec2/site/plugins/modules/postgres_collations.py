#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Rebuild the indexes whose collation is of another version than when they were built."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: postgres_collations
short_description: Rebuild indexes that were sorted by another version of their collation
description:
  - Compares the versions that PostgreSQL noted with its collations and databases with those of the host's libraries, names the
    indexes that were built by another one, builds them anew and notes the versions of today.
  - For data files that came to another system, by a restored base backup or an upgrade in place. Dumps and logical copies need it not.
  - Indexes are built beside the old ones (C(REINDEX CONCURRENTLY)), so that writers go on; those of exclusion constraints are not.
  - A unique index that can't be built, because its rows hold the same value twice, is named. The versions stay noted as they were, so
    that the next run asks again.
  - C, POSIX and C.UTF-8 have no version. A database of the role postgres has nothing to rebuild, unless its own tables name a collation.
extends_documentation_fragment:
  - django_ec2.site.postgres_login
options:
  databases:
    description: Names of the databases. Empty is all of the server. The templates are always looked at.
    type: list
    elements: str
    default: []
requirements:
  - python3-psycopg2
  - PostgreSQL 15 or newer
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: Says what would be rebuilt.
  diff_mode:
    support: full
    description: Lists the changes in words.
"""

EXAMPLES = r"""
- name: Rebuild what sorts otherwise on this host
  django_ec2.site.postgres_collations:

- name: Say what would be rebuilt in a restored copy
  django_ec2.site.postgres_collations:
    login:
      port: 5433
  check_mode: true
"""

RETURN = r"""
changes:
  description: What differed, in words; indexes first, then versions.
  returned: always
  type: list
  elements: str
  sample: ["board: index public.posts_title_key of posts: build it anew"]
indexes:
  description: The indexes that were rebuilt, or would be, as database.schema.index.
  returned: always
  type: list
  elements: str
  sample: [board.public.posts_title_key]
notes:
  description: What no rebuild mends, with the remedy.
  returned: always
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils.postgres import collations
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.login import LOGIN_SPEC, ServerUnavailable

try:
    import psycopg2
except ImportError:
    psycopg2 = None


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={"databases": {"type": "list", "elements": "str", "default": []}, "login": LOGIN_SPEC},
        supports_check_mode=True,
    )
    login = module.params["login"]
    if psycopg2 is None:
        module.fail_json(msg="python3-psycopg2 is not installed on this host: run the role postgres first.")
    try:
        databases = collations.read_databases(login, module.params["databases"])
        changes = [
            change.text
            for one in databases
            for change in [*collations.plan_rebuild(one), *collations.plan_versions(one)]
        ]
        problems = (
            []
            if module.check_mode
            else [
                problem
                for one in databases
                if collations.plan_versions(one)
                for problem in collations.apply(login, one)
            ]
        )
    except (RuntimeError, ServerUnavailable, psycopg2.Error) as error:
        module.fail_json(msg=str(error).strip())
    result = {
        "changes": changes,
        "indexes": [
            f"{one.name}.{index.schema}.{index.name}"
            for one in databases
            for index in one.indexes
            if not index.leftover
        ],
        "notes": [note for one in databases for note in collations.notes(one)],
    }
    for note in result["notes"]:
        module.warn(note)
    if problems:
        module.fail_json(
            msg="These indexes could not be rebuilt, and may not find rows that are there: "
            + " ".join(problems)
            + " Correct the rows that are there twice (look for them with enable_indexscan and enable_bitmapscan off), then run again.",
            **result,
        )
    module.exit_json(
        changed=bool(changes), diff={"before": "", "after": "".join(f"{text}\n" for text in changes)}, **result
    )


if __name__ == "__main__":
    main()
