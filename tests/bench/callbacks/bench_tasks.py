"""Writes when each task of a run began and what its modules say of their own steps: read by tests/bench/steps.py.

It is a callback of the benchmarks alone: the product knows nothing of it.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
---
name: bench_tasks
type: aggregate
short_description: Write when each task began, as JSON
description:
  - Writes a list of tasks to the file that E(BENCH_TASKS) names when the playbook ends. It prints nothing.
author:
  - The maintainers
"""


class CallbackModule(CallbackBase):
    """Ansible's entry point."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "bench_tasks"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self.tasks: list[dict[str, Any]] = []

    def _begin(self, task: Any) -> None:
        """A task begins, and the one before has ended with it."""
        path = (task.get_path() or "").rpartition(":")[0]
        began = {"name": task.get_name(), "path": path, "action": str(task.action), "began": time.time(), "seconds": {}}
        self.tasks.append(began)

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """A task of a play."""
        del is_conditional
        self._begin(task)

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        """A handler."""
        self._begin(task)

    def v2_runner_on_ok(self, result: Any) -> None:
        """The steps of a module, where it tells them, by host."""
        told = result._result
        seconds = dict(told["seconds"]) if isinstance(told.get("seconds"), dict) else {}
        seconds |= {key: told[key] for key in ("seconds_start", "seconds_live", "seconds_switch") if key in told}
        if seconds and self.tasks:
            self.tasks[-1]["seconds"][result._host.get_name()] = seconds

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """The end: write."""
        del stats
        written = json.dumps({"tasks": self.tasks, "ended": time.time()})
        Path(os.environ["BENCH_TASKS"]).write_text(written)
