"""A host with the defaults: who gets in, what is kept, what is upgraded."""

from __future__ import annotations

import json
import re
import time

import pytest
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications import names_taken
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.schema import APPLICATION_NAME
from controller import connect, log_in, play
from exposure import exposed
from packages import installed_together

HOSTS = ("base-13", "base-12")
PACKAGES = ("ca-certificates", "curl", "iproute2", "openssl", "python3-apt", "systemd-timesyncd", "unattended-upgrades")


@pytest.fixture
def sshd(host) -> dict[str, str]:
    """The settings that sshd follows, by keyword."""
    return dict(line.split(" ", 1) for line in host.check_output("sshd -T").splitlines() if " " in line)


@pytest.fixture
def apt(host) -> str:
    """apt's settings as apt reads them."""
    return host.check_output("apt-config dump")


@pytest.mark.parametrize("package", PACKAGES)
def test_package_is_installed(host, package):
    assert host.package(package).is_installed


def test_packages_took_one_call_of_apt(host):
    assert installed_together(host, "unattended-upgrades", "curl")


@pytest.fixture(scope="session")
def apt_files() -> dict[str, tuple[str, str]]:
    """By host, when apt's logs and cache were written: before and after one more run on all hosts."""
    look = "stat --format '%n %y' /var/log/apt/term.log /var/log/apt/history.log /var/cache/apt/pkgcache.bin"
    for name in HOSTS:
        connect(name).check_output(
            "touch --date '2 hours ago' /var/lib/apt/lists /var/lib/apt/periodic/update-success-stamp"
        )
        # Somebody opens sshd, in a file that it reads before the role's.
        connect(name).check_output("echo 'PasswordAuthentication yes' >/etc/ssh/sshd_config.d/01-mine.conf")
    before = {name: connect(name).check_output(look) for name in HOSTS}
    play("base/converge.yml", limit="base")
    return {name: (before[name], connect(name).check_output(look)) for name in HOSTS}


def test_a_run_that_misses_no_package_does_not_start_apt(host, apt_files):
    before, after = apt_files[host.backend.get_hostname()]
    assert after == before


def test_what_another_file_sets_before_does_not_count(host, apt_files):
    assert apt_files
    assert "passwordauthentication no" in host.check_output("sshd -T")
    said = host.file("/etc/ssh/sshd_config.d/01-mine.conf").content_string
    assert said == "# Ansible, set in /etc/ssh/sshd_config.d/10-base.conf: PasswordAuthentication yes\n"


def test_sshd_takes_keys_only(sshd):
    assert sshd["passwordauthentication"] == "no"
    assert sshd["kbdinteractiveauthentication"] == "no"
    assert sshd["permitrootlogin"] in ("prohibit-password", "without-password")
    assert sshd["pubkeyauthentication"] == "yes"
    assert sshd["x11forwarding"] == "no"
    assert sshd["allowagentforwarding"] == "no"
    assert (sshd["compression"], sshd["tcpkeepalive"]) == ("no", "no")
    assert (sshd["maxauthtries"], sshd["logingracetime"]) == ("6", "60")
    assert (sshd["clientaliveinterval"], sshd["clientalivecountmax"]) == ("150", "2")


def test_whoever_connects_is_told_whose_system_it_is_and_no_version(host):
    entered = log_in(host.backend.get_hostname(), "-o", "LogLevel=INFO", command="true")
    assert "This is a private system." in entered.stderr
    for path in ("/etc/issue", "/etc/issue.net"):
        assert "Debian" not in host.file(path).content_string


def test_a_person_s_shell_is_careful_and_a_run_s_is_as_it_was(host):
    said = host.check_output("su - admin -c 'umask; ulimit -c; echo $TMOUT'").split()
    assert said == ["0027", "0", "3600"]
    assert log_in(host.backend.get_hostname(), command="umask").stdout.strip() in ("0022", "0002")


