"""An application that goes: what is found of it, what is kept, and what of others is left alone."""

from __future__ import annotations

import json
import re
import tarfile
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.django_ec2.site.plugins.module_utils.release import remove, state
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.removal import record, removal, summary

from tests.unit.applications.entries import entry, resolved

GIVEN = {**removal("shop", "shop", {})["web"], "state": "absent"}
OTHERS = ("etc/ssl/certs/ca.pem", "etc/systemd/system/shopping-worker@.service", "etc/systemd/system/uwsgi-shopping@.service",
          "srv/shopping/slots/blue/x", "mnt/applications/blog/media/x", "usr/local/sbin/shopping-manage", "etc/uwsgi/blog.ini")  # fmt: skip
OWN = (
    "srv/shop/slots/blue/environment", "srv/shop/releases/r1/x", "mnt/applications/shop/media/picture.png",
    "mnt/applications/shop/data/letter", "etc/uwsgi/shop.ini", "etc/uwsgi/shop_wsgi.py", "etc/ssl/shop/key.pem",
    "usr/local/sbin/shop-manage", "etc/systemd/system/uwsgi-shop@.service", "etc/systemd/system/shop-worker@.service",
    "etc/systemd/system/shop-timer-report.timer", "etc/systemd/system/shop-timer-report.service",
)  # fmt: skip


