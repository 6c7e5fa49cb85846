# SPDX-License-Identifier: MIT
"""How large a request may be."""

from __future__ import annotations

from tools.new_app.project import Draft, Project

# What nginx accepts without being told, as docs/applications.md has it.
DEFAULT_BYTES = 10 * 1024 * 1024
# Django's own, and names that projects give what they compare an upload with.
SETTINGS = ("DATA_UPLOAD_MAX_MEMORY_SIZE", "MAX_UPLOAD_SIZE", "MAX_FILE_SIZE", "UPLOAD_MAX_SIZE", "MAX_UPLOAD_BYTES")


def uploads(project: Project, draft: Draft) -> None:
    """``max_body_size``, where the settings accept more than the default."""
    size = max(
        (
            size
            for name in SETTINGS
            if isinstance(size := project.settings.literal(name), (int, float)) and not isinstance(size, bool)
        ),
        default=0,
    )
    if size > DEFAULT_BYTES:
        draft.entry["max_body_size"] = f"{int(size) // (1024 * 1024) + 1}m"