def test_what_only_root_has_to_read_is_root_s(host):
    modes = {
        path: f"{host.file(path).mode:04o}"
        for path in ("/etc/cron.d", "/etc/cron.daily", "/etc/sudoers.d", "/etc/ssh/sshd_config", "/etc/crontab")
        if host.file(path).exists
    }
    assert modes.keys() >= {"/etc/cron.daily", "/etc/sudoers.d", "/etc/ssh/sshd_config"}
    wanted = {"/etc/sudoers.d": "0750", "/etc/ssh/sshd_config": "0600", "/etc/crontab": "0600"}
    assert modes == {path: wanted.get(path, "0700") for path in modes}
    assert not host.file("/etc/at.allow").exists
    # A package that brings such a directory, or an upgrade of it.
    host.check_output("chmod 0755 /etc/cron.daily")
    host.check_output("apt-get install --quiet --yes --reinstall --no-install-recommends ca-certificates")
    assert host.file("/etc/cron.daily").mode == 0o700


def test_modules_that_nobody_needs_are_not_loaded(host):
    settings = host.check_output("cat /etc/modprobe.d/10-base.conf")
    assert "\ninstall dccp /bin/true\n" in settings and "\ninstall usb-storage /bin/true\n" in settings


def test_a_login_leaves_no_dump_of_memory(host):
    assert host.check_output("su -s /bin/sh -c 'ulimit -Hc' - nobody") == "0"


def test_the_kernel_of_the_machine_is_left_alone(host):
    """What a host of its own gets is held against a render (tests/templates): a host of the lab is a container."""
    assert not host.file("/etc/sysctl.d/60-base.conf").exists


def test_sshd_speaks_nothing_weak_and_was_told(host):
    name = host.backend.get_hostname()
    # What this controller's own client can't be talked into any more.
    for option in ("KexAlgorithms=ecdh-sha2-nistp256", "MACs=hmac-sha1", "HostKeyAlgorithms=ecdsa-sha2-nistp256"):
        words = ["-o", "Ciphers=aes128-ctr"] if option.startswith("MACs") else []
        refused = log_in(name, *words, "-o", option)
        assert refused.returncode != 0, option
        assert "no matching" in refused.stderr, refused.stderr
    for exchange in ("sntrup761x25519-sha512@openssh.com", "curve25519-sha256"):
        entered = log_in(name, "-o", f"KexAlgorithms={exchange}", command="id -un")
        assert (entered.returncode, entered.stdout.strip()) == (0, "admin"), entered.stderr


def test_settings_that_let_nobody_in_are_taken_back(apt_files):
    """A client that knows none of what sshd would speak is not locked out, and the run says so."""
    assert apt_files
    name, host = "base-13", connect("base-13")
    before = host.file("/etc/ssh/sshd_config.d/10-base.conf").content_string
    closed = {
        "base_ssh_key_exchanges": ["diffie-hellman-group18-sha512"],
        "base_ssh_way_back_seconds": 12,
        "ansible_ssh_extra_args": "-o KexAlgorithms=curve25519-sha256",
    }
    done = play("base/converge.yml", "-e", json.dumps(closed), limit=name, check=False)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert "has gone back to those that it had. Look at base_ssh_root_login" in " ".join(said.split())
    assert host.file("/etc/ssh/sshd_config.d/10-base.conf").content_string == before
    assert log_in(name, command="id -un").returncode == 0
    # The next run places what it wants, and owes nothing.
    assert "failed=0" in play("base/converge.yml", limit=name).stdout


def test_sshd_was_told(host):
    """The running daemon, and not its files alone, knows the settings: no password is asked for."""
    name = host.backend.get_hostname()
    refused = log_in(
        name, "-o", "PubkeyAuthentication=no", "-o", "PreferredAuthentications=password,keyboard-interactive"
    )
    assert refused.returncode != 0
    assert "Permission denied (publickey)" in refused.stderr


def test_key_still_opens_a_new_connection(host):
    entered = log_in(host.backend.get_hostname(), command="sudo -n id -u")
    assert (entered.returncode, entered.stdout.strip()) == (0, "0"), entered.stderr


def test_journal_is_kept_on_disk_within_its_limit(host):
    settings = host.check_output("systemd-analyze cat-config systemd/journald.conf")
    kept = dict(re.findall(r"^(\w+)=(.+)$", settings, re.M))
    assert (kept["Storage"], kept["SystemMaxUse"], kept["MaxRetentionSec"]) == ("persistent", "500M", "1month")
    machine = host.file("/etc/machine-id").content_string.strip()
    assert host.file(f"/var/log/journal/{machine}/system.journal").exists
    said = host.check_output("journalctl --identifier systemd-journald --grep 'System Journal' --output cat --lines 1")
    assert "max 500.0M" in said or "max 500M" in said


