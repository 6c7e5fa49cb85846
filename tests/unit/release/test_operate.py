"""What an operator asks of a running application: commands, and the log of all hosts in the order of time."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.django_ec2.site.plugins.module_utils.release import log
from ansible_collections.django_ec2.site.plugins.plugin_utils.playbook_inputs import Inputs, whole_lines
from ansible_collections.django_ec2.site.plugins.plugin_utils.release import operate

MANAGE = Inputs("manage", {"command": {"type": "str", "whole_line": True}, "app": {"type": "str"}}, {})


def test_words_of_a_command() -> None:
    assert operate.command_words("manage.py migrate shop '0001'") == ["migrate", "shop", "0001"]
    for command, message in (("'", "cannot be split"), ("manage.py", "command is empty"), ("", "command is empty")):
        with pytest.raises(AnsibleFilterError, match=message):
            operate.command_words(command)


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("command=migrate --plan", "migrate --plan"),
        ("command='migrate --plan'", "migrate --plan"),
        ('command="check --deploy"', "check --deploy"),
        ("command=shell -c 'a=1'", "shell -c 'a=1'"),
        ("command='a b' 'c d'", "'a b' 'c d'"),
    ],
)
def test_an_input_takes_the_whole_line(word: str, value: str) -> None:
    assert whole_lines(MANAGE, ["app=shop", word, '{"command": "x"}', "@file"]) == {"command": value}


def test_blanks_on_the_command_line_arrive(root: Path, tmp_path: Path) -> None:
    """Through Ansible itself: it cuts the word into variables, and the check of inputs takes none of them for an unknown one."""
    play = tmp_path / "play.yml"
    hosts = tmp_path / "hosts.yml"
    hosts.write_text("web: {hosts: {localhost: {}}}\n")
    play.write_text(
        "- hosts: localhost\n  gather_facts: false\n  connection: local\n  tasks:\n"
        f"    - django_ec2.site.playbook_inputs: {{playbook: manage, project: {root}}}\n"
        "    - ansible.builtin.debug: {msg: 'got {{ ansible_facts.whole_lines.command }}'}\n"
    )
    command = "shell -c 'x=1; print(x)' --no-imports"
    words = [
        "ansible-playbook",
        "-i",
        str(hosts),
        str(play),
        "-e",
        '{"applications": {"shop": {}}}',
        "-e",
        f"command={command}",
    ]
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert f"got {command}" in done.stdout


def test_moments() -> None:
    assert log.moment("2h", 10_000) == 2_800
    assert log.moment("2026-11-26T04:00", 0) == log.moment("2026-11-26 04:00:00", 0) == 1795665600


def test_the_journal_is_read_by_unit_and_by_note() -> None:
    lines = [
        json.dumps({"__REALTIME_TIMESTAMP": "1500000", "_SYSTEMD_UNIT": "server-shop@blue.service", "MESSAGE": [104, 105, 255]}),
        json.dumps({"__REALTIME_TIMESTAMP": "2500000", "UNIT": "shop-worker@blue.service", "MESSAGE": "Started"}),
        json.dumps({"__REALTIME_TIMESTAMP": "3000000", "SYSLOG_IDENTIFIER": "shop-manage", "MESSAGE": "ada ran: check"}),
        "no json",
    ]  # fmt: skip
    assert list(log.journal_entries(lines)) == [
        (1.5, "server-shop@blue", "hi\ufffd"),
        (2.5, "shop-worker@blue", "Started"),
        (3.0, "shop-manage", "ada ran: check"),
    ]
    words = log.journal_words("shop", ["a.service", "b.service"], 5, 9)
    fields = [
        "_SYSTEMD_UNIT=a.service",
        "_SYSTEMD_UNIT=b.service",
        "UNIT=a.service",
        "UNIT=b.service",
        "SYSLOG_IDENTIFIER=shop-manage",
    ]
    assert words[-9:] == [part for field in fields for part in (field, "+")][:-1]
    assert log.journal_words("shop", [], 5, 9)[-1] == "SYSLOG_IDENTIFIER=shop-manage"


def test_of_nginx_the_lines_about_the_application_count() -> None:
    line = {
        "time": "2026-11-26T06:00:00+02:00",
        "host": "SHOP.test",
        "method": "GET",
        "uri": "/",
        "status": 500,
        "request_time": 0.2,
    }
    lines = [json.dumps(line), json.dumps({**line, "host": "blog.test"}), "{"]
    assert list(log.access_entries(lines, ["shop.test"])) == [(1795665600.0, "nginx", "GET / 500 in 0.2 s")]
    error = (
        '2026/11/26 04:00:00 [error] 7#7: *1 connect() failed, client: 10.0.0.1, server: shop.test, host: "shop.test"'
    )
    ((when, source, text),) = log.error_entries([error, error.replace("shop.test", "blog.test")], ["shop.test"])
    assert (when, source) == (time.mktime((2026, 11, 26, 4, 0, 0, 0, 0, -1)), "nginx")
    assert text.startswith("error: *1 connect() failed")


def test_lines_of_all_hosts_come_in_the_order_of_time() -> None:
    def entry(when: float, text: str) -> dict[str, Any]:
        return {"time": when, "source": "nginx", "text": text}

    # Two lines of one moment keep their order on the host.
    lines = operate.log_lines({"web2": [entry(2, "z"), entry(2, "a"), entry(4, "d")], "web1": [entry(3.25, "c")]})
    assert [line.split(" ", 2)[1:] for line in lines] == [["00:00:02.000Z", "web2 nginx: z"], ["00:00:02.000Z", "web2 nginx: a"],
        ["00:00:03.250Z", "web1 nginx: c"], ["00:00:04.000Z", "web2 nginx: d"]]  # fmt: skip
