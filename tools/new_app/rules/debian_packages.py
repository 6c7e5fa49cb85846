# SPDX-License-Identifier: MIT
"""Debian packages that Python packages need beside their wheels."""

from __future__ import annotations

from tools.new_app.project import Draft, Project

# Debian packages that some Python packages need beside their wheels.
DEBIAN = {
    "python-magic": ["libmagic1"],
    "weasyprint": ["libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0"],
    "python-ldap": ["libldap2"],
    "pyzbar": ["libzbar0"],
    "pdf2image": ["poppler-utils"],
    "pytesseract": ["tesseract-ocr"],
    "cairosvg": ["libcairo2"],
    "pycairo": ["libcairo2"],
    "pydub": ["ffmpeg"],
    "ffmpeg-python": ["ffmpeg"],
}


def debian_packages(project: Project, draft: Draft) -> None:
    """Libraries of the distribution, and what would have to be compiled."""
    needs = project.requirements
    debian = draft.entry.get("debian_packages", [])
    for name, own in DEBIAN.items():
        if needs.has(name):
            debian += [one for one in own if one not in debian]
            draft.found.append(f"{name} needs {', '.join(own)} from Debian.")
    if needs.has("psycopg") and not needs.has("psycopg[binary]", "psycopg[c]", "psycopg-binary"):
        debian.append("libpq5")
        draft.found.append("psycopg without [binary] needs libpq5 from Debian.")
    if "django.contrib.gis" in project.settings.strings("INSTALLED_APPS"):
        debian += ["gdal-bin", "libgeos-c1v5"]
        draft.found.append("django.contrib.gis needs GDAL and GEOS from Debian.")
    if debian:
        draft.entry["debian_packages"] = debian
    if needs.has("psycopg2"):
        draft.entry.setdefault("replace_packages", {})["psycopg2"] = "psycopg2-binary"
        draft.found.append("psycopg2 is published as source alone: the release gets the same from psycopg2-binary.")
    for name in ("mysqlclient", "python-ldap", "psycopg[c]"):
        if needs.has(name):
            draft.questions.append(
                f"{name} is published as source with an extension in C, so the build stops unless it was compiled for the hosts' Python. "
                "Is there another package for it (replace_packages), or does the site run without it (an empty name there)?"
            )
