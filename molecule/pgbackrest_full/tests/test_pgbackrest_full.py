"""Everything changed, on the older Debian: one stanza of another name, another place, another port."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest


def info(host: Any) -> dict[str, Any]:
    return json.loads(host.check_output("runuser -u postgres -- pgbackrest --stanza=shop --output=json info"))[0]


def test_the_first_backup_was_made(host: Any) -> None:
    deadline = time.monotonic() + 60
    while not info(host)["backup"] and time.monotonic() < deadline:
        time.sleep(1)
    found = info(host)
    assert found["backup"][0]["type"] == "full", found
    assert found["cipher"] == "aes-256-cbc"
    assert host.file("/data/backups/backup/shop").is_directory


@pytest.mark.parametrize(("timer", "schedule"), [("full", "Sat *-*-* 04:00:00 UTC"), ("diff", "*-*-* 00/6:00:00 UTC")])
def test_timers_are_those_that_were_asked_for(host: Any, timer: str, schedule: str) -> None:
    assert host.service(f"pgbackrest-{timer}.timer").is_running
    assert f"OnCalendar={schedule}" in host.file(f"/etc/systemd/system/pgbackrest-{timer}.timer").content_string


def test_options_are_in_the_file_that_others_can_not_read(host: Any) -> None:
    file = host.file("/etc/pgbackrest/pgbackrest.conf")
    assert (file.user, file.group, file.mode) == ("root", "postgres", 0o640)
    for line in (
        "compress-type=lz4", "process-max=1", "repo1-retention-full=3", "tls-server-port=8433",
        "pg1-path=/data/postgresql/main", "pg1-port=5544",
    ):  # fmt: skip
        assert f"\n{line}\n" in file.content_string
    assert host.package("zstd").is_installed


def test_the_server_takes_packets_of_its_peers_alone(host: Any) -> None:
    assert host.socket("tcp://0.0.0.0:8433").is_listening is False
    said = host.check_output("systemctl show --property IPAddressDeny pgbackrest.service")
    # systemd prints them in no order.
    assert set(said.removeprefix("IPAddressDeny=").split()) == {"::/0", "0.0.0.0/0"}
