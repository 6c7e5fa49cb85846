"""The module release_stage: a complete release in the idle slot, or none, and what is live is never touched."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import stat
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.release import unpack
from ansible_collections.django_ec2.site.plugins.modules import release_stage as module

from tests.conftest import RunModule

RELEASE = "4be1d2c3a4f5"
LAYER = "77aa00bb11cc"
GATE = {"migrations": {"shop.0001": []}, "plan": []}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The directory of an application without a release."""
    for name in ("releases", "layers", "slots/green", "slots/blue", "shared"):
        (tmp_path / "shop" / name).mkdir(parents=True)
    return tmp_path / "shop"


def packed(place: Path, **files: str) -> Path:
    """An archive; ``__`` in a name is a slash."""
    with tarfile.open(place, "w:gz") as tar:
        for name, text in files.items():
            path = place.with_name("member")
            path.write_text(text)
            tar.add(path, name.replace("__", "/").replace("_py", ".py").replace("_json", ".json"))
    return place


@pytest.fixture
def archives(tmp_path: Path) -> Callable[[], dict[str, str]]:
    """A release's archive and its layer's, with a file that is no valid Python as packages carry them."""

    def make() -> dict[str, str]:
        release = packed(
            tmp_path / "release.tar.gz", app__manage_py="print('hello')\n", app__template_py="{{ no python }} at all\n"
        )
        description = json.dumps({"layer": LAYER, "key": "k1", "packages": ["Django==5.2"]})
        layer = packed(tmp_path / "layer.tar.gz", lib__fast_py="x = 1\n", layer_json=description)
        return {"archive": str(release), "layer_archive": str(layer)}

    return make


@pytest.fixture
def stage(
    run_module: RunModule, root: Path, tmp_path: Path, fake_bin: Callable[[str, str], Path],
    archives: Callable[[], dict[str, str]],
) -> Callable[..., dict[str, Any]]:  # fmt: skip
    """Run the module; the manage command is a stand-in that writes a static file and notes what it was asked."""
    fake_bin("systemctl", "exit 5")
    manage = fake_bin(
        "shop-manage",
        f'echo "$*" >> {tmp_path}/asked\n'
        f"case \"$*\" in *release_gate.py*) echo '{json.dumps(GATE)}' ;;\n"
        f'*collectstatic*) echo "p {{}}" > {root}/releases/{RELEASE}/static/app.css ;;\n*fail*) echo "no such table" >&2; exit 1 ;; esac',
    )

    def run(check_mode: bool = False, **given: Any) -> dict[str, Any]:
        options: dict[str, Any] = {
            "name": "shop", "root": str(root), "user": "root", "release": RELEASE, "layer": LAYER, "slot": "green",
            "socket": "/run/server-shop/green/server.sock", "socket_name": "server.sock", "environment": "A=1\n",
            "owner_environment": "A=2\n", "manage": str(manage), "commands": [["collectstatic", "--noinput"]],
            "static_shared": str(root / "shared" / "static"), "python": sys.executable, **archives(), **given,
        }  # fmt: skip
        return run_module(
            module, check_mode=check_mode, **{name: one for name, one in options.items() if one is not None}
        )

    return run


def asked(tmp_path: Path) -> list[str]:
    path = tmp_path / "asked"
    return path.read_text().splitlines() if path.exists() else []


def test_a_release_is_unpacked_with_environment_and_bytecode(stage: Callable[..., dict], root: Path) -> None:
    answer = stage()
    assert answer["changed"] is True, answer
    assert answer["unpacked"] == [LAYER, RELEASE]
    place = root / "releases" / RELEASE
    assert (place / ".complete").exists()
    assert (place / ".ready").exists()
    assert os.readlink(place / "venv") == f"../../layers/{LAYER}"
    assert (place / "venv/bin/python").exists()
    assert not list((place / "venv/bin").glob("pip*"))
    assert not list((place / "venv/bin").glob("*ctivate*"))
    assert list((place / "app/__pycache__").glob("manage.*.pyc"))
    assert list((root / "layers" / LAYER / "lib/__pycache__").glob("fast.*.pyc"))
    for one in (place, root / "layers" / LAYER):
        assert one.stat().st_mode & 0o777 == 0o750
        # What was shipped stays, and root alone reads it.
        assert stat.S_IMODE((one / unpack.ARCHIVE).stat().st_mode) == 0o600


