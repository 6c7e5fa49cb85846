"""The execution environment, built from execution-environment.yml on the lab's Debian in place of the registry's."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from lab.core import images
from lab.core.podman import Podman
from lab.core.settings import Settings
from lab.kinds.debian import ensure_image

ROOT = Path(__file__).resolve().parent.parent
DESCRIPTION = ROOT / "execution-environment.yml"
SUITE = "trixie"
# Which package index this machine uses, where a file says so.
CONFIGURATION = (Path("/etc/pip.conf"), Path("/etc/uv/uv.toml"))
SECONDS = 900


def create_context(place: Path) -> Path:
    """Let ansible-builder write the context of the image's build; returns its directory."""
    program = Path(sys.executable).with_name("ansible-builder")
    done = subprocess.run(
        [program, "create", "--file", DESCRIPTION, "--context", place],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return place


def build(settings: Settings, podman: Podman) -> str:
    """The name of the image, which is built where it is missing (two minutes)."""
    base = ensure_image(settings, podman, SUITE)
    with tempfile.TemporaryDirectory(dir=settings.cache_directory) as place:
        context = create_context(Path(place))
        recipe = [path.read_bytes() for path in sorted(context.rglob("*")) if path.is_file()]
        image = images.name("ee", SUITE, [base.encode(), *recipe])
        if not images.exists(podman, image):
            mounts = [word for path in CONFIGURATION if path.is_file() for word in ("--volume", f"{path}:{path}:ro")]
            words = ["--network", "host", "--build-arg", f"EE_BASE_IMAGE={base}", *mounts]
            podman("build", "--quiet", *words, "--tag", image, str(context), timeout=SECONDS)
    return image
