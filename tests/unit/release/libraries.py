"""Python packages that can be built without a package index: their build backend lies beside them."""

from __future__ import annotations

from pathlib import Path

PYPROJECT = """[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]

[project]
name = "{name}"
version = "1.0"
"""
BACKEND = """import zipfile

NAME = "{name}"
MODULE = "def hello():\\n    return 'hello from {name}'\\n\\n\\ndef main():\\n    print(hello())\\n"
FILES = {{f"{{NAME}}/__init__.py": MODULE}}


def build_wheel(directory, config_settings=None, metadata_directory=None):
    wheel = f"{{NAME}}-1.0-py3-none-any.whl"
    information = f"{{NAME}}-1.0.dist-info"
    files = {{
        **FILES,
        f"{{information}}/METADATA": f"Metadata-Version: 2.1\\nName: {{NAME}}\\nVersion: 1.0\\n",
        f"{{information}}/WHEEL": "Wheel-Version: 1.0\\nGenerator: here\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        f"{{information}}/entry_points.txt": f"[console_scripts]\\n{{NAME}} = {{NAME}}:main\\n",
    }}
    record = "".join(f"{{name}},,\\n" for name in files) + f"{{information}}/RECORD,,\\n"
    with zipfile.ZipFile(f"{{directory}}/{{wheel}}", "w") as archive:
        for name, text in [*files.items(), (f"{{information}}/RECORD", record)]:
            archive.writestr(zipfile.ZipInfo(name), text)
    return wheel


def build_editable(directory, config_settings=None, metadata_directory=None):
    raise AssertionError("an editable installation points to the directory of this build")
"""


def library(place: Path, name: str = "greetings") -> Path:
    """Make a package with one module, ``hello()`` in it, and a console script."""
    place.mkdir(parents=True)
    (place / "pyproject.toml").write_text(PYPROJECT.format(name=name))
    (place / "backend.py").write_text(BACKEND.format(name=name))
    return place
