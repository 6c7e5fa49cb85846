# SPDX-License-Identifier: MIT
"""Users and groups. Knows which are missing, their numbers, and how to create them; not what they own."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.host_config import commands
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.errors import HostConfigError


class Accounts:
    """The users of a request, compared with the host. Names it creates are fine for owners; in check mode any name is."""

    def __init__(self, users: list[dict[str, Any]], check_mode: bool) -> None:
        self.check_mode = check_mode
        self.new_users: list[dict[str, Any]] = []
        self.new_groups: dict[str, list[str]] = {}
        for user in users:
            self._compare(user)
        self._planned = {user["name"] for user in self.new_users}
        for user in users:
            for group in user["groups"]:
                self._demand(None, group, f"users: {user['name']}")

    def _compare(self, user: dict[str, Any]) -> None:
        try:
            account = pwd.getpwnam(user["name"])
        except KeyError:
            self.new_users.append(user)
            missing = user["groups"]
        else:
            if problem := foreign_account(user, account.pw_dir, account.pw_shell):
                raise HostConfigError(f"users: {problem}")
            missing = [name for name in user["groups"] if not is_member(account, name)]
        if missing:
            self.new_groups[user["name"]] = missing

    def _demand(self, owner: str | None, group: str | None, where: str) -> None:
        """Refuse names that will not exist when they are needed."""
        for name, number, word in ((owner, uid, "user"), (group, gid, "group")):
            if name is None or name in self._planned or self.check_mode or number(name) is not None:
                continue
            raise HostConfigError(
                f"{where}: the {word} {name!r} does not exist on this host. "
                f"Create it first (option users), or correct the name."
            )

    def numbers(self, entry: dict[str, Any], where: str) -> tuple[int | None, int | None]:
        """Owner and group of an entry, None for one that is yet to be created."""
        self._demand(entry["owner"], entry["group"], where)
        return uid(entry["owner"]), gid(entry["group"])

    def create(self) -> None:
        """Create the users that are missing, then add the groups that are."""
        for user in self.new_users:
            name = user["name"]
            argv = ["useradd", "--no-create-home", "--home-dir", user["home"], "--shell", user["shell"]]
            argv += ["--comment", user["comment"]] if user["comment"] else []
            # Numbers from above alone: those that packages take from below differ from host to host, and web hosts that share files
            # have to give an account the same one.
            argv += ["--system", "--key", "SYS_UID_MIN=500", "--key", "SYS_GID_MIN=500"] if user["system"] else []
            numbers = numbers_of(user.get("number_of") or "")
            if numbers and gid(name) is None:
                done = commands.run(["groupadd", "--gid", str(numbers[1]), "--", name])
                commands.demand_success(done, f"users: the group {name} could not be created")
                argv += ["--uid", str(numbers[0]), "--gid", str(numbers[1])]
                commands.demand_success(commands.run([*argv, "--", name]), f"users: {name} could not be created")
                continue
            # The group may be older than the user, for example when a package left it behind.
            argv += ["--gid", name] if gid(name) is not None else ["--user-group"]
            commands.demand_success(commands.run([*argv, "--", name]), f"users: {name} could not be created")
        for name, groups in self.new_groups.items():
            done = commands.run(["usermod", "--append", "--groups", ",".join(groups), "--", name])
            commands.demand_success(done, f"users: {name} could not be added to {', '.join(groups)}")


def numbers_of(path: str) -> tuple[int, int] | None:
    """Owner and group of a path, by number, where they are nobody's on this host; None otherwise."""
    try:
        status = os.lstat(path) if path else None
    except OSError:
        return None
    if status is None or 0 in (status.st_uid, status.st_gid):
        return None
    free = user_name(status.st_uid) == str(status.st_uid) and group_name(status.st_gid) == str(status.st_gid)
    return (status.st_uid, status.st_gid) if free else None


def foreign_account(user: Mapping[str, Any], home: str, shell: str) -> str:
    """Why an account is one that somebody else made, where the entry says that this matters; empty where it is not.

    Args:
        user: an entry of the option users. Its home and its shell tell whose the account is.
        home: of the account, as its shell.
        shell: of the account.
    """
    wanted = {"home": user["home"], "shell": user["shell"]}
    differs = [
        f"{word} {found}, not {wanted[word]}"
        for word, found in (("home", home), ("shell", shell))
        if found != wanted[word]
    ]
    if not differs or user.get("adopt", True):
        return ""
    return (
        f"{user['name']} is an account of this host already (with the {' and '.join(differs)}), and was not made by this "
        "repository. Choose another name, or remove the account."
    )


def owner_of(entry: dict[str, Any]) -> tuple[int, int]:
    """Owner and group of an entry whose time has come."""
    user, group = uid(entry["owner"]), gid(entry["group"])
    if user is None or group is None:
        raise HostConfigError(f"{entry['path']}: {entry['owner']}:{entry['group']} does not exist.")
    return user, group


def uid(name: str) -> int | None:
    """Number of a user, None when it does not exist yet."""
    return _number(name, lambda: pwd.getpwnam(name).pw_uid)


def gid(name: str) -> int | None:
    """Number of a group, None when it does not exist yet."""
    return _number(name, lambda: grp.getgrnam(name).gr_gid)


def _number(name: str, look_up: Callable[[], int]) -> int | None:
    try:
        return look_up()
    except KeyError:
        return int(name) if name.isdecimal() else None


def user_name(number: int) -> str:
    """Name of a user, or its number."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def group_name(number: int) -> str:
    """Name of a group, or its number."""
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def is_member(account: pwd.struct_passwd, group: str) -> bool:
    """Whether a user is in a group, by its primary group or by the list."""
    try:
        found = grp.getgrnam(group)
    except KeyError:
        return False
    return account.pw_name in found.gr_mem or account.pw_gid == found.gr_gid