def test_what_is_there_is_left_as_it_is(stage: Callable[..., dict], root: Path, tmp_path: Path) -> None:
    stage()
    before = (root / "releases" / RELEASE / "app").stat().st_mtime_ns
    answer = stage(archive=None, layer_archive=None)
    assert (answer["unpacked"], answer["finished"]) == ([], False)
    assert (root / "releases" / RELEASE / "app").stat().st_mtime_ns == before
    assert len([one for one in asked(tmp_path) if "collectstatic" in one]) == 1


def test_a_layer_is_shared(stage: Callable[..., dict], root: Path) -> None:
    stage()
    answer = stage(release="0123456789ab", layer_archive=None, commands=[])
    assert answer["unpacked"] == ["0123456789ab"]
    assert (root / "releases/0123456789ab/venv").samefile(root / "releases" / RELEASE / "venv")


def test_what_an_interrupted_run_left_is_begun_anew(stage: Callable[..., dict], root: Path) -> None:
    left = root / "releases" / RELEASE / "app" / "left.py"
    left.parent.mkdir(parents=True)
    left.touch()
    (root / "layers" / f".{LAYER}.partial").mkdir()
    assert stage()["unpacked"] == [LAYER, RELEASE]
    assert not left.exists()
    assert [one.name for one in (root / "layers").iterdir()] == [LAYER]


def test_check_mode_says_what_it_would_do(stage: Callable[..., dict], root: Path) -> None:
    assert stage(check_mode=True)["changed"] is True
    assert list((root / "releases").iterdir()) == []
    assert list((root / "slots" / "green").iterdir()) == []


@pytest.mark.parametrize("which", ["archive", "layer_archive"])
def test_an_archive_that_is_cut_short_leaves_nothing(
    stage: Callable[..., dict], root: Path, tmp_path: Path, which: str
) -> None:
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(b"\x1f\x8b\x08 no archive")
    said = stage(**{which: str(cut)})
    assert f"Release {RELEASE} of shop cannot be staged: Unpacking {cut} failed" in said["msg"]
    assert list((root / "releases").iterdir()) == []
    assert [one for one in (root / "layers").iterdir() if one.name != LAYER] == []


def test_what_was_not_shipped_is_named(stage: Callable[..., dict]) -> None:
    assert f"the layer {LAYER} is not on this host" in stage(layer_archive=None)["msg"]
    assert "it is not on this host" in stage(archive=None)["msg"]


