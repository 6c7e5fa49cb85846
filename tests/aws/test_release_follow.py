"""A host that nobody ships to: the program as hosts have it, a bucket with real releases, and a server that answers on its socket."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.module_utils.release.bucket import Bucket
from ansible_collections.django_ec2.site.plugins.plugin_utils.aws.policies import bucket_policy
from ansible_collections.django_ec2.site.plugins.plugin_utils.release import following

from lab.kinds.aws import control
from tests.aws.rehearsal import Endpoint, an_account
from tests.unit.release.test_activate import Server, http

NAME = "shop-production-releases-123456789012"
OLD, NEW, LAYER = "4be1d2c3a4f5", "9f86d081884c", "77aa00bb11cc"
MANIFEST = "shop/live/3.13-x86_64-manylinux_2_28.json"


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """An account."""
    with an_account(tmp_path_factory) as made:
        yield made


class Instance:
    """A directory that stands for a host which started from an image with a release: slot blue is live."""

    def __init__(self, directory: Path, sockets: Path, endpoint: Endpoint) -> None:
        self.root, self.etc, self.library = directory / "shop", directory / "etc", directory / "lib"
        self.endpoint, self.sockets = endpoint, sockets
        for name in ("releases", "layers", "slots/green", "slots/blue", "shared/static", f"releases/{OLD}"):
            (self.root / name).mkdir(parents=True)
        (self.root / "live").symlink_to("slots/blue")
        (self.root / "slots/blue/slot.json").write_text(json.dumps({"release": OLD}))
        for one in following.program_directories(str(self.library)):
            Path(one["path"]).mkdir()
        for one in following.program_files(str(self.library)):
            Path(one["path"]).write_text(one["content"])
        self.etc.mkdir()
        self.tell()

    def tell(self, bucket: str = NAME, url: str = "") -> None:
        """What Ansible and cloud-init write."""
        place = {
            "bucket": bucket,
            "region": control.REGION,
            "endpoint": url or self.endpoint.variables["AWS_ENDPOINT_URL"],
        }
        (self.etc / "bucket.json").write_text(json.dumps(place))
        socket_of = f"{self.sockets}/{{slot}}.sock"
        staging = {
            "name": "shop", "root": str(self.root), "user": "root", "socket": socket_of, "socket_name": "server.sock",
            "manage": "/nonexistent", "commands": [], "writable": ["static"], "static_shared": str(self.root / "shared/static"),
        }  # fmt: skip
        activation = {
            "name": "shop", "root": str(self.root), "unit": "uwsgi-shop@{slot}.service", "socket": socket_of, "protocol": "packet",
            "settings": [], "services": [], "host": "shop.example.org", "health_path": "/readyz", "checks": [],
        }  # fmt: skip
        own = {
            "staging": staging, "activation": activation, "environment": 'CODE="/srv/shop/slots/@SLOT@/@RELEASE@"\n',
            "owner_environment": "",
        }  # fmt: skip
        given = {
            "python": "3.13", "platform": "x86_64-manylinux_2_28", "kept": 2, "start_timeout": 4, "drain_timeout": 1, "applications": [own],
        }  # fmt: skip
        (self.etc / "applications.json").write_text(json.dumps(given))

    def start(self, **variables: str) -> subprocess.Popen[str]:
        """A pass, as the unit makes it."""
        other = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
        keys = {
            key: value
            for key, value in self.endpoint.variables.items()
            if key not in ("AWS_ENDPOINT_URL", "AWS_REGION")
        }
        own = {"PYTHONPATH": str(self.library), "NO_PROXY": "127.0.0.1", **keys, **variables}
        return subprocess.Popen(
            [sys.executable, "-B", "-m", "release.follow", str(self.etc)],
            env={**other, **own}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/",
        )  # fmt: skip

    def follow(self, **variables: str) -> subprocess.CompletedProcess[str]:
        """One pass, to its end."""
        with self.start(**variables) as going:
            output, errors = going.communicate(timeout=120)
        return subprocess.CompletedProcess(going.args, going.returncode, output, errors)

    @property
    def live(self) -> str:
        """The release that visitors get."""
        slot = self.root / "live" / "slot.json"
        return str(json.loads(slot.read_text())["release"])

    def left(self) -> list[str]:
        """What a pass left that is no release."""
        return [one.name for one in self.root.iterdir() if one.name.startswith(".follow")]


@pytest.fixture
def instance(
    endpoint: Endpoint, tmp_path: Path, fake_bin: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Instance]:
    """An instance, and a bucket without a release."""
    fake_bin(
        "systemctl", f'echo "$*" >> {tmp_path}/calls\n[ "$1" != show ] || printf "ActiveState=active\\nNRestarts=0\\n"'
    )
    fake_bin("journalctl", "echo 'no SECRET_KEY'")
    fake_bin("ss", "exit 0")
    monkeypatch.setattr(os, "nice", lambda _more: 0)
    s3 = endpoint.client("s3")
    s3.create_bucket(Bucket=NAME, CreateBucketConfiguration={"LocationConstraint": control.REGION})
    s3.put_bucket_policy(Bucket=NAME, Policy=json.dumps(bucket_policy(NAME, "aws")))
    with tempfile.TemporaryDirectory(prefix="follow-") as sockets:
        yield Instance(tmp_path, Path(sockets), endpoint)
    for one in s3.list_objects_v2(Bucket=NAME).get("Contents", []):
        s3.delete_object(Bucket=NAME, Key=one["Key"])
    s3.delete_bucket(Bucket=NAME)


def packed(place: Path, **files: str) -> Path:
    """An archive; ``__`` in a name is a slash."""
    with tarfile.open(place, "w:gz") as tar:
        for name, text in files.items():
            member = place.with_name("member")
            member.write_text(text)
            tar.add(member, name.replace("__", "/").replace("_json", ".json").replace("_py", ".py"))
    return place


def publish(endpoint: Endpoint, place: Path, release: str = NEW) -> None:
    """What a deploy does at its end."""
    archive = packed(place / "release.tar.gz", app__manage_py=f"# {release}\n", app__noise_py=os.urandom(40_000).hex())
    layer = packed(
        place / "layer.tar.gz",
        lib__fast_py="x = 1\n",
        layer_json=json.dumps({"layer": LAYER, "key": "k1", "packages": []}),
    )
    one = {
        "name": "shop", "release": release, "version": "v2", "layer": LAYER, "python": "3.13", "platform": "x86_64-manylinux_2_28",
        "archive": str(archive), "layer_archive": str(layer),
    }  # fmt: skip
    Bucket(endpoint.client("s3"), NAME).publish(one, 5)


def test_a_release_that_is_newer_than_the_image_becomes_live_once(instance: Instance, tmp_path: Path) -> None:
    publish(instance.endpoint, tmp_path)
    server = Server(instance.sockets / "green.sock", http(200))
    done = instance.follow()
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(f"shop: {OLD} -> {NEW} in ")
    assert (instance.live, os.readlink(instance.root / "live")) == (NEW, "slots/green")
    assert (instance.root / "releases" / NEW / "app/manage.py").read_text() == f"# {NEW}\n"
    assert (instance.root / "slots/green/environment").read_text() == f'CODE="/srv/shop/slots/green/{NEW}"\n'
    assert [one["PATH_INFO"] for one in server.questions] == ["/readyz"]
    assert "stop uwsgi-shop@blue.service" in (tmp_path / "calls").read_text()
    assert instance.left() == []

    before = len(instance.endpoint.calls())
    (tmp_path / "calls").unlink()
    again = instance.follow()
    assert (again.returncode, again.stdout) == (0, "")
    assert [one["action"] for one in instance.endpoint.calls()[before:]] == ["GetObject"]
    assert not (tmp_path / "calls").exists()
    server.close()


def test_a_rollback_reaches_it_without_a_download(instance: Instance, tmp_path: Path) -> None:
    first, second = (Server(instance.sockets / f"{slot}.sock", http(200)) for slot in ("green", "blue"))
    publish(instance.endpoint, tmp_path)
    assert instance.follow().returncode == 0
    publish(instance.endpoint, tmp_path, "0123456789ab")
    assert instance.follow().returncode == 0
    before = len(instance.endpoint.calls())
    publish(instance.endpoint, tmp_path)
    published = len(instance.endpoint.calls())
    done = instance.follow()
    assert done.stdout.startswith(f"shop: 0123456789ab -> {NEW} in ")
    assert published > before
    assert [one["action"] for one in instance.endpoint.calls()[published:]] == ["GetObject"]
    # The release of the image went: two are kept.
    assert sorted(one.name for one in (instance.root / "releases").iterdir()) == ["0123456789ab", NEW]
    first.close()
    second.close()


@pytest.mark.parametrize("what", ["archive", "layer_archive"])
def test_an_archive_that_is_another_one_is_not_unpacked(instance: Instance, tmp_path: Path, what: str) -> None:
    publish(instance.endpoint, tmp_path)
    s3 = instance.endpoint.client("s3")
    manifest = json.loads(s3.get_object(Bucket=NAME, Key=MANIFEST)["Body"].read())
    key = manifest[what]["key"]
    body = s3.get_object(Bucket=NAME, Key=key)["Body"].read()
    s3.put_object(Bucket=NAME, Key=key, Body=body[:-1] + bytes([body[-1] ^ 1]))
    done = instance.follow()
    assert done.returncode == 1
    assert f"shop stays as it is: {key} of {NAME} has {len(body)} bytes with the SHA-256" in done.stdout
    assert "it was not unpacked" in done.stdout
    assert (instance.live, instance.left()) == (OLD, [])
    assert not (instance.root / "releases" / NEW).exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 2}, "is no manifest of shop that this host can read"),
        ({"application": "other"}, "is no manifest of shop"),
        ({"release": "../../../etc"}, "names other archives than those of its release"),
        ({"archive": {"key": "other/releases/x.tar.gz", "sha256": "", "size": 0}}, "names other archives"),
    ],
)
def test_a_manifest_that_is_none_changes_nothing(
    instance: Instance, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    publish(instance.endpoint, tmp_path)
    s3 = instance.endpoint.client("s3")
    manifest = json.loads(s3.get_object(Bucket=NAME, Key=MANIFEST)["Body"].read())
    s3.put_object(Bucket=NAME, Key=MANIFEST, Body=json.dumps({**manifest, **change}).encode())
    done = instance.follow()
    assert (done.returncode, instance.live) == (1, OLD)
    assert said in done.stdout


def test_without_a_bucket_a_release_or_rights_the_host_goes_on(instance: Instance, tmp_path: Path) -> None:
    assert f"there is no {MANIFEST} of {NAME}: no deploy has put a release" in instance.follow().stdout
    publish(instance.endpoint, tmp_path)
    instance.endpoint.fault(service="s3", action="GetObject", code="AccessDenied", message="denied", status=403)
    done = instance.follow()
    assert done.returncode == 1
    assert "shop stays as it is" in done.stdout
    assert "AccessDenied" in done.stdout
    instance.endpoint.forget_faults()
    instance.tell(bucket="gone-releases-123456789012")
    done = instance.follow()
    assert (done.returncode, instance.live) == (1, OLD)
    assert "NoSuchBucket" in done.stdout
    (instance.etc / "bucket.json").write_text("{")
    assert "This host goes on with the releases that it has." in instance.follow().stdout


class Cut:
    """A connection to the endpoint that ends in the middle of answers that are long."""

    def __init__(self, url: str, times: int, pause: float = 0) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self._to, self.times, self._pause = (host, int(port)), times, pause
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                asker, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._pass, args=(asker,), daemon=True).start()

    def _pass(self, asker: socket.socket) -> None:
        answerer = socket.create_connection(self._to)

        def ask() -> None:
            while data := asker.recv(65536):
                answerer.sendall(data)

        threading.Thread(target=ask, daemon=True).start()
        total = 0
        while data := answerer.recv(4096):
            total += len(data)
            if total > 20_000 and self.times > 0:
                self.times -= 1
                break
            try:
                asker.sendall(data)
            except OSError:
                break  # who asked was killed
            time.sleep(self._pause)
        with contextlib.suppress(OSError):
            asker.shutdown(socket.SHUT_RDWR)
        asker.close()

    def close(self) -> None:
        self._listener.close()


def test_a_download_that_is_cut_is_begun_again_and_then_by_the_next_pass(instance: Instance, tmp_path: Path) -> None:
    publish(instance.endpoint, tmp_path)
    server = Server(instance.sockets / "green.sock", http(200))
    cut = Cut(instance.endpoint.variables["AWS_ENDPOINT_URL"], times=3)
    instance.tell(url=cut.url)
    done = instance.follow()
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.count("trying again") == 2
    assert (instance.live, instance.left(), cut.times) == (OLD, [], 0)
    cut.times = 1
    done = instance.follow()
    assert (done.returncode, instance.live) == (0, NEW), done.stdout + done.stderr
    assert done.stdout.count("trying again") == 1
    cut.close()
    server.close()


def test_a_pass_that_is_killed_leaves_nothing_to_the_next(instance: Instance, tmp_path: Path) -> None:
    publish(instance.endpoint, tmp_path)
    server = Server(instance.sockets / "green.sock", http(200))
    cut = Cut(instance.endpoint.variables["AWS_ENDPOINT_URL"], times=0, pause=0.2)
    instance.tell(url=cut.url)
    with instance.start() as going:
        end = time.monotonic() + 60
        while not list(instance.root.glob(".follow*/*.gz")):
            assert going.poll() is None and time.monotonic() < end, "no archive came"
            time.sleep(0.05)
        going.kill()
    cut.close()
    assert instance.left() and instance.live == OLD
    instance.tell()
    done = instance.follow()
    assert (done.returncode, instance.live, instance.left()) == (0, NEW, []), done.stdout + done.stderr
    server.close()


def test_a_release_that_does_not_serve_is_left_for_a_while(instance: Instance, tmp_path: Path) -> None:
    publish(instance.endpoint, tmp_path)
    server = Server(instance.sockets / "green.sock", http(503, "no database"))
    done = instance.follow()
    assert (done.returncode, instance.live) == (1, OLD)
    assert "did not become live: no good answer within 4 seconds; the last was: status 503: no database" in done.stdout
    asked = len(server.questions)
    done = instance.follow()
    assert "is tried again after 600" in done.stdout
    assert len(server.questions) == asked
    mark = instance.root / "releases" / NEW / ".bad"
    os.utime(mark, (time.time() - 700, time.time() - 700))
    server.answers[:] = [http(200)]
    done = instance.follow()
    assert (done.returncode, instance.live) == (0, NEW), done.stdout
    assert not mark.exists()
    server.close()
