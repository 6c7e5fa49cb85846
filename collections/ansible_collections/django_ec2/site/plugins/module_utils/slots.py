# SPDX-License-Identifier: MIT
"""What the modules that read, ask and switch slots share."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import struct

SLOTS = ("blue", "green")


def digest(paths: list[str], expected: dict[str, str] | None = None) -> str:
    """A digest of files' contents; a missing file counts as empty.

    Args:
        paths: the files.
        expected: SHA-256, in hexadecimal digits, of those that will have another content by then.
    """
    total = hashlib.sha256()
    for path in paths:
        one = (expected or {}).get(path)
        if one is None:
            try:
                with open(path, "rb") as handle:
                    one = hashlib.sha256(handle.read()).hexdigest()
            except FileNotFoundError:
                one = ""
        total.update(one.encode() + b"\0")
    return total.hexdigest()[:16]


def read_slot(directory: str) -> dict:
    """What a slot was started with; empty when it never was."""
    try:
        with open(os.path.join(directory, "slot.json")) as handle:
            content = json.load(handle)
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def ask(path: str, host: str, target: str, timeout: float) -> tuple[int, str]:
    """One GET over the uwsgi protocol, as nginx would send it.

    Args:
        path: the unix socket.
        host: the name that is asked for.
        target: path and query of the request.
        timeout: seconds for each step of it.

    Returns:
        The status and the beginning of the body.
    """
    variables = {
        "REQUEST_METHOD": "GET", "REQUEST_URI": target, "PATH_INFO": target.partition("?")[0], "QUERY_STRING": target.partition("?")[2],
        "CONTENT_TYPE": "", "CONTENT_LENGTH": "", "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": host, "SERVER_NAME": host,
        "SERVER_PORT": "443", "REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": "0", "REQUEST_SCHEME": "https", "HTTPS": "on",
        "DOCUMENT_ROOT": "/", "HTTP_USER_AGENT": "release-activate",
    }  # fmt: skip
    body = b"".join(
        struct.pack("<H", len(word)) + word
        for pair in variables.items()
        for word in (pair[0].encode(), pair[1].encode())
    )
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(timeout)
        client.connect(path)
        client.sendall(struct.pack("<BHB", 0, len(body), 0) + body)
        answer = b""
        while len(answer) < 65536:
            chunk = client.recv(65536)
            if not chunk:
                break
            answer += chunk
    head, _, content = answer.partition(b"\r\n\r\n")
    words = head.split(b"\r\n", 1)[0].split()
    return (int(words[1]) if len(words) > 1 and words[1].isdigit() else 0), content[:2000].decode(errors="replace")


def good(status: int, health_path: str) -> bool:
    """Whether an answer means that the application serves."""
    return status == 200 or (health_path == "/" and status in (301, 302, 303, 307, 308, 401, 403, 404))


def read_history(root: str, last: int = 200) -> list[dict]:
    """What became live on this host, the oldest first."""
    try:
        with open(os.path.join(root, "history.jsonl")) as handle:
            lines = handle.readlines()[-last:]
    except FileNotFoundError:
        return []
    found = []
    for line in lines:
        try:
            found.append(json.loads(line))
        except ValueError:
            continue  # a line that was cut short by a full disk or a power loss
    return found
