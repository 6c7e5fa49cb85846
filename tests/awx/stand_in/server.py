"""The stand-in's HTTP half, on a port of the loopback."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.awx.stand_in.models import MODELS
from tests.awx.stand_in.rules import check_association, check_survey, checked
from tests.awx.stand_in.store import Refused, Store, model_of

TOKEN = "the-token-of-an-administrator"
PAGE = 25


class StandIn:
    """A server that answers like AWX; see the package.

    Attributes:
        store: what it has; tests look into it, and change it as somebody would in the browser.
        writes: method and path of every change that it was asked for.
        repositories: the playbooks of each URL that a project can clone, and whether that takes a key.
        cut_after: how many changes it takes before it breaks off; None for no end.
        definitions: whether it is a version that has role definitions.
    """

    def __init__(self) -> None:
        self.store = Store()
        self.writes: list[str] = []
        self.repositories: dict[str, tuple[list[str], bool]] = {}
        self.cut_after: int | None = None
        self.definitions = True
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, Any]:
        """Status and body of an answer."""
        parts = urlsplit(path)
        words = parts.path.removeprefix("/api/v2/").strip("/").split("/")
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        with self._lock:
            if method != "GET":
                if self.cut_after is not None and len(self.writes) >= self.cut_after:
                    raise Refused(502, {"detail": "The stand-in breaks off here."})
                self.writes.append(f"{method} {parts.path}")
            if words == [""]:
                return 200, {
                    name: f"/api/v2/{name}/" for name in MODELS if self.definitions or not name.startswith("role_")
                }
            if not self.definitions and words[0] in ("role_definitions", "role_team_assignments"):
                raise Refused(404, {"detail": "The requested resource could not be found."})
            if words[0] == "roles" or (words[0] == "teams" and words[2:] == ["roles"]):
                return self._roles(method, words, query, body)
            if len(words) == 1:
                return self._list(method, words[0], query, body)
            endpoint, number = words[0], int(words[1])
            model_of(endpoint)
            if number not in self.store.objects[endpoint]:
                raise Refused(404, {"detail": "The requested resource could not be found."})
            if len(words) == 2:
                return self._detail(method, endpoint, number, body)
            return self._sub(method, endpoint, number, words[2], query, body)

    def _list(self, method: str, endpoint: str, query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        if method == "GET":
            if endpoint != "unified_job_templates":
                model_of(endpoint)
            return 200, page(list(self.store.search(endpoint, query)), f"/api/v2/{endpoint}/", query)
        model_of(endpoint)
        item = self.store.add(endpoint, checked(self.store, endpoint, body, None))
        if endpoint == "projects":
            item["scm_revision"] = ""
            self._update(item)
        return 201, self.store.shown(endpoint, item)

    def _detail(self, method: str, endpoint: str, number: int, body: dict[str, Any]) -> tuple[int, Any]:
        item = self.store.objects[endpoint][number]
        if method == "PATCH":
            values = checked(self.store, endpoint, body, item)
            moved = endpoint == "projects" and any(
                values.get(name, item[name]) != item[name] for name in ("scm_url", "scm_branch")
            )
            item.update(values)
            if moved:
                self._update(item)
        elif method == "DELETE":
            if endpoint == "labels":
                raise Refused(405, {"detail": 'Method "DELETE" not allowed.'})
            self.store.remove(endpoint, number)
            return (202 if endpoint == "inventories" else 204), None
        shown = self.store.shown(endpoint, item)
        if endpoint == "project_updates" and item["status"] == "pending":
            # Whoever asks again finds it done.
            self._finish(item)
        return 200, shown

    def _sub(
        self, method: str, endpoint: str, number: int, name: str, query: dict[str, str], body: dict[str, Any]
    ) -> tuple[int, Any]:
        store, item = self.store, self.store.objects[endpoint][number]
        if name == "survey_spec":
            if method == "POST":
                check_survey(body)
                store.surveys[number] = body
            elif method == "DELETE":
                store.surveys.pop(number, None)
            return 200, store.surveys.get(number, {}) if method == "GET" else {}
        if name == "update" and endpoint == "projects":
            return 202, store.shown("project_updates", self._update(item))
        if name == "create_approval_template":
            made = store.add("workflow_approval_templates", checked(store, "workflow_approval_templates", body, None))
            item["unified_job_template"] = made["id"]
            return 201, store.shown("workflow_approval_templates", made)
        if name not in model_of(endpoint).associations:
            raise Refused(404, {"detail": "The requested resource could not be found."})
        target, linked = MODELS[endpoint].associations[name], store.links(endpoint, number, name)
        if method == "GET":
            found = [store.shown(target, store.objects[target][one]) for one in linked]
            return 200, page(found, f"/api/v2/{endpoint}/{number}/{name}/", query)
        other = body.get("id")
        if not isinstance(other, int):
            raise Refused(400, {"msg": '"id" field must be an integer.'})
        store.place(other, target)
        if body.get("disassociate"):
            linked.remove(other)
            # A label goes with its last use.
            if target == "labels" and not any(
                other in one for key, one in store.associated.items() if key[2] == "labels"
            ):
                store.remove("labels", other)
        elif other not in linked:
            check_association(store, endpoint, number, name, other)
            linked.append(other)
        return 204, None

    def _roles(self, method: str, words: list[str], query: dict[str, str], body: dict[str, Any]) -> tuple[int, Any]:
        number = int(words[1])
        if words[0] == "teams":
            found = [{"id": role, "name": "a role"} for role, teams in self.store.holders.items() if number in teams]
            return 200, page(found, f"/api/v2/teams/{number}/roles/", query)
        teams = self.store.holders.setdefault(number, [])
        if method == "GET":
            shown = [self.store.shown("teams", self.store.objects["teams"][one]) for one in teams]
            return 200, page(shown, f"/api/v2/roles/{number}/teams/", query)
        teams.remove(body["id"]) if body.get("disassociate") else teams.append(body["id"])
        return 204, None

    def _update(self, project: dict[str, Any]) -> dict[str, Any]:
        return self.store.add("project_updates", {"project": project["id"], "name": project["name"]})

    def _finish(self, update: dict[str, Any]) -> None:
        project = self.store.objects["projects"][update["project"]]
        playbooks, private = self.repositories.get(project["scm_url"], ([], True))
        held = self.store.objects["credentials"].get(project["credential"], {})
        good = bool(playbooks) and (not private or bool(held.get("inputs", {}).get("ssh_key_data")))
        update["status"] = "successful" if good else "failed"
        if good:
            project["playbook_files"] = list(playbooks)
            project["scm_revision"] = update["scm_revision"] = str(hash(tuple(playbooks)))

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_words: Any) -> None:
                """Say nothing."""

            def _do(self) -> None:
                text = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                try:
                    if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                        raise Refused(401, {"detail": "Authentication credentials were not provided."})
                    status, body = stand_in.answer(self.command, self.path, json.loads(text or b"{}"))
                except Refused as refused:
                    status, body = refused.status, refused.body
                content = b"" if body is None else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.send_header("X-API-Product-Name", "AWX")
                self.send_header("X-API-Product-Version", "24.6.1")
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PATCH = do_DELETE = _do

        return Handler


def page(found: list[dict[str, Any]], path: str, query: dict[str, str]) -> dict[str, Any]:
    """One page of a list."""
    size, number = int(query.get("page_size", PAGE)), int(query.get("page", 1))
    rest = "".join(f"&{key}={value}" for key, value in query.items() if key != "page")
    more = f"{path}?page={number + 1}{rest}" if len(found) > size * number else None
    return {"count": len(found), "next": more, "previous": None, "results": found[size * (number - 1) : size * number]}
