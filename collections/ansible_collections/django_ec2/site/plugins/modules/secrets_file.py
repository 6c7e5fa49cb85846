#!/usr/bin/python
# SPDX-License-Identifier: MIT
"""Keep an environment's secrets file: make what is missing, touch nothing that is there."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: secrets_file
short_description: Generate the secrets of an environment that are missing
description:
  - Writes a YAML file, readable by its owner alone, with the mapping C(secrets), one random value for each secret that is
    missing and, where there is none, the project's own certificate authority. What is there stays as it is.
  - A file that others can read is made its owner's alone.
  - A file that ansible-vault encrypted is read, and encrypted again with the password and the id that it had; give the
    password as for any playbook, for example with C(--ask-vault-pass).
  - Runs on the controller and needs the Python package C(cryptography).
  - Makes the steps of rotations. With O(what) V(database) the old login stays valid meanwhile, because the new password
    is another role's; C(database_login), or C(database_<alias>_login) of a further database, says whose turn it is.
options:
  path:
    description: The file.
    type: path
    required: true
  applications:
    description: Names of the applications; each has the secrets of C(names).
    type: list
    elements: str
    required: true
  names:
    description: Names of the secrets that each application has.
    type: list
    elements: str
    required: true
  more_names:
    description: Names of further secrets that some applications have, by application.
    type: dict
    default: {}
  environment_names:
    description: Names of secrets that belong to no application; they lie directly below C(secrets).
    type: list
    elements: str
    default: []
  what:
    description:
      - What a rotation replaces. V(database) are the passwords of databases, V(secret_key) the key of Django, and V(redis) the passwords of
        Redis, its administrator's too.
      - V(admin_password) is the password of an application's administrator, and V(authority) the project's own certificate authority.
      - V(file_backups) is C(file_backup_key), the password with which the backups of files are encrypted.
    type: str
    choices: [database, secret_key, redis, admin_password, authority, file_backups]
    default: database
  rotation:
    description:
      - With V(begin) the databases of O(logins) get a new C(database_password) and C(database_owner_password), and the
        other of their two logins. A rotation that began before and did not end goes on, with the same values.
      - With O(what) V(secret_key), V(begin) announces another key in C(secret_key_fallbacks), V(switch) makes it C(secret_key), and
        V(finish) takes the fallbacks away. With V(redis), V(begin) makes another C(redis_password) and keeps C(redis_password_old).
        V(file_backups) does the same with C(file_backup_key).
      - With O(what) V(authority), V(begin) makes the C(next) one, V(switch) has it sign and keeps the C(old_certificate), and V(finish)
        takes that away.
      - With V(end) the rotation is over.
    type: str
    choices: [begin, switch, end, finish]
  rotated:
    description: For V(secret_key), V(redis) and V(admin_password), the names of the applications whose secret is replaced.
    type: list
    elements: str
    default: []
  logins:
    description:
      - For O(rotation), the two roles of each database that take turns in logging in, by the name of the application and by what the
        names of the database's secrets begin with.
    type: dict
    default: {}
author:
  - The maintainers
attributes:
  check_mode:
    support: full
    description: In check mode nothing is written.
"""

EXAMPLES = r"""
- name: Begin a rotation
  django_ec2.site.secrets_file:
    path: .lab/lab/secrets.yml
    applications: [board]
    names: [database_password, database_owner_password]
    rotation: begin
    logins:
      board:
        database: [board, board_b]

- name: Make the secrets of the lab
  django_ec2.site.secrets_file:
    path: .lab/lab/secrets.yml
    applications: [board]
    names: [secret_key, database_password]

- name: The same, and a password for the one application that uses Redis
  django_ec2.site.secrets_file:
    path: .lab/lab/secrets.yml
    applications: [board, shop]
    names: [secret_key, database_password]
    more_names:
      shop: [redis_password]
    environment_names: [redis_admin_password]
"""

RETURN = r"""
private:
  description: Whether a file that others could read was made its owner's alone.
  type: bool
  returned: always
added:
  description: Names of the secrets that were made or replaced, without their values.
  type: list
  elements: str
  returned: always
"""

