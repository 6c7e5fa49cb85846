# SPDX-License-Identifier: MIT
"""The storage of static files for projects that chose none: hashed names, which browsers may keep for ever."""

from django.contrib.staticfiles.storage import ManifestStaticFilesStorage


class HashedStaticFilesStorage(ManifestStaticFilesStorage):
    """Hashed names, and plain ones for what the project never collected.

    The project was written for names without hashes: a page that names a file that is not there has a broken image, as
    before, and is not an error of the whole page.
    """

    manifest_strict = False

    def hashed_name(self, name: str, content: object = None, filename: str | None = None) -> str:
        """The hashed name of a file, or its plain one where there is no such file."""
        try:
            return super().hashed_name(name, content, filename)
        except ValueError:
            return name
