#!/usr/bin/python3
"""Ask an application over the uwsgi protocol, as nginx does. Runs on the hosts, as /usr/local/bin/uwsgi-get.

uwsgi-get SOCKET PATH               one request; prints {status, headers, body, seconds}
uwsgi-get SOCKET PATH --until FILE  one after the other until FILE is there; prints {requests, failed, bodies}
uwsgi-get SOCKET                    what the socket says by itself (uWSGI's statistics)
"""

from __future__ import annotations

import argparse
import json
import socket
import struct
import time
from pathlib import Path

# Between two requests of a visitor: the host has other work to do as well.
PAUSE = 0.02


def exchange(path: str, packet: bytes = b"") -> bytes:
    """Send a packet and read until the other side closes."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(60)
        client.connect(path)
        if packet:
            client.sendall(packet)
        answer = b""
        while chunk := client.recv(65536):
            answer += chunk
    return answer


def get(path: str, target: str, name: str) -> dict[str, object]:
    """One request; a status of 0 means that there was no answer."""
    began = time.monotonic()
    variables = {
        "REQUEST_METHOD": "GET", "REQUEST_URI": target, "PATH_INFO": target.partition("?")[0],
        "QUERY_STRING": target.partition("?")[2], "SERVER_PROTOCOL": "HTTP/1.1", "HTTP_HOST": name, "SERVER_NAME": name,
        "SERVER_PORT": "443", "REMOTE_ADDR": "127.0.0.1", "REQUEST_SCHEME": "https", "HTTPS": "on",
        "CONTENT_LENGTH": "", "CONTENT_TYPE": "",
    }  # fmt: skip
    words = [word.encode() for pair in variables.items() for word in pair]
    body = b"".join(struct.pack("<H", len(word)) + word for word in words)
    try:
        answer = exchange(path, struct.pack("<BHB", 0, len(body), 0) + body).decode()
    except OSError as error:
        return {"status": 0, "headers": {}, "body": str(error), "seconds": time.monotonic() - began}
    head, _, content = answer.partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    return {
        "status": int(first.split()[1]) if first.startswith("HTTP/") else 0,
        "headers": dict(line.split(": ", 1) for line in lines),
        "body": content,
        "seconds": time.monotonic() - began,
    }


def get_until(path: str, target: str, name: str, end: Path) -> dict[str, object]:
    """One request after the other, until a file says that it is enough."""
    requests, failed, bodies = 0, [], []
    while not end.exists():
        answer = get(path, target, name)
        requests += 1
        time.sleep(PAUSE)
        if answer["status"] != 200:
            failed.append(answer)
        elif answer["body"] not in bodies:
            bodies.append(answer["body"])
    return {"requests": requests, "failed": failed, "bodies": bodies}


def main() -> None:
    """Read the command line and print what came back."""
    parser = argparse.ArgumentParser()
    parser.add_argument("socket")
    parser.add_argument("target", nargs="?")
    parser.add_argument("--host", default="localhost")
    parser.add_argument("--until", type=Path)
    given = parser.parse_args()
    if given.target is None:
        print(exchange(given.socket).decode())
    elif given.until:
        print(json.dumps(get_until(given.socket, given.target, given.host, given.until)))
    else:
        print(json.dumps(get(given.socket, given.target, given.host)))


if __name__ == "__main__":
    main()