def test_journal_takes_entries_after_its_restart(host):
    host.check_output("systemd-cat --identifier tests echo still here")
    host.check_output("journalctl --sync")
    assert "still here" in host.check_output("journalctl --identifier tests --output cat --lines 1")


def test_time_is_synchronised_where_the_clock_is_the_hosts_own(host):
    assert host.service("systemd-timesyncd").is_enabled
    # A container has its machine's clock, and the unit's own condition leaves it alone.
    condition = host.check_output("systemctl show --property ConditionResult,ActiveState systemd-timesyncd")
    assert "ActiveState=active" in condition or "ConditionResult=no" in condition


def test_security_updates_are_installed_every_night(host, apt):
    assert 'APT::Periodic::Update-Package-Lists "1";' in apt
    assert 'APT::Periodic::Unattended-Upgrade "1";' in apt
    assert 'APT::Periodic::AutocleanInterval "7";' in apt
    assert 'Unattended-Upgrade::Automatic-Reboot "false";' in apt
    assert "Debian-Security" in apt
    assert "Unattended-Upgrade::Package-Blacklist::" not in apt
    for timer in ("apt-daily.timer", "apt-daily-upgrade.timer"):
        assert host.service(timer).is_enabled, timer
        assert host.service(timer).is_running, timer
    assert host.service("unattended-upgrades").is_enabled


FRAIL = """[Unit]
StartLimitIntervalSec=60
StartLimitBurst=2
OnFailure=start-again@%n.service
[Service]
Restart=on-failure
RestartSec=100ms
ExecStart=/bin/sh -c 'test -e /run/room && exec sleep infinity'
[Install]
WantedBy=multi-user.target
"""


def state(host, unit):
    return host.run("systemctl is-active %s", unit).stdout.strip()


def until(host, unit, wanted):
    deadline = time.monotonic() + 20
    while state(host, unit) != wanted:
        assert time.monotonic() < deadline, host.run("journalctl -u %s -u start-again@%s -n 40", unit, unit).stdout
        time.sleep(0.2)


def test_a_service_that_gave_up_is_tried_again_until_it_runs(host):
    host.check_output("mkdir -p /run/systemd/system/start-again@.service.d")
    host.check_output("printf %%s %s > /run/systemd/system/frail@one.service", FRAIL)
    host.check_output(
        "printf '[Service]\nEnvironment=PAUSE=1\n' > /run/systemd/system/start-again@.service.d/pause.conf"
    )
    try:
        host.check_output("systemctl daemon-reload && systemctl enable --quiet --runtime frail@one.service")
        host.run("systemctl start --no-block frail@one.service")
        until(host, "frail@one.service", "failed")
        time.sleep(2)
        assert state(host, "frail@one.service") != "active"
        host.check_output("touch /run/room")
        until(host, "frail@one.service", "active")
        # One that somebody disabled stays away.
        host.check_output("systemctl disable --quiet --runtime frail@one.service && rm /run/room")
        host.check_output("systemctl kill --signal KILL frail@one.service")
        until(host, "frail@one.service", "failed")
        host.check_output("touch /run/room")
        time.sleep(2.5)
        assert state(host, "frail@one.service") == "failed"
    finally:
        host.run(
            "systemctl disable --runtime frail@one.service; systemctl stop frail@one.service; rm -rf /run/room "
            "/run/systemd/system/frail@one.service /run/systemd/system/start-again@.service.d; systemctl daemon-reload; "
            "systemctl reset-failed"
        )


def test_nothing_failed(host):
    assert host.check_output("systemctl --failed --no-legend --plain") == ""


def test_no_application_can_have_an_account_of_the_system(host):
    """Users and groups of this host, and those of base-passwd that are not in use; those of people are told by their homes."""
    lines = host.check_output("getent passwd; getent group; cat /usr/share/base-passwd/*.master").splitlines()
    names = {line.split(":")[0] for line in lines if int(line.split(":")[2]) < 1000 or line.startswith("nobody:")}
    free = [name for name in sorted(names) if re.fullmatch(APPLICATION_NAME, name) and not names_taken.account(name)]
    assert free == [], "add these to plugin_utils/applications/names_taken.py"


def test_what_starts_services_again_reaches_little(host):
    assert exposed(host, "start-again@nginx.service.service") == {}
