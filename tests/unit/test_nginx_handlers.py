"""The last words of a run in which nginx does not serve."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import yaml


def test_a_run_in_which_nginx_does_not_listen_ends_with_the_port(root: Path, tmp_path: Path) -> None:
    handlers = yaml.safe_load((root / "roles/nginx/handlers/main.yml").read_text())
    tasks = [one for one in handlers if one["name"] in ("Wait until nginx serves", "Stop where nginx does not serve")]
    assert len(tasks) == 2
    for task in tasks:
        del task["listen"]
    tasks[0]["ansible.builtin.wait_for"]["timeout"] = 1
    with socket.socket() as open_port, socket.socket() as closed:
        for one in (open_port, closed):
            one.bind(("127.0.0.1", 0))
        open_port.listen()
        good, bad = open_port.getsockname()[1], closed.getsockname()[1]
        play = [{"hosts": "localhost", "gather_facts": False, "vars": {"__nginx_ports": [good, bad]}, "tasks": tasks}]
        (tmp_path / "play.yml").write_text(yaml.safe_dump(play))
        (tmp_path / "ansible.cfg").touch()
        done = subprocess.run(
            [Path(sys.executable).with_name("ansible-playbook"), "-i", "localhost,", "-c", "local", tmp_path / "play.yml"],
            env={**os.environ, "ANSIBLE_CONFIG": str(tmp_path / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1",
                 "ANSIBLE_PYTHON_INTERPRETER": sys.executable, "ANSIBLE_LOCAL_TEMP": str(tmp_path / "tmp")},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 2, done.stdout + done.stderr
    last = done.stdout.rpartition("Stop where nginx does not serve")[2]
    assert f"nginx does not listen on port {bad}. See: journalctl -u nginx" in last
    assert "One or more items failed" not in done.stdout
    assert str(good) not in last