@pytest.fixture
def host(tmp_path: Path, fake_bin: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A host with the application and with others; its programs write down what they were asked."""
    for name in (*OWN, *OTHERS):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    wants = tmp_path / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir()
    for name in ("uwsgi-shop@blue.service", "shop-worker@blue.service", "uwsgi-shopping@blue.service"):
        (wants / name).symlink_to("/nowhere")
    (tmp_path / "etc/nginx/sites-enabled").mkdir(parents=True)
    (tmp_path / "etc/nginx/sites-enabled/shop.conf").touch()
    said = "uwsgi-shop@blue.service loaded active running x\\nuwsgi-shop@green.service loaded inactive dead x\\n"
    for name in ("nginx", "userdel", "groupdel", "gpasswd"):
        fake_bin(name, f'echo "{name} $*" >> {tmp_path}/asked')
    fake_bin("systemctl", f'echo "systemctl $*" >> {tmp_path}/asked; [ "$1" = list-units ] && printf "{said}"; exit 0')
    fake_bin("getent", "echo shop:x:990:www-data")
    fake_bin("runuser", 'shift 3; exec "$@"')
    return tmp_path


def at(host: Path, monkeypatch: pytest.MonkeyPatch, account: bool = True) -> remove.Removal:
    monkeypatch.setattr(remove.Removal, "_account", lambda _self: account)
    return remove.Removal(GIVEN, str(host))


def left(host: Path) -> set[str]:
    return {path.relative_to(host).as_posix() for path in host.rglob("*") if not path.is_dir() or path.is_symlink()}


def test_the_site_ends_before_its_server(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = at(host, monkeypatch).stop()
    asked = (host / "asked").read_text().splitlines()
    assert asked[0].startswith("nginx -t")
    assert asked[1] == "systemctl reload nginx.service"
    assert asked[-1] == "systemctl stop uwsgi-shop@blue.service"
    assert "uwsgi-shop@blue.service" in done
    wants = host / "etc/systemd/system/multi-user.target.wants"
    # It does not come back at the next boot.
    assert [path.name for path in wants.iterdir()] == ["uwsgi-shopping@blue.service"]
    assert at(host, monkeypatch).stop() == ["uwsgi-shop@blue.service"]


def test_everything_of_it_goes_and_nothing_of_others(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    removal_of_it = at(host, monkeypatch)
    removal_of_it.stop()
    removed = removal_of_it.remove()
    assert f"{host}/srv/shop" in removed
    assert "account shop" in removed
    gone = {name for name in OWN if (host / name).exists()}
    assert gone == set()
    assert all((host / name).exists() for name in OTHERS)
    assert not [name for name in left(host) if re.search(r"shop(?!ping)", name)]
    asked = (host / "asked").read_text()
    assert "gpasswd --delete www-data shop\nuserdel shop\ngroupdel shop\n" in asked
    assert at(host, monkeypatch, account=False).found() == []


def test_nothing_comes_back_while_it_is_removed(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever keeps the lock of the run writes its file again, for as long as the directory is there."""
    remove_tree = remove.shutil.rmtree

    def kept(path: Path) -> None:
        lock = host / "srv/shop/deploy.lock"
        if lock.parent.is_dir():
            lock.touch()
        remove_tree(path)

    monkeypatch.setattr(remove.shutil, "rmtree", kept)
    at(host, monkeypatch).remove()
    assert [path.name for path in (host / "srv").iterdir()] == ["shopping"]


def test_a_removal_that_was_cut_goes_on(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at(host, monkeypatch).remove()
    (host / "srv/.shop.removed/releases").mkdir(parents=True)
    again = at(host, monkeypatch, account=False)
    assert again.found() == [f"{host}/srv/.shop.removed"]
    again.remove()
    assert again.found() == []


def test_its_own_files_are_kept_first(host: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (host / "mnt/applications/shop/media/link").symlink_to("/etc/shadow")
    place = Path(at(host, monkeypatch).archive("20261126T040000Z"))
    assert place == host / "var/backups/shop/20261126T040000Z-files.tar.gz"
    assert place.stat().st_mode & 0o777 == 0o600
    with tarfile.open(place) as tar:
        names = {member.name: member for member in tar.getmembers()}
    assert "mnt/applications/shop/data/letter" in names
    assert names["mnt/applications/shop/media/link"].issym()
    assert not [name for name in names if "releases" in name]


def test_what_was_not_made_here_is_not_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory /etc/ssl/shop or /srv/shop of somebody else is none of an application."""
    for name in ("srv/shop/index.html", "etc/ssl/shop/key.pem"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert at(tmp_path, monkeypatch, account=False).found() == []


def test_names_come_from_the_entry_then_from_the_host_then_from_the_name() -> None:
    given = entry(
        database={"password": "x", "owner_password": "y", "name": "shopdb", "user": "clerk", "owner": "boss"},
        databases={"facts": {"password": "x", "owner_password": "y"}},
    )
    noted = json.loads(record(resolved(database=given["database"], databases=given["databases"])))
    assert "password" not in json.dumps(noted)
    for applications, records in (({"shop": given}, []), ({}, [{}, noted])):
        found = removal("shop", "shop", applications, records)
        own, facts = found["databases"]
        assert (own["name"], own["owner"]) == ("shopdb", "boss")
        assert set(own["roles"]) == {"clerk", "clerk_b", "clerk_iam", "boss", "boss_iam"}
        assert own["roles"][-2:] == ["boss", "clerk"]
        assert (facts["name"], facts["owner"]) == ("shop_facts", "shop_facts_owner")
        assert found["listed"] is bool(applications)
    (own,) = removal("shop", "shop", {})["databases"]
    assert (own["name"], own["user"], own["owner"]) == ("shop", "shop", "shop_owner")


@pytest.mark.parametrize(
    ("name", "confirm", "message"),
    [
        ("shop", "", "-e app=shop -e confirm=shop"),
        ("shop", "blog", "Repeat its name"),
        ("../etc", "../etc", "is no name"),
        ("", "", "is no name"),
    ],
)
def test_a_removal_has_to_be_confirmed(name: str, confirm: str, message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message):
        removal(name, confirm, {})


def test_the_end_says_what_is_kept_and_what_is_left_to_do() -> None:
    hosts = {
        "web1": {"__release_removed": {"removed": ["/srv/shop"], "archive": "/var/backups/shop/x-files.tar.gz"}},
        "db1": {"postgres_removed": {"results": [{"removed": ["database shop"], "dump": "/var/backups/shop/x.dump"}]}},
    }
    lines = summary({"name": "shop", "listed": True}, hosts, check=False)
    assert lines == [
        "shop is gone.",
        "Kept: web1:/var/backups/shop/x-files.tar.gz",
        "Kept: db1:/var/backups/shop/x.dump",
        "Take shop out of applications too: the next site.yml would make it anew.",
    ]
    on_rds = {"rds_client_removed": {"results": [{"removed": ["database shop"], "dump": "/var/backups/shop/x.dump"}]}}
    kept = summary({"name": "shop", "listed": False}, {"web1": on_rds, "web2": on_rds}, check=False)
    assert kept == ["shop is gone.", "Kept: web1:/var/backups/shop/x.dump"], "the dump lies where it was made"
    assert "Would be removed: db1: database shop" in summary({"name": "shop", "listed": False}, hosts, check=True)
    assert summary({"name": "shop", "listed": False}, {}, check=False) == ["Nothing of shop is left on these hosts."]


def test_what_no_inventory_knows_is_named(tmp_path: Path) -> None:
    for name in ("shop", "blog"):
        (tmp_path / name / "slots/blue").mkdir(parents=True)
    (tmp_path / "ftp").mkdir()
    assert state.left_over(["blog"], str(tmp_path)) == ["shop"]
    assert state.left_over(["blog"], str(tmp_path / "nowhere")) == []
