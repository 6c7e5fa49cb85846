# SPDX-License-Identifier: MIT
"""New values in the place of secrets, wherever they are kept: what each step of a rotation writes, so that none is ever lost.

A step is a pure function: what is there, to what has to be written, in that order. After a run that was cut between two writes the
next one goes on, with the same values.
"""

from __future__ import annotations

import hashlib
import secrets
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils import authority

ALPHABET = string.ascii_letters + string.digits
LENGTH = 64
# Of each database, behind the prefix of its secrets.
LOGIN, ROTATED = "login", ("password", "owner_password")
# Stands beside them from the first step of a rotation to the last.
PENDING = "rotation_began"
# What is there while Django's key is replaced: the keys that count beside the first one, separated by commas.
KEY, KEY_FALLBACKS, KEY_PENDING = "secret_key", "secret_key_fallbacks", f"secret_key_{PENDING}"
ADMINISTRATOR = "admin_password"
# Behind the name of a password that counts until every host has the new one.
OLD = "_old"

# Names and values in the order in which they are written; None takes a value away.
Changes = dict[str, str | None]


class Unfinished(Exception):
    """The step can't be made yet; the message says what comes first."""


def make_secret() -> str:
    """Letters and digits, so that no file or URL has to quote it."""
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def new_values(prefix: str, current: str, turns: Sequence[str]) -> dict[str, str]:
    """The values with which the rotation of a database begins: the login whose turn it is, and its passwords.

    Args:
        prefix: what the names of the database's secrets begin with.
        current: the role that logs in now; empty is the first.
        turns: the two roles that take turns.
    """
    login = next(one for one in turns if one != (current or turns[0]))
    return {f"{prefix}_{LOGIN}": login, **{f"{prefix}_{name}": make_secret() for name in ROTATED}}


def secret_key_changes(own: Mapping[str, str], step: str) -> Changes:
    """What a step of the rotation of Django's key writes into an application's secrets.

    ``begin`` announces the new key as a fallback, so that each host takes what another one signs with it. ``switch`` makes it
    the key; the old one stays a fallback. ``end`` says that all hosts have it, and ``finish`` that the old one counts no more.
    """
    key = own[KEY]
    fallbacks = (own.get(KEY_FALLBACKS) or "").split(",")
    announced = fallbacks[0] not in ("", key)
    began = KEY_PENDING in own
    if step == "begin":
        if announced:
            return {} if began else {KEY_PENDING: "true"}
        # Cut after the switch: the hosts are yet to follow.
        return {} if began and fallbacks[0] else {KEY_FALLBACKS: f"{make_secret()},{key}", KEY_PENDING: "true"}
    if step == "switch":
        return {KEY: fallbacks[0]} if announced else {}
    if step == "end":
        return {KEY_PENDING: None} if began else {}
    if announced or began:
        raise Unfinished(
            "its key is being replaced, and a run that was to do it has not come to its end: run the playbook without finish=true first"
        )
    return {KEY_FALLBACKS: None} if fallbacks[0] else {}


def password_changes(own: Mapping[str, str], step: str, name: str) -> Changes:
    """What a step of the rotation of a password writes that may count beside its successor.

    ``begin`` keeps the old one beside the new one, and ``end`` says that nobody uses it any more.
    """
    old = name + OLD
    if step == "begin":
        if old not in own:
            return {old: own[name], name: make_secret()}
        return {name: make_secret()} if own[name] == own[old] else {}
    return {old: None} if step == "end" and old in own else {}


def redis_changes(own: Mapping[str, str], step: str) -> Changes:
    """Those of an application's password of Redis."""
    return password_changes(own, step, "redis_password")


def file_backup_changes(own: Mapping[str, str], step: str) -> Changes:
    """Those of the password with which the backups of files are encrypted."""
    return password_changes(own, step, "file_backup_key")


def admin_password_changes(own: Mapping[str, str], step: str) -> Changes:
    """Those of the password of an application's administrator: ``begin`` makes another one, and ``end`` says that its database has it."""
    pending = f"{ADMINISTRATOR}_{PENDING}"
    if step == "begin":
        return {} if pending in own else {ADMINISTRATOR: make_secret(), pending: "true"}
    return {pending: None} if step == "end" and pending in own else {}


def authority_changes(own: Mapping[str, str], step: str) -> Changes:
    """What a step of the rotation of the project's authority writes.

    ``begin`` makes the next one, whose certificates are to be trusted beside those of today. ``switch`` has it sign; the one before is
    trusted until ``finish``. ``end`` says that all certificates are the new one's.
    """
    following, began = own.get(authority.NEXT), PENDING in own
    if step == "begin":
        # Also where it was cut after the switch: the hosts are yet to follow.
        if began:
            return {}
        return {**({} if following else {authority.NEXT: authority.joined(authority.make())}), PENDING: "true"}
    if step == "switch":
        if not following:
            return {}
        new = authority.parted(following)
        # The last one to be signed by is kept from the first write to the last: a run that is cut between them is gone on with.
        old = {} if own["certificate"] == new["certificate"] else {authority.OLD: own["certificate"]}
        return {**old, **new, authority.NEXT: None}
    if step == "end":
        return {PENDING: None} if began else {}
    if following or began:
        raise Unfinished(
            "the project's authority is being replaced, and the next one does not sign all certificates yet: run the playbook without "
            "finish=true first"
        )
    return {authority.OLD: None} if own.get(authority.OLD) else {}


@dataclass(frozen=True)
class Rotation:
    """How a secret is replaced.

    Attributes:
        steps: what a step writes into the values that lie together.
        name: of the secret.
        others: names of what stands beside it meanwhile.
        below: of a secret of the environment, the key among the secrets below which it lies; empty where it lies among them itself.
    """

    steps: Callable[[Mapping[str, str], str], Changes]
    name: str
    others: tuple[str, ...]
    below: str = ""

    def own(self, secrets: Mapping[str, Any]) -> dict[str, Any]:
        """What there is of a secret of the environment, and of what stands beside it."""
        values = (secrets.get(self.below) or {}) if self.below else secrets
        # A lookup that is not filled in has none of them.
        names = (self.name, *self.others) if isinstance(values, Mapping) else ()
        return {name: values[name] for name in names if name in values}


# By what is replaced, for secrets of each application.
OF_APPLICATIONS = {
    "secret_key": Rotation(secret_key_changes, KEY, (KEY_FALLBACKS, KEY_PENDING)),
    "redis": Rotation(redis_changes, "redis_password", (f"redis_password{OLD}",)),
    "admin_password": Rotation(admin_password_changes, ADMINISTRATOR, (f"{ADMINISTRATOR}_{PENDING}",)),
}
# For those of the environment. Where AWS keeps the secrets, they lie below this name.
OF_ENVIRONMENT = {
    "authority": Rotation(
        authority_changes, "key", ("certificate", authority.NEXT, authority.OLD, PENDING), below="authority"
    ),
    "file_backups": Rotation(file_backup_changes, "file_backup_key", (f"file_backup_key{OLD}",)),
}


def changed(own: Mapping[str, str], changes: Changes) -> dict[str, str]:
    """The secrets after a step."""
    after = dict(own)
    put(after, changes)
    return after


def put(values: dict[str, Any], changes: Changes) -> None:
    """Make the changes of a step in a mapping."""
    for name, value in changes.items():
        if value is None:
            values.pop(name, None)
        else:
            values[name] = value


def digests(own: Mapping[str, str]) -> dict[str, str]:
    """What tells values apart without telling them."""
    return {name: hashlib.sha256(value.encode()).hexdigest() for name, value in own.items()}
