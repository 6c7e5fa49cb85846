"""host_config: held against the stock modules, and against everything that can go wrong on a host."""

from __future__ import annotations

import base64
import json
import os
import pwd
import stat
import subprocess
import sys
import textwrap
import zlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.django_ec2.site.plugins.modules import host_config as hc

ROOT = Path(__file__).resolve().parents[2]
ANSIBLE = Path(sys.executable).with_name("ansible-playbook")
SECRET = "correct-horse-battery"


def pack(contents: list[bytes]) -> str:
    texts = [base64.b64encode(content).decode() for content in contents]
    return base64.b64encode(zlib.compress(json.dumps(texts).encode())).decode()


def prepare(params: dict[str, Any]) -> dict[str, Any]:
    """What the action plugin and AnsibleModule make of a task's arguments; owner and group default to us."""
    params = json.loads(json.dumps(params))
    contents = []
    for entry in params.get("files", []):
        contents.append(entry.pop("content", "").encode())
    params["payload"] = pack(contents)
    for option in ("files", "directories"):
        for entry in params.get(option, []):
            entry.setdefault("owner", str(os.getuid()))
            entry.setdefault("group", str(os.getgid()))
    validated = ArgumentSpecValidator(hc.ARGUMENT_SPEC).validate(params)
    assert not validated.error_messages, validated.error_messages
    return validated.validated_parameters


def apply(check_mode: bool = False, diff: bool = False, **params: Any) -> dict[str, Any]:
    config = hc.HostConfig(prepare(params), check_mode=check_mode, diff=diff)
    result = config.run()
    result["warnings"] = config.warnings
    return result


def refused(**params: Any) -> str:
    with pytest.raises(hc.HostConfigError) as caught:
        apply(**params)
    return str(caught.value)


def tree(top: Path) -> dict[str, tuple[str, bytes | str, int]]:
    """Everything below a directory: kind, content and mode. Also proves that no temporary file was left."""
    found: dict[str, tuple[str, bytes | str, int]] = {}
    for path in sorted(top.rglob("*")):
        status = path.lstat()
        mode = stat.S_IMODE(status.st_mode)
        name = str(path.relative_to(top))
        if path.is_symlink():
            found[name] = ("link", os.readlink(path), 0)
        elif path.is_dir():
            found[name] = ("directory", b"", mode)
        else:
            found[name] = ("file", path.read_bytes(), mode)
    return found


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    place = tmp_path / "etc"
    place.mkdir()
    return place


# --- documentation ---


def test_documentation_and_argument_spec_agree() -> None:
    def compare(spec: dict[str, Any], documented: dict[str, Any]) -> None:
        assert set(spec) == set(documented)
        for name, option in spec.items():
            for key in ("type", "elements", "required", "default", "choices"):
                assert option.get(key) == documented[name].get(key), (name, key)
            compare(option.get("options", {}), documented[name].get("suboptions", {}))

    compare(hc.ARGUMENT_SPEC, yaml.safe_load(hc.DOCUMENTATION)["options"])
    assert yaml.safe_load(hc.EXAMPLES)
    assert set(yaml.safe_load(hc.RETURN)) == set(apply()) - {"changed", "warnings"} | {"sets"}


# --- files, directories, links, removals ---


def test_second_run_changes_nothing(etc: Path) -> None:
    params = {
        "directories": [{"path": f"{etc}/a/b", "mode": "0750", "triggers": ["dir"]}],
        "files": [{"path": f"{etc}/a/b/c.conf", "content": "x\n", "mode": "0640", "triggers": ["reload"]}],
        "links": [{"path": f"{etc}/a/link", "target": "b/c.conf", "triggers": ["reload", "restart"]}],
    }
    planned = apply(check_mode=True, **params)
    assert tree(etc) == {}
    first = apply(**params)
    assert planned == first
    assert first["changed_paths"] == [f"{etc}/a/b", f"{etc}/a/b/c.conf", f"{etc}/a/link"]
    assert first["triggers"] == ["dir", "reload", "restart"]
    placed = tree(etc)
    assert placed == {
        "a": ("directory", b"", 0o755),
        "a/b": ("directory", b"", 0o750),
        "a/b/c.conf": ("file", b"x\n", 0o640),
        "a/link": ("link", "b/c.conf", 0),
    }
    inode = (etc / "a/b/c.conf").stat().st_ino
    for check_mode in (True, False):
        again = apply(check_mode=check_mode, diff=True, **params)
        assert (again["changed"], again["changed_paths"], again["triggers"], again["diff"]) == (
            False,
            [],
            [],
            [],
        )
    assert (etc / "a/b/c.conf").stat().st_ino == inode


@pytest.mark.parametrize("content", ["", "42", "true", '{"a": 1}', "no newline", "tail\n\n", "ü€\r\n"])
def test_content_is_kept_to_the_byte(etc: Path, content: str) -> None:
    apply(files=[{"path": f"{etc}/f", "content": content}])
    assert (etc / "f").read_bytes() == content.encode()


