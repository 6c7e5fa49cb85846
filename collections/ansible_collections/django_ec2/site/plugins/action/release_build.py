# SPDX-License-Identifier: MIT
"""Build a release of a Django project, in the controller's own process: most runs only find that it is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.django_ec2.site.plugins.plugin_utils.release import build as release
from ansible_collections.django_ec2.site.plugins.plugin_utils.release.recipe import Recipe, ReleaseError, Target

OPTIONS: dict[str, dict[str, Any]] = {
    "name": {"type": "str", "required": True},
    "source": {"type": "str", "required": True},
    "version": {"type": "str", "default": ""},
    "deploy_key": {"type": "str", "default": "", "no_log": False},
    "requirements": {"type": "list", "elements": "str"},
    "extras": {"type": "list", "elements": "str", "default": []},
    "build_commands": {"type": "list", "elements": "str", "default": []},
    "release_commands": {"type": "list", "elements": "str", "default": []},
    "support": {"type": "path"},
    "packages": {"type": "list", "elements": "str", "default": []},
    "replace_packages": {"type": "dict", "default": {}},
    "ignore_requires_python": {"type": "bool", "default": False},
    "python": {"type": "str", "required": True},
    "platform": {"type": "str", "required": True},
    "directory": {"type": "path", "required": True},
    "layers": {"type": "dict", "default": {}},
    "rebuild": {"type": "bool", "default": False},
    "key_only": {"type": "bool", "default": False},
    "keep_going": {"type": "bool", "default": False},
    "live_source": {"type": "str", "default": ""},
    "keep_live": {"type": "bool", "default": False},
}


def answer(given: dict[str, Any]) -> dict[str, Any]:
    """Build the release or find it; a refusal is an answer, too."""
    recipe = Recipe(
        name=given["name"],
        source=given["source"],
        requirements=None if given["requirements"] is None else tuple(given["requirements"]),
        packages=tuple(given["packages"]),
        version=given["version"],
        deploy_key=given["deploy_key"],
        extras=tuple(given["extras"]),
        build_commands=tuple(given["build_commands"]),
        release_commands=tuple(given["release_commands"]),
        replace_packages=tuple(sorted((str(name), str(one or "")) for name, one in given["replace_packages"].items())),
        ignore_requires_python=given["ignore_requires_python"],
        support=Path(given["support"]) if given["support"] else None,
    )
    target, directory = Target(python=given["python"], platform=given["platform"]), Path(given["directory"])
    try:
        if given["key_only"]:
            result: dict[str, Any] = release.input_key(
                recipe, target, directory, given["live_source"], given["keep_live"]
            )
        else:
            result = release.build(recipe, target, directory, given["layers"], given["rebuild"])
    except ReleaseError as error:
        if given["keep_going"]:
            warning = f"{given['name']} is left out of this run, which ends with the reason: it can't be built."
            return {"changed": False, "problem": str(error), "warnings": [warning]}
        return {"changed": False, "failed": True, "msg": str(error)}
    # No host was changed: a build is a file in the controller's own cache.
    return {"changed": False, **result}


class ActionModule(ActionBase):
    """All of release_build."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Check the options and build."""
        del tmp
        result = super().run(task_vars=task_vars)
        _validation, given = self.validate_argument_spec(argument_spec=OPTIONS)
        return {**result, **answer(given)}
