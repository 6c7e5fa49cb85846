"""What an operator does with a running site: parts of a run, another release, a reboot."""

from __future__ import annotations

import os
import re
import subprocess
from typing import Any, NamedTuple

import pytest
import secret_search
from site_visitor import LAB, PROJECT, Visitor, wait_for

# What somebody edits by hand, and the role whose file it is.
EDITED = {"/etc/nginx/nginx.conf": "nginx", "/etc/uwsgi/board.ini": "uwsgi"}
# What every run of this file printed, with -vvv and --diff.
PRINTED: list[str] = []
RECAP = re.compile(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)


def play(*words: str, code: int = 0) -> tuple[str, dict[str, int]]:
    """Run site.yml (or the playbook named) and return its output and the changed tasks of each host."""
    playbook = () if words and words[0].endswith(".yml") else ("site.yml",)
    done = subprocess.run(
        [str(PROJECT / ".venv/bin/ansible-playbook"), "-i", "inventory/lab", *playbook, *words],
        cwd=PROJECT, capture_output=True, text=True, check=False, timeout=600, stdin=subprocess.DEVNULL,
        env={**os.environ, "ANSIBLE_CONFIG": str(PROJECT / "ansible.cfg"), "ANSIBLE_VERBOSITY": "3", "ANSIBLE_DIFF_ALWAYS": "1"},
    )  # fmt: skip
    output = done.stdout + done.stderr
    PRINTED.append(output)
    assert done.returncode == code, output[-6000:]
    return output, {host: int(changed) for host, changed, _unreachable, _failed in RECAP.findall(output)}


@pytest.mark.thorough
def test_one_host_and_one_role_alone() -> None:
    output, changed = play("--limit", "web1", "--tags", "nginx")
    assert changed["web1"] == 0
    assert "web2" not in changed
    assert "nginx : Configure | Place" in output
    # Which database host takes writes is asked in every run.
    assert not re.search(r"TASK \[postgres : (?!Find_primary)", output)


def statuses() -> list[int]:
    return [Visitor(name).get("/").status_code for name in ("web1", "web2")]


def test_a_maintenance_holds_until_it_is_ended_and_a_host_that_was_away_follows() -> None:
    """web2 is left out of its beginning."""
    on = ("playbooks/maintenance.yml", "-e", "app=board", "-e", "maintenance=on")
    play(*on, "--limit", "web1,db1")
    assert statuses() == [503, 200]
    page = Visitor("web1").get("/", headers={"Accept": "application/json"})
    assert (page.json()["error"], page.headers["Retry-After"]) == ("maintenance", "300")
    # A run of everything does not end it, brings it to web2, and says so.
    output, changed = play("--tags", "nginx")
    assert statuses() == [503, 503]
    assert (changed["web1"], changed["web2"]) == (0, 1)
    assert "board is in maintenance since" in output
    # As a visitor of the host itself, who is let in.
    play("playbooks/smoke_test.yml")
    _output, changed = play(*on[:-1], "maintenance=off")
    assert (changed["web1"], changed["web2"]) == (1, 1)
    assert statuses() == [200, 200]
    # Nothing of it is left for a later run.
    output, changed = play(*on[:-1], "maintenance=off")
    assert not any(changed.values())


def tasks_that_change(output: str) -> set[str]:
    """Names of the tasks that changed something on web1; handlers follow from them."""
    changed, name = set(), ""
    for line in output.splitlines():
        if line.startswith(("TASK [", "RUNNING HANDLER [")):
            name = line
        elif line.startswith("changed: [web1") and name.startswith("TASK ["):
            changed.add(name.split("[", 1)[1].split("]")[0])
    return changed


class Drift(NamedTuple):
    """What a check and a run made of files that somebody had edited on web1."""

    before: dict[str, str]
    live: str
    predicted: str
    done: str


@pytest.fixture(scope="module")
def drift(web1: Any) -> Drift:
    """Both files edited by hand, then a check, then a run."""
    live = web1.check_output("readlink /srv/board/live")
    before = {path: web1.check_output(f"cat {path}") for path in EDITED}
    for path in EDITED:
        web1.check_output(f"sh -c 'echo \"# {path} touched by hand\" >> {path}'")
    predicted, _changed = play("--check", "--diff", "--limit", "web1")
    done, _changed = play("--limit", "web1")
    return Drift(before, live, predicted, done)


