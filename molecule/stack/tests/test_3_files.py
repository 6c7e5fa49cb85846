"""Uploads are backed up to the repository host, and come back to a moment; what goes wrong is said."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from site_visitor import LAB, PROJECT, wait_for

INVENTORY = "inventory/lab"
MEDIA = "/mnt/applications/board/media"
AS_BOARD = "runuser -u board --"
# A file before the first snapshot and two after it, the moment, and then what happens to them.
STORY = f"""cd {MEDIA}
{AS_BOARD} sh -c 'mkdir -p "of a day"; echo kept > kept; echo deleted > "of a day/ü [1].txt"; echo old > clobbered'
systemctl start restic-backup
{AS_BOARD} sh -c 'echo between > between'
sleep 1.1; date -u '+%Y-%m-%d %H:%M:%S+00' > /root/moment; sleep 1.1
{AS_BOARD} sh -c 'rm -r "of a day"; echo new > clobbered; echo newer > newer'
systemctl start restic-backup
{AS_BOARD} rm between
"""
THEN = {"kept": "kept", "of a day/ü [1].txt": "deleted", "clobbered": "old", "between": "between"}


def play(playbook: str, *words: str) -> tuple[int, str]:
    """Run a playbook to its end; its code and output, each message in one line."""
    done = subprocess.run(
        [str(PROJECT / ".venv/bin/ansible-playbook"), "-i", INVENTORY, f"playbooks/{playbook}.yml", *words],
        cwd=PROJECT, capture_output=True, text=True, check=False, timeout=600, stdin=subprocess.DEVNULL,
        env={**os.environ, "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg")},
    )  # fmt: skip
    return done.returncode, re.sub(r"\s+", " ", done.stdout + done.stderr)


def below(host: Any, directory: str) -> dict[str, str]:
    """The files of the story below a directory, with their content."""
    said = host.check_output(f"cd {directory} && grep -r . kept clobbered between newer 'of a day' 2>/dev/null; true")
    return dict(line.split(":", 1) for line in said.splitlines())


@pytest.fixture(scope="module")
def moment(web1: Any) -> Iterator[str]:
    """A moment between two snapshots."""
    web1.check_output(f"bash -euc '{STORY.replace(chr(39), chr(39) + chr(92) + chr(39) + chr(39))}'")
    yield web1.check_output("cat /root/moment").strip()
    web1.check_output(f"cd {MEDIA} && rm -rf kept clobbered between newer 'of a day' {MEDIA}-before-restore-*")


def test_a_copy_of_a_moment_beside_what_is_live(web1: Any, moment: str) -> None:
    """With the database's: both are asked for once, and no live file is touched."""
    live = below(web1, MEDIA)
    words = ("-e", f"restore_to='{moment}'", "-e", "restore_as=scratch", "-e", "restore_media=true")
    code, output = play("database_restore", *words)
    assert code == 0, output[-6000:]
    assert "4 files" in output or "files, 0.0 MB" in output
    assert below(web1, "/var/lib/restic-backup/scratch/board/media") == THEN
    assert below(web1, MEDIA) == live
    assert "of a day/ü [1].txt" not in live
    code, output = play("database_restore", "-e", "restore_remove=scratch")
    assert code == 0, output[-6000:]
    assert not web1.file("/var/lib/restic-backup/scratch").exists


def test_files_come_back_and_nothing_is_lost(web1: Any, moment: str) -> None:
    code, output = play("database_restore", "-e", f"restore_to='{moment}'", "-e", "restore_media=only")
    assert code == 0, output[-6000:]
    # The database stays, so what was uploaded since does.
    assert below(web1, MEDIA) == {**THEN, "newer": "newer"}
    assert web1.check_output(f"cat {MEDIA}-before-restore-*/clobbered") == "new"
    assert web1.file(f"{MEDIA}/of a day/ü [1].txt").user == "board"


@pytest.mark.usefixtures("moment")
def test_a_web_host_adds_snapshots_and_removes_none(web1: Any) -> None:
    count = len(web1.check_output("restic-files snapshots --json").split('"time"'))
    assert count > 1
    web1.run("timeout 20 restic-files forget latest --prune")
    assert len(web1.check_output("restic-files --no-lock snapshots --json").split('"time"')) == count
    # Another host's certificate, or none, is no way in.
    assert web1.run("curl --silent --insecure --max-time 5 https://backup1:8433/").rc != 0


@pytest.mark.thorough
@pytest.mark.usefixtures("moment")
def test_an_empty_directory_and_a_wrong_password_are_no_backup_and_are_said(web1: Any) -> None:
    web1.check_output(f"mv {MEDIA} {MEDIA}-away && install -d -o board -g board -m 0750 {MEDIA}")
    try:
        assert web1.run("systemctl start restic-backup").rc != 0
        assert "restic-backup --emptied board" in web1.check_output("cat /var/lib/restic-backup/status.json")
    finally:
        web1.check_output(f"rmdir {MEDIA} && mv {MEDIA}-away {MEDIA}")
    web1.check_output("cp -a /etc/restic/password /root/password && echo another > /etc/restic/password")
    try:
        assert web1.run("systemctl start restic-backup").rc != 0
        code, output = play("database_status")
        assert code == 2, output[-6000:]
        assert "secrets.file_backup_key is not the password" in output
    finally:
        web1.check_output("mv /root/password /etc/restic/password")
    web1.check_output("systemctl start restic-backup")
    code, output = play("database_status")
    assert "secrets.file_backup_key" not in output
    assert "board: " in output