def test_mode_and_owner_are_corrected_and_shown(etc: Path) -> None:
    (etc / "f").write_text("x")
    (etc / "f").chmod(0o666)
    result = apply(diff=True, files=[{"path": f"{etc}/f", "content": "x", "mode": "0600"}])
    assert tree(etc)["f"] == ("file", b"x", 0o600)
    assert len(result["diff"]) == 1
    assert "mode: 0666" in result["diff"][0]["before"]
    assert "mode: 0600" in result["diff"][0]["after"]


def test_a_link_at_a_files_path_is_replaced_and_its_target_left_alone(etc: Path) -> None:
    (etc / "target").write_text("old")
    (etc / "f").symlink_to("target")
    assert apply(files=[{"path": f"{etc}/f", "content": "new"}])["changed"]
    assert not (etc / "f").is_symlink()
    assert (etc / "f").read_text() == "new"
    assert (etc / "target").read_text() == "old"


def test_link_is_replaced_only_over_a_link_or_with_force(etc: Path) -> None:
    (etc / "link").symlink_to("old")
    apply(links=[{"path": f"{etc}/link", "target": "new"}])
    assert os.readlink(etc / "link") == "new"
    (etc / "file").write_text("precious")
    assert "force: true" in refused(links=[{"path": f"{etc}/file", "target": "new"}])
    assert (etc / "file").read_text() == "precious"
    apply(links=[{"path": f"{etc}/file", "target": "new", "force": True}])
    assert os.readlink(etc / "file") == "new"
    (etc / "dir").mkdir()
    assert "directory" in refused(links=[{"path": f"{etc}/dir", "target": "new", "force": True}])


def test_there_is_no_moment_without_the_link(etc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (etc / "current").symlink_to("one")
    real_rename, seen = os.rename, []

    def rename(source: str, target: str) -> None:
        seen.append(os.readlink(etc / "current"))
        real_rename(source, target)

    monkeypatch.setattr(hc.os, "rename", rename)
    monkeypatch.setattr(
        hc.os, "unlink", lambda path: pytest.fail(path) if path == f"{etc}/current" else os.remove(path)
    )
    apply(links=[{"path": f"{etc}/current", "target": "two"}])
    assert seen == ["one"]
    assert tree(etc) == {"current": ("link", "two", 0)}


def test_absent_removes_files_links_and_empty_directories(etc: Path) -> None:
    (etc / "d").mkdir()
    (etc / "d/file").write_text("x")
    (etc / "link").symlink_to("nowhere")
    assert "still holds file" in refused(absent=[f"{etc}/d"])
    params = {"absent": [f"{etc}/d", {"path": f"{etc}/d/file", "triggers": ["t"]}, f"{etc}/link", f"{etc}/missing"]}
    planned = apply(check_mode=True, **params)
    assert sorted(tree(etc)) == ["d", "d/file", "link"]
    result = apply(**params)
    assert planned == result
    assert tree(etc) == {}
    assert result["triggers"] == ["t"]
    assert not apply(**params)["changed"]


def test_purge_keeps_what_is_listed_and_what_does_not_match(etc: Path) -> None:
    for name in ("keep.conf", "stale.conf", "other.txt", ".hidden.conf"):
        (etc / name).write_text("x")
    (etc / "stale-link.conf").symlink_to("nowhere")
    (etc / "directory.conf").mkdir()
    (etc.parent / "alias").symlink_to(etc)
    params = {
        # The same directory by another name: what was just placed must not be purged.
        "files": [{"path": f"{etc.parent}/alias/keep.conf", "content": "x"}],
        "links": [{"path": f"{etc}/link.conf", "target": "keep.conf"}],
        "purge": [
            {"directory": str(etc), "pattern": "*.conf", "triggers": ["reload"]},
            {"directory": f"{etc}/missing", "pattern": "*"},
        ],
    }
    planned = apply(check_mode=True, **params)
    result = apply(**params)
    assert planned == result
    assert {f"{etc}/stale.conf", f"{etc}/stale-link.conf"} < set(result["changed_paths"])
    assert sorted(tree(etc)) == [".hidden.conf", "directory.conf", "keep.conf", "link.conf", "other.txt"]
    assert not apply(**params)["changed"]


# --- errors name the entry and the remedy, before anything is touched ---


@pytest.mark.parametrize("mode", ["644", "420", "u=rw", "0o644", "0888", ""])
def test_bad_modes_are_refused(etc: Path, mode: str) -> None:
    message = refused(files=[{"path": f"{etc}/f", "content": "x", "mode": mode}])
    assert f"{etc}/f" in message
    assert 'mode: "0644"' in message


def test_duplicates_are_refused(etc: Path) -> None:
    message = refused(files=[{"path": f"{etc}/f", "content": "x"}], links=[{"path": f"{etc}//x/../f", "target": "y"}])
    assert "listed twice" in message
    assert "listed twice" in refused(units=[{"name": "a.service"}, {"name": "a.service"}])


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"files": [{"path": "etc/f", "content": "x"}]}, "absolute path"),
        ({"files": [{"path": "{etc}/no/f", "content": "x"}]}, "Add it to directories"),
        (
            {"files": [{"path": "{etc}/f", "content": "x", "owner": "nobody-knows"}]},
            "'nobody-knows' does not exist",
        ),
        (
            {"files": [{"path": "{etc}/f", "content": "x", "group": "nobody-knows"}]},
            "'nobody-knows' does not exist",
        ),
        ({"files": [{"path": "{etc}/f", "content": "x", "validate": "true"}]}, "needs %s"),
        ({"files": [{"path": "{etc}", "content": "x"}]}, "there is a directory"),
        ({"absent": [{"paht": "/x"}]}, "path and triggers"),
        ({"purge": [{"directory": "{etc}", "pattern": "a/*"}]}, "must be a glob"),
        ({"validate": [{"command": "echo 'open"}]}, "cannot be split"),
        ({"validate": [{"command": []}]}, "list or a string"),
        ({"units": [{"name": "nginx"}]}, "Write the suffix"),
        ({"units": [{"name": "app@.service"}]}, "instance of a template"),
        ({"units": [{"name": "a.service", "masked": True, "state": "started"}]}, "Choose one"),
        ({"users": [{"name": "hc-new", "groups": ["hc-unknown"]}]}, "'hc-unknown' does not exist"),
    ],
)
def test_errors_teach_and_touch_nothing(etc: Path, params: dict[str, Any], words: str) -> None:
    params = json.loads(json.dumps(params).replace("{etc}", str(etc)))
    directories = [{"path": f"{etc}/untouched"}]
    assert words in refused(directories=directories, **params)
    assert tree(etc) == {}


