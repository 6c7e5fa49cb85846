"""Operations repositories for tests: of a product as it lies here, changes that are not committed included."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from tools.new_operations.create import Made, create

ROOT = Path(__file__).resolve().parent.parent
# What a run needs of this repository.
PARTS = (
    "ansible-navigator.yml", "ansible.cfg", "awx", "collections", "django_app", "group_vars", "inventory", "lab", "Makefile",
    "playbooks", "pyproject.toml",
    "requirements.txt", "roles", "site.yml", "tools", ".gitignore",
)  # fmt: skip
AUTHOR = {
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.org",
    # No setting of whoever runs the tests.
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
}


def git(directory: Path, *words: str) -> str:
    """Run git as the tests' author; returns what it printed."""
    command = ["git", "-c", "protocol.file.allow=always", *words]
    environment = {**os.environ, **AUTHOR}
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def product_repository(path: Path) -> Path:
    """A git repository with this product as its one commit."""
    path.mkdir(parents=True)
    skipped = shutil.ignore_patterns("__pycache__", "node_modules", "static_root")
    for name in PARTS:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, path / name, symlinks=True, ignore=skipped)
        else:
            shutil.copy2(ROOT / name, path / name)
    git(path, "init", "--quiet", "--initial-branch", "main")
    git(path, "add", "--all")
    git(path, "commit", "--quiet", "--message", "first")
    return path


def operations_repository(product: Path, path: Path, environments: str) -> Made:
    """A team's repository with that product, whose .venv is the one of this repository."""
    made = create(str(path), environments.split(), checkout=product)
    # Not the directory that git ignores, as a link is none.
    exclude = Path(git(made.path / "django-ec2", "rev-parse", "--absolute-git-dir")) / "info/exclude"
    exclude.write_text("/.venv\n")
    (made.path / "django-ec2/.venv").symlink_to(ROOT / ".venv")
    return made
