# SPDX-License-Identifier: MIT
"""What every request passes before moto sees it: a journal, credentials, faults that a test asked for, one at a time."""

from __future__ import annotations

import io
import json
import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from lab.kinds.aws.endpoint.calls import Call, identify

CONTROL = "/_lab/"
# Status, headers and text.
Answer = tuple[str, list[tuple[str, str]], list[bytes]]
# What AWS says to an access key that it doesn't know; EC2 has a word of its own.
UNKNOWN_KEY = {"ec2": ("AuthFailure", "AWS was not able to validate the provided access credentials")}
UNKNOWN_KEY_ELSEWHERE = ("InvalidClientTokenId", "The security token included in the request is invalid.")


def error(call: Call, code: str, message: str, json_wanted: bool) -> tuple[str, bytes]:
    """Content type and text of an error, in the form of the service."""
    if json_wanted:
        return "application/x-amz-json-1.1", json.dumps({"__type": code, "message": message}).encode()
    inner = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    forms = {"ec2": f"<Response><Errors>{inner}</Errors><RequestID>lab</RequestID></Response>", "s3": inner}
    return "text/xml", forms.get(
        call.service, f"<ErrorResponse>{inner}<RequestId>lab</RequestId></ErrorResponse>"
    ).encode()


class Gate:
    """A WSGI application in front of another one.

    Attributes:
        lock: held while a request is answered; whoever reads or changes the account's objects holds it, too.
        changed: set after each call that changed something.
    """

    def __init__(
        self,
        inner: Callable[..., Iterable[bytes]],
        journal: Path,
        knows: Callable[[str], bool] | None = None,
        end: Callable[[str, Sequence[str]], None] | None = None,
    ) -> None:
        """Stand in front.

        Args:
            inner: the application.
            journal: a line of JSON for each call is appended here.
            knows: whether an access key is one of this account; None takes all.
            end: makes instances end while they start, with this reason: those with these ids, or those that were made last; None can't.
        """
        self.lock = threading.RLock()
        self.changed = threading.Event()
        self._inner, self._journal, self._knows, self._end = inner, journal, knows, end
        self._answers: dict[tuple[str, str, str], Answer] = {}
        self._faults: list[dict[str, Any]] = []

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request."""
        body = _body(environ)
        path = environ.get("PATH_INFO", "")
        if path.startswith(CONTROL):
            return self._control(path.removeprefix(CONTROL), environ["REQUEST_METHOD"], body, start_response)
        headers = {
            key[5:].replace("_", "-").lower(): value for key, value in environ.items() if key.startswith("HTTP_")
        }
        headers["content-type"] = environ.get("CONTENT_TYPE", "")
        call = identify(environ["REQUEST_METHOD"], path, environ.get("QUERY_STRING", ""), headers, body)
        wants_json = bool(headers.get("x-amz-target"))
        fault = self._fault(call)
        refused = self._refused(call, fault)
        if refused:
            code, message, status = refused
            kind, text = error(call, code, message, wants_json)
            self._note(call, status, code)
            start_response(f"{status} {code}", [("Content-Type", kind), ("Content-Length", str(len(text)))])
            return [text]
        with self.lock:
            status_line, sent, chunks = self._answer(call, environ)
            if "ends" in fault and self._end:
                self._end(fault["ends"], call.instances)
        time.sleep(fault.get("late", 0))
        status = int(status_line.split()[0])
        self._note(call, status, "")
        if call.writes and status < 400:
            self.changed.set()
        if fault.get("lost"):
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        start_response(status_line, sent)
        return chunks

    def _answer(self, call: Call, environ: dict[str, Any]) -> Answer:
        """What moto answers; to a request that it has answered before, the same."""
        name = (call.service, call.action, call.token)
        if call.token and name in self._answers:
            return self._answers[name]
        begun: list[Any] = []

        def begin(status: str, sent: list[tuple[str, str]], *_: Any) -> Any:
            begun[:] = status, sent
            return None

        chunks = list(self._inner(environ, begin))
        answer = begun[0], begun[1], chunks
        if call.token and call.writes and answer[0].startswith("2"):
            self._answers[name] = answer
        return answer

    def _fault(self, call: Call) -> dict[str, Any]:
        """The fault that was asked for and fits to this call; it has one time less from now on."""
        for fault in self._faults:
            if (
                fault.get("times", 1)
                and fault.get("service") in (None, call.service)
                and fault.get("action") in (None, call.action)
                and (call.writes or not fault.get("writes"))
            ):
                if fault.get("after", 0) > 0:
                    fault["after"] -= 1
                    continue
                fault["times"] = fault.get("times", 1) - 1
                time.sleep(fault.get("seconds", 0))
                return fault
        return {}

    def _refused(self, call: Call, fault: dict[str, Any]) -> tuple[str, str, int] | None:
        """Code, message and status with which a call ends before it begins."""
        if "code" in fault:
            return fault["code"], fault.get("message", "a fault that was asked for"), fault.get("status", 400)
        if call.key and self._knows and not self._knows(call.key):
            return (*UNKNOWN_KEY.get(call.service, UNKNOWN_KEY_ELSEWHERE), 401 if call.service == "ec2" else 403)
        return None

    def _note(self, call: Call, status: int, code: str) -> None:
        line = {
            "time": time.time(),
            "service": call.service,
            "action": call.action,
            "writes": call.writes,
            "key": call.key,
        }
        with self.lock, self._journal.open("a", encoding="utf-8") as file:
            file.write(json.dumps({**line, "status": status, "code": code}) + "\n")

    def _control(self, what: str, method: str, body: bytes, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """What the lab and its tests ask: ``health``; ``faults``, to be asked for (POST) or forgotten (DELETE)."""
        found = True
        if what == "faults" and method == "POST":
            self._faults.append(json.loads(body))
        elif what == "faults" and method == "DELETE":
            self._faults.clear()
        else:
            found = what == "health"
        text = json.dumps({"faults": self._faults}).encode()
        start_response("200 OK" if found else "404 Not Found", [("Content-Type", "application/json")])
        return [text]


def _body(environ: dict[str, Any]) -> bytes:
    """The body of a request, which can be read again afterwards; S3 sends some in chunks, with no length."""
    length = environ.get("CONTENT_LENGTH")
    stream = environ["wsgi.input"]
    if not length and not environ.get("wsgi.input_terminated"):
        return b""
    body = stream.read(int(length)) if length else stream.read()
    environ["wsgi.input"] = io.BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    environ.pop("wsgi.input_terminated", None)
    return body
