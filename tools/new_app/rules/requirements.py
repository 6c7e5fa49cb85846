# SPDX-License-Identifier: MIT
"""What its Python packages are."""

from __future__ import annotations

from ansible_collections.django_ec2.site.plugins.plugin_utils import application_server

from tools.new_app.project import Draft, Project


def requirements(project: Project, draft: Draft) -> None:
    """The files, the extras and what the packages themselves tell."""
    needs = project.requirements
    if needs.files:
        draft.entry["requirements"] = needs.files
    elif needs.files == []:
        draft.entry["requirements"] = []
    if needs.shown:
        draft.found.append(
            f"Requirements: {needs.shown}, {sum('[' not in one for one in needs.packages)} packages by name."
        )
    if needs.extras:
        draft.entry["extras"] = needs.extras
        draft.found.append(f"Extras: {', '.join(needs.extras)}; the name says that they are for a server.")
    # Without a file there is nothing to build.
    (draft.questions if needs.files == [] else draft.open).extend(needs.problems)
    if needs.packages and not needs.has("django"):
        draft.open.append(
            "Django is not named among the requirements: if nothing else brings it, add it to 'packages'."
        )
    if needs.has(*application_server.REPLACED_REQUIREMENTS):
        package = application_server.PACKAGE.partition("==")[0]
        draft.found.append(
            f"It requires {application_server.ROLE}, which is published as source alone: the release gets the same from the "
            f"package {package}."
        )
    if needs.has("gunicorn", "daphne", "uvicorn", "hypercorn"):
        draft.found.append(
            "It requires another server for its pages (gunicorn or the like), which the product's own takes the place of: nothing to do."
        )
