"""An application for the tests: speaks the uwsgi protocol and tells what it was told, as JSON."""

from __future__ import annotations

import json
import socketserver
import struct
import sys
import time
from pathlib import Path


class Application(socketserver.StreamRequestHandler):
    """One request."""

    def handle(self) -> None:
        _modifier, size, _modifier = struct.unpack("<BHB", self.rfile.read(4))
        packet, parameters = self.rfile.read(size), {}
        while packet:
            words = []
            for _ in ("key", "value"):
                (length,) = struct.unpack_from("<H", packet)
                words.append(packet[2 : 2 + length].decode("utf-8", "replace"))
                packet = packet[2 + length :]
            parameters[words[0]] = words[1]
        received = len(self.rfile.read(int(parameters.get("CONTENT_LENGTH") or 0)))
        path, status, kind = parameters["PATH_INFO"], "200 OK", "application/json"
        answer = json.dumps({"release": sys.argv[2], "received": received, "parameters": parameters})
        with Path(sys.argv[3]).open("a") as log:
            log.write(f"{parameters['REQUEST_METHOD']} {path}\n")
        if path == "/slow":
            time.sleep(8)
        elif path == "/die":
            return
        elif path.startswith("/status/"):
            status, answer = f"{path[8:]} Own", "the application's own words"
        elif path == "/page":
            kind, answer = "text/html", "<p>hello</p>" * 500
        elif path.startswith("/events"):
            self._stream()
            return
        head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(answer)}\r\n"
        head += "Strict-Transport-Security: max-age=1\r\n" if path == "/secure" else ""
        head += "Referrer-Policy: no-referrer\r\nPermissions-Policy: usb=(self)\r\n" if path == "/own-headers" else ""
        head += "".join(f"Set-Cookie: c{n}={'c' * 1000}\r\n" for n in range(int(path.removeprefix("/cookies/")))) if (
            path.startswith("/cookies/")
        ) else ""  # fmt: skip
        self.wfile.write((head + "\r\n" + answer).encode())

    def _stream(self) -> None:
        """Two server-sent events, the second one two seconds later."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: first\n\n")
        self.wfile.flush()
        time.sleep(2)
        self.wfile.write(b"data: second\n\n")


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


if __name__ == "__main__":
    Path(sys.argv[1]).unlink(missing_ok=True)
    server = Server(sys.argv[1], Application)
    Path(sys.argv[1]).chmod(0o660)
    server.serve_forever()
