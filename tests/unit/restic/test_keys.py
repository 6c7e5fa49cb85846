"""Another password for the repository: what is added, what is noted and what ends, against a stand-in of restic's keys."""

from __future__ import annotations

import getpass
import json
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.restic import keys, repository
from ansible_collections.django_ec2.site.plugins.module_utils.restic.repository import ResticError

USER = getpass.getuser()


class Repository:
    """The passwords that open it, by restic's name of the key; what was called; and how often it is locked first."""

    def __init__(self, *passwords: str) -> None:
        self.keys = {f"key-{one}": one for one in passwords}
        self.called: list[str] = []
        self.locked = 0
        self.cut = False

    def call(self, *words: str) -> CompletedProcess[str]:
        assert words[0] == "--password-file"
        password, rest = Path(words[1]).read_text().strip(), words[2:]
        opened = next((name for name, one in self.keys.items() if one == password), "")
        if not opened:
            return CompletedProcess(words, 1, "", "Fatal: wrong password or no key found")
        if self.locked:
            self.locked -= 1
            return CompletedProcess(words, 1, "", "repository is already locked by PID 3")
        self.called.append(" ".join(rest[:2]))
        if rest[1] == "add":
            if self.cut:
                raise KeyboardInterrupt
            new = Path(rest[3]).read_text().strip()
            self.keys[f"key-{new}"] = new
        elif rest[1] == "remove":
            assert rest[2] != opened
            del self.keys[rest[2]]
        listing = [{"current": name == opened, "id": name} for name in self.keys]
        return CompletedProcess(words, 0, json.dumps(listing), "")


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Repository:
    made = Repository("old")
    monkeypatch.setattr(repository, "call", made.call)
    monkeypatch.setattr(keys, "NOTE", tmp_path / "key-that-ends")
    monkeypatch.setattr(keys, "PAUSE", 0)
    return made


def test_both_passwords_open_it_until_the_old_one_ends(own: Repository) -> None:
    assert keys.begin("new", "old", USER, check=True) == (True, "key-old")
    assert (list(own.keys), keys.noted_key()) == (["key-old"], "")
    assert keys.begin("new", "old", USER, check=False) == (True, "key-old")
    assert list(own.keys) == ["key-old", "key-new"]
    assert keys.begin("new", "old", USER, check=False) == (False, "key-old")
    assert keys.end("new", USER, check=True) is True
    assert list(own.keys) == ["key-old", "key-new"]
    assert keys.end("new", USER, check=False) is True
    assert list(own.keys) == ["key-new"]
    assert keys.end("new", USER, check=False) is False
    # A run that was cut after that, and begins anew.
    assert keys.begin("new", "old", USER, check=False) == (False, "")


def test_a_run_that_is_cut_before_the_new_one_is_added_goes_on(own: Repository) -> None:
    own.cut = True
    with pytest.raises(KeyboardInterrupt):
        keys.begin("new", "old", USER, check=False)
    own.cut = False
    assert keys.begin("new", "old", USER, check=False) == (True, "key-old")
    assert keys.end("new", USER, check=False) is True
    assert list(own.keys) == ["key-new"]


def test_a_password_that_does_not_open_it_takes_nobody_s_key_away(own: Repository) -> None:
    with pytest.raises(ResticError, match="Put the old one back"):
        keys.begin("new", "another", USER, check=False)
    keys.begin("new", "old", USER, check=False)
    with pytest.raises(ResticError, match="Put the old one back"):
        keys.end("another", USER, check=False)
    # Somebody has gone back to the old one: its key is not the one to take away.
    keys.end("old", USER, check=False)
    assert list(own.keys) == ["key-old", "key-new"]


def test_it_waits_for_whoever_has_the_repository_for_himself(own: Repository) -> None:
    own.locked = 2
    assert keys.begin("new", "old", USER, check=False) == (True, "key-old")


def test_where_no_repository_is_yet_there_is_nothing_to_do(own: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    said = "Fatal: unable to open config file: no such file. Is there a repository at the following location?"
    monkeypatch.setattr(repository, "call", lambda *words: CompletedProcess(words, 1, "", said))
    assert keys.begin("new", "old", USER, check=False) == (False, "")