def test_another_run_is_waited_for(stage: Callable[..., dict], root: Path) -> None:
    with (root / "unpack.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        said = stage(wait=1)
    assert "another run has been unpacking here for more than 1 seconds" in said["msg"]
    assert stage()["changed"] is True


def test_the_slot_gets_its_release_its_socket_and_its_environments(stage: Callable[..., dict], root: Path) -> None:
    slot = root / "slots" / "green"
    (slot / "slot.json").write_text("{}")
    stage()
    assert not (slot / "slot.json").exists(), "what it was started with before says nothing any more"
    assert os.readlink(slot / "release") == f"../../releases/{RELEASE}"
    assert os.readlink(slot / "server.sock") == "/run/server-shop/green/server.sock"
    for name, text in (("environment", "A=1\n"), ("environment-owner", "A=2\n")):
        assert (slot / name).read_text() == text
        assert stat.S_IMODE((slot / name).stat().st_mode) == 0o400
    stage(environment="A=3\n", archive=None, layer_archive=None)
    assert (slot / "environment").read_text() == "A=3\n"
    assert sorted(one.name for one in slot.iterdir()) == ["environment", "environment-owner", "release", "server.sock"]
    assert list((root / "slots" / "blue").iterdir()) == [], "the other slot is nobody's business here"


def test_its_commands_run_as_the_application_and_its_files_become_root_s(
    stage: Callable[..., dict], root: Path, tmp_path: Path
) -> None:
    answer = stage()
    assert asked(tmp_path) == ["--slot green --release collectstatic --noinput"]
    assert answer["static"] == {"files": 1, "unchanged": 0, "compressed": 0, "removed": 0}
    assert (root / "shared/static/app.css").samefile(root / "releases" / RELEASE / "static/app.css")
    assert set(answer["seconds"]) == {"remove", "unpack", "slot", "commands", "publish"}


def test_a_command_that_fails_is_told_with_what_it_said(stage: Callable[..., dict], root: Path) -> None:
    said = stage(commands=[["fail", "now"]])
    assert "release_commands: 'fail now' failed: no such table" in said["msg"]
    assert not (root / "releases" / RELEASE / ".ready").exists()
    assert stage()["finished"] is True


def test_one_host_asks_what_its_migrations_are(stage: Callable[..., dict], tmp_path: Path) -> None:
    assert stage()["gate"] == {}
    assert stage(gate=True)["gate"] == GATE
    assert asked(tmp_path)[-1] == "--slot green --owner --script release_gate.py prepare"


def test_old_releases_and_layers_that_nobody_needs_are_removed(stage: Callable[..., dict], root: Path) -> None:
    for release, layer in (("old", "l-old"), ("kept", "l-kept")):
        (root / "releases" / release).mkdir()
        (root / "layers" / layer).mkdir()
        (root / "releases" / release / "venv").symlink_to(f"../../layers/{layer}")
    # A release of an earlier layout carries its packages itself.
    (root / "releases/older/venv/lib").mkdir(parents=True)
    assert stage(remove=["old", "never-there"])["removed"] == ["old", "l-old"]
    assert {one.name for one in (root / "layers").iterdir()} == {"l-kept", LAYER}
    assert (root / "releases/older/venv/lib").is_dir()


@pytest.fixture
def staged(stage: Callable[..., dict], root: Path) -> Path:
    """The directory of a staged release."""
    assert "failed" not in stage()
    return root / "releases" / RELEASE


def test_what_somebody_changed_is_put_back(
    stage: Callable[..., dict], staged: Path, root: Path, tmp_path: Path
) -> None:
    layer = root / "layers" / LAYER
    before = (staged / "app/manage.py").stat()
    (staged / "app/manage.py").write_text("print('HELLO')\n")
    os.utime(staged / "app/manage.py", ns=(before.st_atime_ns, before.st_mtime_ns))
    (staged / "app/local_settings.py").write_text("DEBUG = True\n")
    (layer / "lib/fast.py").unlink()
    (layer / "pyvenv.cfg").chmod(0o666)
    (layer / "lib").chmod(0o777)
    answer = stage(archive=None, layer_archive=None, slot="blue")
    assert answer["mended"] == [
        f"layers/{LAYER}/lib", f"layers/{LAYER}/lib/fast.py", f"layers/{LAYER}/pyvenv.cfg",
        f"releases/{RELEASE}/app/local_settings.py", f"releases/{RELEASE}/app/manage.py",
    ]  # fmt: skip
    assert (staged / "app/manage.py").read_text() == "print('hello')\n"
    assert not (staged / "app/local_settings.py").exists()
    assert (layer / "lib/fast.py").read_text() == "x = 1\n"
    assert [(layer / name).stat().st_mode & 0o777 for name in ("pyvenv.cfg", "lib")] == [0o644, 0o755]
    assert stage(archive=None, layer_archive=None)["mended"] == []
    # What the archive has needs none of the release's commands.
    assert len([one for one in asked(tmp_path) if "collectstatic" in one]) == 1
    assert [path.name for path in (*root.glob(".*"), *(root / "layers").glob(".*"))] == []


@pytest.mark.usefixtures("staged")
def test_a_new_release_does_not_run_on_packages_that_somebody_changed(stage: Callable[..., dict], root: Path) -> None:
    (root / "layers" / LAYER / "lib/extra.py").write_text("")
    assert stage(release="aaaabbbbcccc", commands=[])["mended"] == [f"layers/{LAYER}/lib/extra.py"]
    assert not (root / "layers" / LAYER / "lib/extra.py").exists()


def test_what_the_releases_own_commands_made_is_made_again(
    stage: Callable[..., dict], staged: Path, tmp_path: Path
) -> None:
    (staged / "static/app.css").write_text("p { color: red }\n")
    answer = stage(archive=None, layer_archive=None)
    assert (answer["mended"], answer["finished"]) == ([f"releases/{RELEASE}/public/app.css"], True)
    assert (staged / "static/app.css").read_text() == "p {}\n"
    assert len([one for one in asked(tmp_path) if "collectstatic" in one]) == 2
    assert stage(archive=None, layer_archive=None)["mended"] == []


def test_what_cannot_be_put_back_is_named(stage: Callable[..., dict], staged: Path) -> None:
    (staged / "app/manage.py").write_text("changed\n")
    (staged / unpack.ARCHIVE).write_bytes(b"changed, too")
    said = stage(archive=None, layer_archive=None)["msg"]
    assert (
        f"files in {staged} were changed (app/manage.py changed, archive.tar.gz changed), and so was archive.tar.gz"
        in said
    )
    assert (staged / "app/manage.py").read_text() == "changed\n"


def test_a_release_whose_layer_is_gone_is_not_here(stage: Callable[..., dict], staged: Path, root: Path) -> None:
    shutil.rmtree(root / "layers" / LAYER)
    assert "no archive of it was shipped" in stage(archive=None, layer_archive=None)["msg"]
    assert stage()["unpacked"] == [LAYER]
    assert (staged / "venv/bin/python").exists()
