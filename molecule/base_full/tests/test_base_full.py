"""Everything that the role lets one change has another value, and the host follows."""

from __future__ import annotations

import re

import pytest
from controller import log_in, play
from packages import installed_together


@pytest.fixture
def apt(host) -> str:
    """apt's settings as apt reads them."""
    return host.check_output("apt-config dump")


@pytest.mark.parametrize("package", ["tree", "brotli", "media-types"])
def test_packages_of_the_list_and_of_the_roles_are_installed(host, package):
    assert host.package(package).is_installed


def test_packages_of_the_default_list_are_not(host):
    assert not host.package("curl").is_installed


def test_packages_took_one_call_of_apt(host):
    assert installed_together(host, "tree", "brotli")


def test_package_lists_are_fetched_when_they_are_older_than_asked(host):
    host.check_output(
        "echo 'APT::Update::Post-Invoke-Success { \"touch /run/lists-fetched\"; };' > /etc/apt/apt.conf.d/99lists-fetched"
    )
    for age, fetched in (("2 hours ago", False), ("5 hours ago", True)):
        # Where nothing is missing apt is not started at all.
        host.check_output("dpkg --remove tree")
        host.check_output("rm -f /run/lists-fetched")
        host.check_output(
            f"touch --no-create --date '{age}' /var/lib/apt/lists /var/lib/apt/periodic/update-success-stamp"
        )
        play("base_full/converge.yml", limit="base_full")
        assert host.file("/run/lists-fetched").exists is fetched, age
    host.check_output("rm /etc/apt/apt.conf.d/99lists-fetched")


def test_password_opens_a_connection(host, tmp_path):
    teller = tmp_path / "teller"
    teller.write_text('#!/bin/sh\necho "visitor\'s password"\n')
    teller.chmod(0o700)
    entered = log_in(
        "base-full", "-l", "visitor", "-o", "BatchMode=no", "-o", "PubkeyAuthentication=no", "-o", "NumberOfPasswordPrompts=1",
        command="id -un", SSH_ASKPASS=str(teller), SSH_ASKPASS_REQUIRE="force", DISPLAY=":0",
    )  # fmt: skip
    assert (entered.returncode, entered.stdout.strip()) == (0, "visitor"), entered.stderr


def test_key_still_opens_a_connection(host):
    assert log_in("base-full").returncode == 0


def test_journal_follows(host):
    settings = host.check_output("systemd-analyze cat-config systemd/journald.conf")
    kept = dict(re.findall(r"^(\w+)=(.+)$", settings, re.M))
    assert (kept["Storage"], kept["SystemMaxUse"], kept["MaxRetentionSec"]) == ("persistent", "64M", "3day")
    said = host.check_output("journalctl --identifier systemd-journald --grep 'System Journal' --output cat --lines 1")
    assert "max 64.0M" in said or "max 64M" in said


def test_time_servers_follow(host):
    settings = host.check_output("systemd-analyze cat-config systemd/timesyncd.conf")
    assert re.findall(r"^NTP=(.*)$", settings, re.M) == ["169.254.169.123 time.example.org"]


def test_upgrades_follow(apt):
    assert 'Unattended-Upgrade::Automatic-Reboot "true";' in apt
    assert 'Unattended-Upgrade::Automatic-Reboot-Time "04:45";' in apt
    assert re.findall(r'^Unattended-Upgrade::Package-Blacklist:: "(.*)";$', apt, re.M) == ["^postgresql-", "^nginx"]


def test_what_a_person_meets_follows(host):
    assert host.check_output("su - visitor -c 'umask; echo _$TMOUT'").split() == ["0022", "_"]
    assert "Debian" in host.file("/etc/issue").content_string
    assert "banner none" in host.check_output("sshd -T")
    assert host.file("/etc/cron.daily").mode == 0o750
    assert host.file("/etc/ssh/sshd_config").mode == 0o644
    assert re.findall("^install (.*)$", host.file("/etc/modprobe.d/10-base.conf").content_string, re.M) == [
        "sctp /bin/true"
    ]