def test_contents_without_the_action_plugin_are_refused(etc: Path) -> None:
    params = prepare({"files": [{"path": f"{etc}/f", "content": "x"}]})
    params["payload"] = None
    with pytest.raises(hc.HostConfigError, match="action plugin"):
        hc.HostConfig(params).run()


def test_a_directory_behind_a_foreign_link_is_refused(etc: Path) -> None:
    (etc / "real").mkdir(mode=0o755)
    (etc / "link").symlink_to("real")
    if os.getuid() == 0:
        assert not apply(directories=[{"path": f"{etc}/link"}])["changed"]
        os.lchown(etc / "link", 65534, 65534)
    if (etc / "link").lstat().st_uid != 0:
        assert "link that root does not own" in refused(directories=[{"path": f"{etc}/link"}])


# --- validation and rollback ---


def test_a_refused_set_leaves_everything_as_it_was(etc: Path) -> None:
    (etc / "changed").write_text("old")
    (etc / "changed").chmod(0o604)
    (etc / "removed").write_text("old too")
    (etc / "link").symlink_to("one")
    (etc / "stale.d").mkdir()
    (etc / "stale.d/purged").write_text("z")
    (etc / "empty").mkdir(mode=0o700)
    before = tree(etc)
    inodes = {name: (etc / name).lstat().st_ino for name in before}
    seen = etc.parent / "seen"
    script = f"ls {etc} > {seen}; cat {etc}/changed; exit 3"
    message = refused(
        files=[{"path": f"{etc}/changed", "content": "new"}, {"path": f"{etc}/added", "content": "new"}],
        links=[{"path": f"{etc}/link", "target": "two"}, {"path": f"{etc}/new-link", "target": "two"}],
        absent=[f"{etc}/removed", f"{etc}/empty"],
        purge=[{"directory": f"{etc}/stale.d", "pattern": "*"}],
        validate=[{"command": ["sh", "-c", script]}],
    )
    assert seen.read_text().split() == ["added", "changed", "link", "new-link", "stale.d"]
    assert "exit status 3" in message
    assert "new" in message
    assert f"{etc}/changed, {etc}/added, {etc}/link" in message
    assert "previous files are back" in message
    assert tree(etc) == before
    # The directory is a new one; files and links are the very same.
    assert {n: (etc / n).lstat().st_ino for n in before if n != "empty"} == {
        n: i for n, i in inodes.items() if n != "empty"
    }


