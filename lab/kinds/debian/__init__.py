# SPDX-License-Identifier: MIT
"""An empty Debian that waits for Ansible: systemd, sshd, sudo and Python, as on an EC2 AMI."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from lab.core import images
from lab.core.kind import Kind
from lab.core.podman import Podman, run
from lab.core.settings import Settings

# What Debian's own cloud images bring and a role may therefore expect, and nothing that a role installs.
PACKAGES = (
    "ca-certificates,dbus,init,iproute2,iputils-ping,less,libpam-systemd,netbase,openssh-server,procps,python3,"
    "python3-apt,sudo,systemd,systemd-sysv,tzdata,udev"
)
LOCAL_CA_DIRECTORY = Path("/usr/local/share/ca-certificates")
CONTAINERFILE = Path(__file__).with_name("Containerfile")


def image_name(suite: str) -> str:
    """Name and tag of the image for a suite."""
    authorities = [path.read_bytes() for path in sorted(LOCAL_CA_DIRECTORY.glob("*.crt"))]
    return images.name("host", suite, [PACKAGES.encode(), CONTAINERFILE.read_bytes(), *authorities])


def ensure_image(settings: Settings, podman: Podman, suite: str) -> str:
    """Return the name of the image for ``suite``, building it first where it is missing (about a minute)."""
    image = image_name(suite)
    if images.exists(podman, image):
        return image
    settings.say(f"Building the {suite} host image (about a minute, once)")
    base = f"localhost/lab-base-{suite}:latest"
    work = Path(tempfile.mkdtemp(prefix=f"image-{suite}-", dir=settings.cache_directory))
    try:
        tarball = work / "base.tar"
        bootstrap = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={PACKAGES}", suite, str(tarball)]
        run([*settings.as_root, *bootstrap], what=f"mmdebstrap could not build Debian {suite}", timeout=900)
        podman("import", "--quiet", str(tarball), base)
        tarball.unlink()
        # Behind a TLS-inspecting proxy the hosts have to trust what the controller trusts.
        authorities = work / "ca"
        authorities.mkdir()
        for certificate in LOCAL_CA_DIRECTORY.glob("*.crt"):
            shutil.copy(certificate, authorities)
        shutil.copy(CONTAINERFILE, work)
        images.build(podman, image, base, work, seconds=300)
    finally:
        run([*settings.as_root, "rm", "-rf", str(work)], what="the image's work directory could not be removed")
    return image


class Debian(Kind):
    """An empty Debian."""

    def ensure_image(self, settings: Settings, podman: Podman, suite: str) -> str:
        """See `Kind`; other kinds build on this image."""
        return ensure_image(settings, podman, suite)


KIND = Debian()
