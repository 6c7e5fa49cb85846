"""The whole way through Ansible, held against the stock modules."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import textwrap
from pathlib import Path

from .helpers import ANSIBLE, ROOT, SECRET, tree


def play(place: Path, tasks: str, *arguments: str) -> str:
    playbook = place / "play.yml"
    (place / "ansible.cfg").touch()  # the project's own must not decide what is tested
    header = "- hosts: localhost\n  gather_facts: false\n"
    header += "  vars: {who: world, items: [1, 2], ansible_managed: mine}\n"
    playbook.write_text(header + "  tasks:\n" + textwrap.indent(textwrap.dedent(tasks), "    "))
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
        "ANSIBLE_CONFIG": str(place / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_LOCALHOST_WARNING": "0",
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "ANSIBLE_LOCAL_TEMP": str(place / "tmp"),
        "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default",
    }
    argv = [ANSIBLE, "-i", "localhost,", "-c", "local", playbook, *arguments]
    done = subprocess.run(
        argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment, check=False
    )
    return f"{done.stdout}\nexit status {done.returncode}\n"


def changes(output: str) -> list[bool]:
    """Changed flags of all tasks, in order."""
    lines = [line for line in output.splitlines() if line.startswith(("changed: ", "ok: "))]
    return [line.startswith("changed: ") for line in lines]


TEMPLATE = """\
# {{ ansible_managed }} {{ template_destpath | basename }}
{% for item in items %}
  {% if item %}
item {{ item }}
  {% endif %}
{% endfor %}
{% include 'part.j2' %}
hello {{ who }} {{ extra | default('none') }} \\n {{ '\\n' }}

"""


def test_same_as_the_stock_modules(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "files").mkdir()
    (tmp_path / "templates/t.j2").write_text(TEMPLATE)
    (tmp_path / "templates/part.j2").write_text("part of {{ who }}\n")
    (tmp_path / "templates/only.j2").write_text("{{ items }}")
    (tmp_path / "files/blob").write_bytes(bytes(range(256)))
    for place in ("ours", "stock"):
        (tmp_path / place / "etc").mkdir(parents=True)
        (tmp_path / place / "etc/replaced").symlink_to("elsewhere")
        (tmp_path / place / "etc/gone").write_text("x")
    tasks = f"""
    - django_ec2.site.host_config:
        directories:
          - {{path: {tmp_path}/ours/etc/d, mode: "0711", owner: "{os.getuid()}", group: "{os.getgid()}"}}
        files:
          - {{path: {tmp_path}/ours/etc/t, template: t.j2, mode: "0640"}}
          - {{path: {tmp_path}/ours/etc/only, template: only.j2}}
          - {{path: {tmp_path}/ours/etc/replaced, content: "42", mode: "0600"}}
          - {{path: {tmp_path}/ours/etc/json, content: '{{"a": 1}}'}}
          - {{path: {tmp_path}/ours/etc/blob, src: blob}}
        links:
          - {{path: {tmp_path}/ours/etc/link, target: t}}
        absent: [{tmp_path}/ours/etc/gone]
    - file: {{path: {tmp_path}/stock/etc/d, state: directory, mode: "0711"}}
    - template: {{dest: {tmp_path}/stock/etc/t, src: t.j2, mode: "0640"}}
    - template: {{dest: {tmp_path}/stock/etc/only, src: only.j2, mode: "0644"}}
    - copy: {{dest: {tmp_path}/stock/etc/replaced, content: "42", mode: "0600", follow: false}}
    - copy: {{dest: {tmp_path}/stock/etc/json, content: '{{"a": 1}}', mode: "0644"}}
    - copy: {{dest: {tmp_path}/stock/etc/blob, src: blob, mode: "0644"}}
    - file: {{path: {tmp_path}/stock/etc/link, src: t, state: link, force: true}}
    - file: {{path: {tmp_path}/stock/etc/gone, state: absent}}
    """
    before = tree(tmp_path / "ours")
    planned = play(tmp_path, tasks, "--check")
    assert changes(planned) == [True] * 9, planned
    assert tree(tmp_path / "ours") == before
    first = play(tmp_path, tasks)
    assert changes(first) == [True] * 9, first
    assert tree(tmp_path / "ours") == tree(tmp_path / "stock")
    assert (tmp_path / "ours/etc/t").read_text().startswith("# mine t\n")
    assert changes(play(tmp_path, tasks)) == [False] * 9


def test_nothing_of_a_sensitive_file_is_printed_and_the_rest_stays_readable(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/t.j2").write_text("{{ token }}\n")
    tasks = f"""
    - django_ec2.site.host_config:
        files:
          - path: {tmp_path}/a
            template: t.j2
            sensitive: true
            mode: "0600"
            vars: {{token: "{{{{ hidden }}}}"}}
          - {{path: {tmp_path}/b, content: "{{{{ hidden }}}}", sensitive: true}}
          - {{path: {tmp_path}/c, content: "readable words\\n", triggers: [reload]}}
      vars: {{hidden: "{{{{ ['correct', 'horse', 'battery'] | join('-') }}}}"}}
    - django_ec2.site.host_config:
        files: [{{path: {tmp_path}/hidden-by-the-task, content: "also-withheld"}}]
      no_log: true
    """
    output = play(tmp_path, tasks, "-vvv", "--diff")
    assert "exit status 0" in output
    assert SECRET not in output
    assert base64.b64encode(SECRET.encode()).decode()[:12] not in output
    assert "+readable words" in output
    assert "(sensitive content)" in output
    assert '"reload"' in output
    assert "also-withheld" not in output
    assert (tmp_path / "a").read_text() == SECRET + "\n"
    assert (tmp_path / "b").read_text() == SECRET


def test_the_controllers_errors_name_entry_and_remedy(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/broken.j2").write_text("x\n{{ nowhere_defined }}\n")
    (tmp_path / "templates/leak.j2").write_text("{{ token | from_json }}\n")
    (tmp_path / "templates/vault.txt").write_text("x" * 1_000_001)
    entries = {
        "template: broken.j2": [
            "the template broken.j2 could not be rendered",
            "'nowhere_defined' is undefined",
        ],
        "template: missing.j2": ["missing.j2 was not found in templates/"],
        "template: vault.txt": ["more than 1 MB", "ansible.builtin.copy"],
        f"template: leak.j2, sensitive: true, vars: {{token: '{SECRET}'}}": [
            "leak.j2 could not",
            "is sensitive",
        ],
        "content: {a: 1}": ["content is a mapping", "to_nice_json"],
        "content: a, src: b": ["one of template, content or src", "content and src"],
        "content: a, vars: {b: c}": ["vars are for templates only"],
        "content: a, mode: 0644": ["mode '420' is not an octal string", 'mode: \\"0644\\"'],
        "content: a, typo: b": ["files.typo"],
    }
    tasks = "".join(
        f"- django_ec2.site.host_config: {{files: [{{path: {tmp_path}/file-{number}, {entry}}}]}}\n  ignore_errors: true\n"
        for number, entry in enumerate(entries)
    )
    output = play(tmp_path, tasks)
    for number, (entry, expected) in enumerate(entries.items()):
        for words in expected:
            assert words in output, (entry, output)
        assert not (tmp_path / f"file-{number}").exists()
    assert output.count("...ignoring") == len(entries)