def test_an_error_half_way_is_rolled_back(etc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (etc / "one").write_text("old")
    before = tree(etc)
    real_rename = os.rename

    def rename(source: str, target: str) -> None:
        if target.endswith("/two"):
            raise OSError(28, "No space left on device", target)
        real_rename(source, target)

    monkeypatch.setattr(hc.os, "rename", rename)
    files = [{"path": f"{etc}/{name}", "content": "new"} for name in ("one", "two")]
    message = refused(files=files)
    assert f"{etc}/two: No space left" in message
    assert tree(etc) == before


def test_validate_runs_once_and_only_when_due(etc: Path) -> None:
    log = etc.parent / "log"
    params = {
        "directories": [{"path": f"{etc}/d", "triggers": ["quiet"]}],
        "files": [
            {"path": f"{etc}/a", "content": "x", "triggers": ["loud"]},
            {"path": f"{etc}/b", "content": "x"},
        ],
        "validate": [
            {"command": f"sh -c 'echo any >> {log}'"},
            {"command": f"sh -c 'echo loud >> {log}'", "triggers": ["loud"]},
            {"command": f"sh -c 'echo quiet >> {log}'", "triggers": ["quiet"]},
            {"command": "not-yet-installed -t"},
        ],
    }
    apply(check_mode=True, **params)
    assert not log.exists()
    assert apply(**params)["skipped_validations"] == ["not-yet-installed -t"]
    assert log.read_text().split() == ["any", "loud"]
    assert apply(**params)["skipped_validations"] == []
    assert log.read_text().split() == ["any", "loud"]


def test_a_files_own_validator_sees_the_new_content_before_anything_is_placed(etc: Path) -> None:
    (etc / "first").write_text("old")
    files = [
        {"path": f"{etc}/first", "content": "new"},
        {"path": f"{etc}/second", "content": "bad\n", "validate": "grep -q good %s"},
    ]
    assert "refused by grep -q good" in refused(files=files)
    assert tree(etc) == {"first": ("file", b"old", 0o644)}
    files[1]["content"] = "good\n"
    assert apply(files=files)["changed"]
    files[1].update(content="good 2\n", validate="not-installed %s")
    assert "not-installed is not installed" in refused(files=files)


# --- diff and secrets ---


def test_diff_is_readable_and_says_what_it_leaves_out(etc: Path) -> None:
    (etc / "text").write_text("old\n")
    files = [
        {"path": f"{etc}/text", "content": "new\n"},
        {"path": f"{etc}/binary", "content": "\0"},
        {"path": f"{etc}/large", "content": "x" * 100_001},
        {"path": f"{etc}/secret", "content": SECRET, "sensitive": True},
    ]
    diff = {item["after_header"]: item for item in apply(check_mode=True, diff=True, files=files)["diff"]}
    assert (diff[f"{etc}/text"]["before"], diff[f"{etc}/text"]["after"]) == ("old\n", "new\n")
    assert "binary" in diff[f"{etc}/binary"]["after"]
    assert "more than 100 kB" in diff[f"{etc}/large"]["after"]
    assert diff[f"{etc}/secret"]["after"] == "(sensitive content)\n"


def test_a_validator_cannot_give_a_secret_away(etc: Path) -> None:
    content = f"PASSWORD='{SECRET}'\nurl = postgres://app:{SECRET}-2@db/app\n"
    message = refused(
        files=[{"path": f"{etc}/env", "content": content, "sensitive": True}],
        validate=[{"command": ["sh", "-c", f"cat {etc}/env; echo plain words; exit 1"]}],
    )
    assert SECRET not in message
    assert "plain words" in message
    message = refused(
        files=[{"path": f"{etc}/env", "content": content, "sensitive": True, "validate": "sh -c 'cat %s; false'"}]
    )
    assert SECRET not in message


# --- users ---


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

    monkeypatch.setattr(hc, "run", record)
    me = pwd.getpwuid(os.getuid()).pw_name
    primary = hc.group_name(pwd.getpwnam(me).pw_gid)
    result = apply(
        users=[
            {"name": me, "shell": "/bin/other", "groups": [primary]},
            {"name": "hc-new", "home": "/srv/hc", "groups": [primary, "hc-later"]},
            {"name": "hc-later", "system": False, "comment": "Later"},
        ]
    )
    assert (result["created_users"], result["changed_users"]) == (["hc-new", "hc-later"], [])
    assert [argv[0] for argv in calls] == ["useradd", "useradd", "usermod"]
    assert {"--system", "--no-create-home", "--user-group", "/srv/hc"} < set(calls[0])
    assert "--system" not in calls[1]
    assert f"{primary},hc-later" in calls[2]


# --- sysctl ---


def test_sysctl_brings_live_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hc, "PROC_SYS", str(tmp_path))
    (tmp_path / "net/core").mkdir(parents=True)
    (tmp_path / "net/core/somaxconn").write_text("128\n")
    (tmp_path / "net/core/rmem").write_text("1\t2\t3\n")
    params = {"sysctl": {"net.core.somaxconn": 1024, "net.core.rmem": "1 2 3"}}
    planned = apply(check_mode=True, diff=True, **params)
    assert planned["changed_sysctl"] == ["net.core.somaxconn"]
    assert (tmp_path / "net/core/somaxconn").read_text() == "128\n"
    assert apply(diff=True, **params) == planned
    assert (tmp_path / "net/core/somaxconn").read_text() == "1024\n"
    assert not apply(**params)["changed"]
    for check_mode in (True, False):
        assert "net.core.typo" in refused(check_mode=check_mode, sysctl={"net.core.typo": 1})
    assert "number or a string" in refused(sysctl={"net.core.somaxconn": True})


# --- units, with a systemctl that keeps its state in a file ---

