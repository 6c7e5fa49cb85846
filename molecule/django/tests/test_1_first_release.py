"""The first release: how it is served, what lies where, and who may read it."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
import yaml
from controller import LAB
from slots import show

LIVE = "/srv/shop/live"
# The first host of the play migrates for all; here, each has a database of its own.
MIGRATES = "django-13"


def get(host: Any, target: str = "/") -> dict[str, Any]:
    """One request at the pointer, where nginx asks."""
    answer = json.loads(host.check_output(f"uwsgi-get {LIVE}/uwsgi.sock {target} --host shop.test"))
    assert answer["status"] == 200, answer
    return json.loads(answer["body"])


@pytest.fixture(scope="module")
def secrets() -> list[str]:
    """Every secret that the application was given."""
    values = yaml.safe_load((LAB / "secrets.yml").read_text())["secrets"]["applications"]["board"]
    names = ("secret_key", "admin_password", "database_password", "database_owner_password")
    return [values[name] for name in names]


def test_release_is_served_at_the_pointer(host):
    release = host.check_output(f"basename $(readlink -f {LIVE}/release)")
    slot = host.check_output(f"basename $(readlink -f {LIVE})")
    said = get(host)
    assert (said["release"], said["slot"]) == (release, slot)
    assert json.loads(host.file(f"{LIVE}/release/release.json").content_string)["release"] == release


def test_live_slot_alone_runs_and_starts_at_boot(host):
    live = host.check_output(f"basename $(readlink -f {LIVE})")
    idle = {"blue": "green", "green": "blue"}[live]
    states = {slot: show(host, f"uwsgi-shop@{slot}", "ActiveState", "UnitFileState") for slot in (live, idle)}
    assert states[live] == {"ActiveState": "active", "UnitFileState": "enabled"}
    assert states[idle] == {"ActiveState": "inactive", "UnitFileState": "disabled"}


def test_static_files_are_hashed_compressed_and_kept(host):
    static = f"{LIVE}/release/static/shop"
    css = host.check_output(f"cd {static} && ls | grep -E '^site\\.[0-9a-f]{{12}}\\.css$'")
    original = host.check_output(f"sha256sum < {static}/{css}")
    assert host.check_output(f"gzip -dc {static}/{css}.gz | sha256sum") == original
    assert host.check_output(f"brotli -dc {static}/{css}.br | sha256sum") == original
    for name in (css, f"{css}.gz", f"{css}.br"):
        assert host.run(f"test {static}/{name} -ef /srv/shop/shared/static/shop/{name}").rc == 0, name
        file = host.file(f"{static}/{name}")
        assert (file.user, file.group, file.mode) == ("root", "root", 0o644)


def test_application_may_not_change_its_release(host):
    found = host.check_output(
        "find -L /srv/shop/live/release/ /srv/shop/slots ! -type s -user shop ! -name environment -print"
    )
    assert found == ""
    assert (
        host.run("runuser -u shop -- touch /srv/shop/live/release/app/file /srv/shop/live/release/static/file").rc != 0
    )


def test_strangers_see_nothing_of_the_application(host):
    for path in ("/srv/shop", "/srv/shop/live/uwsgi.sock", "/srv/shop/live/environment", "/srv/shop/shared/media"):
        assert host.run(f"runuser -u nobody -- ls {path}/").rc != 0, path


def test_environment_is_its_readers_alone(host):
    for name, owner in (("environment", "shop"), ("environment-owner", "root")):
        file = host.file(f"{LIVE}/{name}")
        assert (file.user, file.mode) == (owner, 0o400)
    assert host.run(f"runuser -u shop -- cat {LIVE}/environment-owner").rc != 0
    assert host.run(f"runuser -u nobody -- cat {LIVE}/environment").rc != 0


def test_environment_differs_by_the_databases_role(host, secrets):
    own = host.file(f"{LIVE}/environment").content_string
    owners = host.file(f"{LIVE}/environment-owner").content_string
    url = 'DATABASE_URL="postgresql://shop:{}@database.test:5432/shop?sslmode=verify-full&sslrootcert=/etc/ssl/database/ca.pem'
    assert url.format(secrets[2]) in own
    assert url.replace("//shop:", "//shop_owner:").format(secrets[3]) in owners
    assert secrets[3] not in own


def test_secrets_are_in_nothing_that_others_read(host, secrets):
    # Not on a command line: sudo writes those down.
    host.check_output(
        "sed -n -e 's/^SECRET_KEY=\"\\(.*\\)\"$/\\1/p' -e 's|^DATABASE_URL=\"[^:]*://[^:]*:\\([^@]*\\)@.*|\\1|p' "
        f"{LIVE}/environment {LIVE}/environment-owner > /dev/shm/patterns"
    )
    assert set(host.file("/dev/shm/patterns").content_string.split()) == {secrets[0], *secrets[2:]}
    places = "/etc /srv /usr/local /run /var/log /var/lib /tmp /var/tmp /home"
    assert host.run(f"runuser -u nobody -- grep -rlsF -f /dev/shm/patterns {places}").stdout == ""
    for slot in ("blue", "green"):
        shown = host.check_output(f"systemctl show uwsgi-shop@{slot}")
        assert not [secret for secret in secrets if secret in shown]
    lines = host.check_output("cat /proc/[0-9]*/cmdline | tr '\\0' ' '; journalctl --no-pager --output cat")
    assert not [secret for secret in secrets if secret in lines]


def test_administrators_password_stays_nowhere(host):
    assert host.check_output("find /srv -name 'environment-administrator*'") == ""


def test_manage_command_works_for_root_alone(host):
    assert "no issues" in host.check_output("shop-manage check")
    refused = host.run("runuser -u nobody -- shop-manage check")
    assert refused.rc == 1
    assert "sudo" in refused.stderr


def test_manage_command_runs_as_the_application(host):
    code = "import os; print(os.getuid(), os.environ['RELEASE'])"
    uid, release = host.check_output(f'shop-manage shell --no-imports --command "{code}" || true').split()[-2:]
    assert uid == host.check_output("id -u shop")
    assert release == get(host)["release"]


def test_migrations_ran_once_for_all_hosts(host):
    first = host.check_output("ls -tr /srv/shop/releases | head -n 1")
    log = host.run("cat /srv/shop/shared/media/migrated.log").stdout.split()
    assert log.count(first) == (1 if host.check_output("hostname") == MIGRATES else 0)


def test_table_and_administrator_are_there(host, secrets):
    if host.check_output("hostname") != MIGRATES:
        pytest.skip("another host migrated for all")
    assert get(host, "/items") == {"items": 0}
    # The password as it was given: read here, because a command line would keep it in the journal.
    code = "from django.contrib.auth.models import User; u = User.objects.get(); print(u.username, u.email, u.is_superuser, u.password)"
    said = host.check_output(f'shop-manage shell --command "{code}"').splitlines()[-1].split()
    assert said[:3] == ["admin", "admin@shop.test", "True"]
    method, rounds, salt, kept = said[3].split("$")
    assert method == "pbkdf2_sha256"
    made = hashlib.pbkdf2_hmac("sha256", secrets[1].encode(), salt.encode(), int(rounds))
    assert base64.b64encode(made).decode() == kept
