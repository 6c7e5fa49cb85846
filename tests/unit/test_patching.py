"""What patching a host means: its plan, what is said of it, the order of hosts, and what a later run says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.django_ec2.site.plugins.plugin_utils import patching

SAID = """\
Inst libssl3 [3.0.15-1] (3.0.16-1 Debian-Security:12/stable [amd64])
Inst linux-image-6.1.0-30-amd64 (6.1.124-1 Debian:12/stable [amd64])
Conf libssl3 (3.0.16-1 Debian-Security:12/stable [amd64])
"""
KERNEL = {"reboot": ["linux-image-amd64"], "units": {}, "failed": []}
LIBRARY = {
    "reboot": [],
    "units": {
        "nginx.service": ["libssl.so.3"],
        "dbus.service": ["libc.so.6"],
        "postgresql@17-main.service": [],
        "init.scope": [],
    },
    "failed": [],
}


def plan(fact: dict[str, Any], said: str = "", reboot: str = "needed", **other: Any) -> dict[str, Any]:
    words = {"primary": False, "standbys": 0, "registered": True, **other}
    return patching.patch_plan(fact, said, reboot, **words)


def lines(fact: dict[str, Any], made: dict[str, Any], **other: Any) -> list[str]:
    words = {"host": "web1", "groups": ["web"], "balanced": False, "web": 2, "primary": False, **other}
    return patching.patch_lines(made, fact, **words)


def test_packages_are_those_that_apt_names() -> None:
    made = plan(LIBRARY, SAID)
    assert made["packages"] == [
        {"name": "libssl3", "installed": "3.0.15-1", "candidate": "3.0.16-1"},
        {"name": "linux-image-6.1.0-30-amd64", "installed": "", "candidate": "6.1.124-1"},
    ]
    assert made["any"]


@pytest.mark.parametrize(
    ("fact", "reboot", "primary", "standbys", "due", "later"),
    [
        (KERNEL, "needed", False, 0, True, ""),
        (KERNEL, "never", False, 0, False, "reboot is never"),
        (LIBRARY, "needed", False, 0, False, ""),
        (LIBRARY, "always", False, 0, True, ""),
        (KERNEL, "needed", True, 0, True, ""),
        (KERNEL, "needed", True, 1, False, "promote a standby"),
        (LIBRARY, "always", True, 1, False, "promote a standby"),
    ],
)
def test_a_reboot_is_made_where_it_is_due_and_hurts_nobody_who_could_be_spared(
    fact: dict[str, Any], reboot: str, primary: bool, standbys: int, due: bool, later: str
) -> None:
    made = plan(fact, reboot=reboot, primary=primary, standbys=standbys)
    assert made["reboot"] is due
    assert later in made["later"]
    assert bool(made["later"]) is bool(later)


def test_what_can_be_restarted_is_unless_the_host_reboots() -> None:
    """Not the database's server, which clients wait for, and nothing that all else hangs on."""
    assert plan(LIBRARY)["restart"] == ["nginx.service"]
    assert plan(LIBRARY, reboot="always")["restart"] == []
    assert any("dbus.service, init.scope" in line for line in lines(LIBRARY, plan(LIBRARY)))


def test_a_host_that_a_cut_run_left_out_of_the_balancer_goes_back() -> None:
    nothing = {"reboot": [], "units": {}, "failed": []}
    assert not plan(nothing)["any"]
    assert lines(nothing, plan(nothing)) == ["web1: nothing to do"]
    away = plan(nothing, registered=False)
    assert away["any"]
    assert lines(nothing, away) == ["web1: it goes back into the balancer"]


@pytest.mark.parametrize(
    ("words", "seen"),
    [
        ({"balanced": True}, "visitors see nothing of it, it leaves the balancer first"),
        ({"balanced": True, "web": 1}, "its visitors get no answer while it boots"),
        ({}, "its visitors get no answer while it boots"),
        ({"groups": ["web", "database"], "primary": True}, "the database does not answer"),
        ({"groups": ["redis"]}, "applications that need Redis get errors"),
        ({"groups": ["backup"]}, "visitors see nothing of it"),
    ],
)
def test_the_plan_says_what_visitors_see(words: dict[str, Any], seen: str) -> None:
    assert seen in lines(KERNEL, plan(KERNEL), **words)[-1]


def test_what_others_depend_on_comes_last() -> None:
    groups = {
        "db1": ["database"],
        "db2": ["database"],
        "web1": ["web"],
        "web2": ["web"],
        "r1": ["redis"],
        "b1": ["backup"],
    }
    variables = {name: {"group_names": own, "database_primary": "db1"} for name, own in groups.items()}
    assert patching.patch_order(list(groups), variables) == ["b1", "db2", "web1", "web2", "r1", "db1"]
    # A run was cut while web2 was out of the balancer.
    variables["web2"] = {**variables["web2"], "aws_fleet_target": {"registered": False}}
    assert patching.patch_order(list(groups), variables) == ["b1", "db2", "web2", "web1", "r1", "db1"]