SYSTEMCTL = """\
#!{python}
import json, os, sys
place = os.environ["FAKE_SYSTEMD"]
state = json.load(open(place))
words = sys.argv[1:]
verb, names = words[0], words[words.index("--") + 1:] if "--" in words else []
state["calls"].append(" ".join([verb, *names]))
missing = {{"LoadState": "not-found", "ActiveState": "inactive"}}
code = 0
if verb == "show":
    blocks = []
    for name in names:
        unit = {{"Id": name, "UnitFileState": "", "SubState": "", "Type": "simple", "Result": "success",
                "NeedDaemonReload": "no",
                **state["units"].get(name, missing)}}
        blocks.append("\\n".join(f"{{k}}={{v}}" for k, v in unit.items() if not k.startswith("_")))
    print("\\n\\n".join(blocks))
elif verb == "daemon-reload":
    for unit in state["units"].values():
        unit["NeedDaemonReload"] = "no"
    state["units"].update(state.pop("after_reload", {{}}))
for name in names if verb != "show" else []:
    unit = state["units"].setdefault(name, {{**missing}})
    if verb == "start":
        unit.update(unit.pop("_on_start", {{"ActiveState": "active", "SubState": "running"}}))
        if unit["ActiveState"] == "failed":
            print(f"Job for {{name}} failed because the control process exited with error code.")
            code = 1
    elif verb == "stop":
        unit["ActiveState"] = "inactive"
    elif verb == "mask":
        unit.update(LoadState="masked", UnitFileState="masked")
    elif verb == "unmask":
        unit.update(LoadState="loaded", UnitFileState="disabled")
    else:
        unit["UnitFileState"] = verb + "d"
json.dump(state, open(place, "w"))
sys.exit(code)
"""


class Systemd:
    """The other side of the fake systemctl."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.write({"units": {}, "calls": []})

    def read(self) -> dict[str, Any]:
        return json.loads(self.place.read_text())

    def write(self, state: dict[str, Any]) -> None:
        self.place.write_text(json.dumps(state))

    def add(self, name: str, **properties: str | dict[str, str]) -> None:
        state = self.read()
        defaults = {"LoadState": "loaded", "ActiveState": "inactive", "UnitFileState": "disabled"}
        state["units"][name] = {**defaults, **properties}
        self.write(state)

    def calls(self) -> list[str]:
        """Calls since the last look, without the reading ones' names."""
        state = self.read()
        calls, state["calls"] = state["calls"], []
        self.write(state)
        return ["show" if call.startswith("show ") else call for call in calls]


@pytest.fixture
def systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Systemd:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "systemctl").write_text(SYSTEMCTL.format(python=sys.executable))
    (programs / "journalctl").write_text('#!/bin/sh\necho "journal of $*: it said correct-horse-battery"\n')
    (programs / "systemd-analyze").write_text(
        '#!/bin/sh\ncase $* in *bare-metal*) echo "Conditions failed."; exit 1;; esac\n'
    )
    for program in programs.iterdir():
        program.chmod(0o755)
    fake = Systemd(tmp_path / "systemd.json")
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_SYSTEMD", str(fake.place))
    monkeypatch.setattr(hc, "SETTLE_SECONDS", 0.0)
    monkeypatch.setattr(hc, "START_SECONDS", 0.0)
    return fake


def test_units_take_one_look_and_only_the_calls_they_need(systemd: Systemd) -> None:
    systemd.add("web.service")
    systemd.add("app@blue.service")
    systemd.add("done.service", ActiveState="active", UnitFileState="enabled")
    systemd.add("old.service", ActiveState="active", UnitFileState="enabled")
    wishes = {
        "units": [
            {"name": "web.service", "enabled": True, "state": "started"},
            {"name": "app@blue.service", "enabled": True, "state": "started"},
            {"name": "done.service", "enabled": True, "state": "started"},
            {"name": "old.service", "enabled": False, "state": "stopped"},
        ]
    }
    planned = apply(check_mode=True, **wishes)
    assert systemd.calls() == ["show"]
    assert apply(**wishes) == planned
    assert planned["changed_units"] == ["web.service", "app@blue.service", "old.service"]
    assert systemd.calls() == [
        "show",
        "stop old.service",
        "disable old.service",
        "enable web.service app@blue.service",
        "start web.service app@blue.service",
        "show",
    ]
    assert not apply(**wishes)["changed"]
    assert systemd.calls() == ["show"]


def test_daemon_reload_when_a_unit_file_changed_or_systemd_asks(
    systemd: Systemd, etc: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hc, "UNIT_DIRECTORIES", (str(etc),))
    params = {"files": [{"path": f"{etc}/a.service", "content": "[Unit]\n"}]}
    assert apply(check_mode=True, **params)["daemon_reloaded"]
    assert systemd.calls() == []
    assert apply(**params)["daemon_reloaded"]
    assert systemd.calls() == ["daemon-reload"]
    systemd.add("a.service", NeedDaemonReload="yes", ActiveState="active")
    wishes = {"units": [{"name": "a.service", "state": "started"}]}
    assert apply(check_mode=True, **wishes)["daemon_reloaded"]
    assert systemd.calls() == ["show"]
    assert apply(**wishes)["daemon_reloaded"]
    assert systemd.calls() == ["show", "daemon-reload", "show"]
    assert not apply(**params, **wishes)["daemon_reloaded"]


def test_a_missing_unit_is_a_change_in_check_mode_and_an_error_else(systemd: Systemd) -> None:
    wishes = {"units": [{"name": "later.service", "enabled": True, "state": "started"}]}
    assert apply(check_mode=True, **wishes)["changed_units"] == ["later.service"]
    assert "later.service does not exist" in refused(**wishes)


def test_a_host_without_systemctl_can_be_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hc, "find_executable", lambda name: None)
    wishes = {"units": [{"name": "later.service", "state": "started"}, {"name": "seen.service"}]}
    assert apply(check_mode=True, **wishes)["changed_units"] == ["later.service"]
    assert "systemctl is not installed" in refused(**wishes)


