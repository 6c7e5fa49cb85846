# SPDX-License-Identifier: MIT
"""From a project's directory to the draft of its entry."""

from __future__ import annotations

from pathlib import Path

from ansible.errors import AnsibleFilterError
from ansible_collections.django_ec2.site.plugins.plugin_utils.applications.resolve import resolve_applications

from tools.new_app import NewAppError
from tools.new_app.project import Draft, find
from tools.new_app.rules import RULES


def examine(
    root: Path, name: str, source: str, domain: str, version: str = "", deploy_key: str = "", environment: str = "lab"
) -> Draft:
    """Look at the project at ``root`` and draw up its entry.

    Args:
        root: the project's directory.
        name: of the entry.
        source: as the entry shall name it.
        domain: under which it is visited.
        version: of a git source.
        deploy_key: for a private git source.
        environment: whose hosts it is for.

    Raises:
        NewAppError: it is no Django project, or not one that can be read, or the playbooks would refuse the entry.
    """
    draft = Draft(name, domain, environment)
    project = find(root, draft)
    draft.entry = {"domains": [domain], "source": source}
    if version:
        draft.entry["version"] = version
    if deploy_key:
        draft.entry["deploy_key"] = deploy_key
    if project.directory != Path():
        draft.entry["project_directory"] = str(project.directory)
        draft.found.append(f"manage.py is in {project.directory}/.")
    if project.python_path:
        draft.entry["python_path"] = project.python_path
        draft.found.append(f"The packages lie below {', '.join(project.python_path)}/, which goes on the PYTHONPATH.")
    for rule in RULES:
        rule(project, draft)
    draft.finish()
    _check(draft)
    return draft


def _check(draft: Draft) -> None:
    """What the playbooks refuse is said now; its questions are asked in the entry itself."""
    entry = {key: value for key, value in draft.read().items() if key != "open_questions"}
    try:
        resolve_applications({draft.name: entry})
    except AnsibleFilterError as error:
        raise NewAppError(f"the playbooks would refuse this entry: {error.message}") from error
