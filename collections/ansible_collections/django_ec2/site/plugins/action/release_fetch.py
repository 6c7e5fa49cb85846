# SPDX-License-Identifier: MIT
"""Bring the archives that a host keeps of a release to the controller, where builds are kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.django_ec2.site.plugins.module_utils.release.manifest import sha256
from ansible_collections.django_ec2.site.plugins.plugin_utils.release import store

MODULE = "django_ec2.site.release_fetch"


class ActionModule(ActionBase):
    """The controller's half of release_fetch."""

    TRANSFERS_FILES = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Ask the host for what is not here, and keep it as a build of this controller is kept."""
        del tmp
        result = super().run(task_vars=task_vars)
        given = {"release": "", "layer": "", **self._task.args}
        kept = Path(given["directory"], given["name"])
        release, layer = str(given["release"]), str(given["layer"])
        wanted = {}
        if release and not store.archive(kept, release).exists():
            wanted["release"] = release
        if layer and not store.layer_archive(kept, layer).exists():
            wanted["layer"] = layer
        if wanted:
            result.update(self._fetch(given, wanted, kept, task_vars))
        if result.get("failed"):
            return result
        return {
            **result,
            "changed": False,
            "archive": store.known(store.archive(kept, release)) if release else "",
            "layer": layer,
            "layer_archive": store.known(store.layer_archive(kept, layer)) if layer else "",
            "fetched": bool(wanted),
        }

    def _fetch(
        self, given: dict[str, Any], wanted: dict[str, str], kept: Path, task_vars: dict[str, Any] | None
    ) -> dict[str, Any]:
        shell = self._connection._shell
        if shell.tmpdir is None:
            self._make_tmp_path()
        place = shell.tmpdir
        try:
            args = {**given, "release": "", "layer": "", **wanted, "place": place}
            said = self._execute_module(module_name=MODULE, module_args=args, task_vars=task_vars)
            if said.get("failed") or said.get("unreachable"):
                return said
            # The layer first: a release without it would be found as built, and could not be shipped.
            for kind in ("layer", "release"):
                if said.get(kind):
                    self._take(said[kind], kind, kept)
        finally:
            self._remove_tmp_path(place)
        return {}

    def _take(self, said: dict[str, Any], kind: str, kept: Path) -> None:
        with store.receiving(kept) as partial:
            self._connection.fetch_file(said["path"], str(partial))
            if sha256(partial) != said["sha256"]:
                raise AnsibleActionFail(f"{said['path']} did not arrive as it was sent: run this again.")
            keep = store.keep_release if kind == "release" else store.keep_layer
            keep(kept, said, partial)