def test_masking(systemd: Systemd) -> None:
    systemd.add("a.service", ActiveState="active", UnitFileState="enabled")
    units = [{"name": "a.service", "masked": True}, {"name": "never-installed.service", "masked": True}]
    assert apply(units=units)["changed_units"] == ["a.service", "never-installed.service"]
    assert systemd.calls()[1:] == [
        "stop a.service",
        "disable a.service",
        "mask a.service never-installed.service",
    ]
    assert not apply(units=units)["changed"]
    assert "masked: false" in refused(units=[{"name": "a.service", "state": "started"}])
    back = {"units": [{"name": "a.service", "masked": False, "enabled": True, "state": "started"}]}
    assert apply(check_mode=True, **back)["changed_units"] == ["a.service"]
    systemd.calls()
    assert apply(**back)["changed_units"] == ["a.service"]
    assert systemd.calls()[1:] == ["unmask a.service", "show", "enable a.service", "start a.service", "show"]


def test_a_unit_that_fails_to_start_shows_its_journal_without_secrets(systemd: Systemd, etc: Path) -> None:
    systemd.add("bad.service", _on_start={"ActiveState": "failed"})
    systemd.add("loop.service", _on_start={"ActiveState": "activating", "SubState": "auto-restart"})
    with pytest.raises(hc.HostConfigError) as caught:
        apply(
            files=[{"path": f"{etc}/env", "content": SECRET, "sensitive": True, "triggers": ["restart"]}],
            units=[{"name": "bad.service", "state": "started"}, {"name": "loop.service", "state": "started"}],
        )
    message = str(caught.value)
    assert "bad.service, loop.service did not start" in message
    assert "journal of -u bad.service -n 30 --no-pager" in message
    assert SECRET not in message
    assert caught.value.details["changed"]
    assert caught.value.details["triggers"] == ["restart"]
    # A crash loop does not count as started the next time either.
    assert apply(check_mode=True, units=[{"name": "loop.service", "state": "started"}])["changed"]


def test_units_that_cannot_be_enabled_or_started_are_warned_about(systemd: Systemd) -> None:
    systemd.add("static.service", UnitFileState="static", ActiveState="active")
    systemd.add("bare-metal.service", UnitFileState="enabled", _on_start={"ActiveState": "inactive"})
    wishes = {
        "units": [
            {"name": "static.service", "enabled": True},
            {"name": "bare-metal.service", "state": "started"},
        ]
    }
    result = apply(**wishes)
    assert not result["changed"]
    assert "static.service cannot be enabled" in result["warnings"][0]
    assert "own conditions" in result["warnings"][1]
    assert not apply(check_mode=True, **wishes)["changed"]


# --- the whole way through Ansible, held against the stock modules ---


def play(place: Path, tasks: str, *arguments: str) -> str:
    playbook = place / "play.yml"
    (place / "ansible.cfg").touch()  # the project's own must not decide what is tested
    header = "- hosts: localhost\n  gather_facts: false\n"
    header += "  vars: {who: world, items: [1, 2], ansible_managed: mine}\n"
    playbook.write_text(header + "  tasks:\n" + textwrap.indent(textwrap.dedent(tasks), "    "))
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
        "ANSIBLE_CONFIG": str(place / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "ANSIBLE_LOCAL_TEMP": str(place / "tmp"),
        "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default",
    }
    argv = [ANSIBLE, "-i", "localhost,", "-c", "local", playbook, *arguments]
    done = subprocess.run(
        argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, check=False
    )
    return f"{done.stdout}\nexit status {done.returncode}\n"


def changes(output: str) -> list[bool]:
    """Changed flags of all tasks, in order."""
    lines = [line for line in output.splitlines() if line.startswith(("changed: ", "ok: "))]
    return [line.startswith("changed: ") for line in lines]


TEMPLATE = """\
# {{ ansible_managed }} {{ template_destpath | basename }}
{% for item in items %}
  {% if item %}
item {{ item }}
  {% endif %}
{% endfor %}
{% include 'part.j2' %}
hello {{ who }} {{ extra | default('none') }} \\n {{ '\\n' }}

"""