import os
import stat
from contextlib import nullcontext

import yaml
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.django_ec2.site.plugins.module_utils import authority
from ansible_collections.django_ec2.site.plugins.module_utils.directory_lock import directory_lock
from ansible_collections.django_ec2.site.plugins.module_utils.rotation import (
    LOGIN,
    OF_APPLICATIONS,
    OF_ENVIRONMENT,
    PENDING,
    ROTATED,
    Changes,
    Rotation,
    Unfinished,
    make_secret,
    new_values,
    password_changes,
    put,
)


class Elsewhere(Exception):
    """A value that the file does not hold itself; the message names it."""


class Encrypted(Exception):
    """The file is in ansible-vault's form and can't be read here."""


def complete(content: dict, names: dict[str, list[str]], environment_names: list[str]) -> list[str]:
    """Add what is missing to ``content``; returns what was added, by name.

    Args:
        content: the mapping ``secrets``.
        names: the secrets of each application.
        environment_names: those that belong to no application.
    """
    added = []
    if not content.get("authority"):
        content["authority"] = authority.make()
        added.append("authority")
    all_secrets = content.setdefault("applications", {})
    for application, wanted in names.items():
        own = all_secrets.setdefault(application, {})
        for name in wanted:
            if not own.get(name):
                own[name] = make_secret()
                added.append(f"applications.{application}.{name}")
    for name in environment_names:
        if not content.get(name):
            content[name] = make_secret()
            added.append(name)
    return added


def replace(content: dict, what: str, applications: list[str], step: str) -> list[str]:
    """Make a step of the rotation of a secret of the environment, or that each of these applications has; what was written, by name."""
    if what in OF_ENVIRONMENT:
        rotation = OF_ENVIRONMENT[what]
        changes, written = _planned(rotation.own(content), rotation, step, rotation.below)
        put(content[rotation.below] if rotation.below else content, changes)
        return written
    written = []
    for application in sorted(applications):
        own = content["applications"].get(application) or {}
        changes, names = _planned(own, OF_APPLICATIONS[what], step, f"applications.{application}")
        put(own, changes)
        written += names
    if what == "redis" and content.get("redis_admin_password"):
        own = {name: value for name, value in content.items() if name.startswith("redis_admin_password")}
        changes = password_changes(own, step, "redis_admin_password")
        put(content, changes)
        written += changes
    return written


def _planned(own: dict, rotation: Rotation, step: str, place: str) -> tuple[Changes, list[str]]:
    """What a step writes, and the names of it. ``place`` is where the secret lies; empty is among the secrets themselves."""
    above = f"{place}." if place else ""
    if not isinstance(own, dict) or not own.get(rotation.name) or "{{" in str(own[rotation.name]):
        raise Elsewhere(f"{above}{rotation.name}")
    try:
        changes = rotation.steps(own, step)
    except Unfinished as error:
        raise Unfinished(f"{place.rpartition('.')[2]}: {error}.") from error
    return changes, [f"{above}{one}" for one in changes]


def rotate(content: dict, logins: dict[str, dict[str, list[str]]], step: str) -> list[str]:
    """Begin or end a rotation; returns what was replaced, by name."""
    changed = []
    for application, prefix, turns in (
        (application, prefix, turns)
        for application, own in sorted(logins.items())
        for prefix, turns in sorted(own.items())
    ):
        own = content["applications"][application]
        login, pending = f"{prefix}_{LOGIN}", f"{prefix}_{PENDING}"
        rotated = [f"{prefix}_{name}" for name in ROTATED]
        for name in rotated:
            if "{{" in str(own.get(name)):
                raise Elsewhere(f"applications.{application}.{name}")
        if step == "begin" and pending not in own:
            own |= new_values(prefix, own.get(login) or "", turns)
            own[pending] = True
            changed += [f"applications.{application}.{name}" for name in (login, *rotated)]
        elif step == "end" and own.pop(pending, False):
            changed.append(f"applications.{application}.{pending}")
    return changed


