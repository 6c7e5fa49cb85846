# SPDX-License-Identifier: MIT
"""One call of the module database_move on the database host: look, or do one step."""

from __future__ import annotations

import contextlib
from typing import Any

from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move import facts, lock, observe, peers, plan
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move import problems as judge
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.model import Seen, other
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.plan import MoveRefused
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.server import Server
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.steps import Move
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.switch import Switch

# What one of two hosts does for itself.
ALONE = ("survey", "reserve", "admit", "retire")


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
        # The other host's step may still be under way, whose controller was killed: it would be thrown out in its middle.
        with lock.alone([server]) if name == "retire" else contextlib.nullcontext():
            return {"changed": bool(getattr(peers, name)(server))}

    def step(self) -> dict[str, Any]:
        """Do the step that is asked for, if it is still the next one; returns ``next`` and ``live`` as ``look`` does, and its findings."""
        name = str(self.given["step"])
        with lock.alone(list(self.servers.values())):
            seen = self.see()
            if name == "cancel":
                expected = "cancel" if self._may_cancel(seen) else ""
            else:
                found = plan.next_step(seen, self.to, self.given["finish"])
                expected = found.name if found else ""
            if name != expected:
                # Another run was here meanwhile, or one that was cut went on.
                return {"changed": False, "next": expected, "live": plan.live_side(seen), "found": {}, "notes": []}
            done = self._do(name)
        return {"changed": name != "copy", **self._following(name), **done}

    def _following(self, done: str) -> dict[str, str]:
        # The decision holds, also where the side that was left has died since.
        if done in ("cancel", "switch"):
            return {"next": "" if done == "cancel" else "reverse", "live": self.back if done == "cancel" else self.to}
        seen = self.see()
        found = plan.next_step(seen, self.to, self.given["finish"])
        return {"next": found.name if found else "", "live": plan.live_side(seen)}

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

    def close(self) -> None:
        """End all connections."""
        for server in self.servers.values():
            server.close()