def test_same_as_the_stock_modules(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "files").mkdir()
    (tmp_path / "templates/t.j2").write_text(TEMPLATE)
    (tmp_path / "templates/part.j2").write_text("part of {{ who }}\n")
    (tmp_path / "templates/only.j2").write_text("{{ items }}")
    (tmp_path / "files/blob").write_bytes(bytes(range(256)))
    for place in ("ours", "stock"):
        (tmp_path / place / "etc").mkdir(parents=True)
        (tmp_path / place / "etc/replaced").symlink_to("elsewhere")
        (tmp_path / place / "etc/gone").write_text("x")
    tasks = f"""
    - django_ec2.site.host_config:
        directories:
          - {{path: {tmp_path}/ours/etc/d, mode: "0711", owner: "{os.getuid()}", group: "{os.getgid()}"}}
        files:
          - {{path: {tmp_path}/ours/etc/t, template: t.j2, mode: "0640"}}
          - {{path: {tmp_path}/ours/etc/only, template: only.j2}}
          - {{path: {tmp_path}/ours/etc/replaced, content: "42", mode: "0600"}}
          - {{path: {tmp_path}/ours/etc/json, content: '{{"a": 1}}'}}
          - {{path: {tmp_path}/ours/etc/blob, src: blob}}
        links:
          - {{path: {tmp_path}/ours/etc/link, target: t}}
        absent: [{tmp_path}/ours/etc/gone]
    - file: {{path: {tmp_path}/stock/etc/d, state: directory, mode: "0711"}}
    - template: {{dest: {tmp_path}/stock/etc/t, src: t.j2, mode: "0640"}}
    - template: {{dest: {tmp_path}/stock/etc/only, src: only.j2, mode: "0644"}}
    - copy: {{dest: {tmp_path}/stock/etc/replaced, content: "42", mode: "0600", follow: false}}
    - copy: {{dest: {tmp_path}/stock/etc/json, content: '{{"a": 1}}', mode: "0644"}}
    - copy: {{dest: {tmp_path}/stock/etc/blob, src: blob, mode: "0644"}}
    - file: {{path: {tmp_path}/stock/etc/link, src: t, state: link, force: true}}
    - file: {{path: {tmp_path}/stock/etc/gone, state: absent}}
    """
    before = tree(tmp_path / "ours")
    planned = play(tmp_path, tasks, "--check")
    assert changes(planned) == [True] * 9, planned
    assert tree(tmp_path / "ours") == before
    first = play(tmp_path, tasks)
    assert changes(first) == [True] * 9, first
    assert tree(tmp_path / "ours") == tree(tmp_path / "stock")
    assert (tmp_path / "ours/etc/t").read_text().startswith("# mine t\n")
    assert changes(play(tmp_path, tasks)) == [False] * 9