# Backups without an end, a pause between them.
MANY_BACKUPS = (
    "touch /run/backups && systemd-run --quiet --unit backups sh -c 'while test -e /run/backups; do restic-backup >>/run/backups.log 2>&1; "
    "echo ended $? >>/run/backups.log; sleep 2; done'"
)
ROTATE = ("playbooks/rotate_secrets.yml", "-e", "what=file_backups")


def password() -> dict[str, str]:
    """What the file of secrets has of the backups of files."""
    secrets = yaml.safe_load((LAB / "secrets.yml").read_text())["secrets"]
    return {name: value for name, value in secrets.items() if name.startswith("file_backup_key")}


def kill_at(task: str, *words: str) -> None:
    """Start a run, and kill it when a task begins."""
    with subprocess.Popen(
        [str(PROJECT / ".venv/bin/ansible-playbook"), "-i", INVENTORY, *words], cwd=PROJECT, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        env={**os.environ, "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg")},
    ) as process:  # fmt: skip
        assert process.stdout
        assert any(line.startswith(f"TASK [{task}") for line in process.stdout), f"the run never came to '{task}'"
        os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.thorough
@pytest.mark.usefixtures("moment")
def test_another_password_of_the_backups_while_they_are_made(web1: Any, web2: Any, backup1: Any) -> None:
    """A run is killed when the repository knows the new one and no host has it; the next goes on with the same one."""
    old = password()["file_backup_key"]
    first = json.loads(web1.check_output("restic-files --no-lock snapshots --json"))[0]["id"]
    web1.check_output(MANY_BACKUPS)
    try:
        kill_at("restic : Server | Place the configuration", *ROTATE)
        cut = password()
        assert cut["file_backup_key_old"] == old != cut["file_backup_key"]
        code, output = play("rotate_secrets", "-e", "what=file_backups")
        assert code == 0, output[-6000:]
    finally:
        web1.check_output("rm /run/backups")
        wait_for("the end of the backups", lambda: web1.run("systemctl is-active backups").rc != 0, 120)
        log = web1.check_output("cat /run/backups.log; rm /run/backups.log")
    ended = re.findall(r"^ended (\d+)$", log, re.MULTILINE)
    assert len(ended) > 3 and set(ended) == {"0"}, log[-3000:]
    new = cut["file_backup_key"]
    assert password() == {"file_backup_key": new}
    assert old not in output and new not in output
    for host in (web1, backup1):
        assert host.check_output("cat /etc/restic/password") == new
    assert web2.run("test -e /etc/restic/password").rc != 0, "the files are shared, and the first host's to back up"
    # Only the new one opens it, and what was backed up with the old one is read with it.
    assert len(backup1.check_output("restic-files key list --json").split('"id"')) == 2
    assert not backup1.file("/etc/restic/key-that-ends").exists
    backup1.check_output(f"install -m 0644 /dev/null /run/old && echo {old} >/run/old")
    assert "no key found" in backup1.run("restic-files --password-file /run/old cat config").stderr
    backup1.check_output("rm /run/old")
    assert MEDIA in web1.check_output(f"restic-files --no-lock ls {first}")
    code, output = play("../site", "--tags", "restic")
    assert code == 0, output[-6000:]
    assert re.findall(r"changed=(\d+)", output) == ["0"] * 4, output[-1500:]


def test_the_live_release_is_asked_about_the_restored_copy(db1: Any) -> None:
    """A migration that the copy lacks, as when the restore brought an older schema, turns the drill red."""
    psql = "runuser -u postgres -- psql -XAtq -d board -c %s"
    newest = "FROM django_migrations WHERE id = (SELECT max(id) FROM django_migrations WHERE app = 'posts')"
    db1.check_output(psql, " ".join(["CREATE TABLE kept AS SELECT *", newest]))
    db1.check_output(psql, " ".join(["DELETE", newest]))
    try:
        code, output = play("database_backup", "-e", "backup_type=incr", "-e", "drill=true")
        assert code == 2, output[-6000:]
        assert "board: the copy lacks migrations of the live release: posts." in output
        # Rows, indexes and checksums were right before the release was asked.
        assert "incr: " in output
    finally:
        db1.check_output(psql, "INSERT INTO django_migrations SELECT * FROM kept; DROP TABLE kept")
    assert "drill" not in db1.check_output("pg_lsclusters")
    db1.check_output("rm /var/lib/database-drill/status.json")
