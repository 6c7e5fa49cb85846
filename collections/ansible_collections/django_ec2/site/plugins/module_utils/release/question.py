# SPDX-License-Identifier: MIT
"""One request to an application server on its own socket, as nginx would send it, and what its answer means."""

from __future__ import annotations

import http.client
import socket
import struct

PROTOCOLS = ("packet", "http")
AGENT = "release-question"
BODY_CHARACTERS = 2000
# Of a page in which a text is looked for.
PAGE_CHARACTERS = 2_000_000
# Beside the body that is asked for: status line and headers.
HEAD_BYTES = 65536
# What a front page may answer beside 200: it redirects, or asks for a login.
FRONT_PAGE = (301, 302, 303, 307, 308, 401, 403, 404)


def ask(
    path: str, host: str, target: str, timeout: float, protocol: str = "packet", characters: int = BODY_CHARACTERS
) -> tuple[int, str]:
    """One GET.

    Args:
        path: the unix socket.
        host: the name that is asked for.
        target: path and query of the request.
        timeout: seconds for each step of it.
        protocol: one of PROTOCOLS.
        characters: how much of the body is wanted.

    Returns:
        The status and the beginning of the body.

    Raises:
        OSError: there was no answer.
    """
    return (_ask_http if protocol == "http" else _ask_packet)(path, host, target, timeout, characters)


def good(status: int, health_path: str) -> bool:
    """Whether an answer means that the application serves."""
    return status == 200 or (health_path == "/" and status in FRONT_PAGE)


def _ask_packet(path: str, host: str, target: str, timeout: float, characters: int) -> tuple[int, str]:
    """The variables of a request in one packet: a head of four bytes, then each name and value behind its length."""
    variables = {
        "REQUEST_METHOD": "GET", "REQUEST_URI": target, "PATH_INFO": target.partition("?")[0],
        "QUERY_STRING": target.partition("?")[2], "CONTENT_TYPE": "", "CONTENT_LENGTH": "", "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": host, "SERVER_NAME": host, "SERVER_PORT": "443", "REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": "0",
        "REQUEST_SCHEME": "https", "HTTPS": "on", "DOCUMENT_ROOT": "/", "HTTP_USER_AGENT": AGENT,
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
        while len(answer) < HEAD_BYTES + characters:
            chunk = client.recv(HEAD_BYTES)
            if not chunk:
                break
            answer += chunk
    head, _, content = answer.partition(b"\r\n\r\n")
    words = head.split(b"\r\n", 1)[0].split()
    status = int(words[1]) if len(words) > 1 and words[1].isdigit() else 0
    return status, content[:characters].decode(errors="replace")


class _Connection(http.client.HTTPConnection):
    """HTTP on a unix socket."""

    def __init__(self, path: str, host: str, timeout: float) -> None:
        super().__init__(host, timeout=timeout)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def _ask_http(path: str, host: str, target: str, timeout: float, characters: int) -> tuple[int, str]:
    connection = _Connection(path, host, timeout)
    try:
        connection.request("GET", target, headers={"X-Forwarded-Proto": "https", "User-Agent": AGENT})
        answer = connection.getresponse()
        return answer.status, answer.read(characters).decode(errors="replace")
    except http.client.HTTPException as error:
        raise OSError(f"no HTTP answer: {error or type(error).__name__}") from error
    finally:
        connection.close()
