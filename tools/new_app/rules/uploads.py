"""How large a request may be."""

from __future__ import annotations

from tools.new_app.project import Draft, Project

# What nginx accepts without being told, as docs/applications.md has it.
DEFAULT_BYTES = 10 * 1024 * 1024


def uploads(project: Project, draft: Draft) -> None:
    """``max_body_size``, where the settings accept more than the default."""
    size = project.settings.literal("DATA_UPLOAD_MAX_MEMORY_SIZE")
    if isinstance(size, int) and size > DEFAULT_BYTES:
        draft.entry["max_body_size"] = f"{size // (1024 * 1024) + 1}m"