def test_nothing_of_a_sensitive_file_is_printed_and_the_rest_stays_readable(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/t.j2").write_text("{{ token }}\n")
    tasks = f"""
    - django_ec2.site.host_config:
        files:
          - path: {tmp_path}/a
            template: t.j2
            sensitive: true
            mode: "0600"
            vars: {{token: "{{{{ hidden }}}}"}}
          - {{path: {tmp_path}/b, content: "{{{{ hidden }}}}", sensitive: true}}
          - {{path: {tmp_path}/c, content: "readable words\\n", triggers: [reload]}}
      vars: {{hidden: "{{{{ ['correct', 'horse', 'battery'] | join('-') }}}}"}}
    - django_ec2.site.host_config:
        files: [{{path: {tmp_path}/hidden-by-the-task, content: "also-withheld"}}]
      no_log: true
    """
    output = play(tmp_path, tasks, "-vvv", "--diff")
    assert "exit status 0" in output
    assert SECRET not in output
    assert base64.b64encode(SECRET.encode()).decode()[:12] not in output
    assert "+readable words" in output
    assert "(sensitive content)" in output
    assert '"reload"' in output
    assert "also-withheld" not in output
    assert (tmp_path / "a").read_text() == SECRET + "\n"
    assert (tmp_path / "b").read_text() == SECRET


def test_the_controllers_errors_name_entry_and_remedy(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/broken.j2").write_text("x\n{{ nowhere_defined }}\n")
    (tmp_path / "templates/leak.j2").write_text("{{ token | from_json }}\n")
    (tmp_path / "templates/vault.txt").write_text("x" * 1_000_001)
    entries = {
        "template: broken.j2": [
            "the template broken.j2 could not be rendered",
            "'nowhere_defined' is undefined",
        ],
        "template: missing.j2": ["missing.j2 was not found in templates/"],
        "template: vault.txt": ["more than 1 MB", "ansible.builtin.copy"],
        f"template: leak.j2, sensitive: true, vars: {{token: '{SECRET}'}}": [
            "leak.j2 could not",
            "is sensitive",
        ],
        "content: {a: 1}": ["content is a mapping", "to_nice_json"],
        "content: a, src: b": ["one of template, content or src", "content and src"],
        "content: a, vars: {b: c}": ["vars are for templates only"],
        "content: a, mode: 0644": ["mode '420' is not an octal string", 'mode: \\"0644\\"'],
        "content: a, typo: b": ["files.typo"],
    }
    tasks = "".join(
        f"- django_ec2.site.host_config: {{files: [{{path: {tmp_path}/file-{number}, {entry}}}]}}\n  ignore_errors: true\n"
        for number, entry in enumerate(entries)
    )
    output = play(tmp_path, tasks)
    for number, (entry, expected) in enumerate(entries.items()):
        for words in expected:
            assert words in output, (entry, output)
        assert not (tmp_path / f"file-{number}").exists()
    assert output.count("...ignoring") == len(entries)


# --- what a host remembers ---


@pytest.fixture
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    directory = tmp_path / "memory"
    monkeypatch.setattr(hc.remembered, "DIRECTORY", str(directory))
    return directory


def remember(etc: Path, **more: Any) -> dict[str, Any]:
    entry = {"path": str(etc / "app.conf"), "content": "a = 1\n", "mode": "0640"}
    wish = {"directories": [{"path": str(etc / "app.d")}], "files": [entry], "remember": "app", "digest": "d1"}
    return apply(**{**wish, **more})


def test_a_set_that_was_applied_is_remembered_and_found_again(etc: Path, memory: Path) -> None:
    assert hc.sets_that_hold() == {}
    assert remember(etc)["changed"]
    assert hc.sets_that_hold() == {"app": "d1"}
    assert not remember(etc)["changed"]
    assert stat.S_IMODE(memory.stat().st_mode) == 0o700
    assert "a = 1" not in (memory / "app.json").read_text()


@pytest.mark.parametrize("drift", ["content", "mode", "missing", "link", "directory", "purge"])
def test_a_set_that_the_host_departed_from_is_not_found(etc: Path, memory: Path, drift: str) -> None:
    remember(etc, purge=[{"directory": str(etc / "app.d"), "pattern": "*"}])
    assert hc.sets_that_hold() == {"app": "d1"}
    path = etc / "app.conf"
    if drift == "content":
        path.write_text("a = 2\n")
    elif drift == "mode":
        path.chmod(0o644)
    elif drift == "missing":
        path.unlink()
    elif drift == "link":
        path.rename(etc / "elsewhere")
        path.symlink_to("elsewhere")
    elif drift == "directory":
        (etc / "app.d").rmdir()
    else:
        (etc / "app.d" / "stranger").touch()
    before = tree(etc)
    assert hc.sets_that_hold() == {}
    assert tree(etc) == before, "looking changes nothing"
    remember(etc, purge=[{"directory": str(etc / "app.d"), "pattern": "*"}])
    assert hc.sets_that_hold() == {"app": "d1"}


def test_a_check_remembers_nothing_and_forgets_nothing(etc: Path, memory: Path) -> None:
    remember(etc, check_mode=True)
    assert not memory.exists()
    remember(etc)
    (etc / "app.conf").write_text("drift\n")
    remember(etc, check_mode=True)
    assert (memory / "app.json").exists()
    assert hc.sets_that_hold() == {}


def test_a_set_that_failed_is_forgotten(etc: Path, memory: Path) -> None:
    remember(etc)
    entry = {"path": str(etc / "app.conf"), "content": "b\n", "validate": "false %s"}
    with pytest.raises(hc.HostConfigError):
        apply(files=[entry], remember="app", digest="d2")
    assert not (memory / "app.json").exists()


def test_units_belong_to_what_is_remembered(etc: Path, memory: Path, fake_bin: Any) -> None:
    def says(state: str) -> None:
        fake_bin(
            "systemctl",
            f"printf 'Id=a.service\\nLoadState=loaded\\nActiveState={state}\\nUnitFileState=enabled\\nNeedDaemonReload=no\\n'",
        )

    says("active")
    remember(etc, units=[{"name": "a.service", "enabled": True, "state": "started"}])
    assert hc.sets_that_hold() == {"app": "d1"}
    says("inactive")
    assert hc.sets_that_hold() == {}


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"params": {}}', '{"params": {"files": [1]}, "digest": "x"}'])
def test_a_damaged_record_counts_as_none(memory: Path, text: str) -> None:
    memory.mkdir()
    (memory / "app.json").write_text(text)
    assert hc.sets_that_hold() == {}


def test_a_record_ends_when_it_says_so(etc: Path, memory: Path) -> None:
    remember(etc)
    record = json.loads((memory / "app.json").read_text())
    (memory / "app.json").write_text(json.dumps({**record, "until": 1}))
    assert hc.sets_that_hold() == {}


def test_a_name_that_is_no_name_is_refused(etc: Path) -> None:
    assert "remember: '../app'" in refused(remember="../app")


PLAY = """
- hosts: localhost
  gather_facts: false
  vars: {{ansible_connection: local}}
  tasks:
    - {{name: First, django_ec2.site.host_config: {{}}}}
    - &set
      name: Second
      django_ec2.site.host_config:
        remember: test-of-the-project
        files: [{{path: "{path}", content: "one", owner: "{uid}", group: "{gid}"}}]
      register: second
    - {{name: Look, django_ec2.site.host_config: {{}}}}
    - {{<<: *set, name: Third, register: third}}
    - name: Fourth
      django_ec2.site.host_config:
        remember: test-of-the-project
        files: [{{path: "{path}", content: "two", owner: "{uid}", group: "{gid}"}}]
      register: fourth
    - ansible.builtin.assert:
        that:
          - second is changed and not second.remembered
          - third is not changed and third.remembered and third.triggers == []
          - fourth is changed and not fourth.remembered
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="the memory of a host is root's")
def test_a_host_is_asked_once_a_run(tmp_path: Path) -> None:
    record = Path(hc.remembered.DIRECTORY) / "test-of-the-project.json"
    record.unlink(missing_ok=True)
    playbook = tmp_path / "play.yml"
    playbook.write_text(PLAY.format(path=tmp_path / "file", uid=os.getuid(), gid=os.getgid()))
    try:
        done = subprocess.run(
            [str(ANSIBLE), "-i", "localhost,", str(playbook)],
            env={**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}, capture_output=True, text=True, check=False,
        )  # fmt: skip
    finally:
        record.unlink(missing_ok=True)
    assert done.returncode == 0, done.stdout + done.stderr
