# SPDX-License-Identifier: MIT
"""Render and pack the files of host_config on the controller, then run the module once."""

from __future__ import annotations

import base64
import json
import os
import zlib
from collections.abc import Mapping
from typing import Any

from ansible.errors import (
    AnsibleActionFail,
    AnsibleError,
    AnsibleTemplateSyntaxError,
    AnsibleUndefinedVariable,
)
from ansible.module_utils.common.text.converters import to_bytes
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.template import generate_ansible_template_vars, trust_as_template
from ansible_collections.django_ec2.site.plugins.plugin_utils.remembered import FACT, RUN, digest, sets_of_this_run

SOURCES = ("template", "content", "src")
CONTROLLER_OPTIONS = (*SOURCES, "vars")
SIZE_LIMIT = 1_000_000
# What the module answers when there is nothing to do.
NOTHING: dict[str, Any] = {
    "changed": False,
    "changed_paths": [],
    "digests": {},
    "changed_units": [],
    "changed_sysctl": [],
    "created_users": [],
    "changed_users": [],
    "daemon_reloaded": False,
    "remembered": True,
    "skipped_validations": [],
    "triggers": [],
}
# Errors of these kinds quote names of variables and lines of the template, never values.
HARMLESS = (AnsibleUndefinedVariable, AnsibleTemplateSyntaxError)


class ActionModule(ActionBase):
    """The controller's half of host_config."""

    TRANSFERS_FILES = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Replace the sources of all files by one packed string and execute the module."""
        del tmp
        task_vars = task_vars or {}
        result = super().run(task_vars=task_vars)
        args = dict(self._task.args)
        if "payload" in args:
            raise AnsibleActionFail("payload is set by host_config itself. Leave it out and list files.")
        files = args.get("files") or []
        if not isinstance(files, list) or not all(isinstance(entry, Mapping) for entry in files):
            raise AnsibleActionFail("files must be a list of mappings, each with a path and its content.")
        contents = [self._content(entry, task_vars) for entry in files]
        args["files"] = [
            {key: value for key, value in entry.items() if key not in CONTROLLER_OPTIONS} for entry in files
        ]
        args["digest"] = digest({key: value for key, value in args.items() if key != "remember"}, contents)
        known = sets_of_this_run(self._task, task_vars)
        if args.get("remember") and known.get(args["remember"]) == args["digest"]:
            return {**result, **NOTHING}
        args["payload"] = pack(contents)
        result.update(self._execute_module(self._task.action, module_args=args, task_vars=task_vars))
        if not self._task.delegate_to:
            result["ansible_facts"] = {FACT: {"run": RUN, "sets": result.get("sets", {})}}
        return result

    def _content(self, entry: Mapping[str, Any], task_vars: dict[str, Any]) -> bytes:
        """Bytes of one file, from whichever source it names."""
        path = entry.get("path")
        given = [source for source in SOURCES if entry.get(source) is not None]
        if not path or len(given) != 1:
            found = " and ".join(given) or "none of them"
            raise AnsibleActionFail(
                f"files: {path or 'an entry without path'}: give a path and one of template, content or src; "
                f"there is {found}."
            )
        if entry.get("vars") and given != ["template"]:
            raise AnsibleActionFail(f"files: {path}: vars are for templates only. Leave them out.")
        read = {"template": self._render, "content": self._literal, "src": self._read}[given[0]]
        content = read(entry, task_vars)
        if len(content) > SIZE_LIMIT:
            raise AnsibleActionFail(
                f"files: {path} has more than 1 MB; host_config is for configuration. "
                "Use ansible.builtin.copy or ansible.builtin.unarchive for it."
            )
        return content

    def _find(self, directory: str, name: Any, path: str) -> str:
        """Look a file up as the stock actions do: in the role, then beside the playbook."""
        if not isinstance(name, str):
            raise AnsibleActionFail(f"files: {path}: the name of a file in {directory}/ must be a string.")
        try:
            found = self._find_needle(directory, name)
        except AnsibleError as error:
            raise AnsibleActionFail(f"files: {path}: {name} was not found in {directory}/") from error
        if not os.path.isfile(found):
            raise AnsibleActionFail(f"files: {path}: {found} is not a file. List its files one by one.")
        return found

    @staticmethod
    def _literal(entry: Mapping[str, Any], _task_vars: dict[str, Any]) -> bytes:
        content = entry["content"]
        # A number is what Jinja makes of "{{ port }}"; anything richer has more than one way to be written.
        if isinstance(content, bool) or not isinstance(content, (str, int, float)):
            kind = "mapping" if isinstance(content, Mapping) else "list" if isinstance(content, list) else "boolean"
            raise AnsibleActionFail(
                f"files: {entry['path']}: content is a {kind}, not a string. "
                "Write it with a filter, such as to_nice_json or to_nice_yaml."
            )
        return to_bytes(str(content), errors="surrogate_or_strict")

    def _read(self, entry: Mapping[str, Any], _task_vars: dict[str, Any]) -> bytes:
        found = self._find("files", entry["src"], entry["path"])
        real = self._loader.get_real_file(found)  # a decrypted copy when the file is vaulted
        try:
            with open(real, "rb") as stream:
                return stream.read(SIZE_LIMIT + 1)
        finally:
            self._loader.cleanup_tmp_file(real)

    def _render(self, entry: Mapping[str, Any], task_vars: dict[str, Any]) -> bytes:
        name, path = entry["template"], entry["path"]
        found = self._find("templates", name, path)
        builtin = generate_ansible_template_vars(path=name, fullpath=found, dest_path=path)
        if "ansible_managed" in task_vars:
            del builtin["ansible_managed"]
        templar = self._templar.copy_with_new_env(
            searchpath=self._search_path(found, task_vars),
            available_variables={**task_vars, **builtin, **(entry.get("vars") or {})},
        )
        message = f"files: {path}: the template {name} could not be rendered"
        try:
            text = templar.template(
                trust_as_template(self._loader.get_text_file_contents(found)),
                escape_backslashes=False,
                overrides={"trim_blocks": True, "lstrip_blocks": False, "newline_sequence": "\n"},
            )
        except AnsibleError as error:
            if boolean(entry.get("sensitive") or False, strict=False) and not isinstance(error, HARMLESS):
                # A filter's error may quote the value it was given.
                raise AnsibleActionFail(f"{message}: {type(error).__name__} (the file is sensitive)") from None
            raise AnsibleActionFail(message) from error
        return b"" if text is None else to_bytes(text, errors="surrogate_or_strict")

    def _search_path(self, found: str, task_vars: dict[str, Any]) -> list[str]:
        """Where {% include %} and {% import %} look."""
        roots = [*task_vars.get("ansible_search_path", [])]
        roots += [self._loader.get_basedir(), os.path.dirname(found)]
        return [place for root in roots for place in (os.path.join(root, "templates"), root)]


def pack(contents: list[bytes]) -> str:
    """One string that carries all contents, binary ones too, and shows none of them."""
    texts = [base64.b64encode(content).decode("ascii") for content in contents]
    return base64.b64encode(zlib.compress(json.dumps(texts).encode("ascii"))).decode("ascii")
