"""Users are created once, and groups are only added."""

from __future__ import annotations

import os
import pwd
import subprocess
from pathlib import Path

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.host_config import accounts, commands
from ansible_collections.django_ec2.site.plugins.module_utils.host_config.errors import HostConfigError

from .helpers import apply, tree


def test_missing_users_and_what_they_own_are_planned_in_check_mode(etc: Path) -> None:
    result = apply(
        check_mode=True,
        users=[{"name": "hc-new", "home": "/srv/hc", "groups": ["hc-other"]}],
        directories=[{"path": f"{etc}/d", "owner": "hc-new", "group": "hc-new"}],
        files=[{"path": f"{etc}/elsewhere/f", "content": "x", "owner": "hc-never", "group": "hc-never"}],
    )
    assert result["created_users"] == ["hc-new"]
    assert result["changed_paths"] == [f"{etc}/d", f"{etc}/elsewhere/f"]
    assert tree(etc) == {}


def test_users_are_created_once_and_groups_only_added(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []

    def record(argv: list[str]) -> subprocess.CompletedProcess[str]:
        calls.append(argv)
        return subprocess.CompletedProcess(argv, 0, "", "")

    monkeypatch.setattr(commands, "run", record)
    me = pwd.getpwuid(os.getuid()).pw_name
    primary = accounts.group_name(pwd.getpwnam(me).pw_gid)
    result = apply(
        users=[
            {"name": me, "shell": "/bin/other", "groups": [primary]},
            {"name": "hc-new", "home": "/srv/hc", "groups": [primary, "hc-later"]},
            {"name": "hc-later", "system": False, "comment": "Later"},
        ]
    )
    assert (result["created_users"], result["changed_users"]) == (["hc-new", "hc-later"], [])
    assert [argv[0] for argv in calls] == ["useradd", "useradd", "usermod"]
    # Packages of one host alone don't change the numbers.
    assert all("SYS_UID_MIN=500" in argv for argv in calls if "--system" in argv)
    assert {"--system", "--no-create-home", "--user-group", "/srv/hc"} < set(calls[0])
    assert "--system" not in calls[1]
    assert f"{primary},hc-later" in calls[2]


def test_an_account_of_somebody_else_is_not_taken_over() -> None:
    account = pwd.getpwuid(os.getuid())
    same = {"name": account.pw_name, "home": account.pw_dir, "shell": account.pw_shell, "adopt": False}
    assert apply(users=[same], check_mode=True)["changed"] is False
    with pytest.raises(HostConfigError) as caught:
        apply(users=[{**same, "home": "/srv/shop"}], check_mode=True)
    said = str(caught.value)
    assert said.startswith(
        f"users: {account.pw_name} is an account of this host already (with the home {account.pw_dir}, not /srv/shop)"
    )
    assert "Choose another name" in said


def test_a_new_user_gets_the_numbers_of_shared_files(etc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[list[str]] = []

    def record(argv: list[str]) -> subprocess.CompletedProcess[str]:
        calls.append(argv)
        return subprocess.CompletedProcess(argv, 0, "", "")

    monkeypatch.setattr(commands, "run", record)
    status = {"st_uid": 61234, "st_gid": 61235}
    monkeypatch.setattr(os, "lstat", lambda _path: type("Status", (), status))
    assert accounts.numbers_of(f"{etc}/media") == (61234, 61235)
    users = [{**user, "home": "/srv/x", "shell": "/x", "comment": "", "system": True, "groups": []} for user in (
        {"name": "hc-shared", "number_of": f"{etc}/media"}, {"name": "hc-own", "number_of": ""})]  # fmt: skip
    accounts.Accounts(users, check_mode=False).create()
    assert calls[0] == ["groupadd", "--gid", "61235", "--", "hc-shared"]
    assert calls[1][-6:] == ["--uid", "61234", "--gid", "61235", "--", "hc-shared"]
    assert "--user-group" in calls[2]
    # Numbers that somebody has here, or that are root's, are not taken.
    status["st_uid"] = os.getuid() or 1
    assert accounts.numbers_of(f"{etc}/media") is None
    status["st_uid"] = 0
    assert accounts.numbers_of(f"{etc}/media") is None


def test_no_path_gives_no_numbers(etc: Path) -> None:
    assert accounts.numbers_of("") is None
    assert accounts.numbers_of(f"{etc}/nothing") is None
