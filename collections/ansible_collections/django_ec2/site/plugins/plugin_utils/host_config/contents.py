# SPDX-License-Identifier: MIT
"""The contents of files: rendered from a template, literal, or read from a file of the controller.

Knows how the stock actions look things up and render them. Does not know where the bytes go.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
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

SOURCES = ("template", "content", "src")
# What of an entry is used up here; the host gets the rest.
CONTROLLER_OPTIONS = (*SOURCES, "vars")
SIZE_LIMIT = 1_000_000
# Errors of these kinds quote names of variables and lines of the template, never values.
HARMLESS = (AnsibleUndefinedVariable, AnsibleTemplateSyntaxError)


class Contents:
    """Turns entries of the option files into bytes, as the action of a task would."""

    def __init__(self, action: ActionBase, task_vars: dict[str, Any]) -> None:
        self._action = action
        self._loader = action._loader
        self._task_vars = task_vars

    def of(self, entry: Mapping[str, Any]) -> bytes:
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
        content = {"template": self._render, "content": literal, "src": self._read}[given[0]](entry)
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
            found = self._action._find_needle(directory, name)
        except AnsibleError as error:
            raise AnsibleActionFail(f"files: {path}: {name} was not found in {directory}/") from error
        if not Path(found).is_file():
            raise AnsibleActionFail(f"files: {path}: {found} is not a file. List its files one by one.")
        return found

    def _read(self, entry: Mapping[str, Any]) -> bytes:
        found = self._find("files", entry["src"], entry["path"])
        real = self._loader.get_real_file(found)  # a decrypted copy when the file is vaulted
        try:
            with Path(real).open("rb") as stream:
                return stream.read(SIZE_LIMIT + 1)
        finally:
            self._loader.cleanup_tmp_file(real)

    def _render(self, entry: Mapping[str, Any]) -> bytes:
        name, path = entry["template"], entry["path"]
        found = self._find("templates", name, path)
        builtin = generate_ansible_template_vars(path=name, fullpath=found, dest_path=path)
        if "ansible_managed" in self._task_vars:
            del builtin["ansible_managed"]
        templar = self._action._templar.copy_with_new_env(
            searchpath=self._search_path(found),
            available_variables={**self._task_vars, **builtin, **(entry.get("vars") or {})},
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

    def _search_path(self, found: str) -> list[str]:
        """Where {% include %} and {% import %} look."""
        roots = [*self._task_vars.get("ansible_search_path", []), self._loader.get_basedir(), str(Path(found).parent)]
        return [place for root in roots for place in (str(Path(root, "templates")), root)]


def literal(entry: Mapping[str, Any]) -> bytes:
    """The bytes of a string or a number."""
    content = entry["content"]
    # A number is what Jinja makes of "{{ port }}"; anything richer has more than one way to be written.
    if isinstance(content, bool) or not isinstance(content, (str, int, float)):
        kind = "mapping" if isinstance(content, Mapping) else "list" if isinstance(content, list) else "boolean"
        raise AnsibleActionFail(
            f"files: {entry['path']}: content is a {kind}, not a string. "
            "Write it with a filter, such as to_nice_json or to_nice_yaml."
        )
    return to_bytes(str(content), errors="surrogate_or_strict")
