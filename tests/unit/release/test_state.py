"""The module release_state: reads a host's releases and slots, and changes nothing."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.release import manifest
from ansible_collections.django_ec2.site.plugins.modules import release_state as module_release_state

from tests.conftest import RunModule


@pytest.fixture
def application(tmp_path: Path) -> Path:
    """An application with two releases, blue live."""
    root = tmp_path / "srv"
    for release, marks in {"4be1": [".complete", ".ready"], "77aa": [".bad"]}.items():
        (root / "releases" / release / "venv").mkdir(parents=True)
        for mark in marks:
            (root / "releases" / release / mark).write_text("no answer\n")
    for slot in ("blue", "green"):
        (root / "slots" / slot).mkdir(parents=True)
    (root / "slots" / "blue" / "slot.json").write_text(
        json.dumps({"release": "4be1", "fingerprint": "f", "settings": "s"})
    )
    (root / "shared").mkdir()
    (root / "superuser.json").write_text(json.dumps({"username": "admin"}))
    (root / "live").symlink_to("slots/blue")
    return root


@pytest.fixture
def read(run_module: RunModule) -> Callable[..., dict[str, Any]]:
    def run(
        root: Path,
        *,
        check_mode: bool = False,
        files: list[str] | None = None,
        expected: dict[str, str] | None = None,
        contents: bool = False,
    ) -> dict[str, Any]:
        entry = {"name": "shop", "root": str(root), "unit": "uwsgi-shop@{slot}.service", "files": files or []}
        answer = run_module(
            module_release_state,
            check_mode=check_mode,
            applications=[entry],
            expected=expected or {},
            contents=contents,
        )
        assert answer["changed"] is False
        return answer["applications"]["shop"]

    return run


def test_a_host_that_has_nothing(
    read: Callable[..., dict], tmp_path: Path, fake_bin: Callable[[str, str], Path]
) -> None:
    fake_bin("systemctl", "printf 'inactive\\ninactive\\n'; exit 3")
    found = read(tmp_path / "absent")
    assert (found["live"], found["idle"], found["releases"], found["superuser"]) == ("", "blue", {}, {})
    assert found["slots"] == {"blue": {"active": False}, "green": {"active": False}}


@pytest.mark.parametrize("check_mode", [False, True])
def test_a_host_that_serves(
    read: Callable[..., dict], application: Path, fake_bin: Callable[[str, str], Path], check_mode: bool
) -> None:
    fake_bin("systemctl", "printf 'active\\nactivating\\n'; exit 3")
    found = read(application, check_mode=check_mode)
    assert (found["live"], found["idle"]) == ("blue", "green")
    assert found["slots"]["blue"] == {"release": "4be1", "fingerprint": "f", "settings": "s", "active": True}
    assert found["slots"]["green"] == {"active": False}
    marks = {name: (one["complete"], one["ready"], one["bad"]) for name, one in found["releases"].items()}
    assert marks == {"4be1": (True, True, ""), "77aa": (False, False, "no answer")}
    assert found["superuser"] == {"username": "admin"}


def test_systemd_is_asked_once_for_all_slots(
    run_module: RunModule, tmp_path: Path, fake_bin: Callable[[str, str], Path]
) -> None:
    asked = tmp_path / "asked"
    fake_bin("systemctl", f'echo "$*" >> {asked}; shift; for one; do echo active; done')
    entries = [
        {"name": name, "root": str(tmp_path / name), "unit": f"uwsgi-{name}@{{slot}}.service"}
        for name in ("shop", "blog")
    ]
    answer = run_module(module_release_state, applications=entries)
    assert asked.read_text().splitlines() == [
        "is-active uwsgi-shop@blue.service uwsgi-shop@green.service uwsgi-blog@blue.service uwsgi-blog@green.service"
    ]
    assert all(slot["active"] for one in answer["applications"].values() for slot in one["slots"].values())


def test_a_systemd_that_says_nothing_counts_as_stopped(
    read: Callable[..., dict], application: Path, fake_bin: Callable[[str, str], Path]
) -> None:
    fake_bin("systemctl", "echo 'System has not been booted with systemd' >&2; exit 1")
    assert read(application)["slots"]["blue"]["active"] is False


def test_the_settings_digest_follows_the_files(read: Callable[..., dict], application: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    files = [str(one), str(two)]
    seen = [read(application, files=files)["settings"]]
    one.write_text("a")
    seen.append(read(application, files=files)["settings"])
    one.write_text("")
    two.write_text("a")
    seen.append(read(application, files=files)["settings"])
    assert len(set(seen)) == 3
    assert read(application, files=files)["settings"] == seen[-1]


def test_a_check_counts_with_what_the_files_would_be(
    read: Callable[..., dict], application: Path, tmp_path: Path
) -> None:
    file = tmp_path / "settings.ini"
    file.write_text("as it should be")
    before = read(application, files=[str(file)])["settings"]
    file.write_text("drifted")
    expected = {str(file): hashlib.sha256(b"as it should be").hexdigest()}
    assert read(application, files=[str(file)])["settings"] != before
    assert read(application, files=[str(file)], expected=expected)["settings"] == before


@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_a_damaged_record_counts_as_none(read: Callable[..., dict], application: Path, content: str) -> None:
    (application / "slots" / "blue" / "slot.json").write_text(content)
    assert "release" not in read(application)["slots"]["blue"]


def test_layers_and_input_keys_are_told(read: Callable[..., dict], application: Path) -> None:
    release = {"input_key": "k1", "layer": "l1", "packages": ["Django==5.2"]}
    (application / "releases" / "4be1" / "release.json").write_text(json.dumps(release))
    for name in ("l1", ".l2.partial"):
        (application / "layers" / name).mkdir(parents=True)
        layer = {"layer": name, "key": f"key-{name}", "packages": ["Django==5.2"]}
        (application / "layers" / name / "layer.json").write_text(json.dumps(layer))
    found = read(application)
    assert (found["releases"]["4be1"]["input_key"], found["releases"]["4be1"]["layer"]) == ("k1", "l1")
    # A release of an earlier layout has neither.
    assert (found["releases"]["77aa"]["input_key"], found["releases"]["77aa"]["layer"]) == ("", "")
    assert found["layers"] == {"key-l1": {"layer": "l1", "packages": ["Django==5.2"]}}


def test_files_that_somebody_changed_in_the_live_release_are_found(
    read: Callable[..., dict], application: Path, fake_bin: Callable[[str, str], Path]
) -> None:
    fake_bin("systemctl", "printf 'active\\ninactive\\n'")
    release, layer = application / "releases" / "4be1", application / "layers" / "l1"
    (release / "venv").rmdir()
    (release / "venv").symlink_to("../../layers/l1")
    (application / "slots" / "blue" / "release").symlink_to("../../releases/4be1")
    for place in (release / "app", layer / "lib"):
        place.mkdir(parents=True)
        (place / "a.py").write_text("x = 1\n")
    assert read(application)["damage"] == {}, "nobody noted what it was"
    for place in (release, layer):
        manifest.write(place)
    (release / ".withdrawn").write_text("a mark is no damage\n")
    (release / "migrations.json").write_text("{}")
    assert read(application, contents=True)["damage"] == {}
    before = (release / "app/a.py").stat()
    (release / "app/a.py").write_text("x = 2\n")
    os.utime(release / "app/a.py", ns=(before.st_atime_ns, before.st_mtime_ns))
    (layer / "lib/a.py").chmod(0o666)
    (layer / "lib/b.py").write_text("")
    (layer / "lib/__pycache__").mkdir()
    found = {"layers/l1/lib/a.py": "changed", "layers/l1/lib/b.py": "added"}
    assert read(application)["damage"] == found
    assert read(application, contents=True)["damage"] == {**found, "releases/4be1/app/a.py": "changed"}
    (layer / "lib/a.py").unlink()
    assert read(application)["damage"]["layers/l1/lib/a.py"] == "missing"