def test_nothing_begins_where_a_host_is_not_well_or_says_nothing() -> None:
    well = {"inventory_hostname": "web1", "ansible_local": {"restarts": KERNEL}}
    assert patching.patch_problems([well]) == []
    silent = {"inventory_hostname": "web2", "ansible_local": {}}
    ill = {"inventory_hostname": "web3", "ansible_local": {"restarts": {**KERNEL, "failed": ["nginx.service"]}}}
    said = " ".join(patching.patch_problems([well, silent, ill]))
    assert "web2: nothing there says yet" in said
    assert "web3: nginx.service failed" in said
    assert "web1" not in said


def test_a_run_says_what_waits_for_a_restart() -> None:
    hosts = [
        {"inventory_hostname": "web1", "ansible_local": {"restarts": LIBRARY}},
        {"inventory_hostname": "web2", "ansible_local": {"restarts": {"reboot": [], "units": {}, "failed": []}}},
        {"inventory_hostname": "db1", "ansible_facts": {"ansible_local": {"restarts": KERNEL}}},
        {"inventory_hostname": "away"},
    ]
    first, second = patching.restart_notes(hosts)
    assert "web1: these run files that an update has replaced: nginx.service, postgresql@17-main.service." in first
    assert "db1: a reboot is due (linux-image-amd64)." in second
    assert "playbooks/patch.yml" in first


def test_applications_that_do_not_serve_are_named() -> None:
    answers = [
        {"item": "board", "good": True, "said": "status 200: ok"},
        {"item": "shop", "good": False, "said": "status 502: "},
    ]
    assert patching.patch_answers(answers) == ["shop (status 502: )"]


def test_what_was_not_rebooted_is_said_at_the_end() -> None:
    hosts = [
        {"inventory_hostname": "db1", "base_patch": {"later": ""}, "base_patched": {"later": "it is the primary"}},
        {"inventory_hostname": "web1", "base_patch": {"later": ""}},
        {"inventory_hostname": "web2"},
    ]
    assert patching.patch_later(hosts) == ["db1 was not rebooted: it is the primary."]


def test_the_fact_sees_a_program_whose_file_is_gone(root: Path, tmp_path: Path) -> None:
    """The fact's own code, on processes of a /proc of the test's making."""
    text = (root / "roles/base/templates/restarts.fact.j2").read_text().replace("{{ ansible_managed | comment }}", "")
    lib = "7f10-7f20 r-xp 00000000 08:01 1                          /usr/lib/x86_64-linux-gnu/libssl.so.3"
    no_program = "7f-7f r-xp 0 00:01 2 /memfd:jit (deleted)\n7f-7f rw-p 0 00:01 2 /usr/lib/x (deleted)\n"
    for pid, maps, cgroup in (
        ("1", f"{lib} (deleted)\n", "0::/init.scope\n"),
        ("7", f"{lib} (deleted)\n{lib}\n", "0::/system.slice/nginx.service\n"),
        ("8", f"{lib}\n{no_program}", "0::/system.slice/b.service\n"),
        ("9", f"{lib} (deleted)\n", "1:name=systemd:/system.slice/system-postgresql.slice/postgresql@17-main.service\n0::/\n"),
        ("10", f"{lib} (deleted)\n", "0::/user.slice/user-0.slice/session-3.scope\n"),
    ):  # fmt: skip
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "maps").write_text(maps)
        (tmp_path / pid / "cgroup").write_text(cgroup)
    (tmp_path / "reboot-required").write_text("")
    (tmp_path / "reboot-required.pkgs").write_text("linux-image-amd64\ndbus\ndbus\n")
    (tmp_path / "systemctl").write_text("#!/bin/sh\necho 'broken.service loaded failed failed A broken one'\n")
    (tmp_path / "systemctl").chmod(0o755)
    own = text.replace("/proc/", f"{tmp_path}/").replace("/run/", f"{tmp_path}/")
    words = [sys.executable, "-c", own]
    done = subprocess.run(words, env={"PATH": f"{tmp_path}:/usr/bin"}, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {
        "units": {
            "init.scope": ["libssl.so.3"], "nginx.service": ["libssl.so.3"], "postgresql@17-main.service": ["libssl.so.3"],
            "session-3.scope": ["libssl.so.3"],
        },
        "reboot": ["dbus", "linux-image-amd64"],
        "failed": ["broken.service"],
    }  # fmt: skip
