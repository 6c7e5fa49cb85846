# SPDX-License-Identifier: MIT
"""What the repository knows of its application server: the one file outside the role uwsgi that names it.

Five facts are asked of a server, and another one could take its place by answering them (docs/maintaining.md):

- how it is started: the unit of an application's slot, whose files the server's role places, and the packages that a release
  carries for it;
- the question that tells whether it serves, and the protocol in which it is asked on its socket;
- how it is stopped so that the requests in hand are finished: ``systemctl stop`` of that unit, which the role makes graceful;
- by which directive of nginx requests are passed to it;
- how large the head of a request may be, which nginx and the server have to agree on.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.storage import writable

# The role that places its unit and its settings.
ROLE = "uwsgi"
# What a release carries of it, in pip's notation: the server as a wheel, so that a host needs no compiler.
PACKAGE = "pyuwsgi==2.0.30.post1"
# Requirements of a project that the release's own package takes the place of: the same server, published as source alone.
REPLACED_REQUIREMENTS = ("uwsgi",)
# The protocol of its socket: ``packet`` (nginx's uwsgi_pass) or ``http`` (proxy_pass). See module_utils/release/question.py.
PROTOCOL = "packet"
# The directives of nginx that pass a request begin with it: <prefix>_pass, <prefix>_param, <prefix>_read_timeout.
NGINX_PREFIX = "uwsgi"
# The head of a request as nginx takes it: one line (a header, a cookie, the URL) fills at most one of the buffers. A longer line is
# answered with 400 or 414.
HEAD_BUFFERS = 2
HEAD_BUFFER_BYTES = 16 * 1024
# The head as the server takes it, in one packet; 65535 is the most that its protocol knows. What nginx took has to fit: the URL goes
# along twice (REQUEST_URI, and PATH_INFO with QUERY_STRING), and each header gains a few bytes.
PACKET_BYTES = 65535
# The head of an answer: what the application sets as cookies and headers. A longer one is a 502.
ANSWER_HEAD_BYTES = 32 * 1024


def unit(application: str, slot: str) -> str:
    """The unit that runs a slot of an application; ``slot`` may be ``%i``, or empty for the template."""
    return f"uwsgi-{application}@{slot}.service"


def runtime_directory(application: str) -> str:
    """Name of the directory below /run in which each slot has one with its socket."""
    return f"uwsgi-{application}"


def socket(application: str, slot: str) -> str:
    """The socket of a slot's server."""
    return f"/run/{runtime_directory(application)}/{slot}/uwsgi.sock"


def settings_files(application: str) -> list[str]:
    """The files that the server of an application reads at its start, beside those of its release."""
    return [
        f"/etc/systemd/system/{unit(application, '')}",
        f"/etc/uwsgi/{application}.ini",
        f"/etc/uwsgi/{application}_wsgi.py",
    ]


def instances(resolved: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The applications as entries of the role's ``uwsgi_instances``: what the server needs to know of them, and nothing else."""
    return [
        {
            "name": entry["name"],
            "wsgi_module": entry["wsgi_module"],
            "project_directory": entry["project_directory"],
            "harakiri": int(entry["timeout"]),
            "processes": int(entry["processes"]),
            "threads": int(entry["threads"]),
            "writable_paths": writable(entry),
            "mounts": entry["mounts"],
            "unit_settings": entry["unit_settings"],
        }
        for entry in resolved
    ]