@pytest.mark.parametrize(("path", "role"), EDITED.items())
def test_drift_is_seen_by_a_check_and_mended_by_a_run(web1: Any, drift: Drift, path: str, role: str) -> None:
    assert f"-# {path} touched by hand" in drift.predicted
    predicted = tasks_that_change(drift.predicted)
    assert any(task.startswith(f"{role} : ") for task in predicted), predicted
    assert tasks_that_change(drift.done) == predicted
    assert web1.check_output(f"cat {path}") == drift.before[path]
    # The master was started with the file as it is again: there is nothing to replace.
    assert web1.check_output("readlink /srv/board/live") == drift.live
    assert Visitor("web1").get("/readyz").status_code == 200


def requests_to_web1() -> subprocess.Popen[str]:
    """Two hundred, one after the other, each by a connection of its own; they print their statuses."""
    return subprocess.Popen(
        ["/bin/sh", "-c", "for i in $(seq 1 200); do curl --silent --insecure --max-time 20 --output /dev/null "
         f"--write-out '%{{http_code}}\\n' --resolve board.localhost:443:{Visitor('web1').host_address()} "
         "https://board.localhost/; done"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_the_key_of_a_site_is_replaced_without_a_failed_request(web1: Any) -> None:
    """The pair of before serves until the new one is complete."""
    shown = "openssl s_client -connect 127.0.0.1:443 -servername board.localhost </dev/null 2>/dev/null | openssl x509 -noout -pubkey"
    before = web1.check_output(shown)
    load = requests_to_web1()
    play("playbooks/rotate_secrets.yml", "-e", "what=tls", "--tags", "nginx")
    codes = load.communicate(timeout=300)[0].split()
    assert set(codes) == {"200"}, codes
    assert web1.check_output(shown) != before
    assert not web1.file("/etc/ssl/board/privkey.pem.next").exists
    assert Visitor("web1").get("/").status_code == 200


@pytest.mark.thorough
def test_a_changed_setting_makes_a_new_master_and_no_failed_request(web1: Any) -> None:
    before = web1.check_output("readlink /srv/board/live")
    setting = ("--limit", "web1", "-e", "uwsgi_max_requests=15000")
    predicted = tasks_that_change(play("--check", *setting)[0])
    # Requests go on while the master is replaced.
    load = requests_to_web1()
    output, _changed = play(*setting)
    codes = load.communicate(timeout=300)[0].split()
    assert predicted
    assert tasks_that_change(output) == predicted
    assert len(codes) == 200
    assert set(codes) == {"200"}, codes
    assert web1.check_output("readlink /srv/board/live") != before
    play("--limit", "web1")


def reboot(host: Any) -> None:
    """Reboot a host a moment after the answer, so that the connection ends in order."""
    host.check_output("systemd-run --on-active=1 systemctl reboot")


def test_a_web_host_comes_back_by_itself(web1: Any) -> None:
    boot = web1.check_output("systemctl show --property UserspaceTimestampMonotonic --value")
    reboot(web1)
    wait_for("the site's return on web1", lambda: _again(web1, boot), 90)
    assert Visitor("web1").get("/").status_code == 200


def _again(host: Any, boot: str) -> bool:
    """Whether the host has booted anew and its site is ready."""
    ready = Visitor("web1").get("/readyz").status_code == 200
    return ready and booted_anew(host, boot)


def booted_anew(host: Any, boot: str) -> bool:
    """Whether systemd started again since ``boot``; a host that cannot be reached has not finished."""
    try:
        now = host.run("systemctl show --property UserspaceTimestampMonotonic --value")
    except AssertionError:
        return False
    return now.rc == 0 and now.stdout.strip() not in ("", boot.strip())


def test_the_site_recovers_from_a_reboot_of_its_database(db1: Any) -> None:
    boot = db1.check_output("systemctl show --property UserspaceTimestampMonotonic --value")
    reboot(db1)

    def back() -> bool:
        ready = all(Visitor(name).get("/readyz").status_code == 200 for name in ("web1", "web2"))
        return ready and booted_anew(db1, boot)

    wait_for("the site's return after the database", back, 120)
    # The application itself was not restarted: it finds the database again.
    assert Visitor("web2").get("/").status_code == 200


def test_a_host_is_patched_and_rebooted_for_what_an_update_left(web2: Any) -> None:
    """A library that is replaced under nginx is told by each run, and a reboot that a package asks for is made."""
    library = web2.check_output("grep -o '/usr/lib/.*/libpcre2-8[^ ]*' /proc/$(pgrep -o nginx)/maps | head -n 1")
    web2.check_output(f"cp --archive {library} {library}.new && mv {library}.new {library}")
    web2.check_output("touch /run/reboot-required && echo linux-image-amd64 > /run/reboot-required.pkgs")
    patch = ("playbooks/patch.yml", "--limit", "web2")
    said = " ".join(play(*patch, "-e", "reboot=never")[0].split())
    assert "a reboot is due (linux-image-amd64) and not made: reboot is never" in said
    assert re.search(r"restarted, for they run replaced files: [^:]*nginx\.service", said)
    assert Visitor("web2").get("/readyz").status_code == 200
    boot = web2.check_output("systemctl show --property UserspaceTimestampMonotonic --value")
    said = " ".join(play(*patch)[0].split())
    assert "web2: it is rebooted (linux-image-amd64)" in said
    assert "its visitors get no answer while it boots" in said
    assert booted_anew(web2, boot)
    assert Visitor("web2").get("/readyz").status_code == 200


def test_after_all_that_nothing_is_left_to_do() -> None:
    for words in (("--check",), ()):
        _output, changed = play(*words)
        assert set(changed) >= {"web1", "web2", "db1"}
        assert not any(changed.values()), changed


def test_no_run_printed_a_secret_though_it_told_all_it_could() -> None:
    """Runs that changed nothing, settings, the application's environment and its master, each with -vvv --diff."""
    text = "".join(PRINTED)
    assert "Using module file" in text, "the runs were not verbose"
    assert "+++ after" in text, "the runs had no diff"
    assert secret_search.printed(text) == []
    assert secret_search.printed(f"a {next(iter(secret_search.values().values()))}") != [], "nothing is ever found"


def test_the_first_installation_printed_no_secret_either() -> None:
    """The check on empty hosts, the first run and the ones after it, as Molecule made them."""
    text = (LAB / "runs.log").read_text(errors="replace")
    for task in ("postgres : Create and update databases and roles", "restic : Server | Place the configuration"):
        first = text.partition(f"TASK [{task}")[2]
        assert "changed: [" in first.partition("TASK [")[0], f"{task} was not seen to change anything"
    assert "Using module file" in text, "the runs were not verbose"
    assert "+++ after" in text, "the runs had no diff"
    assert secret_search.printed(text) == []


def test_no_account_of_the_site_may_do_anything_as_another(any_host: Any) -> None:
    """Whoever logs in to operate may do everything, and says so in one word; no rule has a wildcard, and no other account has one."""
    rules = any_host.check_output("cat /etc/sudoers /etc/sudoers.d/*").splitlines()
    rules = [one for one in rules if one and not one.startswith(("#", "@", "Defaults"))]
    assert sorted(one.split()[0] for one in rules) == ["%sudo", "admin", "root"], rules
    assert not [one for one in rules if re.search(r"[*?\[\]^]", one)]
    accounts = [line.split(":")[0] for line in any_host.check_output("getent passwd").splitlines()]
    assert {"board", "postgres"} & set(accounts)
    allowed = any_host.check_output(f"for one in {' '.join(accounts)}; do sudo -n -l -U $one; done")
    granted = re.findall(r"^User (\S+) may run the following commands", allowed, re.MULTILINE)
    assert sorted(granted) == ["admin", "root"]


@pytest.mark.parametrize(
    ("name", "accounts"), [("web1", ("board",)), ("web2", ("board",)), ("db1", ()), ("backup1", ())]
)
def test_a_host_shows_no_secret_to_others_and_logs_none(name: str, accounts: tuple[str, ...]) -> None:
    """Command lines and environments of processes, files that others can read, logs and the journal."""
    assert secret_search.on_host(name, accounts) == []
