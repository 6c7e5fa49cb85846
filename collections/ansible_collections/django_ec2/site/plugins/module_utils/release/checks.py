# SPDX-License-Identifier: MIT
"""The check paths of an application: pages that have to answer as the entry says before a release gets visitors."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.release.question import PAGE_CHARACTERS, PROTOCOLS, ask

ANSWER_SECONDS = 10
# A page may fail while caches fill or a connection is made; one that is broken fails each time.
ATTEMPTS = 3
PAUSE_SECONDS = 1
SHOWN_CHARACTERS = 300
# How modules are told of them.
OPTION: dict[str, Any] = {
    "type": "list",
    "elements": "dict",
    "default": [],
    "options": {
        "path": {"type": "str", "required": True},
        "status": {"type": "int", "default": 0},
        "text": {"type": "str", "default": ""},
    },
}
# How modules are told where and what to ask; the documentation fragment health_question has it in words.
QUESTION_SPEC: dict[str, Any] = {
    "protocol": {"type": "str", "choices": list(PROTOCOLS), "default": "packet"},
    "host": {"type": "str", "required": True},
    "health_path": {"type": "str", "default": "/"},
    "checks": OPTION,
}


def judge(check: Mapping[str, Any], status: int, body: str) -> str:
    """What is wrong with an answer; empty when it is as expected.

    Args:
        check: ``path``, the expected ``status`` (0 is any below 500) and a ``text`` that the page has to contain.
        status: of the answer.
        body: of the answer.
    """
    path, wanted = check["path"], check["status"]
    if wanted and status != wanted:
        return f"{path} answered {status} instead of {wanted}: {body.strip()[:SHOWN_CHARACTERS]}"
    if not wanted and not 100 <= status < 500:
        return f"{path} answered {status}: {body.strip()[:SHOWN_CHARACTERS]}"
    if check["text"] not in body:
        return f"{path} answered {status} without the text '{check['text']}': {body.strip()[:SHOWN_CHARACTERS]}"
    return ""


def failures(
    checks: list[dict[str, Any]], socket: str, host: str, protocol: str, attempts: int = ATTEMPTS
) -> dict[str, str]:
    """Ask for each path, again where the answer is not as expected; returns what is wrong, by path.

    Args:
        checks: what to ask for.
        socket: of the application server.
        host: the name that is asked for.
        protocol: of the socket.
        attempts: how often a path is asked for at most.
    """
    found = {}
    for check in checks:
        for attempt in range(attempts):
            if attempt:
                time.sleep(PAUSE_SECONDS)
            try:
                problem = judge(check, *ask(socket, host, check["path"], ANSWER_SECONDS, protocol, PAGE_CHARACTERS))
            except OSError as error:
                problem = f"{check['path']} did not answer: {error}"
            if not problem:
                break
        if problem:
            found[check["path"]] = problem
    return found