def write(path: str, content: dict) -> None:
    """Replace the file as one step; only its owner reads it."""
    os.makedirs(os.path.dirname(path) or ".", mode=0o700, exist_ok=True)
    partial = path + ".new"
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
        handle.write("# Made by playbooks/secrets.yml. Only the owner reads it, and it never goes into git.\n")
        yaml.safe_dump(content, handle, sort_keys=True)
    os.replace(partial, path)


def make_private(path: str, check_mode: bool) -> bool:
    """Take a file away from everybody but its owner; whether others could read or write it."""
    if not os.path.exists(path) or not stat.S_IMODE(os.stat(path).st_mode) & 0o077:
        return False
    if not check_mode:
        os.chmod(path, 0o600)
    return True


def bring_up_to_date(
    path: str,
    names: dict[str, list[str]],
    environment_names: list[str],
    check_mode: bool,
    rotation: str | None = None,
    logins: dict[str, dict[str, list[str]]] | None = None,
    what: str = "database",
    rotated: list[str] | None = None,
) -> list[str]:
    """Add what is missing to the file; returns what was added, by name."""
    content: dict = {}  # the whole file: what else an operator keeps in it stays
    if os.path.exists(path):
        with open(path) as handle:
            text = handle.read()
        if text.startswith("$ANSIBLE_VAULT"):
            raise Encrypted
        content = yaml.safe_load(text) or {}
    content["secrets"] = content.get("secrets") or {}
    added = complete(content["secrets"], names, environment_names)
    if rotation and what == "database":
        added += rotate(content["secrets"], logins or {}, rotation)
    elif rotation:
        added += replace(content["secrets"], what, rotated or [], rotation)
    if added and not check_mode:
        write(path, content)
    return added


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "applications": {"type": "list", "elements": "str", "required": True},
            "names": {"type": "list", "elements": "str", "required": True},
            "more_names": {"type": "dict", "default": {}},
            "environment_names": {"type": "list", "elements": "str", "default": []},
            "what": {
                "type": "str",
                "choices": ["database", "secret_key", "redis", "admin_password", "authority", "file_backups"],
                "default": "database",
            },
            "rotation": {"type": "str", "choices": ["begin", "switch", "end", "finish"]},
            "rotated": {"type": "list", "elements": "str", "default": []},
            "logins": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    path = module.params["path"]
    more = module.params["more_names"]
    names = {one: [*module.params["names"], *more.get(one, [])] for one in module.params["applications"]}
    try:
        # A check makes nothing, so it needs nobody to wait.
        with nullcontext() if module.check_mode else directory_lock(os.path.dirname(path) or "."):
            added = bring_up_to_date(
                path,
                names,
                module.params["environment_names"],
                module.check_mode,
                module.params["rotation"],
                module.params["logins"],
                module.params["what"],
                module.params["rotated"],
            )
    except Unfinished as error:
        module.fail_json(msg=f"{path}: {error}")
    except Elsewhere as error:
        module.fail_json(
            msg=f"{path}: {error} is looked up elsewhere. Write its new value there, and its login with the other of "
            "the two, and run the playbook without secrets_file: docs/database.md."
            if module.params["what"] == "database"
            else f"{path}: {error} is not in it, or looked up elsewhere, so it can't be replaced here (docs/secrets.md)."
        )
    except yaml.YAMLError as error:
        if "!vault" in str(error):
            module.fail_json(
                msg=f"{path} has single values that are encrypted (!vault), and this playbook reads and writes the whole file. Encrypt the "
                f"file as one: write the values in clear, then run 'ansible-vault encrypt {path}'. Or give no secrets_file, and keep the "
                "values where they are: docs/secrets.md."
            )
        module.fail_json(msg=f"{path} is no YAML: {error}")
    except Encrypted:
        module.fail_json(
            msg=f"{path} is encrypted: run 'ansible-vault decrypt {path}', this again, and encrypt it again."
        )
    private = make_private(path, module.check_mode)
    module.exit_json(changed=bool(added) or private, added=added, private=private)


if __name__ == "__main__":
    main()
