# SPDX-License-Identifier: MIT
"""Programs that run inside a release: by its own Python, with its environment, as the application's user.

Program and data go through standard input. So nothing of them is on a command line or in a file, whatever the release is, and
whichever version of this repository built it.
"""

from __future__ import annotations

import json
import subprocess
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.release.commands import END_CHARACTERS, Refusal
from ansible_collections.django_ec2.site.plugins.module_utils.release.stage import last_document

# systemd-run expands a dollar sign in its arguments: there is none in it.
BOOTSTRAP = (
    "import json, sys; asked = json.load(sys.stdin); import django; django.setup(); names = {'__name__': 'program'}; "
    "exec(compile(asked['program'], asked['name'], 'exec'), names); print(); print(json.dumps(names['answer'](asked['given'])))"
)


def ask_inside(manage: list[str], name: str, program: str, given: dict[str, Any]) -> dict[str, Any]:
    """Run a program inside a release and return its answer.

    Args:
        manage: the application's manage command with its own options, such as ``--slot green``.
        name: of the program, for tracebacks.
        program: its text; it has a function ``answer`` that takes ``given`` and returns a mapping.
        given: what it is asked, as JSON can carry it.

    Raises:
        Refusal: it could not be run, or ended with an error.
    """
    asked = json.dumps({"program": program, "name": name, "given": given})
    done = subprocess.run(
        [*manage, "--code", BOOTSTRAP], input=asked, capture_output=True, text=True, errors="replace", check=False
    )
    found = last_document(done.stdout) if done.returncode == 0 else {}
    if not found:
        said = "\n".join(part for part in (done.stdout.strip(), done.stderr.strip()) if part)
        raise Refusal(said[-END_CHARACTERS:] or f"exit code {done.returncode}")
    return found
