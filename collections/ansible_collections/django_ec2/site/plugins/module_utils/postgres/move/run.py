# SPDX-License-Identifier: MIT
"""One call of the module database_move on the database host: look, or do one step."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.login import ServerUnavailable
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move import facts, observe, peers, plan
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move import problems as judge
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.model import MOVER, Seen, other
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.plan import MoveRefused
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.server import Server
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.steps import Move
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.switch import Switch

# What one of two hosts does for itself.
ALONE = ("survey", "reserve", "admit", "retire")
LOCK = f"SELECT pg_try_advisory_lock(hashtext('{MOVER}'))"


class Moving:
    """The sides of a move, as the module was told of them.

    Args:
        given: the options of the module.
    """

    def __init__(self, given: dict[str, Any]) -> None:
        self.given = given
        self.to = str(given["to"])
        names = [str(side["name"]) for side in given["sides"]]
        # Where the sides are hosts, each mark names the other one.
        self.servers = {
            str(side["name"]): Server(
                str(side["name"]), side, other(names, str(side["name"])) if given["between_hosts"] else ""
            )
            for side in given["sides"]
        }
        self.back = other(names, self.to)
        self.roles = {str(role) for one in given["databases"] for role in one.get("roles") or ()}
        self.owners = {str(one["name"]): str(one["owner"]) for one in given["databases"]}
        self.names = tuple(self.owners)

    def see(self) -> Seen:
        """Both sides as they are."""
        sides = {name: observe.read_side(server, self.names) for name, server in self.servers.items()}
        plan.refuse_two_moves({name: (side.mark, self.servers[name].peer) for name, side in sides.items()})
        return Seen(sides, str(self.given["inventory"]), self.names)

    def look(self) -> dict[str, Any]:
        """Where the move stands: ``live``, ``next``, ``why``, and before a first switch ``plan``, ``problems`` and ``notes``."""
        seen = self.see()
        if self.given["cancel"]:
            may = self._may_cancel(seen)
            return {
                "live": self.back,
                "next": "cancel" if may else "",
                "why": "",
                "plan": [],
                "problems": [],
                "notes": [],
            }
        step = plan.next_step(seen, self.to, self.given["finish"])
        live = plan.live_side(seen)
        said: dict[str, Any] = {
            "live": live, "next": step.name if step else "", "why": step.why if step else "", "plan": [], "problems": [], "notes": [],
        }  # fmt: skip
        if step and live != self.to and step.name in ("begin", "schema", "publish", "subscribe", "copy"):
            sides = (live, self.to)
            source, target = (facts.read(self.servers[name], self.names) for name in sides)
            target["roles"] += sorted(self.roles)
            said |= {
                "plan": judge.plan_lines(source, sides), "notes": judge.notes(source),
                # Later the move itself takes slots and room.
                "problems": judge.problems(source, target, sides, self.names) if step.name == "begin" else [],
            }  # fmt: skip
        return said

    def _may_cancel(self, seen: Seen) -> bool:
        if plan.live_side(seen) == self.to:
            raise MoveRefused(
                f"the applications write to {self.to}: to cancel a move, say where it was going, with -e to={self.back}"
            )
        return plan.may_cancel(seen)

    def alone(self, name: str) -> dict[str, Any]:
        """What this host does for itself, the first of the sides."""
        server = self.servers[str(self.given["sides"][0]["name"])]
        if name == "survey":
            target = {"version": self.given["version"], "roles": sorted(self.roles)}
            return {"changed": False, **peers.survey(server, target, self.to, self.names)}
        return {"changed": bool(getattr(peers, name)(server))}

    def step(self) -> dict[str, Any]:
        """Do the step that is asked for, if it is still the next one; returns ``next``, as ``look`` does, and what was found."""
        name = str(self.given["step"])
        with self._alone():
            seen = self.see()
            if name == "cancel":
                expected = "cancel" if self._may_cancel(seen) else ""
            else:
                found = plan.next_step(seen, self.to, self.given["finish"])
                expected = found.name if found else ""
            if name != expected:
                # Another run was here meanwhile, or one that was cut went on.
                return {"changed": False, "next": expected, "found": {}, "notes": []}
            done = self._do(name)
        following = "" if name == "cancel" else self._next()
        return {"changed": name != "copy", "next": following, **done}

    def _next(self) -> str:
        found = plan.next_step(self.see(), self.to, self.given["finish"])
        return found.name if found else ""

    def _do(self, name: str) -> dict[str, Any]:
        source, target = self.servers[self.back], self.servers[self.to]
        if name == "switch":
            return {"found": Switch(source, target, self.names, self.given).run(), "notes": []}
        authorities = {
            str(side["name"]): str(side.get("known_ca_file") or side.get("ca_file") or "")
            for side in self.given["sides"]
        }
        move = Move(source, target, self.owners, authorities, float(self.given["seconds"]))
        found = move.step(name)
        return {"found": found if isinstance(found, dict) else {}, "notes": move.notes}

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """One step at a time, whoever asks: a module whose controller was killed goes on to its end."""
        locked = []
        for name, server in self.servers.items():
            try:
                if not server.value(LOCK):
                    raise MoveRefused(
                        f"another run moves the databases now ({name} is locked). Wait until it has ended; one whose controller was "
                        "killed ends its step by itself"
                    )
                locked.append(server)
            except ServerUnavailable:
                continue
        try:
            yield
        finally:
            for server in locked:
                with contextlib.suppress(Exception):
                    server.value("SELECT pg_advisory_unlock_all()::text")

    def close(self) -> None:
        """End all connections."""
        for server in self.servers.values():
            server.close()
