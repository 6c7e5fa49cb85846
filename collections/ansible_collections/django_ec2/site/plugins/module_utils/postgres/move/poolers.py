# SPDX-License-Identifier: MIT
"""The poolers of a web host in a switch: staged, paused, led to the other side, and resumed."""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.django_ec2.site.plugins.module_utils.pgbouncer import control
from ansible_collections.django_ec2.site.plugins.module_utils.pgbouncer import plan as pgbouncer
from ansible_collections.django_ec2.site.plugins.module_utils.pgbouncer.console import ConsoleError
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.model import MOVER
from ansible_collections.django_ec2.site.plugins.module_utils.postgres.move.plan import MoveRefused

# A pause of poolers whose side lets nobody in any more; nothing is in hand there.
LATE_SECONDS, LATE_RESUME_SECONDS = 2, 30


class Poolers:
    """All poolers of a host as one.

    Args:
        targets: the text of the next ``target.ini`` of each, by its name.
    """

    def __init__(self, targets: Mapping[str, str]) -> None:
        self.targets = dict(targets)
        self.names = sorted(self.targets)
        self.token = ""

    def elsewhere(self) -> list[str]:
        """Those that do not lead to their target."""
        try:
            now = control.status(self.names)
        except ConsoleError as error:
            raise MoveRefused(str(error)) from None
        return [
            name
            for name in self.names
            if now[name]["targets"] != pgbouncer.targets(pgbouncer.parse_databases(self.targets[name]))
        ]

    def stage(self) -> bool:
        """Place and prove the target of those that lead elsewhere; whether there were any."""
        names = self.elsewhere()
        for name in names:
            try:
                control.stage(name, self.targets[name], shut=True)
            except control.ControlError as error:
                raise MoveRefused(str(error)) from None
        return bool(names)

    def pause(self, seconds: float, resume_after: float) -> bool:
        """Pause all or none; whether they are paused."""
        if not self.names:
            return True
        try:
            said = control.pause(self.names, seconds, resume_after, MOVER)
        except (control.ControlError, ConsoleError) as error:
            raise MoveRefused(str(error)) from None
        self.token = said["token"]
        return bool(said["paused"])

    def switch(self) -> None:
        """Lead them to what was staged; they stay paused. A pause that has ended meanwhile is made anew."""
        if not self.names:
            return
        try:
            if control.switch(self.names, self.token)["expired"]:
                self.pause(LATE_SECONDS, LATE_RESUME_SECONDS)
                if control.switch(self.names, self.token)["expired"]:
                    raise MoveRefused(
                        f"the poolers {', '.join(self.names)} could not be led to the other side: run this again"
                    )
        except (control.ControlError, ConsoleError) as error:
            raise MoveRefused(str(error)) from None

    def resume(self) -> None:
        """Let them go on."""
        if self.names:
            control.resume(self.names)

    def follow(self) -> bool:
        """Lead those to their target that lead elsewhere, as after a run that was cut; whether there were any."""
        late = Poolers({name: self.targets[name] for name in self.elsewhere()})
        if not late.names:
            return False
        late.stage()
        # One that is paused since then goes on by itself.
        late.resume()
        late.pause(LATE_SECONDS, LATE_RESUME_SECONDS)
        try:
            late.switch()
        finally:
            late.resume()
        return True
